// What the pooled client gets: it makes the connections, chooses the version, and keeps what can be used again.

import { collect, full } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import { Client } from "@sluice/util/client";
import { certificate } from "./certificate.mjs";
import { content, echoed, greeting } from "./outcome.mjs";
import { checksum } from "./payload.mjs";

/** In the clear, and over TLS. */
export function poolExchanges(clear, tls) {
  return [
    row("GET, 3 in a row", {}, async (client, made) => {
      for (let i = 0; i < 3; i++) await greet(client, clear.origin);
      return { result: `3 times the greeting, ${made()} connection`, ok: made() === 1 };
    }),
    row("10 at once over HTTP/1.1", {}, async (client, made) => {
      await Promise.all(Array.from({ length: 10 }, () => greet(client, clear.origin)));
      return { result: `10 times the greeting, ${made()} connections`, ok: made() === 10 };
    }),
    row("100 at once over TLS, cold", trusting, async (client, made) => {
      await Promise.all(Array.from({ length: 100 }, () => greet(client, tls.origin)));
      const { http2 } = client.stats.get(tls.origin);
      return { result: `100 times the greeting, ${http2} of HTTP/2`, ok: made() === 1 && http2 === 1 };
    }),
    row("POST 8 MiB over TLS, streamed both ways", trusting, async (client) => {
      const { body } = await client.request(HttpRequest.post(`${tls.origin}/echo`, full(content)));
      const bytes = await collect(body).bytes();
      return echoed(bytes.length, checksum(bytes));
    }),
    row("a certificate of an unknown authority", {}, async (client) => {
      const code = await client.get(tls.origin).then(
        () => "accepted",
        (error) => error.code,
      );
      return { result: `refused: ${code}`, ok: code === "TLS_SELF_SIGNED" || code === "TLS_UNKNOWN_CA" };
    }),
    row("in the clear to the port for TLS", {}, async (client) => {
      const response = await client.get(tls.origin.replace("https:", "http:"));
      const text = await collect(response.body).text();
      return { result: `${response.status}, a sentence`, bytes: text.length, ok: response.status === 400 };
    }),
  ];
}

const trusting = { tls: { ca: certificate } };

function row(what, options, exchange) {
  return {
    who: "Sluice Client",
    what,
    exchange: async () => {
      let connections = 0;
      const observer = { connectSucceeded: () => connections++ };
      const client = new Client({ ...options, proxy: false, observer });
      try {
        return await exchange(client, () => connections);
      } finally {
        await client.close();
      }
    },
  };
}

async function greet(client, origin) {
  const response = await client.get(`${origin}/`);
  const text = await collect(response.body).text();
  if (response.status !== 200 || text !== greeting) throw new Error(`${response.status} ${text}`);
}
