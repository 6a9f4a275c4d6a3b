/**
 * The life of streams: opening, the state table, resets in both directions, and the end (RFC 9113 sections 5.1, 5.4.2).
 */
import { HttpError } from "../../error.ts";
import type { Observer } from "../../observer.ts";
import type { Timer } from "../../rt/io.ts";
import type { Defences } from "../defence/defences.ts";
import { errorCodeName, NO_ERROR, REFUSED_STREAM } from "../frame/error-code.ts";
import { writeRstStream } from "../frame/rst-stream.ts";
import { connectionError, Http2Error } from "../http2-error.ts";
import type { OctetWriter } from "../octet-writer.ts";
import type { Priority } from "../stream/priority.ts";
import {
  CLOSED_BY_END,
  CLOSED_BY_RESET_RECEIVED,
  CLOSED_BY_RESET_SENT,
  CLOSED_FORGOTTEN,
  faultError,
  IDLE,
  isActive,
  isClosed,
  nextState,
  RST_STREAM,
  stateName,
  WINDOW_UPDATE,
} from "../stream/state.ts";
import { type StoreLimits, StreamStore } from "../stream/store.ts";
import { Stream, type StreamHandler } from "../stream/stream.ts";
import { StreamDeadlines } from "../stream/stream-deadlines.ts";
import type { GoingAway } from "./going-away.ts";

export interface StreamsOwner {
  /** There is one stream more. */
  streamOpened(): void;
  /** A stream has just been closed; its record is still whole. */
  streamClosing(stream: Stream): void;
  /** The stream is closed and counts no more. */
  streamClosed(stream: Stream): void;
  /** The time limit set for the stream has passed. Comes from the clock, outside of the connection's work. */
  streamExpired(stream: Stream): void;
}

export class Streams {
  readonly store: StreamStore<Stream>;
  /** The window each of our streams starts with; follows the peer's SETTINGS. */
  initialSendWindowBytes = 65_535;
  readonly #role: number;
  readonly #timer: Timer | null;
  readonly #writer: OctetWriter;
  readonly #defences: Defences;
  readonly #observer: Observer | undefined;
  readonly #goingAway: GoingAway;
  readonly #owner: StreamsOwner;
  #deadlines: StreamDeadlines<Stream> | undefined;
  /** How many resets of ours may still have frames under way that come when the reset is forgotten. */
  #unansweredResets = 0;

  constructor(
    role: number,
    limits: StoreLimits,
    timer: Timer | null,
    writer: OctetWriter,
    defences: Defences,
    observer: Observer | undefined,
    goingAway: GoingAway,
    owner: StreamsOwner,
  ) {
    this.#role = role;
    this.store = new StreamStore(role, limits);
    this.#timer = timer;
    this.#writer = writer;
    this.#defences = defences;
    this.#observer = observer;
    this.#goingAway = goingAway;
    this.#owner = owner;
  }

  /** The time limits of streams. Made for the first: a request without content has none. */
  get deadlines(): StreamDeadlines<Stream> {
    this.#deadlines ??= new StreamDeadlines(
      this.#timer,
      () => this.store.all(),
      (stream) => this.#owner.streamExpired(stream),
    );
    return this.#deadlines;
  }

  now(): number {
    return this.#timer === null ? 0 : this.#timer.now();
  }

  /** Whether we told the peer that this stream of it will not be processed. */
  ignores(streamId: number): boolean {
    return this.#goingAway.isSent && !this.store.isLocal(streamId) && this.#goingAway.ignores(streamId);
  }

  /** Throws what a defence has found to be too much. */
  check(error: Http2Error | undefined): void {
    if (error !== undefined) throw error;
  }

  /** Keeps a record for a stream that is in `state`. */
  open(id: number, state: number, handler: StreamHandler, priority: Priority): Stream {
    const stream = new Stream(id, state, handler, this.initialSendWindowBytes, priority);
    this.store.add(stream, isActive(state));
    this.#owner.streamOpened();
    if (this.store.isLocal(id)) this.#defences.streamOpened();
    if (state !== IDLE) this.#observer?.streamChanged?.(id, stateName(IDLE), stateName(state));
    return stream;
  }

  /** What is wrong with a frame received on a stream that has a record. */
  fault(stream: Stream, event: number): Http2Error | undefined {
    const next = nextState(this.#role, stream.state, event);
    return next < 0 ? (faultError(next, stream.id, stream.state, event) as Http2Error) : undefined;
  }

  /** Whether a frame may be sent on the stream. */
  allows(stream: Stream, event: number): boolean {
    return nextState(this.#role, stream.state, event) >= 0;
  }

  /**
   * A frame came for a stream that is over.
   * @param length Its octets of DATA: content that was under way when we reset the stream is not held against the peer.
   * @throws Http2Error if that is not to be let pass.
   */
  late(streamId: number, event: number, length = 0): void {
    const now = this.now();
    const state = this.stateOf(streamId, now);
    const next = nextState(this.#role, state, event);
    if (next < 0) throw faultError(next, streamId, state, event);
    if (event === WINDOW_UPDATE) this.check(this.#defences.windowUpdateReceived(now));
    else if (length === 0) this.check(this.#defences.ignoredFrame(now));
  }

  /** The state of a stream, with or without a record. */
  stateOf(streamId: number, now: number): number {
    return this.store.get(streamId)?.state ?? this.store.stateWithoutRecord(streamId, now);
  }

  /** A frame is received or sent on a stream that allows it. @throws HttpError if it does not. */
  move(stream: Stream, event: number): void {
    const next = nextState(this.#role, stream.state, event);
    if (next < 0) throw faultError(next, stream.id, stream.state, event);
    if (next !== stream.state) this.#enter(stream, next);
  }

  /** Resets a stream that is not closed. */
  reset(stream: Stream, reason: number, error: HttpError): void {
    if (isClosed(stream.state)) return;
    writeRstStream(this.#writer, stream.id, reason);
    this.#unansweredResets++;
    this.#defences.streamGivenUp();
    this.#end(stream, CLOSED_BY_RESET_SENT, error);
  }

  /** Ends a stream that needs no reset: nothing of it was written, the peer will not process it, or both have ended. */
  drop(stream: Stream, error: HttpError): void {
    if (!isClosed(stream.state)) this.#end(stream, CLOSED_FORGOTTEN, error);
  }

  /** Answers what was wrong with a stream. @throws Http2Error if that must end the connection. */
  fail(error: Http2Error): void {
    const { streamId, reason } = error;
    const now = this.now();
    const stream = this.store.get(streamId);
    const state = stream?.state ?? this.store.stateWithoutRecord(streamId, now);
    // RFC 9113 6.4: RST_STREAM must not be sent for an idle stream.
    if (state === IDLE) throw connectionError(reason, error.code, error.message);
    if (stream !== undefined && !isClosed(state)) {
      this.check(this.#defences.resetSent(now, reason, stream.canceled));
      writeRstStream(this.#writer, streamId, reason);
      this.#end(stream, CLOSED_BY_RESET_SENT, error);
      return;
    }
    this.check(this.#defences.resetSent(now, reason, this.#isAnswer()));
    this.refuse(streamId, reason);
  }

  /** Resets a stream of the peer that has no record. */
  refuse(streamId: number, reason: number): void {
    writeRstStream(this.#writer, streamId, reason);
    this.store.rememberReset(streamId, this.now());
  }

  /** RST_STREAM was received. @throws Http2Error connection error on an idle stream, or if it is too many. */
  resetReceived(streamId: number, reason: number): void {
    const now = this.now();
    const stream = this.store.get(streamId);
    const state = stream?.state ?? this.store.stateWithoutRecord(streamId, now);
    const next = nextState(this.#role, state, RST_STREAM);
    if (next < 0) throw faultError(next, streamId, state, RST_STREAM);
    if (stream !== undefined && !isClosed(state)) {
      // A stream of ours can be reset once only. What is said with NO_ERROR behind a whole message is no attack either.
      const harmless = this.store.isLocal(streamId) || (stream.endReceived && reason === NO_ERROR);
      const excess = harmless ? undefined : this.#defences.resetReceived(now);
      this.#end(stream, CLOSED_BY_RESET_RECEIVED, resetError(reason));
      this.check(excess);
    } else if (state === CLOSED_BY_RESET_SENT || this.store.isLocal(streamId)) {
      // It has crossed a reset of ours, or the end of our side.
      this.check(this.#defences.ignoredFrame(now));
    } else {
      this.check(this.#defences.resetReceived(now));
    }
  }

  /** The connection is over, and all streams with it. */
  failAll(error: HttpError): void {
    this.#deadlines?.stop();
    for (const stream of this.store.all()) {
      if (!isClosed(stream.state)) this.#end(stream, CLOSED_FORGOTTEN, error);
    }
  }

  /** Content was taken. When it was the last, a closed stream needs no record: the reader has what follows it. */
  taken(stream: Stream): void {
    if (stream.queue?.isEmpty === true) this.consumed(stream);
  }

  /** The last of what a closed stream had to give was taken, or thrown away. */
  consumed(stream: Stream): void {
    if (isClosed(stream.state)) this.#remove(stream);
  }

  #end(stream: Stream, state: number, error: HttpError): void {
    stream.error ??= error;
    this.#enter(stream, state);
    const { reader } = stream;
    stream.reader = undefined;
    reader?.over(stream);
    stream.handler.failed(stream, error);
  }

  #enter(stream: Stream, state: number): void {
    const from = stream.state;
    stream.state = state;
    if (isActive(state)) this.store.activate(stream);
    // It may go on to end the stream.
    this.#observer?.streamChanged?.(stream.id, stateName(from), stateName(state));
    if (isClosed(state)) this.#close(stream, state);
  }

  #close(stream: Stream, state: number): void {
    stream.receiveWindow?.end();
    this.#owner.streamClosing(stream);
    const unread = state === CLOSED_BY_END && stream.queue !== undefined && !stream.queue.isEmpty;
    if (unread) this.store.deactivate(stream);
    else this.#remove(stream);
    this.#owner.streamClosed(stream);
  }

  #remove(stream: Stream): void {
    this.#deadlines?.clear(stream);
    this.store.remove(stream, stream.state, stream.state === CLOSED_BY_RESET_SENT ? this.now() : 0);
  }

  /** Whether a late frame may be owed to a reset of ours that was forgotten. */
  #isAnswer(): boolean {
    if (this.#unansweredResets === 0) return false;
    this.#unansweredResets--;
    return true;
  }
}

/** The peer has reset the stream. */
function resetError(reason: number): HttpError {
  const message = `the peer reset the stream with ${errorCodeName(reason)}`;
  if (reason === REFUSED_STREAM) return new HttpError("closed", "REFUSED_STREAM", message, { reason });
  return new HttpError("incomplete", "STREAM_RESET", message, { reason });
}

/** Whether this is about a single stream. */
export function isStreamError(error: unknown): error is Http2Error {
  return error instanceof Http2Error && !error.isConnectionError;
}
