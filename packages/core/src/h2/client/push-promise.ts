/**
 * A response that the server pushes (RFC 9113 section 8.4), from its promise to its end.
 */
import { empty } from "@sluice/body";
import { timeoutError } from "../../driver/driver.ts";
import { HttpError } from "../../error.ts";
import type { HttpRequest } from "../../message/request.ts";
import type { HttpResponse } from "../../message/response.ts";
import type { Http2Machine } from "../connection/machine.ts";
import { StreamBody, type StreamBodyOwner } from "../connection/stream-body.ts";
import { CANCEL, PROTOCOL_ERROR } from "../frame/error-code.ts";
import type { ResponseHead } from "../head/response-head.ts";
import { streamError } from "../http2-error.ts";
import { isClosed } from "../stream/state.ts";
import type { Stream } from "../stream/stream.ts";
import { contentOf, NO_CONTENT } from "./response-content.ts";
import type { ResponseReceiver } from "./response-handler.ts";

/** What a program that accepts pushes is given. */
export interface PushPromise {
  /** The request that the server answers without having been asked. */
  readonly request: HttpRequest;
  /** The stream it will be answered on. */
  readonly streamId: number;
  /**
   * The response, once its head is there. Rejects with an `HttpError` as `Sender.send` does. A promise whose response nobody
   * asks for while `onPush` runs is refused, by a reset with CANCEL.
   */
  response(): Promise<HttpResponse>;
  /** Refuses the push, or gives the response up. */
  cancel(): void;
}

export interface PushLimits {
  readonly headTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly maxInformational: number;
}

export class PushedExchange implements PushPromise, ResponseReceiver, StreamBodyOwner {
  readonly request: HttpRequest;
  stream: Stream | undefined;
  /** Somebody wants the response. */
  isClaimed = false;
  readonly #machine: Http2Machine;
  readonly #limits: PushLimits;
  readonly #response: Promise<HttpResponse>;
  #body: StreamBody | undefined;
  #informationals = 0;
  #resolve: ((response: HttpResponse) => void) | undefined;
  #reject: ((error: HttpError) => void) | undefined;

  constructor(machine: Http2Machine, request: HttpRequest, limits: PushLimits) {
    this.#machine = machine;
    this.request = request;
    this.#limits = limits;
    this.#response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#response.catch(ignore);
  }

  get streamId(): number {
    return this.stream?.id ?? 0;
  }

  response(): Promise<HttpResponse> {
    this.isClaimed = true;
    return this.#response;
  }

  cancel(): void {
    this.#machine.enter();
    this.#cancel(new HttpError("canceled", "PUSH_CANCELED", "the push was refused"));
    this.#machine.leave();
  }

  headReceived(stream: Stream, head: ResponseHead, endStream: boolean): void {
    if (head.status < 200) {
      if (endStream || ++this.#informationals > this.#limits.maxInformational) {
        const message = `HEADERS: an informational response, ${head.status}, with END_STREAM or one too many (RFC 9113 8.1)`;
        throw streamError(stream.id, PROTOCOL_ERROR, "INFORMATIONAL_UNEXPECTED", message);
      }
      return;
    }
    const content = contentOf(this.request.method, head, stream.id, endStream);
    const response = head.toResponse();
    stream.headReceived = true;
    if (content === NO_CONTENT) {
      this.#machine.inbound.discard(stream);
      response.body = empty();
    } else {
      stream.contentLength = head.contentLength;
      if (!endStream) {
        this.#body = new StreamBody(stream, this);
        response.body = this.#body;
      }
    }
    this.#machine.streams.deadlines.clear(stream);
    this.#resolve?.(response);
  }

  ended(): void {}

  drained(): void {}

  sent(): void {}

  failed(stream: Stream, error: HttpError): void {
    if (!stream.endReceived) this.#reject?.(error);
  }

  expired(stream: Stream): void {
    const { headTimeoutMs, bodyTimeoutMs } = this.#limits;
    if (isClosed(stream.state))
      this.#drop(stream, timeoutError("bodyTimeoutMs", bodyTimeoutMs, "nobody read the body"));
    else if (stream.headReceived)
      this.#cancel(timeoutError("bodyTimeoutMs", bodyTimeoutMs, "no bytes of the body came"));
    else this.#cancel(timeoutError("headTimeoutMs", headTimeoutMs, "no response head came"));
  }

  bodyWanted(stream: Stream): void {
    this.#machine.streams.deadlines.set(stream, this.#limits.bodyTimeoutMs);
  }

  bodyTaken(stream: Stream, count: number): void {
    this.#machine.enter();
    this.#machine.inbound.release(stream, count);
    this.#machine.streams.deadlines.clear(stream);
    this.#machine.streams.taken(stream);
    this.#machine.leave();
  }

  bodyFinished(stream: Stream): void {
    this.#machine.enter();
    this.#machine.streams.consumed(stream);
    this.#machine.leave();
  }

  bodyCanceled(stream: Stream): void {
    this.#machine.enter();
    this.#drop(stream, new HttpError("canceled", "BODY_CANCELED", "the response body was canceled"));
    this.#machine.leave();
  }

  #cancel(error: HttpError): void {
    const { stream } = this;
    if (stream === undefined || isClosed(stream.state)) return;
    stream.canceled = true;
    // Reset first: a stream that is over needs no credit of its own.
    this.#machine.streams.reset(stream, CANCEL, error);
    this.#machine.inbound.discard(stream);
  }

  #drop(stream: Stream, error: HttpError): void {
    if (!isClosed(stream.state)) {
      this.#cancel(error);
      return;
    }
    this.#body?.fail(error);
    this.#machine.inbound.discard(stream);
    this.#machine.streams.consumed(stream);
  }
}

function ignore(): void {}
