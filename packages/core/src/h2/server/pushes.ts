/**
 * Server push (RFC 9113 section 8.4): promises on the streams of the client, and the wait for a stream of our own when
 * as many are open as the client allows.
 */
import { HttpError } from "../../error.ts";
import type { HttpRequest } from "../../message/request.ts";
import type { Http2Machine } from "../connection/machine.ts";
import { closeFieldBlock } from "../frame/field-block.ts";
import { openPushPromise } from "../frame/push-promise.ts";
import type { HopByHop } from "../head/outgoing-fields.ts";
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
  readonly #headWriter: RequestHeadWriter;
  readonly #waiting: SlotWaiter[] = [];

  constructor(machine: Http2Machine, hopByHop: HopByHop, scheme: "http" | "https") {
    this.#machine = machine;
    this.#headWriter = new RequestHeadWriter({ hopByHop, scheme });
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
   * Promises the response to `request` on `parent`.
   * @throws HttpError kind `user` if it cannot be promised.
   */
  promise(parent: Stream, request: HttpRequest, handler: StreamHandler): Stream {
    const refused = this.refusal(parent);
    if (refused !== undefined) throw refused;
    checkPushable(request);
    this.#headWriter.prepare(request);
    const { streams, driver, encoder, peer } = this.#machine;
    const { writer } = driver.output;
    const promisedId = streams.store.takeLocalId();
    const mark = openPushPromise(writer, parent.id, promisedId);
    encoder.begin(writer);
    this.#headWriter.write(writer, encoder);
    closeFieldBlock(writer, mark, peer.maxFrameSize);
    streams.move(parent, PUSH_PROMISE + SENT);
    return streams.open(promisedId, RESERVED_LOCAL, handler, fairPriority);
  }

  /** Calls `slotFree` of the waiter when another stream of ours may be open, perhaps at once. */
  awaitSlot(waiter: SlotWaiter): void {
    this.#waiting.push(waiter);
    this.slotsChanged();
  }

  /** A pushed stream was closed, or the client's limit has changed. */
  slotsChanged(): void {
    while (this.#waiting.length > 0 && this.#hasSlot) this.#waiting.shift()?.slotFree();
  }

  get #hasSlot(): boolean {
    return this.#machine.streams.store.activeLocal < this.#machine.peer.maxConcurrentStreams;
  }
}

/** RFC 9113 8.4: promised requests are safe and cacheable, and have no content. */
function checkPushable(request: HttpRequest): void {
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
}
