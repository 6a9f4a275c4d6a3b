// A streaming reverse proxy from the command line:
//
//   node docs/examples/reverse-proxy/main.mjs --listen 8080 --upstream http://127.0.0.1:9000
//   node docs/examples/reverse-proxy/main.mjs --listen [::]:8443 --cert cert.pem --key key.pem --config routes.json

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { httpsConnector } from "@sluice/util/connect";
import { listen } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";
import { reverseProxy } from "./proxy.mjs";

const text = { type: "string" };
const { values } = parseArgs({
  options: {
    // Where to listen, and the certificate that makes it TLS.
    ...{ listen: { ...text, default: "127.0.0.1:8080" }, cert: text, key: text },
    // One upstream for everything; or the options of `reverseProxy` as JSON.
    ...{ upstream: text, config: text },
    // What is to be said of the one upstream, as `upstreamOf` has it.
    ...{ "connect-to": text, servername: text, authority: text, "keep-host": { type: "boolean" }, version: text },
    // The certificates to trust for upstreams.
    "upstream-ca": text,
    // Options of `reverseProxy`.
    ...{ forwarded: text, via: text, tunnel: { ...text, multiple: true } },
  },
});

const [, host, port] = /^(?:(.*):)?([0-9]+)$/.exec(values.listen) ?? [];
if (port === undefined) throw new TypeError(`--listen: must be a port, or host:port, got ${values.listen}`);

const proxy = reverseProxy({
  ...(values.config && JSON.parse(readFileSync(values.config, "utf8"))),
  ...(values.upstream && { routes: [{ upstream: oneUpstream(values) }] }),
  ...given({ forwarded: values.forwarded, via: values.via, tunnels: values.tunnel }),
  connector: httpsConnector(given({ ca: values["upstream-ca"] && readFileSync(values["upstream-ca"]) })),
  log: console.error,
});
const tls = values.cert && { cert: readFileSync(values.cert), key: readFileSync(values.key ?? values.cert) };
const listener = listen(given({ port: Number(port), host: host?.replace(/^\[(.*)\]$/, "$1"), tls }));
const server = serveAll(listener, proxy.serve, {
  // Extended CONNECT is what WebSocket over HTTP/2 needs.
  http2: { enableConnectProtocol: true },
  // What is under way may end; a second signal ends it.
  signals: ["SIGTERM", "SIGINT"],
});
const address = await listener.ready;
console.log(`listening on ${address.port}`);
await server.done;
await proxy.close();

function oneUpstream({ upstream, "connect-to": connectTo, servername, authority, "keep-host": keepHost, version }) {
  return given({ url: upstream, connectTo, servername, authority, keepHost, version });
}

/** Without what was not said. */
function given(options) {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
