/**
 * What may be asked of a proxy. The proxy takes the name or address as it is given, so it is checked before anybody is asked.
 */
import { HttpError } from "@sluice/core";
import { quoted } from "../connect-errors.ts";
import type { ConnectTarget } from "../connector.ts";
import { checkHost } from "../dns/host-name.ts";

/**
 * The family of the target's host if it is an IP address, or 0 if it is a name.
 *
 * @throws HttpError kind `user`: code `HOST_MISSING` if it is empty, `HOST_INVALID` if it is neither name nor address, or is
 *   an address with a zone, which means something on this machine only; `PORT_INVALID` for a port outside 1 to 65,535.
 */
export function checkProxyTarget({ host, port }: ConnectTarget): 0 | 4 | 6 {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new HttpError("user", "PORT_INVALID", `the port of the target must be 1 to 65535, got ${String(port)}`);
  }
  const family = checkHost(host);
  if (family !== 6 || !host.includes("%")) return family;
  const message = `the host of the target has a zone, which a proxy cannot know: ${quoted(host)}`;
  throw new HttpError("user", "HOST_INVALID", message);
}
