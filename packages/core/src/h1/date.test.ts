import { afterEach, describe, expect, test, vi } from "vitest";
import { httpDate } from "./date.ts";

describe("httpDate", () => {
  afterEach(() => vi.useRealTimers());

  test("an IMF-fixdate of 29 characters", () => {
    vi.useFakeTimers({ now: Date.UTC(1994, 10, 6, 8, 49, 37, 999) });
    expect(httpDate()).toBe("Sun, 06 Nov 1994 08:49:37 GMT");
    expect(httpDate().length).toBe(29);
  });

  test("is made anew when the second changes, forwards or backwards", () => {
    vi.useFakeTimers({ now: Date.UTC(2026, 0, 1, 0, 0, 0) });
    const first = httpDate();
    vi.setSystemTime(Date.UTC(2026, 0, 1, 0, 0, 0, 999));
    expect(httpDate()).toBe(first);
    vi.setSystemTime(Date.UTC(2026, 0, 1, 0, 0, 1));
    expect(httpDate()).toBe("Thu, 01 Jan 2026 00:00:01 GMT");
    vi.setSystemTime(Date.UTC(2025, 11, 31, 23, 59, 59));
    expect(httpDate()).toBe("Wed, 31 Dec 2025 23:59:59 GMT");
  });
});
