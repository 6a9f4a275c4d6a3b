/**
 * Those who wait until a connection takes a request.
 */
import type { HttpError } from "../error.ts";

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: HttpError) => void;
}

export class ReadyQueue {
  #waiting: Waiter[] = [];

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  wait(): Promise<void> {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Wakes everybody: who comes too late is told when sending, and may wait again. */
  wake(): void {
    for (const { resolve } of this.#take()) resolve();
  }

  fail(error: () => HttpError): void {
    for (const { reject } of this.#take()) reject(error());
  }

  #take(): Waiter[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }
}
