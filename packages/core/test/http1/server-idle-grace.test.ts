/**
 * A graceful shutdown that leaves idle connections open for one more request: whoever has sent it when the connection was to
 * be closed gets an answer.
 */
import { channel } from "@sluice/body";
import { HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import {
  deferred,
  expectAborted,
  expectClosedAfter,
  expectOpen,
  get,
  head,
  lastOkText,
  ok,
  okText,
} from "../support/server.ts";
import { serveOn, settle } from "../support/wire.ts";

const minute = 60_000;

describe("gracefulShutdown with idleGraceMs", () => {
  test("between two requests: one more is served, its answer says close, and the connection ends", async () => {
    const server = serveOn(ok);
    server.io.push(get);
    expect(server.io.takeWritten()).toBe(okText);
    server.connection.gracefulShutdown(minute, 500);
    server.timer.advance(499);
    expectOpen(server);
    server.io.push(get);
    await expectClosedAfter(server, lastOkText);
  });

  test("before the first byte: the same", async () => {
    const server = serveOn(ok);
    server.connection.gracefulShutdown(minute, 500);
    server.timer.advance(499);
    expectOpen(server);
    server.io.push(get);
    await expectClosedAfter(server, lastOkText);
  });

  test("without a request: it ends in order when the time is over, and not before", async () => {
    for (const first of ["", get]) {
      const server = serveOn(ok);
      if (first !== "") server.io.push(first);
      server.io.takeWritten();
      server.connection.gracefulShutdown(minute, 500);
      server.timer.advance(499);
      expectOpen(server);
      server.timer.advance(1);
      await expectClosedAfter(server, "");
    }
  });

  test("an empty line is no request", async () => {
    const server = serveOn(ok);
    server.connection.gracefulShutdown(minute, 500);
    server.io.push("\r\n");
    expectOpen(server);
    server.timer.advance(500);
    await expectClosedAfter(server, "");
  });

  test("a request that has begun when the time is over is served", async () => {
    const server = serveOn(ok);
    server.connection.gracefulShutdown(minute, 500);
    server.io.push("GET / HT");
    server.timer.advance(500);
    expectOpen(server);
    server.io.push("TP/1.1\r\nhost: a\r\n\r\n");
    await expectClosedAfter(server, lastOkText);
  });

  test("while the service works: its answer says close, so that nothing further is waited for", async () => {
    const answer = deferred<HttpResponse>();
    const server = serveOn(() => answer.promise);
    server.io.push(get);
    server.connection.gracefulShutdown(minute, 500);
    answer.resolve(ok());
    await expectClosedAfter(server, lastOkText);
  });

  test("behind a response whose head did not say close, the next request is still waited for", async () => {
    const { sender, body } = channel(1);
    let calls = 0;
    const server = serveOn(() => (++calls === 1 ? new HttpResponse(200, {}, body) : ok()));
    server.io.push(get);
    server.connection.gracefulShutdown(minute, 500);
    expect(server.io.takeWritten()).toBe("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    sender.close();
    await settle();
    expect(server.io.takeWritten()).toBe("0\r\n\r\n");
    expectOpen(server);
    server.io.push(get);
    await expectClosedAfter(server, lastOkText);
  });

  test("behind a response that outlasts the time, nothing is waited for", async () => {
    const { sender, body } = channel(1);
    const server = serveOn(() => new HttpResponse(200, {}, body));
    server.io.push(get);
    server.connection.gracefulShutdown(minute, 500);
    server.timer.advance(500);
    sender.close();
    await expectClosedAfter(server, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n");
  });

  test("of pipelined requests one is served, as without it", async () => {
    const server = serveOn(ok);
    server.connection.gracefulShutdown(minute, 500);
    server.io.push(get + get);
    await expectClosedAfter(server, lastOkText);
  });

  test("a shutdown that leaves no time ends an idle connection at once, whatever was said before", async () => {
    const server = serveOn(ok);
    server.connection.gracefulShutdown(minute, 500);
    expectOpen(server);
    server.connection.gracefulShutdown();
    await expectClosedAfter(server, "");
  });

  test("the deadline counts from the call, not from the end of that time", async () => {
    const server = serveOn(() => new Promise<HttpResponse>(() => {}));
    server.connection.gracefulShutdown(600, 500);
    server.timer.advance(499);
    server.io.push(get);
    server.timer.advance(100);
    expectOpen(server);
    server.timer.advance(1);
    await expectAborted(server, "", "canceled", "SHUTDOWN");
  });

  test("without a timer there is no such time", async () => {
    const server = serveOn(ok, { timer: null });
    server.connection.gracefulShutdown(undefined, 500);
    await expectClosedAfter(server, "");
  });

  test("content of the request is received to its end", async () => {
    const server = serveOn(ok);
    server.connection.gracefulShutdown(minute, 500);
    server.io.push(`${head("POST / HTTP/1.1", "content-length: 2")}ab`);
    await expectClosedAfter(server, lastOkText);
  });

  for (const idleGraceMs of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    test(`${idleGraceMs} is refused, and nothing happens`, () => {
      const server = serveOn(ok);
      expect(() => server.connection.gracefulShutdown(minute, idleGraceMs)).toThrow(RangeError);
      server.timer.advance(1_000);
      expectOpen(server);
    });
  }
});
