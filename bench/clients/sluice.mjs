// Sluice's connections by hand: `handshake` on sockets of Node.

import { once } from "node:events";
import { connect } from "node:net";
import { full } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import * as http2 from "@sluice/core/http2";
import { nodeIo } from "@sluice/util/node";
import { lengthOf } from "./sluice-body.mjs";

export async function open({ origin, port, protocol, connections, upload }) {
  const isHttp2 = protocol === "h2c";
  const connection = async () => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    return (await (isHttp2 ? http2 : http1).handshake(nodeIo(socket))).sender;
  };
  const senders = await Promise.all(Array.from({ length: isHttp2 ? 1 : connections }, connection));
  const headers = isHttp2 ? {} : { host: `127.0.0.1:${port}`, accept: "*/*" };
  const target = isHttp2 ? `${origin}/` : "/";
  return async (number) => {
    const sender = senders[number % senders.length];
    if (!sender.isReady) await sender.ready();
    const request =
      upload === undefined ? HttpRequest.get(target, headers) : HttpRequest.post(target, full(upload), headers);
    return lengthOf((await sender.send(request)).body);
  };
}
