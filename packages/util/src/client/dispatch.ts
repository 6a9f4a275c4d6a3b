/**
 * One request on its way: is given a connection, sent, tried again where that is safe, and gives the connection back when the
 * exchange is over.
 */
import { type Alarm, HttpError, type HttpRequest, type HttpResponse, isUnsent } from "@sluice/core";
import type { SendOptions } from "@sluice/core/http1";
import { type Channel, Http2Channel } from "./channel.ts";
import { tell } from "./client-observer.ts";
import type { HostPool, Taken } from "./host-pool.ts";
import type { RequestOptions, ResolvedOptions } from "./options.ts";
import { proxyRequest } from "./proxy-request.ts";
import { mayRetry } from "./retry.ts";

/** What requests of a client share. */
export interface DispatchContext {
  readonly options: ResolvedOptions;
  /** The exchange is over, in whatever way. */
  ended(): void;
}

export class Dispatch implements SendOptions {
  readonly signal: SendOptions["signal"];
  readonly timeouts: SendOptions["timeouts"];
  readonly onInformational: SendOptions["onInformational"];
  readonly #context: DispatchContext;
  readonly #pool: HostPool;
  readonly #request: HttpRequest;
  readonly #options: RequestOptions;
  /** The request has no body, so that sending it once more is the same. */
  readonly #isBodiless: boolean;
  #taken: Taken | undefined;
  #isReused = false;
  /** A connection that had been idle was dead. */
  #needsNew = false;
  #retries = 0;
  /** The response head has come. */
  #isAnswered = false;
  /** The last attempt has failed, before or after the response head. */
  #isBroken = false;
  #isOver = false;

  constructor(context: DispatchContext, pool: HostPool, request: HttpRequest, options: RequestOptions) {
    this.#context = context;
    this.#pool = pool;
    this.#request = request;
    this.#options = options;
    this.signal = options.signal;
    this.timeouts = options.timeouts;
    this.onInformational = options.onInformational;
    this.#isBodiless = request.body.isEndStream();
  }

  /** Sends the request; resolves with its response. */
  run(): Promise<HttpResponse> {
    const taken = this.#needsNew ? undefined : this.#pool.tryTake();
    if (taken !== undefined) return this.#send(taken);
    tell(this.#context.options.observer, "requestQueued", this.#pool.text, this.#request);
    return this.#wait().then(this.#send, this.#unserved);
  }

  /** For the connection: the exchange is over. */
  readonly onEnd = (error?: HttpError): void => {
    // Without an answer it is judged where the answer is awaited, whether that was all.
    this.#isBroken = error !== undefined;
    if (this.#isBroken && !this.#isAnswered) return;
    this.#giveBack(!this.#isBroken);
    this.#end();
  };

  readonly #send = (taken: Taken): Promise<HttpResponse> => {
    try {
      return this.#sendOn(taken);
    } catch (error) {
      // The request is the program's, and may be anything: what was taken is given back all the same.
      return this.#unserved(error);
    }
  };

  #sendOn(taken: Taken): Promise<HttpResponse> {
    const channel = taken instanceof Http2Channel ? taken : taken.value;
    const { connected } = channel;
    this.#taken = taken;
    this.#isBroken = false;
    this.#isReused = taken instanceof Http2Channel ? channel.requests > 0 : taken.isReused;
    const { observer } = this.#context.options;
    tell(observer, "connectionAssigned", this.#pool.text, this.#request, connected, this.#isReused);
    this.#tellConnection(channel);
    const request = connected.proxied ? proxyRequest(this.#request, connected) : this.#request;
    if (request.version === "HTTP/2" && !channel.isHttp2) {
      const message = "the request is of HTTP/2, but the server speaks HTTP/1";
      this.#giveBack(true);
      return this.#unserved(new HttpError("user", "VERSION_MISMATCH", message));
    }
    return channel.send(request, this).then((response) => this.#answered(channel, response), this.#failed);
  }

  #answered(channel: Channel, response: HttpResponse): HttpResponse {
    this.#isAnswered = true;
    if (this.#isBroken) {
      this.#giveBack(false);
      this.#end();
    }
    // A transport that has left HTTP belongs to whoever asked for it, and counts again.
    if (!channel.isHttp2 && leavesHttp(this.#request, response)) channel.connected.ref();
    return response;
  }

  readonly #failed = (error: unknown): Promise<HttpResponse> => {
    // What was not sent has done no harm to the connection; whether it is open still is for the pool to see.
    this.#giveBack(!HttpError.is(error) || isUnsent(error));
    if (!HttpError.is(error) || !this.#mayRetry(error)) return this.#unserved(error);
    this.#retries++;
    this.#needsNew = this.#isReused;
    tell(this.#context.options.observer, "requestRetried", this.#pool.text, this.#request, error, this.#retries);
    try {
      // What was not sent has its body still.
      if (!isUnsent(error)) this.#replaceBody();
    } catch (cause) {
      return this.#unserved(new HttpError("user", "CALLBACK_FAILED", "replayBody threw", { cause }));
    }
    return this.run();
  };

  readonly #unserved = (error: unknown): Promise<never> => {
    this.#giveBack(false);
    this.#end();
    return Promise.reject(error);
  };

  #replaceBody(): void {
    const { replayBody } = this.#options;
    if (replayBody !== undefined && !this.#isBodiless) this.#request.body = replayBody();
  }

  #mayRetry(error: HttpError): boolean {
    const { maxRetries, retryIdempotent } = this.#context.options;
    if (this.#retries >= maxRetries || this.signal?.aborted === true) return false;
    const isRepeatable = this.#isBodiless || this.#options.replayBody !== undefined;
    return mayRetry({ request: this.#request, error, isReused: this.#isReused, isRepeatable, retryIdempotent });
  }

  /** Waits for a connection, within the time limit. */
  #wait(): Promise<Taken> {
    const { timer, queueTimeoutMs } = this.#context.options;
    const limitMs = this.#options.timeouts?.queueTimeoutMs ?? queueTimeoutMs;
    if (limitMs === 0 || limitMs === Number.POSITIVE_INFINITY) return this.#pool.take(this.signal, this.#needsNew);
    const late = new AbortController();
    const abort = (): void => late.abort(this.signal?.reason);
    if (this.signal?.aborted === true) abort();
    this.signal?.addEventListener("abort", abort);
    let timedOut: HttpError | undefined;
    const alarm: Alarm = timer.schedule(limitMs, () => {
      timedOut = new HttpError("timeout", "queueTimeoutMs", `no connection within queueTimeoutMs = ${limitMs} ms`);
      late.abort(timedOut);
    });
    return this.#pool
      .take(late.signal, this.#needsNew)
      .catch((error: unknown) => {
        throw timedOut ?? error;
      })
      .finally(() => {
        alarm.cancel();
        this.signal?.removeEventListener("abort", abort);
      });
  }

  #tellConnection(channel: Channel): void {
    try {
      this.#options.onConnection?.(channel.connected);
    } catch {
      // It only looks on.
    }
  }

  #giveBack(isReusable: boolean): void {
    const taken = this.#taken;
    this.#taken = undefined;
    if (taken === undefined || taken instanceof Http2Channel) return;
    if (isReusable) taken.release();
    else taken.discard();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#context.ended();
  }
}

function leavesHttp(request: HttpRequest, { status }: HttpResponse): boolean {
  return status === 101 || (request.method === "CONNECT" && status >= 200 && status < 300);
}
