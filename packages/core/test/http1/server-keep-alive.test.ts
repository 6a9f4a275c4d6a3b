/** Which connections go on after a response, and how the others end (RFC 9112 9.3, 9.6). */
import { fromIterable } from "@sluice/body";
import { HttpResponse } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import { fakeTimer, memoryPair } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import {
  deferred,
  expectClosedAfter,
  expectFailedAfter,
  expectOpen,
  get,
  head,
  lastOkText,
  ok,
  okText,
} from "../support/server.ts";
import { bytes, latin1, plain, serveOn, settle } from "../support/wire.ts";

describe("further requests", () => {
  test("[hyper-088] are served by default", () => {
    const server = serveOn(ok);
    for (const _ of [1, 2, 3]) {
      server.io.push(get);
      expect(server.io.takeWritten()).toBe(okText);
    }
    expectOpen(server);
  });

  test("[hyper-089] are served on HTTP/1.0 when it asks for that, and the answer says so", () => {
    for (const value of ["keep-alive", "Keep-Alive", "x, KEEP-ALIVE"]) {
      const server = serveOn(ok);
      for (const _ of [1, 2]) {
        server.io.push(`GET / HTTP/1.0\r\nconnection: ${value}\r\n\r\n`);
        expect(server.io.takeWritten()).toBe("HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n");
      }
      expectOpen(server);
    }
  });

  test("[hyper-090] are not served on HTTP/1.0 otherwise", async () => {
    for (const fields of ["", "connection: x\r\n", "connection: keep-alive, close\r\n"]) {
      const server = serveOn(ok);
      server.io.push(`GET / HTTP/1.0\r\n${fields}\r\n`, "GET / HTTP/1.0\r\n\r\n");
      await expectClosedAfter(server, "HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    }
  });

  test("[hyper-091] are not served with keepAlive: false", async () => {
    const server = serveOn(ok, { keepAlive: false });
    server.io.push(get, get);
    await expectClosedAfter(server, lastOkText);
  });

  for (const fields of [
    ["connection: close"],
    ["Connection: CLOSE"],
    ["connection: keep-alive, close"],
    ["connection: close ,\tx"],
    ["connection: x", "connection: y,close"],
  ]) {
    test(`[hyper-092] are not served after close, anywhere in Connection: ${fields.join(" and ")}`, async () => {
      const server = serveOn(ok);
      server.io.push(head("GET / HTTP/1.1", ...fields) + get);
      await expectClosedAfter(server, lastOkText);
    });
  }

  test("[hyper-092] are served after a token that only looks like close", () => {
    const server = serveOn(ok);
    server.io.push(head("GET / HTTP/1.1", "connection: closed, enclose, x-close"));
    expect(server.io.takeWritten()).toBe(okText);
    expectOpen(server);
  });

  test("are not served when the service says close, which is sent once", async () => {
    const server = serveOn(() => new HttpResponse(200, { connection: "close" }));
    server.io.push(get, get);
    await expectClosedAfter(server, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  });

  test("are served up to maxRequestsPerConnection, the last answer says close", async () => {
    for (const max of [1, 2, 3]) {
      const server = serveOn(ok, { maxRequestsPerConnection: max });
      server.io.push(get.repeat(max + 1));
      await expectClosedAfter(server, okText.repeat(max - 1) + lastOkText);
    }
  });
});

describe("the end of the client's stream", () => {
  test("[hyper-097] with halfClose: true the response is still sent", async () => {
    const answer = deferred<HttpResponse>();
    const server = serveOn(() => answer.promise, { halfClose: true });
    server.io.push(get, null);
    await settle();
    expectOpen(server);
    answer.resolve(new HttpResponse(200, {}, fromIterable(["hel", "lo"])));
    const start = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    await expectClosedAfter(server, `${start}3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n`);
  });

  test("[hyper-098] with halfClose: false the exchange is given up, and its response dropped when it comes", async () => {
    const answer = deferred<HttpResponse>();
    let reason: unknown;
    const server = serveOn((request) => {
      request.signal.addEventListener("abort", () => {
        reason = request.signal.reason;
      });
      return answer.promise;
    });
    server.io.push(get, null);
    await settle();
    expect([server.io.isAborted, server.outcome?.kind, server.outcome?.code]).toEqual([
      true,
      "incomplete",
      "CLIENT_GONE",
    ]);
    expect(reason).toBe(server.outcome);
    let canceled = 0;
    const late = fromIterable(["late"]);
    late.cancel = () => void canceled++;
    answer.resolve(new HttpResponse(200, {}, late));
    await settle();
    expect([server.io.writtenText, canceled, server.timer.pending]).toEqual(["", 1, 0]);
  });

  test("behind the last request it is a clean end", async () => {
    const server = serveOn(ok);
    server.io.push(get, null);
    await expectClosedAfter(server, okText);
  });

  test("within content that is dropped behind a complete response it is a clean end too", async () => {
    for (const halfClose of [false, true]) {
      const server = serveOn(ok, { halfClose });
      server.io.push(`${head("POST / HTTP/1.1", "content-length: 10")}12345`);
      expect(server.io.takeWritten()).toBe(okText);
      expectOpen(server);
      server.io.push(null);
      await expectClosedAfter(server, "");
    }
  });
});

describe("closing", () => {
  test("waits for the client to end its stream, and drops what it still sends", async () => {
    const server = serveOn(ok);
    server.io.push(head("GET / HTTP/1.1", "connection: close"));
    await settle();
    expect(server.io.takeWritten()).toBe(lastOkText);
    expect([server.io.isShutdown, server.io.isAborted, server.outcome]).toEqual([true, false, undefined]);
    server.io.push(get, "garbage", new Uint8Array(100_000));
    server.timer.advance(1_999);
    await settle();
    expect([server.io.remaining, server.io.isAborted, server.outcome]).toEqual([0, false, undefined]);
    server.io.push(null);
    await settle();
    expect([server.io.takeWritten(), server.io.isAborted, server.outcome, server.timer.pending]).toEqual([
      "",
      true,
      null,
      0,
    ]);
  });

  test("waits no longer than lingerTimeoutMs, and not at all when that is 0", async () => {
    const server = serveOn(ok, { lingerTimeoutMs: 500 });
    server.io.push(head("GET / HTTP/1.1", "connection: close"));
    server.timer.advance(499);
    expect(server.io.isAborted).toBe(false);
    server.timer.advance(1);
    await settle();
    expect([server.io.isAborted, server.outcome, server.timer.pending]).toEqual([true, null, 0]);
    const hasty = serveOn(ok, { lingerTimeoutMs: 0 });
    hasty.io.push(head("GET / HTTP/1.1", "connection: close"));
    await settle();
    expect([hasty.io.isShutdown, hasty.io.isAborted, hasty.outcome]).toEqual([true, true, null]);
  });

  test("without a timer there is no waiting", async () => {
    const server = serveOn(ok, { timer: null });
    server.io.push(head("GET / HTTP/1.1", "connection: close"));
    await settle();
    expect([server.io.takeWritten(), server.io.isShutdown, server.io.isAborted, server.outcome]).toEqual([
      lastOkText,
      true,
      true,
      null,
    ]);
  });

  test("fails when the end of the stream cannot be delivered", async () => {
    const server = serveOn(ok, {}, { shutdownError: new Error("gone") });
    server.io.push(head("GET / HTTP/1.1", "connection: close"));
    await settle();
    expect([server.outcome?.kind, server.outcome?.code]).toEqual(["io", "TRANSPORT_FAILED"]);
    expect([server.io.isAborted, server.timer.pending]).toEqual([true, 0]);
  });

  test("[hyper-099] comes behind everything that was written, however slowly the transport takes it", async () => {
    const timer = fakeTimer();
    const [client, io] = memoryPair({ capacityBytes: 10, tear: [3], timer });
    const body = "x".repeat(1_000);
    const connection = http1.serve(io, { call: () => new HttpResponse(200, {}, fromIterable([body])) }, plain);
    let text = "";
    let ended = false;
    const read = (): void =>
      client.read((chunk) => {
        ended = chunk === null;
        if (chunk !== null) text += latin1(chunk);
      });
    client.write([bytes(head("GET / HTTP/1.1", "connection: close"))]);
    await settle();
    for (let i = 0; i < 1_000 && !ended; i++) read();
    expect(text.endsWith(`\r\n\r\n3E8\r\n${body}\r\n0\r\n\r\n`)).toBe(true);
    expect(ended).toBe(true);
    client.shutdown(() => {});
    await connection.closed;
    expect(timer.pending).toBe(0);
  });

  test("[hyper-100] what was gathered while the transport was full leaves with the first room", async () => {
    const server = serveOn(ok, {}, { capacityBytes: 1 });
    server.io.push(get);
    expect(server.io.takeWritten()).toBe(okText);
    server.io.push(get, get);
    await settle();
    expect(server.io.takeWritten()).toBe("");
    server.io.drain();
    expect(server.io.writes.length).toBe(1);
    expect(server.io.takeWritten()).toBe(okText + okText);
    expectOpen(server);
  });

  test("a transport that fails ends the connection with its error", async () => {
    for (const prepare of ["", "GET / HT", get]) {
      const server = serveOn(() => new Promise(() => {}));
      if (prepare !== "") server.io.push(prepare);
      server.io.fail(new Error("cable cut"));
      await settle();
      expect([server.outcome?.kind, server.timer.pending, server.io.writtenText]).toEqual(["io", 0, ""]);
    }
  });

  test("a refusal is read by a client that is still sending: its input is dropped until it ends", async () => {
    const server = serveOn(ok);
    server.io.push("nonsense\r\n");
    server.io.push("more", "and more");
    expect(server.io.remaining).toBe(0);
    await expectFailedAfter(
      server,
      "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
      "parse",
      "INVALID_REQUEST_LINE",
    );
  });
});
