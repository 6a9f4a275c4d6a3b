/**
 * The first hop: the connection to an HTTP proxy itself.
 */
import { connectError } from "../connect-errors.ts";
import type { Connected, Connector } from "../connector.ts";
import { httpConnector } from "../tcp/http-connector.ts";
import { httpsConnector } from "../tls/https-connector.ts";
import type { HttpsConnectorOptions } from "../tls/tls-options.ts";
import type { ProxyUse } from "./proxy-use.ts";

/** What TLS with an `https` proxy may be told. */
export type ProxyTlsOptions = Omit<HttpsConnectorOptions, "inner" | "alpn" | "httpsOnly">;

/** What `hopTo` says itself. */
const reserved: readonly string[] = ["inner", "alpn", "httpsOnly"];

/** Connects to one proxy. Rejects as connectors do. */
export type ProxyHop = (signal: AbortSignal | undefined) => Promise<Connected>;

/** What `inner` is where nobody says. */
export function defaultInner(): Connector {
  return httpConnector({ enforceHttp: false });
}

/** @throws TypeError or RangeError for options that no `https` proxy could be reached with. */
export function checkProxyTls(face: string, tls: ProxyTlsOptions | undefined): void {
  if (tls === undefined) return;
  if (typeof tls !== "object" || tls === null)
    throw new TypeError(`${face}: tls must be an object, got ${String(tls)}`);
  for (const name of reserved) if (Object.hasOwn(tls, name)) throw new TypeError(`${face}: tls must not have ${name}`);
  httpsConnector({ ...tls, alpn: [] });
}

/**
 * Connects to `proxy` by `inner`; with TLS around that if it is one of `https`. ALPN is not offered: what is spoken with a
 * proxy is HTTP/1.1, and what is spoken through it is not the proxy's affair.
 */
export function hopTo(
  face: string,
  proxy: ProxyUse,
  inner: Connector = defaultInner(),
  tls?: ProxyTlsOptions,
): ProxyHop {
  checkProxyTls(face, tls);
  const { scheme, host, port } = proxy;
  const connector = scheme === "https" ? httpsConnector({ ...tls, inner, alpn: [] }) : inner;
  const target = { scheme: scheme === "https" ? "https" : "http", host, port };
  return async (signal) => {
    try {
      return await connector(target, signal);
    } catch (cause) {
      throw connectError(cause, `connecting to the proxy ${proxy}`);
    }
  };
}
