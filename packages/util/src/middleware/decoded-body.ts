/**
 * A body whose content codings are undone as it is read. Trailers come through behind the decoded data.
 */
import { BaseBody, type Body, type Frame, fromIterable, isData, type SizeHint, type Trailers } from "@sluice/body";
import { ByteInput } from "./byte-input.ts";
import { type ContentCoding, decode } from "./content-codings.ts";
import type { DecodeLimits } from "./decode-limits.ts";

type Bytes = AsyncGenerator<Uint8Array, void, undefined>;

export class DecodedBody extends BaseBody {
  readonly #frames: DecodedFrames;
  readonly #body: Body;

  /** @param codings In the order they were applied. */
  constructor(inner: Body, codings: readonly ContentCoding[], limits: DecodeLimits) {
    super();
    this.#frames = new DecodedFrames(inner, codings, limits);
    this.#body = fromIterable(this.#frames);
  }

  frame(): Frame | null | Promise<Frame | null> {
    return this.#body.frame();
  }

  override isEndStream(): boolean {
    return this.#body.isEndStream();
  }

  override sizeHint(): SizeHint {
    return this.#body.sizeHint();
  }

  cancel(reason?: unknown): void {
    this.#frames.reason = reason;
    this.#body.cancel(reason);
  }
}

class DecodedFrames implements AsyncIterableIterator<Frame> {
  /** Why the reader lets go. */
  reason: unknown;
  readonly #inner: Body;
  readonly #limits: DecodeLimits;
  /** One for each coding, the last one giving what is decoded. */
  readonly #stages: readonly Bytes[];
  #trailers: Trailers | undefined;

  constructor(inner: Body, codings: readonly ContentCoding[], limits: DecodeLimits) {
    this.#inner = inner;
    this.#limits = limits;
    let pull = (): Promise<Uint8Array | null> => this.#pull();
    // RFC 9110 8.4: codings are listed in the order they were applied, so the last one is undone first.
    this.#stages = codings.toReversed().map((coding) => {
      const stage = this.#limited(decode(coding, new ByteInput(pull)));
      pull = async () => (await stage.next()).value ?? null;
      return stage;
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Frame, undefined>> {
    try {
      const result = await this.#stages.at(-1)?.next();
      if (result?.value !== undefined) return { done: false, value: result.value };
    } catch (error) {
      this.#inner.cancel(error);
      this.#close();
      throw error;
    }
    const trailers = this.#trailers;
    this.#trailers = undefined;
    return trailers === undefined ? { done: true, value: undefined } : { done: false, value: trailers };
  }

  /** Nobody wants the rest. A decoder that waits for more ends when the body inside fails for being cancelled. */
  return(): Promise<IteratorResult<Frame, undefined>> {
    this.#inner.cancel(this.reason);
    this.#close();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Ends all stages, which frees their decoders. */
  #close(): void {
    for (const stage of this.#stages) stage.return().catch(ignore);
  }

  async #pull(): Promise<Uint8Array | null> {
    for (;;) {
      const frame = await this.#inner.frame();
      if (frame === null) return null;
      if (!isData(frame)) {
        this.#trailers = frame;
        continue;
      }
      this.#limits.receive(frame.byteLength);
      return frame;
    }
  }

  async *#limited(bytes: Bytes): Bytes {
    let decoded = 0;
    for await (const chunk of bytes) {
      decoded += chunk.byteLength;
      this.#limits.check(decoded);
      yield chunk;
    }
  }
}

function ignore(): void {}
