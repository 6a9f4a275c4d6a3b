/**
 * What an observer of one end was told, checked as it comes.
 */
import type { HttpError, HttpRequest, Observer } from "@sluice/core";
import type { Side } from "../../support/play.ts";

export class Told {
  closed = 0;
  /** The connection is over, as far as itself is concerned: nothing new may come of it. */
  isOver: () => boolean = () => false;
  readonly #side: Side;
  readonly #violations: string[];
  readonly #called: () => void;
  readonly #started: HttpRequest[] = [];
  readonly #ended = new Map<HttpRequest, HttpError | undefined>();

  constructor(side: Side, violations: string[], called: () => void) {
    this.#side = side;
    this.#violations = violations;
    this.#called = called;
  }

  get observer(): Observer {
    return {
      bytesRead: () => this.#called(),
      bytesWritten: () => this.#called(),
      requestStarted: (request) => {
        if (this.#started.includes(request)) this.#accuse("requestStarted twice");
        this.#started.push(request);
        this.#note("requestStarted");
      },
      informational: () => this.#note("informational"),
      responseStarted: (request) => {
        if (this.#ended.has(request)) this.#accuse("responseStarted after exchangeEnded");
        this.#note("responseStarted");
      },
      exchangeEnded: (request, error) => {
        if (!this.#started.includes(request)) this.#accuse("exchangeEnded of what was not started");
        if (this.#ended.has(request)) this.#accuse("exchangeEnded twice");
        this.#ended.set(request, error);
        this.#called();
      },
      streamChanged: () => this.#called(),
      frameReceived: () => this.#note("frameReceived"),
      connectionClosed: () => {
        this.closed++;
        this.#called();
      },
    };
  }

  judge(): void {
    if (this.closed !== 1) this.#accuse(`connectionClosed came ${this.closed} times`);
    for (const request of this.#started) {
      if (!this.#ended.has(request)) this.#accuse("an exchange never ended");
      const failed = this.#ended.get(request) !== undefined;
      if (this.#side === "client" || request.signal.aborted === failed) continue;
      this.#accuse(`request.signal.aborted is ${request.signal.aborted}, failed is ${failed}`);
    }
  }

  #note(event: string): void {
    if (this.closed > 0) this.#accuse(`${event} after connectionClosed`);
    else if (this.isOver()) this.#accuse(`${event} behind the end`);
    this.#called();
  }

  #accuse(what: string): void {
    this.#violations.push(`${this.#side}: ${what}`);
  }
}
