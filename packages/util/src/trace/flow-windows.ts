/**
 * The flow-control windows of an HTTP/2 connection, from its frames alone (RFC 9113 sections 5.2 and 6.9): DATA takes, what
 * WINDOW_UPDATE says is given, and a change of SETTINGS_INITIAL_WINDOW_SIZE moves all streams. Ours holds from its
 * acknowledgment on, the peer's from its receipt on.
 *
 * A log may come from anybody, so points and work are bounded; beyond that curves end and `isComplete` says so.
 */
import type { Windows } from "./model.ts";

/** Where windows start (RFC 9113 section 6.9.2). */
const initialBytes = 65_535;

/** One direction of one stream or connection. */
export interface Curve {
  bytes: number;
  readonly points: number[];
}

export interface StreamWindows {
  readonly send: Curve;
  readonly receive: Curve;
}

/** How much curves may hold in all, and how often windows may be moved by SETTINGS. */
export interface Budget {
  points: number;
  moves: number;
}

export class FlowWindows {
  readonly connection: StreamWindows;
  readonly #streams = new Map<number, StreamWindows>();
  /** Values of SETTINGS frames of ours that have not been acknowledged; `undefined` for frames without one. */
  readonly #unacknowledged: (number | undefined)[] = [];
  readonly #budget: Budget;
  #initialSend = initialBytes;
  #initialReceive = initialBytes;
  isComplete = true;

  constructor(at: number, budget: Budget) {
    this.#budget = budget;
    this.connection = this.#begun(at, initialBytes, initialBytes);
  }

  /** The windows of a stream that begins. */
  begin(stream: number, at: number): StreamWindows {
    const windows = this.#begun(at, this.#initialSend, this.#initialReceive);
    this.#streams.set(stream, windows);
    return windows;
  }

  /** Settings do not move the stream's windows any more. */
  over(stream: number): void {
    this.#streams.delete(stream);
  }

  dataSent(windows: StreamWindows, at: number, octets: number): void {
    this.#move(this.connection.send, at, -octets);
    this.#move(windows.send, at, -octets);
  }

  dataReceived(windows: StreamWindows, at: number, octets: number): void {
    this.#move(this.connection.receive, at, -octets);
    this.#move(windows.receive, at, -octets);
  }

  /** WINDOW_UPDATE from the peer. */
  updateReceived(windows: StreamWindows, at: number, octets: number): void {
    this.#move(windows.send, at, octets);
  }

  /** WINDOW_UPDATE of ours. */
  updateSent(windows: StreamWindows, at: number, octets: number): void {
    this.#move(windows.receive, at, octets);
  }

  settingsSent(initial: number | undefined): void {
    this.#unacknowledged.push(initial);
  }

  acknowledged(at: number): void {
    const initial = this.#unacknowledged.shift();
    if (initial === undefined || initial === this.#initialReceive) return;
    const change = initial - this.#initialReceive;
    this.#initialReceive = initial;
    for (const { receive } of this.#moved()) this.#move(receive, at, change);
  }

  settingsReceived(at: number, initial: number | undefined): void {
    if (initial === undefined || initial === this.#initialSend) return;
    const change = initial - this.#initialSend;
    this.#initialSend = initial;
    for (const { send } of this.#moved()) this.#move(send, at, change);
  }

  /** The streams whose windows a setting moves, while there is budget for that. */
  *#moved(): Iterable<StreamWindows> {
    if (this.#budget.moves < this.#streams.size) {
      this.isComplete = false;
      return;
    }
    this.#budget.moves -= this.#streams.size;
    yield* this.#streams.values();
  }

  #begun(at: number, send: number, receive: number): StreamWindows {
    return {
      send: { bytes: send, points: [at, send] },
      receive: { bytes: receive, points: [at, receive] },
    };
  }

  #move(curve: Curve, at: number, change: number): void {
    curve.bytes += change;
    const { points } = curve;
    // What happens at one time is one step.
    if (points.at(-2) === at && points.length > 2) {
      points[points.length - 1] = curve.bytes;
    } else if (this.#budget.points > 0) {
      this.#budget.points--;
      points.push(at, curve.bytes);
    } else {
      this.isComplete = false;
    }
  }
}

export function curvesOf({ send, receive }: StreamWindows): Windows {
  return { send: send.points, receive: receive.points };
}
