/**
 * A client connection whose requests are sent by hand.
 *
 * ```ts
 * const client = http2.connect(io);
 * await client.ready();
 * const { response, send } = client.sendRequest(HttpRequest.post("https://a.example/upload"));
 * send.sendData(bytes, true);
 * const { head, body } = await response;
 * ```
 */

import type { HeaderMap } from "@sluice/body";
import { markUnsent } from "../../client/errors.ts";
import { HttpError } from "../../error.ts";
import type { HttpRequest } from "../../message/request.ts";
import type { HttpResponse } from "../../message/response.ts";
import type { ClientConnection } from "../client/client-connection.ts";
import { CONTENT, contentOf, NO_CONTENT } from "../client/response-content.ts";
import type { ResponseHandler } from "../client/response-handler.ts";
import type { Http2Connection } from "../connection/connection-face.ts";
import { CANCEL, PROTOCOL_ERROR } from "../frame/error-code.ts";
import type { ResponseHead } from "../head/response-head.ts";
import { streamError } from "../http2-error.ts";
import type { Stream } from "../stream/stream.ts";
import { RecvStream } from "./recv-stream.ts";
import { SendStream } from "./send-stream.ts";

/** A response by hand. */
export interface Received {
  /** The response's head; its `body` is empty. */
  readonly head: HttpResponse;
  readonly body: RecvStream;
}

/** A request on its way. */
export interface SentRequest {
  /** Rejects with the `HttpError` that ended the stream; nobody has to look at it. */
  readonly response: Promise<Received>;
  /** Where content, trailers and a reset go. */
  readonly send: SendStream;
}

/** How a request is opened by hand. */
export interface SendRequestOptions {
  /** Nothing follows the head. Default: false. */
  readonly endStream?: boolean;
  /** Is called for each 1xx response. Throwing resets the stream with CANCEL. */
  readonly onInformational?: ((status: number, headers: HeaderMap) => void) | undefined;
}

/** A client connection whose streams are opened and fed by hand. Made by `connect`. */
export class StreamClient {
  readonly #connection: ClientConnection;

  /** @internal */
  constructor(connection: ClientConnection) {
    this.#connection = connection;
  }

  /** The connection: its end, its windows, its streams. */
  get connection(): Http2Connection {
    return this.#connection;
  }

  /** Whether a stream can be opened now. */
  get isReady(): boolean {
    return this.#connection.isReady;
  }

  /** Resolves when a stream can be opened; rejects with an `HttpError` of kind `closed` if none ever can. */
  ready(): Promise<void> {
    return this.#connection.ready();
  }

  /**
   * Opens a stream with `request`, whose body is not looked at: content follows by `send`, unless `endStream`. No
   * `content-length` is added.
   * @throws HttpError kind `canceled`, code `NOT_READY` without a stream to be had; kind `closed` when the connection takes
   *   no more; kind `user` if the request cannot be sent.
   */
  sendRequest(request: HttpRequest, options: SendRequestOptions = {}): SentRequest {
    const connection = this.#connection;
    const refused = connection.refusal();
    if (refused !== undefined) throw refused;
    if (!connection.canOpen(request)) throw notReady();
    connection.checkHead(request);
    const handler = new RequestHandle(connection, request, options);
    connection.machine.enter();
    connection.admit(handler);
    connection.machine.leave();
    return handler.opened();
  }
}

class RequestHandle implements ResponseHandler {
  readonly request: HttpRequest;
  queuedAt = -1;
  readonly #connection: ClientConnection;
  readonly #options: SendRequestOptions;
  readonly #response: Promise<Received>;
  #send: SendStream | undefined;
  #error: HttpError | undefined;
  #informationals = 0;
  #resolve: ((received: Received) => void) | undefined;
  #reject: ((error: HttpError) => void) | undefined;

  constructor(connection: ClientConnection, request: HttpRequest, options: SendRequestOptions) {
    this.request = request;
    this.#connection = connection;
    this.#options = options;
    this.#response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#response.catch(ignore);
  }

  /** @throws HttpError if no stream was opened after all. */
  opened(): SentRequest {
    const send = this.#send;
    if (send === undefined) throw this.#error ?? notReady();
    return { response: this.#response, send };
  }

  begin(stream: Stream): void {
    const { machine, headWriter, options } = this.#connection;
    const endStream = this.#options.endStream === true;
    this.#send = new SendStream(machine, stream, options.maxSendBufferBytes);
    const mark = machine.outbound.openHeaders(stream, endStream);
    headWriter.write(machine.driver.output.writer, machine.encoder);
    machine.outbound.closeHeaders(stream, mark, endStream);
  }

  refuse(error: HttpError): void {
    this.#error = error;
    this.#reject?.(error);
  }

  headReceived(stream: Stream, head: ResponseHead, endStream: boolean): void {
    const { machine, options } = this.#connection;
    if (head.status < 200) {
      if (endStream || ++this.#informationals > options.maxInformational) {
        const message = `HEADERS: an informational response, ${head.status}, with END_STREAM or one too many (RFC 9113 8.1)`;
        throw streamError(stream.id, PROTOCOL_ERROR, "INFORMATIONAL_UNEXPECTED", message);
      }
      this.#informational(head);
      return;
    }
    const content = contentOf(this.request.method, head, stream.id, endStream);
    stream.headReceived = true;
    if (content === CONTENT) stream.contentLength = head.contentLength;
    else if (content === NO_CONTENT) machine.inbound.discard(stream);
    else stream.isTunnel = true;
    this.#resolve?.({ head: head.toResponse(), body: new RecvStream(machine, stream) });
  }

  ended(): void {}

  drained(): void {}

  sent(): void {
    this.#send?.sent();
  }

  failed(_stream: Stream, error: HttpError): void {
    this.#reject?.(error);
    this.#send?.failed(error);
  }

  /** Never: time limits of single streams are the program's. */
  expired(): void {}

  #informational({ status, headers }: ResponseHead): void {
    try {
      this.#options.onInformational?.(status, headers);
    } catch (cause) {
      this.#send?.giveUp(CANCEL, new HttpError("user", "CALLBACK_FAILED", "onInformational threw", { cause }));
    }
  }
}

function notReady(): HttpError {
  return markUnsent(new HttpError("canceled", "NOT_READY", "no further stream may be open; wait for ready()"));
}

function ignore(): void {}
