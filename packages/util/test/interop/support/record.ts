/** A record of what happens on the connections of a test. */
import type { HttpError, HttpRequest, HttpResponse, Observer } from "@sluice/core";

export interface Record {
  /** To be given to the connections. */
  readonly observer: Observer;
  /** How each closed connection ended: `clean`, or the code of its error. In the order of the closing. */
  readonly endings: readonly string[];
  /** Each exchange as `METHOD target status`, with the code of the error that cut it short, if any. */
  readonly exchanges: readonly string[];
  /** What services threw. */
  readonly failures: readonly unknown[];
}

/** `nameOf` says how a target is written down. */
export function record(nameOf: (request: HttpRequest) => string): Record {
  const endings: string[] = [];
  const exchanges: string[] = [];
  const failures: unknown[] = [];
  const statuses = new WeakMap<HttpRequest, number>();
  const observer: Observer = {
    responseStarted: (request: HttpRequest, response: HttpResponse) => void statuses.set(request, response.status),
    exchangeEnded: (request: HttpRequest, error?: HttpError) => {
      const facts = [request.method, nameOf(request), statuses.get(request) ?? "-"];
      exchanges.push(facts.concat(error === undefined ? [] : error.code).join(" "));
    },
    serviceFailed: (_request: HttpRequest, error: unknown) => void failures.push(error),
    connectionClosed: (error?: HttpError) => void endings.push(error === undefined ? "clean" : error.code),
  };
  return { observer, endings, exchanges, failures };
}
