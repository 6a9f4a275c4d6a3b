/** How the content of a request is delimited (RFC 9112 6.3), and how it reaches the service. */
import { collect, isData } from "@sluice/body";
import { type HttpError, type HttpRequest, HttpResponse } from "@sluice/core";
import type * as http1 from "@sluice/core/http1";
import { describe, expect, test } from "vitest";
import { expectFailedAfter, expectOpen, head, lastOkText, ok, okText, refusal } from "../support/server.ts";
import { contentOf, latin1, type ServerUnderTest, serveOn, settle } from "../support/wire.ts";

const bad = refusal("400 Bad Request");

interface Echo {
  readonly server: ServerUnderTest;
  readonly requests: HttpRequest[];
  readonly contents: string[];
  readonly errors: HttpError[];
}

/** A service that reads the whole content before it answers. */
function reading(options: http1.ServerOptions = {}): Echo {
  const requests: HttpRequest[] = [];
  const contents: string[] = [];
  const errors: HttpError[] = [];
  const server = serveOn(async (request) => {
    requests.push(request);
    try {
      contents.push(await contentOf(request.body));
    } catch (error) {
      errors.push(error as HttpError);
    }
    return ok();
  }, options);
  return { server, requests, contents, errors };
}

const tenChunked = "a\r\n0123456789\r\n0\r\n\r\n";

describe("which framing", () => {
  for (const method of ["GET", "POST"]) {
    test(`[hyper-023] without Content-Length and Transfer-Encoding there is no content: ${method}`, async () => {
      const { server, requests, contents } = reading();
      server.io.push(head(`${method} / HTTP/1.1`));
      await settle();
      expect(contents).toEqual([""]);
      expect([requests[0]?.body.isEndStream(), requests[0]?.body.sizeHint().exact]).toEqual([true, 0]);
      expect(server.io.takeWritten()).toBe(okText);
      expectOpen(server);
    });
  }

  for (const [id, fields] of [
    ["[hyper-024] chunked is chunked:", ["transfer-encoding: chunked"]],
    ["[hyper-024] chunked is chunked:", ["Transfer-Encoding: CHUNKED"]],
    ["[hyper-025] codings before chunked, in one line or two:", ["transfer-encoding: gzip, chunked"]],
    [
      "[hyper-025] codings before chunked, in one line or two:",
      ["transfer-encoding: gzip", "transfer-encoding: chunked"],
    ],
  ] as const) {
    test(`${id} ${fields.join(" and ")}`, async () => {
      const { server, requests, contents } = reading();
      server.io.push(head("POST / HTTP/1.1", ...fields) + tenChunked);
      expect(requests[0]?.headers.getAll("transfer-encoding")).toEqual(fields.map((field) => field.split(": ")[1]));
      await settle();
      expect(contents).toEqual(["0123456789"]);
      expect(server.io.takeWritten()).toBe(okText);
      expectOpen(server);
    });
  }

  test("[hyper-026] content-length: 10 means ten bytes, and the next request behind them", async () => {
    const { server, requests, contents } = reading();
    server.io.push(`${head("POST / HTTP/1.1", "content-length: 10")}0123456789${head("GET /b HTTP/1.1")}`);
    await settle();
    expect(contents).toEqual(["0123456789", ""]);
    expect(requests.map((request) => request.target.path)).toEqual(["/", "/b"]);
    expect(server.io.takeWritten()).toBe(okText + okText);
  });

  test("the size is known beforehand with content-length, and not with chunks", () => {
    const { server, requests } = reading();
    server.io.push(`${head("POST / HTTP/1.1", "content-length: 10")}0123`);
    expect(requests[0]?.body.sizeHint().exact).toBe(6);
    const chunked = reading();
    chunked.server.io.push(head("POST / HTTP/1.1", "transfer-encoding: chunked"));
    expect(chunked.requests[0]?.body.sizeHint().exact).toBeUndefined();
  });

  for (const [id, fields] of [
    [
      "[hyper-027] both framings: refused; with the option chunked wins and the connection ends:",
      ["content-length: 3", "transfer-encoding: chunked"],
    ],
    [
      "[hyper-027] both framings: refused; with the option chunked wins and the connection ends:",
      ["transfer-encoding: chunked", "content-length: 3"],
    ],
    [
      "[hyper-027] both framings: refused; with the option chunked wins and the connection ends:",
      ["transfer-encoding: gzip", "content-length: 3", "transfer-encoding: chunked"],
    ],
    [
      "[hyper-028] both framings, the client asks to keep the connection: it ends all the same:",
      ["connection: keep-alive", "content-length: 3", "transfer-encoding: chunked"],
    ],
  ] as const) {
    test(`${id} ${fields.join(", ")}`, async () => {
      const strict = reading();
      strict.server.io.push(head("POST / HTTP/1.1", ...fields) + tenChunked);
      await expectFailedAfter(strict.server, bad, "parse", "TRANSFER_ENCODING_WITH_CONTENT_LENGTH");
      expect(strict.requests).toEqual([]);

      const lenient = reading({ allowTransferEncodingWithContentLength: true });
      lenient.server.io.push(`${head("POST / HTTP/1.1", ...fields)}${tenChunked}${head("GET /smuggled HTTP/1.1")}`);
      await settle();
      expect(lenient.contents).toEqual(["0123456789"]);
      expect(lenient.requests[0]?.headers.has("content-length")).toBe(false);
      expect(lenient.server.io.takeWritten()).toBe(lastOkText);
      expect([lenient.server.io.isShutdown, lenient.requests.length]).toEqual([true, 1]);
    });
  }

  test("[hyper-029] two equal content-lengths: refused; with allowRepeatedContentLength they are one", async () => {
    for (const [fields, values] of [
      [["content-length: 10", "content-length: 10"], ["10"]],
      [["content-length: 10, 10"], ["10, 10"]],
    ] as const) {
      const strict = reading();
      strict.server.io.push(head("POST / HTTP/1.1", ...fields));
      await expectFailedAfter(strict.server, bad, "parse", "CONTENT_LENGTH_INVALID");
      const lenient = reading({ allowRepeatedContentLength: true });
      lenient.server.io.push(`${head("POST / HTTP/1.1", ...fields)}0123456789`);
      await settle();
      expect(lenient.contents).toEqual(["0123456789"]);
      expect(lenient.requests[0]?.headers.getAll("content-length")).toEqual(values);
      expect(lenient.server.io.takeWritten()).toBe(okText);
      expectOpen(lenient.server);
    }
  });

  test("[hyper-030] two different content-lengths: 400, whatever is allowed", async () => {
    for (const fields of [["content-length: 10", "content-length: 11"], ["content-length: 10, 11"]]) {
      for (const allowRepeatedContentLength of [false, true]) {
        const { server } = reading({ allowRepeatedContentLength });
        server.io.push(head("POST / HTTP/1.1", ...fields));
        await expectFailedAfter(server, bad, "parse", "CONTENT_LENGTH_INVALID");
      }
    }
  });

  for (const [id, value] of [
    ["[hyper-031] a content-length with a sign, 400:", "+10"],
    ["[hyper-031] a content-length with a sign, 400:", "+5"],
    ["[hyper-034] an illegal content-length, 400:", "nope"],
    ["[hyper-034] an illegal content-length, 400:", "-1"],
    ["[hyper-034] an illegal content-length, 400:", "1 0"],
    ["[hyper-034] an illegal content-length, 400:", "0x10"],
    ["[hyper-034] an illegal content-length, 400:", ""],
  ] as const) {
    test(`${id} ${JSON.stringify(value)}`, async () => {
      const { server, requests } = reading();
      server.io.push(head("POST / HTTP/1.1", `content-length: ${value}`));
      await expectFailedAfter(server, bad, "parse", "CONTENT_LENGTH_INVALID");
      expect(requests).toEqual([]);
    });
  }

  test("a content-length of 2^53-1 is read, one more is answered with 413", async () => {
    const at = reading();
    at.server.io.push(head("POST / HTTP/1.1", "content-length: 9007199254740991"));
    expect(at.requests[0]?.body.sizeHint().exact).toBe(2 ** 53 - 1);
    const over = reading();
    over.server.io.push(head("POST / HTTP/1.1", "content-length: 9007199254740992"));
    await expectFailedAfter(over.server, refusal("413 Content Too Large"), "limit", "CONTENT_LENGTH_TOO_LARGE");
  });

  for (const fields of [
    ["transfer-encoding: gzip"],
    ["transfer-encoding: chunked, gzip"],
    ["transfer-encoding: chunked", "transfer-encoding: gzip"],
    ["transfer-encoding: gzip", "transfer-encoding: deflate"],
    ["transfer-encoding: chunked, chunked"],
    ["transfer-encoding: chunked;x=1"],
    ["transfer-encoding: , chunked"],
  ]) {
    test(`[hyper-032] codings that do not end in chunked, or repeat it, 400: ${fields.join(" and ")}`, async () => {
      const { server } = reading();
      server.io.push(head("POST / HTTP/1.1", ...fields));
      await expectFailedAfter(server, bad, "parse", "TRANSFER_ENCODING_INVALID");
    });
  }

  test("a transfer coding that is not registered: 501", async () => {
    const { server } = reading();
    server.io.push(head("POST / HTTP/1.1", "transfer-encoding: br, chunked"));
    const answer = refusal("501 Not Implemented");
    await expectFailedAfter(server, answer, "protocol", "TRANSFER_CODING_UNKNOWN");
  });

  test("[hyper-033] Transfer-Encoding in HTTP/1.0: 400", async () => {
    const { server } = reading();
    server.io.push(head("POST / HTTP/1.0", "transfer-encoding: chunked"));
    await expectFailedAfter(server, bad, "parse", "TRANSFER_ENCODING_UNEXPECTED");
  });
});

describe("content on its way to the service", () => {
  test("[hyper-035] with content-length, in the pieces it came in", async () => {
    const frames: string[] = [];
    const server = serveOn(async (request) => {
      for await (const frame of request.body) if (isData(frame)) frames.push(latin1(frame));
      return ok();
    });
    server.io.push(`${head("POST / HTTP/1.1", "content-length: 19")}I'm a `);
    await settle();
    server.io.push("good ");
    await settle();
    server.io.push("request.");
    await settle();
    expect(frames).toEqual(["I'm a ", "good ", "request."]);
    expect(server.io.takeWritten()).toBe(okText);
    expectOpen(server);
  });

  test("[hyper-036] chunked, decoded", async () => {
    const { server, contents } = reading();
    server.io.push(
      `${head("POST / HTTP/1.1", "transfer-encoding: chunked")}1\r\nq\r\n2\r\nwe\r\n2;x="y"\r\nrt\r\n0\r\n\r\n`,
    );
    await settle();
    expect(contents).toEqual(["qwert"]);
    expect(server.io.takeWritten()).toBe(okText);
    expectOpen(server);
  });

  test("content that nobody asks for stays where it is: at most one chunk is read ahead", async () => {
    const server = serveOn(() => new Promise(() => {}));
    server.io.push(head("POST / HTTP/1.1", "content-length: 30"), "0123456789", "0123456789", "0123456789");
    await settle();
    expect(server.io.remaining).toBe(2);
  });

  test("[hyper-037] a chunk size beyond 2^53-1: reading fails, 400", async () => {
    for (const size of ["20000000000000", "f0000000000000003", "fffffffffffffffffffffffff"]) {
      const { server, contents, errors } = reading();
      server.io.push(`${head("POST / HTTP/1.1", "transfer-encoding: chunked")}${size}\r\nabc`);
      await expectFailedAfter(server, bad, "parse", "INVALID_CHUNK");
      expect([contents, errors.map((error) => error.code)]).toEqual([[], ["INVALID_CHUNK"]]);
    }
  });

  test("[hyper-038] cut short by the end of the stream: reading fails, it does not end", async () => {
    for (const input of [
      `${head("POST / HTTP/1.1", "content-length: 10")}12345`,
      `${head("POST / HTTP/1.1", "transfer-encoding: chunked")}5\r\n123`,
      `${head("POST / HTTP/1.1", "transfer-encoding: chunked")}5\r\n12345\r\n`,
    ]) {
      for (const halfClose of [false, true]) {
        const { server, contents, errors } = reading({ halfClose });
        server.io.push(input);
        await settle();
        server.io.push(null);
        await settle();
        expect([contents, errors.map((error) => error.kind)]).toEqual([[], ["incomplete"]]);
        expect([server.outcome?.kind, server.io.takeWritten()]).toEqual(["incomplete", ""]);
        expect(server.timer.pending).toBe(0);
      }
    }
  });

  test("[hyper-039] a last chunk without its 0: reading fails, 400", async () => {
    const { server, contents, errors } = reading();
    server.io.push(`${head("POST / HTTP/1.1", "transfer-encoding: chunked")}1\r\nq\r\n\r\n`);
    await expectFailedAfter(server, bad, "parse", "INVALID_CHUNK");
    expect([contents, errors.map((error) => error.code)]).toEqual([[], ["INVALID_CHUNK"]]);
  });

  test("a second frame() while one waits is refused, and harms nothing", async () => {
    const server = serveOn(async (request) => {
      const first = request.body.frame();
      expect(() => request.body.frame()).toThrow("frame() was called while an earlier call was pending");
      expect(await first).toEqual(Uint8Array.of(0x61));
      return new HttpResponse(204);
    });
    server.io.push(head("POST / HTTP/1.1", "content-length: 1"), "a");
    await settle();
    expect(server.io.takeWritten()).toBe("HTTP/1.1 204 No Content\r\n\r\n");
  });

  test("trailers come as the last frame, and the body is at its end with them", async () => {
    const server = serveOn(async (request) => {
      const collected = collect(request.body);
      return ok().header("x", `${await collected.text()} ${[...((await collected.trailers()) ?? [])].join()}`);
    });
    server.io.push(`${head("POST / HTTP/1.1", "transfer-encoding: chunked")}1\r\na\r\n0\r\nx: 1\r\nx: 2\r\n\r\n`);
    await settle();
    expect(server.io.takeWritten()).toBe("HTTP/1.1 200 OK\r\nx: a x,1,x,2\r\ncontent-length: 0\r\n\r\n");
    expectOpen(server);
  });
});
