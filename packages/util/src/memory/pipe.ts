/**
 * One direction of an in-memory transport: bytes go in at the writing end and come out at the reading end.
 *
 * The pipe holds the waiting callbacks of both ends. Whatever may satisfy one of them posts a wake-up to the turns,
 * and the wake-up looks at the state as it is by then, so turns may come late, or in another order.
 */
import type { ReadDone } from "@sluice/core";
import { writeAfterShutdown } from "../transport-error.ts";
import { ByteQueue } from "./byte-queue.ts";
import type { Turns } from "./turns.ts";

type Done = (error?: unknown) => void;

export class Pipe {
  readonly #bytes = new ByteQueue();
  readonly #capacity: number;
  readonly #turns: Turns;
  readonly #cut: ((available: number) => number) | undefined;
  #reader: ReadDone | undefined = undefined;
  #waiter: Done | undefined = undefined;
  #closer: Done | undefined = undefined;
  #ended = false;
  #finished = false;
  #readFailure: unknown = undefined;
  #writeFailure: unknown = undefined;
  #readerPosted = false;
  #writerPosted = false;

  constructor(capacity: number, turns: Turns, cut: ((available: number) => number) | undefined) {
    this.#capacity = capacity;
    this.#turns = turns;
    this.#cut = cut;
  }

  /** Bytes written and not yet read. */
  get size(): number {
    return this.#bytes.size;
  }

  /** True when the end was delivered: everything before it fits into the pipe. */
  get finished(): boolean {
    return this.#finished;
  }

  read(done: ReadDone): void {
    if (this.#reader !== undefined) throw new TypeError("read() was called while another read is outstanding");
    this.#reader = done;
    this.#wakeReader();
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#writeFailure !== undefined || this.#ended) return false;
    for (const chunk of chunks) this.#bytes.push(chunk);
    this.#wakeReader();
    return this.#writeFailure === undefined && this.#bytes.size < this.#capacity;
  }

  drained(done: Done): void {
    if (this.#waiter !== undefined) throw new TypeError("drained() was called while another is outstanding");
    this.#waiter = done;
    this.#wakeWriter();
  }

  end(done: Done): void {
    if (this.#ended) {
      done(writeAfterShutdown());
      return;
    }
    this.#ended = true;
    this.#closer = done;
    this.#wakeReader();
    this.#wakeWriter();
  }

  /** The reading end sees `failure` from now on; what is in the pipe is lost. */
  breakReader(failure: unknown): void {
    this.#readFailure ??= failure;
    this.#bytes.clear();
    this.#wakeReader();
  }

  /** The writing end sees `failure` from now on. */
  breakWriter(failure: unknown): void {
    this.#writeFailure ??= failure;
    this.#wakeWriter();
  }

  #wakeReader(): void {
    if (this.#readerPosted || this.#reader === undefined || !this.#readable()) return;
    this.#readerPosted = true;
    this.#turns.post(this.#serveReader);
  }

  #wakeWriter(): void {
    if (this.#writerPosted || !this.#writable()) return;
    this.#writerPosted = true;
    this.#turns.post(this.#serveWriter);
  }

  #readable(): boolean {
    return this.#bytes.size > 0 || this.#ended || this.#readFailure !== undefined;
  }

  #writable(): boolean {
    if (this.#waiter === undefined && this.#closer === undefined) return false;
    return this.#writeFailure !== undefined || this.#bytes.size < this.#capacity;
  }

  readonly #serveReader = (): void => {
    this.#readerPosted = false;
    const done = this.#reader;
    if (done === undefined) return;
    this.#reader = undefined;
    if (this.#bytes.size > 0) {
      const chunk = this.#cut === undefined ? this.#bytes.shift() : this.#bytes.take(this.#cut(this.#bytes.size));
      this.#wakeWriter();
      done(chunk ?? null);
    } else if (this.#readFailure !== undefined) {
      done(null, this.#readFailure);
    } else {
      this.#finished = true;
      done(null);
    }
  };

  readonly #serveWriter = (): void => {
    this.#writerPosted = false;
    if (!this.#writable()) return;
    const waiter = this.#waiter;
    const closer = this.#closer;
    this.#waiter = undefined;
    this.#closer = undefined;
    if (this.#writeFailure !== undefined) {
      waiter?.(this.#writeFailure);
      // An end that was read to has arrived, whatever the reader did next.
      closer?.(this.#finished ? undefined : this.#writeFailure);
      return;
    }
    if (this.#ended) this.#finished = true;
    waiter?.(this.#ended ? writeAfterShutdown() : undefined);
    closer?.();
  };
}
