/** What the server sends: status line, fields, and how content is delimited (RFC 9112 4, 6). */
import { type Body, empty, fromIterable, full } from "@sluice/body";
import { HttpRequest, HttpResponse, reasonPhraseKey } from "@sluice/core";
import type * as http1 from "@sluice/core/http1";
import { describe, expect, test, vi } from "vitest";
import { expectClosedAfter, expectFailedAfter, expectOpen, get, head, okText, refusal } from "../support/server.ts";
import { connectOn, lines, type ServerUnderTest, serveOn, settle } from "../support/wire.ts";

/** What comes back for one request, while the connection stays open. */
async function answer(
  response: () => HttpResponse,
  input: string = get,
  options: http1.ServerOptions = {},
): Promise<{ readonly text: string; readonly server: ServerUnderTest }> {
  const server = serveOn(response, options);
  server.io.push(input);
  await settle();
  return { text: server.io.takeWritten(), server };
}

/** A body whose length is not known beforehand. */
function unknown(...parts: readonly string[]): Body {
  return fromIterable(parts);
}

const chunkedHello = "5\r\nhello\r\n0\r\n\r\n";

describe("content-length and chunked", () => {
  for (const [what, fields, body, expected] of [
    [
      "[hyper-063] a content-length of the user's with a known body",
      { "content-length": "5" },
      () => full("hello"),
      "content-length: 5\r\n\r\nhello",
    ],
    [
      "[hyper-063] a content-length of the user's with an unknown body",
      { "content-length": "5" },
      () => unknown("he", "llo"),
      "content-length: 5\r\n\r\nhello",
    ],
    [
      "[hyper-063] a content-length of the user's with an empty body",
      { "content-length": "0" },
      () => empty(),
      "content-length: 0\r\n\r\n",
    ],
    [
      "[hyper-064] chunked of the user's with a known body",
      { "transfer-encoding": "chunked" },
      () => full("hello"),
      `transfer-encoding: chunked\r\n\r\n${chunkedHello}`,
    ],
    [
      "[hyper-064] chunked of the user's with an unknown body",
      { "transfer-encoding": "chunked" },
      () => unknown("hello"),
      `transfer-encoding: chunked\r\n\r\n${chunkedHello}`,
    ],
    [
      "[hyper-064] chunked of the user's with an empty body",
      { "transfer-encoding": "chunked" },
      () => empty(),
      "transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    [
      "[hyper-065] another coding of the user's gets chunked",
      { "transfer-encoding": "gzip" },
      () => full("hello"),
      `transfer-encoding: gzip, chunked\r\n\r\n${chunkedHello}`,
    ],
    ["[hyper-066] nothing said, known length", {}, () => full("hello"), "content-length: 5\r\n\r\nhello"],
    ["[hyper-066] nothing said, known to be empty", {}, () => empty(), "content-length: 0\r\n\r\n"],
    [
      "[hyper-066] nothing said, unknown length",
      {},
      () => unknown("hello"),
      `transfer-encoding: chunked\r\n\r\n${chunkedHello}`,
    ],
  ] as const) {
    test(what, async () => {
      const { text, server } = await answer(() => new HttpResponse(200, fields, body()));
      expect(text).toBe(`HTTP/1.1 200 OK\r\n${expected}`);
      expectOpen(server);
    });
  }

  for (const [what, fields, expected] of [
    [
      "[hyper-067] unknown length to HTTP/1.0: neither content-length nor chunked, and the end of the stream ends it",
      {},
      "",
    ],
    [
      "[hyper-068] unknown length to HTTP/1.0: chunked of the user's is removed",
      { "transfer-encoding": "chunked", trailer: "x" },
      "",
    ],
  ] as const) {
    test(what, async () => {
      for (const keep of ["", "connection: keep-alive\r\n"]) {
        const server = serveOn(() => new HttpResponse(200, fields, unknown("hel", "lo")));
        server.io.push(`GET / HTTP/1.0\r\n${keep}\r\n`);
        await expectClosedAfter(server, `HTTP/1.0 200 OK\r\n${expected}connection: close\r\n\r\nhello`);
      }
    });
  }

  test("content-length and transfer-encoding of the user's together cannot be sent: 500", async () => {
    const fields = { "content-length": "5", "transfer-encoding": "chunked" };
    const server = serveOn(() => new HttpResponse(200, fields, full("hello")));
    server.io.push(get);
    await expectFailedAfter(server, refusal("500 Internal Server Error"), "user", "UNEXPECTED_HEADER");
  });

  for (const [value, code] of [
    ["4", "CONTENT_LENGTH_MISMATCH"],
    ["6", "CONTENT_LENGTH_MISMATCH"],
    ["+5", "CONTENT_LENGTH_INVALID"],
    ["", "CONTENT_LENGTH_INVALID"],
  ] as const) {
    test(`a content-length of "${value}" for five known bytes is not sent: 500`, async () => {
      const server = serveOn(() => new HttpResponse(200, { "content-length": value }, full("hello")));
      server.io.push(get);
      await expectFailedAfter(server, refusal("500 Internal Server Error"), "user", code);
    });
  }

  test("[hyper-071] a second request behind a chunked response", async () => {
    const server = serveOn(() => new HttpResponse(200, {}, unknown("hello")));
    for (const _ of [1, 2]) {
      server.io.push(get);
      expect(server.io.takeWritten()).toBe(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${chunkedHello}`);
    }
    expectOpen(server);
  });

  test("[hyper-076] 100 chunks of 1,000 bytes arrive whole: 100,808 bytes of content on the wire", async () => {
    const part = "x".repeat(1000);
    const { text } = await answer(() => new HttpResponse(200, {}, unknown(...Array.from({ length: 100 }, () => part))));
    const start = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    expect(text).toBe(`${start}${`3E8\r\n${part}\r\n`.repeat(100)}0\r\n\r\n`);
    // hyper's figure counts its head, which has a date.
    expect(text.length - start.length).toBe(100 * (1000 + 7) + 5);
  });

  test("[hyper-084] chunk sizes are upper-case hex; content-length cuts the surplus and cancels the body", async () => {
    const sized = await answer(() => new HttpResponse(200, {}, unknown("x".repeat(171))));
    expect(sized.text).toContain(`\r\n\r\nAB\r\n${"x".repeat(171)}\r\n0\r\n\r\n`);
    let ended = false;
    function* parts(): Generator<string> {
      try {
        yield "hello";
        yield " world";
        yield "!";
      } finally {
        ended = true;
      }
    }
    const cut = await answer(() => new HttpResponse(200, { "content-length": "8" }, fromIterable(parts())));
    expect(cut.text).toBe("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhello wo");
    expect(ended).toBe(true);
    expectOpen(cut.server);
  });

  test("[hyper-085] an empty chunk is not written: it would end the content", async () => {
    const { text } = await answer(() => new HttpResponse(200, {}, unknown("", "hel", "", "lo", "")));
    expect(text).toBe("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
  });

  test("[hyper-086] a body shorter than its content-length: the connection ends, and tells how much was missing", async () => {
    const server = serveOn(() => new HttpResponse(200, { "content-length": "8" }, unknown("hello")));
    server.io.push(get);
    await expectFailedAfter(server, "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhello", "user", "BODY_TOO_SHORT");
    expect(server.outcome?.message).toBe("the body ended 3 bytes short of its content-length");
  });
});

describe("responses without content", () => {
  test("[hyper-072] to HEAD, a content-length of the user's is sent, and no content", async () => {
    const response = (): HttpResponse => new HttpResponse(200, { "content-length": "1024" });
    const { text, server } = await answer(response, head("HEAD / HTTP/1.1"));
    expect(text).toBe("HTTP/1.1 200 OK\r\ncontent-length: 1024\r\n\r\n");
    expectOpen(server);
  });

  test("[hyper-073] to HEAD, a body is announced and canceled, and the connection goes on", async () => {
    const canceled: unknown[] = [];
    const server = serveOn((request) => {
      const body = full("hello");
      vi.spyOn(body, "cancel").mockImplementation(() => void canceled.push(request.method));
      return new HttpResponse(200, {}, body);
    });
    server.io.push(head("HEAD / HTTP/1.1"));
    expect(server.io.takeWritten()).toBe("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
    server.io.push(get);
    expect(server.io.takeWritten()).toBe("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
    expect(canceled).toEqual(["HEAD"]);
    expectOpen(server);
  });

  test("[hyper-073] to HEAD, a body of unknown length announces nothing", async () => {
    for (const fields of [{}, { "transfer-encoding": "chunked", trailer: "x" }]) {
      const { text, server } = await answer(() => new HttpResponse(200, fields, unknown("a")), head("HEAD / HTTP/1.1"));
      expect(text).toBe("HTTP/1.1 200 OK\r\n\r\n");
      expectOpen(server);
    }
  });

  test("[hyper-074] to HEAD, an empty body is not announced as content-length: 0", async () => {
    const { text } = await answer(() => new HttpResponse(200), head("HEAD / HTTP/1.1"));
    expect(text).toBe("HTTP/1.1 200 OK\r\n\r\n");
  });

  test("[hyper-075] 304 has neither chunked nor an implied content-length, whatever body it is given", async () => {
    for (const body of [empty(), full("hello"), unknown("hello")]) {
      const { text, server } = await answer(() => new HttpResponse(304, {}, body));
      expect(text).toBe("HTTP/1.1 304 Not Modified\r\n\r\n");
      expectOpen(server);
    }
    const said = await answer(() => new HttpResponse(304, { "content-length": "1024" }));
    expect(said.text).toBe("HTTP/1.1 304 Not Modified\r\ncontent-length: 1024\r\n\r\n");
  });

  test("204 has no content and announces none, also where the user does (RFC 9110 8.6)", async () => {
    for (const fields of [{}, { "content-length": "5" }, { "transfer-encoding": "chunked" }]) {
      const { text, server } = await answer(() => new HttpResponse(204, fields, full("hello")));
      expect(text).toBe("HTTP/1.1 204 No Content\r\n\r\n");
      expectOpen(server);
    }
  });

  test("205 has content-length: 0 and no content (RFC 9110 15.3.6)", async () => {
    const { text, server } = await answer(() => new HttpResponse(205, {}, unknown("hello")));
    expect(text).toBe("HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n");
    expectOpen(server);
  });
});

describe("the status line", () => {
  test("[hyper-070] a reason phrase of the user's is written as it is", async () => {
    const { text } = await answer(() => new HttpResponse(200).withReason("Cool\tbeans \xe9"));
    expect(text).toBe("HTTP/1.1 200 Cool\tbeans \xe9\r\ncontent-length: 0\r\n\r\n");
    const none = await answer(() => new HttpResponse(200).withReason(""));
    expect(none.text).toBe("HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n");
  });

  test("a status without registered phrase has an empty one", async () => {
    const { text } = await answer(() => new HttpResponse(299));
    expect(text).toBe("HTTP/1.1 299 \r\ncontent-length: 0\r\n\r\n");
  });

  test("a phrase or a status that came past the checks of HttpResponse is not sent: 500", async () => {
    for (const spoil of [
      (response: HttpResponse) => response.extension(reasonPhraseKey, "x\r\nset-cookie: a"),
      (response: HttpResponse) => Object.assign(response, { status: "200 OK\r\nset-cookie: a" }),
      (response: HttpResponse) => Object.assign(response, { status: 1000 }),
      (response: HttpResponse) => Object.assign(response, { status: 200.5 }),
    ]) {
      const server = serveOn(() => spoil(new HttpResponse(200)));
      server.io.push(get);
      await expectFailedAfter(server, refusal("500 Internal Server Error"), "user", "SERVICE_FAILED");
    }
  });

  test("[hyper-077] a response marked HTTP/2 is written as HTTP/1.1", async () => {
    const { text } = await answer(() => new HttpResponse(200).withVersion("HTTP/2"));
    expect(text).toBe(okText);
  });

  test("[hyper-078] a request in HTTP/1.0 gets a status line in HTTP/1.0", async () => {
    const server = serveOn(() => new HttpResponse(404));
    server.io.push("GET / HTTP/1.0\r\n\r\n");
    await expectClosedAfter(server, "HTTP/1.0 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
  });

  for (const status of [100, 101, 102, 103, 199]) {
    test(`[hyper-080] 1xx from a service: 500, and an error of the connection: ${status}`, async () => {
      const server = serveOn(() => new HttpResponse(status));
      server.io.push(get);
      await expectFailedAfter(server, refusal("500 Internal Server Error"), "user", "UNSUPPORTED_STATUS");
    });
  }
});

describe("fields", () => {
  test("[hyper-079] date is sent by default, not with autoDateHeader: false, and not over the user's", async () => {
    const date = { autoDateHeader: true };
    const { text } = await answer(() => new HttpResponse(200), get, date);
    const match = /^HTTP\/1\.1 200 OK\r\ncontent-length: 0\r\ndate: (.{29})\r\n\r\n$/.exec(text);
    expect(match?.[1]).toMatch(/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
    const own = await answer(() => new HttpResponse(200, { date: "then" }), get, date);
    expect(own.text).toBe("HTTP/1.1 200 OK\r\ndate: then\r\ncontent-length: 0\r\n\r\n");
    const off = await answer(() => new HttpResponse(200));
    expect(off.text).toBe(okText);
    const refused = serveOn(() => new HttpResponse(200), date);
    refused.io.push("\x00");
    expect(refused.io.takeWritten()).toMatch(
      /^HTTP\/1\.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: .{29}\r\n\r\n$/,
    );
  });

  const spelled = "GET / HTTP/1.1\r\nHost: a\r\nX-BREAD: 1\r\nx-Bread: 2\r\nX-eMPTY:\r\n\r\n";

  /** Gives the fields of the request back, as they were received, and one more. */
  function mirror(options: http1.ServerOptions): string {
    const server = serveOn((request) => new HttpResponse(200, request.headers).header("x-own", "3"), options);
    server.io.push(spelled);
    return server.io.takeWritten();
  }

  test("[hyper-081] names in lower case, in title case, as received, and as received with title case for the rest", () => {
    const status = "HTTP/1.1 200 OK";
    expect(mirror({})).toBe(
      lines(status, "host: a", "x-bread: 1", "x-bread: 2", "x-empty:", "x-own: 3", "content-length: 0", "", ""),
    );
    expect(mirror({ titleCaseHeaders: true })).toBe(
      lines(status, "Host: a", "X-Bread: 1", "X-Bread: 2", "X-Empty:", "X-Own: 3", "Content-Length: 0", "", ""),
    );
    expect(mirror({ preserveHeaderCase: true })).toBe(
      lines(status, "Host: a", "X-BREAD: 1", "x-Bread: 2", "X-eMPTY:", "x-own: 3", "content-length: 0", "", ""),
    );
    expect(mirror({ preserveHeaderCase: true, titleCaseHeaders: true })).toBe(
      lines(status, "Host: a", "X-BREAD: 1", "x-Bread: 2", "X-eMPTY:", "X-Own: 3", "Content-Length: 0", "", ""),
    );
  });

  test("[hyper-081] the same for requests", async () => {
    for (const [options, expected] of [
      [{}, "host: a\r\nx-one: 1"],
      [{ titleCaseHeaders: true }, "Host: a\r\nX-One: 1"],
      [{ preserveHeaderCase: true }, "HOST: a\r\nx-one: 1"],
      [{ preserveHeaderCase: true, titleCaseHeaders: true }, "HOST: a\r\nX-One: 1"],
    ] as const) {
      const client = await connectOn(options);
      const request = HttpRequest.get("/");
      request.headers.append("host", "a", { originalName: "HOST" });
      void client.sender.send(request.header("x-one", "1"));
      expect(client.io.takeWritten()).toBe(`GET / HTTP/1.1\r\n${expected}\r\n\r\n`);
    }
  });

  test("[hyper-082] an empty value is written without a space, and repeated names keep their own spelling", () => {
    const text = mirror({ preserveHeaderCase: true });
    expect(text).toContain("\r\nX-eMPTY:\r\n");
    expect(text).toContain("\r\nX-BREAD: 1\r\nx-Bread: 2\r\n");
  });
});

describe("[hyper-087] a head that cannot be written", () => {
  test("leaves nothing of itself behind: the 500 stands alone, behind what was complete before", async () => {
    const server = serveOn((request) =>
      request.target.path === "/"
        ? new HttpResponse(200)
        : new HttpResponse(200, { x: "1", "content-length": "nope" }, full("hello")),
    );
    server.io.push(get + head("GET /bad HTTP/1.1"));
    await expectFailedAfter(server, okText + refusal("500 Internal Server Error"), "user", "CONTENT_LENGTH_INVALID");
  });
});
