/**
 * A server connection whose version of HTTP is known from the start, by ALPN, or found out from its first octets. From then
 * on it only passes on what is asked of it; bytes never go through here.
 */
import {
  type Connection,
  HttpError,
  type Io,
  type Service,
  type Timer,
  Upgraded,
  type UpgradedParts,
} from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import * as http2 from "@sluice/core/http2";
import type { ResolvedAutoOptions } from "./auto-options.ts";
import { atLeastZero, finite } from "./durations.ts";
import { DIFFERS, IS_PREFACE, mayBeHttp1, type Verdict } from "./preface.ts";
import { http1Refused, http2Refused, refuseHttp1, refuseHttp2 } from "./refusal.ts";
import { Sniffer, type SnifferOwner } from "./sniffer.ts";

/** What is spoken on a connection. */
export type Protocol = "http1" | "http2";

/**
 * A server connection whose version of HTTP is known by ALPN, or found out from its first octets. Made by `auto.serve`.
 */
export class AutoConnection implements Connection {
  readonly #io: Io;
  readonly #service: Service;
  readonly #options: ResolvedAutoOptions;
  #last = false;
  #protocol: Protocol | undefined;
  #sniffer: Sniffer | undefined;
  #inner: Connection | http2.Http2ServerConnection | undefined;
  /** Why the client is not served, if it speaks the version that is not wanted. */
  #refusal: HttpError | undefined;
  /** The connection ended before its version was known. */
  #over: { readonly error: HttpError | undefined } | undefined;
  #closed: Promise<void> | undefined;
  #settle: ((end: Promise<void>) => void) | undefined;

  /**
   * @internal Use `auto.serve`.
   * @param last Whether a shutdown has begun, of which the connection will be told. A request that is at hand is answered
   *   before it can be, and the answer should say close.
   */
  constructor(io: Io, service: Service, options: ResolvedAutoOptions, last: boolean) {
    this.#io = io;
    this.#service = service;
    this.#options = options;
    const protocol = spoken(io.info?.alpnProtocol) ?? (options.protocol === "http1" ? "http1" : undefined);
    if (protocol !== undefined) {
      this.#speak(protocol, io, last);
    } else {
      this.#last = last;
      this.#sniffer = new Sniffer(io, sniffTimer(io, options), options.sniffTimeoutMs, this.#owner);
      this.#sniffer.start();
    }
  }

  /** What is spoken; undefined until it is known. */
  get protocol(): Protocol | undefined {
    return this.#protocol;
  }

  /**
   * The connection of that version, for what only one of them can do, such as `ping()` of HTTP/2; undefined until the version
   * is known.
   */
  get connection(): Connection | http2.Http2ServerConnection | undefined {
    return this.#inner;
  }

  /**
   * As of every connection. Before the version is known: resolves if the client went, or a shutdown came, before anything was
   * received; rejects with an `HttpError` of kind `timeout`, code `sniffTimeoutMs`; or kind `canceled`, code `INTERRUPTED`, if
   * a part of the first octets had come and the rest did not until the deadline of a shutdown.
   */
  get closed(): Promise<void> {
    if (this.#closed === undefined) {
      if (this.#inner !== undefined && this.#refusal === undefined) return this.#inner.closed;
      this.#closed = new Promise<void>((resolve) => {
        this.#settle = resolve;
      });
      this.#closed.catch(ignore);
      this.#settleClosed();
    }
    return this.#closed;
  }

  /**
   * As of every connection. Before anything was received it closes at once, or after `idleGraceMs`; with a part of the first
   * octets received it goes on until they tell what is spoken, and is shut down then.
   */
  gracefulShutdown(deadlineMs?: number, idleGraceMs = 0): void {
    if (this.#inner !== undefined) {
      this.#inner.gracefulShutdown(deadlineMs, idleGraceMs);
      return;
    }
    if (deadlineMs !== undefined) atLeastZero("deadlineMs", deadlineMs);
    finite("idleGraceMs", atLeastZero("idleGraceMs", idleGraceMs));
    this.#sniffer?.shutDown(deadlineMs, this.#options.shutdownTimeoutMs, idleGraceMs);
  }

  abort(reason?: unknown): void {
    if (this.#inner !== undefined) this.#inner.abort(reason);
    else this.#sniffer?.abort(new HttpError("canceled", "ABORTED", "the connection was aborted", { cause: reason }));
  }

  intoParts(): UpgradedParts {
    if (this.#inner !== undefined) return this.#inner.intoParts();
    throw new HttpError("user", "NO_UPGRADE", "the connection has no transport to give: nothing was spoken on it yet");
  }

  /** As `gracefulShutdown`, and waits for the end, whatever it is. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.gracefulShutdown();
    await this.closed.catch(ignore);
  }

  /** Kept apart, so that it is nobody else's. */
  get #owner(): SnifferOwner {
    return {
      sniffed: (verdict, octets) => this.#sniffed(verdict, octets),
      over: (error) => this.#ended(error),
    };
  }

  #sniffed(verdict: Verdict, octets: Uint8Array | undefined): void {
    const shutdown = this.#sniffer?.shutdownLeft;
    this.#sniffer = undefined;
    const protocol = protocolOf(verdict, octets, this.#options.protocol === "http2");
    const io = octets === undefined ? this.#io : new Upgraded(this.#io, octets);
    const inner = this.#speak(protocol, io, this.#last || shutdown !== undefined);
    if (shutdown !== undefined) inner.gracefulShutdown(shutdown.deadlineMs, shutdown.graceMs);
  }

  #ended(error: HttpError | undefined): void {
    this.#sniffer = undefined;
    this.#over = { error };
    try {
      this.#options.observer?.connectionClosed?.(error);
    } catch {
      // An observer only looks on.
    }
    this.#settleClosed();
  }

  #speak(protocol: Protocol, io: Io, last: boolean): Connection {
    const options = this.#options;
    const refused = options.protocol !== "auto" && options.protocol !== protocol;
    this.#protocol = protocol;
    if (protocol === "http1") {
      if (refused) this.#refusal = http1Refused();
      const http1Options = last ? { ...options.http1, maxRequestsPerConnection: 1 } : options.http1;
      this.#inner = http1.serve(io, refused ? refuseHttp1 : this.#service, http1Options);
    } else {
      if (refused) this.#refusal = http2Refused();
      const inner = http2.serve(io, refused ? refuseHttp2 : this.#service, options.http2);
      this.#inner = inner;
      if (refused) inner.goAway(http2.errorCodes.HTTP_1_1_REQUIRED, "HTTP/1.1 only");
    }
    this.#settleClosed();
    return this.#inner;
  }

  /** Joins the promise that was asked for to what it depends on, once that is known. */
  #settleClosed(): void {
    const settle = this.#settle;
    const inner = this.#inner;
    const refusal = this.#refusal;
    if (settle === undefined) return;
    if (inner !== undefined) {
      const refuse = (): Promise<void> => Promise.reject(refusal);
      settle(refusal === undefined ? inner.closed : inner.closed.then(refuse, refuse));
    } else if (this.#over !== undefined) {
      const { error } = this.#over;
      settle(error === undefined ? Promise.resolve() : Promise.reject(error));
    }
  }
}

/** What a protocol that ALPN has chosen means; undefined for any other, and for none. */
function spoken(alpnProtocol: string | undefined): Protocol | undefined {
  switch (alpnProtocol) {
    case "h2":
      return "http2";
    case "http/1.1":
    case "http/1.0":
      return "http1";
    default:
      return undefined;
  }
}

/**
 * What the first octets mean. Those that are neither a preface nor the beginning of a request are for HTTP/2 to refuse where
 * nothing else is wanted, and so is a preface that was cut short.
 */
function protocolOf(verdict: Verdict, octets: Uint8Array | undefined, onlyHttp2: boolean): Protocol {
  if (verdict === IS_PREFACE) return "http2";
  if (!onlyHttp2) return "http1";
  return verdict === DIFFERS && octets !== undefined && mayBeHttp1(octets) ? "http1" : "http2";
}

/** @throws TypeError if there is none for all that may be spoken: time limits must not be lost by accident. */
function sniffTimer(io: Io, options: ResolvedAutoOptions): Timer | null {
  const { timer = io.timer, http1, http2 } = options;
  if (timer !== undefined) return timer;
  if (http1.timer !== undefined && http2.timer !== undefined) return http1.timer;
  throw new TypeError("no timer: pass one in the options, or null to do without any time limit");
}

function ignore(): void {}
