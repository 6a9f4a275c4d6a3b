/**
 * One HTTP/2 connection in either role (RFC 9113): frames in, and what they mean for the connection as a whole.
 *
 * What a frame means for its stream is the business of the rooms beside this one: `FieldBlocks` for field sections,
 * `Inbound` and `Outbound` for content, `Streams` for states and resets. What a message means is that of the role.
 */
import { Driver, type Machine, timeoutError } from "../../driver/driver.ts";
import { abortedBy, asHttpError, HttpError, shutdownExpired } from "../../error.ts";
import type { Observer } from "../../observer.ts";
import { shutdownLimit } from "../../options.ts";
import type { Io, Timer } from "../../rt/io.ts";
import { Defences } from "../defence/defences.ts";
import { CANCEL, INTERNAL_ERROR, NO_ERROR, PROTOCOL_ERROR, SETTINGS_TIMEOUT } from "../frame/error-code.ts";
import { continuationLimit } from "../frame/field-block-order.ts";
import type { Frame } from "../frame/frame-header.ts";
import { FrameReader } from "../frame/frame-reader.ts";
import * as types from "../frame/frame-type.ts";
import { decodeGoAway, type GoAway } from "../frame/goaway.ts";
import { PeerSettings } from "../frame/peer-settings.ts";
import { writePing } from "../frame/ping.ts";
import { decodePriority } from "../frame/priority.ts";
import { decodeRstStream } from "../frame/rst-stream.ts";
import {
  decodeSettings,
  SETTINGS_HEADER_TABLE_SIZE,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX_FRAME_SIZE,
  type SettingsSink,
  writeSettingsAck,
} from "../frame/settings.ts";
import { decodeWindowUpdate } from "../frame/window-update.ts";
import { HpackDecoder } from "../hpack/decoder.ts";
import { HpackEncoder } from "../hpack/encoder.ts";
import { connectionError, Http2Error } from "../http2-error.ts";
import { frameFacts } from "../observe/frame-facts.ts";
import { OutgoingFrames } from "../observe/outgoing-frames.ts";
import type { ResolvedCommonOptions } from "../options.ts";
import { BandwidthEstimator } from "../stream/bandwidth.ts";
import { CLIENT, CLOSED_BY_END, isClosed, SERVER, WINDOW_UPDATE } from "../stream/state.ts";
import type { Stream } from "../stream/stream.ts";
import { FieldBlocks, type HeadOwner } from "./field-blocks.ts";
import { FrameOutput } from "./frame-output.ts";
import { connectionLost, GoingAway } from "./going-away.ts";
import { Inbound, type InboundOwner } from "./inbound.ts";
import { KeepAlive } from "./keep-alive.ts";
import { Outbound } from "./outbound.ts";
import { PING_BANDWIDTH, PING_KEEP_ALIVE, PING_SHUTDOWN, Pings } from "./pings.ts";
import { clientPreface, PrefaceReader } from "./preface.ts";
import { type SettingEntry, SettingsExchange } from "./settings-exchange.ts";
import { Stalls } from "./stalls.ts";
import { isStreamError, Streams, type StreamsOwner } from "./streams.ts";

/** What the role of the connection adds: the meaning of messages. */
export interface Role extends Omit<HeadOwner, "ignores"> {
  /** `CLIENT` or `SERVER`. */
  readonly side: number;
  /** The first SETTINGS of this side. */
  readonly firstSettings: readonly SettingEntry[];
  /** The highest stream of the peer that was or is being processed. */
  readonly lastProcessed: number;
  /** Nothing waits that would open a stream. */
  readonly isIdle: boolean;
  /** The peer's SETTINGS have changed; on the first ones `first`. */
  settingsChanged(first: boolean): void;
  /** A SETTINGS frame of ours was acknowledged. */
  settingsAcknowledged(): void;
  /** PRIORITY_UPDATE was received. @throws Http2Error. */
  priorityUpdated(frame: Frame): void;
  /** PUSH_PROMISE was received. @throws Http2Error if that is not allowed. */
  checkPush(): void;
  goAwayReceived(goAway: GoAway): void;
  /** A graceful shutdown has begun: what waits for a stream will not get one. */
  shuttingDown(): void;
  /** More content came than allowed. */
  tooLarge(stream: Stream): void;
  /** A stream counts no more. */
  streamClosed(stream: Stream): void;
  /** The connection is over; its streams have been told. */
  over(error: HttpError | undefined): void;
}

const PREFACE_SLOT = 0;
const SETTINGS_SLOT = 1;
const KEEP_ALIVE_SLOT = 2;
const IDLE_SLOT = 3;
const AGE_SLOT = 4;
const DRAIN_SLOT = 5;
const SHUTDOWN_SLOT = 6;
const STALL_SLOT = 7;
const slots = 8;

/** How long a server waits for requests under way when its shutdown began (half of a slow round trip and more). */
const drainMs = 1_000;

/** Output beyond this stops reading: what is received makes output of its own. */
const maxOutputBytes = 65_536;

export class Http2Machine implements Machine, StreamsOwner, InboundOwner, HeadOwner, SettingsSink {
  readonly driver: Driver<FrameOutput>;
  readonly peer: PeerSettings = new PeerSettings();
  readonly encoder: HpackEncoder;
  readonly defences: Defences;
  readonly streams: Streams;
  readonly inbound: Inbound;
  readonly outbound: Outbound;
  readonly pings: Pings;
  readonly #stalls: Stalls;
  readonly goingAway: GoingAway;
  readonly settings: SettingsExchange;
  readonly observer: Observer | undefined;
  /** Why the connection is over. */
  error: HttpError | undefined;
  /** Promises of the program that may soon settle and send something. */
  awaited = 0;
  /** How often something was received. */
  reads = 0;
  readonly blocks: FieldBlocks;
  readonly #role: Role;
  readonly #options: ResolvedCommonOptions;
  readonly #timer: Timer | null;
  readonly #reader: FrameReader;
  readonly #decoder: HpackDecoder;
  readonly #keepAlive: KeepAlive | undefined;
  readonly #bandwidth: BandwidthEstimator | undefined;
  readonly #preface: PrefaceReader | undefined;
  #over = false;
  /** The peer's first SETTINGS have been received. */
  #greeted = false;
  /** Frames at hand are left alone until there is room for what they bring about. */
  #paused = false;
  /** Streams that are not closed. */
  #open = 0;

  constructor(io: Io, role: Role, options: ResolvedCommonOptions, timer: Timer | null, observer: Observer | undefined) {
    this.#role = role;
    this.#options = options;
    this.#timer = timer;
    this.observer = observer;
    const client = role.side === CLIENT;
    const seen =
      observer?.frameSent === undefined ? undefined : new OutgoingFrames(observer, client ? clientPreface.length : 0);
    this.driver = new Driver(io, this, options, new FrameOutput(seen), slots, timer, observer);
    const { writer } = this.driver.output;
    const windowBytes = options.adaptiveWindow ? 65_535 : options.connectionWindowBytes;
    const counted = observer?.defenceCounted?.bind(observer);
    this.defences = new Defences(options, windowBytes, counted);
    this.encoder = new HpackEncoder({ maxTableBytes: options.encoderTableBytes });
    this.#decoder = new HpackDecoder({ maxListBytes: options.maxHeaderListBytes });
    this.#reader = new FrameReader(continuationLimit(options.maxHeaderListBytes));
    this.settings = new SettingsExchange(writer);
    this.pings = new Pings(writer);
    this.goingAway = new GoingAway(writer);
    this.streams = new Streams(role.side, options, timer, writer, this.defences, observer, this);
    const { streams, defences, driver, encoder, peer } = this;
    this.inbound = new Inbound(driver, streams, defences, this, options.maxBodyBytes);
    this.#stalls = new Stalls(streams, driver.deadlines, STALL_SLOT, options.stallTimeoutMs);
    this.outbound = new Outbound(driver, encoder, peer, streams, defences, observer, this.#stalls);
    this.blocks = new FieldBlocks(role.side, this.#decoder, streams, this.inbound, defences, this, options);
    this.#preface = client ? undefined : new PrefaceReader();
    this.#bandwidth = options.adaptiveWindow ? new BandwidthEstimator() : undefined;
    const { deadlines } = driver;
    this.#keepAlive =
      client || options.keepAliveIntervalMs > 0
        ? new KeepAlive(deadlines, KEEP_ALIVE_SLOT, options, this.now())
        : undefined;
    deadlines.set(PREFACE_SLOT, options.prefaceTimeoutMs);
    deadlines.set(SETTINGS_SLOT, options.settingsTimeoutMs);
    deadlines.set(IDLE_SLOT, options.idleTimeoutMs);
    deadlines.set(AGE_SLOT, options.maxConnectionAgeMs);
  }

  /** Sends what comes first, and starts to receive. */
  start(): void {
    this.enter();
    if (this.#role.side === CLIENT) this.driver.output.writer.octets(clientPreface, 0, clientPreface.length);
    this.settings.send(this.#role.firstSettings);
    if (this.#bandwidth === undefined) this.inbound.retarget(this.#options.connectionWindowBytes);
    this.inbound.announce();
    this.driver.flush();
    this.leave();
  }

  /** `CLIENT` or `SERVER`. */
  get side(): number {
    return this.#role.side;
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** Whether the peer has introduced itself by its SETTINGS. */
  get isGreeted(): boolean {
    return this.#greeted;
  }

  get isClosing(): boolean {
    return this.#over || this.goingAway.isSent || this.goingAway.received !== undefined;
  }

  now(): number {
    return this.streams.now();
  }

  /** Begins work on the connection, from outside of it. */
  enter(): void {
    this.driver.enter();
  }

  leave(): void {
    this.driver.leave();
  }

  // What the program does with the connection.

  gracefulShutdown(deadlineMs?: number): void {
    const limitMs = shutdownLimit(deadlineMs, this.#options.shutdownTimeoutMs);
    if (this.driver.isClosed) return;
    const { deadlines } = this.driver;
    if (deadlineMs !== undefined || !deadlines.isSet(SHUTDOWN_SLOT)) deadlines.set(SHUTDOWN_SLOT, limitMs);
    if (this.#over || this.goingAway.isSent) return;
    deadlines.clear(AGE_SLOT);
    this.enter();
    // A client of which nothing was heard has no requests under way that it could know of.
    if (this.#role.side === CLIENT || !this.#greeted || this.#timer === null) {
      this.goingAway.send(this.#role.lastProcessed, NO_ERROR);
    } else {
      this.goingAway.announce();
      this.pings.send(PING_SHUTDOWN, this.now());
      deadlines.set(DRAIN_SLOT, drainMs);
    }
    this.#role.shuttingDown();
    this.closeIfDone();
    this.leave();
  }

  /** Ends the connection because of what the transport is. */
  goAwayBecause(error: Http2Error): void {
    this.enter();
    this.#shut(error, error.reason, error.message);
    this.leave();
  }

  /** Ends the connection with GOAWAY, and all streams with it. */
  goAway(errorCode: number, debugData: string): void {
    if (this.#over) return;
    this.enter();
    const message = debugData === "" ? "the connection was ended by the program" : debugData;
    const error = new HttpError("canceled", "GOAWAY_SENT", message, { reason: errorCode });
    this.#shut(error, errorCode, debugData);
    this.leave();
  }

  abort(reason: unknown): void {
    this.driver.abort(abortedBy(reason));
  }

  /**
   * A request was given up, with `reads` as they were when it was sent: if nothing was heard since, asks whether the peer is
   * there, so that a dead connection is not used for ever.
   */
  probe(reads: number): void {
    if (this.#over || this.reads !== reads || this.#keepAlive?.ask() !== true) return;
    this.pings.send(PING_KEEP_ALIVE, this.now());
  }

  /** Closes the connection once it has been shut down and nothing is left to do. */
  closeIfDone(): void {
    if (this.#over || this.#open > 0 || !this.#role.isIdle) return;
    if (this.goingAway.isFinal || this.goingAway.received !== undefined) this.#closeCleanly();
  }

  /** The connection's window is to be `bytes`. */
  setConnectionWindow(bytes: number): void {
    this.enter();
    this.inbound.retarget(bytes);
    this.inbound.announce();
    this.leave();
  }

  /** Announces settings while the connection runs; they are in force once the peer has acknowledged them. */
  changeSettings(entries: readonly SettingEntry[]): void {
    this.enter();
    if (!this.#over) {
      this.settings.send(entries);
      if (!this.driver.deadlines.isSet(SETTINGS_SLOT)) {
        this.driver.deadlines.set(SETTINGS_SLOT, this.#options.settingsTimeoutMs);
      }
    }
    this.leave();
  }

  // Machine: called by the driver.

  get wantsRead(): boolean {
    return !(this.#over || this.#paused || this.defences.data.isShort) && this.driver.output.length < maxOutputBytes;
  }

  get wantsWrite(): boolean {
    return this.outbound.wantsWrite || (this.#paused && !this.#mustPause);
  }

  /**
   * Answers of asynchronous services come one by one within a turn, and so do the requests of programs that were waiting for
   * answers: they should leave together.
   */
  get moreOutputSoon(): boolean {
    return (this.awaited > 0 || this.#role.side === CLIENT) && !this.#over;
  }

  received(): void {
    const chunk = this.driver.input.takeAll();
    if (chunk.length > 0) {
      this.reads++;
      this.#keepAlive?.heard(this.now());
      this.#push(chunk);
    }
    this.#read();
  }

  inputEnded(): void {
    if (this.#over) return;
    const withinPreface = this.#preface?.isPartial === true;
    const within = withinPreface || this.#reader.withinFrame || this.#reader.openFieldBlock !== 0;
    if (this.#open === 0 && !within && this.#role.isIdle) {
      this.#over = true;
      this.driver.close(undefined, SHUTDOWN_SLOT);
      this.#settle(undefined);
      return;
    }
    const part = withinPreface ? "the preface" : "a frame";
    const where = within ? `in the middle of ${part}` : "with streams open";
    this.#end(connectionLost(where, this.goingAway.received));
  }

  writable(): void {
    this.outbound.pump();
    if (this.#paused && !this.#mustPause) this.#read();
  }

  expired(slot: number): void {
    const options = this.#options;
    switch (slot) {
      case PREFACE_SLOT:
        if (!this.#greeted) this.#expire("prefaceTimeoutMs", options.prefaceTimeoutMs, "no SETTINGS came");
        break;
      case SETTINGS_SLOT:
        if (this.settings.isPending) {
          this.#expire("settingsTimeoutMs", options.settingsTimeoutMs, "our SETTINGS were not acknowledged");
        }
        break;
      case KEEP_ALIVE_SLOT:
        this.#askForLife();
        break;
      case IDLE_SLOT:
        if (this.#open > 0) break;
        if (this.#role.isIdle) this.#closeCleanly();
        else this.driver.deadlines.set(IDLE_SLOT, options.idleTimeoutMs);
        break;
      case AGE_SLOT:
        this.gracefulShutdown(options.maxConnectionAgeGraceMs || Number.POSITIVE_INFINITY);
        break;
      case DRAIN_SLOT:
        this.#finalGoAway();
        break;
      case STALL_SLOT:
        for (const stream of this.#stalls.expired()) if (this.outbound.isStalled(stream)) this.#giveUp(stream);
        break;
      default:
        this.driver.abort(shutdownExpired());
        break;
    }
  }

  failed(error: HttpError): void {
    if (this.#over) return;
    this.#over = true;
    this.#settle(error);
  }

  // StreamsOwner, InboundOwner.

  opened(): void {
    if (this.#open++ > 0) return;
    this.driver.deadlines.clear(IDLE_SLOT);
    this.#keepAlive?.wake();
  }

  closing(stream: Stream): void {
    this.#open--;
    this.outbound.drop(stream);
    this.inbound.forget(stream);
    if (stream.state === CLOSED_BY_END && !stream.discards) return;
    // What waits stays readable where it was not our doing, but the peer need not wait for that.
    this.inbound.releaseAll(stream);
    stream.queue?.uncharge();
    stream.receiveWindow = undefined;
  }

  closed(stream: Stream): void {
    this.#role.streamClosed(stream);
    if (this.#open > 0 || this.#over) return;
    this.driver.deadlines.set(IDLE_SLOT, this.#options.idleTimeoutMs);
    this.closeIfDone();
  }

  streamExpired(stream: Stream): void {
    this.enter();
    stream.handler.expired(stream);
    this.leave();
  }

  ignores(streamId: number): boolean {
    return !this.streams.store.isLocal(streamId) && this.goingAway.ignores(streamId);
  }

  tooLarge(stream: Stream): void {
    this.#role.tooLarge(stream);
  }

  // HeadOwner: what field sections mean is the role's.

  get head(): HeadOwner["head"] {
    return this.#role.head;
  }

  get promised(): HeadOwner["promised"] {
    return this.#role.promised;
  }

  requestReceived(streamId: number, endStream: boolean): void {
    this.#role.requestReceived(streamId, endStream);
  }

  responseReceived(stream: Stream, endStream: boolean): void {
    this.#role.responseReceived(stream, endStream);
  }

  promiseReceived(parent: Stream | undefined, promisedId: number): void {
    this.#role.promiseReceived(parent, promisedId);
  }

  // Receiving.

  get #mustPause(): boolean {
    return this.defences.data.isShort || this.driver.output.length >= maxOutputBytes;
  }

  #push(chunk: Uint8Array): void {
    if (this.#preface === undefined || this.#preface.isComplete) {
      this.#reader.push(chunk);
      return;
    }
    try {
      this.#reader.push(this.#preface.take(chunk));
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Reads the frames at hand. */
  #read(): void {
    this.#paused = false;
    while (!this.#over) {
      try {
        while (this.#reader.next()) {
          this.#dispatch(this.#reader.frame);
          if (this.#over) return;
          if (!this.#mustPause) continue;
          this.driver.flush();
          this.#paused = this.#mustPause;
          if (this.#paused) return;
        }
        return;
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  #dispatch(frame: Frame): void {
    if (this.observer?.frameReceived !== undefined && frame.first) this.observer.frameReceived(frameFacts(frame));
    if (!this.#greeted) this.#checkFirst(frame);
    switch (frame.type) {
      case types.DATA:
        if (frame.first && this.#bandwidth?.received(this.now(), frame.length) === true) {
          this.pings.send(PING_BANDWIDTH, this.now());
        }
        this.inbound.data(frame);
        break;
      case types.HEADERS:
        this.blocks.headers(frame);
        break;
      case types.CONTINUATION:
        this.blocks.continuation(frame);
        break;
      case types.PUSH_PROMISE:
        this.#role.checkPush();
        this.blocks.pushPromise(frame);
        break;
      case types.PRIORITY:
        decodePriority(frame);
        this.streams.check(this.defences.priorityReceived(this.now()));
        break;
      case types.RST_STREAM:
        this.streams.resetReceived(frame.streamId, decodeRstStream(frame));
        break;
      case types.SETTINGS:
        this.#settings(frame);
        break;
      case types.PING:
        this.#ping(frame);
        break;
      case types.GOAWAY:
        this.#goAwayReceived(decodeGoAway(frame));
        break;
      case types.WINDOW_UPDATE:
        this.#windowUpdate(frame);
        break;
      case types.PRIORITY_UPDATE:
        this.streams.check(this.defences.priorityUpdateReceived(this.now()));
        this.#role.priorityUpdated(frame);
        break;
      default:
        this.streams.check(this.defences.unknownFrame(this.now()));
        break;
    }
  }

  /** RFC 9113 3.4: the first frame of either side is SETTINGS. */
  #checkFirst(frame: Frame): void {
    if (frame.type === types.SETTINGS && (frame.flags & types.FLAG_ACK) === 0) return;
    const message = `the first frame must be SETTINGS, got ${types.frameTypeName(frame.type)} (RFC 9113 3.4)`;
    throw connectionError(PROTOCOL_ERROR, "SETTINGS_NOT_FIRST", message);
  }

  #settings(frame: Frame): void {
    if ((frame.flags & types.FLAG_ACK) !== 0) {
      this.#acknowledged(this.settings.acknowledged());
      return;
    }
    this.streams.check(this.defences.settingsReceived(this.now()));
    const first = !this.#greeted;
    decodeSettings(frame, this.#role.side === CLIENT, this);
    writeSettingsAck(this.driver.output.writer);
    if (first) {
      this.#greeted = true;
      this.driver.deadlines.clear(PREFACE_SLOT);
    }
    this.#role.settingsChanged(first);
  }

  /** A setting of the peer's takes effect (RFC 9113 6.5.3: in the order of the frame). */
  setting(id: number, value: number): void {
    const before = this.peer.initialWindowBytes;
    this.peer.setting(id, value);
    if (id === SETTINGS_HEADER_TABLE_SIZE) this.encoder.setAllowedTableBytes(value);
    if (id !== SETTINGS_INITIAL_WINDOW_SIZE) return;
    this.streams.initialSendWindowBytes = value;
    for (const stream of this.streams.store.all()) {
      if (isClosed(stream.state)) continue;
      this.streams.check(stream.sendWindow.adjust(value - before));
      this.outbound.windowChanged(stream);
    }
  }

  #acknowledged(entries: readonly SettingEntry[]): void {
    for (const [id, value] of entries) {
      if (id === SETTINGS_HEADER_TABLE_SIZE) this.#decoder.setAllowedTableBytes(value);
      else if (id === SETTINGS_INITIAL_WINDOW_SIZE) this.inbound.initialWindowAcknowledged(value);
      else if (id === SETTINGS_MAX_FRAME_SIZE) this.#reader.maxFrameSize = value;
    }
    if (this.settings.isPending) this.driver.deadlines.set(SETTINGS_SLOT, this.#options.settingsTimeoutMs);
    else this.driver.deadlines.clear(SETTINGS_SLOT);
    this.#role.settingsAcknowledged();
  }

  #ping(frame: Frame): void {
    const now = this.now();
    if ((frame.flags & types.FLAG_ACK) === 0) {
      this.streams.check(this.defences.pingReceived(now));
      writePing(this.driver.output.writer, true, frame.bytes, frame.start);
      return;
    }
    const purpose = this.pings.answered(frame);
    if (purpose < 0) {
      this.streams.check(this.defences.ignoredFrame(now));
      return;
    }
    const rttMs = this.pings.complete(purpose, now);
    this.observer?.pingAnswered?.(rttMs);
    if (purpose === PING_SHUTDOWN) this.#finalGoAway();
    else if (purpose === PING_BANDWIDTH) this.#adapt(now);
  }

  /** Makes the windows as large as the bandwidth-delay product asks for. */
  #adapt(now: number): void {
    const bytes = this.#bandwidth?.answered(now) ?? 0;
    if (bytes === 0) return;
    this.inbound.retarget(bytes);
    this.inbound.announce();
    this.changeSettings([[SETTINGS_INITIAL_WINDOW_SIZE, bytes]]);
  }

  #goAwayReceived(goAway: GoAway): void {
    if (this.goingAway.received !== undefined) this.streams.check(this.defences.repeatedGoAway(this.now()));
    this.streams.check(this.goingAway.receive(goAway));
    this.#role.goAwayReceived(goAway);
    this.closeIfDone();
  }

  #windowUpdate(frame: Frame): void {
    const { streamId } = frame;
    const increment = decodeWindowUpdate(frame);
    if (streamId === 0) {
      this.streams.check(this.defences.windowUpdateReceived(this.now()));
      this.streams.check(this.outbound.window.increase(increment));
      this.outbound.connectionWindowOpened();
      return;
    }
    const stream = this.streams.store.get(streamId);
    if (stream === undefined || isClosed(stream.state)) {
      if (!this.ignores(streamId)) this.streams.late(streamId, WINDOW_UPDATE);
      return;
    }
    const error = this.streams.fault(stream, WINDOW_UPDATE) ?? stream.sendWindow.increase(increment);
    if (error !== undefined) throw error;
    this.streams.check(this.defences.windowUpdateReceived(this.now()));
    this.outbound.windowChanged(stream);
  }

  // The end.

  #askForLife(): void {
    const now = this.now();
    switch (this.#keepAlive?.expired(this.#open === 0, now)) {
      case "ping":
        this.pings.send(PING_KEEP_ALIVE, now);
        break;
      case "dead":
        this.driver.abort(timeoutError("keepAliveTimeoutMs", this.#options.keepAliveTimeoutMs, "nothing was heard"));
        break;
      default:
        break;
    }
  }

  /** The peer has not let a stream send for too long. */
  #giveUp(stream: Stream): void {
    stream.canceled = true;
    // RFC 9113 8.1: a response that is whole stays so.
    if (this.#role.side === SERVER || !stream.endReceived) this.inbound.discard(stream);
    const error = timeoutError("stallTimeoutMs", this.#options.stallTimeoutMs, "the peer gave no window");
    this.streams.reset(stream, CANCEL, error);
  }

  #finalGoAway(): void {
    if (this.#over || this.goingAway.isFinal) return;
    this.driver.deadlines.clear(DRAIN_SLOT);
    this.goingAway.send(this.#role.lastProcessed, NO_ERROR);
    this.closeIfDone();
  }

  #closeCleanly(): void {
    this.#over = true;
    this.#reader.stop();
    if (!this.goingAway.isFinal) this.goingAway.send(this.#role.lastProcessed, NO_ERROR);
    this.driver.close(undefined, SHUTDOWN_SLOT);
    this.#settle(undefined);
  }

  #expire(option: string, limitMs: number, what: string): void {
    const message = `${what} within ${option} = ${limitMs} ms`;
    this.#shut(new HttpError("timeout", option, message, { reason: SETTINGS_TIMEOUT }), SETTINGS_TIMEOUT, message);
  }

  /** Answers what was found to be wrong: with one stream, or with the connection. */
  #fail(thrown: unknown): void {
    let error = thrown;
    if (isStreamError(error)) {
      try {
        this.streams.fail(error);
        return;
      } catch (worse) {
        error = worse;
      }
    }
    if (error instanceof Http2Error) this.#shut(error, error.reason, error.message);
    else this.#shut(asHttpError(error), INTERNAL_ERROR, "");
  }

  /** Ends the connection: tells the peer why, and everybody involved. */
  #shut(error: HttpError, reason: number, debugData: string): void {
    if (this.#over) return;
    this.goingAway.send(this.#role.lastProcessed, reason, debugData);
    this.#end(error);
  }

  #end(error: HttpError): void {
    this.#over = true;
    this.driver.close(error, SHUTDOWN_SLOT);
    this.#settle(error);
  }

  #settle(error: HttpError | undefined): void {
    this.#reader.stop();
    this.error = error;
    const reason = error ?? new HttpError("closed", "CLOSED", "the connection is closed");
    this.pings.fail(reason);
    this.streams.failAll(reason);
    this.#role.over(error);
  }
}
