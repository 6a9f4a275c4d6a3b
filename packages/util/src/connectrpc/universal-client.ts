/**
 * The pooled client as connect-es's universal client: the function that its transports send their requests through.
 *
 * A call of one message is sent whole: its octets are at hand before there is a head to send, so they travel in one frame, and a
 * request that its server has not processed can be sent again. Streams are sent as they are made.
 */

import type { ConnectError } from "@connectrpc/connect";
import type { UniversalClientFn, UniversalClientRequest, UniversalClientResponse } from "@connectrpc/connect/protocol";
import { type Body, empty, full } from "@sluice/body";
import { HttpRequest, type HttpResponse, RequestTarget } from "@sluice/core";
import type { Client, ClientTimeouts, HttpVersionChoice, RequestOptions } from "../client/index.ts";
import { knownOptions } from "../options.ts";
import { abortError, clientError, unwanted } from "./errors.ts";
import { appendFields, fieldsOf, headersOf } from "./fields.ts";
import { ReceivedContent } from "./received-content.ts";
import { SentContent } from "./sent-content.ts";
import { wholeOf } from "./whole-of.ts";

/** Options of `createUniversalClient`. */
export interface UniversalClientOptions {
  /** The version of HTTP to speak. Default: the client's. */
  readonly version?: HttpVersionChoice | undefined;
  /**
   * Time limits of calls, beside the deadlines they have themselves. Default: no limit of the response's head, of its content,
   * and of the whole, since a stream may be silent for any time; the client's for all else.
   */
  readonly timeouts?: ClientTimeouts | undefined;
}

const known: readonly (keyof UniversalClientOptions)[] = ["version", "timeouts"];

const silentForAnyTime: ClientTimeouts = { headTimeoutMs: 0, bodyTimeoutMs: 0, requestTimeoutMs: 0 };

/** URLs of methods that are remembered as targets. */
const maxRemembered = 256;

/**
 * A universal client of connect-es over `client`, for its `createTransport` functions and for what else takes one.
 *
 * It rejects with a `ConnectError`: with the signal's reason if that has aborted; else by what became of stream or connection, the
 * `HttpError` as cause. A connection that could not be made, or was lost, is `unavailable`.
 *
 * @throws TypeError for options that make no sense.
 */
export function createUniversalClient(client: Client, options: UniversalClientOptions = {}): UniversalClientFn {
  return new UniversalClient(client, options).stream;
}

export class UniversalClient {
  readonly #client: Client;
  readonly #options: RequestOptions;
  readonly #targets = new Map<string, RequestTarget>();

  constructor(client: Client, options: UniversalClientOptions) {
    if (typeof client?.request !== "function") throw new TypeError("client: must be a Client");
    knownOptions("createUniversalClient", options, known);
    this.#client = client;
    this.#options = { version: options.version, timeouts: { ...silentForAnyTime, ...options.timeouts } };
  }

  /** Sends a request whose content is made while it is sent. */
  readonly stream: UniversalClientFn = async (request) => {
    const content =
      request.body === undefined
        ? empty()
        : new SentContent(request.body[Symbol.asyncIterator](), {
            translate: clientError,
            unwanted: (reason) => (reason === undefined ? unwanted() : clientError(reason)),
          });
    return await this.#send(request, content, true);
  };

  /** Sends a request whose content is made before it is sent. */
  readonly unary: UniversalClientFn = async (request) => {
    const { body } = request;
    return await this.#send(request, body === undefined ? empty() : full(await wholeOf(body)), false);
  };

  async #send(given: UniversalClientRequest, body: Body, isStream: boolean): Promise<UniversalClientResponse> {
    const { signal } = given;
    if (signal?.aborted === true) {
      const error = abortError(signal);
      body.cancel(error);
      throw error;
    }
    let response: HttpResponse;
    try {
      const target = this.#targetOf(given.url, given.method);
      const request = new HttpRequest(given.method, target, fieldsOf(given.header), body);
      response = await this.#client.request(request, { ...this.#options, signal });
    } catch (error) {
      const failure = callError(error, signal);
      body.cancel(failure);
      throw failure;
    }
    return responseOf(response, signal, isStream);
  }

  #targetOf(url: string, method: string): RequestTarget {
    const remembered = this.#targets.get(url);
    if (remembered !== undefined) return remembered;
    const target = RequestTarget.parse(url, method);
    // A query is a message: each is another one.
    if (target.query !== undefined) return target;
    if (this.#targets.size >= maxRemembered) this.#targets.clear();
    this.#targets.set(url, target);
    return target;
  }
}

function responseOf(
  { status, headers, body }: HttpResponse,
  signal: AbortSignal | undefined,
  isStream: boolean,
): UniversalClientResponse {
  const trailer = new Headers();
  // The exchange may be over while its content waits to be read: then it is let go here. Nothing of a signal holds the reader.
  const abort = signal === undefined ? undefined : (): void => body.cancel(abortError(signal));
  if (signal?.aborted === true) abort?.();
  else if (abort !== undefined) signal?.addEventListener("abort", abort);
  const content = new ReceivedContent(body, {
    translate: (error) => callError(error, signal),
    onTrailers: (fields) => appendFields(trailer, fields),
    onOver: abort && (() => signal?.removeEventListener("abort", abort)),
    isWatched: isStream,
  });
  return { status, header: headersOf(headers), body: content, trailer };
}

function callError(error: unknown, signal: AbortSignal | undefined): ConnectError {
  return signal?.aborted === true ? abortError(signal) : clientError(error);
}
