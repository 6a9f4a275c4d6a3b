/**
 * TLS with ALPN, where the runtime lets a program listen so: `runtime.tls` has `listen(onConnection)` and
 * `connect(port, trusting)`, which offers `h2` and `http/1.1` and trusts the fixtures' authority if `trusting`.
 */
import { collect, full } from "@sluice/body";
import { HttpResponse } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import * as http2 from "@sluice/core/http2";
import { answer, checksum, get, mebibyte, octets, post, readAll, refusal, service, shutdown, text } from "./kit.mjs";

async function servingTls(kit, serve, use) {
  const server = await kit.runtime.tls.listen(serve);
  try {
    return await use((trusting = true) => kit.runtime.tls.connect(server.port, trusting));
  } finally {
    await server.close();
  }
}

export const tlsCases = {
  "tls both sides know the protocol of ALPN": (kit) =>
    servingTls(
      kit,
      (io) =>
        void http2.serve(
          io,
          service(() => answer(`${io.info.secure} ${io.info.alpnProtocol}`)),
        ),
      async (connect) => {
        const io = await connect();
        const { sender, connection } = await http2.handshake(io);
        const body = await text(await sender.send(get("/")));
        connection.abort();
        return [io.info.secure, io.info.alpnProtocol, body];
      },
    ),

  "tls h2 1 MiB both ways": (kit) =>
    servingTls(
      kit,
      (io) =>
        void http2.serve(
          io,
          service((request) => new HttpResponse(200, undefined, request.body)),
        ),
      async (connect) => {
        const { sender, connection } = await http2.handshake(await connect());
        const sent = octets(mebibyte, 4);
        const received = await collect((await sender.send(post("/", full(sent)))).body).bytes();
        connection.abort();
        return [received.length, checksum(received) === checksum(sent)];
      },
    ),

  "tls h1 1 MiB, and a clean end": (kit) =>
    servingTls(
      kit,
      (io) =>
        void http1.serve(
          io,
          service(() => new HttpResponse(200, { connection: "close" }, full(octets(mebibyte)))),
        ),
      async (connect) => {
        const { sender, connection } = await http1.handshake(await connect());
        const received = await collect((await sender.send(get("/"))).body).bytes();
        const end = await connection.closed.then(
          () => "closed",
          (error) => error.kind,
        );
        return [received.length, end];
      },
    ),

  "tls the end of one side leaves the other": (kit) => {
    const seen = [];
    return servingTls(
      kit,
      (io) =>
        void readAll(io).then((all) => {
          seen.push(all);
          io.write([Uint8Array.from([98, 121, 101])]);
          io.shutdown(() => io.abort());
        }),
      async (connect) => {
        const io = await connect();
        io.write([Uint8Array.from([104, 105])]);
        const ended = await shutdown(io);
        const rest = await readAll(io);
        io.abort();
        return [ended, rest, ...seen];
      },
    );
  },

  "tls a server that is not trusted is refused": (kit) =>
    servingTls(
      kit,
      (io) => io.abort(),
      async (connect) => (await refusal(connect(false))).split(" ")[0],
    ),
};
