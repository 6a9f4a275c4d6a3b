/**
 * Server push (RFC 9113 section 8.4): promises on the streams of the client, and the wait for a stream of our own when
 * as many are open as the client allows.
 */
import { HttpError, quote } from "../../error.ts";
import type { HttpRequest } from "../../message/request.ts";
import type { Http2Machine } from "../connection/machine.ts";
import { closeFieldBlock } from "../frame/field-block.ts";
import { openPushPromise } from "../frame/push-promise.ts";
import { checkListBytes, type HopByHop } from "../head/outgoing-fields.ts";
import { RequestHeadWriter } from "../head/request-writer.ts";
import { fairPriority } from "../stream/priority.ts";
import { PUSH_PROMISE, RESERVED_LOCAL, SENT } from "../stream/state.ts";
import type { Stream, StreamHandler } from "../stream/stream.ts";

/** Waits for a slot among the streams that the client allows. */
export interface SlotWaiter {
  /** There is one. Does nothing if it is no longer wanted. */
  slotFree(): void;
}

export class Pushes {
  readonly #machine: Http2Machine;
  readonly #hopByHop: HopByHop;
  readonly #scheme: "http" | "https";
  #waiting: SlotWaiter[] | undefined;

  constructor(machine: Http2Machine, hopByHop: HopByHop, scheme: "http" | "https") {
    this.#machine = machine;
    this.#hopByHop = hopByHop;
    this.#scheme = scheme;
  }

  /** Why nothing can be promised on `parent`, or `undefined`. */
  refusal(parent: Stream): HttpError | undefined {
    const { peer, goingAway, streams } = this.#machine;
    if (!peer.enablePush || peer.maxConcurrentStreams === 0) {
      return new HttpError("user", "PUSH_DISABLED", "the client does not accept pushed responses");
    }
    if (goingAway.received !== undefined) {
      return new HttpError("closed", "GOAWAY", "the client is going away and accepts no pushed responses");
    }
    if (!streams.store.hasLocalId) {
      return new HttpError("closed", "NO_STREAM_ID", "all stream identifiers have been used");
    }
    if (streams.store.isLocal(parent.id) || !streams.allows(parent, PUSH_PROMISE + SENT)) {
      return new HttpError("user", "PUSH_PARENT", "a push belongs to an open request of the client (RFC 9113 8.4)");
    }
    return undefined;
  }

  /**
   * Promises the response to `request` on `parent`, the stream of `asked`.
   * @throws HttpError kind `user` if it cannot be promised.
   */
  promise(parent: Stream, asked: HttpRequest, request: HttpRequest, handler: StreamHandler): Stream {
    const refused = this.refusal(parent);
    if (refused !== undefined) throw refused;
    // Behind a proxy that ends TLS, the scheme is not that of the connection.
    const scheme = schemeOf(asked) ?? this.#scheme;
    checkPushable(request, scheme);
    const headWriter = new RequestHeadWriter({ hopByHop: this.#hopByHop, scheme });
    headWriter.prepare(request);
    const { streams, driver, encoder, peer } = this.#machine;
    checkListBytes(headWriter.listBytes, peer.maxHeaderListBytes, "client");
    const { writer } = driver.output;
    const promisedId = streams.store.takeLocalId();
    const mark = openPushPromise(writer, parent.id, promisedId);
    encoder.begin(writer);
    headWriter.write(writer, encoder);
    closeFieldBlock(writer, mark, peer.maxFrameSize);
    streams.move(parent, PUSH_PROMISE + SENT);
    return streams.open(promisedId, RESERVED_LOCAL, handler, fairPriority);
  }

  /** Calls `slotFree` of the waiter when another stream of ours may be open, perhaps at once. */
  awaitSlot(waiter: SlotWaiter): void {
    this.#waiting ??= [];
    this.#waiting.push(waiter);
    this.slotsChanged();
  }

  /** Does not wait any more, if it did. */
  leave(waiter: SlotWaiter): void {
    const at = this.#waiting?.indexOf(waiter) ?? -1;
    if (at >= 0) this.#waiting?.splice(at, 1);
  }

  /** A pushed stream was closed, or the client's limit has changed. */
  slotsChanged(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    while (waiting.length > 0 && this.hasSlot) waiting.shift()?.slotFree();
  }

  /** Whether the client allows one more stream of ours (RFC 9113 section 5.1.2). */
  get hasSlot(): boolean {
    return this.#machine.streams.store.activeLocal < this.#machine.peer.maxConcurrentStreams;
  }
}

function schemeOf({ target }: HttpRequest): "http" | "https" | undefined {
  return target.scheme === "http" || target.scheme === "https" ? target.scheme : undefined;
}

/**
 * RFC 9113 8.4: promised requests are safe and cacheable, have no content, and are for an origin that the server answers
 * for; of that, this knows the scheme.
 */
function checkPushable(request: HttpRequest, scheme: string): void {
  const { method, headers, body, target } = request;
  if (method !== "GET" && method !== "HEAD") {
    throw new HttpError("user", "PUSH_METHOD", "only GET and HEAD can be promised (RFC 9113 8.4)");
  }
  const length = headers.get("content-length");
  if ((length !== undefined && length !== "0") || body.sizeHint().exact !== 0) {
    throw new HttpError("user", "PUSH_CONTENT", "a promised request has no content (RFC 9113 8.4)");
  }
  if (target.form !== "absolute" && !headers.has("host")) {
    throw new HttpError("user", "INVALID_HOST", "a promised request names its authority (RFC 9113 8.4.1)");
  }
  if (target.scheme !== undefined && target.scheme !== scheme) {
    const message = `a promised request has the scheme of the one it belongs to, ${scheme}, got ${quote(target.scheme)}`;
    throw new HttpError("user", "PUSH_SCHEME", `${message} (RFC 9113 8.4)`);
  }
}
