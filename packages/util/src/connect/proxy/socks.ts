/**
 * Connections through a SOCKS proxy, of version 4 or 5, over any transport.
 */
import { HttpError, type Io } from "@sluice/core";
import { nodeTimer } from "../../node/timer.ts";
import { flagOption, knownOptions, limitOption, objectOption } from "../../options.ts";
import { connectError, quoted } from "../connect-errors.ts";
import type { Connector, ConnectTarget } from "../connector.ts";
import { noSuchName } from "../dns/host-name.ts";
import type { Resolver } from "../dns/resolver.ts";
import { systemResolver } from "../dns/system-resolver.ts";
import { defaultInner } from "./proxy-hop.ts";
import { withinLimits } from "./proxy-limits.ts";
import { checkProxyTarget } from "./proxy-target.ts";
import { parseProxy } from "./proxy-url.ts";
import type { ProxyAuth, ProxyUse } from "./proxy-use.ts";
import { SocksDialogue } from "./socks-dialogue.ts";
import { negotiateSocks4 } from "./socks4.ts";
import { negotiateSocks5 } from "./socks5.ts";

/** What `socks` may be told. */
export interface SocksOptions {
  /**
   * The URL of the proxy. With `socks4` and `socks5` names are resolved here, with `socks4a` and `socks5h` by the proxy. The
   * default port is 1080. Before an `@` may stand user and password for version 5, or the user for version 4.
   */
  readonly proxy: string | URL | ProxyUse;
  /** How the proxy is reached. Default: `httpConnector`. */
  readonly inner?: Connector | undefined;
  /** User and password, up to 255 octets each; version 4 has no password. Default: what is in the URL. */
  readonly auth?: ProxyAuth | undefined;
  /** Resolves names with `socks4` and `socks5`. Default: `systemResolver()`. */
  readonly resolver?: Resolver | undefined;
  /**
   * Version 5: greeting, credentials and request are written at once, which saves up to two round trips. A proxy that wants
   * another method of authentication than was guessed then refuses, and one that takes each read for one message, as microsocks
   * does, never answers. Default false.
   */
  readonly optimistic?: boolean | undefined;
  /**
   * Longest time for the answers of the proxy once it is connected, and, before that, for resolving the name; in milliseconds,
   * 0 for no limit. Default 10,000.
   */
  readonly timeoutMs?: number | undefined;
}

const face = "socks";
const optionNames = ["proxy", "inner", "auth", "resolver", "optimistic", "timeoutMs"];
const defaultTimeoutMs = 10_000;

/**
 * Makes a connector that leads through a SOCKS proxy, to any target. A name that is resolved here is tried at its first address
 * of a family that the version knows, and there only. The `io.info` of what it makes is about the connection to the proxy.
 *
 * Rejects with kind `connect`: `SOCKS_REFUSED` with the reason the proxy gives, `SOCKS_AUTH_REQUIRED`, `SOCKS_AUTH_FAILED`,
 * `SOCKS_AUTH_UNSUPPORTED` if it takes no user and password, `SOCKS_IPV6_UNSUPPORTED` for an IPv6 target with version 4,
 * `SOCKS_CLOSED` if it ends the connection within an answer, `SOCKS_PROTOCOL` if it does not speak SOCKS, or what `inner`,
 * `resolver` and the transport say; kind `user` for a target that cannot be named; kind `timeout` and `canceled` as every
 * connector.
 *
 * @throws TypeError or RangeError for options that make no sense; credentials are not shown.
 */
export function socks(options: SocksOptions): Connector {
  knownOptions(face, options, optionNames);
  const proxy = parseProxy(options.proxy, `${face}: proxy`, options.auth);
  if (proxy.isHttp) throw new TypeError(`${face}: proxy must be one of SOCKS, but is one of ${proxy.scheme}`);
  const resolver = objectOption(face, "resolver", options.resolver, "resolve", systemResolver);
  const optimistic = flagOption(face, "optimistic", options.optimistic, false);
  const timeoutMs = limitOption(face, "timeoutMs", options.timeoutMs, defaultTimeoutMs);
  const inner = options.inner ?? defaultInner();
  const resolvesHere = proxy.scheme === "socks4" || proxy.scheme === "socks5";
  const onlyIpv4 = proxy.scheme === "socks4" || proxy.scheme === "socks4a";
  const negotiate = (dialogue: SocksDialogue, host: string, port: number): Promise<void> =>
    onlyIpv4
      ? negotiateSocks4(dialogue, host, port, proxy.auth?.username ?? "")
      : negotiateSocks5(dialogue, host, port, proxy.auth, optimistic);

  return async (target, signal) => {
    const family = checkProxyTarget(target);
    if (onlyIpv4 && family === 6) throw ipv6Unsupported(target);
    let host = target.host;
    let dnsMs: number | undefined;
    if (family === 0 && resolvesHere) {
      const start = nodeTimer.now();
      const limits = { timer: nodeTimer, signal, timeoutMs, what: `resolving ${quoted(host)}` };
      host = await withinLimits(limits, () => resolve(resolver, target, onlyIpv4, signal), ignore);
      dnsMs = nodeTimer.now() - start;
    }
    const connected = await reach(inner, proxy, signal);
    const { io } = connected;
    const timer = io.timer ?? nodeTimer;
    const start = timer.now();
    const tunnelled = await withinLimits(
      { timer, signal, timeoutMs, what: `asking the proxy ${proxy} for a connection` },
      () => ask(io, (dialogue) => negotiate(dialogue, host, target.port), proxy),
      (error) => io.abort(error),
    );
    const proxyMs = (connected.timings.proxyMs ?? 0) + timer.now() - start;
    const timings = dnsMs === undefined ? { proxyMs } : { proxyMs, dnsMs };
    return connected.over(tunnelled, { timings, proxied: false, proxyFields: [] });
  };
}

async function reach(inner: Connector, proxy: ProxyUse, signal: AbortSignal | undefined): ReturnType<Connector> {
  try {
    return await inner({ scheme: "http", host: proxy.host, port: proxy.port }, signal);
  } catch (cause) {
    throw connectError(cause, `connecting to the proxy ${proxy}`);
  }
}

async function ask(io: Io, negotiate: (dialogue: SocksDialogue) => Promise<void>, proxy: ProxyUse): Promise<Io> {
  const dialogue = new SocksDialogue(io);
  try {
    await negotiate(dialogue);
  } catch (cause) {
    throw connectError(cause, `asking the proxy ${proxy}`);
  }
  return dialogue.leave();
}

/** The first address of a family that will do. */
async function resolve(
  resolver: Resolver,
  target: ConnectTarget,
  onlyIpv4: boolean,
  signal: AbortSignal | undefined,
): Promise<string> {
  let found = false;
  try {
    for await (const batch of resolver.resolve(target.host, signal)) {
      for (const { address, family } of batch) {
        if (!onlyIpv4 || family === 4) return address;
        found = true;
      }
    }
  } catch (cause) {
    if (!found) throw connectError(cause, `resolving ${quoted(target.host)}`);
  }
  throw found ? ipv6Unsupported(target) : noSuchName(target.host);
}

function ipv6Unsupported({ host }: ConnectTarget): HttpError {
  const message = `SOCKS4 knows IPv4 only, and ${quoted(host)} has an IPv6 address only`;
  return new HttpError("connect", "SOCKS_IPV6_UNSUPPORTED", message);
}

function ignore(): void {}
