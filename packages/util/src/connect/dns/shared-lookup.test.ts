import { expect, test } from "vitest";
import { SharedLookup } from "./shared-lookup.ts";

const address = { address: "192.0.2.1", family: 4 } as const;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a reader that has left does not wait any more, one that has not does until the end", async () => {
  const lookup = new SharedLookup();
  const controller = new AbortController();
  const leaving = lookup.read(controller.signal).next();
  const staying = lookup.read(undefined);
  const first = staying.next();
  await turn();
  expect(lookup.waiting).toBe(2);
  controller.abort("why");
  await expect(leaving).rejects.toMatchObject({ code: "CANCELED", cause: "why" });
  expect(lookup.waiting).toBe(1);
  lookup.add([address]);
  expect(await first).toEqual({ done: false, value: [address] });
  const second = staying.next();
  lookup.end();
  expect(await second).toEqual({ done: true, value: undefined });
  expect(lookup.waiting).toBe(0);
});

test("a reader whose signal has aborted gets nothing, not even what is there", async () => {
  const lookup = new SharedLookup();
  lookup.add([address]);
  await expect(lookup.read(AbortSignal.abort()).next()).rejects.toMatchObject({ code: "CANCELED" });
});

test("what comes after the end, and empty batches, are dropped", async () => {
  const lookup = new SharedLookup();
  lookup.add([]);
  lookup.end(new Error("first"));
  lookup.add([address]);
  lookup.end(new Error("second"));
  expect(lookup.addresses).toEqual([]);
  await expect(lookup.read(undefined).next()).rejects.toThrow("first");
});

test("a reader that was woken has no listener on its signal", async () => {
  const lookup = new SharedLookup();
  const { signal } = new AbortController();
  const present = new Set<unknown>();
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...given: Parameters<typeof addEventListener>) => {
    present.add(given[1]);
    addEventListener.apply(signal, given);
  };
  signal.removeEventListener = (...given: Parameters<typeof removeEventListener>) => {
    present.delete(given[1]);
    removeEventListener.apply(signal, given);
  };
  const reading = lookup.read(signal).next();
  await turn();
  expect(present.size).toBe(1);
  lookup.add([address]);
  await reading;
  expect(present.size).toBe(0);
});
