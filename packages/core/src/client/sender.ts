/**
 * The face of a client connection, of either version, for those who send requests on it.
 */
import { HttpError } from "../error.ts";
import type { HttpRequest } from "../message/request.ts";
import type { HttpResponse } from "../message/response.ts";
import { isUnsent } from "./errors.ts";
import type { SendOptions } from "./send-options.ts";

/** What became of a request that was tried. */
export type SendOutcome =
  | { readonly response: HttpResponse }
  /**
   * `request` is there if the server has provably not processed it: nothing of it was written, or on HTTP/2 the server said
   * so. It can be sent elsewhere, its body untouched.
   */
  | { readonly error: HttpError; readonly request?: HttpRequest };

/** What a sender needs of its connection. */
export interface SendingConnection {
  readonly isReady: boolean;
  readonly isClosed: boolean;
  ready(): Promise<void>;
  send(request: HttpRequest, options: SendOptions): Promise<HttpResponse>;
}

/** Sends requests on one client connection. Made by `handshake`. */
export class Sender {
  readonly #connection: SendingConnection;

  constructor(connection: SendingConnection) {
    this.#connection = connection;
  }

  /** Whether a request would be taken now. A hint: the connection may end before it is used. */
  get isReady(): boolean {
    return this.#connection.isReady;
  }

  /** Whether no request will be taken any more. */
  get isClosed(): boolean {
    return this.#connection.isClosed;
  }

  /** Resolves when a request would be taken; rejects with an `HttpError` of kind `closed` if none ever will. */
  ready(): Promise<void> {
    return this.#connection.ready();
  }

  /**
   * Sends a request and resolves with its response as soon as the head is there. On HTTP/1 the target is written as it is
   * and no field is added but framing: set `host` yourself. On HTTP/2 the target must be absolute, or the request have a
   * `host`; beyond the streams that the server allows, requests wait their turn.
   *
   * Rejects with an `HttpError`: kind `canceled` and code `NOT_READY` while another exchange is under way (HTTP/1, unless
   * pipelined), `UNSENT` if the connection failed before anything was written; kind `closed`, `incomplete`, `io`,
   * `parse`, `protocol`, `limit` or `timeout` for what went wrong with the connection or the stream; kind `user` for a
   * request that cannot be sent, which leaves the connection as it was, or whose body failed, which ends it on HTTP/1 and
   * resets the stream on HTTP/2. Rejects with RangeError for time limits that make no sense.
   */
  send(request: HttpRequest, options: SendOptions = {}): Promise<HttpResponse> {
    return this.#connection.send(request, options);
  }

  /**
   * As `send`, but resolves with the error, and hands a request back of which nothing was written. Rejects only with the
   * RangeError of `send`.
   */
  async trySend(request: HttpRequest, options: SendOptions = {}): Promise<SendOutcome> {
    try {
      return { response: await this.#connection.send(request, options) };
    } catch (cause) {
      if (!HttpError.is(cause)) throw cause;
      return isUnsent(cause) ? { error: cause, request } : { error: cause };
    }
  }
}
