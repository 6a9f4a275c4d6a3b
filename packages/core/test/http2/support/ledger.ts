/**
 * The books of a play: what was promised, which bodies were handed in and how they fared, what was read and whether it
 * was what was sent; and everything that must not have happened.
 */
import { type Body, isData } from "@sluice/body";
import { HttpError } from "@sluice/core";
import { type BodyPlan, byteAt, declaredBy, lengthOf, PlannedBody } from "../../support/planned-body.ts";
import type { Reading } from "../../support/play.ts";

/** What a body should turn out to be. */
export interface Expected {
  readonly plan: BodyPlan;
  readonly tag: number;
  /** False if the message carries no content whatever its body has. */
  readonly carried: boolean;
}

export class Ledger {
  /** What must not happen and did, and what must happen and did not. */
  readonly violations: string[] = [];
  readonly #promises = new Map<string, "open" | "settled">();
  readonly #bodies: PlannedBody[] = [];
  /** Bodies that were received, and that nobody reads any more. */
  readonly #unread = new Set<Body>();
  readonly #gates: (() => void)[] = [];
  readonly #called: () => void;
  #gatesOpen = false;

  /** @param called Is called whenever the engine has called its user. */
  constructor(called: () => void) {
    this.#called = called;
  }

  /** Must settle in the end. */
  track(name: string, promise: Promise<unknown>): void {
    const key = `${name} #${this.#promises.size}`;
    this.#promises.set(key, "open");
    const settled = (): void => void this.#promises.set(key, "settled");
    promise.then(settled, settled);
  }

  /** Calls back when what waits may go on. */
  readonly gate = (open: () => void): void => {
    if (this.#gatesOpen) queueMicrotask(open);
    else this.#gates.push(open);
  };

  openGate(): void {
    this.#gates.shift()?.();
  }

  openGates(): void {
    this.#gatesOpen = true;
    for (const open of this.#gates.splice(0)) open();
  }

  /** A body to be sent, which must be read to its end or canceled. */
  newBody(plan: BodyPlan, tag: number): PlannedBody {
    const body = new PlannedBody(plan, tag, this.gate);
    this.#bodies.push(body);
    const frame = body.frame.bind(body);
    body.frame = () => {
      const given = frame();
      this.#called();
      return given;
    };
    return body;
  }

  /** Reads a body as planned and compares what comes with what was sent. */
  async read(name: string, body: Body, reading: Reading, expected: Expected): Promise<void> {
    if (reading === "cancel") {
      body.cancel();
      return;
    }
    if (reading === "not at all") {
      this.#unread.add(body);
      return;
    }
    const done = this.#collect(name, body, reading, expected);
    this.track(`reading ${name}`, done);
    await done;
  }

  /** Users give up what they have not read. */
  cancelUnread(): void {
    for (const body of this.#unread) body.cancel();
  }

  async #collect(name: string, body: Body, reading: Reading, expected: Expected): Promise<void> {
    const { tag } = expected;
    let length = 0;
    try {
      for (let frames = 0; reading !== "one frame" || frames < 1; frames++) {
        if (reading === "slowly") await new Promise<void>((resolve) => this.gate(resolve));
        const frame = await body.frame();
        if (frame === null) {
          this.#complete(name, length, expected);
          return;
        }
        if (!isData(frame)) {
          if (frame.fields.get("x-tag") !== String(tag)) this.violations.push(`${name}: somebody else's trailers`);
          continue;
        }
        const from = length;
        if (!frame.every((byte, at) => byte === byteAt(tag, from + at))) this.violations.push(`${name}: wrong bytes`);
        length += frame.length;
      }
      this.#unread.add(body);
    } catch (error) {
      if (!HttpError.is(error)) this.violations.push(`${name} failed with ${String(error)}`);
    }
  }

  /** A body that came to a clean end must be the one that was sent, whole. */
  #complete(name: string, length: number, { plan, carried }: Expected): void {
    const expected = carried ? lengthOf(plan) : 0;
    const good = !carried || plan.ending === "end" || (plan.ending === "long" && declaredBy(plan) === expected);
    if (length === expected && good) return;
    this.violations.push(`${name} ended cleanly with ${length} of ${expected} bytes`);
  }

  /** @param returned Bodies that were handed back. */
  judge(returned: readonly PlannedBody[]): void {
    for (const [name, state] of this.#promises) if (state === "open") this.violations.push(`${name} never settled`);
    for (const body of this.#bodies) {
      for (const offence of body.offences) this.violations.push(`body ${body.tag}: ${offence}`);
      if (body.released || returned.includes(body)) continue;
      this.violations.push(`body ${body.tag} was neither ended nor canceled`);
    }
  }
}
