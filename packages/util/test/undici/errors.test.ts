/** What goes wrong has the names and codes that undici's own Agent gives it, in every phase. */
import { once } from "node:events";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { HttpError } from "@sluice/core";
import { errors, fetch, request } from "undici";
import { describe, expect, test } from "vitest";
import { startOrigin } from "../support/origin.ts";
import { type RawAnswer, startRawOrigin } from "../support/raw-origin.ts";
import {
  both,
  type Call,
  closedPort,
  type ErrorFacts,
  failureFacts,
  type Held,
  newHandler,
  oldHandler,
  ours,
  until,
} from "./support.ts";

async function read(url: string, dispatcher: Held, options: Parameters<typeof request>[1] = {}): Promise<string> {
  const { body } = await request(url, { ...options, dispatcher });
  return await body.text();
}

/** What both make of the answer. undici 7.30 has lost the codes of its parser's errors, which undici 6 has. */
async function failed(answer: RawAnswer | string, options: Parameters<typeof request>[1] = {}): Promise<unknown> {
  await using raw = await startRawOrigin(() => answer);
  const { ours, theirs } = await both((it) => failureFacts(read(raw.url, it, options)));
  expect(theirs).toEqual(
    (theirs as ErrorFacts).name === "HTTPParserError" ? { ...(ours as ErrorFacts), code: undefined } : ours,
  );
  return ours;
}

describe("connecting", () => {
  test("refused: an error of Node's, with the HttpError as its cause; fetch wraps it", async () => {
    const url = `http://127.0.0.1:${await closedPort()}/`;
    const facts = await both(async (it) => {
      const error = await request(url, { dispatcher: it }).catch((reason: unknown) => reason as NodeJS.ErrnoException);
      const { name, message, code, syscall, address, port } = error as NodeJS.ErrnoException & {
        address: string;
        port: number;
      };
      return { name, message, code, syscall, address, port };
    });
    expect(facts.ours).toEqual(facts.theirs);
    expect(facts.ours).toMatchObject({ name: "Error", code: "ECONNREFUSED", syscall: "connect" });
    const fetched = await both((it) => failureFacts(fetch(url, { dispatcher: it })));
    expect(fetched.ours).toEqual(fetched.theirs);
    await using dispatcher = ours();
    const error = (await request(url, { dispatcher }).catch((reason: unknown) => reason)) as Error;
    expect(HttpError.is(error.cause)).toBe(true);
  });

  test("no such name", async () => {
    const facts = await both((it) => failureFacts(request("http://nowhere.invalid/", { dispatcher: it })));
    expect(facts.ours).toEqual(facts.theirs);
  });

  test("too long: UND_ERR_CONNECT_TIMEOUT", async () => {
    await using dispatcher = ours({
      connector: () => Promise.reject(new HttpError("timeout", "CONNECT_TIMEOUT", "too long")),
    });
    const error = await request("http://127.0.0.1:9/", { dispatcher }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: "ConnectTimeoutError", code: "UND_ERR_CONNECT_TIMEOUT" });
    expect(error).toBeInstanceOf(errors.ConnectTimeoutError);
    expect(error).toBeInstanceOf(errors.UndiciError);
    expect(error).not.toBeInstanceOf(errors.SocketError);
  });
});

describe("the connection ends", () => {
  test("before the response, within it, and in a way that is not HTTP", async () => {
    const socket = { name: "SocketError", code: "UND_ERR_SOCKET" };
    expect(await failed({ bytes: "", afterwards: "close" })).toEqual(socket);
    expect(await failed({ bytes: "HTTP/1.1 200 OK\r\nconte", afterwards: "close" })).toEqual(socket);
    expect(await failed({ bytes: "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", afterwards: "close" })).toEqual(
      socket,
    );
    expect(
      await failed({
        bytes: "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 10\r\n\r\nabc",
        afterwards: "close",
      }),
    ).toMatchObject({ code: "UND_ERR_RES_CONTENT_LENGTH_MISMATCH" });
    const chunked = "transfer-encoding: chunked\r\n\r\n5\r\nab";
    expect(await failed({ bytes: `HTTP/1.1 200 OK\r\n${chunked}`, afterwards: "close" })).toEqual(socket);
    expect(
      await failed({ bytes: `HTTP/1.1 200 OK\r\nconnection: close\r\n${chunked}`, afterwards: "close" }),
    ).toMatchObject({ code: "HPE_INVALID_EOF_STATE" });
  });

  test("reset before the response", async () => {
    expect(await failed({ bytes: "", afterwards: "reset" })).toEqual({ name: "Error", code: "ECONNRESET" });
  });

  test("an h2 stream is reset, refused, or its connection goes", async () => {
    const server = createServer();
    server.on("stream", (stream, headers) => {
      stream.on("error", () => {});
      if (headers[":path"] === "/reset") stream.close(2);
      else {
        stream.respond({ ":status": 200 });
        stream.write("part", () => stream.session?.destroy());
      }
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await using dispatcher = ours({ version: "http2" });
    expect(await failureFacts(read(`${url}/reset`, dispatcher))).toEqual({
      name: "SocketError",
      code: "UND_ERR_SOCKET",
    });
    expect(await failureFacts(read(`${url}/gone`, dispatcher))).toMatchObject({
      code: expect.stringMatching(/UND_ERR_SOCKET|ECONNRESET/),
    });
    server.close();
  });
});

describe("answers that are not HTTP", () => {
  for (const [what, bytes, code] of [
    ["no HTTP at all", "SSH-2.0-x\r\n\r\n", "HPE_INVALID_CONSTANT"],
    ["a status of letters", "HTTP/1.1 abc OK\r\n\r\n", "HPE_INVALID_STATUS"],
    ["a field name with a space", "HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n", "HPE_INVALID_HEADER_TOKEN"],
    ["a length that is no number", "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", "HPE_INVALID_CONTENT_LENGTH"],
    [
      "a chunk size that is no number",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
      "HPE_INVALID_CHUNK_SIZE",
    ],
  ] as const) {
    test(what, async () => {
      expect(await failed({ bytes })).toEqual({ name: "HTTPParserError", code });
    });
  }

  test("a head that is too large", async () => {
    const bytes = `HTTP/1.1 200 OK\r\nx-large: ${"x".repeat(200_000)}\r\n\r\n`;
    expect(await failed({ bytes })).toEqual({ name: "HeadersOverflowError", code: "UND_ERR_HEADERS_OVERFLOW" });
  });
});

describe("time limits of the dispatch", () => {
  test("headersTimeout and bodyTimeout", async () => {
    await using raw = await startRawOrigin(({ path }) => ({
      bytes: path === "/head" ? "" : "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",
    }));
    await using dispatcher = ours();
    const head = await failureFacts(read(`${raw.url}/head`, dispatcher, { headersTimeout: 30 }));
    expect(head).toEqual({ name: "HeadersTimeoutError", code: "UND_ERR_HEADERS_TIMEOUT" });
    const body = await failureFacts(read(raw.url, dispatcher, { bodyTimeout: 30 }));
    expect(body).toEqual({ name: "BodyTimeoutError", code: "UND_ERR_BODY_TIMEOUT" });
  });
});

describe("the request", () => {
  test("a stream that fails fails the request with its error", async () => {
    await using origin = await startOrigin();
    const failure = new Error("the disk is gone");
    const result = await both(async (it) => {
      const body = new Readable({ read() {} });
      body.push("part");
      setImmediate(() => body.destroy(failure));
      const error = await read(`${origin.url}/echo`, it, { method: "POST", body }).catch((reason: unknown) => reason);
      return error === failure;
    });
    expect(result).toEqual({ ours: true, theirs: true });
  });

  test("content of another length than declared", async () => {
    await using origin = await startOrigin();
    const mismatch = { code: "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH", name: "RequestContentLengthMismatchError" };
    for (const make of [
      () => "four",
      () => Readable.from([Buffer.from("four")]),
      () => Readable.from([Buffer.alloc(20)]),
    ]) {
      const result = await both((it) =>
        failureFacts(
          read(`${origin.url}/hang`, it, { method: "POST", body: make(), headers: { "content-length": "10" } }),
        ),
      );
      expect(result.ours).toEqual(mismatch);
      expect(result.theirs).toEqual(mismatch);
    }
  });

  test("senseless options go to the handler as UND_ERR_INVALID_ARG, and nothing is sent", async () => {
    await using origin = await startOrigin();
    const senseless: Record<string, unknown>[] = [
      { path: 1 },
      { path: "no-slash" },
      { path: "/a b" },
      { path: "/\u0100" },
      { method: 1 },
      { method: "G T" },
      { upgrade: 1 },
      { upgrade: "a\nb" },
      { headersTimeout: -1 },
      { bodyTimeout: "x" },
      { reset: 1 },
      { expectContinue: 1 },
      { maxRedirections: 2 },
      { body: 1 },
      { origin: "" },
      { origin: undefined },
      { origin: "ftp://127.0.0.1" },
      { origin: "no url" },
      { headers: "x" },
      { headers: ["x"] },
      { headers: { "a b": "c" } },
      { headers: { a: "b\nc" } },
      { headers: { a: {} } },
      { headers: { "transfer-encoding": "chunked" } },
      { headers: { upgrade: "x" } },
      { headers: { "keep-alive": "1" } },
      { headers: { connection: "a b" } },
      { headers: { "content-length": "x" } },
      { headers: { "content-length": "1, 2" } },
      { headers: ["host", "a", "Host", "b"] },
      { headers: ["content-length", "1", "content-length", "1"] },
      { headers: { expect: "100-continue" } },
    ];
    const codes: Record<string, string> = {
      '{"origin":"no url"}': "ERR_INVALID_URL",
      '{"headers":{"expect":"100-continue"}}': "UND_ERR_NOT_SUPPORTED",
    };
    await both(async (it) => {
      for (const options of senseless) {
        const calls: Call[] = [];
        it.dispatch({ origin: origin.url, path: "/", method: "GET", ...options }, oldHandler(calls));
        const code = codes[JSON.stringify(options)] ?? "UND_ERR_INVALID_ARG";
        await until(() => calls.length > 0);
        expect([options, calls]).toMatchObject([options, [["error", { code }]]]);
      }
    });
    expect(origin.requests).toEqual([]);
  });

  test("a handler that lacks what its request needs is told so; one that cannot be told is refused", () => {
    const dispatcher = ours();
    const options = { origin: "http://127.0.0.1:9", path: "/", method: "GET" } as const;
    for (const missing of ["onConnect", "onHeaders", "onData", "onComplete"]) {
      const calls: Call[] = [];
      // Nobody is asked to wait for what will not come.
      expect(dispatcher.dispatch(options, oldHandler(calls, { [missing]: undefined }))).toBe(true);
      expect(calls).toEqual([["error", { name: "InvalidArgumentError", code: "UND_ERR_INVALID_ARG" }]]);
    }
    for (const handler of [null, 1, {}, newHandler([], { onResponseError: undefined as never })]) {
      expect(() => dispatcher.dispatch(options, handler as never)).toThrow(errors.InvalidArgumentError);
    }
  });
});

describe("giving up", () => {
  test("before it is sent, while it waits for the head, and within the body", async () => {
    await using origin = await startOrigin();
    const result = await both(async (it) => {
      const reason = new Error("enough");
      const first = await request(origin.url, { dispatcher: it, signal: AbortSignal.abort(reason) }).catch(
        (e: unknown) => e === reason,
      );
      const waiting = new AbortController();
      const second = request(`${origin.url}/hang`, { dispatcher: it, signal: waiting.signal }).catch(
        (e: unknown) => e === reason,
      );
      const before = origin.requests.length;
      await until(() => origin.requests.length > before || origin.requests.at(-1)?.path === "/hang");
      waiting.abort(reason);
      const reading = new AbortController();
      const { body } = await request(`${origin.url}/slow-body`, { dispatcher: it, signal: reading.signal });
      const third = body.text().catch((e: unknown) => e === reason);
      reading.abort(reason);
      return [first, await second, await third];
    });
    expect(result.ours).toEqual([true, true, true]);
    expect(result.theirs).toEqual(result.ours);
    await until(() => origin.openConnections === 0);
  });

  test("without a reason: UND_ERR_ABORTED, told at once, and nothing afterwards", async () => {
    await using origin = await startOrigin();
    await using dispatcher = ours();
    for (const phase of ["onConnect", "onHeaders", "onData"] as const) {
      const calls: Call[] = [];
      let abort = (): void => {};
      const give = (): boolean => {
        abort();
        abort();
        return true;
      };
      const handler = oldHandler(calls, {
        onConnect: (given) => {
          abort = given as () => void;
          if (phase === "onConnect") give();
        },
        ...(phase !== "onConnect" && { [phase]: give }),
      });
      dispatcher.dispatch({ origin: origin.url, path: "/size/300000", method: "GET" }, handler);
      await until(() => calls.some(([name]) => name === "error"));
      await until(() => origin.openConnections === 0);
      expect(calls.at(-1)).toEqual(["error", { name: "AbortError", code: "UND_ERR_ABORTED" }]);
      expect(calls.filter(([name]) => name === "error" || name === "complete").length).toBe(1);
    }
  });

  test("while it waits for a connection: the handler is told at once", async () => {
    await using dispatcher = ours({
      connector: (_target, signal) =>
        new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason), { once: true })),
    });
    const given = new AbortController();
    const waiting = request("http://127.0.0.1:9/", { dispatcher, signal: given.signal }).catch(
      (reason: unknown) => reason,
    );
    given.abort("enough");
    expect(await waiting).toBe("enough");
  });

  test("the request's stream is destroyed, also when nothing of it was read", async () => {
    await using origin = await startOrigin();
    await using dispatcher = ours();
    const body = new Readable({ read() {} });
    const given = new AbortController();
    const reading = read(`${origin.url}/echo`, dispatcher, { method: "POST", body, signal: given.signal }).catch(
      () => {},
    );
    given.abort();
    await reading;
    expect(body.destroyed).toBe(true);
  });

  test("below undici's functions: the stream is destroyed, and the connection goes, while the dispatcher stays", async () => {
    await using origin = await startOrigin();
    await using dispatcher = ours();
    const calls: Call[] = [];
    const body = new Readable({ read() {} });
    let abort = (): void => {};
    const handler = oldHandler(calls, { onConnect: (given) => void (abort = given as () => void) });
    dispatcher.dispatch({ origin: origin.url, path: "/hang", method: "POST", body }, handler);
    await until(() => origin.requests.length === 1);
    abort();
    expect(calls).toEqual([["error", { name: "AbortError", code: "UND_ERR_ABORTED" }]]);
    expect(body.destroyed).toBe(true);
    await until(() => origin.openConnections === 0);
    dispatcher.dispatch({ origin: origin.url, path: "/hang", method: "GET" }, handler);
    await until(() => origin.requests.length === 2);
    abort();
    await until(() => origin.openConnections === 0);
    // One whose connection is still to come.
    const unread = new Readable({ read() {} });
    dispatcher.dispatch({ origin: origin.url, path: "/echo", method: "POST", body: unread }, handler);
    abort();
    expect(unread.destroyed).toBe(true);
  });

  test("what a handler throws ends its exchange with it", async () => {
    await using origin = await startOrigin();
    await using dispatcher = ours();
    for (const phase of ["onConnect", "onHeaders", "onData", "onComplete"] as const) {
      const calls: Call[] = [];
      const thrown = Object.assign(new Error(phase), { code: phase });
      const handler = oldHandler(calls, {
        [phase]: () => {
          throw thrown;
        },
      });
      dispatcher.dispatch({ origin: origin.url, path: "/", method: "GET" }, handler);
      await until(() => calls.some(([name]) => name === "error"));
      expect(calls.at(-1)).toEqual(["error", { name: "Error", code: phase }]);
    }
  });
});
