/** Addresses that the program knows by itself: for tests, overrides, and names that exist nowhere else. */
import { isIP } from "node:net";
import { quoted } from "../connect-errors.ts";
import { noSuchName, withoutRootDot } from "./host-name.ts";
import type { ResolvedAddress, Resolver } from "./resolver.ts";

/** An IP address, alone or with the port that goes with it. */
export type StaticAddress = string | { readonly address: string; readonly port?: number };

/** The addresses of each name, the most preferred first. */
export type StaticAddresses = Readonly<Record<string, StaticAddress | readonly StaticAddress[]>>;

const face = "staticResolver";
const maxPort = 65_535;

/**
 * A resolver for the names in `table`, in any case and with or without the last dot; an empty list is a name that does not
 * exist. Other names are left to `fallback`; without one they fail with kind `connect`, code `ENOTFOUND`. The table is
 * read once.
 *
 * @throws TypeError for an address that is not an IP address.
 * @throws RangeError for a port that is not within 0 to 65,535; 0 is none.
 */
export function staticResolver(table: StaticAddresses, fallback?: Resolver): Resolver {
  const known = new Map<string, readonly ResolvedAddress[]>();
  for (const [host, given] of Object.entries(table)) {
    const list = Array.isArray(given) ? (given as readonly StaticAddress[]) : [given as StaticAddress];
    known.set(
      keyOf(host),
      list.map((one) => resolved(host, one)),
    );
  }
  return {
    async *resolve(host, signal) {
      const addresses = known.get(keyOf(host));
      if (addresses !== undefined && addresses.length > 0) yield addresses;
      else if (addresses === undefined && fallback !== undefined) yield* fallback.resolve(host, signal);
      else throw noSuchName(host);
    },
  };
}

function keyOf(host: string): string {
  return withoutRootDot(host).toLowerCase();
}

function resolved(host: string, given: StaticAddress): ResolvedAddress {
  const { address, port = 0 } = typeof given === "string" ? { address: given } : given;
  const family = isIP(address);
  if (family === 0) {
    throw new TypeError(
      `${face}: the addresses of ${quoted(host)} must be IP addresses, got ${quoted(String(address))}`,
    );
  }
  if (!Number.isInteger(port) || port < 0 || port > maxPort) {
    throw new RangeError(`${face}: the ports of ${quoted(host)} must be within 0 to ${maxPort}, got ${port}`);
  }
  return { address, family: family as 4 | 6, port };
}
