/** Connectors: small functions that make connections, one inside the other. */
export { type CachingResolver, type CachingResolverOptions, cachingResolver } from "./caching-resolver.ts";
export {
  Connected,
  type ConnectedOptions,
  type Connector,
  type ConnectTarget,
  type ConnectTimings,
} from "./connector.ts";
export { type DefaultConnectorOptions, defaultConnector } from "./default-connector.ts";
export { type DnsResolverOptions, dnsResolver } from "./dns-resolver.ts";
export { type ForwardProxyOptions, forwardProxy } from "./forward-proxy.ts";
export { httpConnector } from "./http-connector.ts";
export { httpsConnector } from "./https-connector.ts";
export { type ProxyConnectorOptions, proxyConnector } from "./proxy-connector.ts";
export type { Environment } from "./proxy-from-env.ts";
export type { ProxyTlsOptions } from "./proxy-hop.ts";
export {
  ProxyMatcher,
  type ProxyMatcherOptions,
  type ProxyRules,
  type ProxyTarget,
  proxyFromEnv,
} from "./proxy-matcher.ts";
export { parseProxy } from "./proxy-url.ts";
export { type ProxyAuth, type ProxyScheme, ProxyUse } from "./proxy-use.ts";
export type { ResolvedAddress, Resolver } from "./resolver.ts";
export { type SocksOptions, socks } from "./socks.ts";
export { type StaticAddress, type StaticAddresses, staticResolver } from "./static-resolver.ts";
export { type LookupFunction, type SystemResolverOptions, systemResolver } from "./system-resolver.ts";
export type { HttpConnectorOptions, LocalAddresses } from "./tcp-options.ts";
export { type TimeoutConnectorOptions, timeoutConnector } from "./timeout-connector.ts";
export { type TlsDetails, tlsDetailsKey } from "./tls-info.ts";
export type { HttpsConnectorOptions, TlsMaterial, TlsVersion } from "./tls-options.ts";
export { loadRoots, type RootStore, type TrustedRoots } from "./tls-roots.ts";
export { TlsSessionCache, type TlsSessionCacheOptions } from "./tls-sessions.ts";
export { type TunnelOptions, tunnel } from "./tunnel.ts";
export { type UnixConnectorOptions, unixConnector } from "./unix-connector.ts";
