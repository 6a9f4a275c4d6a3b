/** `Retry-After`, in all its forms. */
import { HttpResponse } from "@sluice/core";
import { expect, test } from "vitest";
import { parseHttpDate, retryAfterMs } from "./retry-after.ts";

test.each([["Sun, 06 Nov 1994 08:49:37 GMT"], ["Sunday, 06-Nov-94 08:49:37 GMT"], ["Sun Nov  6 08:49:37 1994"]])(
  "RFC 9110 5.6.7: %s",
  (text) => {
    expect(parseHttpDate(text)).toBe(784_111_777_000);
  },
);

test.each([
  "",
  "tomorrow",
  "Sun, 6 Nov 1994 08:49:37 GMT",
  "Sun, 06 Nox 1994 08:49:37 GMT",
  "Sun, 06 Nov 1994 24:00:00 GMT",
])("no date: %j", (text) => expect(parseHttpDate(text)).toBeUndefined());

const date = "Sun, 06 Nov 1994 08:49:37 GMT";

test.each([
  [{ "retry-after": "0" }, 0],
  [{ "retry-after": "120" }, 120_000],
  [{ "retry-after": "Sun, 06 Nov 1994 08:49:47 GMT", date }, 10_000],
  [{ "retry-after": date, date: "Sun, 06 Nov 1994 08:49:47 GMT" }, 0],
  [{ "retry-after": date }, 0],
  [{ "retry-after": "-1" }, undefined],
  [{ "retry-after": "1.5" }, undefined],
  [{ "retry-after": "99999999999" }, undefined],
  [{ "retry-after": ["1", "2"] }, undefined],
  [{}, undefined],
])("%j: %s", (headers: Record<string, string | string[]>, expected) => {
  expect(retryAfterMs(new HttpResponse(503, headers))).toBe(expected);
});
