/**
 * What a connection may write, judged by what its peer has sent and has allowed (RFC 9113 sections 5, 6, 8.1). The peer
 * of every test goes through everything the connection writes with these rules, so no test has to.
 *
 * Sent is what has been given to the transport, be it read yet or not; so nothing is an error here that a connection
 * could have written before it read something.
 */
import { FIELD_NAME_INVALID, FIELD_VALUE_INVALID } from "../../../src/h2/hpack/static-table.ts";
import type { RawFrame } from "./frame-splitter.ts";
import type { Lines } from "./hpack.ts";
import { flags, frameTypes, nameOf, settingIds } from "./names.ts";
import { toHex } from "./octets.ts";
import type { Data, Headers, PushPromise, Received, Settings } from "./received.ts";
import { defaultWindow, SentSettings, type SettingValues, Windows } from "./windows.ts";

export type Role = "client" | "server";

interface StreamRecord {
  /** Whether HEADERS were written: then a promised stream counts (RFC 9113 section 5.1.2). */
  begun: boolean;
  /** Whether the final head was written: that of the request, or of the response. */
  head: boolean;
  /** Whether END_STREAM was written. */
  ended: boolean;
  /** Whether RST_STREAM was written. */
  reset: boolean;
  /** Whether the peer has ended or reset the stream. */
  peerEnded: boolean;
  peerReset: boolean;
  contentLength: number | undefined;
  contentBytes: number;
}

export class OutputRules {
  /** The role of the connection that is judged. */
  readonly #role: Role;
  readonly #settings = new SentSettings();
  /** What the peer has granted the connection. */
  readonly #granted = new Windows();
  /** What the connection has granted the peer. */
  readonly #received = new Windows();
  #receivedInitialWindow = defaultWindow;
  readonly #streams = new Map<number, StreamRecord>();
  /** The highest streams in use: of the server, of the client. */
  readonly #highest: [even: number, odd: number] = [0, 0];
  readonly #pings: string[] = [];
  #lastGoAway = 2 ** 31 - 1;
  #first = true;

  constructor(role: Role) {
    this.#role = role;
  }

  /** What the connection may still send, by stream or (0) in all. */
  maySend(streamId: number): number {
    return this.#granted.left(streamId, this.#settings.largest("INITIAL_WINDOW_SIZE"));
  }

  /** What the peer may still send, by stream or (0) in all. */
  mayReceive(streamId: number): number {
    return this.#received.left(streamId, this.#receivedInitialWindow);
  }

  /** The peer has sent a frame, whatever it is. */
  sent({ type, flags: flagBits, streamId: streamBits, payload }: RawFrame): void {
    const streamId = withoutReserved(streamBits);
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    const ack = (flagBits & flags.ACK) !== 0;
    switch (type) {
      case frameTypes.SETTINGS:
        if (!ack && payload.length % 6 === 0) this.#settings.send(settingsIn(view));
        return;
      case frameTypes.WINDOW_UPDATE:
        if (payload.length === 4) this.#granted.grant(streamId, withoutReserved(view.getUint32(0)));
        return;
      case frameTypes.PING:
        if (!ack) this.#pings.push(toHex(payload));
        return;
      case frameTypes.DATA:
        this.#received.use(streamId, payload.length);
        this.#peerUsed(streamId, flagBits);
        return;
      case frameTypes.HEADERS:
        if (this.#isPeers(streamId)) this.#open(streamId);
        this.#peerUsed(streamId, flagBits);
        return;
      case frameTypes.PUSH_PROMISE:
        this.#promisedByPeer(view, (flagBits & flags.PADDED) === 0 ? 0 : 1);
        return;
      case frameTypes.RST_STREAM: {
        const stream = this.#streams.get(streamId);
        if (stream !== undefined) stream.peerReset = true;
        return;
      }
      default:
        return;
    }
  }

  /** The connection has written a frame. @throws Error if it must not. Returns the settings that it acknowledged. */
  frame(frame: Received, length: number): SettingValues | undefined {
    if (frame.type === "PREFACE") return undefined;
    if (this.#first) this.#require(frame.type === "SETTINGS" && !frame.ack, "the first frame must be SETTINGS");
    this.#first = false;
    const largest = this.#settings.largest("MAX_FRAME_SIZE");
    this.#require(length <= largest, `${frame.type}: at most ${largest} octets are allowed, got ${length}`);
    switch (frame.type) {
      case "SETTINGS":
        return frame.ack ? this.#acknowledged() : this.#checkSettings(frame);
      case "DATA":
        return this.#data(frame);
      case "RST_STREAM":
        this.#require(!this.#isIdle(frame.streamId), `RST_STREAM: stream ${frame.streamId} is idle`);
        this.#stream(frame.streamId, "RST_STREAM").reset = true;
        return undefined;
      case "PING":
        if (frame.ack) this.#pong(frame.payload);
        return undefined;
      case "GOAWAY":
        // RFC 9113 6.8.
        this.#require(frame.lastStreamId <= this.#lastGoAway, "GOAWAY: the last stream must not increase");
        this.#lastGoAway = frame.lastStreamId;
        return undefined;
      case "WINDOW_UPDATE":
        if (frame.streamId > 0) this.#checkOpen(frame.streamId, "WINDOW_UPDATE");
        this.#received.grant(frame.streamId, frame.increment);
        this.#require(
          this.mayReceive(frame.streamId) < 2 ** 31,
          `WINDOW_UPDATE: the window of stream ${frame.streamId} exceeds 2^31-1`,
        );
        return undefined;
      case "PRIORITY_UPDATE":
        this.#require(this.#role === "client", "PRIORITY_UPDATE: only clients send it");
        return undefined;
      default:
        return undefined;
    }
  }

  /** The connection has written a whole field block. @throws Error if it must not. */
  block(head: Headers | PushPromise, lines: Lines): void {
    checkLines(head.streamId, lines);
    if (head.type === "HEADERS") this.#headers(head, lines);
    else this.#promise(head, lines);
  }

  #headers({ streamId, endStream }: Headers, { lines }: Lines): void {
    const what = `HEADERS on stream ${streamId}`;
    const pseudo = lines.filter(([name]) => name.startsWith(":")).map(([name]) => name);
    this.#require(streamId % 2 === 1 || this.#role === "server", `${what}: not on the server's stream`);
    if (this.#role === "client" && this.#isIdle(streamId)) this.#openNew(streamId);
    const stream = this.#checkOpen(streamId, "HEADERS");
    this.#require(!stream.ended, `${what}: the stream was ended`);
    if (streamId % 2 === 0 && !stream.begun) this.#requirePlace(streamId);
    stream.begun = true;
    if (stream.head) {
      this.#require(endStream && pseudo.length === 0, `${what}: trailers end the stream and have no pseudo-fields`);
    } else if (this.#role === "client") {
      this.#require(pseudo.includes(":method"), `${what}: a request has a :method`);
      this.#finalHead(stream, lines);
    } else {
      const code = lines[0]?.[0] === ":status" ? lines[0][1] : "";
      this.#require(pseudo.length === 1 && /^[1-9]\d\d$/.test(code), `${what}: a response has a :status and no other`);
      this.#require(!code.startsWith("1") || !endStream, `${what}: an informational response does not end the stream`);
      this.#require(code !== "101", `${what}: there is no 101 in HTTP/2`);
      if (!code.startsWith("1")) this.#finalHead(stream, lines);
    }
    if (endStream) this.#end(streamId, stream);
  }

  #finalHead(stream: StreamRecord, lines: Lines["lines"]): void {
    stream.head = true;
    const length = lines.find(([name]) => name === "content-length")?.[1];
    stream.contentLength = length === undefined ? undefined : Number(length);
  }

  #promise({ streamId, promised }: PushPromise, { lines }: Lines): void {
    const what = `PUSH_PROMISE on stream ${streamId}`;
    this.#require(this.#role === "server", `${what}: only servers push`);
    this.#require(this.#settings.largest("ENABLE_PUSH") === 1, `${what}: push is not enabled`);
    this.#require(!this.#checkOpen(streamId, "PUSH_PROMISE").ended, `${what}: the stream was ended`);
    this.#require(streamId % 2 === 1, `${what}: not on the client's stream`);
    this.#require(promised % 2 === 0 && this.#isIdle(promised), `${what}: stream ${promised} cannot be promised`);
    this.#require(
      lines.some(([name]) => name === ":method"),
      `${what}: a request has a :method`,
    );
    this.#open(promised);
    // The client has nothing to send on it.
    this.#stream(promised, "PUSH_PROMISE").peerEnded = true;
  }

  #data({ streamId, length, data, endStream }: Data): undefined {
    const what = `DATA on stream ${streamId}`;
    const stream = this.#checkOpen(streamId, "DATA");
    this.#require(stream.head, `${what}: there was no head`);
    this.#require(!stream.ended, `${what}: the stream was ended`);
    for (const [id, whose] of [
      [streamId, "the stream"],
      [0, "the connection"],
    ] as const) {
      const left = this.maySend(id);
      // RFC 9113 6.9.1: an empty frame may be sent whatever the window.
      this.#require(
        length === 0 || length <= left,
        `${what}: the window of ${whose} allows for ${left}, got ${length}`,
      );
    }
    this.#granted.use(streamId, length);
    stream.contentBytes += data.length;
    if (endStream) this.#end(streamId, stream);
    return undefined;
  }

  #end(streamId: number, stream: StreamRecord): void {
    stream.ended = true;
    const { contentLength, contentBytes } = stream;
    // The answer to HEAD, and 304, have a length and no content.
    if (contentLength === undefined || contentBytes === 0) return;
    const what = `the content of stream ${streamId}`;
    this.#require(
      contentBytes === contentLength,
      `${what}: ${contentLength} octets were announced, got ${contentBytes}`,
    );
  }

  #acknowledged(): SettingValues {
    const values = this.#settings.acknowledge();
    if (values === undefined) throw new Error("SETTINGS ACK: there was nothing to acknowledge");
    return values;
  }

  #checkSettings({ entries }: Settings): undefined {
    for (const [name, value] of entries) {
      if (name === "INITIAL_WINDOW_SIZE") this.#receivedInitialWindow = value;
      this.#require(name in settingIds, `SETTINGS: ${name} is not known`);
      this.#require(allowedSetting(name, value, this.#role), `SETTINGS: ${name}=${value} is not allowed`);
    }
  }

  #pong(payload: string): void {
    const at = this.#pings.indexOf(payload);
    this.#require(at >= 0, `PING ACK: there was no PING ${payload}`);
    this.#pings.splice(at, 1);
  }

  /** A client's new stream. */
  #openNew(streamId: number): void {
    this.#requirePlace(streamId);
    this.#open(streamId);
  }

  /** RFC 9113 section 5.1.2. */
  #requirePlace(streamId: number): void {
    const ours = [...this.#streams].filter(([id]) => id % 2 === streamId % 2);
    const active = ours.filter(([id, stream]) => isActive(stream) && (stream.begun || id % 2 === 1)).length;
    const largest = this.#settings.largest("MAX_CONCURRENT_STREAMS");
    this.#require(active < largest, `HEADERS on stream ${streamId}: at most ${largest} streams may be open`);
  }

  #open(streamId: number): void {
    const parity = streamId % 2 === 0 ? 0 : 1;
    this.#highest[parity] = Math.max(this.#highest[parity], streamId);
    if (this.#streams.has(streamId)) return;
    this.#streams.set(streamId, {
      begun: false,
      head: false,
      ended: false,
      reset: false,
      peerEnded: false,
      peerReset: false,
      contentLength: undefined,
      contentBytes: 0,
    });
  }

  #peerUsed(streamId: number, flagBits: number): void {
    const stream = this.#streams.get(streamId);
    if (stream !== undefined && (flagBits & flags.END_STREAM) !== 0) stream.peerEnded = true;
  }

  #promisedByPeer(view: DataView, at: number): void {
    if (view.byteLength < at + 4) return;
    const promised = withoutReserved(view.getUint32(at));
    if (this.#isPeers(promised)) this.#open(promised);
  }

  #isPeers(streamId: number): boolean {
    return streamId > 0 && (streamId % 2 === 1) === (this.#role === "server");
  }

  #isIdle(streamId: number): boolean {
    return streamId > this.#highest[streamId % 2 === 0 ? 0 : 1];
  }

  /** The stream of a frame that must not come on an idle one, nor behind RST_STREAM (RFC 9113 section 5.1). */
  #checkOpen(streamId: number, type: string): StreamRecord {
    this.#require(!this.#isIdle(streamId), `${type}: stream ${streamId} is idle`);
    const stream = this.#stream(streamId, type);
    this.#require(!stream.reset, `${type}: stream ${streamId} was reset before`);
    return stream;
  }

  #stream(streamId: number, type: string): StreamRecord {
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) return stream;
    // Never used, and closed since a later one was opened. It may be reset, and nothing else.
    if (type !== "RST_STREAM") throw new Error(`${type}: stream ${streamId} was never opened`);
    this.#open(streamId);
    return this.#stream(streamId, type);
  }

  #require(holds: boolean, rule: string): void {
    if (!holds) throw new Error(rule);
  }
}

function isActive(stream: StreamRecord): boolean {
  return !stream.reset && !stream.peerReset && !(stream.ended && stream.peerEnded);
}

function withoutReserved(bits: number): number {
  return bits % 2 ** 31;
}

function settingsIn(view: DataView): SettingValues {
  const values: [string, number][] = [];
  for (let at = 0; at < view.byteLength; at += 6) {
    values.push([nameOf(settingIds, view.getUint16(at)), view.getUint32(at + 2)]);
  }
  return values;
}

/** RFC 9113 section 6.5.2, RFC 8441 section 3, RFC 9218 section 2.1. */
function allowedSetting(name: string, value: number, role: Role): boolean {
  switch (name) {
    case "ENABLE_PUSH":
      return value === 0 || (value === 1 && role === "client");
    case "INITIAL_WINDOW_SIZE":
      return value < 2 ** 31;
    case "MAX_FRAME_SIZE":
      return value >= 2 ** 14 && value < 2 ** 24;
    case "ENABLE_CONNECT_PROTOCOL":
    case "NO_RFC7540_PRIORITIES":
      return value <= 1;
    default:
      return true;
  }
}

const connectionFields: ReadonlySet<string> = new Set([
  "connection",
  "proxy-connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);

/** RFC 9113 sections 8.2.1, 8.2.2, 8.3. */
function checkLines(streamId: number, { lines, flags: lineFlags }: Lines): void {
  let regular = false;
  const pseudo = new Set<string>();
  for (const [at, [name, value]] of lines.entries()) {
    const fail = (rule: string): never => {
      throw new Error(`field ${JSON.stringify(name)} on stream ${streamId}: ${rule}`);
    };
    if (((lineFlags[at] ?? 0) & (FIELD_NAME_INVALID | FIELD_VALUE_INVALID)) !== 0) fail("not allowed in HTTP/2");
    if (connectionFields.has(name)) fail("belongs to HTTP/1");
    if (name === "te" && value !== "trailers") fail("only trailers may be asked for");
    if (!name.startsWith(":")) {
      regular = true;
      continue;
    }
    if (regular) fail("pseudo-fields come first");
    if (pseudo.has(name)) fail("pseudo-fields come once");
    pseudo.add(name);
  }
}
