/**
 * What an HTTP/2 connection offers to the program that owns it, in either role.
 */
import type { Connection } from "../../connection.ts";
import { HttpError, quote } from "../../error.ts";
import { noUpgrade } from "../../upgrade/pending-upgrade.ts";
import type { UpgradedParts } from "../../upgrade/upgraded.ts";
import type { DefenceCounts } from "../defence/defences.ts";
import { checkErrorCode, NO_ERROR } from "../frame/error-code.ts";
import type { PeerSettings } from "../frame/peer-settings.ts";
import { SETTINGS_INITIAL_WINDOW_SIZE } from "../frame/settings.ts";
import { maxWindowBytes } from "../frame/window-update.ts";
import type { Http2Machine } from "./machine.ts";

/** How many streams there are. */
export interface StreamCounts {
  /** Open streams that we opened. */
  readonly local: number;
  /** Open streams that the peer opened. */
  readonly remote: number;
  /** The most of ours that the peer allows at a time; may be infinite. */
  readonly maxLocal: number;
  /** The most of the peer's that we allow at a time; may be infinite. */
  readonly maxRemote: number;
  /** Requests that wait for a stream; 0 on a server. */
  readonly queued: number;
  /** The most there were at a time. */
  readonly peakLocal: number;
  readonly peakRemote: number;
}

/** The windows of the connection, in octets. */
export interface ConnectionWindows {
  /** What the peer lets us send on all streams together. */
  readonly send: number;
  /** What the peer may still send on all streams together. */
  readonly receive: number;
  /** Octets received that nobody has read. */
  readonly unread: number;
}

/** A connection of HTTP/2, in either role. */
export interface Http2Connection extends Connection {
  /** How many streams there are now. */
  readonly streams: StreamCounts;
  /** The connection's windows now. */
  readonly windows: ConnectionWindows;
  /** What the peer's SETTINGS say, with the defaults of RFC 9113 6.5.2 until they have come. */
  readonly peerSettings: Readonly<PeerSettings>;
  /** How often what the defences count has happened, by the stem of the option or the name of the glitch. */
  readonly defences: DefenceCounts;

  /**
   * Sends PING; resolves with the round trip time in milliseconds (0 without a timer). Rejects with an `HttpError`: kind
   * `user`, code `PING_PENDING` while an earlier one is unanswered, else what ended the connection.
   */
  ping(): Promise<number>;

  /**
   * Ends the connection at once with GOAWAY. Default: NO_ERROR. `closed`, all streams and whoever waits for something fail
   * with an `HttpError` of kind `canceled`, code `GOAWAY_SENT`, whose `reason` is `errorCode`. Of `debugData`, which is
   * ASCII, no more than 1,024 chars are sent.
   * @throws RangeError unless `errorCode` is from 0 to 2^32-1; TypeError for other debug data.
   */
  goAway(errorCode?: number, debugData?: string): void;

  /**
   * Changes how much the peer may send on all streams together; more is granted at once, less as it is used.
   * @throws RangeError unless `bytes` is from 0 to 2^31-1.
   */
  setConnectionWindow(bytes: number): void;

  /**
   * Changes how much the peer may send on each stream: SETTINGS_INITIAL_WINDOW_SIZE. In force once the peer has acknowledged
   * it.
   * @throws RangeError unless `bytes` is from 0 to 2^31-1.
   */
  setInitialWindow(bytes: number): void;
}

export abstract class ConnectionFace implements Http2Connection {
  abstract readonly machine: Http2Machine;
  abstract readonly maxLocalStreams: number;
  abstract readonly maxRemoteStreams: number;
  abstract readonly queued: number;

  get closed(): Promise<void> {
    return this.machine.driver.closed;
  }

  gracefulShutdown(deadlineMs?: number): void {
    this.machine.gracefulShutdown(deadlineMs);
  }

  abort(reason?: unknown): void {
    this.machine.abort(reason);
  }

  intoParts(): UpgradedParts {
    throw noUpgrade("an HTTP/2 connection has no transport to give; its tunnels are taken by upgradeOn()");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.gracefulShutdown();
    await this.closed.catch(() => {});
  }

  get streams(): StreamCounts {
    const { activeLocal, activeRemote, peaks } = this.machine.streams.store;
    return {
      local: activeLocal,
      remote: activeRemote,
      maxLocal: this.maxLocalStreams,
      maxRemote: this.maxRemoteStreams,
      queued: this.queued,
      peakLocal: peaks.local,
      peakRemote: peaks.remote,
    };
  }

  get windows(): ConnectionWindows {
    const { inbound, outbound } = this.machine;
    return { send: outbound.window.available, receive: inbound.window.window, unread: inbound.window.held };
  }

  get peerSettings(): Readonly<PeerSettings> {
    return this.machine.peer;
  }

  get defences(): DefenceCounts {
    return this.machine.defences.counts();
  }

  ping(): Promise<number> {
    const { machine } = this;
    if (machine.isOver) {
      return Promise.reject(machine.error ?? new HttpError("closed", "CLOSED", "the connection is closed"));
    }
    machine.enter();
    const answered = machine.pings.measure(machine.now());
    machine.leave();
    return answered;
  }

  goAway(errorCode: number = NO_ERROR, debugData = ""): void {
    checkErrorCode(errorCode);
    if (!/^[ -~]*$/.test(debugData)) throw new TypeError(`debug data must be ASCII, got ${quote(debugData)}`);
    this.machine.goAway(errorCode, debugData);
  }

  setConnectionWindow(bytes: number): void {
    checkWindow(bytes);
    this.machine.setConnectionWindow(bytes);
  }

  setInitialWindow(bytes: number): void {
    checkWindow(bytes);
    this.machine.changeSettings([[SETTINGS_INITIAL_WINDOW_SIZE, bytes]]);
  }
}

function checkWindow(bytes: number): void {
  if (Number.isInteger(bytes) && bytes >= 0 && bytes <= maxWindowBytes) return;
  throw new RangeError(`a window must be from 0 to 2^31-1 octets, got ${bytes}`);
}
