// Tests without a network and without waiting: client and server joined in memory, and a clock that is moved by hand.
//
//   node --test docs/examples/in-memory.test.mjs

import assert from "node:assert/strict";
import { test } from "node:test";
import { collect, fromIterable, full } from "@sluice/body";
import { HttpRequest, HttpResponse, serviceFn } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import * as http2 from "@sluice/core/http2";
import { block, fakeTimer, memoryPair, scriptedIo } from "@sluice/util/memory";
import { timeout } from "@sluice/util/middleware";
import { nodeTimer } from "@sluice/util/node";

/** The service under test. */
const greeter = serviceFn(({ target }) => {
  if (target.path === "/never") return new Promise(() => {});
  return new HttpResponse(200, {}, full(`Hello, ${target.path.slice(1)}`));
});

/**
 * A sender to `service`, over the version of HTTP that is given. The connection lives by the real clock, which HTTP/2 asks for
 * the end of each turn; with a `fakeTimer` it would write nothing before `advance()`.
 */
async function connected(http, service) {
  const [here, there] = memoryPair({ timer: nodeTimer });
  http.serve(there, service);
  const { sender } = await http.handshake(here);
  return sender;
}

for (const [name, http] of Object.entries({ "HTTP/1.1": http1, "HTTP/2": http2 })) {
  test(`${name}: answers`, async () => {
    const sender = await connected(http, greeter);
    const response = await sender.send(HttpRequest.get("http://test/world", { host: "test" }));
    assert.equal(response.status, 200);
    assert.equal(await collect(response.body).text(), "Hello, world");
  });

  test(`${name}: a service that takes too long is answered for, exactly when the time is over`, async () => {
    const timer = fakeTimer();
    const sender = await connected(http, timeout({ headMs: 1_000, status: 503, timer })(greeter));
    let status;
    const answered = sender.send(HttpRequest.get("http://test/never", { host: "test" })).then((response) => {
      ({ status } = response);
    });
    while (timer.pending === 0) await new Promise(setImmediate);
    timer.advance(999);
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    assert.equal(status, undefined);
    timer.advance(1);
    await answered;
    assert.equal(status, 503);
  });
}

test("bytes to the letter, from a peer that follows a script", async () => {
  const io = scriptedIo(["GET /world HTT", "P/1.1\r\nhost: test\r\n\r\n", null], { timer: fakeTimer() });
  await http1.serve(io, greeter, { autoDateHeader: false }).closed;
  assert.equal(io.writtenText, "HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\nHello, world");
});

test("a client that does not end its request is answered when its time is over", async () => {
  const timer = fakeTimer();
  const io = scriptedIo(["GET / HTTP/1.1\r\nhost: te", block, null], { timer });
  const server = http1.serve(io, greeter, { headTimeoutMs: 5_000 });
  timer.advance(4_999);
  assert.equal(io.writtenText, "");
  timer.advance(1);
  assert.equal(io.writtenText.split("\r\n")[0], "HTTP/1.1 408 Request Timeout");
  io.resume();
  await assert.rejects(server.closed, { kind: "timeout", code: "headTimeoutMs" });
});

test("content is not taken faster than it is read", async () => {
  let made = 0;
  const endless = (function* () {
    for (;;) yield new Uint8Array(16_384).fill(++made);
  })();
  const sender = await connected(
    http2,
    serviceFn(() => new HttpResponse(200, {}, fromIterable(endless))),
  );
  const { body } = await sender.send(HttpRequest.get("http://test/"));
  // Nobody reads yet: what is made is what the window of the client has room for, and no more.
  let before;
  do {
    before = made;
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  } while (made > before);
  assert.ok(made < 500);
  for (let bytes = 0; bytes < 500 * 16_384; ) bytes += (await body.frame()).length;
  assert.ok(made >= 500 && made < 1_000);
  body.cancel();
});
