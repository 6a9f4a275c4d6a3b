/** HTTP/2 with prior knowledge: what each runtime has to get right in both roles. */
import { collect, full, HeaderMap } from "@sluice/body";
import { HttpResponse, sendInformational } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
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
  readAll,
  refusal,
  service,
  text,
} from "./kit.mjs";

const quiet = { autoDateHeader: false };
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const emptySettings = "\0\0\0\x04\0\0\0\0\0";

/** Serves `call` and gives `use` a client connection. */
function exchange(kit, call, use, options = {}) {
  const serve = (io) => {
    const connection = http2.serve(
      io,
      service((request) => call(request, connection)),
      { ...quiet, ...options.server },
    );
  };
  return kit.serving(serve, async (port) => {
    const { sender, connection } = await http2.handshake(await kit.connect(port), options.client);
    const outcome = await use(sender, connection);
    connection.abort();
    return outcome;
  });
}

/** The frames a server answers `sent` with, as `TYPE stream`, GOAWAY with its code, and how it ended. */
function raw(kit, sent, server = {}) {
  const serve = (io) =>
    void http2.serve(
      io,
      service(() => answer("")),
      { ...quiet, ...server },
    );
  return kit.serving(serve, async (port) => {
    const io = await kit.connect(port);
    io.write([latin1(sent)]);
    const answered = frames(await readAll(io));
    io.abort();
    return answered;
  });
}

const names = [
  "DATA",
  "HEADERS",
  "PRIORITY",
  "RST_STREAM",
  "SETTINGS",
  "PUSH_PROMISE",
  "PING",
  "GOAWAY",
  "WINDOW_UPDATE",
];

function frames(answered) {
  const seen = [];
  let at = 0;
  const number = (from, size) => {
    let value = 0;
    for (let i = from; i < from + size; i++) value = value * 256 + answered.charCodeAt(i);
    return value;
  };
  while (at + 9 <= answered.length) {
    const length = number(at, 3);
    const name = names[number(at + 3, 1)];
    const code = name === "GOAWAY" ? ` ${number(at + 13, 4)}` : "";
    seen.push(`${name} ${number(at + 5, 4)}${code}`);
    at += 9 + length;
  }
  if (at < answered.length) seen.push(`and ${answered.slice(at)}`);
  return seen.filter((frame) => !frame.startsWith("WINDOW_UPDATE"));
}

export const http2Cases = {
  "h2 100 streams at a time": async (kit) => {
    const waiting = [];
    return exchange(
      kit,
      (request) =>
        new Promise((resolve) => {
          waiting.push(() => resolve(answer(request.target.path)));
          // All are answered when all are there, the last first.
          if (waiting.length === 100) for (const go of waiting.reverse()) go();
        }),
      async (sender, connection) => {
        const requests = Array.from({ length: 100 }, (_, i) => sender.send(get(`/${i}`)).then(text));
        const bodies = await Promise.all(requests);
        return [bodies.every((body, i) => body === `/${i}`), connection.streams.peakLocal, connection.streams.local];
      },
    );
  },

  "h2 1 MiB both ways": (kit) =>
    exchange(
      kit,
      (request) => new HttpResponse(200, undefined, request.body),
      async (sender) => {
        const sent = octets(mebibyte, 2);
        const received = await collect((await sender.send(post("/", full(sent)))).body).bytes();
        return [received.length, checksum(received) === checksum(sent)];
      },
    ),

  "h2 1 MiB both ways through the smallest windows": (kit) =>
    exchange(
      kit,
      (request) => new HttpResponse(200, undefined, request.body),
      async (sender) => {
        const sent = octets(mebibyte, 3);
        const received = await collect((await sender.send(post("/", full(sent)))).body).bytes();
        return [received.length, checksum(received) === checksum(sent)];
      },
      {
        server: { initialWindowBytes: 16_384, connectionWindowBytes: 65_535 },
        client: { initialWindowBytes: 16_384, connectionWindowBytes: 65_535 },
      },
    ),

  "h2 trailers both ways": (kit) =>
    exchange(
      kit,
      async (request) => {
        const content = collect(request.body);
        const seen = `${await content.text()} ${(await content.trailers())?.get("x-sum")}`;
        return new HttpResponse(200, undefined, chunkedBody([seen], { "x-back": "2" }));
      },
      async (sender) => {
        const response = await sender.send(post("/", chunkedBody(["one", "two"], { "x-sum": "1" })));
        const content = collect(response.body);
        return [await content.text(), (await content.trailers())?.get("x-back")];
      },
    ),

  "h2 103 before the answer": (kit) =>
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

  "h2 pushes are off": (kit) =>
    exchange(
      kit,
      (request) => answer(request.extensions.get(http2.pusherKey) === undefined ? "no pusher" : "a pusher"),
      async (sender) => text(await sender.send(get("/"))),
    ),

  "h2 cancelling one stream leaves the others": async (kit) => {
    const seen = [];
    return exchange(
      kit,
      (request) => {
        if (request.target.path !== "/wait") return answer(request.target.path);
        seen.push("called");
        return new Promise((resolve) => {
          request.signal.addEventListener("abort", () => {
            seen.push(`reset ${request.signal.reason?.reason}`);
            resolve(answer("nobody"));
          });
        });
      },
      async (sender) => {
        const controller = new AbortController();
        const outcome = refusal(sender.send(get("/wait"), { signal: controller.signal }));
        await kit.until(() => seen.length === 1);
        controller.abort();
        const other = await text(await sender.send(get("/other")));
        await kit.until(() => seen.length === 2);
        return [await outcome, ...seen, other];
      },
    );
  },

  "h2 the server sees that the client has gone": async (kit) => {
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
        const outcome = refusal(sender.send(get("/")));
        await kit.until(() => seen.length === 1);
        connection.abort();
        await kit.until(() => seen.length === 2);
        return [(await outcome).split(" ")[0], ...seen];
      },
    );
  },

  "h2 ping": (kit) =>
    exchange(
      kit,
      () => answer(""),
      async (sender, connection) => {
        await text(await sender.send(get("/")));
        return (await connection.ping()) >= 0;
      },
    ),

  "h2 graceful shutdown ends after the exchanges": async (kit) => {
    const ends = [];
    return exchange(
      kit,
      (request, connection) => {
        if (request.target.path === "/last") {
          connection.gracefulShutdown();
          ending(connection).then((end) => ends.push(end));
        }
        return answer(request.target.path);
      },
      async (sender, connection) => {
        const bodies = await Promise.all([sender.send(get("/1")).then(text), sender.send(get("/last")).then(text)]);
        const end = await ending(connection);
        await kit.until(() => ends.length === 1);
        return [...bodies, end, sender.isClosed, ...ends];
      },
    );
  },

  "h2 GOAWAY with a code ends what is under way": (kit) =>
    exchange(
      kit,
      (_request, connection) => {
        connection.goAway(11, "calm down");
        return answer("");
      },
      async (sender, connection) => {
        const told = await refusal(sender.send(get("/")));
        const error = await connection.closed.catch((reason) => reason);
        return [told.split(" ")[0], error?.reason];
      },
    ),

  "h2 streams beyond the limit wait": async (kit) => {
    let most = 0;
    let now = 0;
    return exchange(
      kit,
      async (request) => {
        now += 1;
        most = Math.max(most, now);
        await text(request);
        now -= 1;
        return answer("");
      },
      async (sender) => {
        await text(await sender.send(get("/")));
        const content = octets(40_000);
        await Promise.all(Array.from({ length: 20 }, () => sender.send(post("/", full(content))).then(text)));
        return most <= 2;
      },
      { server: { maxConcurrentStreams: 2 } },
    );
  },

  "h2 a field section beyond the limit is answered 431": (kit) =>
    exchange(
      kit,
      () => answer(""),
      async (sender) => {
        const { status } = await sender.send(get("/", { "x-long": "v".repeat(2000) }));
        return status;
      },
      { server: { maxHeaderListBytes: 1024 } },
    ),

  "h2 DATA on stream 0 is a PROTOCOL_ERROR": (kit) => raw(kit, `${preface}${emptySettings}\0\0\x01\0\0\0\0\0\0x`),

  "h2 a frame that is too long is a FRAME_SIZE_ERROR": (kit) =>
    raw(kit, `${preface}${emptySettings}\0\x40\x01\x06\0\0\0\0\0${"\0".repeat(16_385)}`),

  "h2 HTTP/1.1 instead of the preface": (kit) => raw(kit, "GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
};
