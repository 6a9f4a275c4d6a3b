/** Content that is long enough to be cut into many reads and writes, and what it amounts to. */
import { createHash } from "node:crypto";
import { type Body, fromIterable, isData, type Trailers } from "@sluice/body";

export const mebibyte = 1_048_576;

/** `size` bytes that repeat only after 251, so that a lost or doubled block of the usual sizes shows. */
export function content(size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  for (let i = 0; i < size; i++) bytes[i] = i % 251;
  return bytes;
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** What came in a body, without keeping it. */
export async function measured(body: Body): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const frame of body) {
    if (!isData(frame)) continue;
    hash.update(frame);
    bytes += frame.length;
  }
  return { bytes, sha256: hash.digest("hex") };
}

/** A body of `bytes` in pieces, of unknown length unless `length` says so, with `trailers` behind it. */
export function inPieces(
  bytes: Uint8Array,
  options: { length?: number; trailers?: Trailers; size?: number } = {},
): Body {
  const { length, trailers, size = 50_000 } = options;
  function* pieces() {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    if (trailers !== undefined) yield trailers;
  }
  return fromIterable(pieces(), length === undefined ? undefined : { length });
}
