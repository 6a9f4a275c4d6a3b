/** What a bare listener can do with `req` and `res`, on Node's own server and on Sluice. */
import type http from "node:http";
import { IncomingMessage, ServerResponse } from "node:http";
import { Readable, Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { kinds, noteEnds, run, same, sameButLength } from "./support.ts";

describe("request", () => {
  test("fields are joined, dropped and listed as Node does", async () => {
    const { seen } = await same(
      () => (req, res) => {
        const { headers, headersDistinct, method, url } = req;
        const { connection: _c, "transfer-encoding": _t, host: _h, ...kept } = headers;
        const { connection: _cd, "transfer-encoding": _td, host: _hd, ...distinct } = headersDistinct;
        res.end(JSON.stringify({ kept, distinct, method, url }));
      },
      {
        path: "/a//b?c=%20d",
        headers: {
          accept: ["text/html", "text/plain"],
          cookie: ["a=1", "b=2"],
          "x-many": ["1", "2"],
          "set-cookie": ["x=1", "y=2"],
          "user-agent": "first",
        },
      },
    );
    expect(JSON.parse(seen[0]?.body.toString() ?? "")).toEqual({
      kept: {
        accept: "text/html, text/plain",
        cookie: "a=1; b=2",
        "x-many": "1, 2",
        "set-cookie": ["x=1", "y=2"],
        "user-agent": "first",
      },
      distinct: expect.objectContaining({ "x-many": ["1", "2"], "user-agent": ["first"] }),
      method: "GET",
      url: "/a//b?c=%20d",
    });
  });

  test("is an IncomingMessage, with a response that is a ServerResponse, and streams", async () => {
    const { notes } = await same(
      (note) => (req, res) => {
        note([req instanceof IncomingMessage, req instanceof Readable, res instanceof ServerResponse].join());
        note(
          [
            res.req === req,
            res.socket === req.socket,
            req.connection === req.socket,
            Reflect.get(req, "client") === req.socket,
          ].join(),
        );
        note([req.complete, req.aborted, req.destroyed, req.readable, req.readableEnded].join());
        note([res.writable, res.writableEnded, res.writableFinished, res.destroyed, res.headersSent].join());
        note([typeof req.socket.remoteAddress, typeof req.socket.remotePort, req.socket.remoteFamily].join());
        note(
          [
            req.socket.localAddress,
            typeof req.socket.localPort,
            Reflect.get(req.socket, "encrypted"),
            req.socket.destroyed,
          ].join(),
        );
        res.end();
      },
      {},
    );
    expect(notes).toEqual([
      "true,true,true",
      "true,true,true,true",
      "false,false,false,true,false",
      "true,false,false,false,false",
      "string,number,IPv4",
      "127.0.0.1,number,,false",
    ]);
  });

  test("the version is told, and the authority of HTTP/2 is `host`", async () => {
    for (const [kind, version] of [
      ["node", ["1.1", 1, 1]],
      ["h1", ["1.1", 1, 1]],
      ["h2", ["2.0", 2, 0]],
    ] as const) {
      const { seen } = await run(
        kind,
        () => (req, res) => {
          const { httpVersion, httpVersionMajor, httpVersionMinor, headers } = req;
          res.end(JSON.stringify([httpVersion, httpVersionMajor, httpVersionMinor, headers.host]));
        },
        [{ headers: { host: "name.test:81" } }],
      );
      expect(JSON.parse(seen[0]?.body.toString() ?? "")).toEqual([...version, "name.test:81"]);
    }
  });

  test("content is read in all the ways a stream can be, and counts as complete at its end", async () => {
    const body = ["one", "two", "x".repeat(100_000)];
    await same(
      (note) => (req, res) => {
        const before = req.complete;
        let text = "";
        req.setEncoding("utf8");
        req.on("data", (chunk: string) => {
          text += chunk;
        });
        req.on("end", () => {
          note(`${before} ${req.complete} ${text.length}`);
          res.end(text);
        });
      },
      { method: "POST", body },
    );
    await same(
      () => async (req, res) => {
        const chunks: Buffer[] = [];
        for await (const chunk of req) chunks.push(chunk);
        res.end(Buffer.concat(chunks));
      },
      { method: "POST", body, headers: { "content-length": "100006" } },
    );
    await same(() => (req, res) => void req.pipe(res), { method: "PUT", body });
  });

  test("content without a length says that it is there, on HTTP/2 as well", async () => {
    for (const kind of kinds) {
      const { seen } = await run(
        kind,
        () => (req, res) => {
          req.resume();
          res.end(JSON.stringify([req.headers["transfer-encoding"], req.headers["content-length"]]));
        },
        [{ method: "POST", body: ["x", "y"] }, { method: "POST", body: "xyz", headers: { "content-length": "3" } }, {}],
      );
      expect(seen.map((one) => one.body.toString())).toEqual(['["chunked",null]', '[null,"3"]', "[null,null]"]);
    }
  });
});

describe("response", () => {
  test("content given at once has a length; content in pieces has none", async () => {
    const { seen } = await same(
      () => (req, res) => {
        if (req.url === "/at-once") res.end("héllo");
        else if (req.url === "/bytes") res.end(Buffer.from([0, 255]));
        else if (req.url === "/latin1") res.end("é", "latin1");
        else if (req.url === "/hex") res.end("00ff", "hex");
        else if (req.url === "/nothing") res.end();
        else if (req.url === "/large") res.end("x".repeat(300_000));
        else {
          res.write("a");
          res.write(Buffer.from("b"));
          res.end("c");
        }
      },
      ...["/at-once", "/bytes", "/latin1", "/hex", "/nothing", "/large", "/pieces"].map((path) => ({ path })),
    );
    expect(seen.map((one) => one.fields)).toEqual([
      ["content-length: 6"],
      ["content-length: 2"],
      ["content-length: 1"],
      ["content-length: 2"],
      ["content-length: 0"],
      ["content-length: 300000"],
      ["transfer-encoding: chunked"],
    ]);
  });

  test("writeHead takes an object, pairs, a flat list, a phrase, and merges with what was set", async () => {
    const { seen } = await sameButLength(
      () => (req, res) => {
        switch (req.url) {
          case "/object":
            return res.writeHead(201, { "X-One": "1", "x-two": ["a", "b"], "Content-Type": "text/plain" }).end("x");
          case "/phrase":
            return res.writeHead(299, "Fine By Me", { a: 1 }).end();
          case "/flat":
            return res.writeHead(200, ["x-one", "1", "x-one", "2", "set-cookie", "a"] as never).end();
          case "/pairs":
            return res
              .writeHead(200, [
                ["x-one", "1"],
                ["x-one", "2"],
              ] as never)
              .end();
          case "/merged":
            res.setHeader("X-One", "old");
            res.setHeader("x-two", "kept");
            return res.writeHead(200, { "x-one": "new" }).end();
          default:
            res.statusMessage = "Set";
            res.statusCode = 404;
            return res.end();
        }
      },
      ...["/object", "/phrase", "/flat", "/pairs", "/merged", "/property"].map((path) => ({ path })),
    );
    expect(seen.map(({ status, reason }) => `${status} ${reason}`)).toEqual([
      "201 Created",
      "299 Fine By Me",
      "200 OK",
      "200 OK",
      "200 OK",
      "404 Set",
    ]);
  });

  test("fields can be set, looked at, added to and removed until the head is settled", async () => {
    const { notes } = await sameButLength(
      (note) => (_req, res) => {
        res.setHeader("X-One", "1").setHeader("X-List", ["a", "b"]);
        res.appendHeader("x-list", "c");
        res.setHeader("gone", "x");
        res.removeHeader("Gone");
        note(JSON.stringify([res.getHeader("x-one"), res.getHeaders(), res.getHeaderNames(), res.hasHeader("GONE")]));
        res.setHeaders(new Map([["x-map", "m"]]));
        note(String(res.headersSent));
        res.writeHead(200);
        note(String(res.headersSent));
        for (const late of [
          () => res.setHeader("a", "b"),
          () => res.removeHeader("a"),
          () => res.appendHeader("a", "b"),
          () => res.writeHead(200),
        ]) {
          try {
            late();
          } catch (error) {
            note((error as NodeJS.ErrnoException).code ?? "");
          }
        }
        res.end();
      },
      {},
    );
    expect(notes.slice(1)).toEqual(["false", "true", ...Array(4).fill("ERR_HTTP_HEADERS_SENT")]);
  });

  test("what cannot be sent is refused with Node's codes", async () => {
    const { notes } = await same(
      (note) => (_req, res) => {
        for (const wrong of [
          () => res.setHeader("a b", "c"),
          () => res.setHeader("a", undefined as never),
          () => res.setHeader("a", "b\r\nc"),
          () => res.writeHead(99),
          () => res.writeHead(200, { "a b": "c" }),
          () => res.writeHead(200, { a: "b\n" }),
          () => res.writeHead(200, "bad\nphrase"),
          () => res.writeHead(200, ["odd"] as never),
          () => res.write(null as never),
          () => res.write(7 as never),
        ]) {
          try {
            wrong();
            note("taken");
          } catch (error) {
            const { name, code } = error as NodeJS.ErrnoException;
            note(`${name} ${code}`);
          }
          res.statusMessage = "";
        }
        res.end("fine");
      },
      {},
    );
    expect(notes).not.toContain("taken");
  });

  test("writing after the end is an error of the stream; ending twice is not", async () => {
    const { notes } = await same(
      (note) => (_req, res) => {
        res.on("error", (error: NodeJS.ErrnoException) => note(`error ${error.code}`));
        res.end("x");
        note(`${res.writableEnded} ${res.finished}`);
        note(String(res.write("more", (error) => note(`callback ${(error as NodeJS.ErrnoException).code}`))));
        res.end("y");
      },
      {},
    );
    expect(notes).toEqual([
      "true true",
      "false",
      "callback ERR_STREAM_WRITE_AFTER_END",
      "error ERR_STREAM_WRITE_AFTER_END",
      "error ERR_STREAM_WRITE_AFTER_END",
    ]);
  });

  test("strictContentLength holds content to what was declared", async () => {
    const { notes } = await same(
      (note) => (req, res) => {
        res.strictContentLength = true;
        res.setHeader("content-length", "3");
        try {
          if (req.url === "/long") {
            res.write("ab");
            res.write("cd");
          } else if (req.url === "/fits") {
            res.write("abc");
            res.end();
            return;
          } else {
            res.flushHeaders();
            res.end("ab");
          }
        } catch (error) {
          note(`${(error as NodeJS.ErrnoException).code} ${(error as Error).message}`);
          res.end(req.url === "/long" ? "c" : "abc");
        }
      },
      ...["/long", "/fits", "/short"].map((path) => ({ path })),
    );
    expect(notes.map((one) => one.slice(0, 31))).toEqual(Array(2).fill("ERR_HTTP_CONTENT_LENGTH_MISMATC"));
  });

  test("HEAD, 204 and 304 swallow content", async () => {
    const program = () => (req: IncomingMessage, res: ServerResponse) => {
      res.statusCode = Number(req.url?.slice(1));
      res.setHeader("etag", '"x"');
      if (req.url === "/201") res.setHeader("content-length", "5");
      if (req.url === "/203") res.write("pieces");
      res.end("hello");
    };
    const { seen } = await same(
      program,
      { method: "HEAD", path: "/200" },
      { method: "HEAD", path: "/201" },
      { method: "HEAD", path: "/203" },
      { path: "/204" },
      { path: "/304" },
    );
    expect(seen.map((one) => one.body.length)).toEqual([0, 0, 0, 0, 0]);
  });

  test("informational responses go out before the final one, and not after", async () => {
    const { seen } = await same(
      (note) => (_req, res) => {
        res.writeProcessing(() => note("sent 102"));
        res.writeEarlyHints({ link: ["</a.css>; rel=preload", "</b.js>; rel=preload"], "x-id": "7" }, () =>
          note("sent 103"),
        );
        setImmediate(() => res.end("x"));
      },
      {},
    );
    expect(seen[0]?.infos).toEqual(["102 ", "103 link: </a.css>; rel=preload, </b.js>; rel=preload | x-id: 7"]);
  });

  test("trailers follow the content", async () => {
    const { seen } = await same(
      () => (_req, res) => {
        res.writeHead(200, { trailer: "x-sum" });
        res.write("content");
        res.addTrailers({ "X-Sum": "abc" });
        res.end();
      },
      { headers: { te: "trailers" } },
    );
    expect(seen[0]?.trailers).toEqual(["x-sum: abc"]);
  });

  test("expectations nobody knows are refused with 417", async () => {
    const { seen } = await sameButLength(() => (_req, res) => void res.end("never"), {
      headers: { expect: "miracles" },
    });
    expect(seen[0]?.status).toBe(417);
  });
});

describe("events", () => {
  test("a request that is not read: finish, close, and the request's own end", async () => {
    const { notes } = await same(
      (note) => (req, res) => {
        noteEnds(note, req, res);
        res.end("x");
      },
      {},
    );
    expect(notes).toEqual(["res finish", "res close", "req end", "req close"]);
  });

  test("content that nobody reads is dropped: the same events, and no `aborted`", async () => {
    const { notes } = await same(
      (note) => (req, res) => {
        noteEnds(note, req, res);
        res.end("x");
      },
      { method: "POST", body: "content" },
      { method: "POST", body: "x".repeat(30_000) },
    );
    const once = ["res finish", "res close", "req end", "req close"];
    expect(notes).toEqual([...once, ...once]);
  });

  test("a request that is read first", async () => {
    for (const kind of kinds) {
      const { notes } = await run(
        kind,
        (note) => (req, res) => {
          noteEnds(note, req, res);
          req.resume().on("end", () => res.end("x"));
        },
        [{ method: "POST", body: "content" }],
      );
      // The two are independent of each other: Node puts `req close` last, Sluice second.
      expect(notes.filter((one) => one.startsWith("req"))).toEqual(["req end", "req close"]);
      expect(notes.filter((one) => one.startsWith("res"))).toEqual(["res finish", "res close"]);
    }
  });

  test("content in pieces, with callbacks", async () => {
    const { notes } = await same(
      (note) => (_req, res) => {
        res.on("finish", () => note(`finish ${res.writableFinished} ${res.socket === null}`));
        res.on("close", () => note(`close ${res.destroyed} ${res.closed}`));
        res.on("prefinish", () => note("prefinish"));
        res.write("a", () => note("a was written"));
        setImmediate(() => res.end("b"));
      },
      {},
    );
    expect(notes).toEqual(["a was written", "prefinish", "finish true true", "close true true"]);
  });

  test("callbacks of `end` come with `finish`, those of a second one too, and are errors behind it", async () => {
    for (const kind of kinds) {
      const { notes } = await run(
        kind,
        (note) => (_req, res) => {
          setImmediate(() => {
            res.end("x", () => note("first"));
            // Older versions of Node take a response for finished as soon as nothing waits.
            if (kind !== "node") {
              note(String(res.writableFinished));
              res.end(() => note("second"));
            }
          });
          res.on("close", () => {
            res.end((error?: NodeJS.ErrnoException) => note(`late ${error?.code}`));
          });
        },
        [{}],
      );
      const others = kind === "node" ? [] : ["second"];
      const before = kind === "node" ? [] : ["false"];
      expect(notes).toEqual([...before, "first", ...others, "late ERR_STREAM_ALREADY_FINISHED"]);
    }
  });

  test("HEAD and 204 finish too", async () => {
    for (const one of [{ method: "HEAD" }, { path: "/204" }, {}]) {
      const { notes } = await same(
        (note) => (req, res) => {
          noteEnds(note, req, res);
          if (req.url === "/204") res.statusCode = 204;
          res.end();
        },
        one,
      );
      expect(notes).toEqual(["res finish", "res close", "req end", "req close"]);
    }
  });

  test("write says false while there is as much as Node would hold, and drain comes when it was taken", async () => {
    const { seen } = await same(
      (note) => (_req, res) => {
        let left = 40;
        let waits = 0;
        const more = (): void => {
          while (left > 0) {
            left--;
            if (!res.write(Buffer.alloc(65_536, left))) break;
          }
          if (left === 0) {
            note(`waited: ${waits > 0}`);
            res.end();
          } else {
            waits++;
            res.once("drain", more);
          }
        };
        more();
      },
      {},
    );
    expect(seen[0]?.body.length).toBe(40 * 65_536);
  });

  test("a listener that throws or rejects is answered for with 500", async () => {
    const programs = [
      () => () => {
        throw new Error("at once");
      },
      () => async () => {
        await Promise.resolve();
        throw new Error("later");
      },
      () => (_req: unknown, res: http.ServerResponse) => {
        res.setHeader("content-length", "100");
        throw new Error("with fields");
      },
    ];
    for (const kind of ["h1", "h2"] as const) {
      for (const program of programs) {
        const { seen } = await run(kind, program, [{}, {}]);
        expect(seen.map(({ status, fields }) => [status, fields])).toEqual(Array(2).fill([500, ["content-length: 0"]]));
      }
    }
  });

  test("pipelines of streams end as they do on Node", async () => {
    const { pipeline } = await import("node:stream/promises");
    const { notes } = await same(
      (note) => async (req, res) => {
        await pipeline(req, res);
        note("done");
        const sink = new Writable({ write: (_chunk, _encoding, done) => done() });
        await pipeline(Readable.from(["x"]), sink);
        note(`${res.writableFinished} ${req.readableEnded}`);
      },
      { method: "POST", body: "content" },
    );
    expect(notes).toEqual(["done", "true true"]);
  });
});
