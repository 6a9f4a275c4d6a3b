/**
 * The options of HTTP/1 connections in both roles, with their defaults and bounds. The tables of the documentation are
 * generated from this file.
 */
import type { WriteStrategy } from "../bytes/write-buffer.ts";
import type { Observer } from "../observer.ts";
import { choice, flag, type OptionRules, optionResolver, whole } from "../options.ts";
import type { Timer } from "../rt/io.ts";
import type { Leniency, RequestLeniency } from "./leniency.ts";

/** Options both roles have. Times in milliseconds, 0 for no limit; sizes in bytes. */
export interface CommonOptions extends Partial<Leniency> {
  /**
   * The clock for all time limits. Defaults to the one the transport brings. `null` switches every time limit off; having
   * no timer by accident is an error.
   */
  readonly timer?: Timer | null | undefined;
  /** Is told what happens on the connection. */
  readonly observer?: Observer | undefined;
  /** Most field lines in one head or trailer section; 0 allows none. A server answers more with 431. */
  readonly maxHeaders?: number;
  /** Most bytes in one head. A server answers more with 431, or 414 while still in the request line. */
  readonly maxHeadBytes?: number;
  /** Most bytes kept of what was received or is to be sent before the other side has to wait; also bounds heads. */
  readonly maxBufferBytes?: number;
  /** Most bytes in one trailer section. */
  readonly maxTrailerBytes?: number;
  /** Most bytes of chunk extensions in one body. */
  readonly maxChunkExtensionBytes?: number;
  /** Most bytes of content in one received message. A server answers more with 413. */
  readonly maxBodyBytes?: number;
  /** Field names are sent as `Title-Case`. */
  readonly titleCaseHeaders?: boolean;
  /** The spelling of received field names is kept, and sent where a field carries one. */
  readonly preserveHeaderCase?: boolean;
  /** How output becomes writes: small chunks joined, all joined, or body chunks never copied. */
  readonly writeStrategy?: WriteStrategy;
  /** Most exchanges on one connection; the last one says `connection: close`. */
  readonly maxRequestsPerConnection?: number;
  /** Longest life of a connection; after it, the connection is shut down gracefully. */
  readonly maxConnectionAgeMs?: number;
  /** How long exchanges under way may go on after `maxConnectionAgeMs`. */
  readonly maxConnectionAgeGraceMs?: number;
  /** How long exchanges under way may go on after `gracefulShutdown()` without a deadline of its own. */
  readonly shutdownTimeoutMs?: number;
  /** Longest time without an exchange on a kept connection. */
  readonly idleTimeoutMs?: number;
  /** Longest wait for the next bytes of the peer's body while they are wanted. */
  readonly bodyTimeoutMs?: number;
  /** Longest time the transport may take no more of our bytes. */
  readonly writeTimeoutMs?: number;
  /** How long to wait for the peer to end its stream after we have ended ours. */
  readonly lingerTimeoutMs?: number;
  /** Slowest average rate at which a wanted body may arrive, in bytes per second; 0 for any. */
  readonly minBodyRate?: number;
  /** How long a body may arrive more slowly than `minBodyRate` before that counts. */
  readonly minBodyRateGraceMs?: number;
}

export interface ServerOptions extends CommonOptions, Partial<RequestLeniency> {
  /** Longest time from the accept, from the previous exchange or from the first byte until a head is complete. */
  readonly headTimeoutMs?: number;
  /** Longest time until a request has been received whole, from its first byte. */
  readonly requestTimeoutMs?: number;
  /** After the peer has ended its stream the response under way is still sent; otherwise it is given up. */
  readonly halfClose?: boolean;
  /** Connections are kept for further requests. */
  readonly keepAlive?: boolean;
  /** Most bytes in a request target; more is answered with 414. */
  readonly maxTargetBytes?: number;
  /** Most bytes of a request body that nobody read are dropped so that the connection can be kept. */
  readonly maxDrainBytes?: number;
  /** Responses carry a `date` unless they have one. */
  readonly autoDateHeader?: boolean;
  /** Answers to pipelined requests leave together; otherwise each leaves at once. */
  readonly pipelineFlush?: boolean;
  /** A service that fails closes the connection without an answer; otherwise it is answered for with 500. */
  readonly abortOnServiceError?: boolean;
}

export interface ClientOptions extends CommonOptions {
  /** Longest wait for the response head once the request has been sent. */
  readonly headTimeoutMs?: number;
  /**
   * Longest time until the response has been received whole, from when the request was given to the sender or, pipelined,
   * from when the earlier ones were answered.
   */
  readonly requestTimeoutMs?: number;
  /** A response without a head (HTTP/0.9) is accepted as the first one on a connection. */
  readonly http09Responses?: boolean;
  /** Most requests sent and not yet answered; more than 1 pipelines idempotent requests without content. */
  readonly pipelining?: number;
  /** Longest wait for 100 before the content of a request with `expect: 100-continue` is sent all the same. */
  readonly expectContinueTimeoutMs?: number;
  /** Most 1xx responses before one final response. */
  readonly maxInformational?: number;
  /** Requests must carry exactly one valid Host, as HTTP/1.1 demands. */
  readonly requireHost?: boolean;
  /**
   * An absolute target is sent in origin-form, and its authority as Host unless the request has one: what origin servers
   * expect. Otherwise targets are sent as they are and no Host is added.
   */
  readonly originForm?: boolean;
  /** Most bytes of a response body that was cancelled are dropped so that the connection can be kept. */
  readonly maxDrainBytes?: number;
  /** Longest wait for the next bytes of a response body that was cancelled. */
  readonly drainTimeoutMs?: number;
}

/** What is left of the options once they are checked. */
export type Resolved<Options> = Required<Omit<Options, "timer" | "observer">>;
export type ResolvedServerOptions = Resolved<ServerOptions>;
export type ResolvedClientOptions = Resolved<ClientOptions>;

/** The smallest buffer that holds a start line of the length every recipient must support (RFC 9112 3). */
const minBufferBytes = 8192;

const leniencyRules: OptionRules = {
  allowBareLineFeed: flag(false),
  allowObsoleteFolding: flag(false),
  allowSpaceBeforeColon: flag(false),
  ignoreInvalidHeaders: flag(false),
  allowTransferEncodingWithContentLength: flag(false),
  allowRepeatedContentLength: flag(false),
  allowLooseChunks: flag(false),
};

const commonRules: OptionRules = {
  maxHeaders: whole(100, 0, 32_768),
  maxHeadBytes: whole(65_536, 1),
  maxBufferBytes: whole(417_792, minBufferBytes),
  maxTrailerBytes: whole(16_384, 2),
  maxChunkExtensionBytes: whole(16_384),
  maxBodyBytes: whole(Number.POSITIVE_INFINITY),
  titleCaseHeaders: flag(false),
  preserveHeaderCase: flag(false),
  writeStrategy: choice("auto", ["auto", "flatten", "queue"]),
  maxRequestsPerConnection: whole(Number.POSITIVE_INFINITY, 1),
  maxConnectionAgeMs: whole(0),
  maxConnectionAgeGraceMs: whole(30_000),
  shutdownTimeoutMs: whole(30_000),
  bodyTimeoutMs: whole(30_000),
  writeTimeoutMs: whole(30_000),
  lingerTimeoutMs: whole(2_000),
  minBodyRate: whole(240),
  minBodyRateGraceMs: whole(5_000),
};

export const serverRules: OptionRules = {
  ...commonRules,
  ...leniencyRules,
  allowMultipleSpaces: flag(false),
  allowUtf8Target: flag(false),
  headTimeoutMs: whole(30_000),
  idleTimeoutMs: whole(65_000),
  requestTimeoutMs: whole(300_000),
  halfClose: flag(false),
  keepAlive: flag(true),
  maxTargetBytes: whole(65_534, 1),
  maxDrainBytes: whole(65_536),
  autoDateHeader: flag(true),
  pipelineFlush: flag(true),
  abortOnServiceError: flag(false),
};

export const clientRules: OptionRules = {
  ...commonRules,
  ...leniencyRules,
  // RFC 9112 5.2: a user agent must take a fold in a response for SP.
  allowObsoleteFolding: flag(true),
  headTimeoutMs: whole(60_000),
  idleTimeoutMs: whole(90_000),
  // Events that a server sends when there are any are slow and well.
  minBodyRate: whole(0),
  requestTimeoutMs: whole(300_000),
  http09Responses: flag(false),
  pipelining: whole(1, 1, 1024),
  expectContinueTimeoutMs: whole(1_000),
  maxInformational: whole(32),
  requireHost: flag(true),
  originForm: flag(false),
  maxDrainBytes: whole(0),
  drainTimeoutMs: whole(2_000),
};

export const resolveServerOptions: (given: ServerOptions | undefined) => ResolvedServerOptions = optionResolver(
  "http1.serve",
  serverRules,
  ["timer", "observer"],
);

export const resolveClientOptions: (given: ClientOptions | undefined) => ResolvedClientOptions = optionResolver(
  "http1.handshake",
  clientRules,
  ["timer", "observer"],
);

/**
 * The timer a connection uses.
 * @throws TypeError if neither the options nor the transport say: time limits must not be lost by accident.
 */
export function timerOf(given: Timer | null | undefined, transport: Timer | undefined): Timer | null {
  const timer = given === undefined ? transport : given;
  if (timer !== undefined) return timer;
  throw new TypeError("no timer: pass one in the options, or null to do without any time limit");
}
