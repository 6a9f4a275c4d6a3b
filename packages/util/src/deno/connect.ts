/** Makes connections with `Deno.connect`, and TLS on top with `Deno.startTls`. */
import type { Io } from "@sluice/core";
import { knownOptions } from "../options.ts";
import { connectTimeout, dialWithin } from "../portable/dial.ts";
import { type ConnectOptions, checkPlace, connectNames } from "../portable/options.ts";
import { portableTimer } from "../portable/timer.ts";
import { defaultAlpnProtocols, type TlsConnectOptions } from "../portable/tls.ts";
import { connInfo, DenoIo } from "./conn-io.ts";
import { type DenoConn, type DenoPlace, denoRuntime } from "./runtime.ts";

interface Made {
  readonly conn: DenoConn;
  readonly alpnProtocol: string | null | undefined;
}

/**
 * Connects, with TLS to the end of the handshake.
 *
 * Rejects with an `HttpError`: kind `io` with the errno name (`ECONNREFUSED`, ...) or Deno's name for the error as its
 * code; kind `timeout`, code `CONNECT_TIMEOUT`; kind `canceled`, code `CONNECT_CANCELED`. Rejects with TypeError or
 * RangeError for options that make no sense, and where there is no Deno.
 */
export async function connect(options: ConnectOptions): Promise<Io> {
  knownOptions("connect", options, connectNames);
  checkPlace(options, 1);
  const { host = "localhost", port, path, tls, signal } = options;
  if (port === undefined && path === undefined) throw new TypeError("connect: needs a port or a path");
  const timer = options.timer ?? portableTimer;
  const timeoutMs = connectTimeout(options.connectTimeoutMs);
  const place: DenoPlace = path === undefined ? { hostname: host, port: Number(port) } : { path, transport: "unix" };
  const rules = tls === undefined || tls === false ? undefined : tls === true ? {} : tls;
  const runtime = denoRuntime();
  let pending: DenoConn | undefined;

  const dial = async (): Promise<Made> => {
    const plain = await runtime.connect(place);
    plain.setNoDelay?.(true);
    if (rules === undefined) return { conn: plain, alpnProtocol: undefined };
    pending = plain;
    const conn = await runtime.startTls(plain, clientTls(rules, host));
    pending = conn;
    const shaken = await conn.handshake?.();
    pending = undefined;
    return { conn, alpnProtocol: shaken?.alpnProtocol ?? null };
  };
  const abandon = (): void => {
    if (pending !== undefined) close(pending);
  };
  const dialing = dial();
  dialing.catch(abandon);
  const limits = { timer, timeoutMs, signal };
  const { conn, alpnProtocol } = await dialWithin(limits, dialing, (late) => close(late.conn), abandon);
  return new DenoIo(conn, connInfo(conn, alpnProtocol), timer);
}

function clientTls(
  tls: TlsConnectOptions,
  host: string,
): { hostname: string; caCerts?: string[]; alpnProtocols: string[] } {
  const { serverName = host, ca, alpnProtocols = defaultAlpnProtocols } = tls;
  const rules = { hostname: serverName, alpnProtocols: [...alpnProtocols] };
  return ca === undefined ? rules : { ...rules, caCerts: [ca] };
}

function close(conn: DenoConn): void {
  try {
    conn.close();
  } catch {
    // It is closed, or belongs to the TLS session now.
  }
}
