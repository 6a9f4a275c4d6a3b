/**
 * TCP connections: a name becomes addresses, the addresses race, the winner becomes an `Io`.
 *
 * Everything else that makes connections over a network stands on this one. It takes only plain `http` unless told
 * otherwise, so that nobody speaks without TLS to a server that was asked for with it.
 */
import { HttpError } from "@sluice/core";
import type { NodeIo } from "../../node/socket-io.ts";
import { quoted, throwIfCanceled } from "../connect-errors.ts";
import { Connected, type Connector, type ConnectTarget } from "../connector.ts";
import { checkHost, isLocalhost, isLoopback, loopbackAddresses } from "../dns/host-name.ts";
import type { ResolvedAddress, Resolver } from "../dns/resolver.ts";
import { connectingTo, timeoutConnector } from "../timeout-connector.ts";
import { dialSocket, discardIo, holdOf } from "./dial-socket.ts";
import { raceAddresses } from "./happy-eyeballs.ts";
import { bindable, type HttpConnectorOptions, netOptions, type TcpOptions, tcpOptions } from "./tcp-options.ts";

/** RFC 8305 section 3: how long A records wait for AAAA records. */
const resolutionDelayMs = 50;

const defaultPorts: ReadonlyMap<string, number> = new Map([
  ["http", 80],
  ["ws", 80],
  ["https", 443],
  ["wss", 443],
]);

type Addresses = AsyncIterable<readonly ResolvedAddress[]>;

/**
 * A connector for TCP.
 *
 * Addresses of a name are tried by RFC 8305: families take turns, an attempt that has not answered after
 * `happyEyeballsDelayMs` is joined by the next one, the first to connect wins. IP addresses are not resolved; `localhost`
 * and its subdomains are the loopback addresses, whatever the resolver says (RFC 6761 6.3). A port that comes with an
 * address is used where the port of the target is the default of its scheme.
 *
 * Rejects with an `HttpError`:
 * - kind `user`: `SCHEME_MISSING`, `SCHEME_NOT_HTTP`, `HOST_MISSING`, `HOST_INVALID`, `PORT_INVALID`;
 * - kind `connect`: the errno name of the attempt that failed first, with an `AggregateError` as its cause after
 *   several; the code of the resolver (`ENOTFOUND`, `EAI_AGAIN`, ...); `NO_LOCAL_ADDRESS` if no address is of a family
 *   with a local address; `ADDRESS_INVALID` if the resolver gives something else;
 * - kind `timeout`, code `CONNECT_TIMEOUT`; kind `canceled`, code `CANCELED`.
 *
 * @throws TypeError or RangeError for an unknown option or a senseless value.
 */
export function httpConnector(options: HttpConnectorOptions = {}): Connector {
  const settings = tcpOptions(options);
  const connect: Connector = (target, signal) => connectTcp(settings, target, signal);
  const limited = timeoutConnector(connect, settings.connectTimeoutMs, { timer: settings.timer });
  return async (target, signal) => {
    throwIfCanceled(signal);
    checkTarget(target, settings.enforceHttp);
    return await limited(target, signal);
  };
}

async function connectTcp(
  options: TcpOptions,
  target: ConnectTarget,
  signal: AbortSignal | undefined,
): Promise<Connected> {
  const what = connectingTo(target);
  const family = checkHost(target.host);
  const { connection, resolvedMs, connectedMs } = await raceAddresses<NodeIo>(
    {
      addresses: (ended) => {
        const found = family === 0 ? resolve(options.resolver, target.host, ended) : literal(target.host, family);
        return reachable(found, options, what);
      },
      dial: ({ address, port }, ended) => {
        const to = portFor(target, port);
        return dialSocket(netOptions(options, address, to), options.timer, ended, `${what} at ${address}`);
      },
      discard: discardIo,
      timer: options.timer,
      delayMs: options.delayMs,
      resolutionDelayMs,
      attemptTimeoutMs: options.attemptTimeoutMs,
      maxAttempts: options.maxAttempts,
      what,
    },
    signal,
  );
  return new Connected(connection, {
    timings: { dnsMs: family === 0 ? resolvedMs : undefined, tcpMs: connectedMs },
    ...holdOf(connection),
  });
}

function checkTarget({ scheme, host, port }: ConnectTarget, enforceHttp: boolean): void {
  if (scheme === "") throw new HttpError("user", "SCHEME_MISSING", "the target must have a scheme, but it is empty");
  if (enforceHttp && scheme !== "http") {
    throw new HttpError("user", "SCHEME_NOT_HTTP", `the scheme of the target must be "http", got ${quoted(scheme)}`);
  }
  checkHost(host);
  if (!(Number.isInteger(port) && port >= 1 && port <= 65_535)) {
    throw new HttpError("user", "PORT_INVALID", `the port of the target must be within 1 to 65535, got ${port}`);
  }
}

function portFor(target: ConnectTarget, resolved: number | undefined): number {
  return resolved && target.port === defaultPorts.get(target.scheme) ? resolved : target.port;
}

async function* literal(address: string, family: 4 | 6): AsyncGenerator<readonly ResolvedAddress[], void> {
  yield [{ address, family }];
}

async function* resolve(
  resolver: Resolver,
  host: string,
  signal: AbortSignal,
): AsyncGenerator<readonly ResolvedAddress[], void> {
  const name = host.toLowerCase();
  if (isLocalhost(name)) yield await loopback(resolver.resolve(name, signal));
  else yield* resolver.resolve(name, signal);
}

/** RFC 6761 6.3: the loopback addresses that the resolver gives (hosts without IPv6 give one), or else both. */
async function loopback(found: Addresses): Promise<readonly ResolvedAddress[]> {
  const local: ResolvedAddress[] = [];
  try {
    for await (const batch of found) local.push(...batch.filter(({ address }) => isLoopback(address)));
  } catch {
    // Nobody has to know the name.
  }
  return local.length > 0 ? local : loopbackAddresses;
}

/** Leaves out what no local address can reach. */
async function* reachable(
  found: Addresses,
  { local }: TcpOptions,
  what: string,
): AsyncGenerator<readonly ResolvedAddress[], void> {
  let dropped = 0;
  let kept = 0;
  for await (const batch of found) {
    const usable = batch.filter(({ family }) => bindable(local, family));
    kept += usable.length;
    dropped += batch.length - usable.length;
    yield usable;
  }
  if (kept > 0 || dropped === 0) return;
  const families = local[4] === undefined ? "IPv6" : "IPv4";
  const message = `${what} failed: connections are made from an ${families} address, and it has none to connect to`;
  throw new HttpError("connect", "NO_LOCAL_ADDRESS", message);
}
