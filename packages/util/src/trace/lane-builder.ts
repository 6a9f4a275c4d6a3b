/** One lane while it is built: marks in the order of the log, what spans time, and what is known of the exchange. */
import { curvesOf, type StreamWindows } from "./flow-windows.ts";
import {
  type Details,
  EVENT,
  type Failure,
  type Head,
  type Lane,
  markNumbers,
  RECEIVED,
  type Reset,
  SENT,
  type Stall,
} from "./model.ts";

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

export class LaneBuilder {
  readonly id: number;
  readonly kind: Lane["kind"];
  readonly heads: Head[] = [];
  readonly marks: number[] = [];
  windows: StreamWindows | undefined;
  received = 0;
  sent = 0;
  end: number | undefined;
  reset: Reset | undefined;
  failed: Failure | undefined;
  promisedOn: number | undefined;
  readonly #start: number;
  readonly #details: Record<number, Details> = {};
  readonly #states: [number, string][] = [];
  readonly #stalls: Stall[] = [];
  readonly #stalled = new Map<string, number>();

  constructor(kind: Lane["kind"], id: number, start: number) {
    this.kind = kind;
    this.id = id;
    this.#start = start;
  }

  /** Times must not go back; what was held up is shown when it is told of. */
  mark(at: number, kind: number, direction: number, octets: number, details?: Details): void {
    if (details !== undefined && Object.keys(details).length > 0) {
      this.#details[this.marks.length / markNumbers] = details;
    }
    this.marks.push(Math.max(at, this.#lastMark), kind, direction, octets);
  }

  get #lastMark(): number {
    return this.marks.at(-markNumbers) ?? this.#start;
  }

  state(at: number, name: string): void {
    this.#states.push([at, name]);
  }

  /** Something waits from now on, unless it does already. */
  stall(at: number, by: string): void {
    if (!this.#stalled.has(by)) this.#stalled.set(by, at);
  }

  /** What waited because of that does not any more. */
  resume(at: number, by: string): void {
    const from = this.#stalled.get(by);
    if (from === undefined) return;
    this.#stalled.delete(by);
    this.#stalls.push({ from, to: at, by });
  }

  /** The lane is over, and with it whatever waited. */
  over(at: number): void {
    this.end ??= at;
    for (const by of [...this.#stalled.keys()]) this.resume(at, by);
  }

  /**
   * Heads go to where they crossed the wire: on a stream to its HEADERS frames, requests to those of one direction and the
   * others to those of the other; to the marks of their own elsewhere.
   */
  placeHeads(headers: number, requestDirection: number): void {
    const requests: number[] = [];
    const responses: number[] = [];
    for (const [index, { what }] of this.heads.entries()) (what === "request" ? requests : responses).push(index);
    for (let at = 0; at < this.marks.length; at += markNumbers) {
      if (this.marks[at + 1] !== headers) continue;
      const head = (this.marks[at + 2] === requestDirection ? requests : responses).shift();
      if (head === undefined) continue;
      const mark = at / markNumbers;
      this.#details[mark] = { ...this.#details[mark], head };
    }
  }

  /** Gives marks of some kinds a direction that was not known before. */
  direct(direction: number, isMeant: (kind: number) => boolean): void {
    for (let at = 0; at < this.marks.length; at += markNumbers) {
      if (this.marks[at + 2] === EVENT && isMeant(this.marks[at + 1] ?? 0)) this.marks[at + 2] = direction;
    }
  }

  /** The lane as it is drawn; what still waits does so until `last`. */
  done(last: number): Lane {
    const open = [...this.#stalled].map(([by, from]): Stall => ({ from, to: Math.max(from, last), by, isOpen: true }));
    const lane: Writable<Lane> = {
      id: this.id,
      kind: this.kind,
      start: this.#start,
      marks: this.marks,
      details: this.#details,
      states: this.#states,
      stalls: [...this.#stalls, ...open],
      heads: this.heads,
      received: this.received,
      sent: this.sent,
    };
    // Frames leave a moment after the stream has changed its state.
    if (this.end !== undefined) lane.end = Math.max(this.end, this.#lastMark);
    if (this.windows !== undefined) lane.windows = curvesOf(this.windows);
    if (this.reset !== undefined) lane.reset = this.reset;
    if (this.failed !== undefined) lane.failed = this.failed;
    if (this.promisedOn !== undefined) lane.promisedOn = this.promisedOn;
    return lane;
  }

  /** Octets that crossed the wire. */
  moved(direction: number, octets: number): void {
    if (direction === RECEIVED) this.received += octets;
    else if (direction === SENT) this.sent += octets;
  }
}
