/**
 * Answering a request by hand.
 */
import { type HeaderInit, HeaderMap } from "@sluice/body";
import { HttpError } from "../../error.ts";
import type { HttpRequest } from "../../message/request.ts";
import { abortRequest } from "../../message/request.ts";
import type { HttpResponse } from "../../message/response.ts";
import { CANCEL } from "../frame/error-code.ts";
import type { RequestHandler } from "../server/request-handler.ts";
import type { ServerConnection } from "../server/server-connection.ts";
import { isClosed } from "../stream/state.ts";
import type { Stream } from "../stream/stream.ts";
import { SendStream } from "./send-stream.ts";

type ResetListener = (error: HttpError) => void;

/** The answer to one request, or to one promise. */
export class SendResponse {
  protected readonly connection: ServerConnection;
  protected readonly stream: Stream;
  readonly #method: string;
  readonly #send: SendStream;
  #responded = false;

  /** @internal */
  constructor(connection: ServerConnection, stream: Stream, method: string, send: SendStream) {
    this.connection = connection;
    this.stream = stream;
    this.#method = method;
    this.#send = send;
  }

  /** The identifier of the stream. */
  get id(): number {
    return this.stream.id;
  }

  /**
   * Sends the head of `response`, whose body is not looked at: content follows by the stream that is returned, unless
   * `endStream`. No `content-length` is added; a `date` is, unless switched off.
   * @throws HttpError kind `user` if it cannot be sent, among others because a response was sent before
   *   (`ALREADY_RESPONDED`), or what ended the stream.
   */
  sendResponse(response: HttpResponse, endStream = false): SendStream {
    const { connection, stream } = this;
    if (stream.error !== undefined) throw stream.error;
    if (this.#responded) throw new HttpError("user", "ALREADY_RESPONDED", "the response was sent before");
    connection.headWriter.prepareHead(response, this.#method);
    connection.checkList(connection.headWriter.listBytes);
    const { machine } = connection;
    this.#responded = true;
    machine.enter();
    connection.prioritise(stream, response);
    const mark = machine.outbound.openHeaders(stream, endStream);
    connection.headWriter.write(machine.driver.output.writer, machine.encoder);
    machine.outbound.closeHeaders(stream, mark, endStream);
    machine.leave();
    return this.#send;
  }

  /** Resets the stream. Default: CANCEL. */
  sendReset(errorCode: number = CANCEL): void {
    this.#send.sendReset(errorCode);
  }

  /** As `SendStream.onReset`. */
  onReset(listener: ResetListener): void {
    this.#send.onReset(listener);
  }

  protected get responded(): boolean {
    return this.#responded;
  }
}

/** The answer to a request of the client. */
export class Respond extends SendResponse {
  /**
   * Sends a 1xx response; false once the final one was sent.
   * @throws RangeError for a status that is not 1xx, or 101.
   */
  sendInformational(status: number, headers?: HeaderInit): boolean {
    if (!Number.isInteger(status) || status < 100 || status > 199 || status === 101) {
      throw new RangeError(`an informational status is from 100 to 199 and not 101, got ${String(status)}`);
    }
    const { connection, stream } = this;
    if (this.responded || isClosed(stream.state)) return false;
    const fields = HeaderMap.is(headers) ? headers : new HeaderMap(headers);
    connection.machine.enter();
    connection.writeInformational(stream, status, fields);
    connection.machine.leave();
    return true;
  }

  /**
   * Promises the response to `request` (RFC 9113 section 8.4).
   * @throws HttpError as `Pusher.push`.
   */
  pushRequest(request: HttpRequest): SendResponse {
    const { connection } = this;
    const handler = new SendHandler();
    connection.machine.enter();
    try {
      const stream = connection.pushes.promise(this.stream, request, handler);
      handler.send = new SendStream(connection.machine, stream, connection.options.maxSendBufferBytes);
      return new SendResponse(connection, stream, request.method, handler.send);
    } finally {
      connection.machine.leave();
    }
  }
}

/** Passes on what becomes of a stream that is answered by hand. */
export class SendHandler implements RequestHandler {
  send: SendStream | undefined;
  readonly #opened: ((stream: Stream) => void) | undefined;
  readonly #request: HttpRequest | undefined;

  constructor(request?: HttpRequest, opened?: (stream: Stream) => void) {
    this.#request = request;
    this.#opened = opened;
  }

  begin(stream: Stream): void {
    this.#opened?.(stream);
  }

  refuse(): void {
    this.send?.sendReset(CANCEL);
  }

  ended(): void {}

  drained(): void {}

  sent(): void {
    this.send?.sent();
  }

  failed(_stream: Stream, error: HttpError): void {
    if (this.#request !== undefined) abortRequest(this.#request, error);
    this.send?.failed(error);
  }

  expired(): void {
    this.send?.sendReset(CANCEL);
  }
}
