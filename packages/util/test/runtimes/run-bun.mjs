/** Runs the suite on Bun. */
import { readFileSync } from "node:fs";
import process from "node:process";
import { connect, listen, timer } from "@sluice/util/bun";
import { onEach } from "./accept.mjs";
import { runSuite } from "./suite.mjs";

const [certFile, keyFile, caFile] = process.argv.slice(2);
const cert = readFileSync(certFile, "utf8");
const key = readFileSync(keyFile, "utf8");
const ca = readFileSync(caFile, "utf8");

const lines = await runSuite({
  timer,
  async listen(serve) {
    const listener = listen({ port: 0, host: "127.0.0.1" });
    return onEach(listener, listener.address.port, serve);
  },
  connect: (port) => connect({ port, host: "127.0.0.1" }),
  tls: {
    async listen(serve) {
      const listener = listen({ port: 0, host: "127.0.0.1", tls: { cert, key } });
      return onEach(listener, listener.address.port, serve);
    },
    connect: (port, trusting) =>
      connect({ port, host: "127.0.0.1", tls: { serverName: "localhost", ...(trusting ? { ca } : {}) } }),
  },
});
process.stdout.write(`${lines.join("\n")}\n`);
