/**
 * One run of a decoder of `node:zlib`: bytes in, bytes out, and an end it finds by itself.
 *
 * The stream is asked for output before it is given more input, so no more than its own buffer (16 KiB) is decoded ahead. Whatever
 * ends the run, the native handle is freed.
 */
import type { Transform } from "node:stream";
import { HttpError } from "@sluice/core";
import type { ByteInput } from "./byte-input.ts";

/** What all decoders of `node:zlib` are. */
export interface ZlibTransform extends Transform {
  /** How many bytes of the input were used. */
  readonly bytesWritten: number;
}

/**
 * Decodes `input` until the coding says that it has ended, and puts what follows back; or to the end of `input`.
 * @throws HttpError kind `parse`, code `CONTENT_CODING_INVALID`, for what is not `coding`, or not all of it.
 */
export async function* runZlib(
  zlib: ZlibTransform,
  input: ByteInput,
  coding: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const run = new Run(zlib, coding);
  let fed = 0;
  try {
    for (;;) {
      const chunk = await input.read();
      if (chunk === null) break;
      fed += chunk.byteLength;
      run.write(chunk);
      for (let out = await run.next(); out !== null; out = await run.next()) yield out;
      const unused = fed - zlib.bytesWritten;
      if (unused > 0) {
        input.unread(chunk.subarray(chunk.byteLength - unused));
        return;
      }
    }
    run.end();
    for (let out = await run.next(); out !== null; out = await run.next()) yield out;
  } finally {
    zlib.destroy();
  }
}

/** The content is not what its coding says. */
export function invalidCoding(coding: string, problem: string, cause?: unknown): HttpError {
  return new HttpError("parse", "CONTENT_CODING_INVALID", `the content is not valid ${coding}: ${problem}`, { cause });
}

class Run {
  readonly #zlib: ZlibTransform;
  /** The input given last is used up, or the stream wants no more. */
  #isIdle = true;
  #failure: Error | undefined;
  #wake: () => void = () => {};

  constructor(zlib: ZlibTransform, coding: string) {
    this.#zlib = zlib;
    zlib.on("readable", () => this.#wake());
    zlib.on("end", this.#idle);
    zlib.on("error", (cause: Error) => {
      this.#failure = invalidCoding(coding, cause.message, cause);
      this.#wake();
    });
    // After its end, or because it was destroyed.
    zlib.on("close", () => {
      if (!this.#isIdle) this.#failure ??= new HttpError("canceled", "CANCELED", "decoding was given up");
      this.#wake();
    });
  }

  readonly #idle = (): void => {
    this.#isIdle = true;
    this.#wake();
  };

  write(chunk: Uint8Array): void {
    this.#isIdle = false;
    this.#zlib.write(chunk, (error) => {
      // An error is told by its event.
      if (error === undefined || error === null) this.#idle();
    });
  }

  end(): void {
    this.#isIdle = false;
    this.#zlib.end();
  }

  /** What the input given last came to, piece by piece; `null` when there is no more of it. */
  async next(): Promise<Uint8Array | null> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const out = this.#zlib.read() as Uint8Array | null;
      if (out !== null) return out;
      if (this.#isIdle) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
