/**
 * Runs the suite on workerd: a request over HTTP starts it and is answered with its lines, and the connections that it makes
 * come in by the `connect` handler of the same Worker. There is one port; a case that listens takes it over.
 */
import { connect as open } from "cloudflare:sockets";
import { connect, createTimer, inbound } from "@sluice/util/workers";
import { runSuite } from "./suite.mjs";

let serving;

export default {
  connect: inbound((io) => (serving === undefined ? io.abort() : serving(io))),

  async fetch(request) {
    const tcpPort = Number(new URL(request.url).searchParams.get("port"));
    const lines = await runSuite({
      timer: createTimer(),
      async listen(serve) {
        serving = serve;
        return {
          port: tcpPort,
          async close() {
            serving = undefined;
          },
        };
      },
      connect: (port) => connect(open, { port, host: "127.0.0.1" }),
    });
    return new Response(`${lines.join("\n")}\n`);
  },
};
