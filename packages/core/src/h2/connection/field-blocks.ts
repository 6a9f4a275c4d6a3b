/**
 * Field sections as they are received: HEADERS or PUSH_PROMISE with its CONTINUATION frames, decoded as they come, to
 * what the section means on its stream (RFC 9113 sections 4.3, 8.1).
 *
 * Every field block is decoded to its end, also when its stream is of no interest any more: all of them share one table.
 * What was found to be wrong with the stream before is answered then.
 */
import type { Defences } from "../defence/defences.ts";
import { PROTOCOL_ERROR } from "../frame/error-code.ts";
import type { Frame } from "../frame/frame-header.ts";
import { FLAG_END_HEADERS, FLAG_END_STREAM } from "../frame/frame-type.ts";
import { decodeHeaders } from "../frame/headers.ts";
import { checkDependency, type PriorityFields } from "../frame/priority.ts";
import { decodePushPromise } from "../frame/push-promise.ts";
import { TrailerSection } from "../head/trailer-section.ts";
import type { FieldSink, HpackDecoder } from "../hpack/decoder.ts";
import { type Http2Error, streamError } from "../http2-error.ts";
import { HEADERS, HEADERS_END, isClosed, PUSH_PROMISE, SERVER } from "../stream/state.ts";
import type { Stream } from "../stream/stream.ts";
import type { Inbound } from "./inbound.ts";
import type { Streams } from "./streams.ts";

/** A section is begun before it is decoded, and ended when it has been dealt with. */
interface Section {
  begin(): void;
  end(): void;
}

/** What the role of the connection does with field sections. */
export interface HeadOwner {
  /** Where the head of the peer's message on a stream is decoded: a request on a server, a response on a client. */
  readonly head: FieldSink & Section;
  /** Where promised requests are decoded; `undefined` on a server. */
  readonly promised: (FieldSink & Section) | undefined;
  /** A server: `head` holds the request that opens a stream. @throws Http2Error. */
  requestReceived(streamId: number, endStream: boolean): void;
  /** A client: `head` holds a response, interim or final. @throws Http2Error. */
  responseReceived(stream: Stream, endStream: boolean): void;
  /** A client: `promised` holds the request of a stream that is pushed. @throws Http2Error. */
  promiseReceived(parent: Stream | undefined, promisedId: number): void;
}

const nowhere: FieldSink = { field: () => {} };

const DISCARD = 0;
const REQUEST = 1;
const RESPONSE = 2;
const TRAILERS = 3;
const PROMISE = 4;

export class FieldBlocks {
  readonly #role: number;
  readonly #decoder: HpackDecoder;
  readonly #streams: Streams;
  readonly #inbound: Inbound;
  readonly #defences: Defences;
  readonly #owner: HeadOwner;
  readonly #maxListBytes: number;
  readonly #limits: { readonly maxHeaders: number };
  /** Made for the first trailers. */
  #trailers: TrailerSection | undefined;
  /** What the block being received means. */
  #kind = DISCARD;
  #streamId = 0;
  #endStream = false;
  #stream: Stream | undefined;
  #promisedId = 0;
  /** What is wrong with the stream, to be answered once the block is decoded. */
  #fault: Http2Error | undefined;
  #priority: PriorityFields | undefined;

  constructor(
    role: number,
    decoder: HpackDecoder,
    streams: Streams,
    inbound: Inbound,
    defences: Defences,
    owner: HeadOwner,
    limits: { readonly maxHeaderListBytes: number; readonly maxHeaders: number },
  ) {
    this.#role = role;
    this.#decoder = decoder;
    this.#streams = streams;
    this.#inbound = inbound;
    this.#defences = defences;
    this.#owner = owner;
    this.#maxListBytes = limits.maxHeaderListBytes;
    this.#limits = limits;
  }

  /** HEADERS. @throws Http2Error. */
  headers(frame: Frame): void {
    this.#priority = decodeHeaders(frame);
    const { streamId } = frame;
    this.#streamId = streamId;
    this.#endStream = (frame.flags & FLAG_END_STREAM) !== 0;
    this.#fault = undefined;
    this.#stream = this.#streams.store.get(streamId);
    this.#kind = this.#stream === undefined ? this.#ofNoRecord(streamId) : this.#ofStream(this.#stream);
    this.#decode(frame);
  }

  /** PUSH_PROMISE. @throws Http2Error. */
  pushPromise(frame: Frame): void {
    this.#priority = undefined;
    const promisedId = decodePushPromise(frame);
    const { streamId } = frame;
    this.#streamId = streamId;
    this.#fault = undefined;
    const stream = this.#streams.store.get(streamId);
    this.#stream = stream;
    if (stream === undefined || isClosed(stream.state)) this.#streams.late(streamId, PUSH_PROMISE);
    else this.#fault = this.#streams.fault(stream, PUSH_PROMISE);
    if (this.#fault !== undefined) throw this.#fault;
    this.#streams.check(this.#streams.store.admitRemote(promisedId));
    this.#promisedId = promisedId;
    this.#kind = PROMISE;
    this.#decode(frame);
  }

  /** CONTINUATION. @throws Http2Error. */
  continuation(frame: Frame): void {
    if (frame.length === 0 && (frame.flags & FLAG_END_HEADERS) === 0) {
      this.#streams.check(this.#defences.emptyContinuation(this.#streams.now()));
    }
    this.#fragment(frame);
  }

  #ofNoRecord(streamId: number): number {
    if (this.#role === SERVER) {
      const { store } = this.#streams;
      if (store.isLocal(streamId) || streamId > store.lastRemoteId) {
        this.#streams.check(store.admitRemote(streamId));
        return this.#streams.ignores(streamId) ? DISCARD : REQUEST;
      }
      if (this.#streams.ignores(streamId)) return DISCARD;
    }
    this.#judgeLate(streamId);
    return DISCARD;
  }

  #ofStream(stream: Stream): number {
    if (isClosed(stream.state)) {
      this.#judgeLate(stream.id);
      return DISCARD;
    }
    this.#fault = this.#streams.fault(stream, this.#endStream ? HEADERS_END : HEADERS);
    if (this.#fault !== undefined) {
      if (this.#fault.isConnectionError) throw this.#fault;
      return DISCARD;
    }
    return stream.headReceived ? TRAILERS : RESPONSE;
  }

  /** A block for a stream that is over. Where that is wrong with the stream alone, it is decoded first. */
  #judgeLate(streamId: number): void {
    try {
      this.#streams.late(streamId, this.#endStream ? HEADERS_END : HEADERS);
    } catch (error) {
      const fault = error as Http2Error;
      if (fault.isConnectionError) throw fault;
      this.#fault = fault;
    }
  }

  #decode(frame: Frame): void {
    this.#decoder.begin(this.#sink());
    this.#fragment(frame);
  }

  #sink(): FieldSink {
    switch (this.#kind) {
      case REQUEST:
      case RESPONSE:
        this.#owner.head.begin();
        return this.#owner.head;
      case TRAILERS:
        this.#trailers ??= new TrailerSection(this.#limits);
        this.#trailers.begin();
        return this.#trailers;
      case PROMISE: {
        const { promised } = this.#owner;
        promised?.begin();
        return promised ?? nowhere;
      }
      default:
        return nowhere;
    }
  }

  #fragment(frame: Frame): void {
    this.#decoder.decode(frame.bytes, frame.start, frame.end);
    if ((frame.flags & FLAG_END_HEADERS) === 0) return;
    this.#decoder.end();
    this.#complete();
  }

  #complete(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#priority !== undefined && this.#kind !== DISCARD) {
      checkDependency({ streamId: this.#streamId }, this.#priority);
    }
    if (this.#decoder.overLimit) {
      this.#streams.check(this.#defences.headersOverLimit(this.#streams.now()));
    }
    switch (this.#kind) {
      case REQUEST:
        this.#owner.requestReceived(this.#streamId, this.#endStream);
        this.#owner.head.end();
        break;
      case RESPONSE:
        if (this.#isLive(stream)) this.#owner.responseReceived(stream, this.#endStream);
        this.#owner.head.end();
        break;
      case TRAILERS:
        if (this.#isLive(stream)) this.#trailersReceived(stream);
        this.#trailers?.end();
        break;
      case PROMISE:
        this.#owner.promiseReceived(stream, this.#promisedId);
        break;
      default:
        break;
    }
  }

  /** The stream may have been closed while its block was received. */
  #isLive(stream: Stream | undefined): stream is Stream {
    return stream !== undefined && !isClosed(stream.state);
  }

  #trailersReceived(stream: Stream): void {
    const trailers = this.#trailers as TrailerSection;
    if (stream.isTunnel) {
      const message = `HEADERS: stream ${stream.id} carries a tunnel, which has no trailers (RFC 9113 8.5)`;
      throw streamError(stream.id, PROTOCOL_ERROR, "HEADERS_IN_TUNNEL", message);
    }
    if (!this.#endStream) {
      // RFC 9113 8.1: a HEADERS frame behind the head ends the message.
      const message = `HEADERS: trailers on stream ${stream.id} must carry END_STREAM (RFC 9113 8.1)`;
      throw streamError(stream.id, PROTOCOL_ERROR, "TRAILERS_WITHOUT_END_STREAM", message);
    }
    const error = trailers.check(stream.id) ?? this.tooLong(stream.id, trailers.tooMany);
    if (error !== undefined) throw error;
    if (trailers.headers.size > 0) stream.trailers = trailers.headers;
    this.#inbound.end(stream, HEADERS_END);
  }

  /** The error for a section that is larger than allowed, where nothing better can be answered. */
  tooLong(streamId: number, tooMany: boolean): Http2Error | undefined {
    if (!tooMany && !this.#decoder.overLimit) return undefined;
    const message = `HEADERS: the field section on stream ${streamId} exceeds ${this.#maxListBytes} octets or its number of fields`;
    return streamError(streamId, PROTOCOL_ERROR, "HEADER_LIST_TOO_LARGE", message);
  }

  /** The size of the section last decoded. */
  get listBytes(): number {
    return this.#decoder.listBytes;
  }

  /** Whether the section last decoded is larger than allowed. */
  get overLimit(): boolean {
    return this.#decoder.overLimit;
  }
}
