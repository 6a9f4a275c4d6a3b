/**
 * The content codings that can be undone (RFC 9110 8.4.1, RFC 7932, RFC 8878), by the names they are registered under.
 */
import zlib from "node:zlib";
import type { ByteInput } from "./byte-input.ts";
import { gunzip } from "./gunzip.ts";
import { runZlib, type ZlibTransform } from "./zlib-stream.ts";

/** A coding `decompress` knows; `zstd` only where the runtime has it (Node since 22.15). */
export type ContentCoding = "gzip" | "deflate" | "br" | "zstd";

type Decoder = (input: ByteInput) => AsyncGenerator<Uint8Array, void, undefined>;

/** RFC 9659: a window of at most 8 MiB, so that each decoder holds no more. */
const maxZstdWindowLog = 23;

const createZstd: unknown = Reflect.get(zlib, "createZstdDecompress");

const decoders: ReadonlyMap<string, Decoder> = new Map<ContentCoding, Decoder>([
  ["gzip", gunzip],
  ["deflate", inflate],
  ["br", (input) => runZlib(zlib.createBrotliDecompress(), input, "br")],
  ...(typeof createZstd === "function" ? [["zstd", unzstd] as const] : []),
]);

/** What this runtime can undo. */
export const supportedCodings: readonly ContentCoding[] = [...decoders.keys()] as ContentCoding[];

/** Decodes `input`; nothing at all is the encoding of nothing. What follows the end of the coding is read and dropped. */
export async function* decode(coding: ContentCoding, input: ByteInput): AsyncGenerator<Uint8Array, void, undefined> {
  const first = await input.read();
  if (first === null) return;
  input.unread(first);
  const decoder = decoders.get(coding);
  if (decoder !== undefined) yield* decoder(input);
  await input.drain();
}

/** RFC 9110 8.4.1.2: the zlib format. Some servers send DEFLATE without it, which its first byte tells. */
async function* inflate(input: ByteInput): AsyncGenerator<Uint8Array, void, undefined> {
  const first = (await input.read()) ?? new Uint8Array(0);
  input.unread(first);
  const isZlib = ((first[0] ?? 0) & 0x0f) === 8;
  yield* runZlib(isZlib ? zlib.createInflate() : zlib.createInflateRaw(), input, "deflate");
}

function unzstd(input: ByteInput): AsyncGenerator<Uint8Array, void, undefined> {
  const parameter = Reflect.get(zlib.constants, "ZSTD_d_windowLogMax") as number;
  const create = createZstd as (options: object) => ZlibTransform;
  return runZlib(create({ params: { [parameter]: maxZstdWindowLog } }), input, "zstd");
}
