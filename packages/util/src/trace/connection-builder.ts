/**
 * One connection while its log is read: each event goes to the lane of its stream or exchange, and what the log does not say
 * in so many words is concluded here: windows, when a stall was over, which end this is, which defence ended it.
 */
import { exchangeEvents } from "./exchange-events.ts";
import { type Budget, FlowWindows, type StreamWindows } from "./flow-windows.ts";
import type { Kinds } from "./kinds.ts";
import { LaneBuilder } from "./lane-builder.ts";
import { type Connection, type Details, EVENT, type Failure, type Fired, RECEIVED, SENT } from "./model.ts";
import { countPart, failureOf, listPart, numbersPart, textPart, type WireEvent } from "./wire-event.ts";

/** What the names of stall causes are, which are part of the log's format. */
const byStream = "stream window";
const byConnection = "connection window";
const byLimit = "stream limit";
/** More names of defences are not counted apart. */
const maxDefences = 64;

/** Parts of events that a mark has already, and the one detail that means something to the page. */
const toldOtherwise: ReadonlySet<string> = new Set(["t", "c", "ev", "stream", "head"]);

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

export class ConnectionBuilder {
  readonly name: string;
  readonly start: number;
  readonly lanes: LaneBuilder[] = [];
  readonly own: LaneBuilder;
  readonly kinds: Kinds;
  /** The time of the last event. */
  last: number;
  /** Frames were seen: it is HTTP/2. */
  hasFrames = false;
  /** The log begins in the middle, so that nothing is known of windows. */
  isCut = false;
  isClosed = false;
  side: "server" | "client" | undefined;
  readonly #streams = new Map<number, LaneBuilder>();
  /** Lanes that wait for a window of their own. */
  readonly #stalled = new Set<LaneBuilder>();
  readonly #windows: FlowWindows;
  readonly #exchanges: ReturnType<typeof exchangeEvents>;
  readonly #defences = new Map<string, number>();
  #closed: Failure | undefined;
  #goAway: { readonly at: number; readonly code: string; readonly isOurs: boolean } | undefined;

  constructor(name: string, at: number, kinds: Kinds, budget: Budget) {
    this.name = name;
    this.start = at;
    this.last = at;
    this.kinds = kinds;
    this.own = this.lane("connection", 0, at);
    this.#windows = new FlowWindows(at, budget);
    this.#exchanges = exchangeEvents(this);
  }

  lane(kind: LaneBuilder["kind"], id: number, at: number): LaneBuilder {
    const lane = new LaneBuilder(kind, id, at);
    this.lanes.push(lane);
    return lane;
  }

  /** The lane of a stream; the connection's own for 0. */
  stream(id: number, at: number): LaneBuilder {
    if (id === 0) return this.own;
    let lane = this.#streams.get(id);
    if (lane === undefined) {
      lane = this.lane("stream", id, at);
      lane.windows = this.#windows.begin(id, at);
      this.#streams.set(id, lane);
    }
    return lane;
  }

  /** Events come in the order of the log; `at` does not go back. */
  add(event: WireEvent, at: number): void {
    this.last = at;
    switch (event.ev) {
      case "in":
        return this.#frame(event, at, RECEIVED);
      case "out":
        return this.#frame(event, at, SENT);
      case "stream":
        return this.#state(event, at);
      case "stall":
        return this.#stall(event, at);
      case "defence":
        return this.#defence(event, at);
      case "close":
        return this.#close(event, at);
      default:
        if (!this.#exchanges.add(event, at)) this.#other(event, at);
    }
  }

  #frame(event: WireEvent, at: number, direction: number): void {
    const type = textPart(event, "type") ?? "";
    // Both sides begin with SETTINGS (RFC 9113 section 3.4).
    if (!this.hasFrames) this.isCut = type !== "SETTINGS";
    this.hasFrames = true;
    const octets = countPart(event, "length") ?? 0;
    const lane = this.stream(event.stream, at);
    // A client's first HEADERS open its streams.
    if (type === "HEADERS" && event.stream % 2 === 1 && lane.marks.length === 0 && !this.isCut) {
      this.side ??= direction === RECEIVED ? "server" : "client";
    }
    lane.mark(at, this.kinds.of(type), direction, octets, frameDetails(event));
    this.own.moved(direction, octets);
    this.#account(event, type, lane, at, direction, octets);
  }

  /** What a frame does to windows, and to the lane beside being on it. */
  #account(event: WireEvent, type: string, lane: LaneBuilder, at: number, direction: number, octets: number): void {
    const windows = this.#windows;
    switch (type) {
      case "DATA":
        if (lane.windows === undefined) return;
        lane.moved(direction, octets);
        if (direction === SENT) windows.dataSent(lane.windows, at, octets);
        else windows.dataReceived(lane.windows, at, octets);
        return;
      case "WINDOW_UPDATE": {
        const of = lane === this.own ? windows.connection : lane.windows;
        const increment = countPart(event, "increment") ?? 0;
        if (of === undefined) return;
        if (direction === SENT) windows.updateSent(of, at, increment);
        else windows.updateReceived(of, at, increment);
        this.#resume(lane, of, at);
        return;
      }
      case "SETTINGS":
        this.#settings(event, at, direction);
        return;
      case "RST_STREAM":
        if (lane === this.own) return;
        lane.reset ??= { at, code: textPart(event, "errorCode") ?? "", by: direction === SENT ? "us" : "peer" };
        this.#over(lane, at);
        return;
      case "PUSH_PROMISE": {
        const promised = countPart(event, "promisedStreamId");
        if (promised !== undefined && promised > 0) this.stream(promised, at).promisedOn = event.stream;
        return;
      }
      case "GOAWAY":
        this.#goAwaySeen(event, at, direction);
    }
  }

  #settings(event: WireEvent, at: number, direction: number): void {
    const windows = this.#windows;
    const isAck = listPart(event, "flags") === "ACK";
    const initial = numbersPart(event, "settings").find(([name]) => name === "INITIAL_WINDOW_SIZE")?.[1];
    if (direction === SENT) {
      if (!isAck) windows.settingsSent(initial);
    } else if (isAck) {
      windows.acknowledged(at);
    } else {
      windows.settingsReceived(at, initial);
      if (initial !== undefined) for (const lane of this.#stalled) this.#resume(lane, lane.windows, at);
    }
  }

  #goAwaySeen(event: WireEvent, at: number, direction: number): void {
    const code = textPart(event, "errorCode");
    if (code === undefined || code === "NO_ERROR") return;
    this.#goAway ??= { at, code, isOurs: direction === SENT };
  }

  /** What waited for a window goes on once there is one. */
  #resume(lane: LaneBuilder, windows: StreamWindows | undefined, at: number): void {
    if (windows === undefined || windows.send.bytes <= 0) return;
    this.#stalled.delete(lane);
    lane.resume(at, lane === this.own ? byConnection : byStream);
  }

  #state(event: WireEvent, at: number): void {
    const to = textPart(event, "to") ?? "";
    const lane = this.stream(event.stream, at);
    lane.state(at, to);
    if (to.startsWith("closed")) this.#over(lane, at);
    else if (textPart(event, "from") === "idle") this.own.resume(at, byLimit);
  }

  #over(lane: LaneBuilder, at: number): void {
    lane.over(at);
    this.#windows.over(lane.id);
    this.#stalled.delete(lane);
  }

  #stall(event: WireEvent, at: number): void {
    const by = textPart(event, "by") ?? "";
    const lane = this.stream(event.stream, at);
    lane.stall(at, by);
    if (by === byStream) this.#stalled.add(lane);
    lane.mark(at, this.kinds.of("stall"), EVENT, 0, { by });
  }

  #defence(event: WireEvent, at: number): void {
    const name = textPart(event, "name") ?? "";
    const count = countPart(event, "count") ?? 0;
    if (this.#defences.has(name) || this.#defences.size < maxDefences) this.#defences.set(name, count);
    this.own.mark(at, this.kinds.of("defence"), EVENT, 0, { name, count });
  }

  #close(event: WireEvent, at: number): void {
    this.isClosed = true;
    this.#closed = failureOf(event) ?? {};
    this.#exchanges.done();
    this.own.mark(at, this.kinds.of("close"), EVENT, 0, { ...this.#closed });
    for (const lane of this.lanes) lane.over(at);
  }

  #other(event: WireEvent, at: number): void {
    const details: Record<string, string | number> = {};
    for (const [name, part] of Object.entries(event.parts).slice(0, 32)) {
      if (toldOtherwise.has(name)) continue;
      const text = textPart(event, name);
      if (text !== undefined) details[name] = text;
      else if (typeof part === "number") details[name] = part;
    }
    this.stream(event.stream, at).mark(at, this.kinds.of(event.ev.toLowerCase()), EVENT, 0, details);
  }

  #fired(): Fired | undefined {
    const { code, kind } = this.#closed ?? {};
    const isDefence = kind === "limit" || (this.#goAway?.isOurs === true && this.#goAway.code === "ENHANCE_YOUR_CALM");
    if (this.#goAway !== undefined) {
      // Of the peer's reasons only the code is known.
      const name = this.#goAway.isOurs && code !== undefined ? code : this.#goAway.code;
      return { at: this.#goAway.at, name, isDefence: isDefence && this.#goAway.isOurs };
    }
    if (code === undefined || this.own.end === undefined || !isDefence) return undefined;
    return { at: this.own.end, name: code, isDefence };
  }

  done(): Connection {
    this.#exchanges.done();
    this.own.windows = this.hasFrames ? this.#windows.connection : undefined;
    const headers = this.kinds.of("HEADERS");
    for (const lane of this.#streams.values()) {
      if (this.side !== undefined) lane.placeHeads(headers, this.side === "server" ? RECEIVED : SENT);
    }
    if (this.isCut) for (const lane of this.lanes) lane.windows = undefined;
    const fired = this.#fired();
    const hasExchanges = this.lanes.some(({ kind }) => kind === "exchange");
    const connection: Writable<Connection> = {
      name: this.name,
      version: this.hasFrames ? "HTTP/2" : hasExchanges ? "HTTP/1" : "unknown",
      start: this.start,
      end: this.last,
      defences: [...this.#defences],
      lanes: this.lanes.map((lane) => lane.done(this.last)),
    };
    if (this.side !== undefined) connection.side = this.side;
    if (this.#closed !== undefined) connection.closed = this.#closed;
    if (fired !== undefined) connection.fired = fired;
    return connection;
  }

  /** All curves go to their ends. */
  get windowsComplete(): boolean {
    return this.#windows.isComplete;
  }
}

/** What a frame carries beside stream and length. */
function frameDetails(event: WireEvent): Details {
  const details: Record<string, string | number> = {};
  const flags = listPart(event, "flags");
  if (flags !== "") details["flags"] = flags;
  for (const name of ["increment", "lastStreamId", "promisedStreamId", "prioritizedStreamId"]) {
    const count = countPart(event, name);
    if (count !== undefined) details[name] = count;
  }
  const errorCode = textPart(event, "errorCode");
  if (errorCode !== undefined) details["errorCode"] = errorCode;
  for (const [name, value] of numbersPart(event, "settings")) if (!toldOtherwise.has(name)) details[name] = value;
  return details;
}
