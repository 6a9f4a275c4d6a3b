/**
 * A dispatch as a request of the client: checked as undici checks it, since what it refuses is what its users rely on.
 */

import { isIP } from "node:net";
import { stringify } from "node:querystring";
import { isToken } from "@sluice/body";
import { HttpRequest, RequestTarget } from "@sluice/core";
import type { ClientTimeouts, Origin } from "../client/index.ts";
import { type DispatchContent, dispatchContent } from "./dispatch-content.ts";
import { DispatchError, invalidArgument } from "./dispatch-error.ts";
import { type RequestFields, requestFields } from "./dispatch-headers.ts";
import type { DispatchOptions } from "./dispatch-options.ts";
import { type DispatchOrigin, dispatchOrigin } from "./dispatch-origin.ts";

export interface DispatchRequest {
  readonly request: HttpRequest;
  readonly content: DispatchContent;
  /** Where to connect to. */
  readonly origin: Origin;
  readonly url: URL;
  readonly timeouts: ClientTimeouts;
  /** Not over HTTP/2. */
  readonly version: "http1" | undefined;
  /** The exchange is to leave HTTP. */
  readonly leavesHttp: boolean;
}

/** @throws DispatchError for options that make no sense. */
export function dispatchRequest(options: DispatchOptions): DispatchRequest {
  const place = dispatchOrigin(options.origin);
  const { origin, url } = place;
  const { method } = options;
  const path = checkPath(options);
  const upgrade = checkUpgrade(options.upgrade);
  checkRest(options);
  if (typeof method !== "string") throw invalidArgument("method must be a string");
  if (!isToken(method)) throw invalidArgument("invalid request method");
  const timeouts = timeoutsOf(options);
  const fields = requestFields(options.headers);
  const content = dispatchContent(options.body, fields.contentLength);
  const { headers } = fields;
  if (content.type !== undefined && !headers.has("content-type")) headers.append("content-type", content.type);
  if (upgrade !== undefined) headers.append("connection", "upgrade").append("upgrade", upgrade);
  else if (options.reset ?? fields.closes) headers.append("connection", "close");
  if (options.expectContinue === true && !content.body.isEndStream()) headers.append("expect", "100-continue");
  // The engine would send none of it otherwise.
  if ((method === "GET" || method === "HEAD") && content.body.sizeHint().exact === undefined) {
    headers.append("transfer-encoding", "chunked");
  }
  const target = targetOf(method, path, place);
  return {
    request: new HttpRequest(method, target, headers, content.body),
    content,
    origin: named(origin, options, fields),
    url,
    timeouts,
    version: options.allowH2 === false ? "http1" : undefined,
    leavesHttp: upgrade !== undefined || method === "CONNECT",
  };
}

function checkPath({ path, method, query }: DispatchOptions): string {
  if (typeof path !== "string") throw invalidArgument("path must be a string");
  if (/^https?:\/\//.test(path) && method !== "CONNECT") {
    // Requests to a proxy are its connector's business.
    throw new DispatchError("UND_ERR_NOT_SUPPORTED", "path must be a path: give the client a proxy for absolute URLs");
  }
  if (!path.startsWith("/") && method !== "CONNECT") {
    throw invalidArgument("path must be an absolute URL or start with a slash");
  }
  if (/[^\x21-\xff]/.test(path)) throw invalidArgument("invalid request path");
  if (query === null || query === undefined) return path;
  if (/[?#]/.test(path)) {
    throw new Error('Query params cannot be passed when url already contains "?" or "#".');
  }
  const text = stringify(query as Parameters<typeof stringify>[0]);
  return text === "" ? path : `${path}?${text}`;
}

function targetOf(
  method: string,
  path: string,
  { origin: { scheme, port }, authority }: DispatchOrigin,
): RequestTarget {
  if (method !== "CONNECT") return RequestTarget.ofParts(scheme, authority, path);
  // undici's `connect(url)` knows no paths without a slash, and none but that leads to the server of the URL itself.
  const given = path.startsWith("/") ? path.slice(1) : path;
  const text = given === "" ? `${authority.replace(/:[0-9]+$/, "")}:${port}` : given;
  try {
    return RequestTarget.parse(text, method);
  } catch (cause) {
    throw invalidArgument("invalid request path", cause);
  }
}

function checkUpgrade(upgrade: DispatchOptions["upgrade"]): string | undefined {
  if (upgrade === undefined || upgrade === null || upgrade === false || upgrade === "") return undefined;
  if (typeof upgrade !== "string") throw invalidArgument("upgrade must be a string");
  if (/[^\t\x20-\x7e\x80-\xff]/.test(upgrade)) throw invalidArgument("invalid upgrade header");
  return upgrade;
}

function checkRest({ reset, expectContinue, maxRedirections }: DispatchOptions): void {
  if (!isOptional(reset, "boolean")) throw invalidArgument("invalid reset");
  if (!isOptional(expectContinue, "boolean")) throw invalidArgument("invalid expectContinue");
  if ((maxRedirections ?? 0) !== 0) {
    throw invalidArgument("maxRedirections is not supported, use the redirect interceptor");
  }
}

function isOptional(value: unknown, type: string): boolean {
  return value === undefined || value === null || typeof value === type;
}

function timeoutsOf({ headersTimeout, bodyTimeout }: DispatchOptions): ClientTimeouts {
  const head = milliseconds(headersTimeout, "headersTimeout");
  const body = milliseconds(bodyTimeout, "bodyTimeout");
  return {
    ...(head !== undefined && { headTimeoutMs: head }),
    ...(body !== undefined && { bodyTimeoutMs: body }),
  };
}

function milliseconds(value: unknown, name: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0) throw invalidArgument(`invalid ${name}`);
  return Math.ceil(value);
}

/** The origin with the name for TLS: what is asked for, else what Host says. */
function named(origin: Origin, { servername }: DispatchOptions, { headers }: RequestFields): Origin {
  if (origin.scheme !== "https") return origin;
  const name = servername || nameOf(headers.get("host"));
  return name === undefined || name.toLowerCase() === origin.host ? origin : { ...origin, servername: name };
}

/** The host name in a value of Host; TLS knows no names that are addresses (RFC 6066 3). */
function nameOf(host: string | undefined): string | undefined {
  const name = host?.replace(/:[0-9]*$/, "");
  return name === undefined || name === "" || name.startsWith("[") || isIP(name) !== 0 ? undefined : name;
}
