/**
 * A `Response` as an `HttpResponse`: with its text or bytes where they can be had, else with its stream.
 */
import { type Body, full, HeaderMap, withTrailers } from "@sluice/body";
import { canonicalReason, HttpResponse } from "@sluice/core";
import { unusable } from "./content.ts";
import type { ResponseTrailers } from "./fetch-info.ts";
import { forgetCodings, forgetConnection, type TakenResponse, takeLight } from "./light-response.ts";
import { NativeResponse, sourceOfResponse } from "./platform.ts";
import { StreamBody } from "./stream-body.ts";

/** Codings that a platform's fetch has undone by the time its response is seen, without taking their name away. */
const undone: ReadonlySet<string> = new Set(["gzip", "x-gzip", "deflate", "br", "zstd"]);

/**
 * @throws TypeError for what is no response, or one whose content was used before.
 */
export function httpResponseOf(response: unknown, trailers: ResponseTrailers | undefined): HttpResponse {
  const taken = takeLight(response) ?? takeNative(response);
  const { status, statusText, headers, source } = taken;
  const made = new HttpResponse(status, headers, trailers === undefined ? bodyOf(source) : trailing(taken, trailers));
  if (statusText !== "" && statusText !== canonicalReason(status)) made.withReason(statusText);
  return made;
}

function bodyOf(source: TakenResponse["source"]): Body | undefined {
  if (source === null) return undefined;
  if (typeof source === "string" || source instanceof Uint8Array) return full(source);
  return "frame" in source ? source : new StreamBody(source);
}

function trailing({ headers, source }: TakenResponse, { source: fields, names }: ResponseTrailers): Body {
  // RFC 9112 6.5, 7.1.2: trailers need chunked, which a length of the content rules out.
  headers.remove("content-length");
  if (names.length > 0 && !headers.has("trailer")) headers.append("trailer", names.join(", "));
  return withTrailers(bodyOf(source) ?? full(""), fields);
}

function takeNative(response: unknown): TakenResponse {
  if (!(response instanceof NativeResponse)) {
    throw new TypeError(`a fetch handler must return a Response, got ${describe(response)}`);
  }
  const { status, statusText } = response;
  const headers = new HeaderMap();
  for (const [name, value] of response.headers) headers.append(name, value);
  if (response.url !== "") settleFields(headers);
  return { status, statusText, headers, source: contentOf(response) };
}

/** A response that came from the platform's fetch and is handed on: its content is no longer what its fields say. */
function settleFields(headers: HeaderMap): void {
  forgetConnection(headers);
  const codings = headers.getJoined("content-encoding")?.toLowerCase().split(",");
  if (codings?.every((coding) => undone.has(coding.trim())) === true) forgetCodings(headers);
}

function contentOf(response: Response): TakenResponse["source"] {
  const { body } = response;
  if (body === null) return null;
  if (response.bodyUsed || body.locked) throw unusable();
  return sourceOfResponse(response) ?? (body as ReadableStream<Uint8Array>);
}

function describe(value: unknown): string {
  return value === null || typeof value !== "object" ? String(value) : (value.constructor?.name ?? "an object");
}
