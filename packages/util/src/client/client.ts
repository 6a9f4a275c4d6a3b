/**
 * A client with a pool of connections: the right one for each request, made when there is none, kept when it is free.
 *
 * Each request is a `Dispatch`; the connections to one origin are a `HostPool`, which is put together of the parts in `pool/`.
 * What is here is what they share: the options, the pools by origin, and the end.
 */
import { HttpError, HttpRequest, type HttpResponse } from "@sluice/core";
import type { Connected } from "../connect/connector.ts";
import { wholeNumber } from "../options.ts";
import { IdleSet } from "../pool/idle-set.ts";
import { PoolMap } from "../pool/map.ts";
import type { Channel } from "./channel.ts";
import { Dispatch, type DispatchContext } from "./dispatch.ts";
import { HostPool, type HostPoolOptions, type HostStats } from "./host-pool.ts";
import {
  type ClientOptions,
  checkVersion,
  type HttpVersionChoice,
  type RequestOptions,
  type ResolvedOptions,
  resolveOptions,
} from "./options.ts";
import { type Origin, originOf, poolKey } from "./origin.ts";
import { holdProcess, releaseProcess } from "./process-hold.ts";

interface PoolKey {
  readonly origin: Origin;
  readonly version: HttpVersionChoice;
}

/** A connection that does nothing, for those who decide which are kept. */
export interface PooledConnection {
  /** Such as `https://example.org:443`. */
  readonly origin: string;
  readonly isHttp2: boolean;
  /** How many requests it has had. */
  readonly requests: number;
  readonly connected: Connected;
}

export class Client implements AsyncDisposable {
  readonly #options: ResolvedOptions;
  readonly #context: DispatchContext;
  readonly #pools: PoolMap<PoolKey, HostPool>;
  readonly #idle: IdleSet;
  readonly #channels = new Set<Channel>();
  #underWay = 0;
  #isClosed = false;
  #whenDone: (() => void)[] = [];

  /** @throws TypeError or RangeError for options that make no sense. */
  constructor(options: ClientOptions = {}) {
    this.#options = resolveOptions(options);
    this.#context = { options: this.#options, ended: () => this.#ended() };
    const { maxIdle, idleTimeoutMs, timer } = this.#options;
    this.#idle = new IdleSet({ maxIdle, idleTimeoutMs, timer });
    const shared = this.#poolOptions();
    this.#pools = new PoolMap<PoolKey, HostPool>({
      key: ({ origin, version }) => poolKey(origin, version),
      make: ({ origin, version }) => new HostPool(origin, version, shared),
      isEmpty: (pool) => pool.isEmpty,
    });
  }

  /** GET `url`, an absolute URI. As `request`. */
  get(url: string | URL, options?: RequestOptions): Promise<HttpResponse> {
    try {
      return this.request(HttpRequest.get(typeof url === "string" ? url : url.href), options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** As `request`: a client is a service. */
  call(request: HttpRequest): Promise<HttpResponse> {
    return this.request(request);
  }

  /**
   * Sends a request, whose target is an absolute URI, and resolves with the response as soon as its head is there. The connection is
   * free again when the body was read to its end or cancelled; an unread body keeps it.
   *
   * A request that its server has provably not processed is tried again (`maxRetries`); if an HTTP/1 connection that had been idle
   * turned out to be dead, over a new one. On HTTP/1 the target is sent in origin-form and Host is added; of `request` itself
   * nothing is changed but a body that had to be made anew.
   *
   * Rejects with an `HttpError`: kind `connect` when no connection could be made, code `NOT_SECURE` when one for `https` has no TLS
   * (a transport that does not tell, in `io.info.secure`, is its connector's business); kind `timeout`, code `queueTimeoutMs`, and
   * kind `limit`, code `POOL_QUEUE_FULL`, when there was none to be had; kind `closed`, code `CLIENT_CLOSED`, after `close()`; kind
   * `user` for a request that cannot be sent; kind `canceled` when `signal` aborts; and what `Sender.send` rejects with.
   */
  request(request: HttpRequest, options: RequestOptions = {}): Promise<HttpResponse> {
    if (this.#isClosed) return Promise.reject(clientClosed());
    let dispatch: Dispatch;
    try {
      dispatch = new Dispatch(this.#context, this.#poolFor(request, options), request, options);
    } catch (error) {
      return Promise.reject(error);
    }
    this.#underWay++;
    holdProcess();
    return dispatch.run();
  }

  /** Makes up to `count` connections to the origin of `url` beforehand, counting those there are; of HTTP/2 one. */
  async warm(url: string | URL, count = 1, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#isClosed) throw clientClosed();
    const origin = originOf(HttpRequest.get(typeof url === "string" ? url : url.href));
    await this.#pools.get({ origin, version: this.#options.version }).warm(count, options.signal);
  }

  /** Closes the connections that do nothing and for which `keep` is false. */
  retain(keep: (connection: PooledConnection) => boolean): void {
    for (const [, pool] of this.#pools) {
      pool.retain(({ isHttp2, requests, connected }) => keep({ origin: pool.text, isHttp2, requests, connected }));
    }
  }

  /**
   * Connections and requests by origin, such as `https://example.org:443`; behind it, where it is another than `auto` or the host, the
   * version that was asked for and the name for TLS. Origins that have none are left out.
   */
  get stats(): ReadonlyMap<string, HostStats> {
    const stats = new Map<string, HostStats>();
    for (const [key, pool] of this.#pools) if (!pool.isEmpty) stats.set(key, pool.stats);
    return stats;
  }

  /** Requests that wait or are under way: until their response was received whole. */
  get underWay(): number {
    return this.#underWay;
  }

  /**
   * Takes no further request, lets those there are end, and closes the connections. Resolves when all are closed, and never
   * rejects.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#done(() => this.#underWay === 0);
    for (const [, pool] of this.#pools) pool.close();
    this.#pools.clear();
    this.#idle.stop();
    for (const channel of this.#channels) channel.close();
    await this.#done(() => this.#channels.size === 0);
  }

  /** Gives up all requests and closes all connections, at once. Resolves when all are closed. */
  async destroy(reason?: unknown): Promise<void> {
    this.#isClosed = true;
    const error = new HttpError("canceled", "CLIENT_DESTROYED", "the client was destroyed", { cause: reason });
    for (const [, pool] of this.#pools) pool.close();
    this.#pools.clear();
    this.#idle.stop();
    for (const channel of this.#channels) channel.abort(error);
    await this.#done(() => this.#channels.size === 0 && this.#underWay === 0);
  }

  /** As `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #ended(): void {
    this.#underWay--;
    releaseProcess();
    this.#check();
  }

  #poolFor(request: HttpRequest, options: RequestOptions): HostPool {
    checkProtocolVersion(request);
    const { queueTimeoutMs } = options.timeouts ?? {};
    if (queueTimeoutMs !== undefined) wholeNumber("queueTimeoutMs", queueTimeoutMs, 0);
    const origin = options.origin ?? originOf(request);
    // HTTP/2 has no Upgrade field (RFC 9113 8.2.2).
    const version = options.version ?? (request.headers.has("upgrade") ? "http1" : this.#options.version);
    return this.#pools.get({ origin, version: checkVersion(version) });
  }

  #poolOptions(): HostPoolOptions {
    const { http1, proxiedHttp1, http2 } = this.#options;
    return {
      ...this.#options,
      channel: { http1, proxiedHttp1, http2 },
      idle: this.#idle,
      opened: (channel) => {
        this.#channels.add(channel);
        if (this.#isClosed && this.#underWay === 0) channel.close();
      },
      closed: (channel) => {
        this.#channels.delete(channel);
        this.#check();
      },
    };
  }

  async #done(isDone: () => boolean): Promise<void> {
    if (isDone()) return;
    // Pooled connections do not keep the process alive; a program that waits for their end must not be ended first.
    holdProcess();
    while (!isDone()) await new Promise<void>((resolve) => this.#whenDone.push(resolve));
    releaseProcess();
  }

  #check(): void {
    if (this.#whenDone.length === 0) return;
    for (const resolve of this.#whenDone.splice(0)) resolve();
  }
}

/** @throws HttpError kind `user` for a version that no connection can carry. */
function checkProtocolVersion({ version, method }: HttpRequest): void {
  if (version === "HTTP/1.1" || version === "HTTP/2") return;
  if (version === "HTTP/1.0" && method !== "CONNECT") return;
  throw new HttpError("user", "UNSUPPORTED_VERSION", `a ${method} request cannot be sent as ${String(version)}`);
}

function clientClosed(): HttpError {
  return new HttpError("closed", "CLIENT_CLOSED", "the client was closed");
}
