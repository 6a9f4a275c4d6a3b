/**
 * The connections of a pool, as metrics: how many there are, idle or active, and how long each was open. A connection is active
 * from the first request that is sent on it to the end of the last that is under way.
 */
import type { Attributes, Histogram, Meter, UpDownCounter } from "@opentelemetry/api";
import type { Timer } from "@sluice/core";
import type { Connected } from "../connect/connector.ts";
import { peerOf, serverOf } from "./attributes.ts";
import type { Exchange } from "./exchange.ts";
import { connectionDuration, openConnections } from "./instruments.ts";

interface Open {
  readonly attributes: Attributes;
  readonly startMs: number;
  /** Requests under way. */
  load: number;
  isLost: boolean;
}

export class OpenConnections {
  readonly #timer: Pick<Timer, "now">;
  readonly #count: UpDownCounter;
  readonly #duration: Histogram;
  readonly #open = new WeakMap<Connected, Open>();
  /** Where exchanges will be, or are, under way. */
  readonly #assigned = new WeakMap<Exchange, Open>();
  readonly #taken = new WeakSet<Exchange>();

  constructor(meter: Meter, timer: Pick<Timer, "now">) {
    this.#timer = timer;
    this.#count = openConnections(meter);
    this.#duration = connectionDuration(meter);
  }

  opened(origin: string, connected: Connected): void {
    const attributes = connectionAttributes(origin, connected);
    this.#open.set(connected, { attributes, startMs: this.#timer.now(), load: 0, isLost: false });
    this.#add(attributes, "idle", 1);
  }

  lost(connected: Connected): void {
    const open = this.#open.get(connected);
    if (open === undefined || open.isLost) return;
    open.isLost = true;
    this.#add(open.attributes, open.load > 0 ? "active" : "idle", -1);
    this.#duration.record((this.#timer.now() - open.startMs) / 1000, open.attributes);
  }

  assign(exchange: Exchange, connected: Connected): void {
    const open = this.#open.get(connected);
    if (open !== undefined) this.#assigned.set(exchange, open);
  }

  /** The request of `exchange` is being sent. */
  take(exchange: Exchange): void {
    const open = this.#assigned.get(exchange);
    if (open === undefined || this.#taken.has(exchange)) return;
    this.#taken.add(exchange);
    if (open.load++ === 0) this.#turn(open, "idle", "active");
  }

  release(exchange: Exchange): void {
    const open = this.#assigned.get(exchange);
    if (open === undefined || !this.#taken.delete(exchange)) return;
    if (--open.load === 0) this.#turn(open, "active", "idle");
  }

  #turn({ attributes, isLost }: Open, from: string, to: string): void {
    if (isLost) return;
    this.#add(attributes, from, -1);
    this.#add(attributes, to, 1);
  }

  #add(attributes: Attributes, state: string, by: number): void {
    this.#count.add(by, { ...attributes, "http.connection.state": state });
  }
}

/** @param origin Such as `https://example.org:443`. */
function connectionAttributes(origin: string, { alpn, io }: Connected): Attributes {
  const end = origin.indexOf("://");
  const scheme = origin.slice(0, end);
  const address = peerOf(io.info)["network.peer.address"];
  return {
    "url.scheme": scheme,
    ...serverOf(origin.slice(end + 3), scheme),
    ...(address !== undefined && { "network.peer.address": address }),
    ...(alpn !== undefined && { "network.protocol.version": alpn === "h2" ? "2" : "1.1" }),
  };
}
