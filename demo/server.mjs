// The servers of the demo: one port in the clear and one over TLS, both for either version of HTTP, and an orderly end.

import { listen } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";
import { certificate, key } from "./certificate.mjs";
import { service } from "./service.mjs";

const host = "127.0.0.1";

/** Listens on this machine only. A port of 0 is any free one. */
export async function startServers(ports) {
  const clear = await start("http", { port: ports.clear });
  const tls = await start("https", { port: ports.tls, tls: { cert: certificate, key } });
  return {
    clear,
    tls,
    /** Takes no more connections, lets those that are busy finish, and says how it went. */
    async stop() {
      const outcomes = await Promise.all([clear, tls].map(({ serving }) => serving.shutdown({ deadlineMs: 5_000 })));
      const [clean, aborted] = ["clean", "aborted"].map((how) => outcomes.reduce((sum, one) => sum + one[how], 0));
      return `${clean} connections that were still open ended in order, ${aborted} had to be aborted`;
    },
  };
}

async function start(scheme, options) {
  const listener = listen({ host, ...options });
  const { port } = await listener.ready;
  // How a single connection ended is its client's affair here.
  const serving = serveAll(listener, service, { onError: () => {} });
  return { port, origin: `${scheme}://${host}:${port}`, serving };
}
