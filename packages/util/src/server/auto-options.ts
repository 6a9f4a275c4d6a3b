/**
 * The options of `auto.serve`: those of both versions, and what is said once for both.
 *
 * A set of options is checked the first time it is used and remembered, so that a server that passes the same object for
 * each connection pays once; it must not be changed afterwards.
 */
import type { Observer, Timer } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import * as http2 from "@sluice/core/http2";
import { knownOptions, wholeNumber } from "../options.ts";

/** Options of `auto.serve`. Times in milliseconds. */
export interface AutoOptions {
  /** What is spoken: whatever the client speaks, or one version only. Default `auto`. */
  readonly protocol?: "auto" | "http1" | "http2";
  /** Options of HTTP/1 connections. Checked in any case. */
  readonly http1?: http1.ServerOptions;
  /** Options of HTTP/2 connections. Checked in any case. */
  readonly http2?: http2.ServerOptions;
  /** Longest time until the first octets tell which version it is; 0 for no limit. Default 10,000. */
  readonly sniffTimeoutMs?: number;
  /**
   * The clock for all time limits, where `http1` or `http2` names no other. Defaults to the one the transport brings. `null`
   * switches every time limit off.
   */
  readonly timer?: Timer | null | undefined;
  /** Is told what happens on the connection, where `http1` or `http2` names no other. */
  readonly observer?: Observer | undefined;
  /**
   * How long exchanges under way may go on after `gracefulShutdown()` without a deadline of its own, where `http1` or `http2`
   * says nothing else; 0 for ever. Default 30,000.
   */
  readonly shutdownTimeoutMs?: number;
}

/** What is left of the options once they are checked. */
export interface ResolvedAutoOptions {
  readonly protocol: "auto" | "http1" | "http2";
  readonly http1: http1.ServerOptions;
  readonly http2: http2.ServerOptions;
  readonly sniffTimeoutMs: number;
  readonly timer: Timer | null | undefined;
  readonly observer: Observer | undefined;
  /** `Infinity` for ever. */
  readonly shutdownTimeoutMs: number;
}

/** The names of all options. */
export const autoOptionNames: readonly (keyof AutoOptions)[] = [
  "protocol",
  "http1",
  "http2",
  "sniffTimeoutMs",
  "timer",
  "observer",
  "shutdownTimeoutMs",
];

const protocols: readonly unknown[] = ["auto", "http1", "http2"];

const known = new WeakMap<AutoOptions, ResolvedAutoOptions>();
const defaults = resolve({});

/** @throws TypeError or RangeError for options that make no sense. */
export function resolveAutoOptions(given: AutoOptions | undefined): ResolvedAutoOptions {
  if (given === undefined) return defaults;
  let resolved = known.get(given);
  if (resolved === undefined) {
    resolved = resolve(given);
    known.set(given, resolved);
  }
  return resolved;
}

function resolve(given: AutoOptions): ResolvedAutoOptions {
  knownOptions("auto.serve", given, autoOptionNames);
  const { protocol = "auto", sniffTimeoutMs = 10_000, shutdownTimeoutMs = 30_000, timer, observer } = given;
  if (!protocols.includes(protocol)) {
    throw new TypeError(`auto.serve: protocol must be one of ${protocols.join(", ")}, got ${String(protocol)}`);
  }
  wholeNumber("sniffTimeoutMs", sniffTimeoutMs, 0);
  wholeNumber("shutdownTimeoutMs", shutdownTimeoutMs, 0);
  const common = {
    ...(timer !== undefined && { timer }),
    ...(observer !== undefined && { observer }),
    shutdownTimeoutMs,
  };
  const resolved: ResolvedAutoOptions = {
    protocol,
    http1: { ...common, ...given.http1 },
    http2: { ...common, ...given.http2 },
    sniffTimeoutMs,
    timer,
    observer,
    shutdownTimeoutMs: shutdownTimeoutMs === 0 ? Number.POSITIVE_INFINITY : shutdownTimeoutMs,
  };
  http1.checkServerOptions(resolved.http1);
  http2.checkServerOptions(resolved.http2);
  return resolved;
}
