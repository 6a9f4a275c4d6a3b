/**
 * A received request as a `Request` of the Fetch standard, made of nothing but references until something is asked for.
 *
 * It is an instance of the platform's `Request`. What the platform has to do itself (`new Request(light)`, `fetch(light)`) gets
 * a native request that is made at that moment; on platforms that hide a request's state even from that, `nativeRequest()` gives
 * it by hand.
 */
import { empty } from "@sluice/body";
import type { HttpRequest } from "@sluice/core";
import { Content, unusable } from "./content.ts";
import { LightHeaders } from "./light-headers.ts";
import { answerForSymbols, type BodyInit, NativeRequest } from "./platform.ts";

/** For the bridge: the content of a light request, which its trailers belong to. */
export let contentOfRequest: (request: LightRequest) => Content;
let nativeOf: (request: LightRequest) => Request;

const inspectSymbol: symbol = Symbol.for("nodejs.util.inspect.custom");

export class LightRequest {
  readonly #request: HttpRequest;
  readonly #url: string;
  readonly #maxBytes: number;
  #headers: LightHeaders | undefined;
  #content: Content | undefined;
  #native: Request | undefined;
  /** How often the fields had been changed when they were copied into the native request. */
  #nativeChanges = 0;

  /** @param maxBytes Most bytes of the content that are held in memory. */
  constructor(request: HttpRequest, url: string, maxBytes: number, headers?: LightHeaders, content?: Content) {
    this.#request = request;
    this.#url = url;
    this.#maxBytes = maxBytes;
    this.#headers = headers;
    this.#content = content;
    this.#native = undefined;
  }

  static {
    Object.setPrototypeOf(LightRequest.prototype, NativeRequest.prototype);
    // What no request from the wire says, as `new Request(url)` has it.
    const constants: Readonly<Record<string, unknown>> = {
      cache: "default",
      credentials: "same-origin",
      destination: "",
      duplex: "half",
      integrity: "",
      isHistoryNavigation: false,
      isReloadNavigation: false,
      keepalive: false,
      mode: "cors",
      redirect: "follow",
      referrer: "about:client",
      referrerPolicy: "",
    };
    for (const [name, value] of Object.entries(constants)) {
      Object.defineProperty(LightRequest.prototype, name, { configurable: true, enumerable: true, get: () => value });
    }
    for (const name of ["method", "url", "headers", "signal", "body", "bodyUsed"]) {
      Object.defineProperty(LightRequest.prototype, name, { enumerable: true });
    }
    contentOfRequest = (request) => request.#body;
    nativeOf = (request) => request.#nativeNow();
    answerForSymbols(LightRequest.prototype, "request", (light) => nativeOf(light as LightRequest));
    Object.defineProperty(LightRequest.prototype, inspectSymbol, {
      value(
        this: LightRequest,
        _depth: unknown,
        options: unknown,
        inspect: (value: unknown, options: unknown) => string,
      ) {
        const { method, url, headers, bodyUsed } = this;
        return `Request ${inspect({ method, url, headers, bodyUsed }, options)}`;
      },
    });
  }

  /** Tells requests that were made here. */
  static is(value: unknown): value is LightRequest {
    return typeof value === "object" && value !== null && #request in value;
  }

  get method(): string {
    return this.#request.method;
  }

  get url(): string {
    return this.#url;
  }

  get headers(): Headers {
    this.#headers ??= new LightHeaders(this.#request.headers, "shared");
    return this.#headers as unknown as Headers;
  }

  get signal(): AbortSignal {
    return this.#request.signal;
  }

  get body(): ReadableStream<Uint8Array> | null {
    return this.#body.stream;
  }

  get bodyUsed(): boolean {
    return this.#content?.isUsed ?? false;
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

  clone(): Request {
    if (this.bodyUsed) throw unusable();
    const map = LightHeaders.mapOf(this.headers) ?? this.#request.headers;
    const headers = new LightHeaders(map.clone(), "own");
    const content = this.#body.clone({ type: () => headers.get("content-type"), maxBytes: this.#maxBytes });
    return new LightRequest(this.#request, this.#url, this.#maxBytes, headers, content) as unknown as Request;
  }

  get #body(): Content {
    if (this.#content === undefined) {
      const { method, body } = this.#request;
      // As everywhere in Fetch; whoever wants the content of a GET finds it in the `HttpRequest`.
      const hasNone = method === "GET" || method === "HEAD" || body === empty() || body.isEndStream();
      const type = (): string | null => this.headers.get("content-type");
      this.#content = new Content(hasNone ? null : body, { type, maxBytes: this.#maxBytes });
    }
    return this.#content;
  }

  /** The native request, with the fields as they are now. */
  #nativeNow(): Request {
    const changes = this.#headers?.changes ?? 0;
    if (this.#native === undefined) {
      this.#native = this.#makeNative();
    } else if (changes !== this.#nativeChanges) {
      const { headers } = this.#native;
      for (const name of [...headers.keys()]) headers.delete(name);
      for (const [name, value] of this.headers) headers.append(name, value);
    }
    this.#nativeChanges = changes;
    return this.#native;
  }

  #makeNative(): Request {
    const content = this.#body;
    const init: RequestInit = { method: this.method, headers: this.headers, signal: this.signal };
    if (content.isNull) return new NativeRequest(this.#url, init);
    const wasUsed = content.isUsed;
    const stream = wasUsed ? new ReadableStream({ start: (controller) => controller.close() }) : content.stream;
    const native = new NativeRequest(this.#url, { ...init, body: stream as BodyInit, duplex: "half" });
    if (wasUsed) void native.arrayBuffer();
    return native;
  }
}

/**
 * The request as a native one, for APIs of the platform that take no other. Its content is that of `request`: reading either
 * uses both. Native requests come back as they are.
 */
export function nativeRequest(request: Request): Request {
  return LightRequest.is(request) ? nativeOf(request) : request;
}
