/**
 * Requests that wait for a stream, first come first served; any of them may leave, in constant time.
 */
import type { ResponseHandler } from "./response-handler.ts";

export class RequestQueue {
  /** A set keeps the order in which its members came. */
  readonly #handlers = new Set<ResponseHandler>();

  get isEmpty(): boolean {
    return this.#handlers.size === 0;
  }

  get size(): number {
    return this.#handlers.size;
  }

  push(handler: ResponseHandler): void {
    this.#handlers.add(handler);
  }

  remove(handler: ResponseHandler): void {
    this.#handlers.delete(handler);
  }

  shift(): ResponseHandler | undefined {
    for (const handler of this.#handlers) {
      this.#handlers.delete(handler);
      return handler;
    }
    return undefined;
  }
}
