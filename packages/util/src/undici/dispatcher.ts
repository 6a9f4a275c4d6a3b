/**
 * The pooled client as a dispatcher: what undici's functions, and the `fetch` that is built into Node, send their requests through.
 *
 * A dispatcher is known by its methods, never by its class, so that one made here serves every copy and every version of undici;
 * nothing of undici is imported. `fetch`, `request`, `stream`, `pipeline`, `connect` and `upgrade` need `dispatch` only.
 */
import { EventEmitter } from "node:events";
import type { Client } from "../client/index.ts";
import { knownOptions, wholeNumber } from "../options.ts";
import { composed, type Dispatch, type Interceptor } from "./compose.ts";
import type { ConnectionEvents } from "./connection-events.ts";
import { DispatchError, invalidArgument } from "./dispatch-error.ts";
import type { DispatchOptions } from "./dispatch-options.ts";
import { type DispatchRequest, dispatchRequest } from "./dispatch-request.ts";
import { Exchange } from "./exchange.ts";
import type { DispatchHandler } from "./handler.ts";
import { checkHandler, receiverOf } from "./receiver.ts";

/** Options of a `SluiceDispatcher`. */
export interface SluiceDispatcherOptions {
  /**
   * How many requests to one origin may be under way before `dispatch` returns `false`, which asks its caller to wait for `drain`. It
   * holds nobody off: what is dispatched nevertheless is sent. Default: no limit.
   */
  readonly maxUnderWayPerOrigin?: number | undefined;
  /** The observer the client was made with, for the events `connect`, `disconnect` and `connectionError`. Default: they are not emitted. */
  readonly events?: ConnectionEvents | undefined;
}

/** Is told how a call ended. */
export type DoneCallback = (error: unknown, data: unknown) => void;

/** How many requests to an origin are under way. */
interface Load {
  count: number;
  /** Somebody was told to wait. */
  needsDrain: boolean;
}

/** A client in the place of an undici dispatcher. */
export class SluiceDispatcher extends EventEmitter implements AsyncDisposable {
  readonly #client: Client;
  readonly #maxUnderWay: number;
  readonly #exchanges = new Set<Exchange>();
  readonly #loads = new Map<string, Load>();
  #closing: Promise<void> | undefined;
  #destroying: Promise<void> | undefined;

  /**
   * @param client Belongs to the dispatcher from now on, which closes it.
   * @throws TypeError or RangeError for options that make no sense.
   */
  constructor(client: Client, options: SluiceDispatcherOptions = {}) {
    super();
    knownOptions("SluiceDispatcher", options, ["maxUnderWayPerOrigin", "events"]);
    if (typeof client?.request !== "function") throw new TypeError("client: must be a Client");
    this.#client = client;
    const { maxUnderWayPerOrigin = Number.POSITIVE_INFINITY, events } = options;
    this.#maxUnderWay = wholeNumber("maxUnderWayPerOrigin", maxUnderWayPerOrigin, 1);
    events?.attach(this);
  }

  /** Takes no further requests. */
  get closed(): boolean {
    return this.#closing !== undefined || this.#destroying !== undefined;
  }

  get destroyed(): boolean {
    return this.#destroying !== undefined;
  }

  /**
   * Sends a request and tells `handler` what becomes of it. `false` asks the caller to wait for the event `drain` before the next.
   *
   * The handler is called at once (`onConnect`, `onRequestStart`), so that it can give the request up while that waits for a
   * connection. All failures go to the handler. Errors have the names and codes of undici's; the client's `HttpError` is their cause.
   *
   * Time limits that the dispatch does not give are the client's, which differ from undici's (300 s for the head, and for each
   * wait within the body); so are the limits on heads and on the whole response.
   * @throws DispatchError code `UND_ERR_INVALID_ARG` for a handler that cannot be told of one.
   */
  dispatch(options: DispatchOptions, handler: DispatchHandler): boolean {
    const receiver = receiverOf(handler);
    let prepared: DispatchRequest;
    try {
      prepared = this.#prepare(options, handler);
    } catch (error) {
      receiver.error(undefined, error);
      // There is nothing to wait for, unless there is an end to it all.
      return !this.closed;
    }
    const load = this.#enter(prepared.url.href);
    const exchange: Exchange = new Exchange(receiver, handler, prepared, () =>
      this.#leave(exchange, prepared.url, load),
    );
    this.#exchanges.add(exchange);
    exchange.run(this.#client);
    if (load.count < this.#maxUnderWay) return true;
    load.needsDrain = true;
    return false;
  }

  /**
   * A dispatcher that sends through `interceptors`, the last one first, and is this one in all else. They may be of any version of undici.
   * @throws TypeError for what is no interceptor.
   */
  compose(...interceptors: (Interceptor | null | undefined)[] | [readonly (Interceptor | null | undefined)[]]): this {
    return over(this, (options, handler) => this.dispatch(options, handler), interceptors);
  }

  /** Takes no further request, lets those there are end, and closes the connections. */
  close(): Promise<void>;
  close(callback: DoneCallback): void;
  close(callback?: DoneCallback): Promise<void> | void {
    if (callback === undefined) return this.#close();
    checkCallback(callback);
    settle(this.#close(), callback);
  }

  /** Gives up all requests, which fail with `error`, and closes the connections. Default: code `UND_ERR_DESTROYED`. */
  destroy(error?: Error | null): Promise<void>;
  destroy(callback: DoneCallback): void;
  destroy(error: Error | null | undefined, callback: DoneCallback): void;
  destroy(error?: Error | DoneCallback | null, callback?: DoneCallback): Promise<void> | void {
    const isCallback = typeof error === "function";
    const done = isCallback ? error : callback;
    const reason = isCallback ? undefined : error;
    if (done === undefined) return this.#destroy(reason);
    checkCallback(done);
    settle(this.#destroy(reason), done);
  }

  /** As `destroy`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.destroy();
  }

  #prepare(options: DispatchOptions, handler: DispatchHandler): DispatchRequest {
    if (typeof options !== "object" || options === null) throw invalidArgument("opts must be an object.");
    if (this.destroyed) throw new DispatchError("UND_ERR_DESTROYED");
    if (this.closed) throw new DispatchError("UND_ERR_CLOSED");
    const prepared = dispatchRequest(options);
    checkHandler(handler, prepared.leavesHttp);
    return prepared;
  }

  #close(): Promise<void> {
    if (this.#destroying !== undefined) return Promise.reject(new DispatchError("UND_ERR_DESTROYED"));
    this.#closing ??= this.#client.close();
    return this.#closing;
  }

  #destroy(reason: Error | null | undefined): Promise<void> {
    if (this.#destroying === undefined) {
      const error = reason ?? new DispatchError("UND_ERR_DESTROYED");
      // Set first: a handler that is told may come back.
      this.#destroying = this.#client.destroy(error);
      for (const exchange of this.#exchanges) exchange.fail(error);
    }
    return this.#destroying;
  }

  #enter(origin: string): Load {
    let load = this.#loads.get(origin);
    if (load === undefined) {
      load = { count: 0, needsDrain: false };
      this.#loads.set(origin, load);
    }
    load.count++;
    return load;
  }

  #leave(exchange: Exchange, url: URL, load: Load): void {
    this.#exchanges.delete(exchange);
    load.count--;
    if (load.count === 0) this.#loads.delete(url.href);
    if (!load.needsDrain || load.count >= this.#maxUnderWay) return;
    load.needsDrain = false;
    this.emit("drain", url, [this]);
  }
}

/** `base` with another `dispatch`. */
function over<Base extends SluiceDispatcher>(
  base: Base,
  dispatch: Dispatch,
  given: readonly (Interceptor | null | undefined | readonly (Interceptor | null | undefined)[])[],
): Base {
  const interceptors = given.flat() as (Interceptor | null | undefined)[];
  const all = composed(dispatch, interceptors);
  const compose = (...more: typeof interceptors): Base => over(base, all, more);
  return new Proxy(base, {
    get(target, key) {
      if (key === "dispatch") return all;
      if (key === "compose") return compose;
      // Methods reach their private state through the dispatcher itself.
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function checkCallback(callback: unknown): void {
  if (typeof callback !== "function") throw invalidArgument("invalid callback");
}

function settle(done: Promise<void>, callback: DoneCallback): void {
  done.then(
    () => queueMicrotask(() => callback(null, null)),
    (error: unknown) => queueMicrotask(() => callback(error, null)),
  );
}
