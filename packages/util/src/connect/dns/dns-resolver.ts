/**
 * Names by DNS queries of our own (c-ares), beside the thread pool: A and AAAA are asked for at the same time, given as
 * they come, and have lifetimes.
 *
 * What only the operating system knows stays unknown: `/etc/hosts` is not read, search domains are not tried, mDNS is
 * not asked, and the order is that of the server, not that of RFC 6724.
 */
import { Resolver as CaresResolver, type RecordWithTtl } from "node:dns";
import type { HttpError } from "@sluice/core";
import { knownOptions, wholeOption } from "../../options.ts";
import { connectError, quoted } from "../connect-errors.ts";
import { isLocalhost, loopbackAddresses, noSuchName } from "./host-name.ts";
import type { ResolvedAddress, Resolver } from "./resolver.ts";

/** What `dnsResolver` may be told. */
export interface DnsResolverOptions {
  /** The servers to ask: IP addresses, with a port as in `127.0.0.1:5353` or `[::1]:5353`. Default: those of the system. */
  readonly servers?: readonly string[];
  /** How long a server has for the first try, in milliseconds; later tries get more. 1 to 60,000. Default 2,000. */
  readonly timeoutMs?: number;
  /** How often each server is asked. 1 to 10. Default 2. */
  readonly tries?: number;
}

const face = "dnsResolver";

type Answer = readonly ResolvedAddress[] | HttpError;

/**
 * A resolver that sends DNS queries, and gives each family as it comes. `localhost` and its subdomains are answered
 * with the loopback addresses, without asking (RFC 6761 6.3).
 *
 * A family that has no records, or whose query fails, is left out while the other one has addresses. Without any
 * address it fails with kind `connect` and a code of c-ares: what may pass (`ESERVFAIL`, `ETIMEOUT`, `ECONNREFUSED`,
 * ...) rather than `ENOTFOUND` (no such name) rather than `ENODATA` (no address).
 *
 * @throws TypeError or RangeError for an unknown option or a senseless value.
 */
export function dnsResolver(options: DnsResolverOptions = {}): Resolver {
  knownOptions(face, options, ["servers", "timeoutMs", "tries"]);
  const cares = new CaresResolver({
    timeout: wholeOption(face, "timeoutMs", options.timeoutMs, 2_000, 1, 60_000),
    tries: wholeOption(face, "tries", options.tries, 2, 1, 10),
  });
  if (options.servers !== undefined) setServers(cares, options.servers);
  return {
    async *resolve(host) {
      if (isLocalhost(host)) {
        yield loopbackAddresses;
        return;
      }
      const six = ask(cares, host, 6);
      const four = ask(cares, host, 4);
      const first = await Promise.race([six, four]);
      const found = Array.isArray(first) && first.length > 0;
      if (found) yield first;
      const [sixth, fourth] = await Promise.all([six, four]);
      const second = first === sixth ? fourth : sixth;
      if (Array.isArray(second) && second.length > 0) yield second;
      else if (!found) throw worst([sixth, fourth]) ?? noSuchName(host);
    },
  };
}

function ask(cares: CaresResolver, host: string, family: 4 | 6): Promise<Answer> {
  return new Promise((resolve) => {
    const done = (error: Error | null, records: readonly RecordWithTtl[]): void => {
      if (error) resolve(connectError(error, `resolving ${quoted(host)}`));
      else resolve(records.map(({ address, ttl }) => ({ address, family, ttlMs: ttl * 1000 })));
    };
    if (family === 6) cares.resolve6(host, { ttl: true }, done);
    else cares.resolve4(host, { ttl: true }, done);
  });
}

/** The failure that says most: what may pass, then that there is no such name, then that it has no address. */
function worst(answers: readonly Answer[]): HttpError | undefined {
  const failures = answers.filter((answer): answer is HttpError => answer instanceof Error);
  const rank = ({ code }: HttpError): number => (code === "ENODATA" ? 2 : code === "ENOTFOUND" ? 1 : 0);
  failures.sort((one, other) => rank(one) - rank(other));
  return failures[0];
}

function setServers(cares: CaresResolver, servers: readonly string[]): void {
  if (!Array.isArray(servers) || servers.length === 0 || !servers.every((server) => typeof server === "string")) {
    throw new TypeError(`${face}: servers must be a list of at least one address`);
  }
  try {
    cares.setServers(servers);
  } catch (error) {
    throw new TypeError(`${face}: servers must be IP addresses, got ${servers.map(quoted).join(", ")}`, {
      cause: error,
    });
  }
}
