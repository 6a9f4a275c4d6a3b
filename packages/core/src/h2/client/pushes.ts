/**
 * Pushes that a client accepts (RFC 9113 section 8.4): which promises are good, and who is told of them.
 */
import type { HttpRequest } from "../../message/request.ts";
import type { Http2Machine } from "../connection/machine.ts";
import { PROTOCOL_ERROR, REFUSED_STREAM } from "../frame/error-code.ts";
import type { RequestHead } from "../head/request-head.ts";
import { type Http2Error, streamError } from "../http2-error.ts";
import { fairPriority } from "../stream/priority.ts";
import { isClosed, RESERVED_REMOTE } from "../stream/state.ts";
import type { Stream } from "../stream/stream.ts";
import { PushedExchange, type PushLimits, type PushPromise } from "./push-promise.ts";

export interface PushOptions extends PushLimits {
  readonly maxReservedStreams: number;
}

export class Pushes {
  readonly #options: PushOptions;
  readonly #onPush: ((promise: PushPromise) => void) | undefined;

  constructor(options: PushOptions, onPush: ((promise: PushPromise) => void) | undefined) {
    this.#options = options;
    this.#onPush = onPush;
  }

  get isEnabled(): boolean {
    return this.#onPush !== undefined;
  }

  /**
   * The request in `head` is promised on `promisedId`.
   * @param asked The request that it was promised on, if that is still of interest.
   * @throws Http2Error stream error on the promised stream.
   */
  promised(machine: Http2Machine, promisedId: number, head: RequestHead, asked: HttpRequest | undefined): void {
    const { streams } = machine;
    const error =
      machine.blocks.tooLong(promisedId, head.tooMany) ??
      head.check(promisedId, true, false) ??
      unfit(promisedId, head);
    if (error !== undefined) throw error;
    const request = head.toRequest();
    const reserved = streams.store.size - streams.store.activeLocal - streams.store.activeRemote;
    const tooMany = reserved >= this.#options.maxReservedStreams;
    if (tooMany) streams.check(machine.defences.streamRefused(machine.now()));
    // What our GOAWAY excludes will not be processed either (RFC 9113 6.8).
    if (this.#onPush === undefined || asked === undefined || tooMany || machine.streams.ignores(promisedId)) {
      streams.refuse(promisedId, REFUSED_STREAM);
      return;
    }
    if (!sameOrigin(request, asked)) throw foreign(promisedId);
    const exchange = new PushedExchange(machine, request, this.#options);
    const stream = streams.open(promisedId, RESERVED_REMOTE, exchange, fairPriority);
    exchange.stream = stream;
    // An observer may have ended it.
    if (isClosed(stream.state)) return;
    streams.deadlines.set(stream, this.#options.headTimeoutMs);
    this.#tell(exchange);
    if (!exchange.isClaimed) exchange.cancel();
  }

  /** The head of a pushed response has come: its stream counts from here on. */
  begins(machine: Http2Machine, stream: Stream, maxConcurrentStreams: number): void {
    if (machine.streams.store.activeRemote < maxConcurrentStreams) return;
    const message = `HEADERS: at most ${maxConcurrentStreams} pushed streams may be open (RFC 9113 5.1.2)`;
    throw streamError(stream.id, REFUSED_STREAM, "TOO_MANY_STREAMS", message);
  }

  #tell(exchange: PushedExchange): void {
    try {
      this.#onPush?.(exchange);
    } catch {
      // What is not claimed is refused.
    }
  }
}

/** RFC 9113 8.4: safe, cacheable, and without content. */
function unfit(promisedId: number, head: RequestHead): Http2Error | undefined {
  const { method, contentLength } = head;
  if ((method === "GET" || method === "HEAD") && contentLength <= 0) return undefined;
  const message = "PUSH_PROMISE: a promised request must be a GET or HEAD without content (RFC 9113 8.4)";
  return streamError(promisedId, PROTOCOL_ERROR, "PUSH_REQUEST", message);
}

/** RFC 9113 8.4: a server may only push what it is authoritative for; the origin of the request it answers is known. */
function sameOrigin(request: HttpRequest, asked: HttpRequest): boolean {
  const same = request.authority?.toLowerCase() === asked.authority?.toLowerCase();
  return same && (asked.target.scheme === undefined || request.target.scheme === asked.target.scheme);
}

function foreign(promisedId: number): Http2Error {
  const message = "PUSH_PROMISE: the promised request must be for the origin of the one it belongs to (RFC 9113 8.4)";
  return streamError(promisedId, PROTOCOL_ERROR, "PUSH_ORIGIN", message);
}
