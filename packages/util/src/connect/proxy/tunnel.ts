/**
 * Connections through an HTTP proxy that knows nothing of what they carry: CONNECT (RFC 9110 section 9.3.6).
 *
 * Head and answer are the HTTP/1 client's own, so an answer may come in any pieces, and what the server behind the proxy
 * says right behind it is the first thing to be read from the tunnel.
 */
import type { HeaderInit, HeaderMap } from "@sluice/body";
import { HttpError, HttpRequest, type Io, upgradeOn } from "@sluice/core";
import { handshake } from "@sluice/core/http1";
import { nodeTimer } from "../../node/timer.ts";
import { knownOptions, limitOption, wholeOption } from "../../options.ts";
import { authorityOf } from "../authority.ts";
import { connectError } from "../connect-errors.ts";
import type { Connector } from "../connector.ts";
import { proxyHeaders } from "./proxy-fields.ts";
import { hopTo, type ProxyTlsOptions } from "./proxy-hop.ts";
import { withinLimits } from "./proxy-limits.ts";
import { checkProxyTarget } from "./proxy-target.ts";
import { parseProxy } from "./proxy-url.ts";
import type { ProxyAuth, ProxyUse } from "./proxy-use.ts";

/** What `tunnel` may be told. */
export interface TunnelOptions {
  /** The URL of the proxy: `http` or `https`, `http` if it has no scheme. */
  readonly proxy: string | URL | ProxyUse;
  /** How the proxy is reached. An `https` proxy gets TLS around it. Default: `httpConnector`. */
  readonly inner?: Connector | undefined;
  /** For TLS with an `https` proxy; others have no use for it. Default: the name of the proxy, and the usual roots. */
  readonly tls?: ProxyTlsOptions | undefined;
  /** For the proxy, by the Basic scheme (RFC 7617). Default: the credentials in the URL, if there are any. */
  readonly auth?: ProxyAuth | undefined;
  /** Further fields of the CONNECT request. Default: none. */
  readonly headers?: HeaderInit | undefined;
  /** Longest wait for the answer of the proxy once it is connected, in milliseconds; 0 for no limit. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Most bytes in the head of the answer. Default 8,192. */
  readonly maxHeadBytes?: number | undefined;
}

const face = "tunnel";
const optionNames = ["proxy", "inner", "tls", "auth", "headers", "timeoutMs", "maxHeadBytes"];
const defaultTimeoutMs = 10_000;
const defaultMaxHeadBytes = 8192;
const maxMaxHeadBytes = 65_536;
/** Bytes bound the head; this many lines of the shortest kind fit no more. */
const maxHeaders = 32_768;
/** Interim answers mean nothing to a tunnel; no proxy has reason for more. */
const maxInformational = 8;

/**
 * Makes a connector that leads through an HTTP proxy. It opens a tunnel to any target, of any scheme, with
 * `CONNECT host:port`; every 2xx opens it.
 *
 * The `io.info` of what it makes is about the connection to the proxy: addresses, and with an `https` proxy TLS facts.
 *
 * Rejects with kind `connect`: `PROXY_AUTH_REQUIRED` if the proxy wants credentials or does not take these (407),
 * `PROXY_REFUSED` for every other status, `PROXY_HEAD_TOO_LARGE`, `PROXY_CLOSED` if it ends the connection within its head,
 * `PROXY_PROTOCOL` if it does not speak HTTP/1, or what `inner` and the transport say; kind `user` for a target that
 * cannot be named; kind `timeout` and `canceled` as every connector. Content of a refusal is not waited for.
 *
 * @throws TypeError or RangeError for options that make no sense; credentials are not shown.
 */
export function tunnel(options: TunnelOptions): Connector {
  knownOptions(face, options, optionNames);
  const proxy = parseProxy(options.proxy, `${face}: proxy`, options.auth);
  if (!proxy.isHttp) throw new TypeError(`${face}: proxy must be one of http or https, but is one of ${proxy.scheme}`);
  const fields = proxyHeaders(face, proxy, options.headers);
  const timeoutMs = limitOption(face, "timeoutMs", options.timeoutMs, defaultTimeoutMs);
  const maxHeadBytes = wholeOption(face, "maxHeadBytes", options.maxHeadBytes, defaultMaxHeadBytes, 1, maxMaxHeadBytes);
  const hop = hopTo(face, proxy, options.inner, options.tls);
  return async (target, signal) => {
    checkProxyTarget(target);
    const authority = authorityOf(target.host, target.port);
    const connected = await hop(signal);
    const { io } = connected;
    const timer = io.timer ?? nodeTimer;
    const start = timer.now();
    const tunnelled = await withinLimits(
      { timer, signal, timeoutMs, what: `asking the proxy ${proxy} for a tunnel` },
      () => open(io, authority, fields, maxHeadBytes, proxy),
      (error) => io.abort(error),
    );
    const proxyMs = (connected.timings.proxyMs ?? 0) + timer.now() - start;
    return connected.over(tunnelled, { timings: { proxyMs }, proxied: false, proxyFields: [] });
  };
}

async function open(io: Io, authority: string, fields: HeaderMap, maxHeadBytes: number, proxy: ProxyUse): Promise<Io> {
  // There is one time limit for all of it, which is not the connection's.
  const { sender } = await handshake(io, { timer: null, maxHeadBytes, maxHeaders, maxInformational });
  const request = HttpRequest.connect(authority, [["host", authority]]);
  request.headers.extend(fields);
  try {
    const response = await sender.send(request);
    if (response.status < 200 || response.status >= 300) throw refused(response.status, proxy);
    return await upgradeOn(response);
  } catch (error) {
    throw unanswered(error, proxy);
  }
}

/** The reason phrase is the proxy's own text, which may repeat what it was sent. */
function refused(status: number, proxy: ProxyUse): HttpError {
  if (status !== 407) return new HttpError("connect", "PROXY_REFUSED", `the proxy ${proxy} answered with ${status}`);
  const what = proxy.auth === undefined ? "wants credentials" : "does not take these credentials";
  return new HttpError("connect", "PROXY_AUTH_REQUIRED", `the proxy ${proxy} ${what} (407)`);
}

/** What the HTTP client says, in the words of a connector. Errors that quote what was received are not kept as causes. */
function unanswered(error: unknown, proxy: ProxyUse): HttpError {
  const cause = root(error);
  if (!HttpError.is(cause)) return connectError(cause, `asking the proxy ${proxy}`);
  switch (cause.kind) {
    case "limit":
      if (cause.code === "TOO_MANY_INFORMATIONAL") break;
      return new HttpError("connect", "PROXY_HEAD_TOO_LARGE", `the answer of the proxy ${proxy} is too large`, {
        cause,
      });
    case "incomplete":
    case "closed":
      return new HttpError("connect", "PROXY_CLOSED", `the proxy ${proxy} closed the connection before it answered`);
    case "parse":
    case "protocol":
      break;
    default:
      return connectError(cause, `asking the proxy ${proxy}`);
  }
  return new HttpError("connect", "PROXY_PROTOCOL", `the answer of the proxy ${proxy} is not HTTP/1: ${cause.code}`);
}

/** Under "the connection is gone" and "nothing was sent" there is why. */
function root(error: unknown): unknown {
  let current = error;
  while (HttpError.is(current) && HttpError.is(current.cause) && (current.isClosed || current.isCanceled)) {
    current = current.cause;
  }
  return current;
}
