/** HTTP/1.1: what each runtime has to get right in both roles. */
import { collect, fromIterable, full, HeaderMap } from "@sluice/body";
import { HttpRequest, HttpResponse, sendInformational, upgradeOn } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import {
  answer,
  checksum,
  chunkedBody,
  ending,
  get,
  latin1,
  mebibyte,
  octets,
  post,
  read,
  readAll,
  refusal,
  service,
  shutdown,
  text,
} from "./kit.mjs";

const quiet = { autoDateHeader: false };

/** Serves `call` and gives `use` a client connection. */
function exchange(kit, call, use, options = {}) {
  const serve = (io) =>
    void http1.serve(
      io,
      service((request) => call(request, io)),
      { ...quiet, ...options.server },
    );
  return kit.serving(serve, async (port) => {
    const { sender, connection } = await http1.handshake(await kit.connect(port), options.client);
    const outcome = await use(sender, connection);
    connection.abort();
    return outcome;
  });
}

/** Sends `octets` to a server and gives everything it answers. */
function raw(kit, call, sent, server = {}) {
  const serve = (io) =>
    void http1.serve(
      io,
      service((request) => call(request, io)),
      { ...quiet, ...server },
    );
  return kit.serving(serve, async (port) => {
    const io = await kit.connect(port);
    io.write([latin1(sent)]);
    const answered = await readAll(io);
    io.abort();
    return answered;
  });
}

export const http1Cases = {
  "h1 GET": (kit) =>
    exchange(
      kit,
      (request, io) =>
        answer(`${request.method} ${request.target.path}`, { "x-address": io.info?.remoteAddress ?? "" }),
      async (sender) => {
        const response = await sender.send(get("/a"));
        return [response.status, response.version, response.headers.get("x-address"), await text(response)];
      },
    ),

  "h1 HEAD": (kit) =>
    exchange(
      kit,
      () => answer("twelve bytes"),
      async (sender) => {
        const response = await sender.send(HttpRequest.head("/", { host: "a.test" }));
        return [response.status, response.headers.get("content-length"), await text(response)];
      },
    ),

  "h1 POST, 1 MiB both ways": (kit) =>
    exchange(
      kit,
      (request) => new HttpResponse(200, undefined, request.body),
      async (sender) => {
        const sent = octets(mebibyte);
        const response = await sender.send(post("/echo", full(sent)));
        const received = await collect(response.body).bytes();
        return [received.length, checksum(received) === checksum(sent)];
      },
    ),

  "h1 chunked with trailers both ways": (kit) =>
    exchange(
      kit,
      async (request) => {
        const coding = request.headers.get("transfer-encoding");
        const content = collect(request.body);
        const seen = `${coding} ${await content.text()} ${(await content.trailers())?.get("x-sum")}`;
        return new HttpResponse(200, { trailer: "x-back" }, chunkedBody([seen, "!"], { "x-back": "2" }));
      },
      async (sender) => {
        const body = chunkedBody(["one", "two"], { "x-sum": "1" });
        const response = await sender.send(post("/", body, { te: "trailers", trailer: "x-sum" }));
        const content = collect(response.body);
        return [await content.text(), (await content.trailers())?.get("x-back")];
      },
    ),

  "h1 103 before the answer": (kit) =>
    exchange(
      kit,
      (request) => {
        sendInformational(request, 103, new HeaderMap({ link: "</a.css>; rel=preload" }));
        return answer("final");
      },
      async (sender) => {
        const early = [];
        const onInformational = (status, headers) => early.push(`${status} ${headers.get("link")}`);
        const response = await sender.send(get("/"), { onInformational });
        return [...early, await text(response)];
      },
    ),

  "h1 five requests on one connection": async (kit) => {
    let connections = 0;
    const serve = (io) => {
      connections += 1;
      http1.serve(
        io,
        service((request) => answer(request.target.path)),
        quiet,
      );
    };
    return kit.serving(serve, async (port) => {
      const { sender, connection } = await http1.handshake(await kit.connect(port));
      const bodies = [];
      for (let i = 1; i <= 5; i++) {
        await sender.ready();
        bodies.push(await text(await sender.send(get(`/${i}`))));
      }
      connection.abort();
      return [connections, ...bodies];
    });
  },

  "h1 pipelined requests are answered in order": (kit) =>
    raw(
      kit,
      async (request, io) => {
        if (request.target.path === "/1") await new Promise((resolve) => io.timer.schedule(20, resolve));
        return answer(request.target.path);
      },
      "GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\n\r\n" +
        "GET /3 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    ),

  "h1 upgrade: bytes both ways, then each side ends on its own": async (kit) => {
    const seen = [];
    const accept = async (request) => {
      const io = await upgradeOn(request);
      for (;;) {
        const chunk = await read(io);
        if (!(chunk instanceof Uint8Array)) {
          seen.push(chunk);
          break;
        }
        io.write([latin1("<"), chunk, latin1(">")]);
      }
      io.write([latin1("bye")]);
      seen.push(await shutdown(io));
    };
    return exchange(
      kit,
      (request) => {
        accept(request).catch((error) => seen.push(String(error)));
        return new HttpResponse(101, { connection: "upgrade", upgrade: "echo" });
      },
      async (sender) => {
        const response = await sender.send(get("/", { connection: "upgrade", upgrade: "echo" }));
        const io = await upgradeOn(response);
        io.write([latin1("ping")]);
        let echoed = "";
        while (!echoed.endsWith(">")) echoed += String.fromCharCode(...(await read(io)));
        const ended = await shutdown(io);
        const rest = await readAll(io);
        await kit.until(() => seen.length === 2);
        io.abort();
        return [response.status, echoed, ended, rest, ...seen];
      },
    );
  },

  "h1 the server sees that the client has gone": async (kit) => {
    const seen = [];
    return exchange(
      kit,
      (request) => {
        seen.push("called");
        return new Promise((resolve) => {
          request.signal.addEventListener("abort", () => {
            seen.push("gone");
            resolve(answer("nobody"));
          });
        });
      },
      async (sender, connection) => {
        const controller = new AbortController();
        const outcome = refusal(sender.send(get("/"), { signal: controller.signal }));
        await kit.until(() => seen.length === 1);
        controller.abort();
        const told = await outcome;
        await kit.until(() => seen.length === 2);
        return [told, ...seen, await ending(connection)];
      },
    );
  },

  "h1 graceful shutdown ends after the exchange": async (kit) => {
    const ends = [];
    const serve = (io) => {
      const connection = http1.serve(
        io,
        service(() => {
          connection.gracefulShutdown();
          return answer("the last one");
        }),
        quiet,
      );
      ending(connection).then((end) => ends.push(end));
    };
    return kit.serving(serve, async (port) => {
      const { sender, connection } = await http1.handshake(await kit.connect(port));
      const response = await sender.send(get("/"));
      const body = await text(response);
      const end = await ending(connection);
      await kit.until(() => ends.length === 1);
      return [response.headers.get("connection"), body, end, sender.isClosed, ...ends];
    });
  },

  "h1 a malformed head is answered 400": (kit) => raw(kit, () => answer(""), "GET / HTTP/1.1\r\nbad field: 1\r\n\r\n"),

  "h1 length and chunked together": (kit) =>
    raw(
      kit,
      async (request) => answer(await collect(request.body).text()),
      "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    ),

  "h1 too many fields are answered 431": (kit) =>
    raw(kit, () => answer(""), "GET / HTTP/1.1\r\nhost: a\r\nb: 1\r\nc: 2\r\n\r\n", { maxHeaders: 2 }),

  "h1 a target that is too long is answered 414": (kit) =>
    raw(kit, () => answer(""), "GET /123456789 HTTP/1.1\r\nhost: a\r\n\r\n", { maxTargetBytes: 8 }),

  "h1 content beyond the limit is answered 413": (kit) =>
    raw(
      kit,
      async (request) => answer(await text(request)),
      "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n123456789",
      { maxBodyBytes: 8 },
    ),

  "h1 a head that does not come is answered 408": (kit) =>
    raw(kit, () => answer(""), "GET / HTTP/1.1\r\nhost:", { headTimeoutMs: 100 }),

  "h1 a response cut short is incomplete": (kit) =>
    kit.serving(
      (io) =>
        io.read(() => {
          io.write([latin1("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")]);
          io.shutdown(() => io.abort());
        }),
      async (port) => {
        const { sender, connection } = await http1.handshake(await kit.connect(port));
        const response = await sender.send(get("/"));
        const told = await refusal(collect(response.body).bytes());
        return [response.status, told.split(" ")[0], await ending(connection)];
      },
    ),

  "h1 who does not read stops who writes": async (kit) => {
    let produced = 0;
    let over = false;
    function* endless() {
      const chunk = new Uint8Array(65_536);
      try {
        for (; produced < 256 * mebibyte; produced += chunk.length) yield chunk;
      } finally {
        over = true;
      }
    }
    return exchange(
      kit,
      () => new HttpResponse(200, undefined, fromIterable(endless())),
      async (sender) => {
        const response = await sender.send(get("/"));
        let before = -1;
        await kit.until(() => {
          const settled = produced === before;
          before = produced;
          return settled && produced > 0;
        });
        const stopped = produced < 128 * mebibyte && !over;
        response.body.cancel();
        await kit.until(() => over);
        return [stopped, over];
      },
    );
  },

  "h1 a server that does not read stops the client": async (kit) => {
    let sent = 0;
    const calls = [];
    function* endless() {
      const chunk = new Uint8Array(65_536);
      for (; sent < 256 * mebibyte; sent += chunk.length) yield chunk;
    }
    return exchange(
      kit,
      (request) => {
        calls.push(request.method);
        return new Promise((resolve) => request.signal.addEventListener("abort", () => resolve(answer(""))));
      },
      async (sender) => {
        const controller = new AbortController();
        const outcome = refusal(sender.send(post("/", fromIterable(endless())), { signal: controller.signal }));
        let before = -1;
        await kit.until(() => {
          const settled = sent === before;
          before = sent;
          return settled && calls.length === 1;
        });
        const stopped = sent < 128 * mebibyte;
        controller.abort();
        return [...calls, stopped, await outcome];
      },
    );
  },

  "h1 nobody listens": async (kit) => (await refusal(kit.connect(1))).split(" ")[0],
};
