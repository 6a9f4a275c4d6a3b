/**
 * What a peer may send, right or wrong, as data and as octets: streams that are opened, used out of turn, reset, and
 * everything a connection is told beside them. Field blocks use the dynamic table.
 */
import type { ScriptedIo } from "@sluice/util/memory";
import fc from "fast-check";
import { HpackEncoder } from "../../../src/h2/hpack/encoder.ts";
import { encodeLines, type Line } from "./hpack.ts";
import { preface } from "./names.ts";
import { joined } from "./octets.ts";
import type { Role } from "./output-rules.ts";
import { Peer, type SettingEntries } from "./peer.ts";

/** One thing that a peer sends. What a field means depends on `what`. */
export interface Act {
  readonly what:
    | ("open" | "head" | "trailers" | "data" | "reset" | "window" | "settings" | "settings ack" | "ping" | "pong")
    | ("go away" | "priority" | "priority update" | "push" | "unknown" | "lone continuation");
  /** Which of the streams so far; beyond them it is idle. */
  readonly stream: number;
  readonly size: number;
  readonly end: boolean;
  readonly padding: number | undefined;
  readonly variant: number;
  /** Octets of the field block that come in frames of their own. */
  readonly continued: number;
}

/** Octets that are changed on the way: at a share of what is behind the preface. */
export interface Flaw {
  readonly at: number;
  readonly xor: number;
}

export interface Traffic {
  readonly acts: readonly Act[];
  readonly flaws: readonly Flaw[];
}

const act: fc.Arbitrary<Act> = fc.record({
  what: fc.constantFrom<Act["what"]>(
    ...(["open", "open", "open", "head", "head", "trailers", "data", "data", "data", "data", "data", "reset"] as const),
    ...(["window", "window", "settings", "settings ack", "ping", "pong", "go away", "priority"] as const),
    ...(["priority update", "push", "unknown", "lone continuation"] as const),
  ),
  stream: fc.nat(4),
  size: fc.oneof(fc.nat(20), fc.nat(20), fc.nat(3000)),
  end: fc.boolean(),
  padding: fc.option(fc.nat(20), { nil: undefined, freq: 3 }),
  variant: fc.nat(11),
  continued: fc.constantFrom(0, 0, 0, 1, 3),
});

/** @param maxFlaws How many octets may be changed. */
export function traffic(maxFlaws: number): fc.Arbitrary<Traffic> {
  return fc.record({
    acts: fc.array(act, { maxLength: 14 }),
    flaws: fc.array(fc.record({ at: fc.nat(9999), xor: fc.integer({ min: 1, max: 255 }) }), { maxLength: maxFlaws }),
  });
}

/** The octets of each act, begun with preface and SETTINGS. */
export function octetsOf({ acts, flaws }: Traffic, role: Role): Uint8Array[] {
  const sender = new Sender(role);
  const pieces = [sender.greeting(), ...acts.map((next) => sender.act(next))];
  const whole = joined(pieces);
  const first = role === "client" ? preface.length : 0;
  for (const { at, xor } of flaws) {
    const index = first + Math.floor((at / 10_000) * (whole.length - first));
    whole[index] = (whole[index] ?? 0) ^ xor;
  }
  let start = 0;
  return pieces.map((piece) => whole.subarray(start, (start += piece.length)));
}

const settings: readonly SettingEntries[] = [
  {},
  { INITIAL_WINDOW_SIZE: 0 },
  { INITIAL_WINDOW_SIZE: 100_000 },
  { HEADER_TABLE_SIZE: 0 },
  { HEADER_TABLE_SIZE: 100 },
  { MAX_CONCURRENT_STREAMS: 0 },
  { MAX_CONCURRENT_STREAMS: 1 },
  { MAX_FRAME_SIZE: 20_000 },
  { MAX_HEADER_LIST_SIZE: 50 },
  { INITIAL_WINDOW_SIZE: 2 ** 31 },
  { MAX_FRAME_SIZE: 5 },
  { ENABLE_PUSH: 2 },
];

class Sender {
  readonly #peer: Peer;
  readonly #role: Role;
  readonly #encoder = new HpackEncoder();
  #sent: Uint8Array[] = [];
  #streams = 0;
  #promises = 0;

  constructor(role: Role) {
    this.#role = role;
    const io = { push: (chunk: Uint8Array) => void this.#sent.push(chunk), writes: [], isShutdown: false };
    this.#peer = new Peer(io as unknown as ScriptedIo, role);
  }

  greeting(): Uint8Array {
    if (this.#role === "client") this.#peer.preface();
    this.#peer.settings();
    return this.#take();
  }

  act(next: Act): Uint8Array {
    const peer = this.#peer;
    const { what, size, end, padding, variant } = next;
    const id = 1 + 2 * next.stream;
    const padded = padding === undefined ? {} : { padding };
    switch (what) {
      case "open":
        if (this.#role === "client") this.#headers(next, 1 + 2 * this.#streams++, this.#request(next));
        else this.#headers(next, 1 + 2 * (this.#streams++ % 3), response(next));
        break;
      case "head":
        this.#headers(next, id, this.#role === "client" ? this.#request(next) : response(next));
        break;
      case "trailers":
        this.#headers({ ...next, end: end || variant > 2 }, id, [["x-trailer", "t".repeat(size % 50)]]);
        break;
      case "data":
        peer.data(variant === 11 ? 2 * next.stream : id, size, { ...padded, endStream: end && variant < 6 });
        break;
      case "reset":
        peer.rst(id, variant);
        break;
      case "window":
        peer.windowUpdate(end ? 0 : id, variant === 0 ? 0 : variant === 1 ? 2 ** 31 - 1 : 1 + size);
        break;
      case "settings":
        peer.settings(settings[variant] ?? {});
        break;
      case "settings ack":
        peer.settingsAck();
        break;
      case "ping":
        peer.ping();
        break;
      case "pong":
        peer.pingAck();
        break;
      case "go away":
        peer.goAway(variant === 0 ? 2 ** 31 - 1 : id, variant % 2 === 0 ? "NO_ERROR" : "INTERNAL_ERROR", "bye");
        break;
      case "priority":
        peer.priority(id, { dependency: variant, weight: 1 + (size % 256) });
        break;
      case "priority update":
        peer.priorityUpdate(id, `u=${variant % 8}`);
        break;
      case "push":
        peer.pushPromise(id, 2 + 2 * this.#promises++, this.#block([...this.#request(next)]), padded);
        break;
      case "unknown":
        peer.raw(0x20 + variant, size % 256, end ? 0 : id, new Uint8Array(size % 100));
        break;
      default:
        peer.continuation(id, this.#block([["x", "y"]]), { endHeaders: end });
        break;
    }
    return this.#take();
  }

  #take(): Uint8Array {
    const octets = joined(this.#sent);
    this.#sent = [];
    return octets;
  }

  #headers({ end, padding, continued, variant }: Act, id: number, lines: readonly Line[]): void {
    const block = this.#block(lines);
    const cuts = Math.min(continued, block.length);
    const first = cuts === 0 ? block.length : Math.floor(block.length / (cuts + 1));
    this.#peer.headers(id, block.subarray(0, first), {
      endStream: end,
      endHeaders: cuts === 0,
      ...(padding === undefined ? {} : { padding }),
      ...(variant === 10 ? { priority: { dependency: id } } : {}),
    });
    for (let cut = 1; cut <= cuts; cut++) {
      const last = cut === cuts;
      this.#peer.continuation(id, block.subarray(first * cut, last ? block.length : first * (cut + 1)), {
        endHeaders: last,
      });
    }
  }

  #block(lines: readonly Line[]): Uint8Array {
    return encodeLines(this.#encoder, lines);
  }

  #request({ variant, size, what }: Act): Line[] {
    const method = what === "push" || variant > 5 ? "GET" : variant === 5 ? "CONNECT" : "POST";
    const fields: Line[] = [
      [":method", method],
      [":authority", "a.test"],
    ];
    if (method !== "CONNECT") fields.push([":scheme", "http"], [":path", `/${variant}`]);
    if (variant === 4) fields.push(["content-length", String(size)]);
    if (variant === 3) fields.push(["X-Wrong", "1"]);
    if (variant === 2) fields.push(["expect", "100-continue"]);
    if (variant === 1) fields.push(["x-large", "l".repeat(size)]);
    return [...fields, ["x-some", `some ${size % 3}`]];
  }
}

function response({ variant, size }: Act): Line[] {
  const statuses = ["100", "103", "204", "304", "404", "101", "200"];
  const fields: Line[] = [[":status", statuses[variant] ?? "200"]];
  if (variant === 7) fields.push(["content-length", String(size)]);
  if (variant === 8) fields.push([":path", "/"]);
  if (variant === 9) fields.push(["x-large", "l".repeat(size)]);
  return [...fields, ["x-some", `some ${size % 3}`]];
}
