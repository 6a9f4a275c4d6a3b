/**
 * Received content: flow control, the rules on its length, and the way to whoever reads it (RFC 9113 sections 6.1, 6.9,
 * 8.1.1).
 *
 * Every octet of a DATA frame, padding included, is charged to both windows when the frame begins and given back when it
 * is dealt with: read, thrown away, or padding. So the connection's window bounds what waits unread on all streams.
 */
import type { Driver } from "../../driver/driver.ts";
import type { Defences } from "../defence/defences.ts";
import { PROTOCOL_ERROR } from "../frame/error-code.ts";
import type { Frame } from "../frame/frame-header.ts";
import { FLAG_END_STREAM } from "../frame/frame-type.ts";
import { defaultInitialWindowBytes } from "../frame/settings.ts";
import { writeWindowUpdate } from "../frame/window-update.ts";
import { streamError } from "../http2-error.ts";
import type { OctetWriter } from "../octet-writer.ts";
import { ReceiveQueue } from "../stream/receive-queue.ts";
import { DATA, DATA_END, type HEADERS_END, isClosed } from "../stream/state.ts";
import { noContentLength, type Stream } from "../stream/stream.ts";
import { ReceiveWindow } from "../stream/window.ts";
import type { FrameOutput } from "./frame-output.ts";
import type { Streams } from "./streams.ts";

export interface InboundOwner {
  /** More content came than `maxBodyBytes`. */
  tooLarge(stream: Stream): void;
}

export class Inbound {
  /** How much the peer may send on all streams together. */
  readonly window: ReceiveWindow = new ReceiveWindow(0, defaultInitialWindowBytes);
  /** The window new streams have: our INITIAL_WINDOW_SIZE, as far as it was acknowledged. */
  initialWindowBytes: number = defaultInitialWindowBytes;
  readonly #writer: OctetWriter;
  readonly #streams: Streams;
  readonly #defences: Defences;
  readonly #owner: InboundOwner;
  readonly #maxBodyBytes: number;
  /** The stream of the DATA frame being received, if its content is of any interest. */
  #stream: Stream | undefined;
  /** Octets of that frame that were not content so far: what is to come, or in the end its padding. */
  #padding = 0;

  constructor(
    driver: Driver<FrameOutput>,
    streams: Streams,
    defences: Defences,
    owner: InboundOwner,
    maxBodyBytes: number,
  ) {
    this.#writer = driver.output.writer;
    this.#streams = streams;
    this.#defences = defences;
    this.#owner = owner;
    this.#maxBodyBytes = maxBodyBytes;
  }

  /** A part of a DATA frame. @throws Http2Error. */
  data(frame: Frame): void {
    if (frame.first) this.#begin(frame);
    const stream = this.#stream;
    if (stream === undefined) return;
    const count = frame.end - frame.start;
    this.#padding -= count;
    if (count > 0) this.#content(stream, frame.bytes, frame.start, frame.end);
    // Content may have ended the stream, or whoever took it.
    if (frame.last && this.#stream === stream) this.#complete(stream, frame);
  }

  /** The stream is over: what is still under way for it is not looked at. */
  forget(stream: Stream): void {
    if (this.#stream === stream) this.#stream = undefined;
  }

  /** `count` octets that were handed out are dealt with. */
  release(stream: Stream, count: number): void {
    const window = stream.receiveWindow;
    if (window === undefined || count === 0) return;
    window.release(count);
    this.#giveBack(stream.id, window);
    this.window.release(count);
    this.#giveBack(0, this.window);
  }

  /** Nobody will read what waits, nor what is to come. */
  discard(stream: Stream): void {
    stream.discards = true;
    stream.queue?.clear();
    // The rest of a frame being received is given back as it comes.
    const rest = this.#stream === stream ? this.#padding : 0;
    this.release(stream, (stream.receiveWindow?.held ?? 0) - rest);
  }

  /** All that is held of the stream is dealt with, and nothing more of it is to come. */
  releaseAll(stream: Stream): void {
    const window = stream.receiveWindow;
    if (window === undefined) return;
    const held = window.releaseAll();
    if (held === 0) return;
    this.#giveBack(stream.id, window);
    this.window.release(held);
    this.#giveBack(0, this.window);
  }

  /** The connection's window is to be `bytes`. */
  retarget(bytes: number): void {
    this.window.retarget(bytes);
    this.#defences.data.resize(bytes);
  }

  /** Gives back all that there is to be given back to the connection's window. */
  announce(): void {
    const increment = this.window.takeAll();
    if (increment > 0) writeWindowUpdate(this.#writer, 0, increment);
  }

  /** Our INITIAL_WINDOW_SIZE was acknowledged. */
  initialWindowAcknowledged(bytes: number): void {
    const delta = bytes - this.initialWindowBytes;
    this.initialWindowBytes = bytes;
    for (const stream of this.#streams.store.all()) {
      stream.receiveWindow?.adjust(delta);
    }
  }

  /** The peer ends its side by END_STREAM. @throws Http2Error stream error if its content was too short. */
  end(stream: Stream, event: typeof DATA_END | typeof HEADERS_END): void {
    const { contentLength, received } = stream;
    if (contentLength !== noContentLength && received !== contentLength) throw wrongLength(stream);
    stream.endReceived = true;
    stream.receiveWindow?.end();
    this.#streams.move(stream, event);
    const { reader } = stream;
    stream.reader = undefined;
    reader?.over(stream);
    stream.handler.ended(stream);
  }

  /** The frame is charged before anything else: whatever becomes of it, it was sent against the window. */
  #begin(frame: Frame): void {
    this.#stream = undefined;
    const { length, streamId } = frame;
    const error = this.window.receive(length);
    if (error !== undefined) throw error;
    const streams = this.#streams;
    const stream = streams.store.get(streamId);
    if (stream === undefined || isClosed(stream.state)) {
      this.#discardFrame(length);
      if (!streams.ignores(streamId)) streams.late(streamId, endsStream(frame) ? DATA_END : DATA, length);
      return;
    }
    const fault = streams.fault(stream, endsStream(frame) ? DATA_END : DATA);
    if (fault !== undefined) {
      this.#discardFrame(length);
      throw fault;
    }
    if (!stream.headReceived) {
      this.#discardFrame(length);
      const message = `DATA: stream ${streamId} must start with HEADERS that carry a final status (RFC 9113 8.1)`;
      throw streamError(streamId, PROTOCOL_ERROR, "DATA_BEFORE_HEADERS", message);
    }
    stream.receiveWindow ??= new ReceiveWindow(streamId, this.initialWindowBytes);
    const overrun = stream.receiveWindow.receive(length);
    if (overrun !== undefined) {
      this.#discardFrame(length);
      throw overrun;
    }
    // The last frame of the stream: credit on it would be of no use, though its content may be read before it is complete.
    if (endsStream(frame)) stream.receiveWindow.end();
    this.#stream = stream;
    this.#padding = length;
  }

  #content(stream: Stream, bytes: Uint8Array, start: number, end: number): void {
    const count = end - start;
    stream.received += count;
    if (stream.contentLength !== noContentLength && stream.received > stream.contentLength) throw wrongLength(stream);
    if (stream.received > this.#maxBodyBytes) {
      this.#owner.tooLarge(stream);
      return;
    }
    if (stream.discards) {
      this.release(stream, count);
      return;
    }
    const { reader } = stream;
    if (reader !== undefined) {
      stream.reader = undefined;
      if (reader.chunk(stream, bytes.subarray(start, end))) return;
      stream.reader = reader;
    }
    stream.queue ??= new ReceiveQueue(this.#defences.data);
    stream.queue.push(bytes, start, end);
  }

  #complete(stream: Stream, frame: Frame): void {
    this.#stream = undefined;
    const padding = this.#padding;
    if (padding > 0) this.release(stream, padding);
    if (endsStream(frame)) {
      this.end(stream, DATA_END);
    } else if (padding === frame.length) {
      this.#streams.check(this.#defences.emptyData(this.#streams.now()));
    }
  }

  /** RFC 9113 6.9: DATA counts against the connection's window whatever the state of its stream. */
  #discardFrame(length: number): void {
    this.window.release(length);
    this.#giveBack(0, this.window);
  }

  #giveBack(streamId: number, window: ReceiveWindow): void {
    const increment = window.takeIncrement();
    if (increment > 0) writeWindowUpdate(this.#writer, streamId, increment);
  }
}

function endsStream(frame: Frame): boolean {
  return (frame.flags & FLAG_END_STREAM) !== 0;
}

/** RFC 9113 8.1.1: a message whose content is not as long as it says is malformed. */
function wrongLength(stream: Stream): Error {
  const what = `content-length is ${stream.contentLength}, got ${stream.received} octets`;
  return streamError(stream.id, PROTOCOL_ERROR, "CONTENT_LENGTH_MISMATCH", `DATA: ${what} (RFC 9113 8.1.1)`);
}
