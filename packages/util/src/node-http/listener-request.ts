/**
 * The `req` of a listener: an `http.IncomingMessage` whose content is pulled from the request's body as it is read.
 *
 * Nothing is read that was not asked for: Node's stream holds up to its high-water mark, and the rest stays with the
 * connection. `headers` and its relatives are Node's own getters, which make their objects when they are first looked at.
 */
import { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { type Body, type Frame, type HeaderMap, isData } from "@sluice/body";
import type { HttpRequest } from "@sluice/core";
import { type IncomingInternals, settleSignal } from "./node-internals.ts";

/** What a request tells the exchange it belongs to. */
export interface RequestOwner {
  /** The request was destroyed before it had been read to its end. */
  requestDestroyed(error: Error | undefined): void;
  /** The content cannot be had. */
  requestFailed(reason: unknown): void;
  /** Content came. */
  active(): void;
  setTimeout(target: IncomingMessage, ms: number, callback: (() => void) | undefined): void;
}

type Done = (error?: Error | null) => void;

/** The methods that each object owns; see `node-internals.ts`. */
interface OwnMethods {
  _read: (this: ListenerRequest) => void;
  _destroy: (this: ListenerRequest, error: Error | null, done: Done) => void;
  setTimeout: (this: ListenerRequest, ms: number, callback?: () => void) => ListenerRequest;
}

export class ListenerRequest extends IncomingMessage {
  readonly #body: Body;
  readonly #owner: RequestOwner;
  /** The response is complete and nobody reads: whatever is left is nobody's. */
  #dropped = false;

  constructor(request: HttpRequest, owner: RequestOwner, socket: unknown) {
    super(socket as Socket);
    this.#body = request.body;
    this.#owner = owner;
    const http2 = request.version === "HTTP/2";
    this.method = request.method;
    this.url = http2 ? request.target.originText(request.method) : request.target.toString();
    this.httpVersion = http2 ? "2.0" : request.version.slice(5);
    // What Node's response is told: its constructor makes `headers` for the sake of HTTP/1.0. See `setVersion`.
    this.httpVersionMajor = 1;
    this.httpVersionMinor = 1;
    const lines = rawLines(request, http2);
    (this as unknown as IncomingInternals)._addHeaderLines(lines, lines.length);
    const own = this as unknown as OwnMethods;
    own._read = ListenerRequest.#read;
    own._destroy = ListenerRequest.#destroyed;
    own.setTimeout = ListenerRequest.#setTimeout;
  }

  /** Says the version after the response was made. */
  static setVersion(request: ListenerRequest): void {
    if (request.httpVersion === "1.1") return;
    if (request.httpVersion === "2.0") request.httpVersionMajor = 2;
    request.httpVersionMinor = 0;
  }

  /** The listener has had its first look: a request without content is complete now. */
  static begun(request: ListenerRequest): void {
    if (request.#body.isEndStream()) request.complete = true;
  }

  /** The response is complete. Content nobody has begun to read is left to the connection, which drops it within limits. */
  static answered(request: ListenerRequest): void {
    settleSignal(request, false);
    if ((request as unknown as IncomingInternals)._consuming || request.destroyed) return;
    request.#dropped = true;
    // Only those who listen learn of its end; all others are spared the work.
    if (request.listenerCount("end") > 0 || request.listenerCount("close") > 0) request.resume();
  }

  static readonly #read = function (this: ListenerRequest): void {
    const internals = this as unknown as IncomingInternals;
    if (!internals._consuming) {
      internals._readableState.readingMore = false;
      internals._consuming = true;
    }
    this.#pull();
  };

  static readonly #destroyed = function (this: ListenerRequest, error: Error | null, done: Done): void {
    const cut = !this.#dropped && !(this.readableEnded && this.complete);
    if (cut) {
      (this as unknown as IncomingInternals).aborted = true;
      this.emit("aborted");
      settleSignal(this, true);
      this.#owner.requestDestroyed(error ?? undefined);
    }
    this.#body.cancel(error ?? undefined);
    process.nextTick(settle, this, error, done);
  };

  static readonly #setTimeout = function (this: ListenerRequest, ms: number, callback?: () => void): ListenerRequest {
    this.#owner.setTimeout(this, ms, callback);
    return this;
  };

  #pull(): void {
    if (this.#dropped) {
      this.#finish();
      return;
    }
    let frame: Frame | null | Promise<Frame | null>;
    try {
      frame = this.#body.frame();
    } catch (error) {
      this.#owner.requestFailed(error);
      return;
    }
    if (frame !== null && "then" in frame) {
      frame.then(this.#onFrame, this.#onError);
    } else {
      this.#take(frame);
    }
  }

  get #onFrame(): (frame: Frame | null) => void {
    return (frame) => {
      if (!this.destroyed) this.#take(frame);
    };
  }

  get #onError(): (error: unknown) => void {
    return (error) => {
      this.#owner.requestFailed(error);
    };
  }

  #take(frame: Frame | null): void {
    if (frame === null) {
      this.#finish();
    } else if (isData(frame)) {
      this.#owner.active();
      this.push(frame);
    } else {
      this.#takeTrailers(frame.fields);
      this.#pull();
    }
  }

  #takeTrailers(fields: HeaderMap): void {
    const lines: string[] = [];
    addLines(lines, fields);
    this.complete = true;
    (this as unknown as IncomingInternals)._addHeaderLines(lines, lines.length);
  }

  #finish(): void {
    this.complete = true;
    this.push(null);
  }
}

/** As Node has it: nobody is bothered with an error that nobody listens for. */
function settle(request: ListenerRequest, error: Error | null, done: Done): void {
  done(request.listenerCount("error") === 0 ? null : error);
}

/**
 * Names and values in turn. A request of HTTP/2 is shown as HTTP/1 would have it, which is all that listeners know: with the
 * authority as Host, and saying by Transfer-Encoding that there is content where no length says so.
 */
function rawLines(request: HttpRequest, http2: boolean): string[] {
  const { headers } = request;
  const lines: string[] = [];
  if (http2) {
    const { authority } = request.target;
    if (authority !== undefined && !headers.has("host")) lines.push("host", authority);
  }
  addLines(lines, headers);
  if (http2 && !request.body.isEndStream() && !headers.has("content-length")) {
    lines.push("transfer-encoding", "chunked");
  }
  return lines;
}

function addLines(lines: string[], fields: HeaderMap): void {
  for (let i = 0; i < fields.size; i++) {
    lines.push(fields.originalNameAt(i) ?? fields.nameAt(i), fields.valueAt(i));
  }
}
