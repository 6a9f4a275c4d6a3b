/**
 * The fields of a dispatch as a header map, with those taken out that are about the connection or decide something else.
 */
import { HeaderMap } from "@sluice/body";
import { DispatchError, invalidArgument } from "./dispatch-error.ts";
import type { DispatchHeaders } from "./dispatch-options.ts";

export interface RequestFields {
  /** Without Content-Length and Connection. */
  readonly headers: HeaderMap;
  /** What Content-Length says. */
  readonly contentLength: number | undefined;
  /** Connection says `close`. */
  readonly closes: boolean;
}

class FieldReader {
  readonly headers: HeaderMap = new HeaderMap();
  contentLength: number | undefined = undefined;
  closes = false;

  /** One field of the program's, whatever it calls it. */
  add(name: unknown, value: unknown): void {
    if (value === undefined) return;
    const spelled = text(name, "header key");
    const lower = spelled.toLowerCase();
    switch (lower) {
      case "content-length":
        this.#length(value);
        return;
      case "connection":
        this.#connection(value);
        return;
      case "transfer-encoding":
      case "keep-alive":
      case "upgrade":
        throw invalidArgument(`invalid ${lower} header`);
      case "expect":
        throw new DispatchError("UND_ERR_NOT_SUPPORTED", "expect header not supported");
      case "host":
        if (this.headers.has("host")) throw invalidArgument("duplicate host header");
        if (Array.isArray(value)) throw invalidArgument("invalid host header");
        break;
      default:
    }
    for (const one of Array.isArray(value) ? value : [value]) this.#append(spelled, lower, one);
  }

  #append(spelled: string, lower: string, value: unknown): void {
    const content = value === null ? "" : text(value, `${lower} header`);
    try {
      this.headers.append(lower, content, spelled === lower ? undefined : { originalName: spelled });
    } catch (cause) {
      throw invalidArgument(cause instanceof Error ? cause.message : `invalid ${lower} header`, cause);
    }
  }

  #length(value: unknown): void {
    if (this.contentLength !== undefined) throw invalidArgument("duplicate content-length header");
    // RFC 9110 8.6: the same number several times is that number. The `fetch` of Node 20 says it twice where the program says it.
    const [digits = "", ...more] = text(value, "content-length header").split(/, */);
    if (more.some((other) => other !== digits)) throw invalidArgument("invalid content-length header");
    const length = Number(digits);
    if (!/^[0-9]+$/.test(digits) || !Number.isSafeInteger(length))
      throw invalidArgument("invalid content-length header");
    this.contentLength = length;
  }

  /** RFC 9110 7.6.1: what the connection does next is not the program's to say, but for ending it. */
  #connection(value: unknown): void {
    if (typeof value !== "string") throw invalidArgument("invalid connection header");
    for (const option of value.toLowerCase().split(",")) {
      if (!/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(option.trim())) throw invalidArgument("invalid connection header");
      if (option.trim() === "close") this.closes = true;
    }
  }
}

/** @throws DispatchError code `UND_ERR_INVALID_ARG`, or `UND_ERR_NOT_SUPPORTED` for `expect`. */
export function requestFields(given: DispatchHeaders): RequestFields {
  const reader = new FieldReader();
  if (Array.isArray(given)) {
    if (Array.isArray(given[0])) addPairs(reader, given);
    else addFlat(reader, given);
  } else if (typeof given === "object" && given !== null) {
    if (Symbol.iterator in given) addPairs(reader, given as Iterable<unknown>);
    else for (const name of Object.keys(given)) reader.add(name, (given as Readonly<Record<string, unknown>>)[name]);
  } else if (given !== undefined && given !== null) {
    throw invalidArgument("headers must be an object or an array");
  }
  return reader;
}

function addFlat(reader: FieldReader, given: readonly unknown[]): void {
  if (given.length % 2 !== 0) throw invalidArgument("headers array must be even");
  for (let i = 0; i < given.length; i += 2) reader.add(given[i], given[i + 1]);
}

function addPairs(reader: FieldReader, given: Iterable<unknown>): void {
  for (const pair of given) {
    if (!Array.isArray(pair) || pair.length !== 2) throw invalidArgument("headers must be in key-value pair format");
    reader.add(pair[0], pair[1]);
  }
}

/** A string, or what stands for one; the bytes of a raw list as latin1. */
function text(value: unknown, what: string): string {
  if (typeof value === "string") return value;
  if (Buffer.isBuffer(value)) return value.toString("latin1");
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  throw invalidArgument(`invalid ${what}`);
}
