/**
 * Whatever users, services, bodies, the network and the clock do: everything that was handed out settles, nothing
 * escapes, nothing is left behind, and nothing passes for what it is not.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { play } from "../support/play.ts";
import { propertyTimeoutMs, runs } from "../support/runs.ts";
import { Stage } from "../support/stage.ts";

const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);

beforeAll(() => void process.on("unhandledRejection", note).on("uncaughtException", note));
afterAll(() => void process.off("unhandledRejection", note).off("uncaughtException", note));

test(
  "every promise settles, every alarm is taken back, every body is released, on any network and at any moment",
  async () => {
    await fc.assert(
      fc.asyncProperty(play, async (plan) => {
        const stage = new Stage(plan);
        await stage.perform();
        expect([...stage.violations, ...unhandled.splice(0)]).toEqual([]);
      }),
      runs(20_000),
    );
  },
  propertyTimeoutMs,
);
