/** Graceful shutdown in every phase of an exchange, its deadline, and abort. */
import { channel, fromIterable } from "@sluice/body";
import { type Connection, HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import {
  deferred,
  expectAborted,
  expectClosedAfter,
  expectFailedAfter,
  expectOpen,
  get,
  head,
  lastOkText,
  ok,
  okText,
  refusal,
} from "../support/server.ts";
import { contentOf, rejection, serveOn, settle } from "../support/wire.ts";

describe("gracefulShutdown", () => {
  test("[hyper-095] before the first byte: the connection ends at once, without an answer", async () => {
    const server = serveOn(ok);
    server.connection.gracefulShutdown();
    await expectClosedAfter(server, "");
  });

  test("[hyper-094] between two requests: the same", async () => {
    const server = serveOn(ok);
    server.io.push(get);
    expect(server.io.takeWritten()).toBe(okText);
    server.connection.gracefulShutdown();
    await expectClosedAfter(server, "");
  });

  test("after nothing but an empty line: the same", async () => {
    const server = serveOn(ok);
    server.io.push("\r\n");
    server.connection.gracefulShutdown();
    await expectClosedAfter(server, "");
  });

  test("within a head: the request is served, and its answer says close", async () => {
    const server = serveOn(ok);
    server.io.push("GET / HT");
    server.connection.gracefulShutdown();
    expectOpen(server);
    server.io.push("TP/1.1\r\nhost: a\r\n\r\n", get);
    await expectClosedAfter(server, lastOkText);
  });

  test("within a head that is never completed: headTimeoutMs still counts", async () => {
    const server = serveOn(ok);
    server.io.push("GET / HT");
    server.connection.gracefulShutdown();
    server.timer.advance(30_000);
    await expectFailedAfter(server, refusal("408 Request Timeout"), "timeout", "headTimeoutMs");
  });

  test("[hyper-093] while the service works: the answer says close, and the connection ends", async () => {
    const answer = deferred<HttpResponse>();
    const server = serveOn(() => answer.promise);
    server.io.push(get, get);
    server.connection.gracefulShutdown();
    await settle();
    expectOpen(server);
    answer.resolve(ok());
    await expectClosedAfter(server, lastOkText);
  });

  test("[hyper-093] by the service itself, within its call: the same", async () => {
    let connection: Connection | undefined;
    const server = serveOn(() => {
      connection?.gracefulShutdown();
      return ok();
    });
    connection = server.connection;
    server.io.push(get + get);
    await expectClosedAfter(server, lastOkText);
  });

  test("while the service waits for content: the content still arrives", async () => {
    const server = serveOn(async (request) => ok().header("x", await contentOf(request.body)));
    server.io.push(`${head("POST / HTTP/1.1", "content-length: 2")}a`);
    server.connection.gracefulShutdown();
    await settle();
    expectOpen(server);
    server.io.push("b");
    await expectClosedAfter(server, "HTTP/1.1 200 OK\r\nx: ab\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
  });

  test("while a response is being sent: it is sent to its end", async () => {
    const { sender, body } = channel(1);
    const server = serveOn(() => new HttpResponse(200, {}, body));
    server.io.push(get);
    await settle();
    expect(server.io.takeWritten()).toBe("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    server.connection.gracefulShutdown();
    await sender.sendData("x");
    await settle();
    expect(server.io.takeWritten()).toBe("1\r\nx\r\n");
    expectOpen(server);
    sender.close();
    await expectClosedAfter(server, "0\r\n\r\n");
  });

  test("while the rest of a request is dropped: the connection ends behind it", async () => {
    const server = serveOn(ok);
    server.io.push(`${head("POST / HTTP/1.1", "content-length: 10")}12345`);
    expect(server.io.takeWritten()).toBe(okText);
    server.connection.gracefulShutdown();
    expectOpen(server);
    server.io.push("67890");
    await expectClosedAfter(server, "");
  });

  test("with pipelined requests at hand: one more is served, the one behind it is not", async () => {
    const first = deferred<HttpResponse>();
    const paths: string[] = [];
    const server = serveOn((request) => {
      paths.push(request.target.path);
      return paths.length === 1 ? first.promise : ok();
    });
    server.io.push(head("GET /1 HTTP/1.1") + head("GET /2 HTTP/1.1"));
    server.connection.gracefulShutdown();
    first.resolve(ok());
    await expectClosedAfter(server, lastOkText);
    expect(paths).toEqual(["/1"]);
  });

  test("twice, while closing, and when closed, changes nothing", async () => {
    const server = serveOn(ok);
    server.connection.gracefulShutdown();
    server.connection.gracefulShutdown();
    await expectClosedAfter(server, "");
    server.connection.gracefulShutdown(10);
    await settle();
    expect(server.timer.pending).toBe(0);
  });

  test("is what asyncDispose does, and waits for the end", async () => {
    const answer = deferred<HttpResponse>();
    const server = serveOn(() => answer.promise);
    server.io.push(get);
    let disposed = false;
    void server.connection[Symbol.asyncDispose]().then(() => {
      disposed = true;
    });
    await settle();
    expect(disposed).toBe(false);
    answer.resolve(ok());
    await expectClosedAfter(server, lastOkText);
    expect(disposed).toBe(true);
  });
});

describe("the deadline of gracefulShutdown", () => {
  for (const [phase, input] of [
    ["within a head", "GET / HT"],
    ["while the service works", get],
    ["while content is awaited", head("POST / HTTP/1.1", "content-length: 2")],
  ] as const) {
    test(`${phase}: what is under way is aborted, not a millisecond before`, async () => {
      const server = serveOn(() => new Promise(() => {}));
      server.io.push(input);
      server.connection.gracefulShutdown(100);
      server.timer.advance(99);
      await settle();
      expectOpen(server);
      server.timer.advance(1);
      await expectAborted(server, "", "canceled", "SHUTDOWN");
    });
  }

  test("while a response is being sent", async () => {
    const { sender, body } = channel(1);
    const server = serveOn(() => new HttpResponse(200, {}, body));
    server.io.push(get);
    server.connection.gracefulShutdown(100);
    server.timer.advance(100);
    const start = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    await expectAborted(server, start, "canceled", "SHUTDOWN");
    expect(sender.isClosed).toBe(true);
  });

  test("while the last bytes wait for the transport", async () => {
    const server = serveOn(
      () => new HttpResponse(200, {}, fromIterable(["x"])),
      {},
      { capacityBytes: 1, turns: { post: () => {} } },
    );
    server.connection.gracefulShutdown(100);
    expect(server.io.isShutdown).toBe(true);
    server.timer.advance(100);
    await settle();
    expect([server.io.isAborted, server.outcome?.code, server.timer.pending]).toEqual([true, "SHUTDOWN", 0]);
  });

  test("while the peer does not end its stream: the connection is let go, without an error", async () => {
    const server = serveOn(ok);
    server.connection.gracefulShutdown(100);
    server.timer.advance(99);
    await settle();
    expect([server.io.isShutdown, server.outcome]).toEqual([true, undefined]);
    server.timer.advance(1);
    await settle();
    expect([server.io.isAborted, server.outcome, server.timer.pending]).toEqual([true, null, 0]);
  });

  test("given while the connection is closing already, it counts too", async () => {
    const server = serveOn(ok);
    server.io.push(head("GET / HTTP/1.1", "connection: close"));
    server.connection.gracefulShutdown(100);
    server.timer.advance(100);
    await settle();
    expect([server.io.isAborted, server.outcome, server.timer.pending]).toEqual([true, null, 0]);
  });

  test("0 is as soon as other events have had their turn; a later call may set another", async () => {
    const server = serveOn(() => new Promise(() => {}));
    server.io.push(get);
    server.connection.gracefulShutdown();
    server.connection.gracefulShutdown(0);
    expectOpen(server);
    server.timer.advance(1);
    await expectAborted(server, "", "canceled", "SHUTDOWN");
  });
});

describe("abort", () => {
  test("resets the transport at once, with the reason as cause", async () => {
    const server = serveOn(() => new Promise(() => {}));
    server.io.push(get);
    server.connection.abort("enough");
    await expectAborted(server, "", "canceled", "ABORTED");
    expect(server.outcome?.cause).toBe("enough");
    expect((await rejection(server.connection.closed)).code).toBe("ABORTED");
    server.connection.abort("again");
    server.connection.gracefulShutdown();
    await settle();
    expect(server.outcome?.cause).toBe("enough");
  });

  test("while closing", async () => {
    const server = serveOn(ok);
    server.connection.gracefulShutdown();
    server.connection.abort();
    await settle();
    expect([server.io.isAborted, server.outcome?.code, server.timer.pending]).toEqual([true, "ABORTED", 0]);
  });

  test("fails the content that is being read, and cancels the body that is being sent", async () => {
    const read = deferred<unknown>();
    const { sender, body } = channel(1);
    const server = serveOn((request) => {
      Promise.resolve(request.body.frame()).catch(read.resolve);
      return new HttpResponse(200, {}, body);
    });
    server.io.push(head("POST / HTTP/1.1", "content-length: 2"));
    server.connection.abort();
    await settle();
    expect(await read.promise).toBe(server.outcome);
    expect([sender.isClosed, server.outcome?.code, server.timer.pending]).toEqual([true, "ABORTED", 0]);
  });

  test("of a connection that is closed does nothing", async () => {
    const server = serveOn(ok);
    server.io.push(null);
    await expectClosedAfter(server, "");
    server.connection.abort();
    await settle();
    expect(server.outcome).toBe(null);
  });
});
