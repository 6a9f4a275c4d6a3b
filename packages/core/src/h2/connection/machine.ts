/**
 * One HTTP/2 connection in either role (RFC 9113): frames in, and what they mean for the connection as a whole.
 *
 * What a frame means for its stream is the business of the rooms beside this one: `FieldBlocks` for field sections,
 * `Inbound` and `Outbound` for content, `Streams` for states and resets. What a message means is that of the role.
 */
import { Driver, type Machine, timeoutError } from "../../driver/driver.ts";
import { abortedBy, HttpError, shutdownExpired } from "../../error.ts";
import type { Observer } from "../../observer.ts";
import type { Io, Timer } from "../../rt/io.ts";
import { Defences } from "../defence/defences.ts";
import { CANCEL } from "../frame/error-code.ts";
import { continuationLimit } from "../frame/field-block-order.ts";
import { FrameReader } from "../frame/frame-reader.ts";
import type { GoAway } from "../frame/goaway.ts";
import { PeerSettings } from "../frame/peer-settings.ts";
import { HpackDecoder } from "../hpack/decoder.ts";
import { HpackEncoder } from "../hpack/encoder.ts";
import type { Http2Error } from "../http2-error.ts";
import { OutgoingFrames } from "../observe/outgoing-frames.ts";
import type { ResolvedCommonOptions } from "../options.ts";
import { CLIENT, CLOSED_BY_END, CLOSED_BY_RESET_RECEIVED, SERVER } from "../stream/state.ts";
import type { Stream } from "../stream/stream.ts";
import { Closing, type ClosingRole } from "./closing.ts";
import { ControlFrames, type ControlledConnection } from "./control-frames.ts";
import { FieldBlocks, type HeadOwner } from "./field-blocks.ts";
import { FrameOutput } from "./frame-output.ts";
import { GoingAway } from "./going-away.ts";
import { Inbound, type InboundOwner } from "./inbound.ts";
import { KeepAlive } from "./keep-alive.ts";
import { Outbound } from "./outbound.ts";
import { PING_KEEP_ALIVE, Pings } from "./pings.ts";
import { clientPreface } from "./preface.ts";
import { Receiving, type ReceivingConnection, type ReceivingRole } from "./receiving.ts";
import { type SettingEntry, SettingsExchange } from "./settings-exchange.ts";
import { Stalls } from "./stalls.ts";
import { Streams, type StreamsOwner } from "./streams.ts";

/** What the role of the connection adds: the meaning of messages. */
export interface Role extends HeadOwner, InboundOwner, ReceivingRole, ClosingRole {
  /** The first SETTINGS of this side. */
  readonly firstSettings: readonly SettingEntry[];
  /** The peer's SETTINGS have changed; on the first ones `first`. */
  settingsChanged(first: boolean): void;
  /** A SETTINGS frame of ours was acknowledged. */
  settingsAcknowledged(): void;
  goAwayReceived(goAway: GoAway): void;
  /** A stream counts no more. */
  streamClosed(stream: Stream): void;
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

const ends = { age: AGE_SLOT, drain: DRAIN_SLOT, shutdown: SHUTDOWN_SLOT };

export class Http2Machine implements Machine, StreamsOwner, ControlledConnection, ReceivingConnection {
  readonly driver: Driver<FrameOutput>;
  readonly peer: PeerSettings = new PeerSettings();
  readonly reader: FrameReader;
  readonly decoder: HpackDecoder;
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
  /** Promises of the program that may soon settle and send something. */
  awaited = 0;
  /** How often something was received. */
  reads = 0;
  readonly blocks: FieldBlocks;
  readonly #role: Role;
  readonly #options: ResolvedCommonOptions;
  readonly #timer: Timer | null;
  readonly #keepAlive: KeepAlive | undefined;
  readonly control: ControlFrames;
  readonly closing: Closing;
  readonly #receiving: Receiving;

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
    this.decoder = new HpackDecoder({ maxListBytes: options.maxHeaderListBytes });
    this.reader = new FrameReader(continuationLimit(options.maxHeaderListBytes));
    this.settings = new SettingsExchange(writer);
    this.pings = new Pings(writer);
    this.goingAway = new GoingAway(writer);
    this.streams = new Streams(role.side, options, timer, writer, this.defences, observer, this.goingAway, this);
    const { streams, defences, driver, encoder, peer } = this;
    this.inbound = new Inbound(driver, streams, defences, role, options.maxBodyBytes);
    this.#stalls = new Stalls(streams, driver.deadlines, STALL_SLOT, options.stallTimeoutMs);
    this.outbound = new Outbound(driver, encoder, peer, streams, defences, observer, this.#stalls);
    this.blocks = new FieldBlocks(role.side, this.decoder, streams, this.inbound, defences, role, options);
    this.#receiving = new Receiving(this, role, !client);
    this.control = new ControlFrames(role.side, this, SETTINGS_SLOT, options);
    const { shutdownTimeoutMs } = options;
    this.closing = new Closing(driver, role, this.reader, streams, this.pings, this.goingAway, ends, shutdownTimeoutMs);
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
    if (!this.#options.adaptiveWindow) this.inbound.retarget(this.#options.connectionWindowBytes);
    this.inbound.announce();
    this.driver.flush();
    this.leave();
  }

  /** `CLIENT` or `SERVER`. */
  get side(): number {
    return this.#role.side;
  }

  get isOver(): boolean {
    return this.closing.isOver;
  }

  /** Why the connection is over. */
  get error(): HttpError | undefined {
    return this.closing.error;
  }

  /** Whether the peer has introduced itself by its SETTINGS. */
  get isGreeted(): boolean {
    return this.control.isGreeted;
  }

  get isClosing(): boolean {
    return this.isOver || this.goingAway.isSent || this.goingAway.received !== undefined;
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
    this.enter();
    this.closing.gracefully(deadlineMs, this.isGreeted && this.#timer !== null);
    this.leave();
  }

  /** Ends the connection because of what the transport is. */
  goAwayBecause(error: Http2Error): void {
    this.enter();
    this.closing.because(error, error.reason, error.message);
    this.leave();
  }

  /** Ends the connection with GOAWAY, and all streams with it. */
  goAway(errorCode: number, debugData: string): void {
    this.enter();
    const message = debugData === "" ? "the connection was ended by the program" : debugData;
    const error = new HttpError("canceled", "GOAWAY_SENT", message, { reason: errorCode });
    this.closing.because(error, errorCode, debugData);
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
    if (this.isOver || this.reads !== reads || this.#keepAlive?.ask() !== true) return;
    this.pings.send(PING_KEEP_ALIVE, this.now());
  }

  /** Closes the connection once it has been shut down and nothing is left to do. */
  closeIfDone(): void {
    this.closing.closeIfDone();
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
    if (!this.isOver) this.control.announce(entries);
    this.leave();
  }

  // Machine: called by the driver.

  get wantsRead(): boolean {
    return !(this.isOver || this.#receiving.isPaused || this.#receiving.isFull);
  }

  get wantsWrite(): boolean {
    return this.outbound.wantsWrite || (this.#receiving.isPaused && !this.#receiving.isFull);
  }

  /**
   * Answers of asynchronous services come one by one within a turn, and so do the requests of programs that were waiting for
   * answers: they should leave together.
   */
  get moreOutputSoon(): boolean {
    return (this.awaited > 0 || this.#role.side === CLIENT) && !this.isOver;
  }

  received(): void {
    const chunk = this.driver.input.takeAll();
    if (chunk.length > 0) {
      this.reads++;
      this.#keepAlive?.heard(this.now());
      this.#receiving.push(chunk);
    }
    this.#receiving.read();
  }

  inputEnded(): void {
    this.closing.peerEnded(this.#receiving.unfinished);
  }

  writable(): void {
    this.outbound.pump();
    if (this.#receiving.isPaused && !this.#receiving.isFull) this.#receiving.read();
  }

  expired(slot: number): void {
    const options = this.#options;
    switch (slot) {
      case PREFACE_SLOT:
        if (!this.isGreeted) this.closing.expired("prefaceTimeoutMs", options.prefaceTimeoutMs, "no SETTINGS came");
        break;
      case SETTINGS_SLOT:
        if (this.settings.isPending) {
          this.closing.expired("settingsTimeoutMs", options.settingsTimeoutMs, "our SETTINGS were not acknowledged");
        }
        break;
      case KEEP_ALIVE_SLOT:
        this.#askForLife();
        break;
      case IDLE_SLOT:
        if (this.closing.openStreams > 0) break;
        if (this.#role.isIdle) this.closing.cleanly();
        else this.driver.deadlines.set(IDLE_SLOT, options.idleTimeoutMs);
        break;
      case AGE_SLOT:
        this.gracefulShutdown(options.maxConnectionAgeGraceMs || Number.POSITIVE_INFINITY);
        break;
      case DRAIN_SLOT:
        this.closing.drained();
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
    if (this.isOver) return;
    this.closing.isOver = true;
    this.closing.settle(error);
  }

  // StreamsOwner.

  streamOpened(): void {
    if (this.closing.openStreams++ > 0) return;
    this.driver.deadlines.clear(IDLE_SLOT);
    this.#keepAlive?.wake();
  }

  streamClosing(stream: Stream): void {
    this.closing.openStreams--;
    this.outbound.drop(stream);
    this.inbound.forget(stream);
    if (stream.state === CLOSED_BY_END && !stream.discards) return;
    // A client that has reset its request must not leave its content behind while handlers work through a queue.
    if (stream.state === CLOSED_BY_RESET_RECEIVED && this.side === SERVER) this.inbound.discard(stream);
    // On a client what has come stays readable, but the server need not wait for that.
    this.inbound.releaseAll(stream);
    stream.queue?.uncharge();
    stream.receiveWindow = undefined;
  }

  streamClosed(stream: Stream): void {
    this.#role.streamClosed(stream);
    if (this.closing.openStreams > 0 || this.isOver) return;
    this.driver.deadlines.set(IDLE_SLOT, this.#options.idleTimeoutMs);
    this.closeIfDone();
  }

  streamExpired(stream: Stream): void {
    this.enter();
    stream.handler.expired(stream);
    this.leave();
  }

  // ControlledConnection.

  settingsChanged(first: boolean): void {
    if (first) this.driver.deadlines.clear(PREFACE_SLOT);
    this.#role.settingsChanged(first);
  }

  settingsAcknowledged(): void {
    this.#role.settingsAcknowledged();
  }

  goAwayReceived(goAway: GoAway): void {
    this.#role.goAwayReceived(goAway);
    this.closeIfDone();
  }

  drained(): void {
    this.closing.drained();
  }

  // The end.

  #askForLife(): void {
    const now = this.now();
    switch (this.#keepAlive?.expired(this.closing.openStreams === 0, now)) {
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
    const error = timeoutError("stallTimeoutMs", this.#options.stallTimeoutMs, "the peer gave no window");
    this.streams.reset(stream, CANCEL, error);
    // RFC 9113 8.1: a response that is whole stays so.
    if (this.side === SERVER || !stream.endReceived) this.inbound.discard(stream);
  }
}
