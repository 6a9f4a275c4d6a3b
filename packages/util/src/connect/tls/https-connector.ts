/**
 * TLS around what another connector makes: TCP, a Unix socket, a tunnel, or TLS again.
 *
 * Early data (0-RTT) is never sent: it could be replayed, and Node has no way to send it.
 */
import { isIP } from "node:net";
import { Extensions, HttpError } from "@sluice/core";
import { nodeStream } from "../../node/node-stream.ts";
import { nodeIo } from "../../node/socket-io.ts";
import { nodeTimer } from "../../node/timer.ts";
import { authorityOf } from "../authority.ts";
import { quoted, throwIfCanceled } from "../connect-errors.ts";
import type { Connected, Connector, ConnectTarget } from "../connector.ts";
import { httpConnector } from "../tcp/http-connector.ts";
import { handshake } from "./tls-handshake.ts";
import { tlsDetailsKey, tlsInfo } from "./tls-info.ts";
import {
  checkedAlpn,
  checkServername,
  type HttpsConnectorOptions,
  type TlsOptions,
  tlsOptions,
} from "./tls-options.ts";

/**
 * A connector for `https`, which leaves `http` to the one below it unless `httpsOnly` is set.
 *
 * The protocol that was agreed on is `Connected.alpn`, and `TlsDetails` are among the extensions, by `tlsDetailsKey`. A
 * server that knows nothing of ALPN is fine: there is no protocol then. What HTTP/2 asks of TLS is for HTTP/2 to check.
 *
 * Rejects with an `HttpError`, the original as its cause:
 * - kind `user`: `HTTPS_REQUIRED` for `http` with `httpsOnly`, `UNSUPPORTED_SCHEME` for anything else but `https`,
 *   `SERVERNAME_INVALID`, `ALPN_INVALID`;
 * - whatever `inner` rejects with;
 * - kind `timeout`, code `TLS_TIMEOUT`; kind `canceled`, code `CANCELED`;
 * - kind `connect`: `TLS_CERT_EXPIRED`, `TLS_CERT_NOT_YET_VALID`, `TLS_CERT_REVOKED`, `TLS_UNKNOWN_CA`,
 *   `TLS_SELF_SIGNED`, `TLS_HOSTNAME_MISMATCH`, `TLS_PIN_MISMATCH`, `TLS_CRL_MISSING`, `TLS_CERT_INVALID` for any other
 *   fault of a certificate; `TLS_PROTOCOL_VERSION`, `TLS_ALPN_MISMATCH`, `TLS_NOT_TLS`, `TLS_CLOSED`,
 *   `TLS_CLIENT_CERT_REQUIRED`, `TLS_CLIENT_CERT_REFUSED`, and `TLS_FAILED` for the rest.
 *
 * With TLS 1.3 a server looks at the client certificate when the handshake is complete for the client. So that one is
 * missing or not taken is no error of the connector there: reading fails later, with kind `io` and the code of Node,
 * such as `ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED`.
 *
 * @throws TypeError or RangeError for an unknown option, a senseless value, or certificates and keys that cannot be
 *   used; HttpError kind `io`, code `NO_ROOTS`, if the system's roots are asked for and there are none.
 */
export function httpsConnector(options: HttpsConnectorOptions = {}): Connector {
  const tls = tlsOptions(options);
  const inner = options.inner ?? httpConnector({ enforceHttp: false });
  if (typeof inner !== "function") {
    throw new TypeError(`httpsConnector: inner must be a connector, got ${String(inner)}`);
  }
  return async (target, signal) => {
    throwIfCanceled(signal);
    switch (target.scheme) {
      case "https":
        return await connectTls(tls, inner, target, signal);
      case "http":
        if (!tls.httpsOnly) return await inner(target, signal);
        throw new HttpError("user", "HTTPS_REQUIRED", "the scheme of the target must be https, got http");
      default:
        throw unsupported(target.scheme, tls.httpsOnly);
    }
  };
}

async function connectTls(
  options: TlsOptions,
  inner: Connector,
  target: ConnectTarget,
  signal: AbortSignal | undefined,
): Promise<Connected> {
  const name = nameFor(options, target);
  const alpn = alpnFor(options, target);
  // RFC 6066 section 3: addresses are not asked for.
  const sni = options.sni && isIP(name) === 0 ? name : undefined;
  const below = await inner(target, signal);
  const { io } = below;
  if (signal?.aborted === true) io.abort(signal.reason);
  throwIfCanceled(signal);

  const { info } = io;
  const timer = options.timer ?? io.timer ?? nodeTimer;
  const start = timer.now();
  const { socket, certificate, details } = await handshake(nodeStream(io), {
    options,
    what: `TLS with ${quoted(authorityOf(target.host, target.port))}`,
    name,
    sni,
    alpn,
    sessionKey: JSON.stringify([target.host, target.port, name, sni, alpn, options.trust]),
    timer,
    signal,
  });
  return below.over(nodeIo(socket, { info: tlsInfo(socket, info, certificate), timer: io.timer ?? nodeTimer }), {
    timings: { tlsMs: timer.now() - start },
    extensions: new Extensions().extend(below.extensions).set(tlsDetailsKey, details),
    unref: () => {
      below.unref();
      socket.unref();
    },
    ref: () => {
      below.ref();
      socket.ref();
    },
  });
}

function nameFor({ servername }: TlsOptions, target: ConnectTarget): string {
  try {
    if (typeof servername === "function") return checkServername(servername(target));
    return checkServername(servername ?? target.servername ?? target.host);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `there is no name to check the server by: ${why}`;
    throw new HttpError("user", "SERVERNAME_INVALID", message, { cause });
  }
}

function alpnFor(options: TlsOptions, target: ConnectTarget): readonly string[] {
  if (target.alpn === undefined) return options.alpn;
  try {
    return checkedAlpn("alpn of the target", target.alpn);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new HttpError("user", "ALPN_INVALID", message, { cause });
  }
}

function unsupported(scheme: string, httpsOnly: boolean): HttpError {
  const expected = httpsOnly ? "https" : "http or https";
  return new HttpError("user", "UNSUPPORTED_SCHEME", `the scheme must be ${expected}, got ${quoted(scheme)}`);
}
