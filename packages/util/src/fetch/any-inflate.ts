/**
 * The content coding `deflate`: with the zlib wrapper, as RFC 9110 8.4.1.2 has it, or without, as some servers send it. The first
 * byte tells: of a wrapper its lower half is 8 (RFC 1950 2.2), which no raw block begins with that anybody sends.
 */
import { Transform, type TransformCallback } from "node:stream";
import { constants, createInflate, createInflateRaw, type Inflate, type InflateRaw } from "node:zlib";

const options = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH };

export class AnyInflate extends Transform {
  #inner: Inflate | InflateRaw | undefined;

  override _transform(chunk: Buffer, encoding: BufferEncoding, callback: TransformCallback): void {
    this.#inner ??= this.#open(chunk);
    this.#inner.write(chunk, encoding, (error) => callback(error ?? null));
  }

  override _read(size: number): void {
    this.#inner?.resume();
    super._read(size);
  }

  override _flush(callback: TransformCallback): void {
    if (this.#inner === undefined) {
      callback();
      return;
    }
    this.#inner.once("end", () => callback());
    this.#inner.end();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#inner?.destroy();
    callback(error);
  }

  #open(chunk: Buffer): Inflate | InflateRaw {
    const inner = ((chunk[0] ?? 0) & 0x0f) === 8 ? createInflate(options) : createInflateRaw(options);
    inner.on("data", (data: Buffer) => {
      if (!this.push(data)) inner.pause();
    });
    inner.on("error", (error) => this.destroy(error));
    return inner;
  }
}
