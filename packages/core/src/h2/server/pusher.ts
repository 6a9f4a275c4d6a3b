/**
 * Pushing from a service: the request's extensions hold a pusher where the client accepts pushes.
 *
 * ```ts
 * const pushed = request.extensions.get(pusherKey)?.push(HttpRequest.get("https://a.example/style.css"));
 * pushed?.respond(new HttpResponse(200, { "content-type": "text/css" }, full(css)));
 * ```
 */
import { HttpError } from "../../error.ts";
import { type ExtensionKey, extensionKey } from "../../message/extensions.ts";
import { cancelQuietly } from "../../message/outgoing-body.ts";
import type { HttpRequest } from "../../message/request.ts";
import type { HttpResponse } from "../../message/response.ts";
import type { BodySender, BodySenderOwner } from "../connection/body-sender.ts";
import { resetReason } from "../connection/reset-reason.ts";
import { CANCEL, checkErrorCode, INTERNAL_ERROR } from "../frame/error-code.ts";
import { isClosed } from "../stream/state.ts";
import type { Stream, StreamHandler } from "../stream/stream.ts";
import type { SlotWaiter } from "./pushes.ts";
import { startResponse } from "./response-start.ts";
import type { ServerConnection } from "./server-connection.ts";

/** Promises responses to requests that the client has not made. */
export interface Pusher {
  /** Whether the client accepts pushes now. */
  readonly isEnabled: boolean;
  /**
   * Promises the response to `request`, which must be a GET or HEAD without content, for an authority that this server
   * answers for. To be called before anything that refers to it is sent (RFC 9113 section 8.4.1).
   * What was promised has to be answered, or taken back by `reset`.
   * @throws HttpError kind `user` if it cannot be promised: `PUSH_DISABLED`, `PUSH_METHOD`, `PUSH_CONTENT`, `PUSH_SCHEME`,
   *   `PUSH_PARENT` or what is wrong with the request; kind `closed` if the client is going away.
   */
  push(request: HttpRequest): PushedResponse;
}

/** A promised response, to be sent. */
export interface PushedResponse {
  /** The stream that was promised. */
  readonly streamId: number;
  /**
   * Sends the response; waits for as long as the client allows no further stream. Resolves when it has been handed to the
   * output to its last byte; rejects with the `HttpError` that ended it, and that nobody has to look at.
   * @throws HttpError kind `user` if it cannot be sent, or was called before.
   */
  respond(response: HttpResponse): Promise<void>;
  /**
   * Takes the promise back, or gives the response up: the stream is reset. Default: CANCEL. Nothing happens if it is closed.
   * @throws RangeError unless `errorCode` is from 0 to 2^32-1.
   */
  reset(errorCode?: number): void;
}

/** Where the extensions of a received request hold its `Pusher`, if the client accepts pushes. */
export const pusherKey: ExtensionKey<Pusher> = extensionKey("pusher");

export class RequestPusher implements Pusher {
  readonly #connection: ServerConnection;
  readonly #parent: Stream;
  readonly #asked: HttpRequest;

  /** @param parent The stream of `asked`. */
  constructor(connection: ServerConnection, parent: Stream, asked: HttpRequest) {
    this.#connection = connection;
    this.#parent = parent;
    this.#asked = asked;
  }

  get isEnabled(): boolean {
    return this.#connection.pushes.refusal(this.#parent) === undefined;
  }

  push(request: HttpRequest): PushedResponse {
    const { machine, pushes } = this.#connection;
    const exchange = new PushExchange(this.#connection, request);
    machine.enter();
    try {
      exchange.stream = pushes.promise(this.#parent, this.#asked, request, exchange);
    } finally {
      machine.leave();
    }
    return exchange;
  }
}

class PushExchange implements PushedResponse, StreamHandler, BodySenderOwner, SlotWaiter {
  stream: Stream | undefined;
  readonly #connection: ServerConnection;
  readonly #request: HttpRequest;
  #response: HttpResponse | undefined;
  #sender: BodySender | undefined;
  #done: Promise<void> | undefined;
  #resolve: (() => void) | undefined;
  #reject: ((error: HttpError) => void) | undefined;
  #error: HttpError | undefined;

  constructor(connection: ServerConnection, request: HttpRequest) {
    this.#connection = connection;
    this.#request = request;
  }

  get streamId(): number {
    return this.stream?.id ?? 0;
  }

  respond(response: HttpResponse): Promise<void> {
    if (this.#done !== undefined) throw new HttpError("user", "ALREADY_RESPONDED", "respond() was called before");
    this.#prepare(response);
    this.#done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#done.catch(ignore);
    if (this.#error !== undefined) {
      cancelQuietly(response.body, this.#error);
      this.#reject?.(this.#error);
      return this.#done;
    }
    const { machine, pushes } = this.#connection;
    this.#response = response;
    machine.enter();
    pushes.awaitSlot(this);
    machine.leave();
    return this.#done;
  }

  reset(errorCode: number = CANCEL): void {
    checkErrorCode(errorCode);
    this.#reset(errorCode, new HttpError("canceled", "PUSH_CANCELED", "the push was taken back"));
  }

  slotFree(): void {
    const { stream } = this;
    const response = this.#response;
    if (stream === undefined || response === undefined || isClosed(stream.state)) return;
    try {
      this.#prepare(response);
    } catch (error) {
      // It was changed after it was checked.
      this.bodyUnsent(error as HttpError);
      return;
    }
    this.#sender = startResponse(this.#connection, stream, response, this);
    this.#sender?.start();
  }

  bodyUnsent(error: HttpError): void {
    this.#reset(resetReason(error, INTERNAL_ERROR), error);
  }

  ended(): void {}

  drained(): void {
    this.#sender?.pump();
  }

  sent(): void {
    this.#resolve?.();
  }

  failed(_stream: Stream, error: HttpError): void {
    this.#error = error;
    this.#connection.pushes.leave(this);
    this.#sender?.cancel(error);
    if (this.#sender === undefined && this.#response !== undefined) cancelQuietly(this.#response.body, error);
    this.#reject?.(error);
  }

  expired(): void {
    this.#reset(CANCEL, new HttpError("timeout", "stallTimeoutMs", "the client gave no window"));
  }

  #prepare(response: HttpResponse): void {
    const { headWriter } = this.#connection;
    headWriter.prepare(response, this.#request.method);
    this.#connection.checkList(headWriter.listBytes);
  }

  #reset(reason: number, error: HttpError): void {
    const { stream } = this;
    if (stream === undefined) return;
    const { machine } = this.#connection;
    machine.enter();
    stream.canceled = true;
    machine.streams.reset(stream, reason, error);
    machine.leave();
  }
}

function ignore(): void {}
