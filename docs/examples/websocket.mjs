// WebSocket over HTTP/1.1 (RFC 6455) and over HTTP/2 (RFC 8441), on one port. Both lead to a transport that is no longer
// HTTP's; the frames on it are the business of the package `ws`, of which only receiver and sender are needed.
//
//   node docs/examples/websocket.mjs --port 3000 --origin https://example.org
//   new WebSocket("ws://127.0.0.1:3000/echo")

import { createHash } from "node:crypto";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { HttpResponse, serviceFn, upgradeOn } from "@sluice/core";
import { protocolKey } from "@sluice/core/http2";
import { listen, nodeStream } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";
import { Receiver, Sender } from "ws";

const text = { type: "string" };
const { values } = parseArgs({
  options: { port: { ...text, default: "3000" }, origin: { ...text, multiple: true, default: [] } },
});
const open = new Set();

const service = serviceFn((request) => {
  const { method, headers, extensionsIfAny } = request;
  const overHttp2 = method === "CONNECT" && extensionsIfAny?.get(protocolKey) === "websocket";
  const overHttp1 = method === "GET" && headers.getJoined("upgrade")?.toLowerCase() === "websocket";
  if (!overHttp2 && !overHttp1) return new HttpResponse(426, { upgrade: "websocket", connection: "upgrade" });
  if (headers.get("sec-websocket-version") !== "13") return new HttpResponse(400, { "sec-websocket-version": "13" });
  // Any page may ask in the name of its visitor: those that may are named. Programs send no origin.
  const origin = headers.get("origin");
  if (origin !== undefined && !values.origin.includes(origin)) return new HttpResponse(403);
  const key = headers.get("sec-websocket-key") ?? "";
  if (overHttp1 && !/^[A-Za-z0-9+/]{22}==$/.test(key)) return new HttpResponse(400);

  upgradeOn(request)
    .then((io) => echo(nodeStream(io)))
    .catch((error) => console.log(`lost: ${error.code}`));
  // RFC 8441 5: in HTTP/2 there is no key, and a status as of any CONNECT.
  if (overHttp2) return new HttpResponse(200);
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  return new HttpResponse(101, { upgrade: "websocket", "sec-websocket-accept": accept });
});

async function echo(stream) {
  open.add(stream);
  const receiver = new Receiver({ isServer: true, maxPayload: 1 << 20 });
  const sender = new Sender(stream);
  const plain = { fin: true, mask: false, compress: false };
  receiver.on("message", (data, binary) => sender.send(data, { ...plain, binary }));
  receiver.on("ping", (data) => sender.pong(data, false));
  // 1005 stands for none.
  receiver.on("conclude", (code) => leave(stream, code === 1005 ? undefined : code));
  receiver.on("error", (error) => leave(stream, closeCodes[error.code] ?? 1002));
  try {
    for await (const chunk of stream) {
      if (receiver.destroyed || receiver.writableFinished) continue;
      // No further chunk before this one has been dealt with, and what it was answered has room.
      // If it broke a rule, it has been told so.
      if (!receiver.write(chunk)) await once(receiver, "drain").catch(() => {});
      if (stream.writableNeedDrain) await once(stream, "drain");
    }
  } finally {
    open.delete(stream);
  }
}

/** Says why, and gives the client a moment to do the same. */
function leave(stream, code) {
  new Sender(stream).close(code, "", false, () => stream.end());
  setTimeout(() => stream.destroy(), 2_000).unref();
}

/** RFC 6455 7.4.1; all else is 1002, an error of the protocol. */
const closeCodes = { WS_ERR_INVALID_UTF8: 1007, WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 1009 };

const listener = listen({ host: "127.0.0.1", port: Number(values.port) });
const server = serveAll(listener, service, { http2: { enableConnectProtocol: true } });
for (const name of ["SIGINT", "SIGTERM"]) {
  process.on(name, () => {
    // They have left the server, so it does not end them.
    for (const stream of open) leave(stream, 1001);
    server.shutdown();
  });
}
const { port } = await listener.ready;
console.log(`listening on ${port}`);
await server.done;
