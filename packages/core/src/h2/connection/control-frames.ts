/**
 * The frames that are about the connection: SETTINGS, PING, GOAWAY and WINDOW_UPDATE (RFC 9113 sections 6.5, 6.7-6.9).
 */
import type { Driver } from "../../driver/driver.ts";
import type { Observer } from "../../observer.ts";
import type { Defences } from "../defence/defences.ts";
import type { Frame } from "../frame/frame-header.ts";
import type { FrameReader } from "../frame/frame-reader.ts";
import { FLAG_ACK } from "../frame/frame-type.ts";
import { decodeGoAway, type GoAway } from "../frame/goaway.ts";
import type { PeerSettings } from "../frame/peer-settings.ts";
import { writePing } from "../frame/ping.ts";
import {
  decodeSettings,
  SETTINGS_HEADER_TABLE_SIZE,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX_FRAME_SIZE,
  type SettingsSink,
  writeSettingsAck,
} from "../frame/settings.ts";
import { decodeWindowUpdate } from "../frame/window-update.ts";
import type { HpackDecoder } from "../hpack/decoder.ts";
import type { HpackEncoder } from "../hpack/encoder.ts";
import { BandwidthEstimator } from "../stream/bandwidth.ts";
import { CLIENT, isClosed, WINDOW_UPDATE } from "../stream/state.ts";
import type { FrameOutput } from "./frame-output.ts";
import type { GoingAway } from "./going-away.ts";
import type { Inbound } from "./inbound.ts";
import type { Outbound } from "./outbound.ts";
import { PING_BANDWIDTH, PING_SHUTDOWN, type Pings } from "./pings.ts";
import type { SettingEntry, SettingsExchange } from "./settings-exchange.ts";
import type { Streams } from "./streams.ts";

/** The rooms of the connection that these frames change, and what they mean for the rest of it. */
export interface ControlledConnection {
  /** The peer's SETTINGS have changed; on the first ones `first`. */
  settingsChanged(first: boolean): void;
  /** A SETTINGS frame of ours was acknowledged. */
  settingsAcknowledged(): void;
  goAwayReceived(goAway: GoAway): void;
  /** The peer has seen that the connection will end. */
  drained(): void;
  readonly driver: Driver<FrameOutput>;
  readonly reader: FrameReader;
  readonly decoder: HpackDecoder;
  readonly encoder: HpackEncoder;
  readonly peer: PeerSettings;
  readonly defences: Defences;
  readonly streams: Streams;
  readonly inbound: Inbound;
  readonly outbound: Outbound;
  readonly settings: SettingsExchange;
  readonly pings: Pings;
  readonly goingAway: GoingAway;
  readonly observer: Observer | undefined;
}

export class ControlFrames implements SettingsSink {
  /** The peer's first SETTINGS have been received. */
  isGreeted = false;
  readonly #side: number;
  readonly #connection: ControlledConnection;
  readonly #settingsSlot: number;
  readonly #settingsTimeoutMs: number;
  readonly #bandwidth: BandwidthEstimator | undefined;

  /** @param settingsSlot The deadline of an acknowledgment that is owed to us. */
  constructor(
    side: number,
    connection: ControlledConnection,
    settingsSlot: number,
    options: { readonly settingsTimeoutMs: number; readonly adaptiveWindow: boolean },
  ) {
    this.#side = side;
    this.#connection = connection;
    this.#settingsSlot = settingsSlot;
    this.#settingsTimeoutMs = options.settingsTimeoutMs;
    this.#bandwidth = options.adaptiveWindow ? new BandwidthEstimator() : undefined;
  }

  /** DATA is being received: what it says about the bandwidth. */
  dataReceived(bytes: number): void {
    if (this.#bandwidth === undefined) return;
    const now = this.#connection.streams.now();
    if (this.#bandwidth.received(now, bytes)) this.#connection.pings.send(PING_BANDWIDTH, now);
  }

  /** SETTINGS. @throws Http2Error. */
  settings(frame: Frame): void {
    const { settings, streams, defences, driver } = this.#connection;
    if ((frame.flags & FLAG_ACK) !== 0) {
      this.#acknowledged(settings.acknowledged());
      return;
    }
    streams.check(defences.settingsReceived(streams.now()));
    const first = !this.isGreeted;
    decodeSettings(frame, this.#side === CLIENT, this);
    writeSettingsAck(driver.output.writer);
    this.isGreeted = true;
    this.#connection.settingsChanged(first);
  }

  /** A setting of the peer's takes effect (RFC 9113 6.5.3: in the order of the frame). */
  setting(id: number, value: number): void {
    const { peer, encoder, streams, outbound } = this.#connection;
    const before = peer.initialWindowBytes;
    peer.setting(id, value);
    if (id === SETTINGS_HEADER_TABLE_SIZE) encoder.setAllowedTableBytes(value);
    if (id !== SETTINGS_INITIAL_WINDOW_SIZE) return;
    streams.initialSendWindowBytes = value;
    for (const stream of streams.store.all()) {
      if (isClosed(stream.state)) continue;
      streams.check(stream.sendWindow.adjust(value - before));
      outbound.windowChanged(stream);
    }
  }

  /** Announces settings of ours; they are in force once the peer has acknowledged them. */
  announce(entries: readonly SettingEntry[]): void {
    const { settings, driver } = this.#connection;
    settings.send(entries);
    if (!driver.deadlines.isSet(this.#settingsSlot)) driver.deadlines.set(this.#settingsSlot, this.#settingsTimeoutMs);
  }

  /** PING. @throws Http2Error. */
  ping(frame: Frame): void {
    const { streams, defences, driver, pings, observer } = this.#connection;
    const now = streams.now();
    if ((frame.flags & FLAG_ACK) === 0) {
      streams.check(defences.pingReceived(now));
      writePing(driver.output.writer, true, frame.bytes, frame.start);
      return;
    }
    const purpose = pings.answered(frame);
    if (purpose < 0) {
      streams.check(defences.ignoredFrame(now));
      return;
    }
    const rttMs = pings.complete(purpose, now);
    observer?.pingAnswered?.(rttMs);
    if (purpose === PING_SHUTDOWN) this.#connection.drained();
    else if (purpose === PING_BANDWIDTH) this.#adapt(now);
  }

  /** GOAWAY. @throws Http2Error. */
  goAway(frame: Frame): void {
    const { goingAway, streams, defences } = this.#connection;
    const goAway = decodeGoAway(frame);
    if (goingAway.received !== undefined) streams.check(defences.repeatedGoAway(streams.now()));
    streams.check(goingAway.receive(goAway));
    this.#connection.goAwayReceived(goAway);
  }

  /** WINDOW_UPDATE. @throws Http2Error. */
  windowUpdate(frame: Frame): void {
    const { streams, defences, outbound } = this.#connection;
    const { streamId } = frame;
    const increment = decodeWindowUpdate(frame);
    if (streamId === 0) {
      streams.check(defences.windowUpdateReceived(streams.now()));
      streams.check(outbound.window.increase(increment));
      outbound.connectionWindowOpened();
      return;
    }
    const stream = streams.store.get(streamId);
    if (stream === undefined || isClosed(stream.state)) {
      if (!streams.ignores(streamId)) streams.late(streamId, WINDOW_UPDATE);
      return;
    }
    const error = streams.fault(stream, WINDOW_UPDATE) ?? stream.sendWindow.increase(increment);
    if (error !== undefined) throw error;
    streams.check(defences.windowUpdateReceived(streams.now()));
    outbound.windowChanged(stream);
  }

  #acknowledged(entries: readonly SettingEntry[]): void {
    const { decoder, inbound, reader, settings, driver } = this.#connection;
    for (const [id, value] of entries) {
      if (id === SETTINGS_HEADER_TABLE_SIZE) decoder.setAllowedTableBytes(value);
      else if (id === SETTINGS_INITIAL_WINDOW_SIZE) inbound.initialWindowAcknowledged(value);
      else if (id === SETTINGS_MAX_FRAME_SIZE) reader.maxFrameSize = value;
    }
    if (settings.isPending) driver.deadlines.set(this.#settingsSlot, this.#settingsTimeoutMs);
    else driver.deadlines.clear(this.#settingsSlot);
    this.#connection.settingsAcknowledged();
  }

  /** Makes the windows as large as the bandwidth-delay product asks for. */
  #adapt(now: number): void {
    const bytes = this.#bandwidth?.answered(now) ?? 0;
    if (bytes === 0) return;
    this.#connection.inbound.retarget(bytes);
    this.#connection.inbound.announce();
    this.announce([[SETTINGS_INITIAL_WINDOW_SIZE, bytes]]);
  }
}
