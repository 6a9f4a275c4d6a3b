/** Express, Connect, Koa and Fastify: the same answers as on Node's own server. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import compression from "compression";
import connect from "connect";
import express from "express";
import fastify from "fastify";
import Koa from "koa";
import { afterAll, describe, expect, test } from "vitest";
import { type Ask, type Program, run, same } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-node-http-"));
writeFileSync(join(folder, "small.txt"), "0123456789".repeat(10));
writeFileSync(join(folder, "large.bin"), Buffer.alloc(700_000, "sluice"));
writeFileSync(join(folder, "empty.txt"), "");
afterAll(() => rmSync(folder, { recursive: true }));

const json = { "content-type": "application/json" };

describe("Express", () => {
  const program: Program = (note) => {
    const app = express();
    app.set("env", "test");
    app.use(express.json(), express.urlencoded({ extended: false }), express.text());
    app.use((req, res, next) => {
      res.on("finish", () => note(`${req.method} ${req.originalUrl} ${res.statusCode}`));
      next();
    });
    app.get("/", (_req, res) => void res.send("hello"));
    app.get("/json/:id", (req, res) => void res.json({ id: req.params.id, query: req.query, host: req.hostname }));
    app.post("/echo", (req, res) => void res.status(201).json(req.body ?? null));
    app.get("/redirect", (_req, res) => res.redirect(303, "/json/7"));
    app.get("/cookies", (_req, res) => void res.cookie("a", "1").cookie("b", "2", { httpOnly: true }).send(""));
    app.get("/facts", (req, res) => void res.send([req.protocol, req.secure, req.ip, req.xhr, req.fresh].join()));
    app.get("/status/:code", (req, res) => void res.sendStatus(Number(req.params.code)));
    app.get("/vary", (req, res) => {
      res.format({ text: () => void res.send("plain"), json: () => void res.json({ kind: "json" }) });
      void req.accepts("json");
    });
    app.get("/async", async (_req, res) => {
      await new Promise((resolve) => setImmediate(resolve));
      res.set("X-Late", "yes").type("txt").send(Buffer.from("bytes"));
    });
    app.get("/throws", () => {
      throw Object.assign(new Error("teapot"), { status: 418, expose: true });
    });
    app.get("/rejects", async () => {
      throw new Error("hidden");
    });
    app.get("/attachment", (_req, res) => void res.attachment("a b.txt").send("x"));
    app.get("/download", (_req, res) => res.download(join(folder, "small.txt")));
    app.use("/static", express.static(folder));
    app.use(
      "/nested",
      express.Router().get("/deep", (req, res) => void res.send(req.baseUrl + req.url)),
    );
    app.use((error: { status?: number; message: string }, _req: unknown, res: express.Response, next: unknown) => {
      void next;
      res.status(error.status ?? 500).json({ error: error.message });
    });
    return app;
  };

  test("routes, parameters, JSON in and out, cookies, redirects, negotiation", async () => {
    const { seen } = await same(
      program,
      { headers: { host: "example.test" } },
      { path: "/json/a%20b?x=1&y[]=2", headers: { host: "example.test" } },
      { method: "POST", path: "/echo", headers: json, body: '{"deep":[1,2]}' },
      { method: "POST", path: "/echo", headers: { ...json, "content-length": "7" }, body: '{"a":1}' },
      { method: "POST", path: "/echo", headers: json, body: "{broken" },
      {
        method: "POST",
        path: "/echo",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: "a=1&b=2",
      },
      { path: "/redirect" },
      { path: "/cookies" },
      { path: "/facts", headers: { "x-requested-with": "XMLHttpRequest" } },
      { path: "/vary", headers: { accept: "application/json" } },
      { path: "/vary", headers: { accept: "text/plain" } },
      { path: "/vary", headers: { accept: "image/png" } },
      { path: "/nested/deep?q" },
      { path: "/attachment" },
      { path: "/async" },
      { method: "OPTIONS", path: "/json/1" },
    );
    expect(seen.map((one) => one.status)).toEqual([
      200, 200, 201, 201, 400, 201, 303, 200, 200, 200, 200, 406, 200, 200, 200, 200,
    ]);
  });

  test("HEAD, conditional requests, and responses without content", async () => {
    const first = await run("node", program, [{}]);
    const etag = first.seen[0]?.fields.find((line) => line.startsWith("etag: "))?.slice(6) ?? "";
    const { seen } = await same(
      program,
      { method: "HEAD" },
      { headers: { "if-none-match": etag } },
      { path: "/status/204" },
      { path: "/status/304" },
      { path: "/status/404" },
    );
    expect(seen.map((one) => one.status)).toEqual([200, 304, 204, 304, 404]);
  });

  test("errors of handlers, thrown and rejected, and routes that are not there", async () => {
    const { seen } = await same(
      program,
      { path: "/throws" },
      { path: "/rejects" },
      { path: "/not/there" },
      { method: "DELETE", path: "/" },
    );
    expect(seen.map((one) => one.status)).toEqual([418, 500, 404, 404]);
  });

  test("files: whole, in ranges, conditional, HEAD, traversal, downloads", async () => {
    const whole = await run("node", program, [{ path: "/static/small.txt" }]);
    const etag = whole.seen[0]?.fields.find((line) => line.startsWith("etag: "))?.slice(6) ?? "";
    const small = "/static/small.txt";
    const { seen } = await same(
      program,
      { path: small },
      { path: small, method: "HEAD" },
      { path: small, headers: { range: "bytes=5-9" } },
      { path: small, headers: { range: "bytes=-3" } },
      { path: small, headers: { range: "bytes=500-" } },
      { path: small, headers: { "if-none-match": etag } },
      { path: small, headers: { "if-range": etag, range: "bytes=0-0" } },
      { path: small, headers: { "if-match": '"other"' } },
      { path: "/static/large.bin" },
      { path: "/static/empty.txt" },
      { path: "/static/none.txt" },
      { path: "/static/../secret" },
      { path: "/download" },
    );
    expect(seen.map((one) => one.status)).toEqual([200, 200, 206, 206, 416, 304, 206, 412, 200, 200, 404, 404, 200]);
    expect(seen[8]?.body.length).toBe(700_000);
  });

  test("compression, which replaces writeHead, write, end and flushes", async () => {
    const compressed: Program = () => {
      const app = express();
      app.use(compression({ threshold: 100 }));
      app.get("/large", (_req, res) => void res.type("txt").send("compress me ".repeat(5_000)));
      app.get("/small", (_req, res) => void res.type("txt").send("small"));
      app.get("/pieces", (_req, res) => {
        res.type("txt");
        res.write("first ".repeat(100));
        res.flush();
        setImmediate(() => res.end("last"));
      });
      return app;
    };
    const headers = { "accept-encoding": "gzip" };
    const { seen } = await same(
      compressed,
      { path: "/large", headers },
      { path: "/large" },
      { path: "/small", headers },
      { path: "/pieces", headers },
      { path: "/large", headers, method: "HEAD" },
    );
    expect(seen[0]?.fields).toContain("content-encoding: gzip");
    expect(seen[0]?.body.length).toBeLessThan(1_000);
  });

  test("streams both ways, with backpressure", async () => {
    const streams: Program = (note) => {
      const app = express();
      app.post("/echo", (req, res) => void req.pipe(res));
      app.post("/slow", async (req, res) => {
        let bytes = 0;
        for await (const chunk of req) {
          bytes += (chunk as Buffer).length;
          await new Promise((resolve) => setImmediate(resolve));
        }
        note(`read ${bytes}`);
        res.send(String(bytes));
      });
      app.get("/source", async (_req, res) => {
        const pieces = Array.from({ length: 64 }, (_, i) => Buffer.alloc(20_000, i));
        await pipeline(Readable.from(pieces), res);
        note("source done");
      });
      return app;
    };
    const body = Array.from({ length: 30 }, (_, i) => Buffer.alloc(50_000, i + 1));
    const { seen } = await same(
      streams,
      { method: "POST", path: "/echo", body },
      { method: "POST", path: "/slow", body },
      { path: "/source" },
    );
    expect(seen.map((one) => one.body.length)).toEqual([1_500_000, 7, 1_280_000]);
  });
});

describe("Connect", () => {
  test("middleware in a row, errors, and what nobody answers", async () => {
    const program: Program = () => {
      const app = connect();
      app.use((_req, res, next) => {
        res.setHeader("x-first", "1");
        next();
      });
      app.use("/mounted", (req, res) => void res.end(`${req.originalUrl} ${req.url}`));
      app.use("/fails", (_req, _res, next) => next(Object.assign(new Error("no"), { status: 403, stack: "no" })));
      return app;
    };
    const { seen } = await same(program, { path: "/mounted/x?y" }, { path: "/fails" }, { path: "/nothing" });
    expect(seen.map((one) => one.status)).toEqual([200, 403, 404]);
  });
});

describe("Koa", () => {
  test("bodies of all kinds, errors, HEAD, and what nobody answers", async () => {
    const program: Program = (note) => {
      const app = new Koa();
      app.silent = true;
      app.on("error", (error: Error) => note(error.message));
      app.use(async (context, next) => {
        await next();
        context.set("x-after", "1");
      });
      app.use(async (context) => {
        switch (context.path) {
          case "/text":
            context.body = "text";
            break;
          case "/json":
            context.body = { ip: context.ip, secure: context.secure, host: context.host };
            break;
          case "/buffer":
            context.body = Buffer.from([1, 2, 3]);
            break;
          case "/stream":
            context.type = "text";
            context.body = Readable.from(["a", "b", "c".repeat(100_000)]);
            break;
          case "/none":
            context.status = 204;
            break;
          case "/null":
            context.body = null;
            break;
          case "/throws":
            throw new Error("broken");
          case "/refuses":
            context.throw(400, "what?");
            break;
          case "/echo": {
            const chunks: Buffer[] = [];
            for await (const chunk of context.req) chunks.push(chunk);
            context.body = Buffer.concat(chunks);
            break;
          }
          case "/own":
            context.respond = false;
            context.res.end("by hand");
            break;
          default:
        }
      });
      return app.callback();
    };
    const paths = ["/text", "/json", "/buffer", "/stream", "/none", "/null", "/throws", "/refuses", "/own"];
    const headers = { host: "koa.test" };
    const asks: Ask[] = paths.map((path) => ({ path, headers }));
    const { seen } = await same(
      program,
      ...asks,
      { method: "HEAD", path: "/text", headers },
      { method: "HEAD", path: "/stream", headers },
      { method: "POST", path: "/echo", headers, body: ["x", "y".repeat(70_000)] },
    );
    expect(seen.map((one) => one.status)).toEqual([200, 200, 200, 200, 204, 204, 500, 400, 404, 200, 200, 200]);
  });

  test("what nobody answers, of which Koa says less on HTTP/2", async () => {
    const program: Program = () => new Koa().callback();
    for (const [kind, body] of [
      ["node", "Not Found"],
      ["h1", "Not Found"],
      ["h2", "404"],
    ] as const) {
      const { seen } = await run(kind, program, [{ path: "/missing" }]);
      expect([seen[0]?.status, seen[0]?.body.toString()]).toEqual([404, body]);
    }
  });
});

describe("Fastify", () => {
  const program: Program = async (note) => {
    const app = fastify();
    app.get("/", () => ({ hello: "world" }));
    app.get("/text", (_request, reply) => void reply.header("x-own", ["a", "b"]).send("text"));
    app.get("/stream", (_request, reply) => reply.type("text/plain").send(Readable.from(["a", "b", "c"])));
    app.get("/throws", () => {
      throw Object.assign(new Error("teapot"), { statusCode: 418 });
    });
    app.get("/facts", (request) => ({ ip: request.ip, host: request.host, protocol: request.protocol }));
    app.post("/echo", (request) => request.body);
    app.get("/raw", (_request, reply) => {
      reply.hijack();
      reply.raw.writeHead(202, { "content-length": "3" });
      reply.raw.end("raw");
    });
    app.get("/trailers", (_request, reply) => {
      reply.trailer("x-sum", (_reply, _payload, done) => done(null, "abc"));
      return reply.send("with trailers");
    });
    app.addHook("onResponse", async (request, reply) => note(`${request.method} ${request.url} ${reply.statusCode}`));
    await app.ready();
    const injected = await app.inject("/");
    note(`injected ${injected.statusCode} ${injected.body}`);
    return app.routing;
  };

  test("routes, schemas, streams, errors, hooks, hijacked replies", async () => {
    const headers = { host: "fastify.test" };
    const { seen } = await same(
      program,
      { headers },
      { path: "/text", headers },
      { path: "/stream", headers },
      { path: "/throws", headers },
      { path: "/facts", headers },
      { path: "/raw", headers },
      { path: "/none", headers },
      { method: "HEAD", path: "/", headers },
      { method: "POST", path: "/echo", headers: { ...headers, ...json }, body: '{"a":[1]}' },
      { method: "POST", path: "/echo", headers: { ...headers, ...json }, body: "{" },
      { method: "POST", path: "/echo", headers: { ...headers, "content-type": "x/y" }, body: "z" },
    );
    expect(seen.map((one) => one.status)).toEqual([200, 200, 200, 418, 200, 202, 404, 200, 200, 400, 415]);
  });

  test("trailers", async () => {
    const { seen } = await same(program, { path: "/trailers", headers: { host: "fastify.test", te: "trailers" } });
    expect(seen[0]?.trailers).toEqual(["x-sum: abc"]);
  });
});
