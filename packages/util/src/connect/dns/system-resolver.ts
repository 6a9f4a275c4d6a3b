/**
 * The resolver of the operating system: `getaddrinfo`, which knows `/etc/hosts`, search domains, mDNS and whatever else
 * the system is set up for, and has sorted its answer by RFC 6724.
 *
 * It blocks one of the (by default four) threads of libuv's pool for as long as it takes, cannot be interrupted, and
 * knows no lifetimes: use it below `cachingResolver`.
 */
import { lookup as nodeLookup } from "node:dns";
import { isIP } from "node:net";
import { knownOptions } from "../../options.ts";
import { connectError, quoted } from "../connect-errors.ts";
import { isLocalhost } from "./host-name.ts";
import type { ResolvedAddress, Resolver } from "./resolver.ts";

/** A function in the shape of `dns.lookup`, as far as it is used here. */
export type LookupFunction = (
  host: string,
  options: { readonly all: true; readonly verbatim: true },
  done: (error: Error | null, addresses: readonly { readonly address: string; readonly family: number }[]) => void,
) => void;

/** What `systemResolver` may be told. */
export interface SystemResolverOptions {
  /** Asked instead of the system. Default: `dns.lookup`. */
  readonly lookup?: LookupFunction;
}

const face = "systemResolver";

/**
 * A resolver that asks the operating system, and gives both families in one batch, in the order of the answer.
 * Subdomains of `localhost` are looked up as `localhost`: nobody else is to be asked for them (RFC 6761 6.3).
 *
 * Fails with kind `connect` and the code of the system: `ENOTFOUND`, `EAI_AGAIN`, ...
 *
 * @throws TypeError for an unknown option or a `lookup` that is not a function.
 */
export function systemResolver(options: SystemResolverOptions = {}): Resolver {
  knownOptions(face, options, ["lookup"]);
  const lookup: LookupFunction = options.lookup ?? nodeLookup;
  if (typeof lookup !== "function") throw new TypeError(`${face}: lookup must be a function, got ${String(lookup)}`);
  return {
    async *resolve(host) {
      yield await new Promise<readonly ResolvedAddress[]>((resolve, reject) => {
        lookup(isLocalhost(host) ? "localhost" : host, { all: true, verbatim: true }, (error, found) => {
          if (error) reject(connectError(error, `resolving ${quoted(host)}`));
          else resolve(found.map(({ address }) => ({ address, family: isIP(address) === 6 ? 6 : 4 })));
        });
      });
    },
  };
}
