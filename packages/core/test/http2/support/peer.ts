/**
 * The other side of a connection under test, driven by hand. What it sends is built here octet by octet, right or wrong;
 * what it receives is read as text, and checked on the way: frames that are not well formed, DATA beyond the windows
 * that the peer granted, field blocks torn apart and all else that `output-rules.ts` knows make the next look throw.
 *
 * ```ts
 * peer.headers(1, get("/"), { endStream: true });
 * expect(peer.take()).toEqual(["HEADERS 1 END_STREAM :status=200 content-length=0"]);
 * ```
 *
 * Nothing happens by itself: no acknowledgment, no window is opened. Windows and settings are reckoned with from the
 * moment they are sent. The transport's own record must be left alone (`io.takeWritten()`).
 */
import type { ScriptedIo } from "@sluice/util/memory";
import { FrameSplitter } from "./frame-splitter.ts";
import { frameText } from "./frame-text.ts";
import { rawFrame } from "./frames.ts";
import { blockOf, type Fields } from "./messages.ts";
import { type ErrorCode, errorNumber, flags, frameTypes, preface, type SettingName, settingIds } from "./names.ts";
import { ascii, hex, joined } from "./octets.ts";
import { Output } from "./output.ts";
import type { Role } from "./output-rules.ts";
import type { Priority, Received } from "./received.ts";

/** Settings by name; as a list where the order counts, or for numbers without a name. */
export type SettingEntries =
  | Readonly<Partial<Record<SettingName, number>>>
  | readonly (readonly [setting: SettingName | number, value: number])[];

export interface HeadersOptions {
  /** Default: false. */
  readonly endStream?: boolean;
  /** Default: true. */
  readonly endHeaders?: boolean;
  /** Octets of padding behind the octet that tells their number. Default: not padded. */
  readonly padding?: number;
  readonly priority?: Partial<Priority>;
}

export interface DataOptions {
  /** Default: false. */
  readonly endStream?: boolean;
  /** Octets of padding behind the octet that tells their number. Default: not padded. */
  readonly padding?: number;
}

interface Look {
  readonly frame: Received;
  /** Which call of `write` completed it. */
  readonly write: number;
}

export class Peer {
  /** The role of the peer: the connection under test has the other one. */
  readonly role: Role;
  readonly #io: ScriptedIo;
  readonly #output: Output;
  readonly #sent = new FrameSplitter();
  /** What is still missing of our own preface. */
  #prefaceBytes: number;
  #batch: Uint8Array[] | undefined = undefined;
  readonly #looks: Look[] = [];
  #writesRead = 0;
  #looked = 0;

  constructor(io: ScriptedIo, role: Role) {
    this.role = role;
    this.#io = io;
    this.#output = new Output(role === "client" ? "server" : "client");
    this.#prefaceBytes = role === "client" ? preface.length : 0;
  }

  // What was received

  /** What the connection has written since the last look, a line for each frame (see `frame-text.ts`). */
  take(): string[] {
    return this.takeFrames().map(frameText);
  }

  /** The same with the parts of each frame. */
  takeFrames(): Received[] {
    return this.#look().map(({ frame }) => frame);
  }

  /** The same as `take`, grouped by the calls of `write`; each frame stands with the call that completed it. */
  takeWrites(): string[][] {
    const writes = new Map<number, string[]>();
    for (const { frame, write } of this.#look()) {
      const group = writes.get(write) ?? [];
      writes.set(write, [...group, frameText(frame)]);
    }
    return [...writes.values()];
  }

  /** Everything that the connection has written so far. Does not count as a look. */
  get frames(): readonly Received[] {
    this.#read();
    return this.#looks.map(({ frame }) => frame);
  }

  /** All content that the connection has written on a stream so far. Does not count as a look. */
  contentOf(streamId: number): Uint8Array {
    return joined(
      this.frames.flatMap((frame) => (frame.type === "DATA" && frame.streamId === streamId ? frame.data : [])),
    );
  }

  /** What the connection may still send on a stream, or with 0 in all, by what this peer granted. */
  granted(streamId: number): number {
    this.#read();
    return this.#output.rules.maySend(streamId);
  }

  /** What this peer may still send on a stream, or with 0 in all, by what the connection granted. */
  allowance(streamId: number): number {
    this.#read();
    return this.#output.rules.mayReceive(streamId);
  }

  // What is sent

  /** Sends all that `action` sends as one chunk. */
  batch(action: () => void): void {
    if (this.#batch !== undefined) throw new Error("a batch within a batch");
    this.#batch = [];
    try {
      action();
    } finally {
      const octets = joined(this.#batch);
      this.#batch = undefined;
      if (octets.length > 0) this.octets(octets);
    }
  }

  preface(): void {
    this.octets(preface);
  }

  settings(entries: SettingEntries = []): void {
    const list = isList(entries) ? entries : (Object.entries(entries) as [SettingName, number][]);
    const payload = new DataView(new ArrayBuffer(6 * list.length));
    for (const [at, [setting, value]] of list.entries()) {
      payload.setUint16(6 * at, typeof setting === "number" ? setting : settingIds[setting]);
      payload.setUint32(6 * at + 2, value);
    }
    this.raw(frameTypes.SETTINGS, 0, 0, new Uint8Array(payload.buffer));
  }

  settingsAck(): void {
    this.raw(frameTypes.SETTINGS, flags.ACK, 0);
  }

  /** @param fields Lines (see `messages.ts`), or the octets of the field block or of its first fragment. */
  headers(streamId: number, fields: Fields, options: HeadersOptions = {}): void {
    const { endStream = false, endHeaders = true, padding, priority } = options;
    const flagBits =
      (endStream ? flags.END_STREAM : 0) |
      (endHeaders ? flags.END_HEADERS : 0) |
      (priority === undefined ? 0 : flags.PRIORITY);
    const fixed = priority === undefined ? new Uint8Array(0) : priorityOctets(priority);
    this.#padded(frameTypes.HEADERS, flagBits, streamId, joined([fixed, blockOf(fields)]), padding);
  }

  continuation(streamId: number, fields: Fields, options: { readonly endHeaders?: boolean } = {}): void {
    const { endHeaders = true } = options;
    this.raw(frameTypes.CONTINUATION, endHeaders ? flags.END_HEADERS : 0, streamId, blockOf(fields));
  }

  /** One DATA frame. @param content Text of one octet per char, octets, or the number of octets. */
  data(streamId: number, content: string | Uint8Array | number, options: DataOptions = {}): void {
    const octets = typeof content === "number" ? new Uint8Array(content).fill(0x78) : octetsOf(content);
    this.#padded(frameTypes.DATA, options.endStream === true ? flags.END_STREAM : 0, streamId, octets, options.padding);
  }

  rst(streamId: number, code: ErrorCode): void {
    this.raw(frameTypes.RST_STREAM, 0, streamId, uint32(errorNumber(code)));
  }

  windowUpdate(streamId: number, increment: number): void {
    this.raw(frameTypes.WINDOW_UPDATE, 0, streamId, uint32(increment));
  }

  /** @param payload Eight octets in hexadecimal. */
  ping(payload = "0011223344556677"): void {
    this.raw(frameTypes.PING, 0, 0, hex(payload));
  }

  pingAck(payload = "0011223344556677"): void {
    this.raw(frameTypes.PING, flags.ACK, 0, hex(payload));
  }

  goAway(lastStreamId: number, code: ErrorCode = "NO_ERROR", debug = ""): void {
    this.raw(frameTypes.GOAWAY, 0, 0, joined([uint32(lastStreamId), uint32(errorNumber(code)), ascii(debug)]));
  }

  priority(streamId: number, fields: Partial<Priority> = {}): void {
    this.raw(frameTypes.PRIORITY, 0, streamId, priorityOctets(fields));
  }

  priorityUpdate(streamId: number, value: string): void {
    this.raw(frameTypes.PRIORITY_UPDATE, 0, 0, joined([uint32(streamId), ascii(value)]));
  }

  pushPromise(
    streamId: number,
    promised: number,
    fields: Fields,
    options: { readonly endHeaders?: boolean; readonly padding?: number } = {},
  ): void {
    const flagBits = options.endHeaders === false ? 0 : flags.END_HEADERS;
    const payload = joined([uint32(promised), blockOf(fields)]);
    this.#padded(frameTypes.PUSH_PROMISE, flagBits, streamId, payload, options.padding);
  }

  /** Any frame at all. @param payload Octets, or hexadecimal. */
  raw(type: number, flagBits: number, streamId: number, payload: Uint8Array | string = ""): void {
    this.octets(rawFrame(type, flagBits, streamId, payload));
  }

  /** Octets as they are; text has one octet per char. Frames in them are reckoned with once they are complete. */
  octets(octets: Uint8Array | string): void {
    const chunk = octetsOf(octets);
    if (this.#batch !== undefined) {
      this.#batch.push(chunk);
      return;
    }
    this.#catchUp();
    const skipped = Math.min(this.#prefaceBytes, chunk.length);
    this.#prefaceBytes -= skipped;
    for (const frame of this.#sent.push(chunk.subarray(skipped))) this.#output.rules.sent(frame);
    this.#io.push(chunk);
  }

  /** Ends what the peer sends (FIN). */
  end(): void {
    this.#io.push(null);
  }

  #padded(type: number, flagBits: number, streamId: number, payload: Uint8Array, padding: number | undefined): void {
    if (padding === undefined) return this.raw(type, flagBits, streamId, payload);
    const whole = joined([Uint8Array.of(padding), payload, new Uint8Array(padding)]);
    this.raw(type, flagBits | flags.PADDED, streamId, whole);
  }

  #look(): Look[] {
    this.#read();
    const looks = this.#looks.slice(this.#looked);
    this.#looked = this.#looks.length;
    return looks;
  }

  /** What was written before something is sent is judged by what was sent until then. */
  #catchUp(): void {
    try {
      this.#read();
    } catch {
      // The next look throws it again.
    }
  }

  #read(): void {
    const { writes } = this.#io;
    if (writes.length < this.#writesRead) throw new Error("what was written was taken past the peer");
    for (; this.#writesRead < writes.length; this.#writesRead++) {
      const octets = writes[this.#writesRead] ?? new Uint8Array(0);
      for (const frame of this.#output.read(octets)) this.#looks.push({ frame, write: this.#writesRead });
    }
    if (this.#io.isShutdown && this.#output.isIncomplete) throw new Error("the connection ended within a frame");
  }
}

function isList(entries: SettingEntries): entries is Extract<SettingEntries, readonly unknown[]> {
  return Array.isArray(entries);
}

function octetsOf(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? ascii(content) : content;
}

function uint32(value: number): Uint8Array {
  return hex(value.toString(16).padStart(8, "0"));
}

function priorityOctets({ exclusive = false, dependency = 0, weight = 16 }: Partial<Priority>): Uint8Array {
  return joined([uint32(dependency + (exclusive ? 2 ** 31 : 0)), Uint8Array.of(weight - 1)]);
}
