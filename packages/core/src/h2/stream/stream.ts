/**
 * The record of one stream: its state, its windows, what was received and not taken, what is to be sent and could not be.
 *
 * A record has no behaviour. `connection/` moves it on: `Inbound` what is received, `Outbound` what is sent, `Streams` its
 * state. Who opened the stream or serves it is told through `handler`, who waits for content through `reader`.
 */
import type { HeaderMap } from "@sluice/body";
import type { HttpError } from "../../error.ts";
import type { Priority } from "./priority.ts";
import type { ReceiveQueue } from "./receive-queue.ts";
import type { Schedulable } from "./scheduler.ts";
import type { StoredStream } from "./store.ts";
import type { Timed } from "./stream-deadlines.ts";
import { type ReceiveWindow, SendWindow } from "./window.ts";

/** Is told what becomes of a stream. */
export interface StreamHandler {
  /** The peer has ended its side. */
  ended(stream: Stream): void;
  /** All that was given to be sent has been handed to the output, and more may be given. */
  drained(stream: Stream): void;
  /** The end of our side has been handed to the output. */
  sent(stream: Stream): void;
  /** The stream was reset by either side, or went down with the connection. It is closed. */
  failed(stream: Stream, error: HttpError): void;
  /** The time limit set for the stream has passed. */
  expired(stream: Stream): void;
}

/** Waits for content. Is asked once, and has to be set again to be asked again. */
export interface StreamReader {
  /** Content has arrived; it is held until it is released. False leaves it to wait, and the reader in its place. */
  chunk(stream: Stream, bytes: Uint8Array): boolean;
  /** There is something other than content to be seen: trailers, the end, or an error. */
  over(stream: Stream): void;
}

/** Nothing more than this is known to be wrong with received content. */
export const noContentLength = -1;

export class Stream implements StoredStream, Schedulable<Stream>, Timed {
  readonly id: number;
  readonly handler: StreamHandler;
  /** As of `state.ts`. */
  state: number;
  active = false;
  priority: Priority;
  /** Its request came through a proxy, so the peer's signals of priority are not for it. */
  forwarded = false;
  schedPrev: Stream | null = null;
  schedNext: Stream | null = null;
  deadlineAt: number = Number.POSITIVE_INFINITY;

  /** The head of the message that the peer sends has been received; what follows is content or trailers. */
  headReceived = false;
  /** The peer has ended its side. */
  endReceived = false;
  /** Made with the first DATA frame. */
  receiveWindow: ReceiveWindow | undefined = undefined;
  /** Made when content arrives that nobody waits for. */
  queue: ReceiveQueue | undefined = undefined;
  reader: StreamReader | undefined = undefined;
  /** CONNECT has made a tunnel of it: octets both ways and nothing else. */
  isTunnel = false;
  /** Nobody will read content; it is thrown away. */
  discards = false;
  /** What content-length says, or -1. */
  contentLength: number = noContentLength;
  /** Octets of content received. */
  received = 0;
  trailers: HeaderMap | undefined = undefined;

  readonly sendWindow: SendWindow;
  /** What is to be sent: chunks from `outFirst` on, the first one from `outOffset` on. */
  out: Uint8Array[] | undefined = undefined;
  outFirst = 0;
  outOffset = 0;
  /** Asked when there may be more capacity; answers whether it wants to be asked again. */
  capacityWaiter: (() => boolean) | undefined = undefined;
  /** Octets to be sent. */
  outBytes = 0;
  /** Behind them, our side ends. */
  outEnds = false;
  /** Behind them, these are sent, which ends our side. */
  outTrailers: HeaderMap | undefined = undefined;
  /** Since when the peer's flow control has kept it from sending, or Infinity. */
  stalledAt: number = Number.POSITIVE_INFINITY;

  /** Why the stream was closed before both sides had ended. */
  error: HttpError | undefined = undefined;
  /** The program gave it up; what comes of that is not the peer's fault. */
  canceled = false;

  constructor(id: number, state: number, handler: StreamHandler, sendWindowBytes: number, priority: Priority) {
    this.id = id;
    this.state = state;
    this.handler = handler;
    this.sendWindow = new SendWindow(id, sendWindowBytes);
    this.priority = priority;
  }

  /** Whether there is anything to be taken by a reader without waiting: content, or what follows it. */
  get isReadable(): boolean {
    return this.endReceived || this.error !== undefined || (this.queue !== undefined && !this.queue.isEmpty);
  }
}
