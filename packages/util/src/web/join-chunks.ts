/** Several chunks as one. */

/** Chunks of one `write` are joined up to this size: a call of the transport costs more than copying 16 KiB. */
export const maxJoinedBytes = 16_384;

/** The chunks one behind the other, in memory of their own; `size` is their length together. */
export function joinChunks(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}

/** How many bytes the chunks are together. */
export function totalBytes(chunks: readonly Uint8Array[]): number {
  let size = 0;
  for (const chunk of chunks) size += chunk.length;
  return size;
}
