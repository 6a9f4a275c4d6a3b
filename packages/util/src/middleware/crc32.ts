/** The checksum of gzip (RFC 1952 8): the runtime's, or a table where it has none (Node has had one since 20.15). */
import zlib from "node:zlib";

const native: unknown = Reflect.get(zlib, "crc32");

/** Continues `sum`, 0 at first, with `bytes`. */
export const crc32: (bytes: Uint8Array, sum: number) => number =
  typeof native === "function" ? (native as typeof crc32ByTable) : crc32ByTable;

let table: Uint32Array | undefined;

/** As `crc32`, by a table. */
export function crc32ByTable(bytes: Uint8Array, sum: number): number {
  table ??= Uint32Array.from({ length: 256 }, (_, index) => {
    let value = index;
    for (let bit = 0; bit < 8; bit++) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ 0xedb8_8320;
    return value;
  });
  let crc = ~sum;
  for (const byte of bytes) crc = (table[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return ~crc >>> 0;
}
