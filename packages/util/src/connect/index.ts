/** Connectors: small functions that make connections, one inside the other. */

export {
  Connected,
  type ConnectedOptions,
  type Connector,
  type ConnectTarget,
  type ConnectTimings,
} from "./connector.ts";
export { type DefaultConnectorOptions, defaultConnector } from "./default-connector.ts";
export { type CachingResolver, type CachingResolverOptions, cachingResolver } from "./dns/caching-resolver.ts";
export { type DnsResolverOptions, dnsResolver } from "./dns/dns-resolver.ts";
export type { ResolvedAddress, Resolver } from "./dns/resolver.ts";
export { type StaticAddress, type StaticAddresses, staticResolver } from "./dns/static-resolver.ts";
export { type LookupFunction, type SystemResolverOptions, systemResolver } from "./dns/system-resolver.ts";
export { type ForwardProxyOptions, forwardProxy } from "./proxy/forward-proxy.ts";
export { type ProxyConnectorOptions, proxyConnector } from "./proxy/proxy-connector.ts";
export type { Environment } from "./proxy/proxy-from-env.ts";
export type { ProxyTlsOptions } from "./proxy/proxy-hop.ts";
export {
  ProxyMatcher,
  type ProxyMatcherOptions,
  type ProxyRules,
  type ProxyTarget,
  proxyFromEnv,
} from "./proxy/proxy-matcher.ts";
export { parseProxy } from "./proxy/proxy-url.ts";
export { type ProxyAuth, type ProxyScheme, ProxyUse } from "./proxy/proxy-use.ts";
export { type SocksOptions, socks } from "./proxy/socks.ts";
export { type TunnelOptions, tunnel } from "./proxy/tunnel.ts";
export { httpConnector } from "./tcp/http-connector.ts";
export type { HttpConnectorOptions, LocalAddresses } from "./tcp/tcp-options.ts";
export { type UnixConnectorOptions, unixConnector } from "./tcp/unix-connector.ts";
export { type TimeoutConnectorOptions, timeoutConnector } from "./timeout-connector.ts";
export { httpsConnector } from "./tls/https-connector.ts";
export { type TlsDetails, tlsDetailsKey } from "./tls/tls-info.ts";
export type { HttpsConnectorOptions, TlsMaterial, TlsVersion } from "./tls/tls-options.ts";
export { loadRoots, type RootStore, type TrustedRoots } from "./tls/tls-roots.ts";
export { TlsSessionCache, type TlsSessionCacheOptions } from "./tls/tls-sessions.ts";
