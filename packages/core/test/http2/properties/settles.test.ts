/**
 * Whatever users, services, bodies, the network and the clock do: everything that was handed out settles, nothing
 * escapes, nothing is left behind, nothing passes for what it is not, and neither end sends what it must not.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { propertyTimeoutMs, runs } from "../../support/runs.ts";
import { play } from "../support/play.ts";
import { Stage } from "../support/stage.ts";
import { watchUnhandled } from "../support/unhandled.ts";

const unhandled = watchUnhandled();

test(
  "promises settle, streams and alarms go, credit and tables stay even, on any network and at any moment",
  async () => {
    await fc.assert(
      fc.asyncProperty(play, async (plan) => {
        const stage = new Stage(plan);
        await stage.perform();
        expect([...stage.violations, ...unhandled()]).toEqual([]);
      }),
      runs(20_000),
    );
  },
  propertyTimeoutMs,
);
