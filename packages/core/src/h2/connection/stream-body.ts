/**
 * The body of a received message: content, then trailers, as it is read. What is handed out is released at once, so the
 * peer may send more; what is not asked for stays in the stream's window.
 */
import { BaseBody, BodyError, type Frame, SizeHint, Trailers } from "@sluice/body";
import { HttpError } from "../../error.ts";
import { noContentLength, type Stream, type StreamReader } from "../stream/stream.ts";

/** What the exchange is told by the body it hands out. All calls come from outside of the connection. */
export interface StreamBodyOwner {
  /** A reader waits for content that has not arrived. */
  bodyWanted(stream: Stream): void;
  /** A reader has taken `count` octets, at once or after waiting. */
  bodyTaken(stream: Stream, count: number): void;
  /** A reader has seen the end. */
  bodyFinished(stream: Stream): void;
  /** The reader lost interest. */
  bodyCanceled(stream: Stream): void;
}

type Resolve = (frame: Frame | null) => void;
type Reject = (error: unknown) => void;

// The functions of the promise being made. A closure and a record for each frame that is waited for would be a third of what
// that costs.
let madeResolve: Resolve;
let madeReject: Reject;

function keepMade(resolve: Resolve, reject: Reject): void {
  madeResolve = resolve;
  madeReject = reject;
}

export class StreamBody extends BaseBody implements StreamReader {
  /** Somebody has begun to read, and has not given up. */
  isRead = false;
  readonly #stream: Stream;
  readonly #owner: StreamBodyOwner;
  /** The functions of the promise that a reader waits for, both or neither. */
  #resolve: Resolve | undefined;
  #reject: Reject | undefined;
  #finished = false;
  /** Why nothing more is given, other than the stream's error. */
  #failure: unknown;

  constructor(stream: Stream, owner: StreamBodyOwner) {
    super();
    this.#stream = stream;
    this.#owner = owner;
  }

  override frame(): Frame | null | Promise<Frame | null> {
    if (this.#finished) return null;
    if (this.#failure !== undefined) return this.#fail(this.#failure);
    if (this.#resolve !== undefined)
      throw new BodyError("busy", "frame() was called while an earlier call was pending");
    this.isRead = true;
    const stream = this.#stream;
    const chunk = stream.queue?.shift();
    if (chunk !== undefined) {
      this.#owner.bodyTaken(stream, chunk.length);
      return chunk;
    }
    // What was thrown away must not pass for the whole.
    if (stream.error !== undefined && (stream.discards || !stream.endReceived)) return this.#fail(stream.error);
    if (stream.endReceived) return this.#end();
    const promise = new Promise(keepMade);
    this.#resolve = madeResolve;
    this.#reject = madeReject;
    stream.reader = this;
    this.#owner.bodyWanted(stream);
    return promise;
  }

  override isEndStream(): boolean {
    if (this.#finished) return true;
    const { endReceived, queue, trailers } = this.#stream;
    return endReceived && trailers === undefined && (queue === undefined || queue.isEmpty);
  }

  override sizeHint(): SizeHint {
    if (this.#finished) return SizeHint.zero;
    const { contentLength, received, queue, endReceived } = this.#stream;
    const waiting = queue?.length ?? 0;
    if (endReceived) return SizeHint.exact(waiting);
    if (contentLength === noContentLength) return SizeHint.unknown;
    return SizeHint.exact(contentLength - received + waiting);
  }

  override cancel(reason?: unknown): void {
    if (this.#finished || this.#failure !== undefined) return;
    this.#failure = reason ?? new HttpError("canceled", "BODY_CANCELED", "the body was canceled");
    this.isRead = false;
    this.#rejectReader(this.#failure);
    this.#owner.bodyCanceled(this.#stream);
  }

  /** Whether a reader has seen the end, or an error. */
  get isFinished(): boolean {
    return this.#finished;
  }

  /** Whether a reader waits for content that has not arrived. */
  get isWaiting(): boolean {
    return this.#resolve !== undefined;
  }

  /** Takes the content away from a reader, because of `error`. */
  fail(error: HttpError): void {
    if (this.#finished || this.#failure !== undefined) return;
    this.#failure = error;
    this.isRead = false;
    this.#rejectReader(error);
  }

  // StreamReader: called by the connection.

  chunk(stream: Stream, bytes: Uint8Array): boolean {
    const resolve = this.#takeReader();
    this.#owner.bodyTaken(stream, bytes.length);
    resolve?.(bytes);
    return true;
  }

  over(stream: Stream): void {
    if (stream.endReceived) this.#takeReader()?.(this.#end());
    else this.#rejectReader(stream.error);
  }

  /** Who waits for content does so no more; how to give it to them. */
  #takeReader(): Resolve | undefined {
    const resolve = this.#resolve;
    this.#resolve = undefined;
    this.#reject = undefined;
    return resolve;
  }

  /** If somebody waits, the error is given. */
  #rejectReader(error: unknown): void {
    const reject = this.#reject;
    if (reject === undefined) return;
    this.#takeReader();
    this.#finished = true;
    reject(error);
  }

  /** The trailers, and when they were given the end. */
  #end(): Frame | null {
    const stream = this.#stream;
    const { trailers } = stream;
    if (trailers !== undefined) {
      stream.trailers = undefined;
      return new Trailers(trailers);
    }
    this.#finished = true;
    this.#owner.bodyFinished(stream);
    return null;
  }

  /** An error is given once; after it comes the end. */
  #fail(error: unknown): never {
    this.#finished = true;
    throw error;
  }
}
