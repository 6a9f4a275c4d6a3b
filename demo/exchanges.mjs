// What the demo shows: exchanges by version, each with what it should come to.

import { http1Exchanges } from "./http1-exchanges.mjs";
import { clearExchanges, tlsExchanges } from "./http2-exchanges.mjs";
import { poolExchanges } from "./pool-exchanges.mjs";

/** The tables, in order; one row for each exchange. */
export function tables({ clear, tls }) {
  return [
    { title: `HTTP/1.1 on ${clear.origin}`, rows: http1Exchanges(clear) },
    { title: `HTTP/2 with prior knowledge on ${clear.origin}`, rows: clearExchanges(clear) },
    { title: `HTTP/2 chosen by ALPN, or HTTP/1.1, on ${tls.origin}`, rows: tlsExchanges(tls) },
    { title: "The pooled client, on both", rows: poolExchanges(clear, tls) },
  ];
}
