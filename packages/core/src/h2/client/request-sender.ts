/**
 * Sends requests with their bodies on a client connection, each as an exchange of its own.
 */
import { canceledBySignal, markUnsent } from "../../client/errors.ts";
import type { SendOptions } from "../../client/send-options.ts";
import type { SendingConnection } from "../../client/sender.ts";
import { HttpError } from "../../error.ts";
import type { HttpRequest } from "../../message/request.ts";
import type { HttpResponse } from "../../message/response.ts";
import { checkTimeouts } from "../../message/timeouts.ts";
import type { ClientConnection } from "./client-connection.ts";
import { ClientExchange } from "./client-exchange.ts";

export class RequestSender implements SendingConnection {
  readonly #connection: ClientConnection;

  constructor(connection: ClientConnection) {
    this.#connection = connection;
  }

  get isReady(): boolean {
    return this.#connection.isReady;
  }

  get isClosed(): boolean {
    return this.#connection.isClosed;
  }

  ready(): Promise<void> {
    return this.#connection.ready();
  }

  send(request: HttpRequest, options: SendOptions): Promise<HttpResponse> {
    const connection = this.#connection;
    const { signal } = options;
    const refused = signal?.aborted === true ? markUnsent(canceledBySignal(signal.reason)) : connection.refusal();
    if (refused !== undefined) return Promise.reject(refused);
    try {
      if (options.timeouts !== undefined) checkTimeouts(options.timeouts);
      connection.check(request);
    } catch (error) {
      return Promise.reject(HttpError.is(error) ? markUnsent(error) : error);
    }
    const exchange = new ClientExchange(connection, request, options);
    connection.machine.enter();
    connection.admit(exchange);
    connection.machine.leave();
    return exchange.response;
  }
}
