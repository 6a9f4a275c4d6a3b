/**
 * A server connection whose requests are accepted one by one.
 *
 * ```ts
 * for await (const { request, body, respond } of http2.accept(io)) {
 *   const send = respond.sendResponse(new HttpResponse(200));
 *   send.sendData(bytes, true);
 * }
 * ```
 */
import type { HttpError } from "../../error.ts";
import type { HttpRequest } from "../../message/request.ts";
import type { Http2Connection } from "../connection/connection-face.ts";
import type { RequestAcceptor, RequestHandler } from "../server/request-handler.ts";
import type { ServerConnection } from "../server/server-connection.ts";
import type { Stream } from "../stream/stream.ts";
import { RecvStream } from "./recv-stream.ts";
import { type HandlerQueue, Respond, SendHandler } from "./respond.ts";
import { SendStream } from "./send-stream.ts";

/** A request, its content, and the way to answer it. */
export interface Accepted {
  /** The head; its `body` is empty, and its `signal` aborts when the stream is lost. */
  readonly request: HttpRequest;
  readonly body: RecvStream;
  readonly respond: Respond;
}

interface Waiter {
  readonly resolve: (accepted: Accepted | null) => void;
  readonly reject: (error: HttpError) => void;
}

/** Requests that have come and were not accepted. Those whose stream is lost leave, so no more wait than may be open. */
export class AcceptQueue implements RequestAcceptor, HandlerQueue {
  readonly #connection: ServerConnection;
  readonly #queue: Accepted[] = [];
  #waiter: Waiter | undefined;
  #over: { readonly error: HttpError | undefined } | undefined;

  constructor(connection: ServerConnection) {
    this.#connection = connection;
  }

  handler(request: HttpRequest): RequestHandler {
    return new SendHandler(request, this);
  }

  over(error: HttpError | undefined): void {
    this.#over = { error };
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (error === undefined) waiter?.resolve(null);
    else waiter?.reject(error);
  }

  accept(): Promise<Accepted | null> {
    if (this.#waiter !== undefined) throw new TypeError("accept() was called while an earlier call was pending");
    const next = this.#queue.shift();
    if (next !== undefined) return Promise.resolve(next);
    if (this.#over !== undefined) {
      const { error } = this.#over;
      return error === undefined ? Promise.resolve(null) : Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
  }

  arrived(request: HttpRequest, stream: Stream, handler: SendHandler): void {
    const { machine, options } = this.#connection;
    const send = new SendStream(machine, stream, options.maxSendBufferBytes);
    handler.send = send;
    const respond = new Respond(this.#connection, stream, request, send);
    const accepted = { request, body: new RecvStream(machine, stream), respond };
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter === undefined) this.#queue.push(accepted);
    else waiter.resolve(accepted);
  }

  lost(stream: Stream): void {
    // Whoever resets at once resets what has come last (CVE-2023-44487).
    const at = this.#queue.findLastIndex(({ body }) => body.id === stream.id);
    if (at >= 0) this.#queue.splice(at, 1);
  }
}

/** A server connection by hand; iterating it accepts requests until the connection ends. */
export class StreamServer implements AsyncIterable<Accepted> {
  /** The connection: its end, its windows, its streams. */
  readonly connection: Http2Connection & {
    /** Offers extended CONNECT (RFC 8441) from now on. */
    enableConnectProtocol(): void;
  };
  readonly #queue: AcceptQueue;

  /** @internal */
  constructor(connection: ServerConnection, queue: AcceptQueue) {
    this.connection = connection;
    this.#queue = queue;
  }

  /**
   * The next request, or `null` when the connection has ended cleanly and all were accepted. Rejects with the `HttpError`
   * that ended it otherwise. Requests whose stream was reset meanwhile are left out.
   * @throws TypeError if an earlier call is pending.
   */
  accept(): Promise<Accepted | null> {
    return this.#queue.accept();
  }

  /** Accepts requests until the connection has ended; throws what ended it, if that was not a clean end. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Accepted> {
    for (let next = await this.accept(); next !== null; next = await this.accept()) yield next;
  }
}
