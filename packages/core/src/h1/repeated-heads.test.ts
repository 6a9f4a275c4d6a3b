/** What is kept of earlier heads must never be seen in what is read and written. */
import { full, HeaderMap } from "@sluice/body";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { runs } from "../../test/support/runs.ts";
import { bytes } from "../../test/support/wire.ts";
import { ReadBuffer } from "../bytes/read-buffer.ts";
import { HttpError } from "../error.ts";
import { HttpResponse } from "../message/response.ts";
import { resolveServerOptions, type ServerOptions } from "./options.ts";
import { keepHead, repeatedHead } from "./repeated-heads.ts";
import { keepSection, sectionAt } from "./repeated-sections.ts";
import { RequestHeadReader } from "./request-head-reader.ts";
import { ResponseHeadWriter } from "./response-head-writer.ts";

const get = {
  method: "GET",
  minorVersion: 1,
  connectionKeepAlive: false,
  acceptsTrailers: false,
  wantsUpgrade: false,
};

beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(1994, 10, 6, 8, 49, 37), toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

/** Reads `head`, pushed in one piece with `behind` after it. */
function read(reader: RequestHeadReader, head: string, behind = ""): readonly unknown[] {
  const buffer = new ReadBuffer();
  buffer.push(bytes(head + behind));
  try {
    const complete = reader.read(buffer);
    const { method, target, minorVersion, headers, contentLength, transferEncoding } = reader;
    const { keepsAlive, wantsUpgrade, expectContinue, acceptsTrailers } = reader;
    const flags = [keepsAlive, wantsUpgrade, expectContinue, acceptsTrailers];
    return [
      complete,
      method,
      String(target),
      minorVersion,
      [...headers],
      contentLength,
      transferEncoding,
      flags,
      buffer.length,
    ];
  } catch (error) {
    return [(error as HttpError).code];
  }
}

const reader = (options?: ServerOptions): RequestHeadReader => new RequestHeadReader(resolveServerOptions(options));

describe("header sections of requests that come again", () => {
  const sections = [
    "host: a\r\n\r\n",
    "Host: a\r\n\r\n",
    "host: a\r\naccept: */*\r\n\r\n",
    "host: a\r\naccept: */+\r\n\r\n",
    "host: a\r\ncookie: secret=1\r\n\r\n",
    "host: a\r\nauthorization: Basic eA==\r\n\r\n",
    "host: a\r\ncontent-length: 5\r\n\r\n",
    "host: a\r\ntransfer-encoding: chunked\r\n\r\n",
    "host: a\r\nconnection: close\r\n\r\n",
    "host: a\r\nconnection: keep-alive\r\n\r\n",
    "host: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
    "host: a\r\nexpect: 100-continue\r\n\r\n",
    "host: a\r\nte: trailers\r\n\r\n",
    "host: a\r\nhost: a\r\n\r\n",
    "host: \x01\r\n\r\n",
    "accept: */*\r\n\r\n",
    "\r\n",
    `host: a\r\nx: ${"y".repeat(2000)}\r\n\r\n`,
  ];
  const lines = [
    "GET / HTTP/1.1\r\n",
    "GET /other?x HTTP/1.1\r\n",
    "OPTIONS * HTTP/1.1\r\n",
    "CONNECT a:1 HTTP/1.1\r\n",
    "GET / HTTP/1.0\r\n",
    "GET /\x01 HTTP/1.1\r\n",
    "GET / HTTP/2.0\r\n",
    "GET / HTTP/1.1\n",
    "GET  / HTTP/1.1\r\n",
    "\r\nGET / HTTP/1.1\r\n",
  ];

  test("are read as if they had never been there before", () => {
    const head = fc.tuple(fc.constantFrom(...lines), fc.constantFrom(...sections)).map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.array(head, { maxLength: 12 }), fc.constantFrom("", "x", "GET / "), (heads, behind) => {
        const lasting = reader();
        for (const one of heads) {
          const expected = read(reader(), one, behind);
          expect(read(lasting, one, behind)).toEqual(expected);
          if (expected[0] !== true) return;
          lasting.reset();
        }
      }),
      runs(2000),
    );
  });

  test("give each request a map of its own", () => {
    const lasting = reader();
    for (let i = 0; i < 3; i++) {
      expect(read(lasting, "GET / HTTP/1.1\r\nhost: a\r\nx: 1\r\n\r\n")[4]).toEqual([
        ["host", "a"],
        ["x", "1"],
      ]);
      lasting.headers.insert("x", "changed");
      lasting.headers.append("y", "added");
      lasting.reset();
    }
  });

  test("are kept up to 1,024 octets, without cookies and credentials", () => {
    const isKept = (fields: string, headers: HeaderMap): boolean => {
      const octets = bytes(`${fields}\r\n`);
      const place = keepSection(headers, octets, 0, octets.length);
      return place >= 0 && sectionAt(place, octets, 0, octets.length) !== undefined;
    };
    const plain = new HeaderMap({ host: "a" });
    const ofLength = (length: number): string => `host: a\r\nx: ${"y".repeat(length - 16)}\r\n`;
    expect([isKept(ofLength(1024), plain), isKept(ofLength(1025), plain)]).toEqual([true, false]);
    for (const name of ["cookie", "authorization", "proxy-authorization"]) {
      expect(isKept(`host: a\r\n${name}: x\r\n`, new HeaderMap({ host: "a", [name]: "x" }))).toBe(false);
    }
  });

  test("count against the limits of the connection they come on", () => {
    const head = "GET / HTTP/1.1\r\nhost: a\r\nx: 1\r\ny: 2\r\n\r\n";
    const longer = head.replace("/", `/${"p".repeat(300)}`);
    const long = reader({ maxHeadBytes: longer.length - 1 });
    for (const one of [head, head]) {
      expect(read(long, one)[0]).toBe(true);
      long.reset();
    }
    expect(read(long, longer)).toEqual(["HEAD_TOO_LARGE"]);

    const few = reader({ maxHeaders: 3 });
    expect(read(few, head)[0]).toBe(true);
    expect(read(reader({ maxHeaders: 2 }), head)).toEqual(["TOO_MANY_HEADERS"]);
  });
});

describe("heads of responses that are sent again", () => {
  const date = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
  const writer = (options?: ServerOptions): ResponseHeadWriter => new ResponseHeadWriter(resolveServerOptions(options));
  const plain = (): HttpResponse => new HttpResponse(200, { "content-type": "text/plain" }, full("hello"));

  test("are the same, with the date of now", () => {
    const lasting = writer();
    const expected = `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n${date}\r\n`;
    for (let i = 0; i < 3; i++) expect(lasting.write(plain(), get, true)).toBe(expected);
    vi.setSystemTime(Date.UTC(1994, 10, 6, 8, 49, 38));
    expect(lasting.write(plain(), get, true)).toBe(expected.replace(":37", ":38"));
  });

  test("are kept up to 8 lines and 1,024 chars, without cookies and what is marked as sensitive", () => {
    const isKept = (headers: HeaderMap, text = "text"): boolean => {
      keepHead(299, headers, 7, date, text);
      const kept = repeatedHead(299, headers, 7, date);
      expect([text, undefined]).toContain(kept);
      return kept === text;
    };
    const lines = (count: number): HeaderMap =>
      new HeaderMap(Array.from({ length: count }, (_, at): [string, string] => [`kept-${at}`, "x"]));
    expect([isKept(lines(8)), isKept(lines(9))]).toEqual([true, false]);
    expect([isKept(lines(1), "t".repeat(1024)), isKept(lines(2), "t".repeat(1025))]).toEqual([true, false]);
    expect(isKept(new HeaderMap({ "set-cookie": "id=1" }))).toBe(false);
    expect(isKept(new HeaderMap().append("x-secret", "1", { sensitive: true }))).toBe(false);
  });

  test("are what they would be without", () => {
    const value = fc.constantFrom("a", "b", "");
    const name = fc.constantFrom("x", "y", "date", "connection", "content-length", "trailer", "content-type");
    const response = fc.record({
      status: fc.constantFrom(200, 201, 204, 205, 304, 404),
      fields: fc.array(fc.tuple(name, value), { maxLength: 3 }),
      content: fc.constantFrom("", "1", "12"),
      reason: fc.constantFrom(undefined, "Fine"),
      request: fc.record({
        ...Object.fromEntries(Object.entries(get).map(([key, one]) => [key, fc.constant(one)])),
        method: fc.constantFrom("GET", "HEAD", "POST"),
        minorVersion: fc.constantFrom(0, 1),
        acceptsTrailers: fc.boolean(),
      }),
      keepAlive: fc.boolean(),
    });
    const outcome = (
      by: ResponseHeadWriter,
      { status, fields, content, reason, request, keepAlive }: typeof example,
    ) => {
      const headers = new HeaderMap();
      for (const [one, other] of fields) headers.append(one, one === "content-length" ? String(content.length) : other);
      const made = new HttpResponse(status, headers, full(content));
      if (reason !== undefined) made.withReason(reason);
      try {
        const text = by.write(made, request as typeof get, keepAlive);
        return [text, by.framing, by.length, by.keepAlive, by.upgrades, by.trailerNames];
      } catch (error) {
        return HttpError.is(error) ? error.code : error;
      }
    };
    const [example] = fc.sample(response, 1) as [ReturnType<typeof response.generate>["value"]];
    fc.assert(
      fc.property(fc.array(response, { maxLength: 20 }), (responses) => {
        const lasting = writer();
        for (const one of responses) {
          // Where spelling is preserved nothing is kept; without original spellings it changes nothing else.
          expect(outcome(lasting, one)).toEqual(outcome(writer({ preserveHeaderCase: true }), one));
        }
      }),
      runs(2000),
    );
  });
});
