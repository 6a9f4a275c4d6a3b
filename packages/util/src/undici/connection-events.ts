/**
 * What a client's pool does, as the events that undici's dispatchers emit. Given to the client as its observer, and to the dispatcher.
 */
import type { EventEmitter } from "node:events";
import type { ClientObserver } from "../client/index.ts";
import type { Connected } from "../connect/index.ts";

/**
 * Makes a dispatcher emit `connect`, `disconnect` and `connectionError`, each with the origin as a `URL`, a list that holds the
 * dispatcher, and, but for `connect`, the error.
 *
 * ```ts
 * const events = new ConnectionEvents();
 * const dispatcher = new SluiceDispatcher(new Client({ observer: events }), { events });
 * ```
 */
export class ConnectionEvents implements ClientObserver {
  readonly #targets: EventEmitter[] = [];

  /** Has `emitter` emit what happens from now on. */
  attach(emitter: EventEmitter): void {
    this.#targets.push(emitter);
  }

  connectSucceeded(origin: string): void {
    this.#emit("connect", origin);
  }

  connectFailed(origin: string, error: unknown): void {
    this.#emit("connectionError", origin, error);
  }

  connectionLost(origin: string, _connected: Connected, error: unknown): void {
    this.#emit("disconnect", origin, error);
  }

  #emit(event: string, origin: string, ...facts: unknown[]): void {
    for (const target of this.#targets) target.emit(event, new URL(origin), [target], ...facts);
  }
}
