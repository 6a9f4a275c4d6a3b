/**
 * The examples of HTTP/2 in docs/examples run, and print what they are about.
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";

const folder = new URL("../../../docs/examples/http2/", import.meta.url);

/** What each example prints; a pattern where it is about the time or the machine. */
const printed: Readonly<Record<string, readonly string[]>> = {
  "concurrent-requests.mjs": [
    "answer to /1, answer to /2, answer to /3, answer to /4, answer to /5",
    "answered in this order: 5 4 3 2 1",
    "streams at a time: 5",
  ],
  "streaming.mjs": ["read 3276800 bytes in all", "never more than 16 chunks were made ahead: true"],
  "push.mjs": [
    "stream 2 is promised: GET /style.css",
    "stream 4 is promised: GET /advert.js",
    "the page: <link rel=stylesheet href=/style.css>",
    "pushed: 200 content of /style.css",
  ],
  "flow-control.mjs": [
    "the client may send 100 octets",
    "of 150 octets 50 have to wait",
    "the server has read 100, and allows for 0 more",
    "released, it reads 50 more",
    "the client was granted 50",
    "the server has read 50, the end: true",
    "200, received 200; the stream is closed by END_STREAM",
  ],
  "monitoring.mjs": [
    "round trip measured: true",
    "server: stream 1 was idle, is half-closed (remote)",
    "server: stream 1 waits because of the stream window",
    "client: 1 stream of 128 open, 65535 octets unread",
    "server: stream 1 was half-closed (remote), is closed by END_STREAM",
    "client: 0 streams open, 0 octets unread",
    "0.000 stream 1 idle -> half-closed (local)",
    "0.000 -> HEADERS 1 END_STREAM,END_HEADERS 11",
    "0.000 <- HEADERS 1 END_HEADERS 32",
    "0.000 <- DATA 1 16384",
    "0.000 <- DATA 1 16384",
    "0.000 <- DATA 1 16384",
    "0.000 <- DATA 1 16383",
    "0.000 -> WINDOW_UPDATE 1 4 increment=32768",
    "0.000 <- DATA 1 END_STREAM 4465",
    "0.000 stream 1 half-closed (local) -> closed by END_STREAM",
  ],
  "retries.mjs": [
    "attempt 1: closed REFUSED_STREAM, can be sent again: true",
    "attempt 2: closed REFUSED_STREAM, can be sent again: true",
    "on a new connection",
    "attempt 3: 200 at last",
  ],
  "connection-reuse.mjs": [
    "/a: connection 1",
    "/b: connection 1",
    "/c: connection 1",
    "/d: connection 2",
    "/e: connection 2",
    "2 connections for 5 requests",
  ],
};

test.each(Object.keys(printed))("%s", async (name) => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  try {
    // Each ends when its connections and its listener are closed.
    await import(new URL(name, folder).href);
    const lines = log.mock.calls.map((values) => values.join(" ").trim().replace(/ +/g, " "));
    expect(lines).toEqual(printed[name]);
  } finally {
    log.mockRestore();
  }
});

test("each has its line in the README, and is short", () => {
  const files = readdirSync(folder).filter((name) => name.endsWith(".mjs"));
  expect(files.sort()).toEqual(Object.keys(printed).sort());
  const readme = readFileSync(new URL("README.md", folder), "utf8");
  for (const name of files) {
    expect(readme).toContain(`[${name}](${name})`);
    expect(readFileSync(new URL(name, folder), "utf8").split("\n").length).toBeLessThanOrEqual(70);
  }
});
