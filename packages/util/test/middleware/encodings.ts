/** Encoded content, and ways to tear it. */
import zlib from "node:zlib";
import type { Frame } from "@sluice/body";
import { HttpResponse } from "@sluice/core";
import { bytes, SpyBody } from "./support.ts";

export const encoders: Readonly<Record<string, (data: Uint8Array) => Uint8Array>> = {
  gzip: (data) => zlib.gzipSync(data),
  deflate: (data) => zlib.deflateSync(data),
  "raw deflate": (data) => zlib.deflateRawSync(data),
  br: (data) => zlib.brotliCompressSync(data),
};

/** The name of the coding on the wire. */
export const codingOf = (encoder: string): string => (encoder === "raw deflate" ? "deflate" : encoder);

export function encoded(coding: string, ...frames: readonly Frame[]): HttpResponse & { readonly body: SpyBody } {
  const response = new HttpResponse(200, { "content-encoding": coding }, new SpyBody(frames));
  return response as HttpResponse & { readonly body: SpyBody };
}

/** `data` in pieces of `size` bytes. */
export function torn(data: Uint8Array, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < data.byteLength; at += size) pieces.push(data.subarray(at, at + size));
  return pieces;
}

export function join(...parts: readonly (Uint8Array | string)[]): Uint8Array {
  return Buffer.concat(parts.map((part) => (typeof part === "string" ? bytes(part) : part)));
}
