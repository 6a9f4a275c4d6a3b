/**
 * Heads there and back: what a writer writes of a message is what the other side reads, through the compression's tables;
 * and whatever comes in a block is taken or refused, never thrown about.
 */
import { fromIterable, full, HeaderMap } from "@sluice/body";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RequestHead } from "../../src/h2/head/request-head.ts";
import { RequestHeadWriter } from "../../src/h2/head/request-writer.ts";
import { ResponseHead } from "../../src/h2/head/response-head.ts";
import { ResponseHeadWriter } from "../../src/h2/head/response-writer.ts";
import { TrailerSection } from "../../src/h2/head/trailer-section.ts";
import { HpackDecoder } from "../../src/h2/hpack/decoder.ts";
import { HpackEncoder } from "../../src/h2/hpack/encoder.ts";
import { OctetWriter } from "../../src/h2/octet-writer.ts";
import { HttpRequest } from "../../src/message/request.ts";
import { HttpResponse } from "../../src/message/response.ts";
import { RequestTarget } from "../../src/message/target.ts";
import { type Field, fields, method, targetFor } from "../support/random.ts";
import { propertyTimeoutMs, runs } from "../support/runs.ts";
import { linesOf, type Section } from "./support/heads.ts";

const maxListBytes = 1_000_000;

/** One direction of a connection. */
class Wire {
  readonly #octets = new OctetWriter();
  readonly #encoder = new HpackEncoder();
  readonly #decoder = new HpackDecoder({ maxListBytes });

  carry(writer: { write(octets: OctetWriter, encoder: HpackEncoder): void }, section: Section): number {
    this.#encoder.begin(this.#octets);
    writer.write(this.#octets, this.#encoder);
    const block = this.#octets.take();
    section.begin();
    this.#decoder.begin(section);
    const middle = block.length >> 1;
    this.#decoder.decode(block, 0, middle);
    this.#decoder.decode(block, middle, block.length);
    this.#decoder.end();
    return this.#decoder.listBytes;
  }
}

/** A map of lines, every third of which is marked. */
function marked(lines: readonly Field[]): HeaderMap {
  const map = new HeaderMap();
  for (const [at, [name, value]] of lines.entries()) map.append(name, value, { sensitive: at % 3 === 0 });
  return map;
}

/** The lines as the other side sees them: all of `cookie` is one, and looked at apart. */
function seen(map: HeaderMap): unknown {
  const others = linesOf(map)
    .map(([name, value], at) => [name, value, map.sensitiveAt(at)] as const)
    .filter(([name]) => name !== "cookie" && name !== "content-length");
  return { others, cookies: map.getAll("cookie").join("; ") };
}

/** Lines without credentials, which are marked wherever they go. */
const lines = fields.map((list) => list.filter(([name]) => !/authorization$/i.test(name)));

const request = method.chain((name) =>
  fc.record({
    method: fc.constant(name),
    target: targetFor(name),
    host: fc.constantFrom("a.test", "b:1", "[::1]:80"),
    lines,
    length: fc.option(fc.nat(20), { nil: undefined }),
    cookies: fc.array(
      fc.string({ unit: fc.constantFrom("a", "=", ";", "; ", " ", "b"), maxLength: 12 }).map((text) => text.trim()),
      { maxLength: 2 },
    ),
  }),
);

describe("heads there and back", () => {
  test(
    "requests",
    () => {
      fc.assert(
        fc.property(fc.array(request, { minLength: 1, maxLength: 3 }), (plans) => {
          const wire = new Wire();
          const writer = new RequestHeadWriter({ hopByHop: "refuse", scheme: "https" });
          const head = new RequestHead({ maxHeaders: 100 });
          for (const plan of plans) {
            const target = RequestTarget.parse(plan.target, plan.method);
            const headers = marked(plan.lines);
            for (const cookie of plan.cookies) headers.append("cookie", cookie);
            const named = target.authority;
            if (named === undefined) headers.append("host", plan.host);
            const body = plan.length === undefined ? fromIterable([]) : full(new Uint8Array(plan.length));
            writer.prepare(new HttpRequest(plan.method, target, headers, body));
            expect(wire.carry(writer, head)).toBe(writer.listBytes);
            expect(head.check(1, writer.noContent, false)).toBeUndefined();
            const got = head.toRequest();
            const authority = named ?? plan.host;
            expect([got.method, got.authority, got.version]).toEqual([plan.method, authority, "HTTP/2"]);
            if (plan.method !== "CONNECT") {
              const whole =
                plan.target === "*" || (plan.method === "OPTIONS" && /^[^/]*:\/\/[^/?]*$/.test(plan.target));
              expect(got.target.pathAndQuery).toBe(whole ? "*" : target.pathAndQuery);
              expect(got.target.scheme).toBe(whole ? undefined : (target.scheme ?? "https"));
              expect(head.contentLength).toBe(
                writer.length > 0 || got.headers.has("content-length") ? writer.length : -1,
              );
            }
            headers.remove("host");
            got.headers.remove("host");
            const { others, cookies } = seen(got.headers) as { others: unknown; cookies: string };
            const sent = seen(headers) as { others: unknown; cookies: string };
            expect(others).toEqual(sent.others);
            // A line that is empty behind another leaves a blank at the end, which is no part of a value.
            expect(cookies).toBe(sent.cookies.replace(/^[ \t]+|[ \t]+$/g, ""));
            expect(got.headers.getAll("cookie").length).toBe(headers.has("cookie") ? 1 : 0);
          }
        }),
        runs(5000),
      );
    },
    propertyTimeoutMs,
  );

  const response = fc.record({
    status: fc.integer({ min: 200, max: 999 }),
    lines,
    length: fc.option(fc.nat(20), { nil: undefined }),
    method,
  });

  test(
    "responses",
    () => {
      fc.assert(
        fc.property(fc.array(response, { minLength: 1, maxLength: 3 }), fc.boolean(), (plans, autoDateHeader) => {
          const wire = new Wire();
          const writer = new ResponseHeadWriter({ hopByHop: "refuse", autoDateHeader });
          const head = new ResponseHead({ maxHeaders: 100 });
          for (const plan of plans) {
            const headers = marked(plan.lines);
            const body = plan.length === undefined ? fromIterable([]) : full(new Uint8Array(plan.length));
            writer.prepare(new HttpResponse(plan.status, headers, body), plan.method);
            expect(wire.carry(writer, head)).toBe(writer.listBytes);
            expect(head.check(1)).toBeUndefined();
            const got = head.toResponse();
            expect([got.status, got.version, got.headers.has("date")]).toEqual([plan.status, "HTTP/2", autoDateHeader]);
            got.headers.remove("date");
            const withoutCookies = (map: HeaderMap): unknown =>
              linesOf(map).filter(([name]) => name !== "content-length");
            expect(withoutCookies(got.headers)).toEqual(withoutCookies(headers));
            expect(got.headers.getAll("content-length")).toEqual(
              head.contentLength < 0 ? [] : [`${head.contentLength}`],
            );
          }
        }),
        runs(5000),
      );
    },
    propertyTimeoutMs,
  );
});

describe("whatever comes", () => {
  const name = fc.oneof(
    fc.constantFrom(
      ...[":method", ":scheme", ":authority", ":path", ":protocol", ":status", ":", ":x", "", "host", "cookie", "te"],
      ...["content-length", "expect", "priority", "via", "connection", "upgrade", "date", "Host", "a", "b"],
    ),
    fc.string({ unit: "binary-ascii", maxLength: 4 }),
  );
  const value = fc.oneof(
    fc.constantFrom(
      ...["GET", "CONNECT", "OPTIONS", "https", "http", "a.test", "a.test:1", "/", "*", "", "200", "101", "5", "6"],
      ...["trailers", "100-continue", "websocket", "a=1", "u=1", "me@a", " ", "x\0", "9".repeat(30)],
    ),
    fc.string({ unit: "binary-ascii", maxLength: 8 }),
  );
  const usual: Field[] = [
    [":method", "GET"],
    [":scheme", "https"],
    [":authority", "a.test"],
    [":path", "/"],
  ];
  const list = fc
    .tuple(fc.subarray(usual), fc.array(fc.tuple(name, value, fc.boolean()), { maxLength: 8 }))
    .map(([some, any]) => [...some.map(([n, v]) => [n, v, false] as const), ...any]);

  test(
    "is taken or refused by every kind of section, the same each time, and nothing is thrown",
    () => {
      let taken = 0;
      const wire = new Wire();
      fc.assert(
        fc.property(list, fc.boolean(), fc.boolean(), fc.nat(4), (fieldList, endStream, extended, maxHeaders) => {
          const writer = {
            write(octets: OctetWriter, encoder: HpackEncoder): void {
              for (const [n, v, sensitive] of fieldList) encoder.field(octets, n, v, sensitive);
            },
          };
          const request = new RequestHead({ maxHeaders });
          const response = new ResponseHead({ maxHeaders });
          const trailers = new TrailerSection({ maxHeaders });
          const outcomes: unknown[][] = [[], []];
          for (const outcome of outcomes) {
            wire.carry(writer, request);
            wire.carry(writer, response);
            wire.carry(writer, trailers);
            const errors = [request.check(9, endStream, extended), response.check(9), trailers.check(9)];
            for (const error of errors) {
              outcome.push(error?.message);
              if (error === undefined) continue;
              expect([error.streamId, error.reason]).toEqual([9, 1]);
              expect(error.message).toMatch(/^HEADERS: [\x20-\x7e]*, got [\x20-\x7e]* \(RFC [0-9]{4} [0-9.]+\)$/);
            }
            if (errors[0] === undefined) {
              taken++;
              const made = request.toRequest();
              expect(made.headers.size).toBeLessThanOrEqual(maxHeaders + 1);
              // What was taken can be sent on.
              if (made.authority !== undefined && made.authority !== "" && request.protocol === undefined) {
                new RequestHeadWriter({ hopByHop: "refuse", scheme: "http" }).prepare(made.withBody(fromIterable([])));
              }
            }
            if (errors[1] === undefined) response.toResponse();
          }
          expect(outcomes[1]).toEqual(outcomes[0]);
        }),
        runs(5000),
      );
      expect(taken).toBeGreaterThan(0);
    },
    propertyTimeoutMs,
  );
});
