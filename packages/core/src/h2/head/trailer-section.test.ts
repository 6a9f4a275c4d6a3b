import { describe, expect, test } from "vitest";
import { feed, linesOf, malformed, sensitiveLinesOf, shown } from "../../../test/http2/support/heads.ts";
import type { Line } from "../../../test/http2/support/hpack.ts";
import { TrailerSection } from "./trailer-section.ts";

function read(fields: readonly Line[], maxHeaders = 100): [TrailerSection, error: unknown] {
  const section = new TrailerSection({ maxHeaders });
  feed(section, fields);
  return [section, shown(section.check(7))];
}

function refused(fields: readonly Line[], code: string, message: string): void {
  expect(read(fields)[1]).toEqual(malformed(7, code, message));
}

describe("trailer sections", () => {
  test("are fields, whatever their names; each has a map of its own", () => {
    const fields: Line[] = [
      ["grpc-status", "0"],
      ["content-length", "x"],
      ["host", "a"],
      ["cookie", "a=1"],
      ["cookie", "b=2"],
    ];
    const section = new TrailerSection({ maxHeaders: 100 });
    feed(section, fields);
    expect(section.check(1)).toBeUndefined();
    const first = section.headers;
    expect(linesOf(first)).toEqual(fields);
    // Short crumbs come as literals that are never indexed.
    expect(sensitiveLinesOf(first)).toEqual(fields.slice(3));
    feed(section, []);
    expect([section.check(1), section.headers.size, first.size]).toEqual([undefined, 0, 5]);
  });

  test("[h2-164] a pseudo-header field, wherever it is", () => {
    for (const name of [":status", ":path", ":x"]) {
      const message = `a trailer section must not hold pseudo-header fields, got "${name}" (RFC 9113 8.1)`;
      refused([[name, "200"]], "PSEUDO_FIELD_FORBIDDEN", message);
    }
    const late = 'pseudo-header fields must precede all other fields, got ":path" behind one (RFC 9113 8.3)';
    refused(
      [
        ["a", "1"],
        [":path", "/"],
      ],
      "PSEUDO_FIELD_MISPLACED",
      late,
    );
  });

  test("[h2-167] names in upper case, empty or binary, and values with control characters", () => {
    for (const [name, quoted] of [
      ["A", '"A"'],
      ["", '""'],
      ["a\xff", '"a\\xff"'],
      ["\x00", '"\\x00"'],
    ] as const) {
      const message = `a field name must be a token in lower case, got ${quoted} (RFC 9113 8.2.1)`;
      refused([[name, "1"]], "FIELD_NAME_INVALID", message);
    }
    for (const value of ["\x00", "a\r\nb", " a"]) {
      const message = "a field value must not hold control characters or start or end with a blank";
      refused([["a", value]], "FIELD_VALUE_INVALID", `${message}, got one in "a" (RFC 9113 8.2.1)`);
    }
  });

  test("connection-specific fields", () => {
    const message = 'a field section must not hold connection-specific fields, got "connection" (RFC 9113 8.2.2)';
    refused([["connection", "close"]], "CONNECTION_SPECIFIC_FIELD", message);
    refused([["te", "gzip"]], "INVALID_TE", 'te must be "trailers", got "gzip" (RFC 9113 8.2.2)');
  });

  test("maxHeaders is exact", () => {
    const fields: Line[] = [
      ["a", "1"],
      ["b", "2"],
    ];
    expect(read(fields, 2)[0].tooMany).toBe(false);
    const [section, error] = read(fields, 1);
    expect([error, section.tooMany, linesOf(section.headers)]).toEqual([undefined, true, [["a", "1"]]]);
  });
});
