/**
 * The negotiation of SOCKS4 and SOCKS4a: one request, one reply.
 */
import { HttpError } from "@sluice/core";
import { hex } from "./socks-codec.ts";
import type { SocksDialogue } from "./socks-dialogue.ts";
import { decodeSocks4Reply, encodeSocks4Connect, socks4Reason } from "./socks4-codec.ts";

/** identd has the last word on the user (0x5c, 0x5d). */
const authCodes: readonly number[] = [0x5c, 0x5d];

/** Asks for a connection to `host`, an IPv4 address or a name. */
export async function negotiateSocks4(
  dialogue: SocksDialogue,
  host: string,
  port: number,
  user: string,
): Promise<void> {
  await dialogue.send(encodeSocks4Connect(host, port, user));
  const reply = await dialogue.receive(decodeSocks4Reply);
  if (reply.granted) return;
  const { code } = reply;
  const name = authCodes.includes(code) ? "SOCKS_AUTH_FAILED" : "SOCKS_REFUSED";
  throw new HttpError("connect", name, `the SOCKS4 proxy refused with ${hex(code)}: ${socks4Reason(code)}`);
}
