/**
 * Where a redirect leads: the value of `Location`, resolved against the target of the request (RFC 9110 10.2.2, RFC 3986 5).
 */
import { HttpError, type HttpResponse, RequestTarget } from "@sluice/core";
import { quoted } from "../connect/connect-errors.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The URI a response points to; `undefined` if it says none, several, or one that cannot be read: then there is nothing to follow.
 * A URI with user information is not followed either: RFC 9110 4.2.4 has it treated as an error where a peer sends it.
 */
export function locationOf(base: RequestTarget, { headers }: HttpResponse): URL | undefined {
  const values = headers.getAll("location");
  const [value] = values;
  if (value === undefined || value === "" || values.length > 1 || base.scheme === undefined) return undefined;
  const url = resolve(value, base);
  if (url?.username !== "" || url.password !== "") return undefined;
  // The platform takes hosts that no request may name.
  url.hash = "";
  return isHttp(url) && RequestTarget.tryParse(url.href, "GET") === undefined ? undefined : url;
}

/**
 * The target of a request to `url`.
 *
 * @throws HttpError kind `protocol`, code `REDIRECT_SCHEME`, for any scheme but `http` and `https`.
 */
export function targetOf(url: URL): RequestTarget {
  if (isHttp(url)) return RequestTarget.parse(url.href);
  const scheme = quoted(url.protocol.slice(0, -1));
  const message = `a redirect must lead to http or https, but leads to the scheme ${scheme}`;
  throw new HttpError("protocol", "REDIRECT_SCHEME", message);
}

/** Scheme, host and port as one text in one spelling; two are the same origin if they are equal (RFC 9110 4.3.1). */
export function originText(target: RequestTarget): string {
  const url = new URL(target.toString());
  return `${url.protocol}//${url.host}`;
}

function isHttp({ protocol }: URL): boolean {
  return protocol === "http:" || protocol === "https:";
}

function resolve(value: string, base: RequestTarget): URL | undefined {
  const text = asUtf8(value);
  if (text === undefined || !URL.canParse(text, base.toString())) return undefined;
  return new URL(text, base.toString());
}

/** Field values have one char per byte; what servers send beyond ASCII is UTF-8. */
function asUtf8(value: string): string | undefined {
  if (!/[\x80-\xff]/.test(value)) return value;
  try {
    return utf8.decode(Uint8Array.from(value, (char) => char.charCodeAt(0)));
  } catch {
    return undefined;
  }
}
