/** The options of `httpConnector`, checked, with their defaults. */
import { isIP, type TcpNetConnectOpts } from "node:net";
import type { Timer } from "@sluice/core";
import { nodeTimer } from "../../node/timer.ts";
import { flagOption, knownOptions, limitOption, objectOption, wholeOption } from "../../options.ts";
import { quoted } from "../connect-errors.ts";
import { cachingResolver } from "../dns/caching-resolver.ts";
import type { Resolver } from "../dns/resolver.ts";

/** The addresses to connect from. */
export interface LocalAddresses {
  /** For connections to IPv4 addresses. */
  readonly ipv4?: string;
  /** For connections to IPv6 addresses. */
  readonly ipv6?: string;
}

/**
 * What `httpConnector` may be told. Times are in milliseconds.
 *
 * Node reaches some settings of a socket for no outgoing connection, so there are no options for them, and asking for
 * one is a TypeError: `interface` (SO_BINDTODEVICE; bind to an address of the device instead), `reuseAddress`,
 * `sendBufferBytes`, `receiveBufferBytes`, `userTimeoutMs` (TCP_USER_TIMEOUT), `keepAliveIntervalMs` and
 * `keepAliveProbes`.
 */
export interface HttpConnectorOptions {
  /** Take only targets of scheme `http`; false takes any, for a connector above that adds TLS. Default true. */
  readonly enforceHttp?: boolean;
  /**
   * Send small writes at once (TCP_NODELAY). The engine writes once per turn, so holding small writes back joins
   * nothing, and waits for the peer's delayed acknowledgement; hyper leaves it off. Default true.
   */
  readonly noDelay?: boolean;
  /**
   * Let the kernel probe a connection that was idle for so long (SO_KEEPALIVE), in whole seconds: the rest is cut off.
   * 1,000 to 32,767,000. libuv decides how often it probes then: each second, ten times. Default: no probes.
   */
  readonly keepAliveMs?: number;
  /** The address to connect from; only addresses of its family are then connected to. Default: the system chooses. */
  readonly localAddress?: string;
  /**
   * The addresses to connect from, one of each family; a family that has none is then not connected to. Not together
   * with `localAddress`. Default: the system chooses.
   */
  readonly localAddresses?: LocalAddresses;
  /** The port to connect from, 1 to 65,535: only for one connection at a time to a server. Default: any free port. */
  readonly localPort?: number;
  /** How long connecting may take, names and all attempts included; 0 or `Infinity`: no limit. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** How long each attempt may take; 0 or `Infinity`: as long as `connectTimeoutMs` lets it. Default 0. */
  readonly attemptTimeoutMs?: number;
  /**
   * How long an attempt has before the next address is tried beside it; a failure starts the next at once. 0 or `Infinity`: one
   * after the other. Otherwise at least 10, as RFC 8305 section 5 demands; the value it recommends is the default, 250.
   */
  readonly happyEyeballsDelayMs?: number;
  /** How many addresses of a name are tried at most. At least 1. Default 64. */
  readonly maxAttempts?: number;
  /** Finds addresses. Default: a `cachingResolver` over a `systemResolver` for this connector alone. */
  readonly resolver?: Resolver;
  /** The clock of the limits and of the connections. Default: the shared `nodeTimer`, up to 50 ms late. */
  readonly timer?: Timer;
}

/** Options with everything filled in; no limit is `Infinity`. */
export interface TcpOptions {
  readonly enforceHttp: boolean;
  readonly noDelay: boolean;
  readonly keepAliveMs: number | undefined;
  readonly local: Readonly<Record<4 | 6, string | undefined>>;
  readonly localPort: number | undefined;
  readonly connectTimeoutMs: number;
  readonly attemptTimeoutMs: number;
  readonly delayMs: number;
  readonly maxAttempts: number;
  readonly resolver: Resolver;
  readonly timer: Timer;
}

const face = "httpConnector";
const optionNames = [
  "enforceHttp",
  "noDelay",
  "keepAliveMs",
  "localAddress",
  "localAddresses",
  "localPort",
  "connectTimeoutMs",
  "attemptTimeoutMs",
  "happyEyeballsDelayMs",
  "maxAttempts",
  "resolver",
  "timer",
] as const satisfies readonly (keyof HttpConnectorOptions)[];

/** Settings that people look for, and that Node does not reach. */
const unreachable = [
  "interface",
  "reuseAddress",
  "sendBufferBytes",
  "receiveBufferBytes",
  "userTimeoutMs",
  "keepAliveIntervalMs",
  "keepAliveProbes",
];

/** RFC 8305 section 5: the Connection Attempt Delay must not be shorter. */
const minDelayMs = 10;

/** @throws TypeError or RangeError for an unknown option or a senseless value. */
export function tcpOptions(given: HttpConnectorOptions): TcpOptions {
  for (const name of unreachable) {
    if (Object.hasOwn(given, name)) {
      throw new TypeError(`${face}: ${name} is not available, Node cannot set it for an outgoing connection`);
    }
  }
  knownOptions(face, given, optionNames);
  const timer = objectOption(face, "timer", given.timer, "schedule", () => nodeTimer);
  const delayMs = limitOption(face, "happyEyeballsDelayMs", given.happyEyeballsDelayMs, 250);
  if (delayMs < minDelayMs) {
    throw new RangeError(`${face}: happyEyeballsDelayMs must be 0 or at least ${minDelayMs}, got ${delayMs}`);
  }
  return {
    timer,
    delayMs,
    enforceHttp: flagOption(face, "enforceHttp", given.enforceHttp, true),
    noDelay: flagOption(face, "noDelay", given.noDelay, true),
    keepAliveMs: optionalWhole("keepAliveMs", given.keepAliveMs, 1_000, 32_767_000),
    local: localAddresses(given),
    localPort: optionalWhole("localPort", given.localPort, 1, 65_535),
    connectTimeoutMs: limitOption(face, "connectTimeoutMs", given.connectTimeoutMs, 10_000),
    attemptTimeoutMs: limitOption(face, "attemptTimeoutMs", given.attemptTimeoutMs, 0),
    maxAttempts: wholeOption(face, "maxAttempts", given.maxAttempts, 64, 1, Infinity),
    resolver: objectOption(face, "resolver", given.resolver, "resolve", () => cachingResolver({ timer })),
  };
}

/** What `net.connect` is told for one address; what was not asked for is left to the system. */
export function netOptions(options: TcpOptions, address: string, port: number): TcpNetConnectOpts {
  const family = isIP(address) === 6 ? 6 : 4;
  const { keepAliveMs, localPort } = options;
  const localAddress = options.local[family];
  return {
    host: address,
    port,
    family,
    allowHalfOpen: true,
    autoSelectFamily: false,
    noDelay: options.noDelay,
    ...(keepAliveMs === undefined ? {} : { keepAlive: true, keepAliveInitialDelay: keepAliveMs }),
    ...(localAddress === undefined ? {} : { localAddress }),
    ...(localPort === undefined ? {} : { localPort }),
  };
}

/** Whether `local` lets addresses of `family` be connected to. */
export function bindable(local: TcpOptions["local"], family: 4 | 6): boolean {
  return local[family] !== undefined || (local[4] === undefined && local[6] === undefined);
}

function optionalWhole(name: string, value: number | undefined, min: number, max: number): number | undefined {
  return value === undefined ? undefined : wholeOption(face, name, value, min, min, max);
}

function localAddresses({ localAddress, localAddresses: both }: HttpConnectorOptions): TcpOptions["local"] {
  if (localAddress === undefined) {
    if (both === undefined) return { 4: undefined, 6: undefined };
    knownOptions(`${face}: localAddresses`, both, ["ipv4", "ipv6"]);
    const [four, six] = [both.ipv4, both.ipv6];
    if (four !== undefined) checkFamily("localAddresses.ipv4", four, [4]);
    if (six !== undefined) checkFamily("localAddresses.ipv6", six, [6]);
    return { 4: four, 6: six };
  }
  if (both !== undefined) throw new TypeError(`${face}: localAddress and localAddresses must not be given together`);
  return checkFamily("localAddress", localAddress, [4, 6]) === 4
    ? { 4: localAddress, 6: undefined }
    : { 4: undefined, 6: localAddress };
}

function checkFamily(name: string, address: string, families: readonly number[]): number {
  const family = isIP(address);
  if (families.includes(family)) return family;
  const kinds = families.map((one) => `IPv${one}`).join(" or ");
  throw new TypeError(`${face}: ${name} must be an ${kinds} address, got ${quoted(String(address))}`);
}
