/**
 * What is known about a connection once TLS is around it: addresses are those of the transport below, the rest is the
 * TLS session's own.
 */
import type { TLSSocket } from "node:tls";
import { type ExtensionKey, extensionKey, type IoInfo } from "@sluice/core";
import { socketInfo } from "../../node/socket-info.ts";

/** Facts about a TLS session for which an `IoInfo` has no word. */
export interface TlsDetails {
  /** Whether an earlier session was resumed. */
  readonly sessionReused: boolean;
  /** Whether the certificate was verified; false only with one of the `danger...` options. */
  readonly authorized: boolean;
}

/** Where `httpsConnector` puts `TlsDetails` among the extensions of a `Connected`. */
export const tlsDetailsKey: ExtensionKey<TlsDetails> = extensionKey("sluice.tlsDetails");

/**
 * Facts about `socket`, whose transport knows `below`.
 *
 * @param peerCertificate what the server has shown; where a session was resumed, when that began, for Node forgets it.
 */
export function tlsInfo(socket: TLSSocket, below: IoInfo | undefined, peerCertificate: Uint8Array | undefined): IoInfo {
  const own = socketInfo(socket);
  return {
    get remoteAddress() {
      return below?.remoteAddress ?? own.remoteAddress;
    },
    get remotePort() {
      return below?.remotePort ?? own.remotePort;
    },
    get localAddress() {
      return below?.localAddress ?? own.localAddress;
    },
    get localPort() {
      return below?.localPort ?? own.localPort;
    },
    secure: true,
    peerCertificate,
    get alpnProtocol() {
      return own.alpnProtocol;
    },
    get tlsVersion() {
      return own.tlsVersion;
    },
    get cipherSuite() {
      return own.cipherSuite;
    },
    get servername() {
      return own.servername;
    },
  };
}
