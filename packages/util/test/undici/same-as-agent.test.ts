/** Requests through the dispatcher, and through undici's own Agent: what programs see, and what servers see, is the same. */
import { once } from "node:events";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { Readable, Writable } from "node:stream";
import { pipeline as streamPipeline } from "node:stream/promises";
import { HttpResponse } from "@sluice/core";
import { type Dispatcher, FormData, fetch, pipeline, request, stream } from "undici";
import { describe, expect, test } from "vitest";
import { type Origin, startOrigin } from "../support/origin.ts";
import { rawChunked, rawInformational, rawResponse, startRawOrigin } from "../support/raw-origin.ts";
import { ca, leaf } from "../support/tls-fixtures.ts";
import { both, failureFacts, type Held, ours, theirs } from "./support.ts";

type Options = Omit<Dispatcher.RequestOptions, "origin" | "path" | "method"> & {
  readonly method?: Dispatcher.HttpMethod;
};

/** A response as `request` gives it. */
async function seen(url: string, dispatcher: Held, options: Options = {}): Promise<unknown> {
  const { statusCode, statusText, headers, body, trailers, context, opaque } = await request(url, {
    ...options,
    dispatcher,
  });
  const text = await body.text();
  // undici closes behind each HEAD.
  const { date, connection: _, ...fields } = headers;
  return {
    statusCode,
    statusText,
    hasDate: date !== undefined,
    fields,
    text,
    trailers: { ...trailers },
    context,
    opaque,
  };
}

/** The fields of the requests, but for those that name the connection. */
function received(origin: Origin): unknown {
  return origin.requests.map(({ method, path, headers, bodyBytes }) => {
    const fields = headers.filter(([name]) => name !== "connection");
    return { method, path, fields: fields.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)), bodyBytes };
  });
}

/** The responses, and what the server got for them. */
async function compare(options: Options, path = "/echo"): Promise<void> {
  const results: unknown[] = [];
  for (const make of [ours, theirs]) {
    await using origin = await startOrigin();
    await using dispatcher = make();
    const response = await seen(origin.url + path, dispatcher, options);
    const port = String(origin.port);
    results.push(JSON.parse(JSON.stringify({ response, received: received(origin) }).replaceAll(port, "PORT")));
  }
  expect(results[0]).toEqual(results[1]);
}

describe("request", () => {
  test("GET, HEAD, sized, chunked and empty answers", async () => {
    await compare({}, "/");
    await compare({ method: "HEAD" }, "/");
    await compare({}, "/size/100000");
    await compare({}, "/chunks/5");
    await compare({}, "/status/204");
    await compare({}, "/status/404");
    await compare({ query: { a: 1, b: ["x", "y z"] } }, "/");
    await compare({}, "/?a={b}|c^d`[e]\\");
  });

  test("trailers", async () => {
    await compare({ headers: { te: "trailers" } }, "/trailers");
  });

  test("content: text, bytes, views, streams, iterables; none where content is expected", async () => {
    const bytes = new Uint8Array([1, 2, 3, 4, 0x7f]);
    const bodies: (() => Dispatcher.DispatchOptions["body"])[] = [
      () => "text äöü",
      () => Buffer.from("buffer"),
      () => bytes.subarray(1, 4),
      () => Readable.from([Buffer.from("a"), Buffer.from("stream")]),
      () => Readable.from("one string", { objectMode: false }),
      () => {
        const ended = new Readable({ read() {} });
        ended.push("known length");
        ended.push(null);
        return ended;
      },
      () => null,
      () => "",
    ];
    for (const body of bodies) {
      const results = [];
      for (const make of [ours, theirs]) {
        await using origin = await startOrigin();
        await using dispatcher = make();
        const response = await seen(`${origin.url}/echo`, dispatcher, { method: "POST", body: body() ?? null });
        results.push({
          response,
          fields: origin.requests[0]?.headers.filter(([name]) => !["host", "connection"].includes(name)),
        });
      }
      expect(results[0]).toEqual(results[1]);
    }
    async function* chunks(): AsyncGenerator<Buffer> {
      yield Buffer.from("one ");
      yield Buffer.from("two");
    }
    await using origin = await startOrigin();
    const iterated = await both((it) => seen(`${origin.url}/echo`, it, { method: "PUT", body: chunks() as never }));
    expect(iterated.ours).toEqual(iterated.theirs);
    expect(iterated.ours).toMatchObject({ text: "one two" });
  });

  test("a declared length frames a stream", async () => {
    await using origin = await startOrigin();
    await using dispatcher = ours();
    const body = Readable.from([Buffer.from("12345")]);
    await seen(`${origin.url}/echo`, dispatcher, { method: "POST", body, headers: { "content-length": "5" } });
    expect(
      origin.requests[0]?.headers.filter(([name]) => name === "content-length" || name === "transfer-encoding"),
    ).toEqual([["content-length", "5"]]);
  });

  test("GET with content sends it, at hand or as a stream", async () => {
    await compare({ method: "GET", body: "at hand" });
    await compare({ method: "GET", body: "declared", headers: { "content-length": "8" } });
    await using origin = await startOrigin();
    const result = await both((it) => {
      const body = Readable.from([Buffer.from("in a GET")]);
      return seen(`${origin.url}/echo`, it, { method: "GET", body });
    });
    expect(result.ours).toMatchObject({ text: "in a GET" });
    expect(result.ours).toEqual(result.theirs);
  });

  test("fields as object, list, pairs and Headers; lists of values; Host", async () => {
    const forms = [
      { "x-a": "1", "x-b": ["2", "3"], "X-C": "4", "x-none": undefined, host: "other.example" },
      ["x-a", "1", "x-b", "2", "X-C", "4"],
      new Map([
        ["x-a", "1"],
        ["x-b", "2"],
      ]),
      new Headers({ "x-a": "1", "x-b": "2" }),
    ];
    for (const headers of forms) await compare({ headers: headers as never }, "/");
  });

  test("FormData and Blob are sent with their types", async () => {
    for (const make of [ours, theirs]) {
      await using origin = await startOrigin();
      await using dispatcher = make();
      const form = new FormData();
      form.set("name", "value");
      await seen(`${origin.url}/echo`, dispatcher, { method: "POST", body: form });
      const type = origin.requests[0]?.headers.find(([name]) => name === "content-type")?.[1];
      expect(type).toMatch(/^multipart\/form-data; boundary=/);
      await seen(`${origin.url}/echo`, dispatcher, {
        method: "POST",
        body: new Blob(["blob"], { type: "text/x" }) as never,
      });
      expect(origin.requests[1]?.headers).toContainEqual(["content-type", "text/x"]);
    }
  });

  test("1xx responses are told of, 100 is not", async () => {
    await using raw = await startRawOrigin(() =>
      rawInformational(rawResponse("done"), "102 Processing", "103 Early Hints"),
    );
    const result = await both(async (dispatcher) => {
      const info: unknown[] = [];
      const response = await seen(raw.url, dispatcher, { onInfo: ({ statusCode }) => void info.push(statusCode) });
      return { info, response };
    });
    expect(result.ours).toEqual(result.theirs);
    expect(result.ours).toMatchObject({ info: [102, 103] });
    await using polite = await startRawOrigin(() => rawInformational(rawResponse("done"), "100 Continue"));
    await using dispatcher = ours();
    const info: unknown[] = [];
    await seen(polite.url, dispatcher, { onInfo: (one) => void info.push(one) });
    expect(info).toEqual([]);
  });

  test("raw heads: reason, repeated fields, bytes above 0x7f, __proto__", async () => {
    const head =
      "HTTP/1.1 299 All Fine\r\nX-Many: a\r\nx-many: b\r\nset-cookie: c\r\nx-high: \xe4\r\n__proto__: p\r\ncontent-length: 0\r\n\r\n";
    await using raw = await startRawOrigin(() => ({ bytes: head }));
    const result = await both((it) => seen(raw.url, it));
    expect(result.ours).toEqual(result.theirs);
  });

  test("chunked trailers with several lines", async () => {
    const bytes =
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\ndata\r\n0\r\nx-a: 1\r\nx-a: 2\r\nx-b: 3\r\n\r\n";
    await using raw = await startRawOrigin(() => ({ bytes }));
    const result = await both((it) => seen(raw.url, it));
    expect(result.ours).toEqual(result.theirs);
    expect(result.ours).toMatchObject({ trailers: { "x-a": ["1", "2"], "x-b": "3" } });
  });
});

describe("fetch, stream and pipeline of npm's undici", () => {
  test("fetch: fields, content, redirects, coded content", async () => {
    await using raw = await startRawOrigin(({ path }) =>
      path === "/go" ? rawResponse("", "location: /there\r\n", "302 Found") : rawChunked(`at ${path}`),
    );
    const result = await both(async (dispatcher) => {
      const response = await fetch(`${raw.url}/go`, { dispatcher });
      return [response.status, response.statusText, response.redirected, [...response.headers], await response.text()];
    });
    expect(result.ours).toEqual(result.theirs);
  });

  test("stream and pipeline", async () => {
    await using origin = await startOrigin();
    const result = await both(async (dispatcher) => {
      const parts: Buffer[] = [];
      const sink = new Writable({ write: (chunk, _encoding, done) => done(void parts.push(chunk) as never) });
      await stream(`${origin.url}/size/200000`, { dispatcher, method: "GET", opaque: null }, () => sink);
      const echoed: Buffer[] = [];
      await streamPipeline(
        Readable.from([Buffer.from("through "), Buffer.from("a pipeline")]),
        pipeline(`${origin.url}/echo`, { dispatcher, method: "PUT" }, ({ body }) => body),
        async (source: AsyncIterable<Buffer>) => {
          for await (const chunk of source) echoed.push(chunk);
        },
      );
      return [Buffer.concat(parts).length, String(Buffer.concat(echoed))];
    });
    expect(result.ours).toEqual([200000, "through a pipeline"]);
    expect(result.theirs).toEqual(result.ours);
  });
});

describe("HTTP/2", () => {
  test("chosen by ALPN: what undici makes of it with allowH2, and the same of HTTP/1 over TLS", async () => {
    const server = createSecureServer({ ...leaf("localhost"), allowHTTP1: true }, (incoming, response) => {
      response.setHeader("x-version", incoming.httpVersion);
      incoming.pipe(response);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `https://localhost:${(server.address() as AddressInfo).port}/`;
    const post = (it: Held): Promise<unknown> => seen(url, it, { method: "POST", body: "over TLS" });
    const tls = { ca };
    const second = await both(post, { tls }, { allowH2: true, connect: { ca } });
    expect(second.ours).toMatchObject({ fields: { "x-version": "2.0" }, text: "over TLS", statusText: "" });
    expect(second.ours).toEqual(second.theirs);
    const first = await both(post, { tls, version: "http1" }, { allowH2: false, connect: { ca } });
    expect(first.ours).toMatchObject({ fields: { "x-version": "1.1" }, statusText: "OK" });
    expect(first.ours).toEqual(first.theirs);
    const untrusted = await both((it) => failureFacts(post(it)));
    expect(untrusted.ours).toEqual(untrusted.theirs);
    expect(untrusted.ours).toMatchObject({ name: "Error" });
    const named = { method: "GET", headers: { host: "elsewhere.example" } } as const;
    const wrong = await both((it) => failureFacts(seen(url, it, named)), { tls }, { connect: { ca } });
    expect(wrong.ours).toEqual({ name: "Error", code: "ERR_TLS_CERT_ALTNAME_INVALID" });
    expect(wrong.ours).toEqual(wrong.theirs);
    server.close();
  });

  test("the same responses as over undici's allowH2, prior knowledge on ours", async () => {
    await using origin = await startOrigin({ protocol: "http2" });
    await using dispatcher = ours({ version: "http2" });
    expect(await seen(`${origin.url}/trailers`, dispatcher)).toMatchObject({
      statusCode: 200,
      statusText: "",
      text: "data",
      trailers: { "x-checksum": "abc" },
    });
    const echoed = await seen(`${origin.url}/echo`, dispatcher, {
      method: "POST",
      body: "up",
      headers: { connection: "close" },
    });
    expect(echoed).toMatchObject({ statusCode: 200, text: "up" });
    expect(await failureFacts(seen(`${origin.url}/status/500`, dispatcher))).toBe("no failure");
    expect(origin.connectionCount).toBe(1);
  });
});

test("the responses come in the order they were asked for on one connection, which is used again", async () => {
  let count = 0;
  await using origin = await startOrigin({ service: () => new HttpResponse(200, { "x-number": String(++count) }) });
  await using dispatcher = ours();
  for (let i = 1; i <= 5; i++) {
    const { headers, body } = await request(origin.url, { dispatcher });
    await body.text();
    expect(headers["x-number"]).toBe(String(i));
  }
  expect(origin.connectionCount).toBe(1);
});
