// What the demo shows: exchanges by version, each with what it should come to.

import { http1Exchanges } from "./http1-exchanges.mjs";
import { clearExchanges, tlsExchanges } from "./http2-exchanges.mjs";

/** The tables, in order; one row for each exchange. */
export function tables({ http1, h2c, tls }) {
  return [
    { title: `HTTP/1.1 on ${http1.origin}`, rows: http1Exchanges(http1) },
    { title: `HTTP/2 with prior knowledge on ${h2c.origin}`, rows: clearExchanges(h2c) },
    { title: `HTTP/2 chosen by ALPN, or HTTP/1.1, on ${tls.origin}`, rows: tlsExchanges(tls) },
  ];
}
