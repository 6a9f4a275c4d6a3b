/**
 * Reaches each target the way its proxy asks for.
 */
import { knownOptions, limitOption, objectOption } from "../../options.ts";
import type { Connector, ConnectTarget } from "../connector.ts";
import type { Resolver } from "../dns/resolver.ts";
import { systemResolver } from "../dns/system-resolver.ts";
import { forwardProxy } from "./forward-proxy.ts";
import { checkProxyTls, defaultInner, type ProxyTlsOptions } from "./proxy-hop.ts";
import type { ProxyRules } from "./proxy-matcher.ts";
import type { ProxyUse } from "./proxy-use.ts";
import { socks } from "./socks.ts";
import { tunnel } from "./tunnel.ts";

/** What `proxyConnector` may be told. */
export interface ProxyConnectorOptions {
  /** Chooses the proxy: a `ProxyMatcher`, or whatever has its method `intercept`. */
  readonly matcher: ProxyRules;
  /** How targets without a proxy, and proxies, are reached. Default: `httpConnector`. */
  readonly inner?: Connector | undefined;
  /** For TLS with `https` proxies. Default: the name of the proxy, and the usual roots. */
  readonly tls?: ProxyTlsOptions | undefined;
  /** Resolves names for `socks4` and `socks5`. Default: `systemResolver()`. */
  readonly resolver?: Resolver | undefined;
  /** Longest wait for the answers of a proxy, in milliseconds; 0 for no limit. Default 10,000. */
  readonly timeoutMs?: number | undefined;
}

const face = "proxyConnector";
const optionNames = ["matcher", "inner", "tls", "resolver", "timeoutMs"];
const defaultTimeoutMs = 10_000;
/** Proxies whose connectors are kept; they hold no connections, so forgetting one costs nothing but making it again. */
const maxProxies = 64;

/**
 * Makes a connector to stand below one for TLS: without a proxy it is `inner`; through a SOCKS proxy it goes as `socks` does;
 * through an HTTP proxy as `forwardProxy` for targets of `http`, and as `tunnel` for all others. A redirect, or whatever else
 * changes the target, asks anew.
 *
 * @throws TypeError or RangeError for options that make no sense.
 */
export function proxyConnector(options: ProxyConnectorOptions): Connector {
  knownOptions(face, options, optionNames);
  const { inner = defaultInner(), tls } = options;
  const matcher = objectOption<ProxyRules>(face, "matcher", options.matcher, "intercept", missingMatcher);
  const resolver = objectOption(face, "resolver", options.resolver, "resolve", systemResolver);
  const timeoutMs = limitOption(face, "timeoutMs", options.timeoutMs, defaultTimeoutMs);
  checkProxyTls(face, tls);
  const throughProxies = new Map<string, Connector>();

  const make = (proxy: ProxyUse): Connector => {
    if (!proxy.isHttp) return socks({ proxy, inner, resolver, timeoutMs });
    const forward = forwardProxy({ proxy, inner, tls });
    const through = tunnel({ proxy, inner, tls, timeoutMs });
    return (target, signal) => (target.scheme === "http" ? forward(target, signal) : through(target, signal));
  };
  const connectorFor = (proxy: ProxyUse): Connector => {
    const key = keyOf(proxy);
    const connector = throughProxies.get(key) ?? make(proxy);
    // Back in at the end: the first one is the one that was not used for longest.
    throughProxies.delete(key);
    throughProxies.set(key, connector);
    if (throughProxies.size > maxProxies) {
      for (const oldest of throughProxies.keys()) {
        throughProxies.delete(oldest);
        break;
      }
    }
    return connector;
  };

  return async (target: ConnectTarget, signal) => {
    const proxy = matcher.intercept(target);
    return proxy === undefined ? inner(target, signal) : connectorFor(proxy)(target, signal);
  };
}

/** Proxies that differ in nothing but their credentials are two. */
function keyOf({ scheme, host, port, auth }: ProxyUse): string {
  return JSON.stringify([scheme, host, port, auth?.username, auth?.password]);
}

function missingMatcher(): never {
  throw new TypeError(`${face}: matcher is missing`);
}
