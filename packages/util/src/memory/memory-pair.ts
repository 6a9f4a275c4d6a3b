/**
 * Two `Io`s that are each other's peer, in memory: for tests, and for HTTP between two parts of one process.
 *
 * Behaves as a TCP connection does: either side may end its direction, and giving up before that is a reset the other
 * side sees. Chunks go over by reference.
 */
import { HttpError, type Io, type IoInfo, type ReadDone, type Timer } from "@sluice/core";
import { abortReason, connectionReset } from "../transport-error.ts";
import { Pipe } from "./pipe.ts";
import { cutter, type Tear } from "./tear.ts";
import { syncTurns, type Turns } from "./turns.ts";

/** What `memoryPair` may be told. */
export interface MemoryPairOptions {
  /**
   * How many unread bytes one direction holds before `write` answers false, in bytes. The write that reaches it is still
   * taken as a whole. Default 65,536.
   */
  readonly capacityBytes?: number;
  /** When callbacks run: `syncTurns`, `microtaskTurns`, `manualTurns`, `delayedTurns`, or your own. Default: sync. */
  readonly turns?: Turns;
  /** How what was written is cut for reading. Default: chunks arrive as they were written. */
  readonly tear?: Tear;
  /** Facts about the transport, the same for both ends. Default: none. */
  readonly info?: IoInfo;
  /** The clock of connections on either end. Default: none. */
  readonly timer?: Timer;
}

const defaultCapacityBytes = 65_536;

/** One end of a `memoryPair`. */
export class MemoryIo implements Io {
  readonly info?: IoInfo;
  readonly timer?: Timer;
  readonly #incoming: Pipe;
  readonly #outgoing: Pipe;
  #aborted = false;

  /** @internal Use `memoryPair`. */
  constructor(incoming: Pipe, outgoing: Pipe, options: MemoryPairOptions) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    if (options.info !== undefined) this.info = options.info;
    if (options.timer !== undefined) this.timer = options.timer;
  }

  /** Bytes this end has written that the other has not read. */
  get unreadBytes(): number {
    return this.#outgoing.size;
  }

  /** True once `abort` was called on this end. */
  get aborted(): boolean {
    return this.#aborted;
  }

  read(done: ReadDone): void {
    this.#incoming.read(done);
  }

  write(chunks: readonly Uint8Array[]): boolean {
    return this.#outgoing.write(chunks);
  }

  drained(done: (error?: unknown) => void): void {
    this.#outgoing.drained(done);
  }

  shutdown(done: (error?: unknown) => void): void {
    this.#outgoing.end(done);
  }

  /**
   * Gives this end up. Unless its `shutdown` has completed, the other end sees a reset: what it has not read is lost,
   * and its calls fail with an `HttpError` of kind `io`, code `ECONNRESET`. Otherwise the other end still reads to the
   * end, and only its writes fail, with the code `EPIPE`.
   */
  abort(reason?: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    const own = abortReason(reason);
    if (this.#outgoing.finished) {
      this.#incoming.breakWriter(new HttpError("io", "EPIPE", "the peer has gone"));
    } else {
      const reset = connectionReset();
      this.#incoming.breakWriter(reset);
      this.#outgoing.breakReader(reset);
    }
    this.#incoming.breakReader(own);
    this.#outgoing.breakWriter(own);
  }
}

/**
 * Makes two connected `Io`s.
 *
 * ```ts
 * const [client, server] = memoryPair();
 * ```
 * @throws RangeError when `capacityBytes` is not a positive integer, or `tear` is an empty list.
 */
export function memoryPair(options: MemoryPairOptions = {}): [MemoryIo, MemoryIo] {
  const capacityBytes = options.capacityBytes ?? defaultCapacityBytes;
  if (!Number.isInteger(capacityBytes) || capacityBytes < 1) {
    throw new RangeError(`capacityBytes: must be a positive integer, but is ${capacityBytes}`);
  }
  const turns = options.turns ?? syncTurns();
  const { tear } = options;
  const pipe = (): Pipe => new Pipe(capacityBytes, turns, tear === undefined ? undefined : cutter(tear));
  const forth = pipe();
  const back = pipe();
  return [new MemoryIo(back, forth, options), new MemoryIo(forth, back, options)];
}
