/**
 * The options of the pooled client, with their defaults.
 */
import type { HttpRequest, Timer } from "@sluice/core";
import type * as http1 from "@sluice/core/http1";
import type * as http2 from "@sluice/core/http2";
import type { Connected, Connector } from "../connect/connector.ts";
import { type DefaultConnectorOptions } from "../connect/default-connector.ts";
import type { ClientObserver } from "./client-observer.ts";
import type { Origin } from "./origin.ts";
/**
 * Which version of HTTP is spoken: what ALPN chooses and HTTP/1 without TLS (`auto`), or one only; `http2` without TLS is prior
 * knowledge.
 */
export type HttpVersionChoice = "auto" | "http1" | "http2";
/** The options of a client. Times in milliseconds, 0 for no limit. */
export interface ClientOptions extends DefaultConnectorOptions {
    /** Makes the connections. Default: `defaultConnector` with `tcp`, `tls` and `proxy`, which cannot be given beside it. */
    readonly connector?: Connector | undefined;
    /** Default `auto`. A request can ask for another. */
    readonly version?: HttpVersionChoice | undefined;
    /** Options of HTTP/1 connections. */
    readonly http1?: Omit<http1.ClientOptions, "timer" | "observer" | "originForm" | "pipelining" | "idleTimeoutMs">;
    /** Options of HTTP/2 connections. */
    readonly http2?: Omit<http2.ClientOptions, "timer" | "observer" | "idleTimeoutMs">;
    /** How long a connection may be idle. Default 90,000. */
    readonly idleTimeoutMs?: number | undefined;
    /** Most idle HTTP/1 connections, of all hosts together; beyond it the longest idle is closed. Default 1,024. */
    readonly maxIdle?: number | undefined;
    /** Most idle HTTP/1 connections to one host; 0 keeps none. Default: no limit. */
    readonly maxIdlePerHost?: number | undefined;
    /** Most connections to one host; further requests wait, first come first served. Default: no limit. */
    readonly maxConnectionsPerHost?: number | undefined;
    /** Most HTTP/2 connections to one host; a further one is made when all streams are taken. Default 8. */
    readonly maxHttp2ConnectionsPerHost?: number | undefined;
    /** Most requests that wait for a connection to one host; more fail at once. Default: no limit. */
    readonly maxQueuedPerHost?: number | undefined;
    /** Longest wait for a connection, made or become free. Default 60,000. */
    readonly queueTimeoutMs?: number | undefined;
    /** Which idle connection is used: the one used last, or the one that has rested longest. Default `newest`. */
    readonly order?: "newest" | "oldest" | undefined;
    /** Most requests on one connection. Default: no limit. */
    readonly maxRequestsPerConnection?: number | undefined;
    /** Longest life of a connection; what is under way then may end. Default 0. */
    readonly maxConnectionAgeMs?: number | undefined;
    /**
     * Most bytes of a cancelled response that are read and dropped so that an HTTP/1 connection can be kept; more closes it.
     * Default 65,536.
     */
    readonly maxDrainBytes?: number | undefined;
    /** How often a request may be tried again that its server has provably not processed. Default 3. */
    readonly maxRetries?: number | undefined;
    /**
     * Requests that may be repeated (RFC 9110 9.2.2) and have no body are also tried again when a connection that was used before
     * is lost before any of the response came. Default true.
     */
    readonly retryIdempotent?: boolean | undefined;
    /** Is told what the pool and its connections do. */
    readonly observer?: ClientObserver | undefined;
    /** Default: the shared `nodeTimer`. */
    readonly timer?: Timer | undefined;
}
/** What can be said about one request beside the request itself. */
export interface RequestOptions {
    /** Gives the request up, wherever it is. */
    readonly signal?: AbortSignal | undefined;
    /** Time limits of this request; those absent are the client's. */
    readonly timeouts?: ClientTimeouts | undefined;
    /** Is called for each 1xx response but 101, before the final one. A throw ends the exchange as an abort would. */
    readonly onInformational?: http1.SendOptions["onInformational"];
    /** Is called with the connection each time the request is given one. What it throws is dropped. */
    readonly onConnection?: ((connected: Connected) => void) | undefined;
    /** Makes the body anew, so that a request can be repeated although its body was read from; the body it had is let go. */
    readonly replayBody?: (() => HttpRequest["body"]) | undefined;
    /** The version to speak, if it is another than the client's. A request with an `upgrade` field goes over HTTP/1. */
    readonly version?: HttpVersionChoice | undefined;
    /** Where to connect to, if it is another place than the target names. Default: the target's origin. */
    readonly origin?: Origin | undefined;
}
/** Time limits of one request. */
export interface ClientTimeouts extends http1.RequestTimeouts {
    /** Longest wait for a connection. */
    readonly queueTimeoutMs?: number;
}
/** Options once they are checked. */
export interface ResolvedOptions {
    readonly connector: Connector;
    readonly version: HttpVersionChoice;
    readonly idleTimeoutMs: number;
    readonly maxIdle: number;
    readonly maxIdlePerHost: number;
    readonly maxConnectionsPerHost: number;
    readonly maxHttp2ConnectionsPerHost: number;
    readonly maxQueuedPerHost: number;
    readonly queueTimeoutMs: number;
    readonly order: "newest" | "oldest";
    readonly maxRetries: number;
    readonly retryIdempotent: boolean;
    readonly observer: ClientObserver | undefined;
    readonly timer: Timer;
    readonly http1: http1.ClientOptions;
    readonly proxiedHttp1: http1.ClientOptions;
    readonly http2: http2.ClientOptions;
}
/** @throws TypeError or RangeError for options that make no sense. */
export declare function resolveOptions(given: ClientOptions): ResolvedOptions;
/** @throws TypeError for anything but a choice of version. */
export declare function checkVersion(version: HttpVersionChoice): HttpVersionChoice;
