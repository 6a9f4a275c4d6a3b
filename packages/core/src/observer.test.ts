import { describe, expect, test } from "vitest";
import { guarded, type Observer } from "./observer.ts";

/** Every method there is, whatever it takes. */
const names = {
  bytesRead: 0,
  bytesWritten: 0,
  requestStarted: 0,
  informational: 0,
  responseStarted: 0,
  exchangeEnded: 0,
  serviceFailed: 0,
  connectionClosed: 0,
  frameReceived: 0,
  frameSent: 0,
  streamChanged: 0,
  stalled: 0,
  defenceCounted: 0,
  pingAnswered: 0,
} satisfies Record<keyof Observer, 0>;

type Loose = Record<string, (...facts: unknown[]) => void>;

describe("guarded", () => {
  for (const name of Object.keys(names)) {
    test(`${name} is handed on with its facts; what it throws is dropped; others stay absent`, () => {
      const heard: unknown[] = [];
      const observer = {
        [name](this: unknown, ...facts: unknown[]) {
          heard.push([this === observer, ...facts]);
          throw new Error("trouble");
        },
      };
      const guard = guarded(observer as Observer) as unknown as Loose;
      guard[name]?.(1, "two", undefined);
      expect(heard).toEqual([[true, 1, "two", undefined]]);
      expect(Object.getOwnPropertyNames(guard)).toEqual([name]);
    });
  }

  test("an observer has one guard", () => {
    const observer: Observer = {};
    expect(guarded(observer)).toBe(guarded(observer));
  });
});
