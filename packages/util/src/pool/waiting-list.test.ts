import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { codeOf, quiet, resultOf, watch } from "../../test/support/workshop.ts";
import { WaitingList } from "./waiting-list.ts";

function listening(): { readonly list: WaitingList<string>; readonly left: () => number } {
  let count = 0;
  return { list: new WaitingList<string>(() => void count++), left: () => count };
}

test("first come, first served, with a value or an error", async () => {
  const { list } = listening();
  const waiters = [1, 2, 3].map(() => watch(list.join(undefined)));
  expect(list.size).toBe(3);
  expect(list.give("a")).toBe(true);
  const error = new Error("no");
  expect(list.fail(error)).toBe(true);
  await quiet();
  expect(waiters).toEqual([{ state: "fulfilled", value: "a" }, { state: "rejected", error }, { state: "pending" }]);
  expect(list.give("b")).toBe(true);
  expect([list.give("c"), list.fail(error), list.size]).toEqual([false, false, 0]);
  await quiet();
  expect(resultOf(waiters[2])).toBe("b");
});

test("one that gives up leaves from anywhere in the line, and is not served", async () => {
  const { list, left } = listening();
  const controllers = [0, 1, 2].map(() => new AbortController());
  const waiters = controllers.map(({ signal }) => watch(list.join(signal)));
  controllers[1]?.abort("enough");
  expect([list.size, left()]).toEqual([2, 1]);
  await quiet();
  expect(codeOf(waiters[1] ?? { state: "pending" })).toBe("canceled CANCELED");
  expect(waiters[1]?.error).toMatchObject({ cause: "enough" });
  list.give("a");
  list.give("b");
  await quiet();
  expect([waiters[0]?.value, waiters[2]?.value]).toEqual(["a", "b"]);
});

test("no listener stays at the signal, however the wait ends", async () => {
  const { list, left } = listening();
  const controller = new AbortController();
  const { signal } = controller;
  const seen = [1, 2, 3].map(() => watch(list.join(signal)));
  expect(getEventListeners(signal, "abort")).toHaveLength(3);
  list.give("a");
  expect(getEventListeners(signal, "abort")).toHaveLength(2);
  list.fail(new Error("no"));
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  controller.abort();
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
  await quiet();
  expect(seen.map(({ state }) => state)).toEqual(["fulfilled", "rejected", "rejected"]);
  expect([list.size, left()]).toEqual([0, 1]);
});
