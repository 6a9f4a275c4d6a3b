/**
 * The arguments of a fetch, read and checked (Fetch 5.4, the constructor of `Request`).
 *
 * What nearly every call consists of is read directly. For anything else, and to word every refusal, the platform's `Request`
 * is made of the arguments: it knows the rest of the rules.
 */
import { type HeaderMap, isToken } from "@sluice/body";
import { RequestTarget } from "@sluice/core";
import { requestHeaderMapOf } from "./light-headers.ts";
import { LightRequest, nativeRequest } from "./light-request.ts";
import { NativeRequest } from "./platform.ts";
import { contentOfInit, contentOfRequestObject, isOnce, type RequestContent } from "./request-content.ts";

export interface PreparedFetch {
  readonly method: string;
  readonly url: FetchUrl;
  readonly headers: HeaderMap;
  readonly content: RequestContent | null;
  readonly signal: AbortSignal | undefined;
  readonly redirect: Request["redirect"];
  readonly mode: Request["mode"];
  readonly cache: Request["cache"];
}

/** A URL of HTTP, in the forms that are needed of it. */
export interface FetchUrl {
  /** Without fragment. */
  readonly href: string;
  /** With `#`, or empty. */
  readonly fragment: string;
  readonly origin: string;
  readonly isHttps: boolean;
  readonly hasCredentials: boolean;
  readonly target: RequestTarget;
}

/** What may be in `init` for the direct way. */
const usual: ReadonlySet<string> = new Set(["method", "headers", "body", "signal", "redirect", "duplex"]);
/** Methods whose names are written in capitals whatever the program writes (Fetch 2.2.1). */
const normalized: ReadonlySet<string> = new Set(["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"]);
const forbidden: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);

const urls = new Map<string, FetchUrl>();
/** URLs that are remembered; programs ask the same few again and again. */
const maxRemembered = 512;
const maxRememberedLength = 1_024;

/**
 * @returns `undefined` for a URL that is not of HTTP.
 * @throws TypeError for arguments that no request can be made of.
 */
export function prepareFetch(input: unknown, init: RequestInit | undefined): PreparedFetch | undefined {
  if (input instanceof NativeRequest || (init !== undefined && !isUsual(init))) return prepareUnusual(input, init);
  const url = urlOf(String(input));
  if (url === undefined) return undefined;
  const { method: given, body, signal, redirect, headers, duplex } = init ?? {};
  const method = given === undefined ? "GET" : methodOf(given);
  const hasBody = body !== undefined && body !== null;
  const isRight =
    method !== undefined &&
    !url.hasCredentials &&
    (signal === undefined || signal === null || signal instanceof AbortSignal) &&
    (redirect === undefined || redirect === "follow" || redirect === "manual" || redirect === "error") &&
    !(hasBody && (method === "GET" || method === "HEAD" || (isOnce(body) && duplex !== "half")));
  if (!isRight) return prepareUnusual(input, init);
  return {
    method,
    url,
    headers: requestHeaderMapOf(headers),
    content: hasBody ? contentOfInit(body) : null,
    signal: signal ?? undefined,
    redirect: redirect ?? "follow",
    mode: "cors",
    cache: "default",
  };
}

function isUsual(init: RequestInit): boolean {
  if (typeof init !== "object" || init === null) return false;
  for (const name in init) if (!usual.has(name)) return false;
  return true;
}

function methodOf(given: unknown): string | undefined {
  const text = String(given);
  const upper = text.toUpperCase();
  if (forbidden.has(upper) || !isToken(text)) return undefined;
  return normalized.has(upper) ? upper : text;
}

function prepareUnusual(input: unknown, init: RequestInit | undefined): PreparedFetch | undefined {
  const given = LightRequest.is(input) ? nativeRequest(input as unknown as Request) : (input as string | URL | Request);
  const request = new NativeRequest(given, init);
  const url = urlOf(request.url);
  if (url === undefined) return undefined;
  if (request.integrity !== "") throw new TypeError("integrity is not supported by this fetch");
  const { method, signal, redirect, mode, cache } = request;
  const headers = requestHeaderMapOf(request.headers);
  return { method, url, headers, content: contentOfRequestObject(request), signal, redirect, mode, cache };
}

/** The URL in all its forms; `undefined` if it is not of HTTP. @throws TypeError if it is none. */
function urlOf(text: string): FetchUrl | undefined {
  const remembered = urls.get(text);
  if (remembered !== undefined) return remembered;
  if (!URL.canParse(text)) {
    // To say it in the platform's words.
    void new NativeRequest(text);
    throw new TypeError("Failed to parse URL");
  }
  const url = fetchUrl(new URL(text));
  if (url === undefined || text.length > maxRememberedLength) return url;
  if (urls.size >= maxRemembered) urls.clear();
  urls.set(text, url);
  return url;
}

/** As `urlOf`, for a URL that was parsed. */
export function fetchUrl(url: URL): FetchUrl | undefined {
  const { protocol, hash, origin, pathname, search, username, password } = url;
  if (protocol !== "http:" && protocol !== "https:") return undefined;
  const href = origin + pathname + search;
  return {
    href,
    fragment: hash,
    origin,
    isHttps: protocol === "https:",
    hasCredentials: username !== "" || password !== "",
    target: RequestTarget.parse(href),
  };
}
