/**
 * Requests, responses and bytes of one connection. On HTTP/2 they belong to streams, of which the log says the number if it
 * was asked for heads. On HTTP/1 each exchange is a lane; without numbers responses are in the order of requests
 * (RFC 9112 section 9.3.2), and bytes are those of the exchange that is at the front.
 */
import type { ConnectionBuilder } from "./connection-builder.ts";
import type { LaneBuilder } from "./lane-builder.ts";
import { EVENT, type Head, RECEIVED, SENT } from "./model.ts";
import { countPart, failureOf, fieldsPart, textPart, type WireEvent } from "./wire-event.ts";

/** More chunks of bytes than these are not kept before the first request. */
const maxPending = 64;

type Pending = readonly [at: number, direction: number, octets: number];

export interface ExchangeEvents {
  /** Takes an event of a message or of bytes; false for another. */
  add(event: WireEvent, at: number): boolean;
  /** The connection or its log is over. */
  done(): void;
}

export function exchangeEvents(connection: ConnectionBuilder): ExchangeEvents {
  const { kinds, own } = connection;
  const numbered = new Map<number, LaneBuilder>();
  /** Exchanges on HTTP/1 that are not over, in order. */
  const open = new Set<LaneBuilder>();
  let newest: LaneBuilder | undefined;
  /** The last exchange that is over, and whether its last octets may still be about to be written. */
  let ended: LaneBuilder | undefined;
  let endsUnwritten = false;
  let pending: Pending[] = [];
  let count = 0;
  let firstBytes: number | undefined;

  function oldest(): LaneBuilder | undefined {
    const [lane] = open;
    return lane;
  }

  /** Whose octets are written: a client's last request, or a server's response, which may be told of as over before. */
  function written(): LaneBuilder | undefined {
    if (firstBytes === SENT) return newest ?? oldest();
    const lane = endsUnwritten ? ended : (oldest() ?? ended);
    endsUnwritten = false;
    return lane;
  }

  function laneOf(event: WireEvent): LaneBuilder {
    if (event.exchange !== undefined) return numbered.get(event.exchange) ?? own;
    return connection.hasFrames ? own : (oldest() ?? own);
  }

  function start(event: WireEvent, at: number): void {
    count++;
    let lane: LaneBuilder;
    if (event.stream > 0) lane = connection.stream(event.stream, at);
    else if (connection.hasFrames) lane = own;
    else {
      lane = connection.lane("exchange", event.exchange ?? count, pending[0]?.[0] ?? at);
      open.add(lane);
      newest = lane;
      for (const [when, direction, octets] of pending) bytes(lane, when, direction, octets);
      pending = [];
    }
    if (event.exchange !== undefined) numbered.set(event.exchange, lane);
    addHead("request", lane, event, at);
  }

  function addHead(what: Head["what"], lane: LaneBuilder, event: WireEvent, at: number): void {
    const head: Record<string, unknown> = { what, at, status: countPart(event, "status"), fields: fieldsPart(event) };
    for (const name of ["method", "scheme", "authority", "path"]) head[name] = textPart(event, name);
    if (lane.kind !== "connection") lane.heads.push(head as unknown as Head);
    // On a stream the HEADERS frame is its mark.
    if (lane.kind === "stream") return;
    const brief = textPart(event, "method") ?? countPart(event, "status") ?? "";
    const details = lane.kind === "exchange" ? { head: lane.heads.length - 1 } : { [what]: brief };
    lane.mark(at, kinds.of(what), EVENT, 0, details);
  }

  function end(event: WireEvent, at: number): void {
    const lane = laneOf(event);
    const failure = failureOf(event);
    if (event.exchange !== undefined) numbered.delete(event.exchange);
    if (lane.kind === "exchange") {
      open.delete(lane);
      ended = lane;
      endsUnwritten = true;
      if (newest === lane) newest = undefined;
      lane.over(at);
    }
    if (lane.kind !== "connection" && failure !== undefined) lane.failed = failure;
    if (lane.kind !== "stream" || failure !== undefined) lane.mark(at, kinds.of("end"), EVENT, 0, { ...failure });
  }

  function bytes(lane: LaneBuilder, at: number, direction: number, octets: number): void {
    lane.mark(at, kinds.of(direction === RECEIVED ? "read" : "write"), direction, octets);
    lane.moved(direction, octets);
    if (lane !== own) own.moved(direction, octets);
  }

  function transport(event: WireEvent, at: number, direction: number): void {
    // Frames say the same in more detail.
    if (connection.hasFrames) return;
    firstBytes ??= direction;
    const octets = countPart(event, "bytes") ?? 0;
    const lane = direction === SENT ? written() : oldest();
    if (lane !== undefined) bytes(lane, at, direction, octets);
    else if (pending.length < maxPending) pending.push([at, direction, octets]);
    else own.moved(direction, octets);
  }

  return {
    add(event, at) {
      switch (event.ev) {
        case "request":
          start(event, at);
          return true;
        case "interim":
        case "response":
          addHead(event.ev, laneOf(event), event, at);
          return true;
        case "end":
          end(event, at);
          return true;
        case "read":
        case "write":
          transport(event, at, event.ev === "read" ? RECEIVED : SENT);
          return true;
        default:
          return false;
      }
    },
    done() {
      if (connection.hasFrames || firstBytes === undefined) return;
      for (const [at, direction, octets] of pending) bytes(own, at, direction, octets);
      pending = [];
      connection.side = firstBytes === RECEIVED ? "server" : "client";
      const request = kinds.of("request");
      for (const lane of connection.lanes) {
        if (lane.kind !== "exchange") continue;
        lane.direct(firstBytes, (kind) => kind === request);
        lane.direct(firstBytes === RECEIVED ? SENT : RECEIVED, (kind) =>
          /^(interim|response)$/.test(kinds.names[kind] ?? ""),
        );
      }
    },
  };
}
