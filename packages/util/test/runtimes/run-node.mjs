/** Runs the suite on Node. */
import { readFileSync } from "node:fs";
import { connect as open } from "node:net";
import process from "node:process";
import { connect as openTls } from "node:tls";
import { HttpError } from "@sluice/core";
import { listen, nodeIo, nodeTimer } from "@sluice/util/node";
import { onEach } from "./accept.mjs";
import { runSuite } from "./suite.mjs";

const [cert, key, ca] = process.argv.slice(2).map((file) => readFileSync(file, "utf8"));
const host = "127.0.0.1";

/** The `Io` of a socket, once `event` says that it is there. */
function connected(socket, event) {
  return new Promise((resolve, reject) => {
    const onError = (cause) => reject(new HttpError("io", cause.code, "no connection", { cause }));
    socket.once("error", onError);
    socket.once(event, () => {
      socket.off("error", onError);
      resolve(nodeIo(socket));
    });
  });
}

async function accepting(options, serve) {
  const listener = listen({ port: 0, host, ...options });
  const { port } = await listener.ready;
  return onEach(listener, port, serve);
}

const lines = await runSuite({
  timer: nodeTimer,
  listen: (serve) => accepting({}, serve),
  connect: (port) => connected(open({ port, host, allowHalfOpen: true, noDelay: true }), "connect"),
  tls: {
    listen: (serve) => accepting({ tls: { cert, key } }, serve),
    connect: (port, trusting) => {
      const trust = trusting ? { ca } : {};
      const alpn = { ALPNProtocols: ["h2", "http/1.1"] };
      return connected(openTls({ port, host, servername: "localhost", ...alpn, ...trust }), "secureConnect");
    },
  },
});
process.stdout.write(`${lines.join("\n")}\n`);
