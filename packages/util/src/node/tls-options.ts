/**
 * What a listener is told about TLS, checked and turned into a `tls.Server` that never listens: it only makes handshakes
 * on sockets it is given, and stands for one set of certificates, protocols and rules.
 */

import { Buffer } from "node:buffer";
import { createServer, type SecureContext, type Server, type TlsOptions } from "node:tls";
import { atLeast } from "./listen-options.ts";

/** Options of `tls.createServer` that are passed on as they are. */
type PassedOn = Pick<
  TlsOptions,
  | "cert"
  | "key"
  | "passphrase"
  | "pfx"
  | "ca"
  | "crl"
  | "ciphers"
  | "honorCipherOrder"
  | "ecdhCurve"
  | "dhparam"
  | "sigalgs"
  | "minVersion"
  | "maxVersion"
  | "secureOptions"
  | "sessionTimeout"
  | "ticketKeys"
  | "requestCert"
  | "rejectUnauthorized"
  | "SNICallback"
>;

/** Each of them; the compiler sees that none is missing. */
const passedOn: Readonly<Record<keyof PassedOn, true>> = {
  cert: true,
  key: true,
  passphrase: true,
  pfx: true,
  ca: true,
  crl: true,
  ciphers: true,
  honorCipherOrder: true,
  ecdhCurve: true,
  dhparam: true,
  sigalgs: true,
  minVersion: true,
  maxVersion: true,
  secureOptions: true,
  sessionTimeout: true,
  ticketKeys: true,
  requestCert: true,
  rejectUnauthorized: true,
  SNICallback: true,
};

const names: readonly string[] = [...Object.keys(passedOn), "alpn", "handshakeTimeoutMs"];

/**
 * TLS on the server's side. Needs `cert` and `key`, or `pfx`, or an `SNICallback` (which serves only clients that name
 * a server). The options not described here mean what they mean for `tls.createServer` of Node.
 */
export interface TlsServerOptions extends Readonly<PassedOn> {
  /**
   * Protocols to agree on, the preferred one first (RFC 7301). A client that offers others only fails the handshake
   * with `no_application_protocol`; one that offers none is accepted. An empty list agrees on none with anybody.
   * Default `["h2", "http/1.1", "http/1.0"]`; for a server of one version leave out the other.
   */
  readonly alpn?: readonly string[];
  /** Milliseconds from the accept to the end of the handshake. At least 1. Default 10,000. */
  readonly handshakeTimeoutMs?: number;
}

const defaultAlpn: readonly string[] = ["h2", "http/1.1", "http/1.0"];
const defaultHandshakeTimeoutMs = 10_000;
/** Node's own limit starts anew with every byte and has a clock of its own; it is put out of the way. */
const maxTimeoutMs = 2 ** 31 - 1;

/** One set of TLS options in use. */
export interface HandshakeServer {
  readonly server: Server;
  readonly timeoutMs: number;
}

/** @throws TypeError or RangeError when an option is not valid or the certificate cannot be used. */
export function handshakeServer(options: TlsServerOptions): HandshakeServer {
  for (const name of Object.keys(options)) {
    if (!names.includes(name))
      throw new TypeError(`tls.${name}: is not an option; expected one of ${names.join(", ")}`);
  }
  const { alpn = defaultAlpn, handshakeTimeoutMs = defaultHandshakeTimeoutMs, SNICallback, ...context } = options;
  const complete = (context.cert !== undefined && context.key !== undefined) || context.pfx !== undefined;
  if (!complete && SNICallback === undefined) {
    throw new TypeError("tls: needs cert and key, or pfx, or SNICallback, but has none of them");
  }
  const timeoutMs = atLeast("tls.handshakeTimeoutMs", handshakeTimeoutMs, 1);
  const ALPNProtocols = alpn.map(checkedProtocol);
  try {
    const server = createServer({
      ...context,
      ...(ALPNProtocols.length > 0 && { ALPNProtocols }),
      ...(SNICallback !== undefined && { SNICallback: guarded(SNICallback) }),
      handshakeTimeout: maxTimeoutMs,
      pauseOnConnect: true,
    });
    return { server, timeoutMs };
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`tls: the options cannot be used: ${detail}`, { cause });
  }
}

function checkedProtocol(protocol: string): string {
  if (typeof protocol === "string" && protocol !== "" && Buffer.byteLength(protocol) <= 255) return protocol;
  throw new TypeError(`tls.alpn: must be a list of names of 1 to 255 bytes, but has ${JSON.stringify(protocol)}`);
}

type SniCallback = NonNullable<TlsOptions["SNICallback"]>;
type SniDone = (error: Error | null, context?: SecureContext) => void;

/** What the callback throws fails the one handshake; older releases of Node make it an uncaught exception. */
function guarded(callback: SniCallback): SniCallback {
  return (servername: string, done: SniDone) => {
    try {
      callback(servername, done);
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  };
}
