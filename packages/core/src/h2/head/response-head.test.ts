import { describe, expect, test } from "vitest";
import { feed, linesOf, malformed, sensitiveLinesOf, shown } from "../../../test/http2/support/heads.ts";
import type { Line } from "../../../test/http2/support/hpack.ts";
import { ResponseHead } from "./response-head.ts";

function read(fields: readonly Line[], maxHeaders = 100): [ResponseHead, error: unknown] {
  const head = new ResponseHead({ maxHeaders });
  feed(head, fields);
  return [head, shown(head.check(5))];
}

function refused(fields: readonly Line[], code: string, message: string): void {
  expect(read(fields)[1]).toEqual(malformed(5, code, message));
}

describe("responses", () => {
  test("status, version, fields in order, no content; content-length as a number", () => {
    const [head, error] = read([
      [":status", "200"],
      ["content-length", "7"],
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
    ]);
    expect(error).toBeUndefined();
    const response = head.toResponse();
    expect([response.status, response.version, response.reason, response.body.isEndStream()]).toEqual([
      ...[200, "HTTP/2", "OK", true],
    ]);
    expect(linesOf(response.headers)).toEqual([
      ["content-length", "7"],
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
    ]);
    expect([head.contentLength, head.tooMany]).toEqual([7, false]);
  });

  test("one after another: nothing is left of the one before", () => {
    const head = new ResponseHead({ maxHeaders: 1 });
    feed(head, [
      [":status", "103"],
      ["content-length", "1"],
      ["link", "x"],
    ]);
    expect([head.check(1), head.tooMany]).toEqual([undefined, true]);
    const first = head.toResponse();
    feed(head, [["x", ""]]);
    expect(head.check(1)?.code).toBe("PSEUDO_FIELD_MISSING");
    feed(head, [[":status", "200"]]);
    expect([head.check(1), head.status, head.contentLength, head.tooMany]).toEqual([undefined, 200, -1, false]);
    expect([first.headers.size, head.toResponse().headers.size]).toEqual([1, 0]);
  });

  test("[h2-100] no :status", () => {
    refused([["x", "1"]], "PSEUDO_FIELD_MISSING", "a response must have :status, got none (RFC 9113 8.3.2)");
    refused([], "PSEUDO_FIELD_MISSING", "a response must have :status, got none (RFC 9113 8.3.2)");
  });

  test("[h2-101] a :status that is not three digits, or less than 100", () => {
    for (const status of ["", "20", "2000", "099", "000", "2x0", "20x", "x00", "+20", "2.0"]) {
      const message = `:status must be three digits from 100 to 999, got "${status}" (RFC 9113 8.3.2)`;
      refused([[":status", status]], "INVALID_STATUS", message);
    }
    for (const status of ["100", "599", "999"]) expect(read([[":status", status]])[0].status).toBe(Number(status));
  });

  test("101 does not exist", () => {
    refused([[":status", "101"]], "INVALID_STATUS", ':status must not be 101, got "101" (RFC 9113 8.6)');
  });

  test("[h2-102] pseudo-header fields of requests, unknown and repeated ones", () => {
    for (const name of [":method", ":scheme", ":authority", ":path", ":protocol"]) {
      const message = `pseudo-header fields must be those of a response, got "${name}" (RFC 9113 8.3)`;
      refused(
        [
          [":status", "200"],
          [name, "/"],
        ],
        "PSEUDO_FIELD_FORBIDDEN",
        message,
      );
    }
    refused([[":x", ""]], "PSEUDO_FIELD_UNKNOWN", 'pseudo-header fields must be known ones, got ":x" (RFC 9113 8.3)');
    const twice: Line[] = [
      [":status", "200"],
      [":status", "200"],
    ];
    refused(twice, "PSEUDO_FIELD_REPEATED", ":status must come only once, got another (RFC 9113 8.3)");
  });

  test("[h2-105] invalid names and values, misplaced and connection-specific fields", () => {
    const ok: Line = [":status", "200"];
    const blank = "a field value must not hold control characters or start or end with a blank";
    const late = "pseudo-header fields must precede all other fields";
    refused(
      [ok, ["X", "1"]],
      "FIELD_NAME_INVALID",
      'a field name must be a token in lower case, got "X" (RFC 9113 8.2.1)',
    );
    refused([ok, ["x", "a\n"]], "FIELD_VALUE_INVALID", `${blank}, got one in "x" (RFC 9113 8.2.1)`);
    refused([["x", "1"], ok], "PSEUDO_FIELD_MISPLACED", `${late}, got ":status" behind one (RFC 9113 8.3)`);
    refused(
      [ok, ["keep-alive", "5"]],
      "CONNECTION_SPECIFIC_FIELD",
      'a field section must not hold connection-specific fields, got "keep-alive" (RFC 9113 8.2.2)',
    );
  });

  test("content-length that is no number, or two", () => {
    const ok: Line = [":status", "200"];
    refused(
      [ok, ["content-length", "x"]],
      "CONTENT_LENGTH_INVALID",
      'content-length must be a number of at most 2^53-1, got "x" (RFC 9113 8.1.1)',
    );
    refused(
      [ok, ["content-length", "1"], ["content-length", "2"]],
      "CONTENT_LENGTH_INVALID",
      "content-length must be one number, got 1 and 2 (RFC 9113 8.1.1)",
    );
  });

  test("a sensitive line stays one; cookie, host and others mean nothing here", () => {
    const head = new ResponseHead({ maxHeaders: 100 });
    const fields: Line[] = [
      [":status", "200"],
      ["cookie", "a=0123456789abcdefghij"],
      ["cookie", "b=0123456789abcdefghij"],
      ["host", "a"],
      ["host", "b"],
      ["expect", "x"],
    ];
    feed(head, fields, [false, false, true, false, false, false]);
    expect(head.check(1)).toBeUndefined();
    expect(linesOf(head.headers)).toEqual(fields.slice(1));
    expect(sensitiveLinesOf(head.headers)).toEqual([["cookie", "b=0123456789abcdefghij"]]);
  });
});
