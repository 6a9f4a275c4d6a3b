/** How exchanges end: clients that go, listeners that give up, connections that are kept. */
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { HttpRequest, serviceFn } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import { fakeTimer, memoryPair, scriptedIo } from "@sluice/util/memory";
import { listen } from "@sluice/util/node";
import { fromNodeListener } from "@sluice/util/node-http";
import express from "express";
import { describe, expect, test } from "vitest";
import { ask, type Host, host, type Kind, noteEnds, quiet } from "./support.ts";

const sluices: readonly Kind[] = ["h1", "h2"];

/** Begins an exchange and gives it up once the listener was called; `before` what is left of the connection ends. */
async function hangUp(
  target: Host,
  begun: Promise<unknown>,
  method: "GET" | "POST",
  before: () => Promise<void> = async () => {},
): Promise<void> {
  if (target.kind === "h2") {
    const session = http2.connect(`http://127.0.0.1:${target.port}`);
    session.on("error", () => {});
    const stream = session.request({ ":method": method, ":path": "/" }, { endStream: method === "GET" });
    stream.on("error", () => {});
    if (method === "POST") stream.write("some");
    await begun;
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await once(stream, "close");
    await before();
    session.close();
  } else {
    const socket = net.connect(target.port, "127.0.0.1");
    const rest = method === "GET" ? "\r\n" : "content-length: 100\r\n\r\nsome";
    socket.write(`${method} / HTTP/1.1\r\nhost: a\r\n${rest}`);
    await begun;
    socket.destroy();
    await before();
  }
}

describe("a client that goes", () => {
  test.each(["node", ...sluices] as const)(
    "while the listener works: aborted and close, no finish (%s)",
    async (kind) => {
      const notes: string[] = [];
      let begin = (): void => {};
      const begun = new Promise<void>((resolve) => {
        begin = resolve;
      });
      await using target = await host(kind, (req, res) => {
        noteEnds((event) => notes.push(event), req, res);
        begin();
      });
      await hangUp(target, begun, "GET");
      await quiet(notes);
      expect(notes).toEqual(["req aborted", "res close", "req error", "req close"]);
    },
  );

  test.each(["node", ...sluices] as const)(
    "while it sends: the same, and what was read stays read (%s)",
    async (kind) => {
      const notes: string[] = [];
      let begin = (): void => {};
      const begun = new Promise<void>((resolve) => {
        begin = resolve;
      });
      await using target = await host(kind, (req, res) => {
        noteEnds((event) => notes.push(event), req, res);
        req.on("error", (error: NodeJS.ErrnoException) => notes.push(`${error.code} ${error.message} ${req.complete}`));
        req.on("data", (chunk: Buffer) => {
          notes.push(chunk.toString());
          begin();
        });
      });
      await hangUp(target, begun, "POST");
      await quiet(notes);
      expect(notes).toEqual(["some", "req aborted", "res close", "req error", "ECONNRESET aborted false", "req close"]);
    },
  );

  test.each(["node", ...sluices] as const)("while it is sent to: writes fail, close, no finish (%s)", async (kind) => {
    const notes: string[] = [];
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    await using target = await host(kind, (req, res) => {
      for (const event of ["finish", "close"]) res.on(event, () => notes.push(`res ${event}`));
      res.on("close", () => {
        notes.push(
          `${res.destroyed} ${res.writableFinished} ${res.write("late", (error) => notes.push(String((error as NodeJS.ErrnoException)?.code)))}`,
        );
      });
      req.resume();
      res.write("some", () => begin());
    });
    await hangUp(target, begun, "GET");
    await quiet(notes);
    expect(notes).toEqual(["res close", "true false false", "ERR_STREAM_DESTROYED"]);
  });

  test.skipIf(!("signal" in http.IncomingMessage.prototype)).each(["node", ...sluices] as const)(
    "aborts the request's signal, where Node has one; an end in order does not (%s)",
    async (kind) => {
      const signals: AbortSignal[] = [];
      let begin = (): void => {};
      const begun = new Promise<void>((resolve) => {
        begin = resolve;
      });
      const sockets = new Set<net.Socket>();
      await using target = await host(kind, (req, res) => {
        req.on("error", () => {});
        signals.push(Reflect.get(req, "signal") as AbortSignal);
        sockets.add(req.socket);
        if (req.url === "/whole") res.end();
        else begin();
      });
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      for (let i = 0; i < 3; i++) await ask(target, { path: "/whole" }, agent);
      await quiet([]);
      const [socket] = sockets;
      const listeners = socket?.listenerCount("close");
      await ask(target, { path: "/whole" }, agent);
      await quiet([]);
      expect(socket?.listenerCount("close")).toBe(kind === "h2" ? 0 : listeners);
      agent.destroy();
      await hangUp(target, begun, "GET", async () => {
        await quiet([]);
        expect(signals.map((signal) => signal.aborted)).toEqual([false, false, false, false, true]);
      });
    },
  );

  test.each(["node", "h1"] as const)(
    "when all was sent but `end` was not called: close, no finish (%s)",
    async (kind) => {
      const notes: string[] = [];
      let begin = (): void => {};
      const begun = new Promise<void>((resolve) => {
        begin = resolve;
      });
      await using target = await host(kind, (_req, res) => {
        for (const event of ["finish", "close"]) res.on(event, () => notes.push(event));
        res.setHeader("content-length", "4");
        res.write("some", () => begin());
      });
      await hangUp(target, begun, "GET");
      await quiet(notes);
      expect(notes).toEqual(["close"]);
    },
  );

  test.each(sluices)("no `finish` for a late answer without content (%s)", async (kind) => {
    const notes: string[] = [];
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    await using target = await host(kind, (_req, res) => {
      for (const event of ["finish", "close"]) res.on(event, () => notes.push(event));
      begin();
      setTimeout(() => {
        res.statusCode = 204;
        res.end();
      }, 60);
    });
    await hangUp(target, begun, "GET");
    await new Promise((resolve) => setTimeout(resolve, 100));
    await quiet(notes);
    expect(notes).toEqual(["close"]);
  });
});

describe("a listener that gives up", () => {
  const ways = {
    "res.destroy": (_req: http.IncomingMessage, res: http.ServerResponse) => void res.destroy(new Error("enough")),
    "req.destroy": (req: http.IncomingMessage) => void req.destroy(),
    "destroys the socket": (req: http.IncomingMessage) => void req.socket.destroy(),
    "res.destroy after the head": (_req: http.IncomingMessage, res: http.ServerResponse) => {
      res.writeHead(200, { "content-length": "10" });
      res.write("abc");
      setImmediate(() => res.destroy());
    },
    "throws after the head": (_req: http.IncomingMessage, res: http.ServerResponse) => {
      res.write("abc");
      throw new Error("enough");
    },
  };
  for (const [name, way] of Object.entries(ways)) {
    test.each(sluices)(`${name}: the client gets no complete answer, the response its close (%s)`, async (kind) => {
      const notes: string[] = [];
      await using target = await host(
        kind,
        (req, res) => {
          for (const event of ["finish", "close"]) res.on(event, () => notes.push(event));
          req.on("error", () => {});
          return way(req, res);
        },
        { onError: () => {} },
      );
      const failed = await ask(target).then(
        (seen) => `answered ${seen.status}`,
        () => "failed",
      );
      await quiet(notes);
      expect([failed, notes]).toEqual(["failed", ["close"]]);
    });
  }

  test.each(sluices)(
    "content of another length than was declared is refused before it can do harm (%s)",
    async (kind) => {
      const notes: string[] = [];
      await using target = await host(kind, (req, res) => {
        for (const event of ["finish", "close"]) res.on(event, () => notes.push(event));
        req.on("error", () => {});
        res.setHeader("content-length", "10");
        res.end("short");
      });
      const outcome = await ask(target).then(
        ({ status, body }) => `${status} ${body.length}`,
        () => "reset",
      );
      await quiet(notes);
      expect([outcome, notes]).toEqual([kind === "h1" ? "500 0" : "reset", ["close"]]);
    },
  );

  test("an HTTP/2 connection survives a response that was destroyed", async () => {
    await using target = await host("h2", (req, res) => {
      req.on("error", () => {});
      if (req.url === "/destroyed") res.destroy();
      else res.end("fine");
    });
    const session = http2.connect(`http://127.0.0.1:${target.port}`);
    const first = session.request({ ":path": "/destroyed" });
    const [error] = (await once(first, "error")) as [NodeJS.ErrnoException];
    expect(error.message).toContain("NGHTTP2_INTERNAL_ERROR");
    const second = session.request({ ":path": "/" });
    const [head] = await once(second, "response");
    expect(head[":status"]).toBe(200);
    second.resume();
    await once(second, "close");
    session.close();
  });

  test("what was thrown is told, and is a warning if nobody asks", async () => {
    const told: unknown[] = [];
    const error = new Error("thrown");
    const failing = () => {
      throw error;
    };
    const service = fromNodeListener(failing, { onError: (...args) => told.push(...args) });
    const response = await service.call(HttpRequest.get("/"));
    expect(response.status).toBe(500);
    expect(told).toEqual([error, expect.any(http.IncomingMessage)]);
    const warned = once(process, "warning");
    await fromNodeListener(failing).call(HttpRequest.get("/"));
    expect(await warned).toEqual([error]);
  });
});

describe("timeouts", () => {
  test("setTimeout of either message tells of idleness, and gives the exchange up if nobody listens", async () => {
    const notes: string[] = [];
    const timer = fakeTimer();
    const io = scriptedIo(
      ["GET / HTTP/1.1\r\nhost: a\r\n\r\n"].map((text) => Buffer.from(text)),
      { timer },
    );
    const service = fromNodeListener((_req, res) => {
      for (const event of ["finish", "close"]) res.on(event, () => notes.push(event));
      res.setTimeout(1_000, () => notes.push(`timeout at ${timer.now()}`));
      timer.schedule(600, () => res.write("more"));
    });
    http1.serve(io, service.forConnection(io));
    timer.advance(600);
    await quiet(notes);
    timer.advance(999);
    expect(notes).toEqual([]);
    timer.advance(1);
    expect(notes).toEqual(["timeout at 1600"]);
  });

  test("the engine has given up and answered for it: a late answer does not finish", async () => {
    const notes: string[] = [];
    const timer = fakeTimer();
    const accepting = listen({ host: "127.0.0.1", port: 0, timer });
    const { port } = await accepting.ready;
    let answer = (): void => {};
    const service = fromNodeListener((req, res) => {
      for (const event of ["finish", "close"]) res.on(event, () => notes.push(event));
      req.on("error", () => {});
      answer = () => void res.writeHead(204).end();
      notes.push("called");
    });
    const client = net.connect(port, "127.0.0.1");
    client.write("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nsome");
    const { value: io } = await accepting[Symbol.asyncIterator]().next();
    if (io === undefined) expect.unreachable();
    const connection = http1.serve(io, service.forConnection(io), { requestTimeoutMs: 1_000 });
    connection.closed.catch(() => {});
    while (notes.length === 0) await new Promise((resolve) => setImmediate(resolve));
    timer.advance(1_000);
    const [refusal] = (await once(client, "data")) as [Buffer];
    expect(refusal.toString()).toMatch(/^HTTP\/1\.1 408 /);
    answer();
    await quiet(notes);
    client.destroy();
    await quiet(notes);
    expect(notes).toEqual(["called", "close"]);
    await accepting.close();
  });

  test("nobody listens: the exchange is given up", async () => {
    const notes: string[] = [];
    const timer = fakeTimer();
    const io = scriptedIo([Buffer.from("GET / HTTP/1.1\r\nhost: a\r\n\r\n")], { timer });
    const service = fromNodeListener((req, res) => {
      for (const event of ["finish", "close"]) res.on(event, () => notes.push(event));
      req.setTimeout(1_000);
    });
    http1.serve(io, service.forConnection(io));
    await quiet(notes);
    timer.advance(1_000);
    await quiet(notes);
    expect([notes, io.isAborted]).toEqual([["close"], true]);
  });
});

describe("connections", () => {
  test.each(["node", "h1"] as const)("are kept behind content nobody read, where it is little (%s)", async (kind) => {
    let ports = "";
    await using target = await host(kind, (req, res) => {
      ports += `${req.socket.remotePort} `;
      res.end("unread");
    });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 3; i++) {
      const seen = await ask(target, { method: "POST", body: "x".repeat(20_000) }, agent);
      expect(seen.body.toString()).toBe("unread");
    }
    agent.destroy();
    expect(new Set(ports.trim().split(" ")).size).toBe(1);
  });

  test.each(["node", "h1"] as const)(
    "carry one exchange after another, and close when the listener says so (%s)",
    async (kind) => {
      await using target = await host(kind, (req, res) => {
        if (req.url === "/last") res.setHeader("connection", "close");
        if (req.url === "/property") res.shouldKeepAlive = false;
        res.end(req.url);
      });
      for (const path of ["/last", "/property"]) {
        const socket = net.connect(target.port, "127.0.0.1");
        let received = "";
        socket.on("data", (chunk) => {
          received += chunk.toString();
        });
        socket.write(`GET /a HTTP/1.1\r\nhost: a\r\n\r\nGET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`);
        await once(socket, "close");
        expect(received.toLowerCase().match(/http\/1.1 200 ok/g)).toHaveLength(2);
        expect(received.toLowerCase().match(/connection: close/g)).toHaveLength(1);
        expect(received.endsWith(path)).toBe(true);
      }
    },
  );

  test("fields of HTTP/1 connections are dropped on HTTP/2, and do nothing there", async () => {
    await using target = await host("h2", (_req, res) => {
      res.setHeader("connection", "close, x-named").setHeader("keep-alive", "timeout=5").setHeader("x-named", "kept");
      res.writeHead(200, { "transfer-encoding": "chunked", upgrade: "h9", "proxy-connection": "close", te: "gzip" });
      res.end("x");
    });
    const session = http2.connect(`http://127.0.0.1:${target.port}`);
    for (let i = 0; i < 3; i++) {
      const stream = session.request({ ":path": "/" });
      const [head] = (await once(stream, "response")) as [http2.IncomingHttpHeaders];
      expect(Object.keys(head)).toEqual([":status", "x-named", "content-length", "date"]);
      await once(stream.resume(), "close");
    }
    expect([session.closed, session.destroyed]).toEqual([false, false]);
    session.close();
  });

  test("HTTP/1.0 is answered as such", async () => {
    await using target = await host("h1", (req, res) => {
      res.write(`${req.httpVersion} ${req.httpVersionMinor} `);
      res.end("end");
    });
    const socket = net.connect(target.port, "127.0.0.1");
    let received = "";
    socket.on("data", (chunk) => {
      received += chunk.toString();
    });
    socket.write("GET / HTTP/1.0\r\n\r\n");
    await once(socket, "close");
    expect(received.startsWith("HTTP/1.0 200 OK\r\n")).toBe(true);
    expect(received.toLowerCase()).not.toContain("transfer-encoding");
    expect(received.endsWith("\r\n\r\n1.0 0 end")).toBe(true);
  });

  test("a large response that is not taken: `finish` waits for the socket", async () => {
    const notes: string[] = [];
    await using target = await host("h1", (_req, res) => {
      res.on("finish", () => notes.push("finish"));
      res.end(Buffer.alloc(8_000_000));
    });
    const socket = net.connect(target.port, "127.0.0.1");
    socket.pause();
    socket.write("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(notes).toEqual([]);
    socket.resume();
    await once(socket, "close");
    await quiet(notes);
    expect(notes).toEqual(["finish"]);
  });

  test("a large upload is taken no faster than it is read", async () => {
    for (const kind of sluices) {
      let release = (): void => {};
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      await using target = await host(kind, async (req, res) => {
        await released;
        let bytes = 0;
        for await (const chunk of req) bytes += (chunk as Buffer).length;
        res.end(String(bytes));
      });
      const total = 30_000_000;
      let sent = 0;
      const give = function* (): Generator<Buffer> {
        for (; sent < total; sent += 100_000) yield Buffer.alloc(100_000);
      };
      const { Readable } = await import("node:stream");
      const answered = new Promise<string>((resolve, reject) => {
        if (kind === "h2") {
          const session = http2.connect(`http://127.0.0.1:${target.port}`);
          const stream = session.request({ ":method": "POST", ":path": "/" });
          Readable.from(give()).pipe(stream);
          stream.on("data", (chunk: Buffer) => resolve(chunk.toString()));
          stream.on("close", () => session.close());
          stream.on("error", reject);
        } else {
          const request = http.request({ port: target.port, host: "127.0.0.1", method: "POST", agent: false });
          Readable.from(give()).pipe(request);
          request.on("response", (response) => response.on("data", (chunk: Buffer) => resolve(chunk.toString())));
          request.on("error", reject);
        }
      });
      await new Promise((resolve) => setTimeout(resolve, 150));
      // The buffers of the kernel and of the client hold some; most of it has not been asked for.
      expect(sent).toBeLessThan(20_000_000);
      release();
      expect(await answered).toBe(String(total));
    }
  });
});

describe("any transport", () => {
  test("without a connection there are no addresses, and all else works", async () => {
    const app = express();
    app.get("/", (req, res) => void res.send(`${req.ip} ${req.socket.remoteAddress} ${req.protocol}`));
    const service = fromNodeListener(app);
    const [client, server] = memoryPair();
    http1.serve(server, service, { timer: null });
    const { sender, connection } = await http1.handshake(client, { timer: null });
    const response = await sender.send(HttpRequest.get("/", { host: "a" }));
    expect(response.status).toBe(200);
    const frames: string[] = [];
    for await (const frame of response.body) frames.push(Buffer.from(frame as Uint8Array).toString());
    expect(frames.join("")).toBe("undefined undefined http");
    connection.abort();
  });

  test("it is a service like any other, and can stand behind others", async () => {
    const inner = fromNodeListener((req, res) => void res.setHeader("x-url", req.url ?? "").end());
    const outer = serviceFn(async (request) => (await inner.call(request)).header("x-outer", "1"));
    const response = await outer.call(HttpRequest.get("/path"));
    expect([...response.headers]).toEqual([
      ["x-url", "/path"],
      ["x-outer", "1"],
    ]);
  });

  test("options that make no sense are refused at once", () => {
    expect(() => fromNodeListener("x" as never)).toThrow(
      new TypeError("fromNodeListener: listener must be a function, got string"),
    );
    expect(() => fromNodeListener(() => {}, { other: 1 } as never)).toThrow(
      new TypeError("fromNodeListener: unknown option other"),
    );
    expect(() => fromNodeListener(() => {}, { onUpgrade: 1 } as never)).toThrow(
      /onUpgrade must be a function, got number/,
    );
    expect(() => fromNodeListener(() => {}, { addDate: 1 } as never)).toThrow(/addDate must be true or false, got 1/);
  });

  test("spelling and dates are the listener's where that is asked for", async () => {
    const io = scriptedIo([Buffer.from("GET / HTTP/1.1\r\nhost: a\r\n\r\n")], { timer: fakeTimer() });
    const service = fromNodeListener(
      (_req, res) => {
        res.sendDate = false;
        res.setHeader("X-Own-Case", "1");
        res.end();
      },
      { keepFieldCase: true, addDate: true },
    );
    http1.serve(io, service, { preserveHeaderCase: true, autoDateHeader: false });
    expect(io.writtenText).toBe("HTTP/1.1 200 OK\r\nX-Own-Case: 1\r\ncontent-length: 0\r\n\r\n");
  });
});
