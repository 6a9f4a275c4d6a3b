/**
 * What a client connects with unless it is told otherwise: TCP with happy eyeballs and a cache of names, through the proxies that
 * the environment names, TLS for `https`.
 */
import type { Connector } from "./connector.ts";
import { proxyConnector } from "./proxy/proxy-connector.ts";
import { ProxyMatcher, type ProxyRules, proxyFromEnv } from "./proxy/proxy-matcher.ts";
import { httpConnector } from "./tcp/http-connector.ts";
import type { HttpConnectorOptions } from "./tcp/tcp-options.ts";
import { httpsConnector } from "./tls/https-connector.ts";
import type { HttpsConnectorOptions } from "./tls/tls-options.ts";

/** The parts of `defaultConnector`. */
export interface DefaultConnectorOptions {
  /** Options of `httpConnector`. */
  readonly tcp?: Omit<HttpConnectorOptions, "enforceHttp"> | undefined;
  /** Options of `httpsConnector`. */
  readonly tls?: Omit<HttpsConnectorOptions, "inner"> | undefined;
  /**
   * Which proxies to use: those of the environment (`env`), none (`false`), this one for all targets (a URL), or what the rules say.
   * Default `env`.
   */
  readonly proxy?: "env" | false | string | ProxyRules | undefined;
}

/** @throws TypeError or RangeError for options that make no sense. */
export function defaultConnector(options: DefaultConnectorOptions = {}): Connector {
  const { tcp, tls, proxy = "env" } = options;
  const direct = httpConnector({ ...tcp, enforceHttp: false });
  const inner = proxy === false ? direct : proxyConnector({ matcher: rulesOf(proxy), inner: direct });
  return httpsConnector({ ...tls, inner });
}

function rulesOf(proxy: string | ProxyRules): ProxyRules {
  if (typeof proxy !== "string") return proxy;
  return proxy === "env" ? proxyFromEnv() : new ProxyMatcher({ all: proxy });
}
