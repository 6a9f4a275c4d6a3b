/** Time limits replaced for one exchange. */
import { HttpRequest, type HttpResponse, serviceFn, setTimeouts } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import { fakeTimer } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { EagerIo, oneByOne } from "../support/eager-io.ts";
import { expectAborted, expectFailedAfter, expectOpen, get, head, ok, okText, refusal } from "../support/server.ts";
import { bytes, contentOf, plain, rejection, serveOn, settle } from "../support/wire.ts";

const timeout = refusal("408 Request Timeout");
const never = (): Promise<HttpResponse> => new Promise(() => {});

describe("setTimeouts", () => {
  test("replaces limits for one exchange: the next has those of the options again", async () => {
    let requests = 0;
    const server = serveOn(
      (request) => {
        if (++requests === 1)
          setTimeouts(request, { bodyTimeoutMs: 5_000, requestTimeoutMs: 7_000, writeTimeoutMs: 9_000 });
        return contentOf(request.body).then(ok);
      },
      { bodyTimeoutMs: 1_000, minBodyRate: 0 },
    );
    const post = head("POST / HTTP/1.1", "content-length: 1");
    server.io.push(post);
    server.timer.advance(4_999);
    server.io.push("a");
    await settle();
    expect(server.io.takeWritten()).toBe(okText);
    server.io.push(post);
    await settle();
    server.timer.advance(1_000);
    await expectFailedAfter(server, timeout, "timeout", "bodyTimeoutMs");
  });

  test("counts the request anew from the call, and names no other limit", async () => {
    const server = serveOn(
      (request) => {
        setTimeouts(request, { requestTimeoutMs: 100 });
        return never();
      },
      { requestTimeoutMs: 1_000 },
    );
    server.io.push(head("POST / HTTP/1.1", "content-length: 1"));
    server.timer.advance(99);
    expectOpen(server);
    server.timer.advance(1);
    await expectFailedAfter(server, timeout, "timeout", "requestTimeoutMs");
    expect(server.outcome?.message).toBe("no whole request came within requestTimeoutMs = 100 ms");
  });

  test("applies to a read that is waiting, and 0 switches a limit off", async () => {
    for (const [bodyTimeoutMs, fails] of [
      [100, true],
      [0, false],
    ] as const) {
      const server = serveOn((request) => {
        Promise.resolve(request.body.frame()).catch(() => {});
        setTimeouts(request, { bodyTimeoutMs });
        return never();
      });
      server.io.push(head("POST / HTTP/1.1", "content-length: 1"));
      server.timer.advance(fails ? 99 : 200_000);
      expectOpen(server);
      if (!fails) continue;
      server.timer.advance(1);
      await expectFailedAfter(server, timeout, "timeout", "bodyTimeoutMs");
    }
  });

  test("the limit for writing holds for the last bytes of the response too", async () => {
    const hurry = (request: HttpRequest): HttpResponse => {
      setTimeouts(request, { writeTimeoutMs: 100 });
      return ok();
    };
    const server = serveOn(hurry, {}, { capacityBytes: 1 });
    server.io.push(get);
    expect(server.io.takeWritten()).toBe(okText);
    server.timer.advance(99);
    expectOpen(server);
    server.timer.advance(1);
    await expectAborted(server, "", "timeout", "writeTimeoutMs");
    expect(server.outcome?.message).toBe("the transport took no more bytes within writeTimeoutMs = 100 ms");
  });

  test("the limit for writing holds for the end of the stream behind it too", async () => {
    class Stuck extends EagerIo {
      override shutdown(): void {
        this.isShutdown = true;
      }
    }
    const timer = fakeTimer();
    const io = new Stuck(oneByOne([bytes(head("GET / HTTP/1.1", "connection: close"))]), timer);
    const connection = http1.serve(
      io,
      serviceFn((request) => {
        setTimeouts(request, { writeTimeoutMs: 100 });
        return ok();
      }),
      plain,
    );
    timer.advance(99);
    expect([io.isShutdown, io.isAborted]).toEqual([true, false]);
    timer.advance(1);
    expect(io.isAborted).toBe(true);
    const error = await rejection(connection.closed);
    expect(error.message).toBe("the last bytes could not be sent within writeTimeoutMs = 100 ms");
  });

  test("does nothing for a request whose exchange is over, or that has none", () => {
    const requests: HttpRequest[] = [];
    const server = serveOn((request) => {
      requests.push(request);
      return ok();
    });
    server.io.push(get);
    server.io.takeWritten();
    for (const request of [...requests, HttpRequest.get("/")])
      setTimeouts(request, { bodyTimeoutMs: 1, requestTimeoutMs: 1 });
    server.timer.advance(1_000);
    expectOpen(server);
  });

  test("refuses what is no time", () => {
    for (const value of [-1, 1.5, Number.NaN, "1" as never]) {
      expect(() => setTimeouts(HttpRequest.get("/"), { bodyTimeoutMs: value })).toThrow(RangeError);
    }
  });
});
