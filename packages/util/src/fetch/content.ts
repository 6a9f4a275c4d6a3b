/**
 * What a light request or response carries, and all the ways the Fetch standard has to read it (its section 5.3, the Body mixin).
 *
 * It is read directly until somebody asks for the web stream; from then on a native `Response` holds the stream and
 * does the reading, so that its rules about locked and disturbed streams apply as they are.
 */
import type { Body, HeaderMap } from "@sluice/body";
import { type CollectedBytes, collectBytes } from "./collect-bytes.ts";
import { contentStream, type StreamEnd } from "./content-stream.ts";
import { type BodyInit, isDisturbed, NativeResponse } from "./platform.ts";

/** What content is made of; `null` for none, a native response for what only the platform can take apart. */
export type Source = string | Uint8Array | Body | ReadableStream<Uint8Array> | Response | null;

export interface ContentOptions {
  /** The value of the message's Content-Type, as it is when it is asked for. */
  readonly type: () => string | null;
  /** Most bytes that are held in memory for a reader that wants all at once. Default: no limit. */
  readonly maxBytes?: number | undefined;
  /** What a reader is told in place of an error of the body. */
  readonly translate?: ((error: unknown) => unknown) | undefined;
}

type Settle = (error: unknown, trailers?: HeaderMap) => void;

const decoder = new TextDecoder();

/** Gives up bodies that nobody can read any more, so that they do not keep their connection. */
const forgotten = new FinalizationRegistry<Body>((body) => body.cancel());

export class Content {
  readonly #source: Source;
  readonly #options: ContentOptions;
  /** It was read, or given away, without a stream. */
  #used = false;
  #container: Response | undefined;
  #isWatched = false;
  /** How reading has ended. */
  #end: { readonly error: unknown; readonly trailers: HeaderMap | undefined } | undefined;
  #waiting: Settle[] | undefined;

  constructor(source: Source, options: ContentOptions) {
    this.#source = source;
    this.#options = options;
    if (source instanceof NativeResponse) this.#container = source;
  }

  get isNull(): boolean {
    return this.#source === null;
  }

  get isUsed(): boolean {
    return this.#container?.bodyUsed ?? (this.#used || (isStream(this.#source) && isDisturbed(this.#source)));
  }

  /** The stream; the same one each time. */
  get stream(): ReadableStream<Uint8Array> | null {
    if (this.#container === undefined && isStream(this.#source)) return this.#source;
    return this.#source === null ? null : (this.#contain().body as ReadableStream<Uint8Array> | null);
  }

  text(): Promise<string> {
    if (this.#container !== undefined) return this.#container.text();
    if (typeof this.#source === "string" && !this.#used) {
      this.#used = true;
      return Promise.resolve(asDecoded(this.#source));
    }
    return this.#read((bytes) => decoder.decode(bytes));
  }

  json(): Promise<unknown> {
    return this.text().then(parseJson);
  }

  bytes(): Promise<Uint8Array> {
    return this.arrayBuffer().then((buffer) => new Uint8Array(buffer));
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    if (this.#container !== undefined) return this.#container.arrayBuffer();
    return this.#read(ownBuffer);
  }

  blob(): Promise<Blob> {
    if (this.#container !== undefined) return this.#container.blob();
    return this.#read((bytes) => this.#native(bytes).blob());
  }

  formData(): Promise<FormData> {
    if (this.#container !== undefined) return this.#container.formData();
    return this.#read((bytes) => this.#native(bytes).formData());
  }

  /** A second one with the same content. @throws TypeError if this one was read. */
  clone(options: ContentOptions): Content {
    if (this.isUsed || this.#isLocked) throw unusable();
    if (this.#container === undefined && isAtHand(this.#source)) return new Content(this.#source, options);
    return new Content(this.#contain().clone(), options);
  }

  /** Gives the content away to be sent. @throws TypeError if it was read, or its stream is locked. */
  take(): string | Uint8Array | Body | ReadableStream<Uint8Array> | null {
    if (this.#container !== undefined) return takeNative(this.#container);
    if (this.isUsed || this.#isLocked) throw unusable();
    if (this.#source !== null) this.#use();
    return this.#source as Exclude<Source, Response>;
  }

  /** Cancels the body when nobody holds this any more without having begun to read. */
  watch(body: Body): void {
    this.#isWatched = true;
    forgotten.register(this, body, this);
  }

  /** The trailers, once the content was read to its end; rejects as reading did. */
  trailers(): Promise<HeaderMap | undefined> {
    return new Promise((resolve, reject) => {
      const settle: Settle = (error, trailers) => (error === undefined ? resolve(trailers) : reject(error));
      if (this.#end !== undefined) settle(this.#end.error, this.#end.trailers);
      else if (this.#source === null) resolve(undefined);
      else (this.#waiting ??= []).push(settle);
    });
  }

  get #isLocked(): boolean {
    if (this.#container !== undefined) return this.#container.body?.locked === true;
    return isStream(this.#source) && this.#source.locked;
  }

  /** What `make` makes of all bytes; those at hand take no promise but the one given back. */
  #read<Made>(make: (bytes: Uint8Array) => Made | Promise<Made>): Promise<Made> {
    try {
      const bytes = this.#collect();
      return bytes instanceof Promise ? bytes.then(make) : Promise.resolve(make(bytes));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #collect(): Uint8Array | Promise<Uint8Array> {
    const source = this.#source;
    if (source === null) return new Uint8Array(0);
    if (this.isUsed || this.#isLocked) throw unusable();
    if (typeof source === "object" && !("frame" in source) && !(source instanceof Uint8Array)) {
      return this.#contain()
        .arrayBuffer()
        .then((buffer) => new Uint8Array(buffer));
    }
    this.#use();
    if (typeof source === "string") return new TextEncoder().encode(source);
    return source instanceof Uint8Array ? source : this.#collectBody(source);
  }

  #collectBody(body: Body): Uint8Array | Promise<Uint8Array> {
    try {
      const collected = collectBytes(body, this.#options.maxBytes ?? Number.POSITIVE_INFINITY);
      return collected instanceof Promise ? this.#awaitBody(collected) : this.#bodyCollected(collected);
    } catch (error) {
      throw this.#bodyFailed(error);
    }
  }

  async #awaitBody(collecting: Promise<CollectedBytes>): Promise<Uint8Array> {
    try {
      return this.#bodyCollected(await collecting);
    } catch (error) {
      throw this.#bodyFailed(error);
    }
  }

  #bodyCollected({ bytes, trailers }: CollectedBytes): Uint8Array {
    this.#ended(undefined, trailers);
    return bytes;
  }

  #bodyFailed(error: unknown): unknown {
    const translated = this.#translated(error);
    this.#ended(translated);
    return translated;
  }

  #use(): void {
    this.#used = true;
    if (this.#isWatched) forgotten.unregister(this);
  }

  #contain(): Response {
    if (this.#container === undefined) {
      this.#container = this.#used ? usedResponse() : this.#native(this.#platformSource());
      this.#use();
    }
    return this.#container;
  }

  #platformSource(): string | Uint8Array | ReadableStream<Uint8Array> {
    const source = this.#source as Exclude<Source, Response | null>;
    return typeof source === "object" && "frame" in source ? contentStream(source, this.#streamEnd()) : source;
  }

  #streamEnd(): StreamEnd {
    return {
      ended: (trailers) => this.#ended(undefined, trailers),
      failed: (error) => {
        const translated = this.#translated(error);
        this.#ended(translated ?? unusable());
        return translated;
      },
    };
  }

  #translated(error: unknown): unknown {
    return this.#options.translate === undefined ? error : this.#options.translate(error);
  }

  #ended(error: unknown, trailers?: HeaderMap): void {
    this.#end ??= { error, trailers };
    for (const settle of this.#waiting?.splice(0) ?? []) settle(this.#end.error, this.#end.trailers);
  }

  #native(body: string | Uint8Array | ReadableStream<Uint8Array>): Response {
    const type = this.#options.type();
    // The type is part of what a Blob or a FormData is made from.
    return new NativeResponse(body as BodyInit, { headers: type === null ? {} : { "content-type": type } });
  }
}

/** The stream of a native response that was not read. */
function takeNative(response: Response): ReadableStream<Uint8Array> | null {
  if (response.bodyUsed || response.body?.locked === true) throw unusable();
  return response.body as ReadableStream<Uint8Array> | null;
}

function usedResponse(): Response {
  const response = new NativeResponse(new ReadableStream({ start: (controller) => controller.close() }));
  void response.arrayBuffer();
  return response;
}

export function unusable(): TypeError {
  return new TypeError("Body is unusable: Body has already been read");
}

function isStream(source: Source): source is ReadableStream<Uint8Array> {
  return source instanceof ReadableStream;
}

function isAtHand(source: Source): boolean {
  return source === null || typeof source === "string" || source instanceof Uint8Array;
}

/** What text is after it was encoded and decoded: whole surrogate pairs, and no byte order mark in front. */
function asDecoded(text: string): string {
  return /[\ud800-\udfff\ufeff]/.test(text) ? decoder.decode(new TextEncoder().encode(text)) : text;
}

function parseJson(text: string): unknown {
  return JSON.parse(text);
}

/** The bytes in a buffer of their own. */
function ownBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer } = bytes;
  const isWhole = buffer.byteLength === bytes.byteLength && buffer instanceof ArrayBuffer;
  // Not `bytes.slice()`: of a Buffer that is no copy.
  return isWhole ? buffer : new Uint8Array(bytes).buffer;
}
