/** 100 (Continue) and other interim responses (RFC 9110 10.1.1, 15.2). */
import { fromIterable } from "@sluice/body";
import { HttpRequest, HttpResponse, sendInformational } from "@sluice/core";
import type * as http1 from "@sluice/core/http1";
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
  refusal,
} from "../support/server.ts";
import { contentOf, recorder, type ServerUnderTest, serveOn, settle } from "../support/wire.ts";

const continueText = "HTTP/1.1 100 Continue\r\n\r\n";

/** Reads the content when told to, then answers. */
function readingLater(options: http1.ServerOptions = {}): {
  server: ServerUnderTest;
  read: () => void;
  contents: string[];
} {
  const go = deferred<void>();
  const contents: string[] = [];
  const server = serveOn(async (request) => {
    await go.promise;
    contents.push(await contentOf(request.body));
    return ok();
  }, options);
  return { server, read: () => go.resolve(), contents };
}

const expecting = (value = "100-continue"): string => head("POST / HTTP/1.1", "content-length: 5", `expect: ${value}`);

describe("expect: 100-continue", () => {
  for (const [id, value] of [
    ["[hyper-101] 100 is sent when the service reads the content, once, and not before:", "100-continue"],
    ["[hyper-102] the expectation may be in capitals:", "100-CONTINUE"],
  ] as const) {
    test(`${id} ${value}`, async () => {
      const { server, read, contents } = readingLater();
      server.io.push(expecting(value));
      await settle();
      expectOpen(server);
      read();
      await settle();
      expect(server.io.takeWritten()).toBe(continueText);
      server.io.push("he");
      await settle();
      server.io.push("llo");
      await settle();
      expect(contents).toEqual(["hello"]);
      expect(server.io.takeWritten()).toBe(okText);
      expectOpen(server);
    });
  }

  test("[hyper-101] also for chunked content, and for the next request again", async () => {
    const server = serveOn(async (request) => ok().header("x", await contentOf(request.body)));
    for (const _ of [1, 2]) {
      server.io.push(head("POST / HTTP/1.1", "transfer-encoding: chunked", "expect: 100-continue"));
      await settle();
      expect(server.io.takeWritten()).toBe(continueText);
      server.io.push("1\r\na\r\n0\r\n\r\n");
      await settle();
      expect(server.io.takeWritten()).toBe("HTTP/1.1 200 OK\r\nx: a\r\ncontent-length: 0\r\n\r\n");
    }
    expectOpen(server);
  });

  test("[hyper-103] is ignored on HTTP/1.0", async () => {
    const { server, read } = readingLater();
    server.io.push("POST / HTTP/1.0\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n");
    read();
    await settle();
    expectOpen(server);
    server.io.push("hello");
    await expectClosedAfter(server, "HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
  });

  test("[hyper-104] is ignored without content", async () => {
    for (const fields of [[], ["content-length: 0"]]) {
      const { server, read } = readingLater();
      server.io.push(head("POST / HTTP/1.1", ...fields, "expect: 100-continue"));
      read();
      await settle();
      expect(server.io.takeWritten()).toBe(okText);
      expectOpen(server);
    }
  });

  test("[hyper-105] is not answered with 100 for a service that never reads; the connection ends with its answer", async () => {
    const server = serveOn(() => new HttpResponse(403));
    server.io.push(expecting());
    // Whether the client sends its content now, nobody knows.
    await expectClosedAfter(server, "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
  });

  test("[hyper-105] is not answered with 100 once the final response has begun", async () => {
    const started = deferred<void>();
    const server = serveOn((request) => {
      void started.promise.then(() => contentOf(request.body)).catch(() => {});
      return new HttpResponse(
        200,
        {},
        fromIterable(
          (async function* () {
            await new Promise(() => {});
            yield "";
          })(),
        ),
      );
    });
    server.io.push(expecting());
    expect(server.io.takeWritten()).toBe("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n");
    started.resolve();
    await settle();
    expectOpen(server);
  });

  test("is not answered with 100 when the content came without waiting, and the connection goes on", async () => {
    const { server, read, contents } = readingLater();
    server.io.push(`${expecting()}hello`);
    read();
    await settle();
    expect(contents).toEqual(["hello"]);
    expect(server.io.takeWritten()).toBe(okText);
    expectOpen(server);
  });

  test("with a content-length over maxBodyBytes: 413 at once, and no 100", async () => {
    const { server } = readingLater({ maxBodyBytes: 4 });
    server.io.push(expecting());
    await expectFailedAfter(server, refusal("413 Content Too Large"), "limit", "BODY_TOO_LARGE");
  });

  test("another expectation: 417; on HTTP/1.0 it is ignored", async () => {
    const { server } = readingLater();
    server.io.push(head("POST / HTTP/1.1", "content-length: 5", "expect: 200-ok"));
    await expectFailedAfter(server, refusal("417 Expectation Failed"), "protocol", "EXPECTATION_FAILED");
    const old = serveOn(ok);
    old.io.push("GET / HTTP/1.0\r\nexpect: 200-ok\r\n\r\n");
    expect(old.io.takeWritten()).toContain("HTTP/1.0 200 OK\r\n");
  });
});

describe("sendInformational", () => {
  test("sends 103 with fields, as often as it is called, before the final response", async () => {
    const answer = deferred<HttpResponse>();
    const observer = recorder();
    const server = serveOn(
      (request) => {
        expect(sendInformational(request, 103, { link: "</a>" })).toBe(true);
        expect(sendInformational(request, 102)).toBe(true);
        return answer.promise;
      },
      { observer },
    );
    server.io.push(get);
    const early = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n";
    expect(server.io.takeWritten()).toBe(early);
    expectOpen(server);
    answer.resolve(ok());
    await settle();
    expect(server.io.takeWritten()).toBe(okText);
    expect(observer.events).toEqual([
      "request GET /",
      "informational 103",
      "informational 102",
      "response 200",
      "complete",
    ]);
  });

  test("sends 100 by hand, and then not again when the content is read", async () => {
    const server = serveOn(async (request) => {
      expect(sendInformational(request, 100)).toBe(true);
      return ok().header("x", await contentOf(request.body));
    });
    server.io.push(expecting());
    await settle();
    expect(server.io.takeWritten()).toBe(continueText);
    server.io.push("hello");
    await settle();
    expect(server.io.takeWritten()).toBe("HTTP/1.1 200 OK\r\nx: hello\r\ncontent-length: 0\r\n\r\n");
    expectOpen(server);
  });

  test("sends nothing to HTTP/1.0, after the final response, after the connection has ended, or without one", async () => {
    const old = serveOn((request) => {
      expect(sendInformational(request, 103)).toBe(false);
      return ok();
    });
    old.io.push("GET / HTTP/1.0\r\n\r\n");
    expect(old.io.takeWritten()).toBe("HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");

    const requests: HttpRequest[] = [];
    const server = serveOn((request) => {
      requests.push(request);
      return requests.length === 1 ? ok() : new Promise(() => {});
    });
    server.io.push(get);
    server.io.takeWritten();
    for (const request of requests) expect(sendInformational(request, 103)).toBe(false);
    server.io.push(get);
    const [first, second] = requests as [HttpRequest, HttpRequest];
    // The exchange of the first is over, even while another is under way.
    expect(sendInformational(first, 103)).toBe(false);
    server.connection.abort();
    expect(sendInformational(second, 103)).toBe(false);
    expect(server.io.takeWritten()).toBe("");
    expect(sendInformational(HttpRequest.get("/"), 103)).toBe(false);
  });

  test("refuses 101 and what is not 1xx", () => {
    for (const status of [99, 101, 200, 100.5, Number.NaN]) {
      expect(() => sendInformational(HttpRequest.get("/"), status)).toThrow(RangeError);
    }
  });

  test("sends no framing fields (RFC 9110 8.6, RFC 9112 6.1)", () => {
    const server = serveOn((request) => {
      sendInformational(request, 103, { "content-length": "5", "transfer-encoding": "chunked", link: "</a>" });
      return ok();
    });
    server.io.push(get);
    expect(server.io.takeWritten()).toBe(`HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${okText}`);
  });

  test("spells names as responses do", () => {
    const server = serveOn(
      (request) => {
        sendInformational(request, 103, { "x-one": "1" });
        return ok();
      },
      { titleCaseHeaders: true },
    );
    server.io.push(head("GET / HTTP/1.1", "connection: close"));
    expect(server.io.takeWritten()).toBe(
      "HTTP/1.1 103 Early Hints\r\nX-One: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    );
    expect(lastOkText.toLowerCase()).toContain("connection: close");
  });
});
