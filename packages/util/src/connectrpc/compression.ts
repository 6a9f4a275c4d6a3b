/**
 * The compressions connect-es's messages are offered in, by zlib: gzip and Brotli.
 *
 * A message that would be larger than allowed is not inflated further: it fails with `resource_exhausted`.
 */
import { type BrotliOptions, brotliCompress, brotliDecompress, gunzip, gzip, type ZlibOptions } from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";

type Bytes = Uint8Array<ArrayBuffer>;
type Callback = (error: Error | null, result: Buffer) => void;
type Decompress = (bytes: Uint8Array, options: ZlibOptions & BrotliOptions, callback: Callback) => void;

export const compressionGzip: Compression = {
  name: "gzip",
  compress: (bytes) => compressed((callback) => gzip(bytes, callback)),
  decompress: (bytes, readMaxBytes) => decompressed(gunzip, bytes, readMaxBytes),
};

export const compressionBrotli: Compression = {
  name: "br",
  compress: (bytes) => compressed((callback) => brotliCompress(bytes, callback)),
  decompress: (bytes, readMaxBytes) => decompressed(brotliDecompress, bytes, readMaxBytes),
};

/** Those that are accepted unless said otherwise, the preferred one first. */
export const defaultCompressions: readonly Compression[] = [compressionGzip, compressionBrotli];

function compressed(compress: (callback: Callback) => void): Promise<Bytes> {
  return new Promise((resolve, reject) => {
    compress((error, result) => {
      if (error === null) resolve(bytesOf(result));
      else reject(new ConnectError("compression failed", Code.Internal, undefined, undefined, error));
    });
  });
}

function decompressed(decompress: Decompress, bytes: Uint8Array, readMaxBytes: number): Promise<Bytes> {
  // An empty message is sent as nothing at all.
  if (bytes.length === 0) return Promise.resolve(new Uint8Array(0));
  return new Promise((resolve, reject) => {
    decompress(bytes, { maxOutputLength: readMaxBytes }, (error, result) => {
      if (error === null) resolve(bytesOf(result));
      else reject(decompressionError(error, readMaxBytes));
    });
  });
}

/** Not as a `Buffer`: fields of bytes are cut from it, and would be some as well. */
function bytesOf({ buffer, byteOffset, byteLength }: Buffer): Bytes {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

function decompressionError(error: Error, readMaxBytes: number): ConnectError {
  if ("code" in error && error.code === "ERR_BUFFER_TOO_LARGE") {
    const message = `the message is larger than readMaxBytes = ${readMaxBytes} once it is decompressed`;
    return new ConnectError(message, Code.ResourceExhausted, undefined, undefined, error);
  }
  return new ConnectError("decompression failed", Code.InvalidArgument, undefined, undefined, error);
}
