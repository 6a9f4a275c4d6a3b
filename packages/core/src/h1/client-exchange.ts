/**
 * One request on its way through a client connection, with whoever waits for its response.
 */
import { type RequestLimits, type SendOptions, tellEnd } from "../client/send-options.ts";
import { HttpError } from "../error.ts";
import type { Exchange } from "../message/exchange.ts";
import { isIdempotent } from "../message/method.ts";
import type { HttpRequest } from "../message/request.ts";
import type { HttpResponse } from "../message/response.ts";
import { noUpgrade, PendingUpgrade } from "../upgrade/pending-upgrade.ts";
import type { Upgraded } from "../upgrade/upgraded.ts";

/** What the connection knows of a request once its head is written. */
export interface RequestFacts {
  /** How many bytes the connection had sent, or had ready to be sent, before this request. */
  readonly offset: number;
  readonly wantsUpgrade: boolean;
  readonly keepAlive: boolean;
  readonly limits: RequestLimits;
}

export class ClientExchange implements Exchange {
  readonly request: HttpRequest;
  readonly options: SendOptions;
  readonly response: Promise<HttpResponse>;
  readonly facts: RequestFacts;
  /** The request has been handed to the output to its last byte. */
  sent = false;
  /** The final response head has been received. */
  answered = false;
  /** The content waits for 100 (Continue). */
  awaitsContinue = false;
  /** The body was read from or cancelled. */
  bodyTouched = false;
  informationals = 0;
  readonly #aborted: () => void;
  #upgrade: PendingUpgrade | undefined;
  #resolve: ((response: HttpResponse) => void) | undefined;
  #reject: ((error: HttpError) => void) | undefined;

  /** @param aborted Called when the signal of the request aborts. */
  constructor(request: HttpRequest, options: SendOptions, facts: RequestFacts, aborted: () => void) {
    this.request = request;
    this.options = options;
    this.facts = facts;
    this.#aborted = aborted;
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    options.signal?.addEventListener("abort", aborted);
  }

  /** RFC 9112 9.3.2: only what may be repeated is sent before the earlier ones are answered. */
  get isPipelined(): boolean {
    return this.sent && isIdempotent(this.request.method) && !this.facts.wantsUpgrade;
  }

  /** The final response is here. */
  answer(response: HttpResponse): void {
    this.answered = true;
    this.#resolve?.(response);
  }

  /** There will be no response, or no more of it. */
  fail(error: HttpError): void {
    this.#reject?.(error);
    this.end(error);
  }

  /** The exchange is over. */
  end(error?: HttpError): void {
    this.options.signal?.removeEventListener("abort", this.#aborted);
    if (error !== undefined) {
      this.#upgrade?.fail(new HttpError("canceled", "UPGRADE_CANCELED", error.message, { cause: error }));
    }
    tellEnd(this.options, error);
  }

  /** Where the transport goes if the response says so. */
  get pendingUpgrade(): PendingUpgrade {
    this.#upgrade ??= new PendingUpgrade();
    return this.#upgrade;
  }

  upgrade(): Promise<Upgraded> {
    return this.#upgrade?.wait() ?? Promise.reject(noUpgrade("the response grants no upgrade"));
  }

  informational(): boolean {
    return false;
  }

  setTimeouts(): void {}
}
