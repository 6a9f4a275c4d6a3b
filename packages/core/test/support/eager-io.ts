/**
 * A transport that answers within the call: `read` gives the next chunk before it returns, as long as there is one, and
 * what `write` is given is kept as it is. For tests of fairness, and of what is copied.
 */
import type { Io, ReadDone, Timer } from "@sluice/core";

export class EagerIo implements Io {
  readonly timer?: Timer;
  /** The arguments of each `write`. */
  readonly writes: (readonly Uint8Array[])[] = [];
  /** How often `read` was called. */
  reads = 0;
  isShutdown = false;
  isAborted = false;
  /** What `write` answers. */
  hasRoom = true;
  readonly #next: () => Uint8Array | null | undefined;
  #reader: ReadDone | undefined;
  #drained: (() => void) | undefined;

  /** @param next The next chunk; `null` for the end, `undefined` for none yet. */
  constructor(next: () => Uint8Array | null | undefined, timer?: Timer) {
    this.#next = next;
    if (timer !== undefined) this.timer = timer;
  }

  read(done: ReadDone): void {
    if (this.#reader !== undefined) throw new TypeError("read() was called while another read is outstanding");
    this.reads++;
    const chunk = this.isAborted ? null : this.#next();
    if (chunk === undefined) this.#reader = done;
    else done(chunk);
  }

  /** Looks again whether there is a chunk for the read that waits. */
  wake(): void {
    const chunk = this.#reader === undefined ? undefined : this.#next();
    if (chunk === undefined) return;
    const done = this.#reader;
    this.#reader = undefined;
    done?.(chunk);
  }

  write(chunks: readonly Uint8Array[]): boolean {
    this.writes.push(chunks);
    return this.hasRoom;
  }

  drained(done: () => void): void {
    if (this.#drained !== undefined) throw new TypeError("drained() was called while another is outstanding");
    this.#drained = done;
  }

  /** Makes room. */
  drain(): void {
    const done = this.#drained;
    this.#drained = undefined;
    done?.();
  }

  shutdown(done: () => void): void {
    this.isShutdown = true;
    done();
  }

  abort(): void {
    if (this.isAborted) return;
    this.isAborted = true;
    const done = this.#reader;
    this.#reader = undefined;
    done?.(null, new Error("aborted"));
  }
}

/** Gives chunks one by one, and then nothing. */
export function oneByOne(chunks: readonly Uint8Array[]): () => Uint8Array | undefined {
  let next = 0;
  return () => chunks[next++];
}

/** A clock that stands still; what is to run in the next turn of the event loop runs when told to. */
export class TurnTimer implements Timer {
  readonly #tasks: (() => void)[] = [];

  now(): number {
    return 0;
  }

  schedule(delayMs: number, task: () => void): { cancel(): void } {
    if (delayMs > 0) return { cancel: () => {} };
    this.#tasks.push(task);
    return {
      cancel: () => {
        const index = this.#tasks.indexOf(task);
        if (index >= 0) this.#tasks.splice(index, 1);
      },
    };
  }

  /** Runs what is due now, and not what that schedules; how many tasks ran. */
  turn(): number {
    const due = this.#tasks.splice(0);
    for (const task of due) task();
    return due.length;
  }
}
