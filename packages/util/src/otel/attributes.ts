/**
 * The attributes of the OpenTelemetry conventions for HTTP: what a request, a transport and an error are called there.
 *
 * Header fields other than User-Agent are never shown, and a target cannot carry user information, so no credentials get here.
 */
import type { Attributes } from "@opentelemetry/api";
import { HttpError, type HttpRequest, type HttpVersion, type IoInfo } from "@sluice/core";
import type { Tracing } from "./options.ts";

const knownMethods: ReadonlySet<string> = new Set([
  ...["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"],
]);

/** The method, or `_OTHER`: peers choose methods freely, and each value makes a further time series. */
export function methodOf({ method }: HttpRequest): string {
  return knownMethods.has(method) ? method : "_OTHER";
}

/** The method as names of spans have it. */
export function methodName(request: HttpRequest): string {
  const method = methodOf(request);
  return method === "_OTHER" ? "HTTP" : method;
}

export function protocolVersion(version: HttpVersion): string {
  return version.slice(version.indexOf("/") + 1);
}

/** A code of `HttpError`, or the name of the class of anything else: never a message, of which there are too many. */
export function errorType(error: unknown): string {
  const found = HttpError.find(error);
  if (found !== undefined) return found.code;
  return error instanceof Error && error.name !== "" ? error.name : "_OTHER";
}

/** `server.address` and `server.port` of an authority, whose port may be implied by `scheme`. */
export function serverOf(authority: string | undefined, scheme: string): Attributes {
  if (authority === undefined || authority === "") return {};
  const colon = authority.lastIndexOf(":");
  const hasPort = colon > authority.lastIndexOf("]");
  const name = hasPort ? authority.slice(0, colon) : authority;
  const digits = hasPort ? authority.slice(colon + 1) : "";
  const address = name.startsWith("[") ? name.slice(1, -1) : name;
  const port = digits === "" ? impliedPort(scheme) : Number(digits);
  return { "server.address": address, ...(port !== undefined && { "server.port": port }) };
}

function impliedPort(scheme: string): number | undefined {
  if (scheme === "http") return 80;
  return scheme === "https" ? 443 : undefined;
}

export function peerOf(info: IoInfo | undefined): Attributes {
  const { remoteAddress, remotePort } = info ?? {};
  return {
    ...(remoteAddress !== undefined && { "network.peer.address": remoteAddress }),
    ...(remoteAddress !== undefined && remotePort !== undefined && { "network.peer.port": remotePort }),
  };
}

export function versionOf(version: HttpVersion): Attributes {
  return { "network.protocol.name": "http", "network.protocol.version": protocolVersion(version) };
}

/** What a span of a server says from its start. */
export function serverSpanAttributes(
  request: HttpRequest,
  scheme: string,
  info: IoInfo | undefined,
  tracing: Tracing,
): Attributes {
  const { target, version } = request;
  const query = target.query === undefined ? undefined : tracing.redact(target.query);
  const client = tracing.clientAddress(request, info) ?? info?.remoteAddress;
  return {
    ...requestAttributes(request),
    "url.scheme": scheme,
    "url.path": target.path,
    ...(query !== undefined && { "url.query": query }),
    ...serverOf(request.authority, scheme),
    ...(client !== undefined && { "client.address": client }),
    ...peerOf(info),
    ...versionOf(version),
  };
}

/** What a span of a client says from its start. */
export function clientSpanAttributes(request: HttpRequest, scheme: string, tracing: Tracing): Attributes {
  return {
    ...requestAttributes(request),
    "url.full": fullUrl(request, scheme, tracing),
    "url.scheme": scheme,
    ...serverOf(request.authority, scheme),
  };
}

function requestAttributes(request: HttpRequest): Attributes {
  const method = methodOf(request);
  const userAgent = request.headers.get("user-agent");
  return {
    "http.request.method": method,
    ...(method === "_OTHER" && { "http.request.method_original": request.method }),
    ...(userAgent !== undefined && { "user_agent.original": userAgent }),
  };
}

function fullUrl(request: HttpRequest, scheme: string, { redact }: Tracing): string {
  const { target, authority } = request;
  if (target.form === "authority") return target.toString();
  const query = target.query === undefined ? undefined : redact(target.query);
  const path = target.form === "asterisk" ? "" : target.path;
  return `${scheme}://${authority ?? ""}${path}${query === undefined ? "" : `?${query}`}`;
}
