/** How much content is taken, and what becomes of content that nobody reads. */
import { fromIterable } from "@sluice/body";
import { type HttpError, type HttpRequest, HttpResponse } from "@sluice/core";
import type * as http1 from "@sluice/core/http1";
import { describe, expect, test } from "vitest";
import { expectClosedAfter, expectFailedAfter, expectOpen, get, head, ok, okText, refusal } from "../support/server.ts";
import { contentOf, rejection, type ServerUnderTest, serveOn, settle } from "../support/wire.ts";

const tooLarge = refusal("413 Content Too Large");
const chunked = head("POST / HTTP/1.1", "transfer-encoding: chunked");

function reading(options: http1.ServerOptions): {
  server: ServerUnderTest;
  results: string[];
  calls: { count: number };
} {
  const results: string[] = [];
  const calls = { count: 0 };
  const server = serveOn(async (request) => {
    calls.count++;
    results.push(await contentOf(request.body).catch((error: HttpError) => error.code));
    return ok();
  }, options);
  return { server, results, calls };
}

describe("maxBodyBytes", () => {
  test("a content-length of that many passes; one more is answered with 413 at once, without the service", async () => {
    const at = reading({ maxBodyBytes: 5 });
    at.server.io.push(`${head("POST / HTTP/1.1", "content-length: 5")}hello`);
    await settle();
    expect([at.results, at.server.io.takeWritten()]).toEqual([["hello"], okText]);
    const over = reading({ maxBodyBytes: 5 });
    over.server.io.push(head("POST / HTTP/1.1", "content-length: 6"));
    await expectFailedAfter(over.server, tooLarge, "limit", "BODY_TOO_LARGE");
    expect(over.calls.count).toBe(0);
  });

  test("chunks of that many bytes pass; one more is answered with 413 when it comes", async () => {
    const at = reading({ maxBodyBytes: 5 });
    at.server.io.push(`${chunked}3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n`);
    await settle();
    expect([at.results, at.server.io.takeWritten()]).toEqual([["hello"], okText]);
    const over = reading({ maxBodyBytes: 5 });
    over.server.io.push(`${chunked}5\r\nhello\r\n`);
    await settle();
    expectOpen(over.server);
    over.server.io.push("1\r\n!");
    await expectFailedAfter(over.server, tooLarge, "limit", "BODY_TOO_LARGE");
    expect(over.results).toEqual(["BODY_TOO_LARGE"]);
  });

  test("0 allows none", async () => {
    const server = reading({ maxBodyBytes: 0 }).server;
    server.io.push(get);
    await settle();
    expect(server.io.takeWritten()).toBe(okText);
    server.io.push(head("POST / HTTP/1.1", "content-length: 1"));
    await expectFailedAfter(server, tooLarge, "limit", "BODY_TOO_LARGE");
  });

  test("exceeded behind the head of the response: the response is cut, and nothing is answered", async () => {
    const server = serveOn((request) => new HttpResponse(200, {}, request.body), { maxBodyBytes: 2 });
    server.io.push(`${chunked}1\r\na\r\n`);
    await settle();
    server.io.push("2\r\nbc\r\n");
    const start = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n";
    await expectFailedAfter(server, start, "limit", "BODY_TOO_LARGE");
  });
});

describe("maxChunkExtensionBytes", () => {
  test("counts over the whole body: that many pass, one more: 413", async () => {
    const body = (extra: string): string => `${chunked}1;ab\r\nx\r\n1;cd${extra}\r\ny\r\n0\r\n\r\n`;
    const at = reading({ maxChunkExtensionBytes: 6 });
    at.server.io.push(body(""));
    await settle();
    expect([at.results, at.server.io.takeWritten()]).toEqual([["xy"], okText]);
    const over = reading({ maxChunkExtensionBytes: 6 });
    over.server.io.push(body("e"));
    await expectFailedAfter(over.server, tooLarge, "limit", "CHUNK_EXTENSIONS_TOO_LARGE");
  });
});

describe("content that nobody read", () => {
  for (const [what, start, rest] of [
    ["with content-length", `${head("POST / HTTP/1.1", "content-length: 10")}12345`, "67890"],
    ["in chunks", `${chunked}5\r\n12345\r\n`, "5\r\n67890\r\n0\r\n\r\n"],
  ] as const) {
    test(`${what} is dropped, and the next request served behind it`, async () => {
      const server = serveOn(ok, { maxDrainBytes: 10 });
      server.io.push(start);
      expect(server.io.takeWritten()).toBe(okText);
      expectOpen(server);
      server.io.push(rest + get);
      await settle();
      expect(server.io.takeWritten()).toBe(okText);
      expectOpen(server);
    });

    test(`${what}, more than maxDrainBytes of it: the connection ends behind the response`, async () => {
      const server = serveOn(ok, { maxDrainBytes: 9 });
      server.io.push(start);
      await settle();
      server.io.push(rest + get);
      await expectClosedAfter(server, okText);
    });
  }

  test("a known length over maxDrainBytes ends the connection at once", async () => {
    const server = serveOn(ok, { maxDrainBytes: 9 });
    server.io.push(head("POST / HTTP/1.1", "content-length: 10"));
    await expectClosedAfter(server, okText);
  });

  test("maxDrainBytes 0 keeps only connections without any", async () => {
    const server = serveOn(ok, { maxDrainBytes: 0 });
    server.io.push(get);
    expect(server.io.takeWritten()).toBe(okText);
    expectOpen(server);
    server.io.push(`${head("POST / HTTP/1.1", "content-length: 1")}a`);
    await expectClosedAfter(server, okText);
  });

  test("malformed: the connection ends, and the next request is not looked for", async () => {
    const server = serveOn(ok);
    server.io.push(`${chunked}5\r\n12345`);
    expect(server.io.takeWritten()).toBe(okText);
    server.io.push(`garbage${get}`);
    await expectFailedAfter(server, "", "parse", "INVALID_CHUNK");
  });

  test("canceled: what comes is dropped as well", async () => {
    const server = serveOn((request) => {
      request.body.cancel();
      return ok();
    });
    server.io.push(`${head("POST / HTTP/1.1", "content-length: 3")}a`);
    await settle();
    server.io.push(`bc${get}`);
    await settle();
    expect(server.io.takeWritten()).toBe(okText + okText);
    expectOpen(server);
  });

  test("cannot be taken for the whole by somebody who comes to read it too late", async () => {
    for (const rest of ["", "67890"]) {
      const requests: HttpRequest[] = [];
      const server = serveOn((request) => {
        requests.push(request);
        return ok();
      });
      server.io.push(`${head("POST / HTTP/1.1", "content-length: 10")}12345${rest}`);
      await settle();
      const body = requests[0]?.body ?? fromIterable([]);
      expect(body.isEndStream()).toBe(false);
      expect((await rejection(contentOf(body))).code).toBe("BODY_DROPPED");
    }
  });
});

describe("a service that has answered", () => {
  test("may go on reading, and the next request waits for that", async () => {
    const contents: Promise<string>[] = [];
    const server = serveOn((request) => {
      contents.push(contentOf(request.body));
      return ok();
    });
    server.io.push(`${head("POST / HTTP/1.1", "content-length: 10")}12345`);
    expect(server.io.takeWritten()).toBe(okText);
    server.io.push("67890");
    await settle();
    expect(await contents[0]).toBe("1234567890");
    server.io.push(get);
    await settle();
    expect(server.io.takeWritten()).toBe(okText);
    expectOpen(server);
  });

  test("and loses interest then: the rest is dropped", async () => {
    const requests: HttpRequest[] = [];
    const server = serveOn((request) => {
      requests.push(request);
      if (requests.length === 1) Promise.resolve(request.body.frame()).catch(() => {});
      return ok();
    });
    server.io.push(head("POST / HTTP/1.1", "content-length: 10"), "12345");
    expect(server.io.takeWritten()).toBe(okText);
    requests[0]?.body.cancel();
    expectOpen(server);
    server.io.push(`67890${get}`);
    await settle();
    expect(server.io.takeWritten()).toBe(okText);
    expectOpen(server);
  });
});
