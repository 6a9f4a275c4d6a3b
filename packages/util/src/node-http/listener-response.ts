/**
 * The `res` of a listener: an `http.ServerResponse` that hands an `HttpResponse` over instead of writing to a socket.
 *
 * Fields, status and their checks are Node's own (`setHeader`, `writeHead`, `writeEarlyHints`, ...). What is written at once
 * with `end` leaves as one body of known length; what is written in pieces is held until the connection takes it, and
 * `write` says `false` while as much waits as Node would hold.
 */
import { Buffer } from "node:buffer";
import { ServerResponse } from "node:http";
import { type Body, HeaderMap } from "@sluice/body";
import { canonicalReason, HttpResponse } from "@sluice/core";
import type { ListenerRequest } from "./listener-request.ts";
import * as errors from "./node-errors.ts";
import { erroredKey, type OutgoingInternals } from "./node-internals.ts";
import { parseRawHead, parseTrailerLines } from "./raw-head.ts";
import { type BodyOwner, NoBody, QueueBody, WholeBody, type WriteDone } from "./response-body.ts";
import { type FieldRules, responseFields } from "./response-fields.ts";

/** The exchange a response belongs to. */
export interface ResponseOwner extends BodyOwner {
  readonly rules: FieldRules & { readonly addDate: boolean };
  /** The head is settled and somebody wants it sent. */
  respond(response: HttpResponse): void;
  informational(status: number, fields: HeaderMap): void;
  /** All has been written. */
  ended(): void;
  /** The listener gives the exchange up. */
  responseDestroyed(error: Error | undefined): void;
  /** Content was written. */
  active(): void;
  setTimeout(target: ServerResponse, ms: number, callback: (() => void) | undefined): void;
}

type Encoding = BufferEncoding | null | undefined;

/** Content beyond this is handed over as it is taken, so that `finish` does not come long before. */
const maxWholeBytes = 16_384;

function nothing(): void {}

export class ListenerResponse extends ServerResponse<ListenerRequest> {
  readonly #owner: ResponseOwner;
  #fields: HeaderMap | undefined = undefined;
  /** What content is written to, once the head has been handed over. */
  #queue: QueueBody | undefined = undefined;
  #handedOver = false;
  /** Whether `write` has said `false`; Node's own looks at what cannot be reached from here. */
  override writableNeedDrain = false;
  /** Whether `finish` has come, as in Node since 24; before, it was true as soon as nothing waited, sent or not. */
  override writableFinished = false;
  #written = 0;

  constructor(request: ListenerRequest, owner: ResponseOwner, socket: unknown) {
    super(request);
    this.#owner = owner;
    const own = this as unknown as Record<string, unknown>;
    own.socket = socket;
    // Set by Node for HTTP/1.0; whether the connection is kept is the engine's to say, but the listener can refuse it.
    own.shouldKeepAlive = true;
    own.useChunkedEncodingByDefault = true;
    own.write = ListenerResponse.#write;
    own.end = ListenerResponse.#end;
    own.flushHeaders = ListenerResponse.#flushHeaders;
    own.destroy = ListenerResponse.#destroy;
    own.cork = nothing;
    own.uncork = nothing;
    own.setTimeout = ListenerResponse.#setTimeout;
    own._storeHeader = ListenerResponse.#storeHeader;
    own._writeRaw = ListenerResponse.#writeRaw;
  }

  /** Whether `end` was called. */
  static isEnded(response: ListenerResponse): boolean {
    return (response as unknown as OutgoingInternals).finished;
  }

  /** `bytes` wait to be taken. */
  static waiting(response: ListenerResponse, bytes: number): void {
    const internals = response as unknown as OutgoingInternals;
    internals.outputSize = bytes;
    if (bytes > 0 || !response.writableNeedDrain) return;
    response.writableNeedDrain = false;
    process.nextTick(drained, response);
  }

  /** Emits `finish`. */
  static finish(response: ListenerResponse): void {
    response.writableFinished = true;
    response.emit("finish");
  }

  /** The exchange has failed: what waits is dropped. */
  static fail(response: ListenerResponse, reason: unknown): void {
    (response as unknown as OutgoingInternals).outputSize = 0;
    response.#queue?.fail(reason);
  }

  static readonly #storeHeader = function (this: ListenerResponse, firstLine: string, headers: unknown): void {
    const fields = responseFields(this, headers, this.#owner.rules);
    if (this.#owner.rules.addDate && this.sendDate && !fields.has("date"))
      fields.append("date", new Date().toUTCString());
    if (!this.shouldKeepAlive && !this.#owner.rules.http2 && !fields.has("connection")) {
      fields.append("connection", "close");
    }
    this.#fields = fields;
    (this as unknown as OutgoingInternals)._header = `${firstLine}\r\n`;
  };

  /** Informational responses come as text from Node's `writeContinue`, `writeProcessing` and `writeEarlyHints`. */
  static readonly #writeRaw = function (
    this: ListenerResponse,
    text: string,
    encoding: unknown,
    callback: unknown,
  ): boolean {
    const { status, fields } = parseRawHead(text);
    this.#owner.informational(status, fields);
    const done = typeof encoding === "function" ? encoding : callback;
    if (typeof done === "function") process.nextTick(done as WriteDone);
    return true;
  };

  static readonly #write = function (
    this: ListenerResponse,
    chunk: unknown,
    encoding?: Encoding | WriteDone,
    callback?: WriteDone,
  ): boolean {
    const done = typeof encoding === "function" ? encoding : callback;
    return this.#writeChunk(chunk, typeof encoding === "function" ? undefined : encoding, done);
  };

  static readonly #end = function (
    this: ListenerResponse,
    first?: unknown,
    second?: Encoding | WriteDone,
    third?: WriteDone,
  ): ListenerResponse {
    const chunk = typeof first === "function" ? undefined : first;
    const encoding = typeof first === "function" || typeof second === "function" ? undefined : second;
    const callback = [first, second, third].find((one) => typeof one === "function") as WriteDone | undefined;
    this.#endWith(chunk, encoding, callback);
    return this;
  };

  static readonly #flushHeaders = function (this: ListenerResponse): void {
    const internals = this as unknown as OutgoingInternals;
    if (internals.destroyed) return;
    if (internals._header === null) internals._implicitHeader();
    if (!this.#handedOver) this.#handOver(internals._hasBody ? this.#openQueue() : new NoBody(false, this.#owner));
  };

  static readonly #destroy = function (this: ListenerResponse, error?: Error): ListenerResponse {
    const internals = this as unknown as OutgoingInternals;
    if (internals.destroyed) return this;
    internals.destroyed = true;
    const key = erroredKey(this);
    if (key !== undefined) (this as unknown as Record<symbol, unknown>)[key] = error;
    this.#owner.responseDestroyed(error);
    return this;
  };

  static readonly #setTimeout = function (this: ListenerResponse, ms: number, callback?: () => void): ListenerResponse {
    this.#owner.setTimeout(this, ms, callback);
    return this;
  };

  #writeChunk(chunk: unknown, encoding: Encoding, callback: WriteDone | undefined): boolean {
    checkChunk(chunk);
    if (!this.#takes(callback)) return false;
    const internals = this as unknown as OutgoingInternals;
    if (this.strictContentLength) this.#count(byteLength(chunk, encoding), false);
    if (internals._header === null) internals._implicitHeader();
    if (!internals._hasBody) {
      if (callback !== undefined) process.nextTick(callback);
      return true;
    }
    const queue = this.#queue ?? this.#openQueue();
    const bytes = toBytes(chunk, encoding);
    if (!this.#handedOver) this.#handOver(queue);
    this.#owner.active();
    if (bytes.length === 0) {
      if (callback !== undefined) process.nextTick(callback);
      return true;
    }
    const roomy = queue.push(bytes, callback) < this.writableHighWaterMark;
    if (!roomy) this.writableNeedDrain = true;
    return roomy;
  }

  #endWith(given: unknown, encoding: Encoding, callback: WriteDone | undefined): void {
    const internals = this as unknown as OutgoingInternals;
    const chunk = given ? given : undefined;
    if (internals.finished) {
      this.#endAgain(chunk !== undefined, callback);
      return;
    }
    if (chunk !== undefined) checkChunk(chunk);
    const alive = chunk === undefined || this.#takes(undefined);
    if (chunk !== undefined && alive && this.strictContentLength) this.#count(byteLength(chunk, encoding), true);
    if (internals._header === null && (alive || chunk === undefined)) {
      if (chunk === undefined) internals._contentLength = 0;
      internals._implicitHeader();
    }
    if (callback !== undefined) this.once("finish", callback);
    if (isStrict(this) && this.#written !== internals._contentLength) {
      throw errors.lengthMismatch(this.#written, internals._contentLength ?? 0);
    }
    internals.finished = true;
    this.emit("prefinish");
    if (alive && !internals.destroyed) this.#complete(chunk, encoding);
    this.#owner.ended();
  }

  /** `end` on a response that has ended. */
  #endAgain(withChunk: boolean, callback: WriteDone | undefined): void {
    if (withChunk) this.#report(errors.writeAfterEnd(), callback);
    else if (callback === undefined) return;
    else if (this.writableFinished) callback(errors.alreadyFinished("end"));
    else this.on("finish", callback);
  }

  /** Hands over what is left: all of the response, if nothing was written before. */
  #complete(chunk: string | Uint8Array | undefined, encoding: Encoding): void {
    const internals = this as unknown as OutgoingInternals;
    const queue = this.#queue;
    if (queue !== undefined) {
      if (chunk !== undefined && internals._hasBody) queue.push(toBytes(chunk, encoding), undefined);
      queue.end(parseTrailerLines(internals._trailer));
    } else if (!this.#handedOver) {
      this.#handOver(this.#lastBody(chunk, encoding));
    }
  }

  #lastBody(chunk: string | Uint8Array | undefined, encoding: Encoding): Body {
    const internals = this as unknown as OutgoingInternals;
    if (!internals._hasBody) return new NoBody(false, this.#owner);
    if (internals._trailer !== "") return this.#endedQueue(chunk, encoding, undefined);
    if (chunk === undefined) return new NoBody(true, this.#owner);
    if (typeof chunk === "string" && chunk.length * 3 <= maxWholeBytes && isUtf8(encoding)) {
      return new WholeBody(chunk, this.#owner);
    }
    const bytes = toBytes(chunk, encoding);
    if (bytes.length === 0) return new NoBody(true, this.#owner);
    if (bytes.length <= maxWholeBytes) return new WholeBody(bytes, this.#owner);
    return this.#endedQueue(bytes, undefined, bytes.length);
  }

  #endedQueue(chunk: string | Uint8Array | undefined, encoding: Encoding, length: number | undefined): QueueBody {
    const queue = this.#openQueue(length);
    if (chunk !== undefined) queue.push(toBytes(chunk, encoding), undefined);
    queue.end(parseTrailerLines((this as unknown as OutgoingInternals)._trailer));
    return queue;
  }

  #openQueue(length?: number): QueueBody {
    this.#queue = new QueueBody(this.#owner, length);
    return this.#queue;
  }

  #handOver(body: Body): void {
    this.#handedOver = true;
    const response = new HttpResponse(this.statusCode, this.#fields ?? new HeaderMap(), body);
    const reason = this.statusMessage;
    if (!this.#owner.rules.http2 && reason !== "OK" && reason !== canonicalReason(this.statusCode)) {
      response.withReason(reason);
    }
    this.#owner.respond(response);
  }

  /** False, and the error is reported, if nothing can be written any more. */
  #takes(callback: WriteDone | undefined): boolean {
    const internals = this as unknown as OutgoingInternals;
    if (internals.finished) {
      this.#report(errors.writeAfterEnd(), callback);
      return false;
    }
    if (!internals.destroyed) return true;
    if (callback !== undefined) process.nextTick(callback, errors.streamDestroyed("write"));
    return false;
  }

  #report(error: Error, callback: WriteDone | undefined): void {
    if (this.destroyed) {
      if (callback !== undefined) process.nextTick(callback, error);
      return;
    }
    process.nextTick(() => {
      callback?.(error);
      if (!this.destroyed) this.emit("error", error);
    });
  }

  /** With `strictContentLength`: the content has exactly the length that was declared. */
  #count(length: number, last: boolean): void {
    const written = this.#written + length;
    const declared = (this as unknown as OutgoingInternals)._contentLength ?? 0;
    if (isStrict(this) && (last ? written !== declared : written > declared)) {
      throw errors.lengthMismatch(written, declared);
    }
    this.#written = written;
  }
}

function drained(response: ListenerResponse): void {
  if (!response.destroyed) response.emit("drain");
}

function isStrict(response: ListenerResponse): boolean {
  const internals = response as unknown as OutgoingInternals;
  return (
    response.strictContentLength &&
    internals._contentLength !== null &&
    internals._hasBody &&
    !internals._removedContLen &&
    !response.hasHeader("transfer-encoding")
  );
}

function checkChunk(chunk: unknown): asserts chunk is string | Uint8Array {
  if (typeof chunk === "string" || chunk instanceof Uint8Array) return;
  throw chunk === null ? errors.nullValues() : errors.invalidChunk(chunk);
}

function isUtf8(encoding: Encoding): boolean {
  return encoding === undefined || encoding === null || encoding === "utf8" || encoding === "utf-8";
}

function toBytes(chunk: string | Uint8Array, encoding: Encoding): Uint8Array {
  return typeof chunk === "string" ? Buffer.from(chunk, encoding ?? "utf8") : chunk;
}

function byteLength(chunk: string | Uint8Array, encoding: Encoding): number {
  return typeof chunk === "string" ? Buffer.byteLength(chunk, encoding ?? "utf8") : chunk.length;
}
