/**
 * A `Response` of the Fetch standard that keeps what it was made of: text that is sent never becomes a web stream, and fields
 * go out as the map they were put into.
 *
 * It is an instance of the platform's `Response`, and takes the same arguments. Fetch gives one for each answer, a handler may
 * use it in place of the platform's (`new LightResponse("Hello")`).
 */
import type { Body, HeaderMap } from "@sluice/body";
import { Content, type ContentOptions, type Source, unusable } from "./content.ts";
import { headerMapOf, LightHeaders } from "./light-headers.ts";
import { answerForSymbols, type BodyInit, isDisturbed, NativeResponse, tellsDisturbed } from "./platform.ts";

/** What a light response is made of where no constructor of the standard has a word for it. */
export interface ResponseParts {
  readonly status: number;
  readonly statusText: string;
  readonly headers: HeaderMap;
  /** Fields cannot be changed. */
  readonly immutable: boolean;
  readonly source: Source;
  readonly url?: string;
  readonly redirected?: boolean;
  readonly type?: ResponseType;
  /** Content codings were undone, of which the fields still speak. */
  readonly decoded?: boolean;
  readonly translate?: ContentOptions["translate"];
  /** A body to be cancelled when nobody holds the response any more. */
  readonly watched?: Body | undefined;
}

type ResponseType = Response["type"];

/** What has to be sent. */
export interface TakenResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: HeaderMap;
  readonly source: ReturnType<Content["take"]>;
}

/** For the bridge: a response of parts that are known to be right. */
export let lightResponse: (parts: ResponseParts) => Response;
/** For the bridge: what a light response has to send, which uses it; `undefined` for any other. */
export let takeLight: (response: unknown) => TakenResponse | undefined;

const inspectSymbol: symbol = Symbol.for("nodejs.util.inspect.custom");
/** Statuses that never have content (Fetch 2.2.3). */
const nullBodyStatuses: ReadonlySet<number> = new Set([101, 103, 204, 205, 304]);
const textType = "text/plain;charset=UTF-8";
const phrase = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Instead of the arguments of the standard. */
class Parts {
  readonly parts: ResponseParts;

  constructor(parts: ResponseParts) {
    this.parts = parts;
  }
}

export function isNullBodyStatus(status: number): boolean {
  return nullBodyStatuses.has(status);
}

class LightResponseClass {
  readonly #status: number;
  readonly #statusText: string;
  readonly #map: HeaderMap;
  readonly #source: Source;
  #rest: ResponseParts | undefined;
  #headers: LightHeaders | undefined;
  #content: Content | undefined;
  #native: Response | undefined;
  /** Its text or bytes were sent before anybody had asked for them, so that there was no need of a `Content`. */
  #isSent: boolean;

  constructor(body?: unknown, init?: ResponseInit | null) {
    this.#headers = undefined;
    this.#content = undefined;
    this.#native = undefined;
    this.#isSent = false;
    if (body instanceof Parts) {
      const { parts } = body;
      this.#rest = parts;
      this.#status = parts.status;
      this.#statusText = parts.statusText;
      this.#map = parts.headers;
      this.#source = parts.source;
      if (parts.watched !== undefined) this.#body.watch(parts.watched);
      return;
    }
    this.#rest = undefined;
    this.#status = statusOf(init?.status);
    this.#statusText = phraseOf(init?.statusText);
    this.#map = headerMapOf(init?.headers);
    const { source, type } = extract(body);
    this.#source = source;
    if (source === null) return;
    if (nullBodyStatuses.has(this.#status)) {
      throw new TypeError(`Response constructor: Invalid response status code ${this.#status}`);
    }
    if (type !== null && !this.#map.has("content-type")) this.#map.append("content-type", type);
  }

  static {
    Object.setPrototypeOf(LightResponseClass.prototype, NativeResponse.prototype);
    Object.setPrototypeOf(LightResponseClass, NativeResponse);
    Object.defineProperty(LightResponseClass, "name", { value: "Response" });
    const readable = ["type", "url", "redirected", "status", "ok", "statusText", "headers", "body", "bodyUsed"];
    for (const name of readable) Object.defineProperty(LightResponseClass.prototype, name, { enumerable: true });
    // In the place of the platform's class it has to know the platform's responses; classes made from it know their own.
    Object.defineProperty(LightResponseClass, Symbol.hasInstance, {
      value(this: unknown, value: unknown): boolean {
        if (this === LightResponseClass) return value instanceof NativeResponse;
        return Function.prototype[Symbol.hasInstance].call(this as () => void, value);
      },
    });
    lightResponse = (parts) => new LightResponseClass(new Parts(parts)) as unknown as Response;
    takeLight = (response) =>
      typeof response === "object" && response !== null && #status in response ? response.#take() : undefined;
    answerForSymbols(LightResponseClass.prototype, "response", (light) => (light as LightResponseClass).#makeNative());
    Object.defineProperty(LightResponseClass.prototype, inspectSymbol, {
      value(this: Response, _depth: unknown, options: unknown, inspect: (value: unknown, options: unknown) => string) {
        const { status, statusText, headers, bodyUsed, ok, redirected, type, url } = this;
        return `Response ${inspect({ status, statusText, headers, bodyUsed, ok, redirected, type, url }, options)}`;
      },
    });
  }

  static json(data: unknown, init?: ResponseInit): Response {
    const text: string | undefined = JSON.stringify(data);
    if (text === undefined) throw new TypeError("Response.json: the value is not JSON serializable");
    const response = new LightResponseClass(text, init);
    const given = init?.headers !== undefined && headerMapOf(init.headers).has("content-type");
    if (!given) response.#map.insert("content-type", "application/json");
    return response as unknown as Response;
  }

  get type(): ResponseType {
    return this.#rest?.type ?? "default";
  }

  get url(): string {
    return this.#rest?.url ?? "";
  }

  get redirected(): boolean {
    return this.#rest?.redirected ?? false;
  }

  get status(): number {
    return this.#status;
  }

  get ok(): boolean {
    return this.#status >= 200 && this.#status <= 299;
  }

  get statusText(): string {
    return this.#statusText;
  }

  get headers(): Headers {
    this.#headers ??= new LightHeaders(this.#map, this.#rest?.immutable === true ? "immutable" : "own");
    return this.#headers as unknown as Headers;
  }

  get body(): ReadableStream<Uint8Array> | null {
    return this.#body.stream;
  }

  get bodyUsed(): boolean {
    // A stream may have been read by whoever made it.
    return (this.#content !== undefined || this.#source !== null) && this.#body.isUsed;
  }

  text(): Promise<string> {
    return this.#body.text();
  }

  json(): Promise<unknown> {
    return this.#body.json();
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return this.#body.arrayBuffer();
  }

  bytes(): Promise<Uint8Array> {
    return this.#body.bytes();
  }

  blob(): Promise<Blob> {
    return this.#body.blob();
  }

  formData(): Promise<FormData> {
    return this.#body.formData();
  }

  clone(): Response {
    if (this.bodyUsed) throw unusable();
    const headers = this.#map.clone();
    const content = this.#body.clone(this.#contentOptions(headers));
    const parts = { status: this.#status, statusText: this.#statusText, headers, source: null, immutable: false };
    const copy = new LightResponseClass(new Parts({ ...parts, ...this.#kept() }));
    copy.#content = content;
    return copy as unknown as Response;
  }

  #kept(): Partial<ResponseParts> {
    const { url, redirected, type, decoded, immutable, translate } = this.#rest ?? {};
    return Object.fromEntries(
      Object.entries({ url, redirected, type, decoded, immutable, translate }).filter(
        ([, value]) => value !== undefined,
      ),
    );
  }

  get #body(): Content {
    if (this.#content === undefined) {
      this.#content = new Content(this.#source, this.#contentOptions(this.#map));
      if (this.#isSent) this.#content.take();
    }
    return this.#content;
  }

  #contentOptions(headers: HeaderMap): ContentOptions {
    const translate = this.#rest?.translate;
    return { type: () => headers.getAll("content-type").join(", ") || null, translate };
  }

  #take(): TakenResponse {
    const source = this.#takeSource();
    // Without content it may be returned again and again; what is done to one answer must not be seen in the next.
    const headers = source === null || this.url !== "" ? this.#map.clone() : this.#map;
    if (this.url !== "") forgetConnection(headers);
    if (this.#rest?.decoded === true) forgetCodings(headers);
    return { status: this.#status, statusText: this.#statusText, headers, source };
  }

  #takeSource(): TakenResponse["source"] {
    const source = this.#source;
    const isAtHand = typeof source === "string" || source instanceof Uint8Array;
    if (!isAtHand || this.#content !== undefined || this.#isSent) return this.#body.take();
    this.#isSent = true;
    return source;
  }

  #makeNative(): Response {
    if (this.#native === undefined) {
      const { status, statusText, headers } = this;
      this.#native = new NativeResponse(this.body as BodyInit | null, { status, statusText, headers });
    }
    return this.#native;
  }
}

/** Takes out what a response that came from a fetch says of the connection it came on. */
export function forgetConnection(headers: HeaderMap): void {
  for (const name of ["transfer-encoding", "keep-alive", "connection"]) headers.remove(name);
}

/** Takes out what the fields of a response say of content that is no longer coded. */
export function forgetCodings(headers: HeaderMap): void {
  headers.remove("content-encoding");
  headers.remove("content-length");
}

function statusOf(status: unknown): number {
  if (status === undefined) return 200;
  const value = Number(status);
  if (Number.isInteger(value) && value >= 200 && value <= 599) return value;
  throw new RangeError('init["status"] must be in the range of 200 to 599, inclusive.');
}

function phraseOf(text: unknown): string {
  if (text === undefined) return "";
  const value = String(text);
  if (phrase.test(value)) return value;
  throw new TypeError("Invalid statusText");
}

/** Fetch 5.2, "extract a body"; what is rare is left to the platform. */
function extract(body: unknown): { readonly source: Source; readonly type: string | null } {
  if (body === undefined || body === null) return { source: null, type: null };
  if (typeof body === "string") return { source: body, type: textType };
  if (ArrayBuffer.isView(body)) {
    return { source: new Uint8Array(body.buffer, body.byteOffset, body.byteLength).slice(), type: null };
  }
  if (body instanceof ArrayBuffer) return { source: new Uint8Array(body.slice(0)), type: null };
  if (tellsDisturbed && body instanceof ReadableStream && !body.locked && !isDisturbed(body)) {
    return { source: body, type: null };
  }
  const native = new NativeResponse(body as BodyInit);
  return { source: native, type: native.headers.get("content-type") };
}

/** A `Response` without a web stream behind text and bytes. */
export const LightResponse: typeof Response = LightResponseClass as unknown as typeof Response;

/**
 * Puts `LightResponse` in the place of the global `Response`, so that frameworks which say `new Response` gain from it without
 * being changed. It has to be asked for: a global belongs to the whole program.
 * @returns what puts the former one back.
 */
export function installLightResponse(): () => void {
  const former = Object.getOwnPropertyDescriptor(globalThis, "Response");
  const value = LightResponse;
  Object.defineProperty(globalThis, "Response", { configurable: true, enumerable: false, writable: true, value });
  return () => {
    if (former !== undefined && globalThis.Response === value) Object.defineProperty(globalThis, "Response", former);
  };
}
