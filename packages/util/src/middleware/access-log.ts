/**
 * One record per exchange, made when it is really over: when the last of the response was taken, or nobody wanted it any more.
 *
 * It only looks on: what goes wrong in writing does not reach the exchange. A record has no field values, no query and no message of
 * an error, where secrets might be.
 */
import { type Body, Full, inspect, isData } from "@sluice/body";
import {
  HttpError,
  type HttpRequest,
  type HttpResponse,
  type HttpVersion,
  type Service,
  type Timer,
} from "@sluice/core";
import { nodeTimer } from "../node/timer.ts";
import { flagOption, knownOptions, objectOption } from "../options.ts";
import type { Middleware } from "./compose.ts";
import { isPromise, signalOf } from "./signal.ts";
import { type Outcome, watchResponse } from "./watch-response.ts";

/** What is told of an exchange. Times in milliseconds. */
export interface AccessRecord {
  /** When it began, in milliseconds since 1970. */
  readonly time: number;
  readonly method: string;
  /** Host and port, if the request names them, as it spells them. */
  readonly authority: string | undefined;
  /** The path; with the query only if `query` was asked for. Empty for CONNECT. */
  readonly path: string;
  /** The version of the request. */
  readonly version: HttpVersion;
  /** Absent if there was no response: the call failed or was given up. */
  readonly status: number | undefined;
  /** Bytes of content taken from the request body, without framing. */
  readonly requestBytes: number;
  /** Bytes of content given of the response body, without framing. */
  readonly responseBytes: number;
  /** Until the head of the response; absent if there was none. */
  readonly headMs: number | undefined;
  readonly totalMs: number;
  /** Read to the end; given up by who asked (on a server: the client has gone); or ended by an error. */
  readonly outcome: Outcome["kind"];
  /** For other than completed: the code of the error, or its name. */
  readonly error: string | undefined;
}

export interface AccessLogOptions<Entry = AccessRecord> {
  /** Takes what `format` made. What it throws or rejects with is dropped. */
  readonly write: (entry: Entry) => unknown;
  /** Makes something else of a record, such as a line. Default: the record itself. */
  readonly format?: ((record: AccessRecord) => Entry) | undefined;
  /** Put the query behind the path. Default false, for it may carry secrets. */
  readonly query?: boolean | undefined;
  /** The time in milliseconds since 1970. Default: `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** For the durations. Default: the shared `nodeTimer`. */
  readonly timer?: Pick<Timer, "now"> | undefined;
}

/**
 * Writes one record per exchange.
 *
 * @throws TypeError for options that make no sense.
 */
export function accessLog<Entry = AccessRecord>(options: AccessLogOptions<Entry>): Middleware {
  knownOptions("accessLog", options, ["write", "format", "query", "now", "timer"]);
  const { write, format = (record: AccessRecord) => record as Entry, now = Date.now } = options;
  for (const [name, value] of Object.entries({ write, format, now })) {
    if (typeof value !== "function") throw new TypeError(`accessLog: ${name} must be a function, got ${String(value)}`);
  }
  const withQuery = flagOption("accessLog", "query", options.query, false);
  const timer = objectOption("accessLog", "timer", options.timer, "now", () => nodeTimer);
  const emit = (record: AccessRecord): void => {
    try {
      Promise.resolve(write(format(record))).catch(ignore);
    } catch {
      // It only looks on.
    }
  };
  return (inner) => ({
    call: (request) => new LoggedExchange(request, { emit, withQuery, timer, time: now() }).run(inner),
  });
}

interface Means {
  readonly emit: (record: AccessRecord) => void;
  readonly withQuery: boolean;
  readonly timer: Pick<Timer, "now">;
  readonly time: number;
}

class LoggedExchange {
  readonly #request: HttpRequest;
  readonly #means: Means;
  readonly #startMs: number;
  /** As they were: a service may change its request. */
  readonly #facts: Pick<AccessRecord, "method" | "authority" | "path" | "version">;
  readonly #signal: AbortSignal;
  readonly #requestBytes: () => number;
  #responseBytes = 0;
  #headMs: number | undefined;
  #status: number | undefined;
  #isOver = false;

  constructor(request: HttpRequest, means: Means) {
    this.#request = request;
    this.#means = means;
    this.#startMs = means.timer.now();
    const { method, authority, version, target } = request;
    const path = means.withQuery && target.query !== undefined ? `${target.path}?${target.query}` : target.path;
    this.#facts = { method, authority, path, version };
    this.#signal = signalOf(request);
    this.#requestBytes = countBytes(request);
  }

  run(inner: Service): HttpResponse | Promise<HttpResponse> {
    // A service that never answers is over when nobody waits for it any more.
    this.#signal.addEventListener("abort", this.#onAbort);
    try {
      const answer = inner.call(this.#request);
      return isPromise(answer) ? answer.then(this.#answered).catch(this.#failed) : this.#answered(answer);
    } catch (error) {
      return this.#failed(error);
    }
  }

  readonly #answered = (response: HttpResponse): HttpResponse => {
    if (this.#isOver) return response;
    this.#headMs = this.#means.timer.now() - this.#startMs;
    this.#status = response.status;
    watchResponse(this.#request, response, {
      onData: (byteLength) => {
        this.#responseBytes += byteLength;
      },
      onOver: (outcome) => this.#over(outcome),
    });
    this.#signal.removeEventListener("abort", this.#onAbort);
    return response;
  };

  readonly #failed = (error: unknown): never => {
    this.#over({ kind: this.#signal.aborted ? "aborted" : "failed", error });
    throw error;
  };

  readonly #onAbort = (): void => this.#over({ kind: "aborted", error: this.#signal.reason });

  #over(outcome: Outcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#means.emit({
      time: this.#means.time,
      ...this.#facts,
      status: this.#status,
      requestBytes: this.#requestBytes(),
      responseBytes: this.#responseBytes,
      headMs: this.#headMs,
      totalMs: this.#means.timer.now() - this.#startMs,
      outcome: outcome.kind,
      error: outcome.kind === "completed" ? undefined : nameOf(outcome.error),
    });
  }
}

/** Counts what is taken of the body of a request. A `full` one stays what it is, so that it can be sent again. */
function countBytes(request: HttpRequest): () => number {
  const { body } = request;
  if (body.isEndStream()) return () => 0;
  if (body instanceof Full) return countWhole(body);
  let count = 0;
  request.body = inspect(body, {
    onFrame: (frame) => {
      if (isData(frame)) count += frame.byteLength;
    },
  });
  return () => count;
}

function countWhole(body: Body): () => number {
  const length = body.sizeHint().lower;
  return () => (body.isEndStream() ? length : 0);
}

/** Never the message, which might show what was sent. */
function nameOf(error: unknown): string | undefined {
  const found = HttpError.find(error);
  if (found !== undefined) return found.code;
  return error instanceof Error ? error.name : undefined;
}

function ignore(): void {}
