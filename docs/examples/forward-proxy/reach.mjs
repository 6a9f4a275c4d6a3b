// Where the proxy leads to, and where it does not. Whoever can make it connect to a place sees that place as it does: without these
// rules that would be every service that trusts its own network.

import { lookup } from "node:dns/promises";
import { BlockList } from "node:net";
import { HttpError } from "@sluice/core";
import { httpConnector } from "@sluice/util/connect";

/** Addresses of this machine and of networks that are nobody else's (RFC 6890). */
const inside = new BlockList();
const inside4 = { "0.0.0.0": 8, "10.0.0.0": 8, "100.64.0.0": 10, "127.0.0.0": 8, "169.254.0.0": 16, "172.16.0.0": 12 };
for (const [net, bits] of Object.entries({ ...inside4, "192.168.0.0": 16 })) inside.addSubnet(net, bits);
for (const [net, bits] of Object.entries({ "::": 127, "fc00::": 7, "fe80::": 10 })) inside.addSubnet(net, bits, "ipv6");

const notAllowed = () => new HttpError("connect", "NOT_ALLOWED", "the proxy does not lead there");

/**
 * A connector that leads to the places in `allowed` only: `host:port`, or `*:port` for any host. It looks names up itself, so
 * that the address that is checked is the one that is connected to, whatever the name means the next moment.
 */
export function reach(allowed, { allowsPrivate }) {
  const tcp = httpConnector();
  return async ({ host, ...target }, signal) => {
    if (!allowed.includes(`${host}:${target.port}`) && !allowed.includes(`*:${target.port}`)) throw notAllowed();
    const { address, family } = await lookup(host).catch((cause) => {
      throw new HttpError("connect", "NO_ADDRESS", "the name has no address", { cause });
    });
    if (!allowsPrivate && inside.check(address, `ipv${family}`)) throw notAllowed();
    return tcp({ ...target, host: address }, signal);
  };
}
