/** TLS as the listeners and connectors of Bun and Deno take it; each turns it into what its runtime wants. */

export interface TlsListenOptions {
  /** The certificate chain, PEM. */
  readonly cert: string;
  /** The private key, PEM. */
  readonly key: string;
  /** Protocols offered by ALPN, the preferred first. Default: `h2`, `http/1.1`. */
  readonly alpnProtocols?: readonly string[];
  /** Milliseconds a handshake may take. Default 10,000. */
  readonly handshakeTimeoutMs?: number;
}

/** TLS of an outbound connection. */
export interface TlsConnectOptions {
  /** The name to ask for and to find in the certificate. Default: the host. */
  readonly serverName?: string;
  /** The certificates to trust, PEM. Default: those the runtime trusts. */
  readonly ca?: string;
  /** Protocols offered by ALPN, the preferred first. Default: `h2`, `http/1.1`. */
  readonly alpnProtocols?: readonly string[];
}

export const defaultAlpnProtocols: readonly string[] = ["h2", "http/1.1"];

const defaultHandshakeTimeoutMs = 10_000;

/** @throws RangeError unless it is a number of milliseconds above 0. */
export function handshakeTimeout(tls: TlsListenOptions): number {
  const value = tls.handshakeTimeoutMs ?? defaultHandshakeTimeoutMs;
  if (value > 0) return value;
  throw new RangeError(`tls.handshakeTimeoutMs: must be above 0, got ${String(value)}`);
}
