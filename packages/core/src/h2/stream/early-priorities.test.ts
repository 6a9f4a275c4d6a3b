import { describe, expect, test } from "vitest";
import { PROTOCOL_ERROR } from "../frame/error-code.ts";
import { EarlyPriorities } from "./early-priorities.ts";

describe("EarlyPriorities", () => {
  test("[h2-228] keeps the latest value until the stream is opened", () => {
    const early = new EarlyPriorities();
    expect(early.take(1)).toBe(undefined);
    early.set(3, "u=1", 0, 100);
    early.set(3, "u=2", 0, 100);
    expect(early.size).toBe(1);
    expect(early.take(1)).toBe(undefined);
    expect(early.take(3)).toBe("u=2");
    expect([early.take(3), early.size]).toEqual([undefined, 0]);
  });

  test("drops what was kept for streams that were passed over", () => {
    const early = new EarlyPriorities();
    for (const id of [3, 9, 5]) early.set(id, `u=${id % 8}`, 0, 100);
    expect(early.take(7)).toBe(undefined);
    expect(early.size).toBe(1);
    expect(early.take(9)).toBe("u=1");
  });

  test("with the active streams there are as many as may be active, and not one more", () => {
    const early = new EarlyPriorities();
    expect(early.set(11, "", 3, 5)).toBe(undefined);
    expect(early.set(13, "", 3, 5)).toBe(undefined);
    expect(early.set(13, "i", 3, 5)).toBe(undefined);
    const error = early.set(15, "", 3, 5);
    expect([error?.streamId, error?.reason, error?.code]).toEqual([0, PROTOCOL_ERROR, "TOO_MANY_PRIORITIZED"]);
    expect(error?.message).toBe(
      "PRIORITY_UPDATE: at most 5 streams may be active or prioritized ahead, got stream 15 besides (RFC 9218 7.1)",
    );
    expect(early.size).toBe(2);
    expect(early.set(15, "", 2, 5)).toBe(undefined);
    expect(early.set(1, "", 0, 0)?.code).toBe("TOO_MANY_PRIORITIZED");
  });
});
