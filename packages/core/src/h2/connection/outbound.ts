/**
 * What is sent on streams: field sections at once, content as the windows, the transport and the scheduler allow.
 *
 * Capacity is taken when a frame is written, never before: a stream that rests holds none of it. A stream is scheduled as
 * long as it has octets to send and window to send them; the end of a stream needs no window and is written as soon as
 * nothing is before it.
 */
import type { HeaderMap } from "@sluice/body";
import type { Driver } from "../../driver/driver.ts";
import type { Observer } from "../../observer.ts";
import type { Defences } from "../defence/defences.ts";
import { writeDataHeader } from "../frame/data.ts";
import { closeFieldBlock } from "../frame/field-block.ts";
import { openHeaders } from "../frame/headers.ts";
import type { PeerSettings } from "../frame/peer-settings.ts";
import { defaultInitialWindowBytes } from "../frame/settings.ts";
import { writeFields } from "../head/outgoing-fields.ts";
import type { HpackEncoder } from "../hpack/encoder.ts";
import type { OctetWriter } from "../octet-writer.ts";
import { Scheduler } from "../stream/scheduler.ts";
import { DATA_END, HEADERS, HEADERS_END, SENT } from "../stream/state.ts";
import type { Stream } from "../stream/stream.ts";
import { SendWindow } from "../stream/window.ts";
import type { FrameOutput } from "./frame-output.ts";
import type { Stalls } from "./stalls.ts";
import type { Streams } from "./streams.ts";

const nothing = new Uint8Array(0);
const nobody: never[] = [];

export class Outbound {
  /** How much the peer lets us send on all streams together. */
  readonly window: SendWindow = new SendWindow(0, defaultInitialWindowBytes);
  readonly scheduler: Scheduler<Stream> = new Scheduler();
  readonly #driver: Driver<FrameOutput>;
  readonly #writer: OctetWriter;
  readonly #encoder: HpackEncoder;
  readonly #peer: PeerSettings;
  readonly #streams: Streams;
  readonly #defences: Defences;
  readonly #observer: Observer | undefined;
  readonly #stalls: Stalls;
  /** Streams that could go on but gave way to other work. */
  #resting: Stream[] = nobody;
  /** Streams with a `capacityWaiter`. */
  #awaiting: Set<Stream> | undefined;

  constructor(
    driver: Driver<FrameOutput>,
    encoder: HpackEncoder,
    peer: PeerSettings,
    streams: Streams,
    defences: Defences,
    observer: Observer | undefined,
    stalls: Stalls,
  ) {
    this.#driver = driver;
    this.#writer = driver.output.writer;
    this.#encoder = encoder;
    this.#peer = peer;
    this.#streams = streams;
    this.#defences = defences;
    this.#observer = observer;
    this.#stalls = stalls;
  }

  /** Whether something could be sent if the transport took more. */
  get wantsWrite(): boolean {
    return this.#resting.length > 0 || (!this.scheduler.isEmpty && this.window.available > 0);
  }

  /** Starts a field section; returns what `closeHeaders` wants. The fields are to be encoded next. */
  openHeaders(stream: Stream, endStream: boolean): number {
    const mark = openHeaders(this.#writer, stream.id, endStream);
    this.#encoder.begin(this.#writer);
    return mark;
  }

  /** Ends the field section; with END_STREAM our side ends, of which the handler is told. */
  closeHeaders(stream: Stream, mark: number, endStream: boolean): void {
    closeFieldBlock(this.#writer, mark, this.#peer.maxFrameSize);
    if (endStream) this.#ended(stream, HEADERS_END);
    else this.#streams.move(stream, HEADERS + SENT);
  }

  /** Sends content, now or when there is room, and behind it the end of our side if `end`. */
  data(stream: Stream, bytes: Uint8Array, end: boolean): void {
    const count = bytes.length;
    if (count > 0) {
      if (stream.outBytes === 0 && this.#fits(stream, count)) {
        this.#frame(stream, bytes, 0, count, end);
        if (end) this.#ended(stream, DATA_END);
        return;
      }
      stream.out ??= [];
      stream.out.push(bytes);
      stream.outBytes += count;
      this.#schedule(stream);
    }
    if (!end) return;
    if (stream.outBytes > 0) stream.outEnds = true;
    else this.#end(stream);
  }

  /** As `data` with `end`, for short text that is ASCII; false if it has to be sent as octets. */
  text(stream: Stream, text: string): boolean {
    const count = text.length;
    if (count === 0 || stream.outBytes > 0 || !this.#fits(stream, count)) return false;
    writeDataHeader(this.#writer, stream.id, count, true);
    this.#writer.text(text);
    this.#charge(stream, count);
    this.#ended(stream, DATA_END);
    return true;
  }

  /** Sends trailers behind what is to be sent, which ends our side. */
  trailers(stream: Stream, fields: HeaderMap): void {
    if (stream.outBytes > 0) stream.outTrailers = fields;
    else this.#writeTrailers(stream, fields);
  }

  /** What is to be sent on the stream is dropped. */
  drop(stream: Stream): void {
    this.scheduler.remove(stream);
    if (stream.capacityWaiter !== undefined) {
      stream.capacityWaiter = undefined;
      this.#awaiting?.delete(stream);
    }
    stream.out = undefined;
    stream.outFirst = 0;
    stream.outOffset = 0;
    stream.outBytes = 0;
    stream.outEnds = false;
    stream.outTrailers = undefined;
    this.#stalls.end(stream);
  }

  /** The stream's handler will be told `drained` in a later turn. */
  rest(stream: Stream): void {
    if (this.#resting === nobody) this.#resting = [];
    this.#resting.push(stream);
  }

  /** Asks `waiter` whenever there may be more capacity on the stream, for as long as it answers true. */
  awaitCapacity(stream: Stream, waiter: () => boolean): void {
    stream.capacityWaiter = waiter;
    this.#awaiting ??= new Set();
    this.#awaiting.add(stream);
  }

  /** The connection's window has opened. */
  connectionWindowOpened(): void {
    if (this.#awaiting === undefined) return;
    for (const stream of this.#awaiting) this.#askForCapacity(stream);
  }

  /** The stream's window has changed. */
  windowChanged(stream: Stream): void {
    this.#askForCapacity(stream);
    if (stream.outBytes === 0) return;
    if (stream.sendWindow.available > 0) {
      this.scheduler.push(stream);
    } else {
      this.scheduler.remove(stream);
      this.#stalls.begin(stream);
    }
  }

  /** Whether the peer's flow control keeps the stream from sending. */
  isStalled(stream: Stream): boolean {
    return stream.outBytes > 0 && (stream.sendWindow.available <= 0 || this.window.available <= 0);
  }

  /** Sends while there is room. */
  pump(): void {
    if (this.#resting.length > 0) this.#resume();
    while (this.window.available > 0 && !this.#driver.congested) {
      const stream = this.scheduler.next();
      if (stream === null) return;
      this.#sendFrom(stream);
    }
    if (this.window.available > 0 || this.scheduler.isEmpty) return;
    this.#observer?.stalled?.(0, "connection window");
    for (const stream of this.#streams.store.all()) if (stream.outBytes > 0) this.#stalls.begin(stream);
  }

  #resume(): void {
    const resting = this.#resting;
    this.#resting = nobody;
    for (const stream of resting) if (stream.error === undefined) stream.handler.drained(stream);
  }

  /** Whether a frame of `count` octets can be written at once, out of nobody's turn. */
  #fits(stream: Stream, count: number): boolean {
    return (
      count <= stream.sendWindow.available &&
      count <= this.window.available &&
      count <= this.#peer.maxFrameSize &&
      this.scheduler.isEmpty &&
      !this.#driver.congested
    );
  }

  #schedule(stream: Stream): void {
    if (stream.sendWindow.available > 0) this.scheduler.push(stream);
    else this.#stalled(stream);
    if (this.window.available <= 0) this.#stalls.begin(stream);
  }

  #stalled(stream: Stream): void {
    this.scheduler.remove(stream);
    this.#stalls.begin(stream);
    this.#observer?.stalled?.(stream.id, "stream window");
  }

  /** Writes the next frame of a stream that has octets and window. */
  #sendFrom(stream: Stream): void {
    const chunk = stream.out?.[stream.outFirst] ?? nothing;
    const start = stream.outOffset;
    const room = Math.min(stream.sendWindow.available, this.window.available, this.#peer.maxFrameSize);
    const count = Math.min(chunk.length - start, room);
    const all = count === stream.outBytes;
    const end = all && stream.outEnds;
    this.#stalls.end(stream);
    this.#frame(stream, chunk, start, start + count, end);
    stream.outBytes -= count;
    stream.outOffset = start + count;
    if (all) {
      stream.out = undefined;
      stream.outFirst = 0;
      stream.outOffset = 0;
    } else if (stream.outOffset === chunk.length) {
      (stream.out as Uint8Array[])[stream.outFirst++] = nothing;
      stream.outOffset = 0;
    }
    if (end) {
      this.scheduler.remove(stream);
      this.#ended(stream, DATA_END);
      return;
    }
    if (all) this.#emptied(stream);
    this.#askForCapacity(stream);
    // Nothing to send, or nothing that may be sent: it must leave the scheduler before the next turn.
    if (stream.outBytes === 0) this.scheduler.remove(stream);
    else if (stream.sendWindow.available <= 0) this.#stalled(stream);
  }

  #askForCapacity(stream: Stream): void {
    if (stream.capacityWaiter === undefined || stream.capacityWaiter()) return;
    stream.capacityWaiter = undefined;
    this.#awaiting?.delete(stream);
  }

  #emptied(stream: Stream): void {
    const trailers = stream.outTrailers;
    if (trailers === undefined) {
      stream.handler.drained(stream);
    } else {
      stream.outTrailers = undefined;
      this.#writeTrailers(stream, trailers);
    }
  }

  #frame(stream: Stream, bytes: Uint8Array, start: number, end: number, last: boolean): void {
    writeDataHeader(this.#writer, stream.id, end - start, last);
    this.#driver.output.payload(bytes, start, end);
    this.#charge(stream, end - start);
  }

  #charge(stream: Stream, count: number): void {
    stream.sendWindow.take(count);
    this.window.take(count);
    this.#defences.dataSent(count);
  }

  /** RFC 9113 6.9.1: a frame without content needs no window. */
  #end(stream: Stream): void {
    writeDataHeader(this.#writer, stream.id, 0, true);
    this.#ended(stream, DATA_END);
  }

  #writeTrailers(stream: Stream, fields: HeaderMap): void {
    const mark = openHeaders(this.#writer, stream.id, true);
    this.#encoder.begin(this.#writer);
    writeFields(this.#writer, this.#encoder, fields);
    closeFieldBlock(this.#writer, mark, this.#peer.maxFrameSize);
    this.#ended(stream, HEADERS_END);
  }

  #ended(stream: Stream, event: typeof DATA_END | typeof HEADERS_END): void {
    stream.outEnds = false;
    this.#streams.move(stream, event + SENT);
    stream.handler.sent(stream);
  }
}
