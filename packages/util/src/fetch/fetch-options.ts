/**
 * The options of `createFetch`, with their defaults and bounds.
 */
import type { RequestOptions } from "../client/index.ts";
import { knownOptions, wholeNumber } from "../options.ts";
import type { DecodingLimits } from "./decoded-body.ts";
import { nativeFetch } from "./platform.ts";

/** Options of `createFetch`. */
export interface FetchOptions {
  /** What requests say for `user-agent` unless they say something themselves. Default `sluice`. */
  readonly userAgent?: string | undefined;
  /** Most redirects that are followed in a row. Default 20, as the Fetch standard has it. */
  readonly maxRedirects?: number | undefined;
  /** Content codings are asked for and undone. Default true. */
  readonly decompress?: boolean | undefined;
  /** Most bytes that content may become when its codings are undone. Default: no limit. */
  readonly maxDecodedBytes?: number | undefined;
  /**
   * Most bytes that content may become for each byte received, once it has become more than 1 MiB. Default 1,000: gzip alone
   * comes close to it with zeros, nothing that means anything does.
   */
  readonly maxDecodedRatio?: number | undefined;
  /** Time limits, the version and hooks of each request, as `Client.request` takes them. */
  readonly request?: Omit<RequestOptions, "signal" | "replayBody" | "origin"> | undefined;
  /**
   * What `data:`, `blob:`, `about:` and every other URL that is not of HTTP is given to. Default: the platform's `fetch`; `null`
   * refuses them.
   */
  readonly otherSchemes?: typeof fetch | null | undefined;
}

export interface ResolvedFetchOptions extends DecodingLimits {
  readonly userAgent: string;
  readonly maxRedirects: number;
  readonly decompress: boolean;
  readonly request: Omit<RequestOptions, "signal" | "replayBody" | "origin">;
  readonly otherSchemes: typeof fetch | null;
}

const known: readonly (keyof FetchOptions)[] = [
  ...([
    "userAgent",
    "maxRedirects",
    "decompress",
    "maxDecodedBytes",
    "maxDecodedRatio",
    "request",
    "otherSchemes",
  ] as const),
];

/** @throws TypeError or RangeError for options that make no sense. */
export function resolveFetchOptions(given: FetchOptions): ResolvedFetchOptions {
  knownOptions("createFetch", given, known);
  const { userAgent = "sluice", decompress = true, request = {}, otherSchemes = nativeFetch } = given;
  if (typeof decompress !== "boolean") throw new TypeError(`decompress: must be a boolean, got ${String(decompress)}`);
  if (typeof userAgent !== "string" || !/^[\t\x20-\x7e]+$/.test(userAgent)) {
    throw new TypeError(`userAgent: must be printable ASCII and not empty, got ${JSON.stringify(userAgent)}`);
  }
  if (otherSchemes !== null && typeof otherSchemes !== "function") {
    throw new TypeError(`otherSchemes: must be a function or null, got ${String(otherSchemes)}`);
  }
  for (const name of ["signal", "replayBody", "origin"]) {
    if (name in request) throw new TypeError(`request: ${name} is said by each fetch itself`);
  }
  return {
    userAgent,
    decompress,
    request,
    otherSchemes,
    maxRedirects: wholeNumber("maxRedirects", given.maxRedirects ?? 20, 0),
    maxDecodedBytes: wholeNumber("maxDecodedBytes", given.maxDecodedBytes ?? Number.POSITIVE_INFINITY, 0),
    maxDecodedRatio: wholeNumber("maxDecodedRatio", given.maxDecodedRatio ?? 1_000, 1),
  };
}
