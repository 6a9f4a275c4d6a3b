/** What a request's signal and a connection's observer tell, and when they tell nothing. */
import { channel, fromIterable, full } from "@sluice/body";
import { type HttpError, type HttpRequest, HttpResponse, type Observer } from "@sluice/core";
import type * as http1 from "@sluice/core/http1";
import { describe, expect, test } from "vitest";
import {
  deferred,
  expectClosedAfter,
  expectOpen,
  get,
  head,
  lastOkText,
  ok,
  okText,
  refusal,
} from "../support/server.ts";
import { contentOf, recorder, type ServerUnderTest, serveOn, settle } from "../support/wire.ts";

/** A server whose requests keep their signals' reasons. */
function watching(
  call: (request: HttpRequest) => HttpResponse | Promise<HttpResponse>,
  options: http1.ServerOptions = {},
): { server: ServerUnderTest; aborted: unknown[]; requests: HttpRequest[]; events: readonly string[] } {
  const aborted: unknown[] = [];
  const requests: HttpRequest[] = [];
  const observer = recorder();
  const server = serveOn(
    (request) => {
      requests.push(request);
      request.signal.addEventListener("abort", () => aborted.push(request.signal.reason));
      return call(request);
    },
    { observer, ...options },
  );
  return { server, aborted, requests, events: observer.events };
}

const never = (): Promise<HttpResponse> => new Promise(() => {});

describe("the signal of a request aborts", () => {
  const causes: readonly (readonly [string, string, (server: ServerUnderTest) => void, string])[] = [
    ["when the client ends its stream", get, (server) => server.io.push(null), "CLIENT_GONE"],
    ["when the transport fails", get, (server) => server.io.fail(new Error("reset")), "TRANSPORT_FAILED"],
    ["when the connection is aborted", get, (server) => server.connection.abort(), "ABORTED"],
    [
      "when a limit on the request passes",
      head("POST / HTTP/1.1", "content-length: 1"),
      (server) => server.timer.advance(300_000),
      "requestTimeoutMs",
    ],
    [
      "when the deadline of a shutdown passes",
      get,
      (server) => {
        server.connection.gracefulShutdown(10);
        server.timer.advance(10);
      },
      "SHUTDOWN",
    ],
  ];
  for (const [what, input, act, code] of causes) {
    test(`${what}, once, with the error of the connection`, async () => {
      const { server, aborted, events } = watching(never);
      server.io.push(input);
      expect(aborted).toEqual([]);
      act(server);
      server.io.push(null);
      await settle();
      expect(aborted.map((error) => (error as HttpError).code)).toEqual([server.outcome?.code]);
      expect([server.outcome === aborted[0], events[1], events.length]).toEqual([
        true,
        `failed ${server.outcome?.code}`,
        3,
      ]);
      if (code !== "TRANSPORT_FAILED") expect(server.outcome?.code).toBe(code);
      expect(server.timer.pending).toBe(0);
    });
  }

  test("while the response goes out", async () => {
    const { sender, body } = channel(1);
    const { server, aborted, events } = watching(() => new HttpResponse(200, {}, body));
    server.io.push(get);
    await sender.sendData("a");
    server.io.push(null);
    await settle();
    expect(aborted).toEqual([server.outcome]);
    expect(events).toEqual(["request GET /", "response 200", "failed CLIENT_GONE", "closed CLIENT_GONE"]);
    expect(sender.isClosed).toBe(true);
  });

  test("for one who asks only afterwards, too", async () => {
    const requests: HttpRequest[] = [];
    const server = serveOn((request) => {
      requests.push(request);
      return never();
    });
    server.io.push(get, null);
    await settle();
    expect([requests[0]?.signal.aborted, requests[0]?.signal.reason]).toEqual([true, server.outcome]);
  });
});

describe("the signal of a request does not abort", () => {
  const ends: readonly (readonly [string, (server: ServerUnderTest) => void])[] = [
    ["the client ends its stream", (server) => server.io.push(null)],
    ["the transport fails", (server) => server.io.fail(new Error("reset"))],
    ["the connection is aborted", (server) => server.connection.abort()],
    ["the connection idles out", (server) => server.timer.advance(65_000)],
    ["the connection is shut down", (server) => server.connection.gracefulShutdown()],
    ["the next request is malformed", (server) => server.io.push("x\r\n")],
  ];
  for (const [what, act] of ends) {
    test(`when ${what} behind the response`, async () => {
      const { server, aborted, requests, events } = watching(ok);
      server.io.push(get);
      act(server);
      await settle();
      if (!server.io.isAborted) server.io.push(null);
      await settle();
      expect([aborted, requests[0]?.signal.aborted]).toEqual([[], false]);
      expect(events.slice(0, 3)).toEqual(["request GET /", "response 200", "complete"]);
      expect(events.length).toBe(4);
      expect(events[3]).toContain("closed");
    });

    if (what === "the connection idles out" || what === "the next request is malformed") continue;
    test(`when ${what} while the rest of the request is dropped behind the response`, async () => {
      const { server, aborted, events } = watching(ok);
      server.io.push(head("POST / HTTP/1.1", "content-length: 10"));
      act(server);
      await settle();
      if (!server.io.isAborted) server.io.push("1234567890", null);
      await settle();
      expect(aborted).toEqual([]);
      expect(events.slice(0, 3)).toEqual(["request POST /", "response 200", "complete"]);
      expect(events.length).toBe(4);
    });
  }

  test("when its response says close, and the connection ends", async () => {
    const { server, aborted, events } = watching(ok);
    server.io.push(head("GET / HTTP/1.1", "connection: close"));
    await expectClosedAfter(server, lastOkText);
    expect([aborted, events]).toEqual([[], ["request GET /", "response 200", "complete", "closed"]]);
  });

  test("when the client ends its stream with halfClose", async () => {
    const answer = deferred<HttpResponse>();
    const { server, aborted } = watching(() => answer.promise, { halfClose: true });
    server.io.push(get, null);
    answer.resolve(ok());
    await expectClosedAfter(server, lastOkText);
    expect(aborted).toEqual([]);
  });
});

describe("the observer", () => {
  test("is told of every exchange from its head to its last byte", async () => {
    const { server, events } = watching((request) => new HttpResponse(200, {}, fromIterable([request.target.path])));
    server.io.push(head("GET /a HTTP/1.1") + head("HEAD /b HTTP/1.1"));
    await settle();
    server.io.push(null);
    await settle();
    expect(events).toEqual([
      "request GET /a",
      "response 200",
      "complete",
      "request HEAD /b",
      "response 200",
      "complete",
      "closed",
    ]);
  });

  test("is told that a response is complete when its last byte is handed over, and not before", async () => {
    const { sender, body } = channel(1);
    const { server, events } = watching(() => new HttpResponse(200, {}, body));
    server.io.push(get);
    await sender.sendData("a");
    await settle();
    expect(events).toEqual(["request GET /", "response 200"]);
    sender.close();
    await settle();
    expect(events).toEqual(["request GET /", "response 200", "complete"]);
  });

  test("counts the bytes of both directions, those that are dropped included", async () => {
    let read = 0;
    let written = 0;
    const observer: Observer = {
      bytesRead: (count) => {
        read += count;
      },
      bytesWritten: (count) => {
        written += count;
      },
    };
    const server = serveOn(() => new HttpResponse(200, {}, full("x".repeat(10_000))), {
      observer,
      maxRequestsPerConnection: 1,
    });
    server.io.push(get, "dropped", null);
    await settle();
    expect([read, written]).toEqual([get.length + 7, server.io.written.length]);
  });

  test("that throws does no harm", async () => {
    const observer: Observer = Object.fromEntries(
      ["bytesRead", "bytesWritten", "requestStarted", "responseStarted", "exchangeEnded", "connectionClosed"].map(
        (name) => [
          name,
          () => {
            throw new Error("trouble");
          },
        ],
      ),
    );
    const server = serveOn(ok, { observer });
    server.io.push(get);
    expect(server.io.takeWritten()).toBe(okText);
    expectOpen(server);
    server.io.push(null);
    await expectClosedAfter(server, "");
  });

  test("hears nothing of a request that was refused before it reached the service", async () => {
    const { server, events } = watching((request) => contentOf(request.body).then(ok), { maxBodyBytes: 1 });
    server.io.push(head("POST / HTTP/1.1", "content-length: 2"), null);
    await settle();
    expect(server.io.takeWritten()).toBe(refusal("413 Content Too Large"));
    expect(events).toEqual(["closed BODY_TOO_LARGE"]);
  });
});
