/**
 * Input built from pieces of the grammar, good and bad: far more often nearly right than random bytes would be.
 */
import fc from "fast-check";
import { bytes } from "./wire.ts";

const lineEnds = fc.oneof({ weight: 20, arbitrary: fc.constant("\r\n") }, fc.constantFrom("\n", "\r", "\r\r\n", ""));

const fieldLines = fc.constantFrom(
  "host: a",
  "host: a",
  "host: b:x",
  "content-length: 0",
  "content-length: 3",
  "content-length: 03",
  "content-length: +3",
  "content-length: 3, 3",
  "content-length: 99999999999999999999",
  "transfer-encoding: chunked",
  "transfer-encoding: chunked, chunked",
  "transfer-encoding: gzip, chunked",
  "transfer-encoding: identity",
  "Transfer-Encoding : chunked",
  "connection: close",
  "connection: keep-alive",
  "connection: upgrade, te",
  "upgrade: x",
  "expect: 100-continue",
  "expect: 200-ok",
  "te: trailers",
  "trailer: a",
  "a:b",
  "a: b \t",
  " folded",
  "\tfolded too",
  ": no name",
  "no colon",
  "a b: c",
  "x: \x00",
  "x: \x7f",
  "x: \xff\x80",
  `long: ${"l".repeat(200)}`,
  "",
);

const methods = fc.constantFrom("GET", "GET", "POST", "HEAD", "CONNECT", "OPTIONS", "get", "", "G T", "(");
const targets = fc.constantFrom("/", "/a?b", "*", "a:1", "http://a/", "http://u@a/", "/\xff", "/a#b", "", "//", "/ ");
const versions = fc.constantFrom(
  "HTTP/1.1",
  "HTTP/1.1",
  "HTTP/1.1",
  "HTTP/1.0",
  "HTTP/1.2",
  "HTTP/2.0",
  "http/1.1",
  "",
);
const statuses = fc.constantFrom("200", "200", "204", "304", "100", "103", "101", "404", "099", "1000", "2x0", "");

const requestLine = fc.tuple(methods, targets, versions).map((parts) => parts.join(" "));
const statusLine = fc.tuple(versions, statuses, fc.constantFrom("OK", "", "\xe9\t")).map((parts) => parts.join(" "));

const chunk = fc.oneof(
  fc.constantFrom("3\r\nabc\r\n", "0\r\n\r\n", "0\r\nx: y\r\n\r\n", "3;a=b\r\nabc\r\n", 'A;a="\\""\r\n0123456789\r\n'),
  fc.constantFrom(
    "3 \r\nabc\r\n",
    "3\nabc\n",
    "x\r\n",
    "3\r\nabcd\r\n",
    "-1\r\n",
    "3\r\r\nabc",
    "ffffffffffffffff\r\n",
    "0\r\n\n",
  ),
);

const content = fc.oneof(
  fc.constantFrom("", "", "abc"),
  fc.array(chunk, { maxLength: 3 }).map((chunks) => `${chunks.join("")}0\r\n\r\n`),
  fc.array(chunk, { maxLength: 4 }).map((chunks) => chunks.join("")),
);

function message(start: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const line = fc.tuple(fieldLines, lineEnds).map(([text, end]) => `${text}${end}`);
  return fc
    .tuple(start, lineEnds, fc.array(line, { maxLength: 4 }), lineEnds, content)
    .map(([first, firstEnd, rest, lastEnd, body]) => `${first}${firstEnd}${rest.join("")}${lastEnd}${body}`);
}

const goodRequests = fc.constantFrom(
  "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
  "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc",
  "PUT /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx: y\r\n\r\n",
  "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\nabc",
  "HEAD / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
);

const goodResponses = fc.constantFrom(
  "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc",
  "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx: y\r\n\r\n",
  "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
  "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
  "HTTP/1.0 200 OK\r\n\r\nuntil the end",
);

/** A change to a valid message: bytes replaced, inserted or removed, or the end cut off. */
function mutated(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const change = fc.record({
    at: fc.nat(),
    remove: fc.nat(2),
    insert: fc.oneof(
      fc.constantFrom("", "", "\r", "\n", "\r\n", "\x00", " ", ":", ";", "\t"),
      fc.uint8Array({ minLength: 1, maxLength: 3 }).map((garbage) => String.fromCharCode(...garbage)),
    ),
    cut: fc.nat(9).map((number) => number === 0),
  });
  return fc.tuple(texts, fc.array(change, { minLength: 1, maxLength: 2 })).map(([text, changes]) =>
    changes.reduce((current, { at, remove, insert, cut }) => {
      const position = at % (current.length + 1);
      return `${current.slice(0, position)}${insert}${cut ? "" : current.slice(position + remove)}`;
    }, text),
  );
}

function streams(good: fc.Arbitrary<string>, start: fc.Arbitrary<string>): fc.Arbitrary<Uint8Array> {
  const one = fc.oneof(
    { weight: 3, arbitrary: good },
    { weight: 4, arbitrary: message(start) },
    { weight: 3, arbitrary: mutated(good) },
    {
      weight: 1,
      arbitrary: fc.uint8Array({ maxLength: 40 }).map((garbage) => String.fromCharCode(...garbage)),
    },
  );
  return fc
    .array(one, { minLength: 1, maxLength: 4 })
    .map((messages) => bytes(messages.join("")))
    .filter((input) => input.length > 0);
}

/** What a client may send, at its worst. */
export const requestBytes: fc.Arbitrary<Uint8Array> = streams(goodRequests, requestLine);
/** What a server may send, at its worst. */
export const responseBytes: fc.Arbitrary<Uint8Array> = streams(goodResponses, statusLine);

/** The sizes of pieces, gone through again and again. */
export const cuts: fc.Arbitrary<readonly number[]> = fc.oneof(
  fc.constant([1]),
  fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 }),
  fc.tuple(fc.integer({ min: 1, max: 200 }), fc.constant(100_000)),
);

export function cutUp(input: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0, next = 0; at < input.length; next++) {
    const size = sizes[next % sizes.length] ?? 1;
    pieces.push(input.slice(at, at + size));
    at += size;
  }
  return pieces;
}

const lenient = {
  allowBareLineFeed: fc.boolean(),
  allowObsoleteFolding: fc.boolean(),
  allowSpaceBeforeColon: fc.boolean(),
  ignoreInvalidHeaders: fc.boolean(),
  allowTransferEncodingWithContentLength: fc.boolean(),
  allowRepeatedContentLength: fc.boolean(),
  allowLooseChunks: fc.boolean(),
} as const;

/** Leniency in any combination, and limits that are met. */
export const readingOptions = fc.record(
  {
    ...lenient,
    maxHeaders: fc.constantFrom(2, 100),
    maxHeadBytes: fc.constantFrom(60, 150, 65_536),
    maxTrailerBytes: fc.constantFrom(4, 16_384),
    maxChunkExtensionBytes: fc.constantFrom(3, 16_384),
  },
  { requiredKeys: [] },
);
