/**
 * Answering a request by hand.
 */
import { type HeaderInit, HeaderMap } from "@sluice/body";
import { ReadyQueue } from "../../client/ready-queue.ts";
import { HttpError } from "../../error.ts";
import type { HttpRequest } from "../../message/request.ts";
import { abortRequest } from "../../message/request.ts";
import type { HttpResponse } from "../../message/response.ts";
import { CANCEL } from "../frame/error-code.ts";
import type { SlotWaiter } from "../server/pushes.ts";
import type { RequestHandler } from "../server/request-handler.ts";
import type { ServerConnection } from "../server/server-connection.ts";
import { isClosed } from "../stream/state.ts";
import type { Stream } from "../stream/stream.ts";
import { SendStream } from "./send-stream.ts";

type ResetListener = (error: HttpError) => void;

/** The answer to one request, or to one promise. */
export class SendResponse {
  /** @internal */
  protected readonly connection: ServerConnection;
  /** @internal */
  protected readonly stream: Stream;
  /** @internal */
  protected readonly request: HttpRequest;
  readonly #send: SendStream;
  #responded = false;

  /** @internal */
  constructor(connection: ServerConnection, stream: Stream, request: HttpRequest, send: SendStream) {
    this.connection = connection;
    this.stream = stream;
    this.request = request;
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
    const { method } = this.request;
    connection.headWriter.prepareHead(response, method);
    connection.checkList(connection.headWriter.listBytes);
    const { machine } = connection;
    this.#responded = true;
    if (method === "CONNECT" && response.status < 300) stream.isTunnel = true;
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

  /** @internal */
  protected get responded(): boolean {
    return this.#responded;
  }
}

/** The answer to a request of the client. */
export class Respond extends SendResponse {
  /**
   * Sends a 1xx response; false once the final one was sent, or the stream is over.
   * @throws RangeError for a status that is not 1xx, or 101; HttpError kind `user` for fields that cannot be sent.
   */
  sendInformational(status: number, headers?: HeaderInit): boolean {
    if (!Number.isInteger(status) || status < 100 || status > 199 || status === 101) {
      throw new RangeError(`an informational status is from 100 to 199 and not 101, got ${String(status)}`);
    }
    const { connection, stream } = this;
    if (this.responded || isClosed(stream.state)) return false;
    const fields = HeaderMap.is(headers) ? headers : new HeaderMap(headers);
    connection.machine.enter();
    try {
      connection.writeInformational(stream, status, fields);
    } finally {
      connection.machine.leave();
    }
    return true;
  }

  /**
   * Promises the response to `request` (RFC 9113 section 8.4).
   * @throws HttpError as `Pusher.push`.
   */
  pushRequest(request: HttpRequest): SendPushedResponse {
    const { connection } = this;
    const handler = new SendHandler();
    connection.machine.enter();
    try {
      const stream = connection.pushes.promise(this.stream, this.request, request, handler);
      const send = new SendStream(connection.machine, stream, connection.options.maxSendBufferBytes);
      const pushed = new SendPushedResponse(connection, stream, request, send);
      handler.send = send;
      handler.pushed = pushed;
      return pushed;
    } finally {
      connection.machine.leave();
    }
  }
}

/**
 * The answer to a promise. A promise counts for nothing, its answer is a stream (RFC 9113 section 5.1.2): so this waits for
 * `ready` where the client limits pushed streams.
 */
export class SendPushedResponse extends SendResponse implements SlotWaiter {
  readonly #waiting: ReadyQueue = new ReadyQueue();

  /** Whether the client allows one more stream now. */
  get isReady(): boolean {
    return this.connection.pushes.hasSlot;
  }

  /** Resolves when the client allows one more stream; rejects with the `HttpError` that ended this one. */
  ready(): Promise<void> {
    if (this.stream.error !== undefined) return Promise.reject(this.stream.error);
    if (this.isReady || this.responded) return Promise.resolve();
    if (this.#waiting.isEmpty) this.connection.pushes.awaitSlot(this);
    return this.#waiting.wait();
  }

  /**
   * As for a request.
   * @throws HttpError also kind `canceled`, code `NOT_READY`, while the client allows no further stream.
   */
  override sendResponse(response: HttpResponse, endStream = false): SendStream {
    if (!(this.isReady || this.responded || this.stream.error !== undefined)) {
      throw new HttpError("canceled", "NOT_READY", "no further stream may be open; wait for ready()");
    }
    return super.sendResponse(response, endStream);
  }

  /** @internal */
  slotFree(): void {
    this.#waiting.wake();
  }

  /** @internal */
  failed(error: HttpError): void {
    this.connection.pushes.leave(this);
    this.#waiting.fail(() => error);
  }
}

/** Passes on what becomes of a stream that is answered by hand. */
export class SendHandler implements RequestHandler {
  send: SendStream | undefined;
  /** If it was promised. */
  pushed: SendPushedResponse | undefined;
  readonly #request: HttpRequest | undefined;
  readonly #queue: HandlerQueue | undefined;

  /** Without a request, for a promise. */
  constructor(request?: HttpRequest, queue?: HandlerQueue) {
    this.#request = request;
    this.#queue = queue;
  }

  begin(stream: Stream): void {
    if (this.#request !== undefined) this.#queue?.arrived(this.#request, stream, this);
  }

  refuse(error: HttpError): void {
    this.send?.giveUp(CANCEL, error);
  }

  ended(): void {}

  drained(): void {}

  sent(): void {
    this.send?.sent();
  }

  failed(stream: Stream, error: HttpError): void {
    if (this.#request !== undefined) abortRequest(this.#request, error);
    this.#queue?.lost(stream);
    this.pushed?.failed(error);
    this.send?.failed(error);
  }

  /** Never: time limits of single streams are the program's. */
  expired(): void {}
}

/** Where streams wait until somebody answers them. */
export interface HandlerQueue {
  /** The stream of `request` is open. @throws Http2Error if that is too much. */
  arrived(request: HttpRequest, stream: Stream, handler: SendHandler): void;
  /** The stream is over, by a reset or with the connection. */
  lost(stream: Stream): void;
}
