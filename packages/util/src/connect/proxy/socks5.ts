/**
 * The negotiation of SOCKS5 (RFC 1928 sections 3 to 6, RFC 1929).
 */
import { HttpError } from "@sluice/core";
import type { ProxyAuth } from "./proxy-use.ts";
import { hex } from "./socks-codec.ts";
import type { SocksDialogue } from "./socks-dialogue.ts";
import {
  decodeSocks5AuthStatus,
  decodeSocks5Method,
  decodeSocks5Reply,
  encodeSocks5Auth,
  encodeSocks5Connect,
  encodeSocks5Greeting,
  NO_AUTH,
  NO_METHOD,
  socks5Reason,
  USER_PASSWORD,
} from "./socks5-codec.ts";

/**
 * Asks for a connection to `host`, an IP address or a name.
 *
 * @param optimistic everything is written at once. So there can be no choice of method: with `auth`, only that is offered.
 */
export async function negotiateSocks5(
  dialogue: SocksDialogue,
  host: string,
  port: number,
  auth: ProxyAuth | undefined,
  optimistic: boolean,
): Promise<void> {
  const request = encodeSocks5Connect(host, port);
  const credentials = auth && encodeSocks5Auth(auth);
  const methods = auth === undefined ? [NO_AUTH] : optimistic ? [USER_PASSWORD] : [NO_AUTH, USER_PASSWORD];
  const greeting = encodeSocks5Greeting(methods);
  await dialogue.send(optimistic ? Buffer.concat([greeting, credentials ?? new Uint8Array(0), request]) : greeting);

  const method = await dialogue.receive((bytes) => decodeSocks5Method(bytes, methods));
  if (method === NO_METHOD) throw noMethod(auth);
  if (method === USER_PASSWORD && credentials !== undefined) {
    if (!optimistic) await dialogue.send(credentials);
    const taken = await dialogue.receive(decodeSocks5AuthStatus);
    if (!taken) throw new HttpError("connect", "SOCKS_AUTH_FAILED", "the SOCKS5 proxy does not take these credentials");
  }
  if (!optimistic) await dialogue.send(request);
  const reply = await dialogue.receive(decodeSocks5Reply);
  if (reply.granted) return;
  const { code } = reply;
  const message = `the SOCKS5 proxy refused with ${hex(code)}: ${socks5Reason(code)}`;
  throw new HttpError("connect", "SOCKS_REFUSED", message);
}

function noMethod(auth: ProxyAuth | undefined): HttpError {
  return auth === undefined
    ? new HttpError("connect", "SOCKS_AUTH_REQUIRED", "the SOCKS5 proxy wants credentials")
    : new HttpError("connect", "SOCKS_AUTH_UNSUPPORTED", "the SOCKS5 proxy takes no user and password");
}
