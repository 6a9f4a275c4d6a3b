// A Sluice client by hand: a socket, a handshake, and requests on the one connection it makes.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { collect, fromIterable, isData } from "@sluice/body";
import { HttpRequest, upgradeOn } from "@sluice/core";
import { handshake } from "@sluice/core/http1";
import { nodeIo } from "@sluice/util/node";

/** Lends `use` a client on a connection of its own. */
export async function withClient(port, use) {
  const socket = connect({ port, host: "127.0.0.1" });
  await once(socket, "connect");
  const { sender, connection } = await handshake(nodeIo(socket));
  try {
    return await use(clientOn(sender, { host: `127.0.0.1:${port}` }));
  } finally {
    connection.gracefulShutdown();
    await connection.closed;
  }
}

function clientOn(sender, host) {
  return {
    async get(path, headers) {
      const informational = [];
      const response = await sender.send(HttpRequest.get(path, { ...host, ...headers }), {
        onInformational: (status) => informational.push(status),
      });
      const body = collect(response.body);
      return { status: response.status, informational, text: await body.text(), trailers: await body.trailers() };
    },

    async head(path) {
      const response = await sender.send(HttpRequest.head(path, host));
      const length = response.headers.get("content-length");
      return { status: response.status, length, text: await collect(response.body).text() };
    },

    /** Sends `content` in pieces while what comes back is read. */
    async echo(content) {
      function* pieces() {
        for (let at = 0; at < content.length; at += 65_536) yield content.subarray(at, at + 65_536);
      }
      const response = await sender.send(HttpRequest.post("/echo", fromIterable(pieces()), host));
      const hash = createHash("sha256");
      let bytes = 0;
      for await (const frame of response.body) {
        if (!isData(frame)) continue;
        hash.update(frame);
        bytes += frame.length;
      }
      return { bytes, sha256: hash.digest("hex") };
    },

    /** Leaves HTTP, sends `text`, and reads until the end. */
    async upgrade(path, text) {
      const response = await sender.send(HttpRequest.get(path, { ...host, upgrade: "echo" }));
      const io = await upgradeOn(response);
      io.write([Buffer.from(text)]);
      io.shutdown(() => {});
      let received = "";
      for (let chunk = await read(io); chunk !== null; chunk = await read(io)) received += Buffer.from(chunk);
      return { status: response.status, text: received };
    },
  };
}

function read(io) {
  return new Promise((resolve, reject) => {
    io.read((chunk, error) => (error === undefined ? resolve(chunk) : reject(error)));
  });
}
