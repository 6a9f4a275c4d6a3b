/** Runs the suite on Deno. */
import { connect, listen, timer } from "@sluice/util/deno";
import { onEach } from "./accept.mjs";
import { runSuite } from "./suite.mjs";

const [certFile, keyFile, caFile] = Deno.args;
const cert = Deno.readTextFileSync(certFile);
const key = Deno.readTextFileSync(keyFile);
const ca = Deno.readTextFileSync(caFile);

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
await new Response(`${lines.join("\n")}\n`).body.pipeTo(Deno.stdout.writable);
