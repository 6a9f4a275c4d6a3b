/** Hono and plain handlers on real sockets, over both versions of HTTP, with and without `LightResponse` in the place of the global. */
import { collect, full, HeaderMap, withTrailers } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import { Client } from "@sluice/util/client";
import { createFetch, type FetchInfo, fromFetchHandler, installLightResponse } from "@sluice/util/fetch";
import { listen } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";
import { Hono } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { stream, streamSSE } from "hono/streaming";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ca, leaf } from "../support/tls-fixtures.ts";
import { echoOrigin } from "./echo-origin.ts";
import { serveReal, serveService, until } from "./support.ts";

const versions = ["http1", "http2"] as const;

describe.each([
  ["http1", "platform"],
  ["http1", "light"],
  ["http2", "platform"],
  ["http2", "light"],
] as const)("%s, with the %s Response", (version, kind) => {
  let restore = (): void => {};
  beforeAll(() => {
    if (kind === "light") restore = installLightResponse();
  });
  afterAll(() => restore());

  test("routes, parameters, queries and fields", async () => {
    const app = new Hono();
    app.get("/users/:id", (c) => {
      c.header("x-query", c.req.query("q") ?? "");
      return c.text(`${c.req.method} ${c.req.param("id")} ${c.req.header("x-sent")} ${new URL(c.req.url).pathname}`);
    });
    await using served = await serveReal(app.fetch, version);
    const response = await served.fetch(`${served.origin}/users/a%20b?q=1`, { headers: { "x-sent": "yes" } });
    expect([response.status, response.headers.get("x-query")]).toEqual([200, "1"]);
    expect(response.headers.get("content-type")).toMatch(/^text\/plain; ?charset=UTF-8$/i);
    expect(await response.text()).toBe("GET a b yes /users/a%20b");
    const missing = await served.fetch(`${served.origin}/nothing`);
    expect([missing.status, await missing.text()]).toEqual([404, "404 Not Found"]);
  });

  test("JSON both ways", async () => {
    const app = new Hono();
    app.post("/", async (c) => c.json({ got: await c.req.json() }, 201));
    await using served = await serveReal(app.fetch, version);
    const response = await served.fetch(served.origin, { method: "POST", body: JSON.stringify({ a: ["ü", 1] }) });
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    expect([response.status, await response.json()]).toEqual([201, { got: { a: ["ü", 1] } }]);
  });

  test("forms of both kinds, with files", async () => {
    const app = new Hono();
    app.post("/", async (c) => {
      const form = await c.req.parseBody();
      const { file } = form;
      return c.json({ a: form["a"], file: file instanceof File ? [file.name, file.type, await file.text()] : null });
    });
    await using served = await serveReal(app.fetch, version);
    const send = async (body: URLSearchParams | FormData): Promise<unknown> =>
      await (await served.fetch(served.origin, { method: "POST", body })).json();
    expect(await send(new URLSearchParams({ a: "1 &" }))).toEqual({ a: "1 &", file: null });
    const form = new FormData();
    form.append("a", "2");
    form.append("file", new Blob(["content"], { type: "text/x-a" }), "name.txt");
    expect(await send(form)).toEqual({ a: "2", file: ["name.txt", "text/x-a", "content"] });
  });

  test("cookies, several at a time", async () => {
    const app = new Hono();
    app.get("/", (c) => {
      setCookie(c, "one", "1", { httpOnly: true });
      setCookie(c, "two", "2");
      return c.json(getCookie(c));
    });
    await using served = await serveReal(app.fetch, version);
    const response = await served.fetch(served.origin, { headers: { cookie: "a=1; b=2" } });
    expect(response.headers.getSetCookie()).toEqual(["one=1; Path=/; HttpOnly", "two=2; Path=/"]);
    expect(await response.json()).toEqual({ a: "1", b: "2" });
  });

  test("a stream arrives as it is written", async () => {
    const app = new Hono();
    let goOn = (): void => {};
    app.get("/", (c) =>
      stream(c, async (out) => {
        await out.write("one");
        await new Promise<void>((resolve) => {
          goOn = resolve;
        });
        await out.write("two");
      }),
    );
    await using served = await serveReal(app.fetch, version);
    const reader = (await served.fetch(served.origin)).body?.getReader();
    const next = async (): Promise<string | undefined> => {
      const result = await reader?.read();
      return result?.done === false ? new TextDecoder().decode(result.value as Uint8Array) : undefined;
    };
    expect(await next()).toBe("one");
    goOn();
    expect(await next()).toBe("two");
    expect(await next()).toBeUndefined();
  });

  test("events, until the client leaves: then the stream and the signal are told, once", async () => {
    const app = new Hono();
    const told: string[] = [];
    app.get("/", (c) => {
      c.req.raw.signal.addEventListener("abort", () => told.push("signal"));
      return streamSSE(c, async (out) => {
        out.onAbort(() => void told.push("stream"));
        for (let id = 1; !out.aborted; id++) {
          await out.writeSSE({ event: "tick", data: `line ${id}`, id: String(id) });
          await out.sleep(5);
        }
      });
    });
    await using served = await serveReal(app.fetch, version);
    const controller = new AbortController();
    const response = await served.fetch(served.origin, { signal: controller.signal });
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    const reader = response.body?.getReader();
    let text = "";
    while (!text.includes("id: 2")) text += new TextDecoder().decode((await reader?.read())?.value as Uint8Array);
    expect(text).toMatch(/^event: tick\ndata: line 1\nid: 1\n\nevent: tick\ndata: line 2\nid: 2\n\n/);
    expect(told).toEqual([]);
    controller.abort();
    await until(() => told.length >= 2);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(told.sort()).toEqual(["signal", "stream"]);
  });

  test("a client that leaves while the handler works aborts the signal, with a reason", async () => {
    const app = new Hono();
    const reasons: unknown[] = [];
    let asked = false;
    app.get("/", async (c) => {
      asked = true;
      const { signal } = c.req.raw;
      await new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => {
          reasons.push(signal.reason);
          resolve();
        });
      });
      return c.text("too late");
    });
    await using served = await serveReal(app.fetch, version);
    const controller = new AbortController();
    const answer = served.fetch(served.origin, { signal: controller.signal });
    await until(() => asked);
    controller.abort("mine");
    await expect(answer).rejects.toBe("mine");
    await until(() => reasons.length > 0);
    expect(reasons).toEqual([expect.any(Error)]);
  });

  test("the signal of an exchange that ends well never aborts", async () => {
    const app = new Hono();
    const signals: AbortSignal[] = [];
    app.post("/", async (c) => {
      signals.push(c.req.raw.signal);
      return c.text(await c.req.text());
    });
    const served = await serveReal(app.fetch, version);
    for (const body of ["", "a", "b".repeat(100_000)]) {
      expect(await (await served.fetch(served.origin, { method: "POST", body })).text()).toBe(body);
    }
    await served[Symbol.asyncDispose]();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(signals.map((signal) => signal.aborted)).toEqual([false, false, false]);
  });

  test("an upload is read as it arrives", async () => {
    const app = new Hono();
    app.post("/", async (c) => {
      const sizes: number[] = [];
      for await (const chunk of c.req.raw.body as ReadableStream<Uint8Array>) sizes.push(chunk.length);
      return c.json([sizes.length > 1, sizes.reduce((sum, size) => sum + size, 0)]);
    });
    await using served = await serveReal(app.fetch, version);
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        for (let i = 0; i < 5; i++) {
          controller.enqueue(new Uint8Array(50_000));
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
        controller.close();
      },
    });
    const response = await served.fetch(served.origin, { method: "POST", body, duplex: "half" });
    expect(await response.json()).toEqual([true, 250_000]);
  });

  test("HEAD, 204, redirects and errors of the framework's own", async () => {
    const app = new Hono();
    app.get("/", (c) => c.text("Hello"));
    app.get("/none", (c) => c.body(null, 204));
    app.get("/away", (c) => c.redirect("/"));
    app.get("/fails", () => {
      throw new Error("mine");
    });
    app.onError((error, c) => c.text(`caught ${error.message}`, 500));
    await using served = await serveReal(app.fetch, version);
    const tell = async (path: string, init?: RequestInit): Promise<unknown> => {
      const response = await served.fetch(served.origin + path, init);
      return [response.status, response.headers.get("content-length"), await response.text()];
    };
    // Hono answers HEAD with a response that has no content to count.
    expect(await tell("/", { method: "HEAD" })).toEqual([200, null, ""]);
    expect(await tell("/none")).toEqual([204, null, ""]);
    expect(await tell("/away")).toEqual([200, "5", "Hello"]);
    expect(await tell("/fails")).toEqual([500, "11", "caught mine"]);
  });

  test("middleware that wraps the response and changes its fields", async () => {
    const app = new Hono();
    app.use(async (c, next) => {
      await next();
      c.res = new Response(c.res.body, c.res);
      c.res.headers.set("x-wrapped", "1");
      c.header("x-after", "2");
    });
    app.get("/", (c) => c.text("Hello", 200, { "x-inner": "0" }));
    await using served = await serveReal(app.fetch, version);
    const response = await served.fetch(served.origin);
    const fields = ["x-inner", "x-wrapped", "x-after"].map((name) => response.headers.get(name));
    expect([fields, await response.text()]).toEqual([["0", "1", "2"], "Hello"]);
  });

  test("a handler that passes on what a fetch has brought", async () => {
    const inner = new Hono();
    inner.get("/", (c) => c.text("from within", 203, { "x-inner": "1" }));
    await using behind = await serveReal(inner.fetch, version);
    await using served = await serveReal(() => behind.fetch(behind.origin), version);
    const response = await served.fetch(served.origin);
    expect([response.status, response.headers.get("x-inner"), await response.text()]).toEqual([
      203,
      "1",
      "from within",
    ]);
  });
});

describe.each(versions)("%s", (version) => {
  test("what a fetch has brought and undone is passed on as it is now", async () => {
    await using origin = await echoOrigin();
    const client = new Client();
    const fetches = { platform: fetch, ours: createFetch(client), raw: createFetch(client, { decompress: false }) };
    for (const [name, get] of Object.entries(fetches)) {
      for (const coding of ["gzip", "br"]) {
        await using served = await serveReal(() => get(`${origin.origin}/coded/${coding}`), version);
        const asked = createFetch(served.client, { decompress: name === "raw" });
        const response = await asked(served.origin);
        const codings = response.headers.get("content-encoding");
        expect([codings, (await response.text()).length]).toEqual([name === "raw" ? coding : null, 460]);
      }
    }
    await client.close();
  });

  test("trailers go both ways", async () => {
    const service = fromFetchHandler(async (request, info) => {
      const trailers = info.trailers();
      const text = await request.text();
      const sum = (await trailers).get("x-sum");
      info.respondTrailers({ "x-answer": `${sum} of ${text}` });
      return new Response("done");
    });
    await using served = await serveService(service, version);
    const body = withTrailers(full("abc"), new HeaderMap({ "x-sum": "6" }));
    const headers = { te: "trailers", trailer: "x-sum" };
    const response = await served.client.request(HttpRequest.post(served.origin, body, headers));
    const collected = collect(response.body);
    expect(await collected.text()).toBe("done");
    expect((await collected.trailers())?.get("x-answer")).toBe("6 of abc");
  });

  test("over TLS, the connection says https, and what ALPN has chosen", async () => {
    const listener = listen({ host: "127.0.0.1", tls: leaf("localhost") });
    const app = new Hono<{ Bindings: FetchInfo }>();
    app.get("/", (c) => c.json([c.req.url, c.env.connection?.alpnProtocol, c.env.request.version]));
    const server = serveAll(listener, (io) => fromFetchHandler(app.fetch, { io }));
    const { port } = await listener.ready;
    const client = new Client({ version, tls: { ca } });
    const response = await createFetch(client)(`https://localhost:${port}/`);
    const expected = version === "http2" ? ["h2", "HTTP/2"] : ["http/1.1", "HTTP/1.1"];
    expect([response.url, await response.json()]).toEqual([
      `https://localhost:${port}/`,
      [`https://localhost:${port}/`, ...expected],
    ]);
    await client.close();
    await server.abort();
  });

  test("a plain handler of srvx's kind, with a URL object and a response of JSON", async () => {
    const app = { fetch: (request: Request) => Response.json({ path: new URL(request.url).pathname }) };
    await using served = await serveReal(app.fetch, version);
    expect(await (await served.fetch(`${served.origin}/a/b`)).json()).toEqual({ path: "/a/b" });
  });
});
