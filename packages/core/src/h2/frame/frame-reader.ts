/**
 * Received chunks to frames (RFC 9113 sections 4.1, 4.2), without copying: a frame that lies within a chunk is a window
 * on it.
 *
 * DATA comes out in parts as its octets arrive, without its padding. Other frames come out whole, gathered in memory of
 * their own if they lie in several chunks. Frames of types that are not used come out as soon as their header is there,
 * and what follows is skipped. What a header alone shows to be wrong, above all its length, is found before anything is
 * kept. There is one record for all frames; it and its window are good until the next call of `next`.
 */
import { allocate } from "../../bytes/latin1.ts";
import { connectionError, Http2Error } from "../http2-error.ts";
import { checkHeader } from "./check-header.ts";
import { paddingTooLong } from "./checks.ts";
import { FRAME_SIZE_ERROR } from "./error-code.ts";
import { FieldBlockOrder } from "./field-block-order.ts";
import { type Frame, frameHeaderBytes, newFrame, readFrameHeader } from "./frame-header.ts";
import { FLAG_PADDED, frameTypeName, isKnownType, DATA as TYPE_DATA } from "./frame-type.ts";
import { defaultMaxFrameSize } from "./settings.ts";

const none = new Uint8Array(0);

// What the next octet belongs to.
const HEADER = 0;
/** A payload that is needed whole. */
const WHOLE = 1;
const PAD_LENGTH = 2;
const DATA = 3;
/** The payload of a frame that is not used. */
const SKIPPED = 4;
/** What comes after an error that ends the connection. */
const STOPPED = 5;

export class FrameReader {
  /** The frame that `next` found. */
  readonly frame: Frame = newFrame();
  /** The longest payload accepted. It may be changed between frames, once the peer has acknowledged it. */
  maxFrameSize: number = defaultMaxFrameSize;
  readonly #order: FieldBlockOrder;
  #chunk: Uint8Array = none;
  #at = 0;
  #state = HEADER;
  /** Octets that have not come: of the data, or of what is skipped. */
  #missing = 0;
  /** Octets of padding behind the data that have not come. */
  #padding = 0;
  /** Whether no part of the DATA frame has come out yet. */
  #firstPart = true;
  /** What came in earlier chunks of a header or of a payload that is needed whole. */
  #gathered: Uint8Array = none;
  #gatheredBytes = 0;

  /** @param maxContinuations How many CONTINUATION frames a field block may take (see `continuationLimit`). */
  constructor(maxContinuations: number) {
    this.#order = new FieldBlockOrder(maxContinuations);
  }

  /** Whether the octets so far end within a frame. */
  get withinFrame(): boolean {
    return this.#state !== STOPPED && (this.#state !== HEADER || this.#gatheredBytes > 0);
  }

  /** The stream whose field block is incomplete, or 0. */
  get openFieldBlock(): number {
    return this.#order.openStreamId;
  }

  /** Adds a chunk. The one before must have been read: `next` returned false. */
  push(chunk: Uint8Array): void {
    if (this.#state === STOPPED) return;
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** Drops what is there and ignores what comes. */
  stop(): void {
    this.#state = STOPPED;
    this.#releaseChunk();
    this.#dropGathered();
  }

  /** What is left of the chunk, taken from the reader: for a connection that stops being HTTP/2. */
  takeRest(): Uint8Array {
    const rest = this.#chunk.subarray(this.#at);
    this.#releaseChunk();
    return rest;
  }

  /**
   * Goes to the next frame, or the next part of a DATA frame; false if more octets are needed.
   * @throws Http2Error. After a stream error the next frame can be read; after a connection error nothing comes.
   */
  next(): boolean {
    for (;;) {
      switch (this.#state) {
        case HEADER:
          if (!this.#readHeader()) return this.#needMore();
          if (!isKnownType(this.frame.type)) return true;
          break;
        case WHOLE:
          return this.#readWhole() || this.#needMore();
        case PAD_LENGTH:
          if (this.#at === this.#chunk.length) return this.#needMore();
          this.#readPadLength();
          break;
        case DATA:
          return this.#readData() || this.#needMore();
        case SKIPPED:
          if (!this.#skip()) return this.#needMore();
          break;
        default:
          return false;
      }
    }
  }

  #needMore(): false {
    this.#releaseChunk();
    return false;
  }

  #releaseChunk(): void {
    this.#chunk = none;
    this.#at = 0;
    this.frame.bytes = none;
    this.frame.start = 0;
    this.frame.end = 0;
  }

  #readHeader(): boolean {
    const { frame } = this;
    if (this.#at === this.#chunk.length) return false;
    if (this.#gatheredBytes === 0 && this.#chunk.length - this.#at >= frameHeaderBytes) {
      readFrameHeader(frame, this.#chunk, this.#at);
      this.#at += frameHeaderBytes;
    } else {
      if (!this.#gather(frameHeaderBytes)) return false;
      readFrameHeader(frame, this.#gathered, 0);
      this.#dropGathered();
    }
    frame.first = true;
    frame.last = true;
    frame.bytes = none;
    frame.start = 0;
    frame.end = 0;
    this.#missing = frame.length;
    this.#padding = 0;
    // Where reading goes on after a stream error.
    this.#state = SKIPPED;
    try {
      this.#checkHeader(frame);
    } catch (error) {
      if (!(error instanceof Http2Error) || error.isConnectionError) this.stop();
      throw error;
    }
    if (frame.type === TYPE_DATA) {
      this.#state = (frame.flags & FLAG_PADDED) === 0 ? DATA : PAD_LENGTH;
      this.#firstPart = true;
    } else if (isKnownType(frame.type)) {
      this.#state = WHOLE;
    }
    return true;
  }

  #checkHeader(frame: Frame): void {
    // RFC 9113 4.2; also for types that are not known.
    if (frame.length > this.maxFrameSize) {
      const name = frameTypeName(frame.type);
      const message = `${name}: length must be at most ${this.maxFrameSize}, got ${frame.length} (RFC 9113 4.2)`;
      throw connectionError(FRAME_SIZE_ERROR, "FRAME_TOO_LARGE", message);
    }
    this.#order.check(frame);
    checkHeader(frame);
  }

  #readWhole(): boolean {
    const { frame } = this;
    const { length } = frame;
    if (this.#gatheredBytes === 0 && this.#chunk.length - this.#at >= length) {
      frame.bytes = this.#chunk;
      frame.start = this.#at;
      frame.end = this.#at + length;
      this.#at = frame.end;
    } else {
      if (!this.#gather(length)) return false;
      frame.bytes = this.#gathered;
      frame.start = 0;
      frame.end = length;
      this.#dropGathered();
    }
    this.#state = HEADER;
    return true;
  }

  #readPadLength(): void {
    const { frame } = this;
    const padding = this.#chunk[this.#at++] as number;
    const room = frame.length - 1;
    if (padding > room) {
      this.stop();
      throw paddingTooLong(frame, padding, room, "6.1");
    }
    this.#padding = padding;
    this.#missing = room - padding;
    this.#state = DATA;
  }

  /** The data at hand, and behind the last of it the padding at hand. */
  #readData(): boolean {
    const { frame } = this;
    const available = this.#chunk.length - this.#at;
    const data = Math.min(this.#missing, available);
    this.#missing -= data;
    const skipped = this.#missing === 0 ? Math.min(this.#padding, available - data) : 0;
    this.#padding -= skipped;
    const last = this.#missing === 0 && this.#padding === 0;
    if (data === 0 && !last) {
      this.#at += skipped;
      return false;
    }
    frame.bytes = this.#chunk;
    frame.start = this.#at;
    frame.end = this.#at + data;
    frame.first = this.#firstPart;
    frame.last = last;
    this.#at += data + skipped;
    this.#firstPart = false;
    if (last) this.#state = HEADER;
    return true;
  }

  #skip(): boolean {
    const count = Math.min(this.#missing, this.#chunk.length - this.#at);
    this.#at += count;
    this.#missing -= count;
    if (this.#missing > 0) return false;
    this.#state = HEADER;
    return true;
  }

  /** Moves octets from the chunk until `count` are gathered; false if there are not enough. */
  #gather(count: number): boolean {
    const taken = Math.min(count - this.#gatheredBytes, this.#chunk.length - this.#at);
    const needed = this.#gatheredBytes + taken;
    if (needed > this.#gathered.length) {
      // Grows with what has come, not with what is announced.
      const larger = allocate(Math.min(count, Math.max(frameHeaderBytes, needed * 2)));
      larger.set(this.#gathered.subarray(0, this.#gatheredBytes));
      this.#gathered = larger;
    }
    this.#gathered.set(this.#chunk.subarray(this.#at, this.#at + taken), this.#gatheredBytes);
    this.#at += taken;
    this.#gatheredBytes = needed;
    return needed === count;
  }

  #dropGathered(): void {
    this.#gathered = none;
    this.#gatheredBytes = 0;
  }
}
