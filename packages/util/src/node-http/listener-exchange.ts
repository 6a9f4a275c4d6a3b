/**
 * One request and its response, between the engine and a listener: when the response is handed over, and when `finish` and
 * `close` come.
 *
 *   OPEN -> SENT -> OVER      all was written and taken: `finish` on the response, then `close`
 *   OPEN ---------> OVER      given up by either side: `aborted` on the request unless it was read, `close` on both
 *
 * Listeners' callbacks always run in a tick of their own, never within the engine, which must not see what they throw.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { HeaderMap } from "@sluice/body";
import { type Alarm, HttpError, type HttpRequest, type HttpResponse, sendInformational } from "@sluice/core";
import type { ListenerConnection } from "./listener-connection.ts";
import { ListenerRequest, type RequestOwner } from "./listener-request.ts";
import { ListenerResponse, type ResponseOwner } from "./listener-response.ts";
import { clientAborted } from "./node-errors.ts";
import type { OutgoingInternals } from "./node-internals.ts";

const OPEN = 0;
/** `finish` is about to come. */
const SENT = 1;
const OVER = 2;

/** RFC 9113 section 7; with CANCEL some clients would take a cut response for one that ended. */
const INTERNAL_ERROR = 2;

const noBytes: Uint8Array = new Uint8Array(0);

export interface ExchangeRules {
  readonly keepFieldCase: boolean;
  readonly addDate: boolean;
}

interface Answer {
  readonly resolve: (response: HttpResponse) => void;
  readonly reject: (error: unknown) => void;
}

export class ListenerExchange implements RequestOwner, ResponseOwner {
  readonly incoming: ListenerRequest;
  readonly outgoing: ListenerResponse;
  readonly rules: ResponseOwner["rules"];
  readonly #request: HttpRequest;
  readonly #connection: ListenerConnection;
  #state: typeof OPEN | typeof SENT | typeof OVER = OPEN;
  /** The engine has all of the response. */
  #taken = false;
  #response: HttpResponse | undefined = undefined;
  #answer: Answer | undefined = undefined;
  #watching = false;
  #idle: IdleTimeout | undefined = undefined;

  constructor(request: HttpRequest, connection: ListenerConnection, rules: ExchangeRules) {
    const http2 = request.version === "HTTP/2";
    this.#request = request;
    this.#connection = connection;
    this.rules = { http2, keepFieldCase: rules.keepFieldCase, addDate: rules.addDate };
    const socket = connection.socket(http2);
    this.incoming = new ListenerRequest(request, this, socket);
    this.outgoing = new ListenerResponse(this.incoming, this, socket);
    ListenerRequest.setVersion(this.incoming);
  }

  /** The response, now or as soon as there is one. To be called once, after the listener. */
  answer(): HttpResponse | Promise<HttpResponse> {
    ListenerRequest.begun(this.incoming);
    if (this.#response !== undefined) return this.#response;
    return new Promise((resolve, reject) => {
      this.#answer = { resolve, reject };
      if (this.#state === OVER) {
        reject(givenUp(undefined));
        return;
      }
      this.#watch();
    });
  }

  /** Learns of the client's going while the engine has nothing of ours that it could give back. */
  #watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    // A signal costs more than all else here; on HTTP/1 the end of the exchange is that of the socket.
    if (!this.rules.http2 && this.#connection.watch(this)) return;
    const { signal } = this.#request;
    if (signal.aborted) this.lost(signal.reason);
    else signal.addEventListener("abort", () => this.lost(signal.reason), { once: true });
  }

  /** The listener threw or rejected. */
  listenerFailed(error: unknown): void {
    if (this.#state !== OPEN) return;
    const { outgoing } = this;
    if (outgoing.headersSent || ListenerResponse.isEnded(outgoing)) {
      outgoing.destroy(error instanceof Error ? error : undefined);
      return;
    }
    for (const name of outgoing.getHeaderNames()) outgoing.removeHeader(name);
    outgoing.statusMessage = "";
    outgoing.statusCode = 500;
    outgoing.end();
  }

  // ResponseOwner, BodyOwner.

  respond(response: HttpResponse): void {
    this.#response = response;
    this.#answer?.resolve(response);
  }

  informational(status: number, fields: HeaderMap): void {
    sendInformational(this.#request, status, fields);
  }

  waiting(bytes: number): void {
    ListenerResponse.waiting(this.outgoing, bytes);
    this.active();
  }

  ended(): void {
    this.#finishIfDone();
  }

  sent(): void {
    this.#taken = true;
    this.#finishIfDone();
    // The listener has not said yet that this was all; the engine will not come back to us meanwhile.
    if (this.#state === OPEN) this.#watch();
  }

  released(): void {
    const { signal } = this.#request;
    if (signal.aborted) this.lost(signal.reason);
    else this.sent();
  }

  lost(reason: unknown): void {
    if (this.#state !== OVER) process.nextTick(giveUp, this, reason);
  }

  responseDestroyed(error: Error | undefined): void {
    this.#kill(error);
  }

  // RequestOwner.

  requestDestroyed(error: Error | undefined): void {
    this.#kill(error);
  }

  requestFailed(reason: unknown): void {
    if (this.#state === OVER) this.incoming.destroy(clientAborted(reason));
    else this.lost(reason);
  }

  // Both.

  active(): void {
    this.#idle?.refresh();
  }

  setTimeout(target: IncomingMessage | ServerResponse, ms: number, callback: (() => void) | undefined): void {
    if (callback !== undefined) target.on("timeout", callback);
    if (this.#state === OVER) return;
    this.#idle?.cancel();
    this.#idle = ms > 0 ? new IdleTimeout(this.#connection, ms, () => this.#timedOut()) : undefined;
  }

  #timedOut(): void {
    const { incoming, outgoing } = this;
    const { socket } = outgoing;
    const heard = (!incoming.complete && incoming.emit("timeout", socket)) || false;
    if (outgoing.emit("timeout", socket) || heard) return;
    outgoing.destroy();
  }

  // The end.

  #finishIfDone(): void {
    if (!this.#taken || this.#state !== OPEN || !ListenerResponse.isEnded(this.outgoing)) return;
    this.#state = SENT;
    process.nextTick(finish, this);
  }

  /** The engine has it all, but the socket may not. */
  static finish(exchange: ListenerExchange): void {
    if (exchange.#state !== SENT) return;
    const transport = exchange.rules.http2 ? undefined : exchange.#connection.transport;
    if (transport === undefined || transport.writableLength === 0) exchange.#finished();
    else if (transport.destroyed) exchange.lost(transport.errored ?? undefined);
    else exchange.#awaitFlush(transport);
  }

  #awaitFlush(transport: Duplex): void {
    if (!transport.writableEnded) {
      transport.write(noBytes, (error) => (error ? this.lost(error) : this.#finished()));
      return;
    }
    const done = (): void => {
      transport.off("finish", done).off("close", done);
      if (transport.writableFinished) this.#finished();
      else this.lost(undefined);
    };
    transport.on("finish", done).on("close", done);
  }

  #finished(): void {
    if (this.#state !== SENT) return;
    this.#state = OVER;
    this.#idle?.cancel();
    if (this.#watching) this.#connection.unwatch(this);
    const { outgoing } = this;
    ListenerRequest.answered(this.incoming);
    (outgoing as unknown as OutgoingInternals).socket = null;
    process.nextTick(close, outgoing);
    ListenerResponse.finish(outgoing);
  }

  /** The client has gone, or the exchange was given up on our side. */
  static giveUp(exchange: ListenerExchange, reason: unknown): void {
    if (exchange.#state === OVER) return;
    exchange.#state = OVER;
    exchange.#idle?.cancel();
    exchange.#connection.unwatch(exchange);
    const { incoming, outgoing } = exchange;
    ListenerResponse.fail(outgoing, reason ?? givenUp(reason));
    exchange.#answer?.reject(givenUp(reason));
    if (!exchange.rules.http2) exchange.#connection.gone();
    if (!incoming.destroyed) incoming.destroy(clientAborted(reason));
    close(outgoing);
  }

  /** Ends the exchange without a word: on HTTP/1 by the end of the connection, on HTTP/2 by that of the stream. */
  #kill(error: Error | undefined): void {
    if (this.#state === OVER) return;
    const reason = givenUp(error);
    const ended = !this.rules.http2 && this.#connection.destroy(error);
    if (!ended || this.#response !== undefined) ListenerResponse.fail(this.outgoing, reason);
    this.#answer?.reject(reason);
    this.lost(reason);
  }
}

function finish(exchange: ListenerExchange): void {
  ListenerExchange.finish(exchange);
}

function giveUp(exchange: ListenerExchange, reason: unknown): void {
  ListenerExchange.giveUp(exchange, reason);
}

function close(response: ListenerResponse): void {
  const internals = response as unknown as OutgoingInternals;
  if (internals._closed) return;
  internals.destroyed = true;
  internals._closed = true;
  response.emit("close");
}

function givenUp(cause: unknown): HttpError {
  const message = "the exchange was given up before its response was complete";
  return new HttpError("user", "LISTENER_GAVE_UP", message, { cause, reason: INTERNAL_ERROR });
}

/** Goes off when nothing has happened for a while. */
class IdleTimeout {
  readonly #connection: ListenerConnection;
  readonly #limitMs: number;
  readonly #expired: () => void;
  #since: number;
  #alarm: Alarm;

  constructor(connection: ListenerConnection, limitMs: number, expired: () => void) {
    this.#connection = connection;
    this.#limitMs = limitMs;
    this.#expired = expired;
    this.#since = connection.timer.now();
    this.#alarm = connection.timer.schedule(limitMs, this.#check);
  }

  refresh(): void {
    this.#since = this.#connection.timer.now();
  }

  cancel(): void {
    this.#alarm.cancel();
  }

  readonly #check = (): void => {
    const { timer } = this.#connection;
    const leftMs = this.#since + this.#limitMs - timer.now();
    if (leftMs > 0) this.#alarm = timer.schedule(leftMs, this.#check);
    else this.#expired();
  };
}
