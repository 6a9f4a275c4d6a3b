/**
 * Hands requests to a service, no more at a time than streams may be open: a stream that the client resets is gone, but
 * the work for it may go on, and must not pile up (CVE-2023-44487).
 */
import type { HttpRequest } from "../../message/request.ts";
import type { Service } from "../../service/service.ts";
import type { RequestAcceptor, RequestHandler } from "./request-handler.ts";
import type { ServerConnection } from "./server-connection.ts";
import { ServerExchange } from "./server-exchange.ts";

export class ServiceAcceptor implements RequestAcceptor {
  readonly service: Service;
  readonly #connection: ServerConnection;
  /** Calls of the service that have not been answered. */
  #running = 0;
  #waiting: ServerExchange[] | undefined;

  constructor(connection: ServerConnection, service: Service) {
    this.#connection = connection;
    this.service = service;
  }

  handler(request: HttpRequest, expectsContinue: boolean): RequestHandler {
    return new ServerExchange(this, this.#connection, request, expectsContinue);
  }

  over(): void {
    this.#waiting = undefined;
  }

  /** Calls the service, now or when others have been answered. @throws Http2Error if too many wait. */
  admit(exchange: ServerExchange): void {
    const { machine, options } = this.#connection;
    if (this.#running < options.maxConcurrentStreams) {
      if (exchange.run()) this.#running++;
      return;
    }
    this.#waiting ??= [];
    this.#waiting.push(exchange);
    machine.streams.check(machine.defences.requestsWaiting(this.#waiting.length));
  }

  /** The service has answered. */
  done(): void {
    this.#running--;
    const { maxConcurrentStreams } = this.#connection.options;
    while (this.#running < maxConcurrentStreams) {
      const next = this.#waiting?.shift();
      if (next === undefined) return;
      // Its client may have given it up meanwhile.
      if (!next.isOver && next.run()) this.#running++;
    }
  }
}
