/** Makes connections with `Bun.connect`. */
import type { Io } from "@sluice/core";
import { knownOptions } from "../options.ts";
import { connectTimeout, dialWithin } from "../portable/dial.ts";
import { type ConnectOptions, checkPlace, connectNames } from "../portable/options.ts";
import { portableTimer } from "../portable/timer.ts";
import { defaultAlpnProtocols, type TlsConnectOptions } from "../portable/tls.ts";
import { transportError } from "../transport-error.ts";
import { Handshake } from "./handshake.ts";
import { alpnList, type BunTls, bunRuntime } from "./runtime.ts";
import { BunIo, socketHandlers } from "./socket-io.ts";

/**
 * Connects, with TLS to the end of the handshake.
 *
 * Rejects with an `HttpError`: kind `io` with the errno name (`ECONNREFUSED`, ...) or the name of what is wrong with the
 * certificate as its code; kind `timeout`, code `CONNECT_TIMEOUT`; kind `canceled`, code `CONNECT_CANCELED`. Rejects with
 * TypeError or RangeError for options that make no sense, and where there is no Bun.
 */
export async function connect(options: ConnectOptions): Promise<Io> {
  knownOptions("connect", options, connectNames);
  checkPlace(options, 1);
  const { host = "localhost", port, path, tls, signal } = options;
  if (port === undefined && path === undefined) throw new TypeError("connect: needs a port or a path");
  const timer = options.timer ?? portableTimer;
  const timeoutMs = connectTimeout(options.connectTimeoutMs);
  const place = path === undefined ? { hostname: host, port: Number(port) } : { unix: path };
  const rules = tls === undefined || tls === false ? undefined : clientTls(tls === true ? {} : tls, host);
  const runtime = bunRuntime();
  let handshake: Handshake | undefined;
  const dialing = new Promise<BunIo>((resolve, reject) => {
    const socket = socketHandlers((opened) => {
      if (rules === undefined) {
        opened.setNoDelay?.(true);
        resolve(new BunIo(opened, false, timer));
      } else {
        handshake = new Handshake(opened, true, (error) => {
          if (error === undefined) resolve(new BunIo(opened, true, timer));
          else reject(error);
        });
      }
    });
    const connectError = (_socket: unknown, error: unknown): void => reject(transportError(error, "CONNECT_FAILED"));
    const secure = rules === undefined ? {} : { tls: rules };
    runtime.connect({ ...place, ...secure, allowHalfOpen: true, socket: { ...socket, connectError } }).catch(reject);
  });
  return dialWithin<Io>({ timer, timeoutMs, signal }, dialing, discard, (error) => handshake?.fail(error));
}

function discard(late: Io): void {
  late.abort();
}

function clientTls(tls: TlsConnectOptions, host: string): BunTls {
  const { serverName = host, ca, alpnProtocols = defaultAlpnProtocols } = tls;
  const rules = { serverName, rejectUnauthorized: true, ALPNProtocols: alpnList(alpnProtocols) };
  return ca === undefined ? rules : { ...rules, ca };
}
