/**
 * A time limit for each of many streams, on one alarm.
 *
 * As with the limits of a connection (`driver/deadlines.ts`), setting one only writes a number; the alarm is moved when
 * a limit comes nearer. The streams are looked through only when the alarm rings: those that are due expire, and it is
 * set again to the nearest of the rest.
 */
import type { Alarm, Timer } from "../../rt/io.ts";

const never = Number.POSITIVE_INFINITY;

/** What a stream's record has for its time limit. */
export interface Timed {
  /** When it expires, by the timer's clock; Infinity if it does not. For `StreamDeadlines` alone. */
  deadlineAt: number;
}

export class StreamDeadlines<Stream extends Timed> {
  readonly #timer: Timer | null;
  readonly #streams: () => Iterable<Stream>;
  readonly #expired: (stream: Stream) => void;
  #alarm: Alarm | undefined;
  #alarmAt = never;

  /**
   * @param streams All that are live. Streams may come and go while they are gone through, as with a `Map`.
   * @param expired Called with the stream, which is disarmed by then. May arm, disarm, add and remove streams.
   */
  constructor(timer: Timer | null, streams: () => Iterable<Stream>, expired: (stream: Stream) => void) {
    this.#timer = timer;
    this.#streams = streams;
    this.#expired = expired;
  }

  /**
   * Arms `stream` to expire in `delayMs`; 0 or Infinity disarms it. Without a timer nothing is ever armed.
   * @param now The timer's reading, if it is at hand.
   */
  set(stream: Stream, delayMs: number, now?: number): void {
    if (this.#timer === null) return;
    if (delayMs === 0 || delayMs === never) {
      stream.deadlineAt = never;
      return;
    }
    const at = (now ?? this.#timer.now()) + delayMs;
    stream.deadlineAt = at;
    if (at < this.#alarmAt) this.#schedule(at, delayMs);
  }

  /** Arms `stream` to expire at `at`, by the timer's clock; Infinity disarms it. Reads the clock only to move the alarm. */
  setAt(stream: Stream, at: number): void {
    if (this.#timer === null) return;
    stream.deadlineAt = at;
    if (at < this.#alarmAt) this.#schedule(at, Math.max(1, at - this.#timer.now()));
  }

  /** Disarms `stream`. */
  clear(stream: Stream): void {
    stream.deadlineAt = never;
  }

  /** Disarms all streams and takes the alarm back. */
  stop(): void {
    for (const stream of this.#streams()) stream.deadlineAt = never;
    this.#alarm?.cancel();
    this.#alarm = undefined;
    this.#alarmAt = never;
  }

  #schedule(at: number, delayMs: number): void {
    this.#alarm?.cancel();
    this.#alarmAt = at;
    this.#alarm = this.#timer?.schedule(delayMs, this.#ring);
  }

  readonly #ring = (): void => {
    const timer = this.#timer;
    if (timer === null) return;
    this.#alarm = undefined;
    this.#alarmAt = never;
    const now = timer.now();
    for (const stream of this.#streams()) {
      if (stream.deadlineAt > now) continue;
      stream.deadlineAt = never;
      this.#expired(stream);
    }
    let next = never;
    for (const stream of this.#streams()) next = Math.min(next, stream.deadlineAt);
    if (next < this.#alarmAt) this.#schedule(next, Math.max(1, next - now));
  };
}
