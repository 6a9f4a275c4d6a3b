/**
 * The options of the transports: those of connect-es's own, and which client sends.
 */
import type { CommonTransportOptions } from "@connectrpc/connect/protocol";
import { Client, type HttpVersionChoice } from "../client/index.ts";
import { knownOptions, wholeOption } from "../options.ts";
import { defaultCompressions } from "./compression.ts";
import { UniversalClient, type UniversalClientOptions } from "./universal-client.ts";

/** Of the client that a transport makes for itself; times in milliseconds. */
export interface PingOptions {
  /** After how long without a byte on an HTTP/2 connection a PING asks whether the server is there. Default: never. */
  readonly pingIntervalMs?: number | undefined;
  /** PINGs are also sent while there is no call. Default false. */
  readonly pingIdleConnection?: boolean | undefined;
  /** Longest wait for any sign of life after a PING. Default 15,000. */
  readonly pingTimeoutMs?: number | undefined;
  /** How long a connection without a call is kept. Default 900,000 (15 minutes). */
  readonly idleConnectionTimeoutMs?: number | undefined;
}

type ConnectOptions = Partial<Omit<CommonTransportOptions, "baseUrl" | "httpClient" | "useHttpGet">>;

/** The options of connect-es that all transports have, as its documentation describes them, and those of Sluice. */
export interface GrpcTransportOptions extends ConnectOptions, PingOptions {
  /** Where methods are found: `https://example.com/my-api` and a call of `foo.Bar/Baz` make `/my-api/foo.Bar/Baz`. */
  readonly baseUrl: string;
  /**
   * Sends the requests. It can be shared by any number of transports, and remains its owner's to close. Default: one of the
   * transport's own, whose idle connections do not keep the process alive.
   */
  readonly client?: Client | undefined;
  /** Time limits of calls beside their own deadlines, as in `createUniversalClient`. */
  readonly timeouts?: UniversalClientOptions["timeouts"];
}

export interface TransportOptions extends GrpcTransportOptions {
  /**
   * The version to speak; `2` without TLS is prior knowledge. Default: that of `client`, which without one is what TLS agrees
   * on, and HTTP/1.1 without TLS.
   */
  readonly httpVersion?: "1.1" | "2" | undefined;
  /** Methods without side effects are called by GET (Connect only). Default false. */
  readonly useHttpGet?: boolean | undefined;
}

/** What a transport is made of: connect-es's options, without the client. */
export interface ResolvedTransport {
  readonly options: Omit<CommonTransportOptions, "httpClient">;
  readonly client: UniversalClient;
}

const pings: readonly (keyof PingOptions)[] = [
  "pingIntervalMs",
  "pingIdleConnection",
  "pingTimeoutMs",
  "idleConnectionTimeoutMs",
];
const own: readonly (keyof TransportOptions)[] = ["client", "timeouts", "httpVersion", ...pings];
const connects: readonly (keyof Omit<CommonTransportOptions, "httpClient">)[] = [
  ...(["baseUrl", "useBinaryFormat", "interceptors", "jsonOptions", "binaryOptions", "acceptCompression"] as const),
  ...(["sendCompression", "compressMinBytes", "readMaxBytes", "writeMaxBytes", "useHttpGet"] as const),
  "defaultTimeoutMs",
];

/** What the length in front of a message can say. */
const maxMessageBytes = 0xffff_ffff;

/** @throws TypeError or RangeError for options that make no sense. */
export function resolveTransport(face: string, given: TransportOptions, needsHttp2 = false): ResolvedTransport {
  knownOptions(face, given, [...own, ...connects]);
  const { baseUrl, httpVersion, timeouts } = given;
  if (typeof baseUrl !== "string") throw new TypeError(`${face}: baseUrl must be a string, got ${String(baseUrl)}`);
  const version = needsHttp2 ? "http2" : versionOf(face, httpVersion);
  const { jsonOptions, binaryOptions, useHttpGet, defaultTimeoutMs } = given;
  return {
    options: {
      baseUrl,
      useBinaryFormat: given.useBinaryFormat ?? true,
      interceptors: given.interceptors ?? [],
      sendCompression: given.sendCompression ?? null,
      acceptCompression: given.acceptCompression ?? [...defaultCompressions],
      readMaxBytes: wholeOption(face, "readMaxBytes", given.readMaxBytes, maxMessageBytes, 1, maxMessageBytes),
      writeMaxBytes: wholeOption(face, "writeMaxBytes", given.writeMaxBytes, maxMessageBytes, 1, maxMessageBytes),
      compressMinBytes: wholeOption(face, "compressMinBytes", given.compressMinBytes, 1024, 0, maxMessageBytes),
      ...(jsonOptions === undefined ? {} : { jsonOptions }),
      ...(binaryOptions === undefined ? {} : { binaryOptions }),
      ...(useHttpGet === undefined ? {} : { useHttpGet }),
      ...(defaultTimeoutMs === undefined ? {} : { defaultTimeoutMs }),
    },
    client: new UniversalClient(clientOf(face, given), { version, timeouts }),
  };
}

function clientOf(face: string, given: TransportOptions): Client {
  const { client, pingIntervalMs = 0, pingIdleConnection = false } = given;
  if (client !== undefined) {
    const name = pings.find((option) => given[option] !== undefined);
    if (name === undefined) return client;
    throw new TypeError(`${face}: ${name} belongs to the transport's own client, and cannot be given with another`);
  }
  return new Client({
    idleTimeoutMs: given.idleConnectionTimeoutMs ?? 900_000,
    http2: {
      keepAliveIntervalMs: pingIntervalMs === Number.POSITIVE_INFINITY ? 0 : pingIntervalMs,
      keepAliveTimeoutMs: given.pingTimeoutMs ?? 15_000,
      keepAliveWhileIdle: pingIdleConnection,
      // A server may rest in the middle of a stream for as long as the call's deadline allows.
      stallTimeoutMs: 0,
    },
  });
}

function versionOf(face: string, httpVersion: string | undefined): HttpVersionChoice | undefined {
  if (httpVersion === undefined) return undefined;
  if (httpVersion === "2") return "http2";
  if (httpVersion === "1.1") return "http1";
  throw new TypeError(`${face}: httpVersion must be 1.1 or 2, got ${String(httpVersion)}`);
}
