// A Sluice client by hand: a socket, a handshake, and requests on the one connection it makes.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { channel, collect, fromIterable, isData } from "@sluice/body";
import { HttpRequest, upgradeOn } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import * as http2 from "@sluice/core/http2";
import { nodeIo } from "@sluice/util/node";
import { certificate } from "./certificate.mjs";

const host = "127.0.0.1";

/** Lends `use` an HTTP/1.1 client on a connection of its own. */
export async function withHttp1(port, use) {
  return await lend(port, await http1.handshake(nodeIo(await connected(port))), use);
}

/** Lends `use` an HTTP/2 client that knows beforehand what the server speaks. */
export async function withH2c(port, use) {
  return await lend(port, await http2.handshake(nodeIo(await connected(port))), use);
}

/** Lends `use` a client over TLS, of the version that the server chooses from `protocols`. */
export async function withTls(port, protocols, use) {
  const socket = connectTls({ port, host, ca: certificate, ALPNProtocols: protocols });
  await once(socket, "secureConnect");
  const { handshake } = socket.alpnProtocol === "h2" ? http2 : http1;
  return await lend(port, await handshake(nodeIo(socket)), (client) => use(client, socket));
}

async function connected(port) {
  const socket = connect({ port, host });
  await once(socket, "connect");
  return socket;
}

async function lend(port, { sender, connection }, use) {
  try {
    return await use(clientOn(sender, connection, { host: `${host}:${port}` }));
  } finally {
    connection.gracefulShutdown();
    await connection.closed;
  }
}

function clientOn(sender, connection, authority) {
  return {
    connection,

    async get(path, headers) {
      const informational = [];
      const response = await sender.send(HttpRequest.get(path, { ...authority, ...headers }), {
        onInformational: (status) => informational.push(status),
      });
      const { status, version } = response;
      const body = collect(response.body);
      return { status, version, informational, text: await body.text(), trailers: await body.trailers() };
    },

    async head(path) {
      const response = await sender.send(HttpRequest.head(path, authority));
      const length = response.headers.get("content-length");
      return { status: response.status, length, text: await collect(response.body).text() };
    },

    /** Sends `content` in pieces while what comes back is read. */
    async echo(content) {
      function* pieces() {
        for (let at = 0; at < content.length; at += 65_536) yield content.subarray(at, at + 65_536);
      }
      const response = await sender.send(HttpRequest.post("/echo", fromIterable(pieces()), authority));
      const hash = createHash("sha256");
      let bytes = 0;
      for await (const frame of response.body) {
        if (!isData(frame)) continue;
        hash.update(frame);
        bytes += frame.length;
      }
      return { bytes, sha256: hash.digest("hex") };
    },

    /** Sends each of `words` when the one before has come back; returns what was said, in order. */
    async converse(words) {
      const { sender: mouth, body } = channel(1);
      const response = await sender.send(HttpRequest.post("/echo", body, authority));
      const said = [];
      for (const word of words) {
        said.push(`> ${word}`);
        await mouth.sendData(word);
        said.push(`< ${Buffer.from(await response.body.frame())}`);
      }
      mouth.close();
      if ((await response.body.frame()) !== null) throw new Error("there was more than was said");
      return said;
    },

    /** Leaves HTTP, sends `text`, and reads until the end. */
    async upgrade(path, text) {
      const response = await sender.send(HttpRequest.get(path, { ...authority, upgrade: "echo" }));
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
