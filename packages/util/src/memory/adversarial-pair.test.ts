import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bytes, readToEnd, shutdown } from "../../test/support/io.ts";
import { adversarialPair, fakeTimer, type MemoryIo } from "./index.ts";

/** Writes all chunks, waiting where told to, and then ends. */
function send(io: MemoryIo, chunks: readonly Uint8Array[], done: () => void): void {
  let index = 0;
  const more = (error?: unknown): void => {
    if (error !== undefined) return done();
    while (index < chunks.length) if (!io.write([chunks[index++] ?? new Uint8Array(0)])) return io.drained(more);
    io.shutdown(done);
  };
  more();
}

function collect(io: MemoryIo, into: Uint8Array[], done: (error?: unknown) => void): void {
  io.read(function again(chunk, error) {
    if (chunk === null) return done(error);
    into.push(chunk);
    io.read(again);
  });
}

function flat(chunks: readonly Uint8Array[]): number[] {
  return chunks.flatMap((chunk) => [...chunk]);
}

describe("a correct network", () => {
  test("bytes in are bytes out, both ways at once, whatever is chosen", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 })),
        fc.array(fc.uint8Array({ maxLength: 40 })),
        fc.infiniteStream(fc.nat()),
        (forth, back, choices) => {
          const link = adversarialPair({ choose: (n) => (choices.next().value as number) % n, capacityBytes: 16 });
          const events: string[] = [];
          const atA: Uint8Array[] = [];
          const atB: Uint8Array[] = [];
          collect(link.a, atA, (error) => events.push(`a ended ${String(error)}`));
          collect(link.b, atB, (error) => events.push(`b ended ${String(error)}`));
          send(link.a, forth, () => events.push("a sent"));
          send(link.b, back, () => events.push("b sent"));
          link.run();
          expect(events.sort()).toEqual(["a ended undefined", "a sent", "b ended undefined", "b sent"]);
          expect(flat(atB)).toEqual(flat(forth));
          expect(flat(atA)).toEqual(flat(back));
          expect(link.pending).toBe(0);
        },
      ),
    );
  });

  test("an abort at any step is a prefix and then the error, on both ends", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 })),
        fc.nat(),
        fc.nat(50),
        (forth, seed, steps) => {
          const link = adversarialPair({ seed, capacityBytes: 16 });
          const got: Uint8Array[] = [];
          const ends: unknown[] = [];
          collect(link.b, got, (error) => ends.push(error));
          collect(link.a, [], (error) => ends.push(error));
          let sent = false;
          send(link.a, forth, () => (sent = true));
          for (let i = 0; i < steps && link.step(); i++);
          link.b.abort("enough");
          link.run();
          expect(sent).toBe(true);
          expect(ends).toHaveLength(2);
          const received = flat(got);
          expect(received).toEqual(flat(forth).slice(0, received.length));
        },
      ),
    );
  });

  test("callbacks come at once or later, chunks are cut and joined", () => {
    let atOnce = 0;
    let later = 0;
    const sizes = new Set<number>();
    for (let seed = 0; seed < 200; seed++) {
      const { a, b, run } = adversarialPair({ seed });
      a.write([bytes("one"), bytes("two"), bytes("three")]);
      let returned = false;
      b.read((chunk) => {
        if (returned) later += 1;
        else atOnce += 1;
        sizes.add(chunk?.length ?? 0);
      });
      returned = true;
      run();
    }
    expect(atOnce).toBeGreaterThan(50);
    expect(later).toBeGreaterThan(50);
    for (const size of [1, 2, 3, 4, 7, 11]) expect(sizes).toContain(size);
  });

  test("either end may be first", () => {
    const orders = new Set<string>();
    for (let seed = 0; seed < 50; seed++) {
      const { a, b, run } = adversarialPair({ seed });
      let order = "";
      a.read(() => (order += "a"));
      b.read(() => (order += "b"));
      a.write([bytes("x")]);
      b.write([bytes("x")]);
      run();
      orders.add(order);
    }
    expect([...orders].sort()).toEqual(["ab", "ba"]);
  });
});

test("ends that are always answered at once do not recurse", () => {
  const { a, b, run } = adversarialPair({ choose: (n) => n - 1 });
  let count = 0;
  for (const io of [a, b]) {
    io.read(function again(chunk) {
      count += 1;
      if (chunk === null || count >= 50_000) return;
      io.write([chunk]);
      io.read(again);
    });
  }
  a.write([bytes("ball")]);
  run();
  expect(count).toBe(50_000);
});

test("the same seed gives the same run, another seed another", () => {
  const trace = (seed?: number): string => {
    const { a, b, run } = adversarialPair(seed === undefined ? {} : { seed });
    let sizes = "";
    b.read(function again(chunk) {
      sizes += `${chunk?.length} `;
      b.read(again);
    });
    for (let i = 0; i < 20; i++) a.write([new Uint8Array(100)]);
    run();
    return sizes;
  };
  expect(trace(7)).toBe(trace(7));
  expect(trace(7)).not.toBe(trace(8));
  expect(trace()).toBe(trace(1));
});

test("settle lets users that go on in promises finish", async () => {
  const { a, b, settle } = adversarialPair({ seed: 3, timer: fakeTimer(), info: { secure: true } });
  expect(a.info).toEqual({ secure: true });
  const all = readToEnd(b);
  a.write([bytes("in promises")]);
  const done = shutdown(a);
  expect(await settle()).toBeGreaterThan(0);
  await done;
  expect(await all).toBe("in promises");
});

test("run gives up on ends that keep each other busy, and choose is checked", () => {
  const { a, b, run } = adversarialPair({ seed: 1 });
  for (const io of [a, b]) {
    io.read(function again(chunk) {
      if (chunk !== null) io.write([chunk]);
      io.read(again);
    });
  }
  a.write([bytes("ball")]);
  expect(() => run(1000)).toThrow("not idle after 1000 steps");
  expect(() => adversarialPair({ choose: (n) => n })).toThrow(RangeError);
});
