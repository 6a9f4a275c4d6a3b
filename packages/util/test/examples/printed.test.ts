/**
 * Examples that ask a server of their own and end: pooled-client.mjs, retries.mjs, fetch.mjs, middleware.mjs; and
 * in-memory.test.mjs, which is a test itself. What they print, to the letter.
 */
import { expect, test } from "vitest";
import { runExample } from "./program.ts";

const printed: Readonly<Record<string, readonly string[]>> = {
  "pooled-client.mjs": [
    "200 HTTP/1.1: this is /one",
    'POST: {"n":1}',
    "this is /a, this is /b, this is /c, this is /d",
    "connections after six requests: 2 idle, 0 in use; 0 requests wait",
    "too late: timeout headTimeoutMs",
    "given up: canceled CANCELED, no longer wanted",
    "closed: CLIENT_CLOSED, 0 hosts left",
  ],
  "retries.mjs": [
    "GET /busy: 503, retry 1",
    "GET /busy: 503, retry 2",
    "GET /busy: 200 call 3",
    "POST /busy: 503",
    "POST /fails: 500, retry 1",
    "POST /fails: 500, retry 2",
    "POST /fails: 200 call 3 order 7",
    "GET /gone: 503, retry 1",
    "GET /gone: 503",
  ],
  "fetch.mjs": [
    "redirected: true, to /new",
    '{"method":"GET","text":""}',
    "application/x-www-form-urlencoded;charset=UTF-8",
    "by its signal: TimeoutError",
    "by the client: TypeError (fetch failed) because of timeout headTimeoutMs",
  ],
  "middleware.mjs": [
    "  server: GET / 200 4 bytes completed",
    "client: GET / 200 4 bytes completed",
    "200 well, for /",
    "  server: GET /flaky 503 0 bytes completed",
    "  server: GET /flaky 503 0 bytes completed",
    "  server: GET /flaky 200 4 bytes completed",
    "client: GET /flaky 200 4 bytes completed",
    "200 well, for /flaky",
    "  server: GET /stuck 503 0 bytes completed",
    "client: GET /stuck 503 0 bytes completed",
    "503 without content, for /stuck",
  ],
};

test.each(Object.keys(printed))("%s", async (name) => {
  expect(await runExample(name)).toEqual({ lines: printed[name], code: 0 });
});

test("in-memory.test.mjs: each of its tests passes", async () => {
  const { lines, code } = await runExample("in-memory.test.mjs");
  expect(lines.filter((line) => /^ *(?:not )?ok /.test(line)).map((line) => line.trim())).toEqual([
    "ok 1 - HTTP/1.1: answers",
    "ok 2 - HTTP/1.1: a service that takes too long is answered for, exactly when the time is over",
    "ok 3 - HTTP/2: answers",
    "ok 4 - HTTP/2: a service that takes too long is answered for, exactly when the time is over",
    "ok 5 - bytes to the letter, from a peer that follows a script",
    "ok 6 - a client that does not end its request is answered when its time is over",
    "ok 7 - content is not taken faster than it is read",
  ]);
  expect(code).toBe(0);
});
