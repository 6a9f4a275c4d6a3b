import { describe, expect, test } from "vitest";
import { portableClock } from "./timer.ts";

/** A runtime whose timers are noted and never run. */
function host(handle: unknown, extra: object = {}): { readonly host: object; readonly calls: string[] } {
  const calls: string[] = [];
  const note =
    (name: string) =>
    (...args: unknown[]): unknown => {
      calls.push(`${name} ${args.filter((arg) => typeof arg !== "function" && typeof arg !== "object").join()}`.trim());
      return handle;
    };
  const timers = { setTimeout: note("setTimeout"), clearTimeout: note("clearTimeout") };
  return { host: { ...timers, ...extra }, calls };
}

const task = (): void => {};

describe("portableClock", () => {
  test("a handle with unref is unreferenced", () => {
    const unrefs: string[] = [];
    const { host: bun, calls } = host({ unref: () => unrefs.push("unref") });
    portableClock(bun).setTimeout(task, 20);
    expect([...calls, ...unrefs]).toEqual(["setTimeout 20", "unref"]);
  });

  test("a numeric handle is unreferenced by Deno.unrefTimer, where there is one", () => {
    const unrefs: number[] = [];
    const { host: deno } = host(7, { Deno: { unrefTimer: (handle: number) => unrefs.push(handle) } });
    portableClock(deno).setTimeout(task, 20);
    expect(unrefs).toEqual([7]);
    const { host: browser, calls } = host(7);
    portableClock(browser).setTimeout(task, 20);
    expect(calls).toEqual(["setTimeout 20"]);
  });

  test("without setImmediate a timeout of 0 stands in, and is taken back as one", () => {
    const { host: browser, calls } = host(7);
    const clock = portableClock(browser);
    clock.clearImmediate(clock.setImmediate(task));
    expect(calls).toEqual(["setTimeout 0", "clearTimeout 7"]);
  });

  test("setImmediate is used where there is one", () => {
    const calls: string[] = [];
    const immediate = { setImmediate: () => calls.push("set"), clearImmediate: () => calls.push("clear") };
    const clock = portableClock({ ...host(7).host, ...immediate });
    clock.clearImmediate(clock.setImmediate(task));
    expect(calls).toEqual(["set", "clear"]);
  });
});
