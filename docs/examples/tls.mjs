// TLS as one runs it: both versions of HTTP by ALPN, TLS 1.2 at least, HSTS, certificates renewed without a restart
// (SIGHUP reads the files again), client certificates if asked for, and an end in order.
//
//   node docs/examples/tls.mjs --port 3443 --cert cert.pem --key key.pem [--client-ca ca.pem]
//   kill -HUP <process>

import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { full } from "@sluice/body";
import { HttpResponse, serviceFn } from "@sluice/core";
import { compose } from "@sluice/util/middleware";
import { listen } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";

const text = { type: "string" };
const { values } = parseArgs({
  options: { port: { ...text, default: "3443" }, cert: text, key: text, "client-ca": text },
});

/** Everything that a handshake goes by, as the files say now. */
function secureContext() {
  const clientCa = values["client-ca"];
  return {
    cert: readFileSync(values.cert),
    key: readFileSync(values.key),
    minVersion: "TLSv1.2",
    // Without these the client chooses by preferences of its own only; HTTP/1.0 is left out on purpose.
    alpn: ["h2", "http/1.1"],
    // Who has no certificate of this authority does not get through the handshake.
    ...(clientCa !== undefined && { ca: readFileSync(clientCa), requestCert: true, rejectUnauthorized: true }),
  };
}

/** RFC 6797: for two years, whoever has been here comes by TLS only. */
const strictTransport = (inner) => ({
  async call(request) {
    const response = await inner.call(request);
    response.headers.insert("strict-transport-security", "max-age=63072000; includeSubDomains");
    return response;
  },
});

/** One service for each connection, since each has a client of its own. */
const serviceOf = ({ info }) => {
  const shown = info.peerCertificate && new X509Certificate(info.peerCertificate).subject.replaceAll("\n", ", ");
  const answer = `${info.alpnProtocol ?? "no ALPN"} over ${info.tlsVersion} for ${shown ?? "anybody"}\n`;
  return compose(strictTransport)(serviceFn(() => new HttpResponse(200, {}, full(answer))));
};

const listener = listen({
  host: "127.0.0.1",
  port: Number(values.port),
  tls: secureContext(),
  onHandshakeError: ({ kind, code }) => console.log(`handshake failed: ${kind} ${code}`),
});

process.on("SIGHUP", () => {
  try {
    // For handshakes from now on. Connections that exist go on as they are.
    listener.setSecureContext(secureContext());
    console.log("certificates renewed");
  } catch (error) {
    // Half of a renewal, perhaps: what was good until now is still there.
    console.log(`certificates kept: ${error.message}`);
  }
});

const server = serveAll(listener, serviceOf, { signals: ["SIGINT", "SIGTERM"] });
const { port } = await listener.ready;
console.log(`listening on ${port}`);
await server.done;
