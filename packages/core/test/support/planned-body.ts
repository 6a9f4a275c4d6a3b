/**
 * A body that does what a plan says, well or badly, and keeps books about how it is treated.
 */
import { BaseBody, type Frame, HeaderMap, SizeHint, Trailers } from "@sluice/body";
import fc from "fast-check";

export interface BodyPlan {
  /** Bytes of each frame. */
  readonly sizes: readonly number[];
  readonly known: boolean;
  readonly trailers: boolean;
  /** Frames are at hand, come in promises, or wait at the gate. */
  readonly pace: "sync" | "promise" | "gate";
  /** What comes behind the last frame. `short` and `long` is told by what the head declares. */
  readonly ending: "end" | "throw" | "reject" | "stall" | "short" | "long";
}

export const bodyPlan: fc.Arbitrary<BodyPlan> = fc.oneof(
  { weight: 1, arbitrary: fc.constant<BodyPlan>(nothing()) },
  {
    weight: 3,
    arbitrary: fc.record({
      sizes: fc.array(fc.oneof(fc.nat(40), fc.nat(9000)), { maxLength: 4 }),
      known: fc.boolean(),
      trailers: fc.boolean(),
      pace: fc.constantFrom("sync", "sync", "promise", "gate"),
      ending: fc.constantFrom("end", "end", "end", "end", "throw", "reject", "stall", "short", "long"),
    }),
  },
);

function nothing(): BodyPlan {
  return { sizes: [], known: true, trailers: false, pace: "sync", ending: "end" };
}

export function lengthOf(plan: BodyPlan): number {
  return plan.sizes.reduce((sum, size) => sum + size, 0);
}

/** The content-length the head declares, where it does not leave that to the body. */
export function declaredBy(plan: BodyPlan): number | undefined {
  if (plan.ending === "short") return lengthOf(plan) + 1;
  if (plan.ending === "long") return lengthOf(plan) >> 1;
  return undefined;
}

/** Byte `index` of the content of the body called `tag`. */
export function byteAt(tag: number, index: number): number {
  return (tag * 37 + index * 7 + (index >> 8)) & 0xff;
}

export class PlannedBody extends BaseBody {
  readonly plan: BodyPlan;
  readonly tag: number;
  /** Calls of `frame`. */
  pulls = 0;
  /** The end was given, or the failure. */
  over = false;
  canceled = false;
  /** What its reader did that no reader may do. */
  readonly offences: string[] = [];
  readonly #gate: (open: () => void) => void;
  #at = 0;
  #given = 0;
  #waiting: ((error: unknown) => void) | undefined;

  /** @param gate Calls back when what waits may go on. */
  constructor(plan: BodyPlan, tag: number, gate: (open: () => void) => void) {
    super();
    this.plan = plan;
    this.tag = tag;
    this.#gate = gate;
  }

  override frame(): Frame | null | Promise<Frame | null> {
    if (this.#waiting !== undefined) this.offences.push("frame() while a frame is pending");
    if (this.over) this.offences.push("frame() behind the end");
    if (this.canceled) this.offences.push("frame() behind cancel()");
    this.pulls++;
    const { pace, sizes, ending } = this.plan;
    if (pace === "sync" && (this.#at < sizes.length || ending !== "stall")) return this.#next();
    return new Promise((resolve, reject) => {
      this.#waiting = reject;
      const give = (): void => {
        if (this.canceled) return;
        this.#waiting = undefined;
        try {
          resolve(this.#next());
        } catch (error) {
          reject(error);
        }
      };
      if (pace === "promise" && (this.#at < sizes.length || ending !== "stall")) queueMicrotask(give);
      else this.#gate(give);
    });
  }

  #next(): Frame | null | Promise<never> {
    const { sizes, trailers, ending } = this.plan;
    const size = sizes[this.#at++];
    if (size !== undefined) {
      const start = this.#given;
      this.#given += size;
      return Uint8Array.from({ length: size }, (_, index) => byteAt(this.tag, start + index));
    }
    if (ending === "throw" || ending === "stall") {
      this.over = true;
      throw new Error("the body throws");
    }
    if (ending === "reject") {
      this.over = true;
      return Promise.reject(new Error("the body rejects"));
    }
    if (trailers && this.#at === sizes.length + 1) return new Trailers(new HeaderMap({ "x-tag": String(this.tag) }));
    this.over = true;
    return null;
  }

  override isEndStream(): boolean {
    return this.over || (this.plan.known && this.plan.sizes.length === 0 && !this.plan.trailers && this.#endsWell);
  }

  get #endsWell(): boolean {
    return this.plan.ending === "end";
  }

  override sizeHint(): SizeHint {
    if (!this.plan.known || !this.#endsWell) return SizeHint.unknown;
    return SizeHint.exact(lengthOf(this.plan) - this.#given);
  }

  override cancel(reason?: unknown): void {
    if (this.over || this.canceled) return;
    this.canceled = true;
    const reject = this.#waiting;
    this.#waiting = undefined;
    reject?.(reason ?? new Error("the body was canceled"));
  }

  /** Nobody has asked it for anything, and nobody has given it up. */
  get untouched(): boolean {
    return this.pulls === 0 && !this.canceled;
  }

  /** Nothing is held any more: it came to its end, failed, or was canceled. */
  get released(): boolean {
    return this.over || this.canceled || this.isEndStream();
  }
}
