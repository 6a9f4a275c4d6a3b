/**
 * What a connection under test writes, as frames: split, taken apart, field blocks put together and decoded, and all of
 * it checked by `output-rules.ts`. The first thing that is wrong is thrown, and again by every later look.
 */
import { HpackDecoder } from "../../../src/h2/hpack/decoder.ts";
import { FIELD_SENSITIVE } from "../../../src/h2/hpack/static-table.ts";
import { FrameSplitter, type RawFrame } from "./frame-splitter.ts";
import { frameText } from "./frame-text.ts";
import { Lines } from "./hpack.ts";
import { preface } from "./names.ts";
import { ascii, joined } from "./octets.ts";
import { OutputRules, type Role } from "./output-rules.ts";
import { type Continuation, type Headers, type PushPromise, parseFrame, type Received } from "./received.ts";

const none = new Uint8Array(0);
const prefaceOctets = ascii(preface);

export class Output {
  readonly rules: OutputRules;
  readonly #splitter = new FrameSplitter();
  readonly #decoder = new HpackDecoder({ maxListBytes: 16_777_216 });
  /** What is still missing of the client's preface. */
  #preface: Uint8Array;
  /** The field block that is open, and its fragments. */
  #head: Headers | PushPromise | undefined = undefined;
  #fragments: Uint8Array[] = [];
  #error: Error | undefined = undefined;

  /** @param role The role of the connection. */
  constructor(role: Role) {
    this.rules = new OutputRules(role);
    this.#preface = role === "client" ? prefaceOctets : none;
  }

  /** Whether the octets so far end within a frame, or within a field block. */
  get isIncomplete(): boolean {
    return this.#splitter.withinFrame || this.#head !== undefined;
  }

  /** Takes what one `write` wrote, and returns the frames that it completes. @throws Error if anything is wrong. */
  read(octets: Uint8Array): Received[] {
    if (this.#error !== undefined) throw this.#error;
    const frames: Received[] = [];
    try {
      for (const raw of this.#splitter.push(this.#withoutPreface(octets, frames))) frames.push(this.#frame(raw));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const before = frames.map(frameText).join(", ");
      this.#error = new Error(`the connection wrote what it must not: ${message}; before that: ${before || "nothing"}`);
      throw this.#error;
    }
    return frames;
  }

  #withoutPreface(octets: Uint8Array, frames: Received[]): Uint8Array {
    if (this.#preface.length === 0) return octets;
    const count = Math.min(this.#preface.length, octets.length);
    if (!octets.subarray(0, count).every((octet, at) => octet === this.#preface[at])) {
      throw new Error("a client starts with the preface");
    }
    this.#preface = this.#preface.subarray(count);
    if (this.#preface.length === 0) frames.push({ type: "PREFACE" });
    return octets.subarray(count);
  }

  #frame(raw: RawFrame): Received {
    const frame = parseFrame(raw);
    const acknowledged = this.rules.frame(frame, raw.payload.length) ?? [];
    for (const [name, value] of acknowledged) {
      if (name === "HEADER_TABLE_SIZE") this.#decoder.setAllowedTableBytes(value);
    }
    this.#fieldBlock(frame);
    return frame;
  }

  #fieldBlock(frame: Received): void {
    const open = this.#head;
    if (open !== undefined) {
      if (frame.type !== "CONTINUATION" || frame.streamId !== open.streamId) {
        throw new Error(`${frameText(frame)}: the field block of stream ${open.streamId} is open`);
      }
    } else if (frame.type === "CONTINUATION") {
      throw new Error(`${frameText(frame)}: there is no open field block`);
    } else if (frame.type === "HEADERS" || frame.type === "PUSH_PROMISE") {
      this.#head = frame;
      this.#fragments = [];
    } else {
      return;
    }
    this.#fragments.push(frame.fragment);
    if (frame.endHeaders) this.#endBlock(frame);
  }

  #endBlock(last: Headers | PushPromise | Continuation): void {
    const block = joined(this.#fragments);
    const lines = new Lines();
    this.#decoder.begin(lines);
    this.#decoder.decode(block, 0, block.length);
    this.#decoder.end();
    last.fields = lines.lines;
    last.sensitive = lines.lines.flatMap(([name], at) =>
      ((lines.flags[at] ?? 0) & FIELD_SENSITIVE) === 0 ? [] : name,
    );
    if (this.#head !== undefined) this.rules.block(this.#head, lines);
    this.#head = undefined;
    this.#fragments = [];
  }
}
