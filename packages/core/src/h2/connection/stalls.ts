/**
 * Streams that the peer's flow control keeps from sending, for no longer than a limit: what waits to be sent is memory, and
 * a peer that asks for much and takes nothing must not hold it for ever (CVE-2019-9511, CVE-2019-9517).
 *
 * Any frame of content sent on a stream is progress. The limit is the same for all, so that one deadline does.
 */
import type { Deadlines } from "../../driver/deadlines.ts";
import type { Stream } from "../stream/stream.ts";
import type { Streams } from "./streams.ts";

const never = Number.POSITIVE_INFINITY;

export class Stalls {
  readonly #streams: Streams;
  readonly #deadlines: Deadlines;
  readonly #slot: number;
  readonly #limitMs: number;

  /** @param limitMs 0 for no limit. */
  constructor(streams: Streams, deadlines: Deadlines, slot: number, limitMs: number) {
    this.#streams = streams;
    this.#deadlines = deadlines;
    this.#slot = slot;
    this.#limitMs = limitMs;
  }

  /** The stream has something to send and no window for it, its own or that of the connection. */
  begin(stream: Stream): void {
    if (this.#limitMs === 0 || stream.stalledAt !== never) return;
    stream.stalledAt = this.#streams.now();
    if (!this.#deadlines.isSet(this.#slot)) this.#deadlines.set(this.#slot, this.#limitMs);
  }

  /** The stream sends, or has nothing to send any more. */
  end(stream: Stream): void {
    stream.stalledAt = never;
  }

  /** The deadline has passed: ends the stalls that have lasted too long and returns their streams. */
  expired(): Stream[] {
    const now = this.#streams.now();
    const due: Stream[] = [];
    let next = never;
    for (const stream of this.#streams.store.all()) {
      const at = stream.stalledAt + this.#limitMs;
      if (at > now) {
        next = Math.min(next, at);
      } else {
        stream.stalledAt = never;
        due.push(stream);
      }
    }
    this.#deadlines.set(this.#slot, next - now);
    return due;
  }
}
