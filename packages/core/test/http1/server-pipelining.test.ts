/** Pipelined requests: their order, how their answers leave, and that nobody is starved by them (RFC 9112 9.3.2). */
import { BaseBody, type Frame, fromIterable } from "@sluice/body";
import { HttpResponse, serviceFn } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import { describe, expect, test } from "vitest";
import { EagerIo, oneByOne, TurnTimer } from "../support/eager-io.ts";
import { type Deferred, deferred, expectOpen, get, head, ok, okText } from "../support/server.ts";
import { bytes, latin1, plain, serveOn, settle } from "../support/wire.ts";

function texts(writes: readonly Uint8Array[]): string[] {
  return writes.map(latin1);
}

describe("how answers leave", () => {
  test("[hyper-106] with pipelineFlush: false each leaves in a write of its own", async () => {
    const server = serveOn(ok, { pipelineFlush: false });
    server.io.push(get + get + get);
    expect(texts(server.io.writes)).toEqual([okText, okText, okText]);
    server.io.takeWritten();
    const later = serveOn(async () => ok(), { pipelineFlush: false });
    later.io.push(get + get + get);
    await settle();
    expect(texts(later.io.writes)).toEqual([okText, okText, okText]);
    later.io.takeWritten();
    expectOpen(later);
  });

  test("[hyper-107] with pipelineFlush, the default, the answers to one read leave in one write", () => {
    const server = serveOn(ok);
    server.io.push(get + get + get);
    expect(texts(server.io.writes)).toEqual([okText.repeat(3)]);
    server.io.takeWritten();
    expectOpen(server);
  });

  test("[hyper-107] also when they are made later, up to the next turn of the event loop", async () => {
    const server = serveOn(async () => ok());
    server.io.push(get + get + get);
    await settle();
    // The last answer is followed by no other: nothing is waited for any more.
    expect(texts(server.io.writes)).toEqual([okText.repeat(2), okText]);
    server.io.takeWritten();
    expectOpen(server);
  });

  test("[hyper-107] an answer does not wait longer than a turn for the next", async () => {
    const second = deferred<HttpResponse>();
    const server = serveOn((request) => (request.target.path === "/1" ? ok() : second.promise));
    server.io.push(head("GET /1 HTTP/1.1") + head("GET /2 HTTP/1.1") + head("GET /3 HTTP/1.1"));
    expect(server.io.takeWritten()).toBe("");
    server.timer.advance(0);
    expect(server.io.takeWritten()).toBe(okText);
    second.resolve(ok());
    await settle();
    expect(server.io.takeWritten()).toBe(okText + okText);
    expectOpen(server);
  });

  test("without a timer, when there is no next turn, it does not wait at all", () => {
    const server = serveOn((request) => (request.target.path === "/1" ? ok() : new Promise(() => {})), { timer: null });
    server.io.push(head("GET /1 HTTP/1.1") + head("GET /2 HTTP/1.1") + get);
    expect(server.io.takeWritten()).toBe(okText);
  });
});

describe("the order", () => {
  test("[hyper-108] a request is not started before the answer to the one before is complete", async () => {
    const started: string[] = [];
    const answers: Deferred<HttpResponse>[] = [];
    const server = serveOn((request) => {
      started.push(request.target.path);
      const answer = deferred<HttpResponse>();
      answers.push(answer);
      return answer.promise;
    });
    server.io.push(head("GET /1 HTTP/1.1") + head("GET /2 HTTP/1.1"));
    await settle();
    expect(started).toEqual(["/1"]);
    const more = deferred<Uint8Array>();
    answers[0]?.resolve(
      new HttpResponse(
        200,
        {},
        fromIterable(
          (async function* () {
            yield await more.promise;
          })(),
        ),
      ),
    );
    await settle();
    server.timer.advance(0);
    expect(server.io.takeWritten()).toBe("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    expect(started).toEqual(["/1"]);
    more.resolve(bytes("x"));
    await settle();
    expect(server.io.takeWritten()).toBe("1\r\nx\r\n0\r\n\r\n");
    expect(started).toEqual(["/1", "/2"]);
    answers[1]?.resolve(new HttpResponse(204));
    await settle();
    expect(server.io.takeWritten()).toBe("HTTP/1.1 204 No Content\r\n\r\n");
    expectOpen(server);
  });

  test("content that was not read is dropped before the next request is read", async () => {
    const paths: string[] = [];
    const server = serveOn((request) => {
      paths.push(`${request.method} ${request.target.path}`);
      return ok();
    });
    server.io.push(head("POST /1 HTTP/1.1", "content-length: 3"), "abc", `${head("GET /2 HTTP/1.1")}`);
    server.io.push(`${head("POST /3 HTTP/1.1", "transfer-encoding: chunked")}3\r\nabc\r\n0\r\n\r\n${get}`);
    await settle();
    expect(paths).toEqual(["POST /1", "GET /2", "POST /3", "GET /"]);
    expect(server.io.takeWritten()).toBe(okText.repeat(4));
    expectOpen(server);
  });

  test("a client that takes no answers gets no further requests served, and is not read", () => {
    let served = 0;
    const answer = new HttpResponse(200, { x: "y".repeat(1_000) });
    const size = "HTTP/1.1 200 OK\r\nx: \r\ncontent-length: 0\r\n\r\n".length + 1_000;
    const server = serveOn(
      () => {
        served++;
        return answer;
      },
      {},
      { capacityBytes: 1 },
    );
    server.io.push(get);
    for (let i = 0; i < 100; i++) server.io.push(get.repeat(10));
    server.timer.advance(0);
    // One write went out, 64 KiB were gathered behind it.
    expect(served).toBe(1 + Math.ceil(65_536 / size));
    expect(server.io.remaining).toBe(93);
    for (let i = 0; i < 100; i++) {
      server.io.drain();
      server.timer.advance(0);
    }
    expect([served, server.io.remaining]).toEqual([1_001, 0]);
    expect(server.io.written.length).toBe(1_001 * size);
  });

  test("a body is not asked for anything while the transport takes nothing", () => {
    let asked = 0;
    const server = serveOn(
      () =>
        new HttpResponse(
          200,
          {},
          fromIterable(
            (function* () {
              asked++;
              yield "x";
            })(),
          ),
        ),
      {},
      { capacityBytes: 1 },
    );
    server.io.push(get, get, get);
    expect([asked, server.io.writes.length]).toEqual([1, 1]);
    // With room again, both others are made and leave together.
    server.io.drain();
    expect([asked, server.io.writes.length]).toEqual([3, 2]);
  });
});

describe("[hyper-183] fairness: what is always ready does not starve others", () => {
  test("a transport that always has something to read is left alone after 16 rounds, until the next turn", () => {
    const timer = new TurnTimer();
    const chunk = bytes(get);
    const io = new EagerIo(() => chunk, timer);
    let served = 0;
    const connection = http1.serve(
      io,
      serviceFn(() => counted()),
      plain,
    );
    function counted(): HttpResponse {
      served++;
      return ok();
    }
    for (let turn = 1; turn <= 3; turn++) {
      expect([served, io.reads, io.writes.length]).toEqual([turn * 16, turn * 16, turn]);
      expect(timer.turn()).toBe(1);
    }
    connection.abort();
    expect(timer.turn()).toBe(1);
    expect([io.reads, timer.turn()]).toEqual([4 * 16, 0]);
  });

  test("many small requests in one chunk are served 64 in a turn", () => {
    const timer = new TurnTimer();
    const io = new EagerIo(oneByOne([bytes(get.repeat(200))]), timer);
    let served = 0;
    http1.serve(
      io,
      serviceFn(() => {
        served++;
        return ok();
      }),
      plain,
    );
    const turns: [number, number][] = [];
    do turns.push([served, io.writes.length]);
    while (timer.turn() > 0);
    expect(turns).toEqual([
      [64, 1],
      [128, 2],
      [192, 3],
      [200, 4],
    ]);
  });

  test("a body that is always ready is asked for a bounded number of frames in a turn, which leave in one write", () => {
    let asked = 0;
    class Endless extends BaseBody {
      override frame(): Frame {
        asked++;
        return Uint8Array.of(0x78);
      }
      override cancel(): void {
        asked = -1;
      }
    }
    const timer = new TurnTimer();
    const io = new EagerIo(oneByOne([bytes(get)]), timer);
    const connection = http1.serve(
      io,
      serviceFn(() => new HttpResponse(200, {}, new Endless())),
      plain,
    );
    const first = asked;
    expect(first).toBeGreaterThan(64);
    expect(first).toBeLessThanOrEqual(17 * 64);
    expect([io.writes.length, timer.turn()]).toEqual([1, 1]);
    expect(asked).toBe(first + 16 * 64);
    expect(io.writes.length).toBe(2);
    connection.abort();
    expect([asked, timer.turn(), timer.turn()]).toEqual([-1, 1, 0]);
    expect(asked).toBe(-1);
  });

  test("a body that is pending is asked once, and not again before it has answered", async () => {
    let asked = 0;
    const answer = deferred<Frame | null>();
    class Slow extends BaseBody {
      override frame(): Promise<Frame | null> {
        asked++;
        return answer.promise;
      }
      override cancel(): void {}
    }
    const server = serveOn(() => new HttpResponse(200, {}, new Slow()));
    server.io.push(get);
    server.io.push("x");
    server.timer.advance(0);
    await settle();
    expect(asked).toBe(1);
    answer.resolve(null);
    await settle();
    expect(asked).toBe(1);
  });

  test("what a closing connection still gets is dropped in turns too", () => {
    const timer = new TurnTimer();
    let first = true;
    const io = new EagerIo(() => {
      const chunk = bytes(first ? head("GET / HTTP/1.1", "connection: close") : "x");
      first = false;
      return chunk;
    }, timer);
    http1.serve(io, serviceFn(ok), plain);
    const { reads } = io;
    expect(reads).toBeLessThanOrEqual(18);
    for (let turn = 1; turn <= 3; turn++) {
      expect(timer.turn()).toBe(1);
      expect(io.reads).toBe(reads + turn * 16);
    }
    expect([io.isShutdown, io.isAborted]).toEqual([true, false]);
  });
});
