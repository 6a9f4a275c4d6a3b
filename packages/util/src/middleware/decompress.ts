/**
 * Asks for compressed responses and undoes the compression, bounded in what it decodes.
 *
 * Belongs above `followRedirects` and `retry`: only the last response is worth decoding.
 */
import { HttpError, type HttpRequest, type HttpResponse } from "@sluice/core";
import { quoted } from "../connect/connect-errors.ts";
import { knownOptions, wholeOption } from "../options.ts";
import { bodySource } from "./body-source.ts";
import type { Middleware } from "./compose.ts";
import { type ContentCoding, supportedCodings } from "./content-codings.ts";
import { copyRequest } from "./copy-request.ts";
import { DecodeLimits } from "./decode-limits.ts";
import { DecodedBody } from "./decoded-body.ts";
import { cancelBody, isPromise } from "./signal.ts";
import { hasNoContent } from "./watch-response.ts";

/** Options of `decompress`. */
export interface DecompressOptions {
  /** What to ask for and to undo, in the order of preference. Default: all this runtime has (`supportedCodings`). */
  readonly codings?: readonly ContentCoding[] | undefined;
  /** Most decoded bytes of one response, `Infinity` for no limit. Default 1,073,741,824 (1 GiB). */
  readonly maxBytes?: number | undefined;
  /**
   * Most decoded bytes for each byte received, 1 or more, `Infinity` for no limit; looked at once more than 1 MiB was decoded.
   * Default 200.
   */
  readonly maxRatio?: number | undefined;
  /** Most codings of one response, 1 to 10. Default 2. */
  readonly maxCodings?: number | undefined;
}

/**
 * Decodes responses. `accept-encoding` is added to requests that have none and no `range`; what comes is decoded whoever asked for it.
 *
 * A response is decoded if all of its codings are among `codings` (`identity` counts for nothing); it loses `content-encoding` and
 * `content-length`. One with another coding, to HEAD, or with status 204, 206 or 304, is left as it is: a part (206) of something
 * encoded cannot be decoded. More codings than `maxCodings` reject with an `HttpError` of kind `limit`, code `TOO_MANY_CODINGS`.
 *
 * The body fails with an `HttpError`: kind `parse`, code `CONTENT_CODING_INVALID`, for what cannot be decoded or ends too soon; kind
 * `limit`, code `DECODED_TOO_LONG` or `DECODED_RATIO`, beyond the limits, and `TRAILING_BYTES` for more than 64 KiB behind the
 * end of the encoded content; less is dropped.
 *
 * @throws TypeError or RangeError for options that make no sense.
 */
export function decompress(options: DecompressOptions = {}): Middleware {
  knownOptions("decompress", options, ["codings", "maxBytes", "maxRatio", "maxCodings"]);
  const codings = checkCodings(options.codings ?? supportedCodings);
  const maxBytes = wholeOption("decompress", "maxBytes", options.maxBytes, 1_073_741_824, 0, Infinity);
  const maxRatio = wholeOption("decompress", "maxRatio", options.maxRatio, 200, 1, Infinity);
  const maxCodings = wholeOption("decompress", "maxCodings", options.maxCodings, 2, 1, 10);
  const accepted = codings.join(", ");

  function decoded(request: HttpRequest, response: HttpResponse): HttpResponse {
    const { headers } = response;
    const given = headers.getJoined("content-encoding");
    if (given === undefined || response.status === 206 || hasNoContent(request, response)) return response;
    const applied = listOf(given);
    if (applied.length > maxCodings) {
      const message = `the response has ${applied.length} content codings, more than maxCodings = ${maxCodings}`;
      const error = new HttpError("limit", "TOO_MANY_CODINGS", message);
      cancelBody(response, error);
      throw error;
    }
    if (applied.length === 0 || !isAll(applied, codings)) return response;
    headers.remove("content-encoding");
    headers.remove("content-length");
    if (!response.body.isEndStream()) {
      response.body = new DecodedBody(response.body, applied, new DecodeLimits(maxBytes, maxRatio));
    }
    return response;
  }

  return (inner) => ({
    call(request) {
      const asks = accepted !== "" && !request.headers.has("accept-encoding") && !request.headers.has("range");
      const answer = inner.call(asks ? asking(request, accepted) : request);
      return isPromise(answer) ? answer.then((response) => decoded(request, response)) : decoded(request, answer);
    },
  });
}

function asking(request: HttpRequest, accepted: string): HttpRequest {
  const source = bodySource(request);
  const copy = copyRequest(request, { body: request.body, source });
  copy.headers.append("accept-encoding", accepted);
  return copy;
}

/** The codings of a field, in the order they were applied (RFC 9110 8.4). */
function listOf(value: string): readonly string[] {
  const tokens = value.split(",").map((token) => token.trim().toLowerCase());
  // RFC 9110 8.4.1.3: x-gzip is the same as gzip; 5.6.1.2: empty elements of a list do not count.
  return tokens
    .filter((token) => token !== "" && token !== "identity")
    .map((token) => (token === "x-gzip" ? "gzip" : token));
}

function isAll(applied: readonly string[], codings: readonly string[]): applied is readonly ContentCoding[] {
  return applied.every((coding) => codings.includes(coding));
}

function checkCodings(codings: readonly ContentCoding[]): readonly ContentCoding[] {
  if (!Array.isArray(codings)) throw new TypeError(`decompress: codings must be an array, got ${String(codings)}`);
  for (const coding of codings as readonly unknown[]) {
    if (supportedCodings.includes(coding as ContentCoding)) continue;
    const shown = typeof coding === "string" ? quoted(coding) : String(coding);
    throw new RangeError(`decompress: codings must be of ${supportedCodings.join(", ")}, got ${shown}`);
  }
  return [...codings];
}
