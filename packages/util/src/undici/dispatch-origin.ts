/**
 * The origin of a dispatch, taken apart once: programs ask the same few again and again.
 */
import type { Origin } from "../client/index.ts";
import { invalidArgument } from "./dispatch-error.ts";

export interface DispatchOrigin {
  /** As the client takes it. */
  readonly origin: Origin;
  /** Host and, where the scheme does not imply it, port, as a target names them. */
  readonly authority: string;
  /** For those who listen to events. */
  readonly url: URL;
}

const known = new Map<string, DispatchOrigin>();
const maxKnown = 1024;

/** @throws DispatchError code `UND_ERR_INVALID_ARG` for anything but an http or https URL; TypeError for text that is no URL. */
export function dispatchOrigin(given: unknown): DispatchOrigin {
  // By structure: a URL may be of another realm.
  const text = typeof given === "object" && given !== null && "href" in given ? String(given.href) : given;
  if (typeof text !== "string" || text === "") throw invalidArgument("opts.origin must be a non-empty string or URL.");
  let origin = known.get(text);
  if (origin === undefined) {
    origin = parse(text);
    if (known.size >= maxKnown) known.clear();
    known.set(text, origin);
  }
  return origin;
}

function parse(text: string): DispatchOrigin {
  const url = new URL(text);
  const { protocol, hostname, port, host } = url;
  if (protocol !== "http:" && protocol !== "https:") {
    throw invalidArgument("Invalid URL protocol: the URL must start with `http:` or `https:`.");
  }
  const scheme = protocol.slice(0, -1);
  const plain = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  const number = port === "" ? (scheme === "https" ? 443 : 80) : Number(port);
  if (number === 0) throw invalidArgument("Invalid URL: port must be from 1 to 65535");
  return { origin: { scheme, host: plain, port: number }, authority: host, url: new URL(url.origin) };
}
