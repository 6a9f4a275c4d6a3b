/**
 * The streams of a connection by identifier, and what is known of those that are no more (RFC 9113 sections 5.1,
 * 5.1.1).
 *
 * Identifiers only go up on either side: ours are odd on a client and even on a server. A closed stream leaves no
 * record. Our resets are remembered for a short time, so that what the peer sent before it saw them is let pass, and so
 * are the identifiers it passed over; both are bounded. The state of any other identifier follows from the highest one.
 */
import { PROTOCOL_ERROR } from "../frame/error-code.ts";
import { maxStreamId } from "../frame/frame-header.ts";
import { connectionError, type Http2Error } from "../http2-error.ts";
import { IdRanges } from "./id-ranges.ts";
import { RememberedResets } from "./remembered-resets.ts";
import { CLIENT, CLOSED_BY_RESET_SENT, CLOSED_FORGOTTEN, CLOSED_IMPLICITLY, IDLE } from "./state.ts";
import { StreamMap } from "./stream-map.ts";

/** What a stream's record has for the store. */
export interface StoredStream {
  readonly id: number;
  /** Whether the stream counts against MAX_CONCURRENT_STREAMS; for the store alone. */
  active: boolean;
}

export interface StoreLimits {
  /** Most resets of ours that are remembered; the oldest is forgotten first. */
  readonly maxRememberedResets: number;
  /** How long they are remembered. */
  readonly rememberResetsMs: number;
}

/** As h2 has it; options say otherwise. */
const defaultStoreLimits: StoreLimits = { maxRememberedResets: 50, rememberResetsMs: 1000 };

export class StreamStore<Stream extends StoredStream> {
  readonly #streams: StreamMap<Stream> = new StreamMap();
  readonly #limits: StoreLimits;
  /** Both are made when there is something to remember. */
  #resets: RememberedResets | undefined;
  /** What the peer passed over. */
  #skipped: IdRanges | undefined;
  /** The lowest bit of our identifiers. */
  readonly #localBit: number;
  #nextLocalId: number;
  #lastRemoteId = 0;
  #activeLocal = 0;
  #activeRemote = 0;
  #peakLocal = 0;
  #peakRemote = 0;
  #peakSize = 0;

  /** @param role `CLIENT` or `SERVER`. */
  constructor(role: number, limits: StoreLimits = defaultStoreLimits) {
    this.#localBit = role === CLIENT ? 1 : 0;
    this.#nextLocalId = role === CLIENT ? 1 : 2;
    this.#limits = limits;
  }

  /** How many streams have a record. */
  get size(): number {
    return this.#streams.size;
  }

  /** How many streams that we opened count against the peer's limit. */
  get activeLocal(): number {
    return this.#activeLocal;
  }

  /** How many streams that the peer opened count against our limit. */
  get activeRemote(): number {
    return this.#activeRemote;
  }

  /** The most streams there were at a time: ours, the peer's, and those with a record. */
  get peaks(): { readonly local: number; readonly remote: number; readonly size: number } {
    return { local: this.#peakLocal, remote: this.#peakRemote, size: this.#peakSize };
  }

  /** The highest identifier the peer has used, or 0. */
  get lastRemoteId(): number {
    return this.#lastRemoteId;
  }

  /** The highest identifier we have used, or 0. */
  get lastLocalId(): number {
    return Math.max(0, this.#nextLocalId - 2);
  }

  /** Whether there is an identifier left for us (RFC 9113 section 5.1.1). */
  get hasLocalId(): boolean {
    return this.#nextLocalId <= maxStreamId;
  }

  /** How many resets are remembered, those expired included. */
  get rememberedResets(): number {
    return this.#resets?.size ?? 0;
  }

  /** Whether we open streams with this identifier. */
  isLocal(id: number): boolean {
    return (id & 1) === this.#localBit;
  }

  /** The next identifier of ours, or 0 if there is none left: then a new connection is needed. */
  takeLocalId(): number {
    const id = this.#nextLocalId;
    if (id > maxStreamId) return 0;
    this.#nextLocalId = id + 2;
    return id;
  }

  /** Passes over our identifiers below `id`, which must be one of ours and not below the next. */
  startLocalIdsAt(id: number): void {
    if (!this.isLocal(id) || id < this.#nextLocalId || id > maxStreamId) {
      throw new RangeError(`the first stream identifier must be ours and at least ${this.#nextLocalId}; got ${id}`);
    }
    this.#nextLocalId = id;
  }

  /**
   * The peer opens or promises stream `id`, which closes those below it that it has not used. To be called once per
   * stream, refused ones included. Nothing changes if it is wrong.
   */
  admitRemote(id: number): Http2Error | undefined {
    if (this.isLocal(id)) {
      const parity = this.#localBit === 1 ? "even" : "odd";
      const message = `stream identifier of the peer must be ${parity}, got ${id} (RFC 9113 5.1.1)`;
      return connectionError(PROTOCOL_ERROR, "STREAM_ID_PARITY", message);
    }
    const last = this.#lastRemoteId;
    if (id <= last) {
      const message = `stream identifier must be higher than ${last}, got ${id} (RFC 9113 5.1.1)`;
      return connectionError(PROTOCOL_ERROR, "STREAM_ID_USED", message);
    }
    const first = last === 0 ? 1 + this.#localBit : last + 2;
    if (first < id) {
      this.#skipped ??= new IdRanges();
      this.#skipped.add(first, id - 2);
    }
    this.#lastRemoteId = id;
    return undefined;
  }

  get(id: number): Stream | undefined {
    return this.#streams.get(id);
  }

  /** Keeps a record. A reserved stream is not active. */
  add(stream: Stream, active = true): void {
    this.#streams.add(stream);
    stream.active = false;
    if (this.#streams.size > this.#peakSize) this.#peakSize = this.#streams.size;
    if (active) this.activate(stream);
  }

  /** A reserved stream becomes half-closed, and so counts from here on (RFC 9113 section 5.1.2). */
  activate(stream: Stream): void {
    if (stream.active) return;
    stream.active = true;
    if (this.isLocal(stream.id)) {
      if (++this.#activeLocal > this.#peakLocal) this.#peakLocal = this.#activeLocal;
    } else if (++this.#activeRemote > this.#peakRemote) this.#peakRemote = this.#activeRemote;
  }

  /** The stream is closed, but its record is still needed: it counts no more (RFC 9113 section 5.1.2). */
  deactivate(stream: Stream): void {
    if (!stream.active) return;
    stream.active = false;
    if (this.isLocal(stream.id)) this.#activeLocal--;
    else this.#activeRemote--;
  }

  /** Drops the record of a stream that is in the closed state `state`. Nothing happens if there is none. */
  remove(stream: Stream, state: number, now: number): void {
    if (this.#streams.get(stream.id) !== stream) return;
    this.#streams.delete(stream.id);
    this.deactivate(stream);
    if (state === CLOSED_BY_RESET_SENT) this.rememberReset(stream.id, now);
  }

  /** Remembers that `RST_STREAM` was sent on a stream without a record, such as one that was refused. */
  rememberReset(id: number, now: number): void {
    this.#resets ??= new RememberedResets(this.#limits.maxRememberedResets, this.#limits.rememberResetsMs);
    this.#resets.add(id, now);
  }

  /** The state, as of `state.ts`, of a stream that has no record: what its late frames mean follows from it. */
  stateWithoutRecord(id: number, now: number): number {
    const local = this.isLocal(id);
    if (local ? id >= this.#nextLocalId : id > this.#lastRemoteId) return IDLE;
    if (this.#resets?.has(id, now) === true) return CLOSED_BY_RESET_SENT;
    return !local && this.#skipped?.has(id) === true ? CLOSED_IMPLICITLY : CLOSED_FORGOTTEN;
  }

  /** All records there are now, by identifier. */
  all(): readonly Stream[] {
    return this.#streams.list();
  }
}
