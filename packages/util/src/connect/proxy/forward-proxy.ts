/**
 * Connections to an HTTP proxy that forwards requests: what is sent on them names the whole URI (RFC 9112 section 3.2.2).
 */
import type { HeaderInit } from "@sluice/body";
import { HttpError } from "@sluice/core";
import { knownOptions } from "../../options.ts";
import { quoted } from "../connect-errors.ts";
import type { Connector } from "../connector.ts";
import { concealedLines, proxyHeaders } from "./proxy-fields.ts";
import { hopTo, type ProxyTlsOptions } from "./proxy-hop.ts";
import { parseProxy } from "./proxy-url.ts";
import type { ProxyAuth, ProxyUse } from "./proxy-use.ts";

/** What `forwardProxy` may be told. */
export interface ForwardProxyOptions {
  /** The URL of the proxy: `http` or `https`, `http` if it has no scheme. */
  readonly proxy: string | URL | ProxyUse;
  /** How the proxy is reached. An `https` proxy gets TLS around it. Default: `httpConnector`. */
  readonly inner?: Connector | undefined;
  /** For TLS with an `https` proxy; others have no use for it. Default: the name of the proxy, and the usual roots. */
  readonly tls?: ProxyTlsOptions | undefined;
  /** For the proxy, by the Basic scheme (RFC 7617). Default: the credentials in the URL, if there are any. */
  readonly auth?: ProxyAuth | undefined;
  /** Further fields for the proxy, on each request. Default: none. */
  readonly headers?: HeaderInit | undefined;
}

const face = "forwardProxy";
const optionNames = ["proxy", "inner", "tls", "auth", "headers"];

/**
 * Makes a connector that gives connections to the proxy itself, whatever the target. `proxied` is true of them, and their
 * `proxyFields` (which print without values) belong on each request. Only for targets of `http`: with anything else the
 * proxy would read what is not meant for it.
 *
 * Rejects with kind `user`, code `PROXY_SCHEME` for a target of another scheme, and as `inner` does.
 *
 * @throws TypeError for options that make no sense; credentials are not shown.
 */
export function forwardProxy(options: ForwardProxyOptions): Connector {
  knownOptions(face, options, optionNames);
  const proxy = parseProxy(options.proxy, `${face}: proxy`, options.auth);
  if (!proxy.isHttp) throw new TypeError(`${face}: proxy must be one of http or https, but is one of ${proxy.scheme}`);
  const proxyFields = concealedLines(proxyHeaders(face, proxy, options.headers));
  const hop = hopTo(face, proxy, options.inner, options.tls);
  return async ({ scheme }, signal) => {
    if (scheme !== "http") {
      const message = `requests are forwarded by a proxy only if their scheme is http, got ${quoted(scheme)}`;
      throw new HttpError("user", "PROXY_SCHEME", message);
    }
    const connected = await hop(signal);
    return connected.over(connected.io, { proxied: true, proxyFields });
  };
}
