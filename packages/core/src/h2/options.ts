/**
 * The options of HTTP/2 connections in both roles, with their defaults and bounds. The tables of the documentation are
 * generated from this file.
 */
import type { Observer } from "../observer.ts";
import { flag, type OptionRules, optionResolver, whole } from "../options.ts";
import type { Timer } from "../rt/io.ts";
import type { PushPromise } from "./client/push-promise.ts";
import { type DefenceOptions, defenceRules } from "./defence/rules.ts";

/** Options both roles have. Times in milliseconds, 0 for no limit; sizes in bytes. */
export interface CommonOptions extends Partial<DefenceOptions> {
  /**
   * The clock for all time limits. Defaults to the one the transport brings. `null` switches every time limit off; having
   * no timer by accident is an error.
   */
  readonly timer?: Timer | null | undefined;
  /** Is told what happens on the connection. */
  readonly observer?: Observer | undefined;
  /** How much the peer may send on one stream before it is read: SETTINGS_INITIAL_WINDOW_SIZE. */
  readonly initialWindowBytes?: number;
  /** How much the peer may send on all streams together before it is read. */
  readonly connectionWindowBytes?: number;
  /** Windows start at 65,535 and grow with the bandwidth-delay product, up to 16 MiB, instead of being as large as said. */
  readonly adaptiveWindow?: boolean;
  /** The longest frame payload that is accepted: SETTINGS_MAX_FRAME_SIZE. */
  readonly maxFrameBytes?: number;
  /**
   * The largest field section that is accepted, as RFC 9113 6.5.2 counts it: SETTINGS_MAX_HEADER_LIST_SIZE. A server
   * answers more with 431, a client resets the stream; four times as much ends the connection.
   */
  readonly maxHeaderListBytes?: number;
  /** Most field lines in one field section; more is treated as a larger field section. */
  readonly maxHeaders?: number;
  /** The memory of the table that compresses what is received: SETTINGS_HEADER_TABLE_SIZE. */
  readonly headerTableBytes?: number;
  /** The most memory for the table that compresses what is sent, whatever the peer allows. */
  readonly encoderTableBytes?: number;
  /** Most streams of the peer open at a time, pushed ones on a client: SETTINGS_MAX_CONCURRENT_STREAMS. */
  readonly maxConcurrentStreams?: number;
  /** How much is kept of what is to be sent on a stream before its sender is asked to wait. */
  readonly maxSendBufferBytes?: number;
  /**
   * Most that is handed to the transport at a time. It starts with 64 KiB, so that what is urgent does not wait behind much
   * else, and grows up to this while the transport takes all of it at once.
   */
  readonly maxWriteBytes?: number;
  /** Most bytes of content in one received message. A server answers more with 413. */
  readonly maxBodyBytes?: number;
  /** Most resets of ours that are remembered, so that late frames of the peer are let pass. */
  readonly maxRememberedResets?: number;
  /** How long a reset of ours is remembered. */
  readonly rememberResetsMs?: number;
  /** Longest wait for the peer's first SETTINGS, and on a server for the client's preface. */
  readonly prefaceTimeoutMs?: number;
  /** Longest wait for the acknowledgment of SETTINGS. */
  readonly settingsTimeoutMs?: number;
  /** Longest time without a stream. */
  readonly idleTimeoutMs?: number;
  /** How long nothing may have been received before the peer is asked by a PING whether it is there; 0 for never. */
  readonly keepAliveIntervalMs?: number;
  /** Longest wait for any sign of life after that PING. */
  readonly keepAliveTimeoutMs?: number;
  /** Such a PING is also sent while there is no stream. */
  readonly keepAliveWhileIdle?: boolean;
  /** Longest wait for the next bytes of the peer's body while they are wanted. */
  readonly bodyTimeoutMs?: number;
  /** Longest time the transport may take no more of our bytes. */
  readonly writeTimeoutMs?: number;
  /** Longest time the peer's flow control may keep a stream from sending anything. */
  readonly stallTimeoutMs?: number;
  /** How long to wait for the peer to end its side of the transport after we have ended ours. */
  readonly lingerTimeoutMs?: number;
  /** How long streams may go on after `gracefulShutdown()` without a deadline of its own. */
  readonly shutdownTimeoutMs?: number;
  /** Longest life of a connection; after it, the connection is shut down gracefully. */
  readonly maxConnectionAgeMs?: number;
  /** How long streams may go on after `maxConnectionAgeMs`. */
  readonly maxConnectionAgeGraceMs?: number;
  /** Most requests on one connection; after them it is shut down gracefully. */
  readonly maxRequestsPerConnection?: number;
}

export interface ServerOptions extends CommonOptions {
  /** Longest time until a request has been received whole, from its head. */
  readonly requestTimeoutMs?: number;
  /** Responses carry a `date` unless they have one. */
  readonly autoDateHeader?: boolean;
  /** Extended CONNECT (RFC 8441), which WebSocket over HTTP/2 needs, is offered: SETTINGS_ENABLE_CONNECT_PROTOCOL. */
  readonly enableConnectProtocol?: boolean;
  /** Responses are sent by the priorities clients ask for (RFC 9218); otherwise all streams take turns. */
  readonly priorities?: boolean;
  /** TLS that RFC 9113 9.2 calls inadequate is accepted. */
  readonly allowInadequateSecurity?: boolean;
}

export interface ClientOptions extends CommonOptions {
  /** How many streams may be open before the server has said how many. */
  readonly initialMaxStreams?: number;
  /** Most requests that wait for a stream; more are refused at once. */
  readonly maxQueuedRequests?: number;
  /** Longest wait for the response head once the request has been sent. */
  readonly headTimeoutMs?: number;
  /** Longest time until the response has been received whole, from when its stream was opened. */
  readonly requestTimeoutMs?: number;
  /** Longest wait for 100 before the content of a request with `expect: 100-continue` is sent all the same. */
  readonly expectContinueTimeoutMs?: number;
  /** Most 1xx responses before one final response. */
  readonly maxInformational?: number;
  /**
   * When a request is given up and nothing was received since it was sent, a PING asks whether the server is there; without
   * an answer in `keepAliveTimeoutMs` the connection is closed, so that it is not used for ever.
   */
  readonly probeAfterCancel?: boolean;
  /** Most pushed streams that were promised and not yet begun. */
  readonly maxReservedStreams?: number;
  /**
   * Is told of each push that the server promises; without it, pushes are switched off (SETTINGS_ENABLE_PUSH). A promise
   * whose `response()` is not asked for at once is refused.
   */
  readonly onPush?: ((promise: PushPromise) => void) | undefined;
  /** The first stream identifier to use; odd. */
  readonly initialStreamId?: number;
}

/** What is left of the options once they are checked. */
export type Resolved<Options> = Required<Omit<Options, "timer" | "observer" | "onPush">>;
export type ResolvedServerOptions = Resolved<ServerOptions>;
export type ResolvedClientOptions = Resolved<ClientOptions>;
export type ResolvedCommonOptions = Resolved<CommonOptions>;

const KiB = 1024;
const MiB = 1024 * KiB;
const maxWindowBytes = 0x7fff_ffff;
const maxUint32 = 0xffff_ffff;

const commonRules: OptionRules = {
  adaptiveWindow: flag(false),
  maxFrameBytes: whole(16 * KiB, 16 * KiB, 16 * MiB - 1),
  maxHeaders: whole(128, 0, 32_768),
  headerTableBytes: whole(4096, 0, maxUint32),
  encoderTableBytes: whole(4096, 0, maxUint32),
  maxSendBufferBytes: whole(64 * KiB, 1),
  maxWriteBytes: whole(MiB, 64 * KiB),
  maxBodyBytes: whole(Number.POSITIVE_INFINITY),
  // As many as may be given up together, or a canceled crowd of downloads passes for a server that breaks the rules.
  maxRememberedResets: whole(1_000),
  rememberResetsMs: whole(1_000),
  prefaceTimeoutMs: whole(10_000),
  settingsTimeoutMs: whole(10_000),
  keepAliveIntervalMs: whole(0),
  keepAliveTimeoutMs: whole(20_000, 1),
  keepAliveWhileIdle: flag(false),
  bodyTimeoutMs: whole(30_000),
  writeTimeoutMs: whole(30_000),
  stallTimeoutMs: whole(300_000),
  lingerTimeoutMs: whole(1_000),
  shutdownTimeoutMs: whole(30_000),
  maxConnectionAgeMs: whole(0),
  maxConnectionAgeGraceMs: whole(30_000),
  maxRequestsPerConnection: whole(Number.POSITIVE_INFINITY, 1),
  ...defenceRules,
};

export const serverRules: OptionRules = {
  ...commonRules,
  initialWindowBytes: whole(256 * KiB, 0, maxWindowBytes),
  connectionWindowBytes: whole(MiB, 65_535, maxWindowBytes),
  maxHeaderListBytes: whole(16 * KiB, 1, maxUint32),
  maxConcurrentStreams: whole(128, 0, maxUint32),
  idleTimeoutMs: whole(180_000),
  requestTimeoutMs: whole(300_000),
  autoDateHeader: flag(true),
  enableConnectProtocol: flag(false),
  priorities: flag(true),
  allowInadequateSecurity: flag(false),
};

export const clientRules: OptionRules = {
  ...commonRules,
  initialWindowBytes: whole(2 * MiB, 0, maxWindowBytes),
  connectionWindowBytes: whole(5 * MiB, 65_535, maxWindowBytes),
  maxHeaderListBytes: whole(64 * KiB, 1, maxUint32),
  maxConcurrentStreams: whole(100, 0, maxUint32),
  idleTimeoutMs: whole(90_000),
  initialMaxStreams: whole(100, 0),
  maxQueuedRequests: whole(Number.POSITIVE_INFINITY),
  headTimeoutMs: whole(60_000),
  requestTimeoutMs: whole(300_000),
  expectContinueTimeoutMs: whole(1_000),
  maxInformational: whole(32),
  probeAfterCancel: flag(false),
  maxReservedStreams: whole(200),
  initialStreamId: whole(1, 1, maxWindowBytes),
};

export const resolveServerOptions: (given: ServerOptions | undefined) => ResolvedServerOptions = optionResolver(
  "http2.serve",
  serverRules,
  ["timer", "observer"],
);

export const resolveClientOptions: (given: ClientOptions | undefined) => ResolvedClientOptions = optionResolver(
  "http2.handshake",
  clientRules,
  ["timer", "observer", "onPush"],
);
