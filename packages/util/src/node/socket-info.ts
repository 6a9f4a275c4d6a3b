/**
 * What a Node stream knows about its connection, asked only when somebody wants to know.
 *
 * The first look at an address is a system call, so every fact is a getter, and a fact once seen is kept: it survives
 * the end of the socket. A fact first asked for after the socket was destroyed is unknown.
 */

import type { Duplex } from "node:stream";
import type { IoInfo } from "@sluice/core";

/** The properties of `net.Socket` and `tls.TLSSocket` that are read here; any other `Duplex` has none of them. */
interface Facts {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly encrypted?: unknown;
  /** `null` during the handshake, `false` when no protocol was agreed on. */
  readonly alpnProtocol?: string | false | null | undefined;
  readonly servername?: string | false | null | undefined;
  /** During the handshake the highest version that is offered; `null` without a handle. */
  getProtocol?(): string | null;
  /** Nothing during the handshake and without a handle. */
  getCipher?(): { readonly standardName?: string | undefined } | null | undefined;
  /** Undefined when the peer has shown none, and without a handle. */
  getPeerX509Certificate?(): { readonly raw: Uint8Array } | undefined;
}

class SocketInfo implements IoInfo {
  readonly #facts: Facts;
  #remoteAddress: string | undefined = undefined;
  #remotePort: number | undefined = undefined;
  #localAddress: string | undefined = undefined;
  #localPort: number | undefined = undefined;
  #tlsVersion: string | undefined = undefined;
  #cipherSuite: string | undefined = undefined;
  #peerCertificate: Uint8Array | undefined = undefined;

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  get remoteAddress(): string | undefined {
    return (this.#remoteAddress ??= this.#facts.remoteAddress);
  }

  get remotePort(): number | undefined {
    return (this.#remotePort ??= this.#facts.remotePort);
  }

  get localAddress(): string | undefined {
    return (this.#localAddress ??= this.#facts.localAddress);
  }

  get localPort(): number | undefined {
    return (this.#localPort ??= this.#facts.localPort);
  }

  get secure(): boolean {
    return this.#facts.encrypted === true;
  }

  get alpnProtocol(): string | undefined {
    return this.#facts.alpnProtocol || undefined;
  }

  get servername(): string | undefined {
    return this.#facts.servername || undefined;
  }

  get tlsVersion(): string | undefined {
    return (this.#tlsVersion ??= this.#askVersion());
  }

  get cipherSuite(): string | undefined {
    return (this.#cipherSuite ??= this.#facts.getCipher?.()?.standardName);
  }

  get peerCertificate(): Uint8Array | undefined {
    return (this.#peerCertificate ??= this.#facts.getPeerX509Certificate?.()?.raw);
  }

  #askVersion(): string | undefined {
    // The version is not agreed on before the cipher suite is.
    return this.cipherSuite === undefined ? undefined : (this.#facts.getProtocol?.() ?? undefined);
  }
}

/** A lazy view of the facts about `stream`. */
export function socketInfo(stream: Duplex): IoInfo {
  return new SocketInfo(stream as Facts);
}
