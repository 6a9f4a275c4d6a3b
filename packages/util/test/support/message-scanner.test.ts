/** Where messages end, however the bytes are cut. */
import { expect, test } from "vitest";
import { bytes } from "./io.ts";
import { fieldOf, type MessageScanner, requestScanner, responseScanner } from "./message-scanner.ts";

/** The messages in `text`, given to the scanner in chunks of `size`; a part without an end comes last. */
function messages(scanner: MessageScanner, text: string, size: number): string[] {
  const found: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; ) {
    const ended = scanner.ended;
    at += scanner.take(bytes(text.slice(at, at + size)));
    if (scanner.ended === ended) continue;
    found.push(text.slice(start, at));
    start = at;
  }
  return start < text.length ? [...found, text.slice(start)] : found;
}

const requests = [
  "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
  "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n\r\n\r\n!",
  "PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\na;x=y\r\n0123456789\r\n0\r\n\r\n",
  "PUT / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\na: b\r\nc: d\r\n\r\n",
  "POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
];

const responses = [
  "HTTP/1.1 204 No Content\r\ncontent-length: 3\r\n\r\n",
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\na: b\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
  "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n",
  "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
  "HTTP/1.1 304 Not Modified\r\ntransfer-encoding: chunked\r\n\r\n",
  "HTTP/1.1 200 OK\r\n\r\nuntil the end\r\n\r\n",
];

test.each([1, 2, 3, 7, 1000])("requests and responses in chunks of %i", (size) => {
  const heads: string[] = [];
  const scanner = requestScanner((head) => heads.push(head));
  expect(messages(scanner, requests.join(""), size)).toEqual(requests);
  expect(heads.map((head) => head.split(" ")[0])).toEqual(["GET", "POST", "PUT", "PUT", "POST"]);
  const methods = ["GET", "GET", "HEAD", "GET", "GET", "GET"];
  expect(
    messages(
      responseScanner(() => methods.shift()),
      responses.join(""),
      size,
    ),
  ).toEqual(responses);
  expect(methods).toEqual([]);
});

test("what is not HTTP/1 is one message without an end", () => {
  const all = (scanner: MessageScanner, text: string): string[] => messages(scanner, text, 4);
  const h2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
  expect(
    all(
      requestScanner(() => {}),
      h2,
    ),
  ).toEqual([h2]);
  const tunnel = "CONNECT a:1 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n";
  expect(
    all(
      requestScanner(() => {}),
      tunnel,
    ),
  ).toEqual([tunnel]);
  expect(
    all(
      requestScanner(() => {}),
      "\x16\x03\r\n\r\n",
    ),
  ).toEqual(["\x16\x03\r\n\r\n"]);
  expect(
    all(
      responseScanner(() => "GET"),
      "\0\0\0\x04\r\n\r\n",
    ),
  ).toEqual(["\0\0\0\x04\r\n\r\n"]);
  const upgraded = "HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
  expect(
    all(
      responseScanner(() => "GET"),
      upgraded,
    ),
  ).toEqual([upgraded]);
});

test("fields are found whatever their case", () => {
  const head = "GET /x:y HTTP/1.1\r\nHost: a:80\r\nX-Id:  7 \r\n\r\n";
  expect([fieldOf(head, "host"), fieldOf(head, "x-id"), fieldOf(head, "none")]).toEqual(["a:80", "7", undefined]);
});
