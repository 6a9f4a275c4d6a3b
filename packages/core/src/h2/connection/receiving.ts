/**
 * Received octets to frames, each to the room that knows what it means, and what was found to be wrong to its answer.
 *
 * Frames make output of their own. When there is much of it that the transport does not take, or much content that nobody
 * reads, the frames at hand are left alone: so answers to a flood wait in the peer's buffers, not in ours.
 */
import type { Driver } from "../../driver/driver.ts";
import { asHttpError } from "../../error.ts";
import type { Observer } from "../../observer.ts";
import type { Defences } from "../defence/defences.ts";
import { INTERNAL_ERROR, PROTOCOL_ERROR } from "../frame/error-code.ts";
import type { Frame } from "../frame/frame-header.ts";
import type { FrameReader } from "../frame/frame-reader.ts";
import * as types from "../frame/frame-type.ts";
import { decodePriority } from "../frame/priority.ts";
import { decodeRstStream } from "../frame/rst-stream.ts";
import { connectionError, Http2Error } from "../http2-error.ts";
import { frameFacts } from "../observe/frame-facts.ts";
import type { Closing } from "./closing.ts";
import type { ControlFrames } from "./control-frames.ts";
import type { FieldBlocks } from "./field-blocks.ts";
import type { FrameOutput } from "./frame-output.ts";
import type { Inbound } from "./inbound.ts";
import { PrefaceReader } from "./preface.ts";
import { isStreamError, type Streams } from "./streams.ts";

/** The rooms that frames go to. */
export interface ReceivingConnection {
  readonly driver: Driver<FrameOutput>;
  readonly reader: FrameReader;
  readonly defences: Defences;
  readonly streams: Streams;
  readonly blocks: FieldBlocks;
  readonly inbound: Inbound;
  readonly control: ControlFrames;
  readonly closing: Closing;
  readonly observer: Observer | undefined;
}

/** What only one role receives. */
export interface ReceivingRole {
  /** PRIORITY_UPDATE was received. @throws Http2Error. */
  priorityUpdated(frame: Frame): void;
  /** PUSH_PROMISE was received. @throws Http2Error if that is not allowed. */
  checkPush(): void;
}

/** Output beyond this stops reading. */
const maxOutputBytes = 65_536;

export class Receiving {
  /** Frames at hand are left alone until there is room for what they bring about. */
  isPaused = false;
  readonly #connection: ReceivingConnection;
  readonly #role: ReceivingRole;
  /** On a server, until it has come. */
  #preface: PrefaceReader | undefined;

  constructor(connection: ReceivingConnection, role: ReceivingRole, fromClient: boolean) {
    this.#connection = connection;
    this.#role = role;
    this.#preface = fromClient ? new PrefaceReader() : undefined;
  }

  /** Whether there is enough that waits to be sent or to be read. */
  get isFull(): boolean {
    const { defences, driver } = this.#connection;
    return defences.data.isShort || driver.output.length >= maxOutputBytes;
  }

  /** What the octets so far end in the middle of. */
  get unfinished(): string | undefined {
    if (this.#preface?.isPartial === true) return "the preface";
    const { reader } = this.#connection;
    return reader.withinFrame || reader.openFieldBlock !== 0 ? "a frame" : undefined;
  }

  /** Adds a chunk; the frames of those before have been read. */
  push(chunk: Uint8Array): void {
    const { reader } = this.#connection;
    const preface = this.#preface;
    if (preface === undefined) {
      reader.push(chunk);
      return;
    }
    try {
      reader.push(preface.take(chunk));
      if (preface.isComplete) this.#preface = undefined;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Reads the frames at hand. */
  read(): void {
    const { reader, closing, driver } = this.#connection;
    this.isPaused = false;
    while (!closing.isOver) {
      try {
        while (reader.next()) {
          this.#dispatch(reader.frame);
          if (closing.isOver) return;
          if (!this.isFull) continue;
          driver.flush();
          this.isPaused = this.isFull;
          if (this.isPaused) return;
        }
        return;
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  #dispatch(frame: Frame): void {
    const { observer, control, inbound, blocks, streams, defences } = this.#connection;
    if (observer?.frameReceived !== undefined && frame.first) observer.frameReceived(frameFacts(frame));
    if (!control.isGreeted) checkFirst(frame);
    switch (frame.type) {
      case types.DATA:
        if (frame.first) control.dataReceived(frame.length);
        inbound.data(frame);
        break;
      case types.HEADERS:
        blocks.headers(frame);
        break;
      case types.CONTINUATION:
        blocks.continuation(frame);
        break;
      case types.PUSH_PROMISE:
        this.#role.checkPush();
        blocks.pushPromise(frame);
        break;
      case types.PRIORITY:
        decodePriority(frame);
        streams.check(defences.priorityReceived(streams.now()));
        break;
      case types.RST_STREAM:
        streams.resetReceived(frame.streamId, decodeRstStream(frame));
        break;
      case types.SETTINGS:
        control.settings(frame);
        break;
      case types.PING:
        control.ping(frame);
        break;
      case types.GOAWAY:
        control.goAway(frame);
        break;
      case types.WINDOW_UPDATE:
        control.windowUpdate(frame);
        break;
      case types.PRIORITY_UPDATE:
        streams.check(defences.priorityUpdateReceived(streams.now()));
        this.#role.priorityUpdated(frame);
        break;
      default:
        streams.check(defences.unknownFrame(streams.now()));
        break;
    }
  }

  /** Answers what was found to be wrong: with one stream, or with the connection. */
  #fail(thrown: unknown): void {
    const { streams, closing } = this.#connection;
    let error = thrown;
    if (isStreamError(error)) {
      try {
        streams.fail(error);
        return;
      } catch (worse) {
        error = worse;
      }
    }
    if (error instanceof Http2Error) closing.because(error, error.reason, error.message);
    else closing.because(asHttpError(error), INTERNAL_ERROR, "");
  }
}

/** RFC 9113 3.4: the first frame of either side is SETTINGS. */
function checkFirst(frame: Frame): void {
  if (frame.type === types.SETTINGS && (frame.flags & types.FLAG_ACK) === 0) return;
  const message = `the first frame must be SETTINGS, got ${types.frameTypeName(frame.type)} (RFC 9113 3.4)`;
  throw connectionError(PROTOCOL_ERROR, "SETTINGS_NOT_FIRST", message);
}
