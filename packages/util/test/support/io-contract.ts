/**
 * What the contract of `Io` asks of any transport, as tests for two connected ends of one.
 */
import type { Io } from "@sluice/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bytes, drained, failure, readText, readToEnd, shutdown } from "./io.ts";

export interface Ends {
  readonly a: Io;
  readonly b: Io;
  close(): Promise<void>;
}

export interface Traits {
  /** Whether one side may end and go on reading. */
  readonly halfClose: boolean;
  /** Whether an end that nobody reads from stops the one that writes. */
  readonly bounded: boolean;
}

/** Tests that `connect` makes ends that keep the contract. */
export function ioContract(name: string, connect: () => Promise<Ends>, traits: Traits): void {
  async function withEnds(use: (a: Io, b: Io) => Promise<void>): Promise<void> {
    const ends = await connect();
    try {
      await use(ends.a, ends.b);
    } finally {
      ends.a.abort();
      ends.b.abort();
      await ends.close();
    }
  }

  describe(`the contract of Io: ${name}`, () => {
    test("bytes arrive in order, both ways, and the end behind them, again and again", () =>
      withEnds(async (a, b) => {
        a.write([bytes("ab"), bytes(""), bytes("c")]);
        a.write([bytes("d")]);
        b.write([bytes("back")]);
        expect(await readText(a)).toBe("back");
        const rest = readToEnd(b);
        const ended = shutdown(a);
        expect(await rest).toBe("abcd");
        await ended;
        expect([await readText(b), await readText(b)]).toEqual([null, null]);
      }));

    test("a second read, and a second wait for room, are refused", () =>
      withEnds(async (a, b) => {
        a.read(() => {});
        expect(() => a.read(() => {})).toThrow(TypeError);
        // In one turn, so that nothing of it has left.
        expect(b.write([new Uint8Array(16 << 20)])).toBe(false);
        b.drained(() => {});
        expect(() => b.drained(() => {})).toThrow(TypeError);
      }));

    test("after shutdown nothing is written, and waiting and ending again are refused", () =>
      withEnds(async (a, b) => {
        const rest = readToEnd(b);
        const ended = shutdown(a);
        expect(a.write([bytes("late")])).toBe(false);
        expect(await failure(drained(a))).toMatchObject({ kind: "user", code: "WRITE_AFTER_SHUTDOWN" });
        expect(await failure(shutdown(a))).toMatchObject({ kind: "user", code: "WRITE_AFTER_SHUTDOWN" });
        await ended;
        expect(await rest).toBe("");
      }));

    if (traits.halfClose) {
      test("each side ends on its own", () =>
        withEnds(async (a, b) => {
          await shutdown(a);
          expect(await readText(b)).toBe(null);
          b.write([bytes("still")]);
          await shutdown(b);
          expect(await readToEnd(a)).toBe("still");
        }));
    }

    test("abort completes what is outstanding with its reason, and the peer's calls with an error", () =>
      withEnds(async (a, b) => {
        const reason = new Error("enough");
        const reading = failure(readText(a));
        const peer = failure(readText(b));
        a.abort(reason);
        a.abort(new Error("again"));
        expect(await reading).toBe(reason);
        expect(await failure(readText(a))).toBe(reason);
        expect(await failure(drained(a))).toBe(reason);
        expect(a.write([bytes("x")])).toBe(false);
        expect(await peer).toMatchObject({ kind: "io", code: "ECONNRESET" });
        expect(await failure(readText(b))).toMatchObject({ kind: "io", code: "ECONNRESET" });
        expect(b.write([bytes("x")])).toBe(false);
        expect(await failure(drained(b))).toMatchObject({ kind: "io", code: "ECONNRESET" });
        expect(await failure(shutdown(b))).toMatchObject({ kind: "io", code: "ECONNRESET" });
      }));

    if (traits.bounded) {
      test("who does not read stops who writes, and lets it go on by reading", () =>
        withEnds(async (a, b) => {
          const chunk = new Uint8Array(65_536).fill(0x78);
          let written = 0;
          let stopped = false;
          // Until nothing has been taken for a while: the operating system has buffers of its own.
          while (!stopped) {
            if (written > 512 * chunk.length) throw new Error("nothing stops it");
            written += chunk.length;
            if (!a.write([chunk])) stopped = await Promise.race([drained(a).then(() => false), pause(300)]);
          }
          let read = 0;
          while (read < written) read += (await readText(b))?.length ?? Number.NaN;
          expect(read).toBe(written);
        }));
    }

    test("whatever is written, in whatever pieces, is read as it was written", () =>
      fc.assert(
        fc.asyncProperty(plans, plans, (forth, back) =>
          withEnds(async (a, b) => {
            const [there, here] = await Promise.all([
              readBytes(b, total(forth)),
              readBytes(a, total(back)),
              writeAll(a, forth),
              writeAll(b, back),
            ]);
            // Not as values to be shown: they are long.
            expect([there === text(forth), here === text(back)]).toEqual([true, true]);
            const [, end] = await Promise.all([shutdown(a), readText(b)]);
            expect(end).toBe(null);
          }),
        ),
        { numRuns: 20 },
      ));
  });
}

/** The sizes of the chunks of each write. */
type Plan = readonly (readonly number[])[];

const size = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 100_000 }));
const plans = fc.array(fc.array(size, { maxLength: 4 }), { maxLength: 6 });

/** Octets that show where they are. */
function content(from: number, length: number): Uint8Array {
  const octets = new Uint8Array(length);
  for (let i = 0, at = from; i < length; i++, at++) octets[i] = at * 31 + (at >> 8);
  return octets;
}

function total(plan: Plan): number {
  return plan.flat().reduce((sum, length) => sum + length, 0);
}

function text(plan: Plan): string {
  return Buffer.from(content(0, total(plan))).toString("latin1");
}

async function writeAll(io: Io, plan: Plan): Promise<void> {
  let at = 0;
  for (const sizes of plan) {
    const chunks = sizes.map((length) => {
      const chunk = content(at, length);
      at += length;
      return chunk;
    });
    if (!io.write(chunks)) await drained(io);
  }
}

async function readBytes(io: Io, length: number): Promise<string> {
  let all = "";
  while (all.length < length) all += await readText(io);
  return all;
}

function pause(ms: number): Promise<true> {
  return new Promise((resolve) => setTimeout(() => resolve(true), ms));
}
