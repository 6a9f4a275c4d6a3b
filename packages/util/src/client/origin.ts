/**
 * Where a request goes: the scheme, host and port of its target, in the one spelling that pools are keyed by.
 */
import { isIPv6 } from "node:net";
import { HttpError, type HttpRequest, type RequestTarget } from "@sluice/core";
import type { HttpVersionChoice } from "./options.ts";

/** A server, as a URI names it. An object of it must not be changed once it was used. */
export interface Origin {
  /** `http` or `https`. */
  readonly scheme: string;
  /** Lower-case; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /** The name that TLS asks for and checks, if it is another than `host`. */
  readonly servername?: string | undefined;
}

const defaultPorts: ReadonlyMap<string, number> = new Map([
  ["http", 80],
  ["https", 443],
]);

/** An origin that was read from a target, with what its pools are called. */
class KnownOrigin implements Origin {
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
  /** One text for each version, so that it need not be made for each request. */
  readonly keys: Keys;

  constructor(scheme: string, host: string, port: number) {
    this.scheme = scheme;
    this.host = host;
    this.port = port;
    this.keys = keysFor(originText(this), undefined);
  }
}

type Keys = Readonly<Record<HttpVersionChoice, string>>;

/** What the pools of origins that programs made are called. */
const keysOf = new WeakMap<Origin, Keys>();

function keysFor(text: string, servername: string | undefined): Keys {
  const suffix = servername === undefined ? "" : ` for ${servername.toLowerCase()}`;
  return { auto: `${text}${suffix}`, http1: `${text} http1${suffix}`, http2: `${text} http2${suffix}` };
}

/** Origins by the text they were read from; programs ask the same few again and again. */
const known = new Map<string, KnownOrigin>();
const maxKnown = 1024;

/**
 * The origin a request is for.
 * @throws HttpError kind `user`: code `ABSOLUTE_TARGET_REQUIRED` if the target names none, `UNSUPPORTED_SCHEME` for any but `http`
 *   and `https`.
 */
export function originOf(request: HttpRequest): Origin {
  const { target } = request;
  const { authority, scheme } = target;
  if (authority === undefined) {
    const message = `the target must be an absolute URI, got a target in ${target.form}-form`;
    throw new HttpError("user", "ABSOLUTE_TARGET_REQUIRED", message);
  }
  const text = `${scheme ?? ""}://${authority}`;
  let origin = known.get(text);
  if (origin === undefined) {
    origin = parse(target, authority, scheme);
    if (known.size >= maxKnown) known.clear();
    known.set(text, origin);
  }
  return origin;
}

/** What the pool for an origin is called: everything that changes trust or protocol. */
export function poolKey(origin: Origin, version: HttpVersionChoice): string {
  if (origin instanceof KnownOrigin) return origin.keys[version];
  let keys = keysOf.get(origin);
  if (keys === undefined) {
    keys = keysFor(originText(origin), origin.servername);
    keysOf.set(origin, keys);
  }
  return keys[version];
}

/** The text of an origin, such as `https://example.org:8443`, with its port always. */
export function originText({ scheme, host, port }: Origin): string {
  return `${scheme}://${isIPv6(host) ? `[${host}]` : host.toLowerCase()}:${port}`;
}

function parse(target: RequestTarget, authority: string, given: string | undefined): KnownOrigin {
  const colon = authority.lastIndexOf(":");
  const hasPort = colon > authority.lastIndexOf("]");
  const digits = hasPort ? authority.slice(colon + 1) : "";
  // CONNECT names no scheme: what is at port 443 is most often behind TLS.
  const scheme = given ?? (digits === "443" ? "https" : "http");
  const implied = defaultPorts.get(scheme);
  if (implied === undefined) {
    throw new HttpError("user", "UNSUPPORTED_SCHEME", `the scheme must be http or https, got ${scheme}`);
  }
  const port = digits === "" ? implied : Number(digits);
  if (port < 1)
    throw new HttpError("user", "INVALID_PORT", `the port must be from 1 to 65,535, got ${target.authority}`);
  const name = hasPort ? authority.slice(0, colon) : authority;
  const host = name.startsWith("[") ? name.slice(1, -1) : name;
  return new KnownOrigin(scheme, host.toLowerCase(), port);
}
