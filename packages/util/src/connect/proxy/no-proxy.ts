/**
 * The hosts that are reached without a proxy: the list in `NO_PROXY`.
 *
 * There is no standard. This takes what curl, Go and hyper have in common, and of what they do not share that which matches
 * more, for a host that is named here was not meant to be told to a proxy.
 */
import { BlockList, isIP } from "node:net";
import { isLocalhost, isLoopback, withoutRootDot } from "../dns/host-name.ts";

/** One entry that names a host: itself, everything below it, and one port or any. */
interface DomainEntry {
  readonly domain: string;
  readonly port: number | undefined;
}

/** An address or a network, with one port or any. */
interface AddressEntry {
  readonly addresses: BlockList;
  readonly port: number | undefined;
}

export class NoProxy {
  readonly #text: string;
  readonly #domains: DomainEntry[] = [];
  readonly #addresses: AddressEntry[] = [];
  #all = false;

  /**
   * @param list entries with commas or white space between them. `*` is every host. An IP address is itself, and with a
   *   prefix length (`10.0.0.0/8`, `fd00::/8`) its network; brackets around IPv6 are ignored. A domain is itself and all its
   *   subdomains, in any case; a leading `.` or `*.` changes nothing. Each but networks may have a port, `host:8080` or
   *   `[::1]:8080`, and then stands for that port only. Entries that are none of these are ignored.
   */
  constructor(list: string) {
    this.#text = list;
    // Entries with any port share one list.
    const anyPort = new BlockList();
    for (const entry of list.split(/[\s,]+/)) if (entry !== "") this.#add(entry, anyPort);
    this.#addresses.push({ addresses: anyPort, port: undefined });
  }

  /** Whether `host`, with or without brackets around IPv6, is reached without a proxy on `port`. */
  matches(host: string, port: number): boolean {
    if (this.#all) return true;
    const plain = plainHost(host);
    const family = isIP(plain);
    if (family !== 0) {
      return this.#addresses.some(
        (entry) => onPort(entry.port, port) && entry.addresses.check(plain, familyName(family)),
      );
    }
    return this.#domains.some((entry) => onPort(entry.port, port) && isWithin(plain, entry.domain));
  }

  toString(): string {
    return this.#text;
  }

  #add(entry: string, anyPort: BlockList): void {
    if (entry === "*") {
      this.#all = true;
      return;
    }
    const slash = entry.indexOf("/");
    if (slash >= 0) {
      addNetwork(anyPort, plainHost(entry.slice(0, slash)), entry.slice(slash + 1));
      return;
    }
    const { host, port } = splitPort(entry);
    const plain = plainHost(host);
    const family = isIP(plain);
    if (family === 0) {
      const domain = plain.replace(/^\*?\./, "");
      if (domain !== "") this.#domains.push({ domain, port });
    } else if (port === undefined) {
      anyPort.addAddress(plain, familyName(family));
    } else {
      const addresses = new BlockList();
      addresses.addAddress(plain, familyName(family));
      this.#addresses.push({ addresses, port });
    }
  }
}

/** Whether `host` is this machine: `localhost` and what is below it, 127.0.0.0/8, ::1. */
export function isThisMachine(host: string): boolean {
  const plain = plainHost(host);
  return isLocalhost(plain) || isLoopback(plain);
}

/** `notgoogle.com` is not within `google.com`. */
function isWithin(host: string, domain: string): boolean {
  return host === domain || (host.endsWith(domain) && host.charCodeAt(host.length - domain.length - 1) === 0x2e);
}

/** As it is compared: lower-case, without brackets, without the zone of an address, without the dot of the root. */
function plainHost(host: string): string {
  const inner = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
  const zone = isIP(inner) === 6 ? inner.indexOf("%") : -1;
  return withoutRootDot(zone < 0 ? inner : inner.slice(0, zone)).toLowerCase();
}

/** An IPv6 address without brackets has colons and no port. */
function splitPort(entry: string): { readonly host: string; readonly port: number | undefined } {
  const match = isIP(entry) === 6 ? null : /^(.+):([0-9]{1,5})$/.exec(entry);
  if (match === null) return { host: entry, port: undefined };
  return { host: match[1] as string, port: Number(match[2]) };
}

function addNetwork(list: BlockList, address: string, prefix: string): void {
  const family = isIP(address);
  if (family === 0 || !/^[0-9]{1,3}$/.test(prefix) || Number(prefix) > (family === 4 ? 32 : 128)) return;
  list.addSubnet(address, Number(prefix), familyName(family));
}

function onPort(wanted: number | undefined, port: number): boolean {
  return wanted === undefined || wanted === port;
}

function familyName(family: number): "ipv4" | "ipv6" {
  return family === 4 ? "ipv4" : "ipv6";
}
