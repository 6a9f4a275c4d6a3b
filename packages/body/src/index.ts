/**
 * `@sluice/body`: what HTTP messages carry, without HTTP.
 *
 * Vocabulary: `Frame`, `Trailers`, `HeaderMap`, `SizeHint`, `Body`, `BodyError`. Bodies: `empty`, `full`, `fromIterable`,
 * `fromReadableStream`, `channel`. Combinators take a body and give one; consumers read one to its end.
 */

// `Symbol.asyncDispose` in the declarations, here and in the packages above, whatever library a program is compiled with.
/// <reference lib="esnext.disposable" preserve="true" />
export { BaseBody, type Body, isBody } from "./body.ts";
export { BodyError, type BodyErrorCode, type BodyErrorOptions } from "./body-error.ts";
export { type Channel, channel } from "./channel.ts";
export type { Refusal, Sender } from "./channel-sender.ts";
export { type Collected, type CollectOptions, collect } from "./collect.ts";
export type { LengthOptions } from "./declared-length.ts";
export { Empty, empty } from "./empty.ts";
export { type Frame, isData, isTrailers, Trailers } from "./frame.ts";
export { toAsyncIterable, toFrames } from "./frame-iterator.ts";
export { type BodyChunk, fromIterable } from "./from-iterable.ts";
export { fromReadableStream } from "./from-readable-stream.ts";
export { Full, full } from "./full.ts";
export { fuse } from "./fuse.ts";
export type { HeaderEntry } from "./header-entry.ts";
export { type HeaderInit, type HeaderLineOptions, HeaderMap, type HeaderMapOptions } from "./header-map.ts";
export { type Inspector, inspect } from "./inspect.ts";
export { limited } from "./limited.ts";
export { mapData } from "./map-data.ts";
export { mapError } from "./map-error.ts";
export { mapFrames } from "./map-frames.ts";
export { SizeHint } from "./size-hint.ts";
export { toReadableStream } from "./to-readable-stream.ts";
export { checkValue, isToken, normalizeName } from "./token.ts";
export { type TrailersSource, withTrailers } from "./with-trailers.ts";
