/**
 * The TLS handshake of a client over any Node stream.
 *
 * It ends once: in a session that is verified, or with the transport destroyed. Both streams keep a listener for
 * errors, so that one which comes late is not uncaught.
 */
import { createHash, X509Certificate } from "node:crypto";
import type { Duplex } from "node:stream";
import { checkServerIdentity, connect, type PeerCertificate, type TLSSocket } from "node:tls";
import type { Timer } from "@sluice/core";
import { connectCanceled } from "../connect-errors.ts";
import { alpnNotOffered, type HandshakeFacts, pinMismatch, tlsClosed, tlsError, tlsTimeout } from "./tls-errors.ts";
import type { TlsDetails } from "./tls-info.ts";
import type { TlsOptions } from "./tls-options.ts";

/** What one handshake is about. */
export interface HandshakeRequest {
  readonly options: TlsOptions;
  /** Names the handshake, to be continued by "failed". */
  readonly what: string;
  /** To be checked. */
  readonly name: string;
  /** To be asked for; undefined to ask for none. */
  readonly sni: string | undefined;
  readonly alpn: readonly string[];
  /** The key of its sessions. */
  readonly sessionKey: string;
  readonly timer: Timer;
  readonly signal: AbortSignal | undefined;
}

/** A session that is verified. */
export interface Secured {
  readonly socket: TLSSocket;
  readonly details: TlsDetails;
  /** What the server has shown, in DER; where a session was resumed, when that began. */
  readonly certificate: Uint8Array | undefined;
}

/** Rejects as `httpsConnector` documents, with `stream` destroyed. */
export function handshake(stream: Duplex, request: HandshakeRequest): Promise<Secured> {
  const { options, what, name, alpn, sessionKey, timer, signal } = request;
  const { sessions, keylog, handshakeTimeoutMs } = options;
  return new Promise((resolve, reject) => {
    const before = bytesRead(stream) ?? 0;
    const facts: HandshakeFacts = {
      what,
      name,
      alpn,
      clientCertificate: options.clientCertificate,
      get received() {
        const now = bytesRead(stream);
        return now === undefined ? undefined : now - before;
      },
    };
    stream.on("error", ignore);
    const offered = sessions?.take(sessionKey);
    let socket: TLSSocket;
    let certificate: Uint8Array | undefined;
    try {
      socket = start(stream, request, offered?.session, (shown) => (certificate = shown));
    } catch (error) {
      stream.destroy();
      reject(tlsError(error, facts));
      return;
    }
    socket.on("error", ignore);
    let isTls13 = false;

    const forget = (): void => {
      alarm?.cancel();
      signal?.removeEventListener("abort", onAbort);
      socket.removeListener("secureConnect", onSecure);
      socket.removeListener("error", onError);
      socket.removeListener("close", onClose);
    };
    const fail = (error: unknown): void => {
      forget();
      socket.removeListener("session", onSession);
      // Whether the session has to do with it is not known; the next handshake is a full one.
      if (offered !== undefined) sessions?.drop(sessionKey);
      socket.destroy();
      stream.destroy();
      reject(error);
    };
    const onSecure = (): void => {
      isTls13 = socket.getProtocol() === "TLSv1.3";
      const sessionReused = socket.isSessionReused();
      // A resumed session shows no certificate. `getPeerX509Certificate` would take it out of the session.
      certificate ??= sessionReused ? offered?.certificate : socket.getPeerCertificate().raw;
      const chosen = socket.alpnProtocol;
      const key = options.pins.length === 0 ? undefined : keyOf(certificate);
      if (chosen && !alpn.includes(chosen)) {
        fail(alpnNotOffered(chosen, facts));
      } else if (options.pins.length > 0 && (key === undefined || !options.pins.includes(key))) {
        fail(pinMismatch(key, facts));
      } else {
        forget();
        resolve({ socket, certificate, details: { sessionReused, authorized: socket.authorized } });
      }
    };
    const onError = (error: unknown): void => fail(tlsError(error, facts));
    const onClose = (): void => fail(tlsClosed(facts));
    const onAbort = (): void => fail(connectCanceled(signal?.reason));
    // With TLS 1.3 sessions come behind the handshake, any number of them; Node holds them back until it has verified.
    const onSession = (session: Buffer): void => {
      sessions?.put(sessionKey, { session, certificate }, isTls13);
    };

    socket.on("secureConnect", onSecure);
    socket.on("error", onError);
    socket.on("close", onClose);
    if (sessions !== undefined) socket.on("session", onSession);
    if (keylog !== undefined) socket.on("keylog", (line) => keylog(line.toString("latin1").trimEnd()));
    signal?.addEventListener("abort", onAbort, { once: true });
    const alarm =
      handshakeTimeoutMs === Infinity
        ? undefined
        : timer.schedule(handshakeTimeoutMs, () => fail(tlsTimeout(handshakeTimeoutMs, facts)));
  });
}

/** @param onCertificate gets the certificate in DER, if Node asks whom it is for: not if verification failed before. */
function start(
  stream: Duplex,
  { options, name, sni, alpn }: HandshakeRequest,
  session: Buffer | undefined,
  onCertificate: (der: Uint8Array) => void,
): TLSSocket {
  return connect({
    socket: stream,
    host: name,
    secureContext: options.context(),
    // Said either way, or NODE_TLS_REJECT_UNAUTHORIZED would decide.
    rejectUnauthorized: options.checkCertificate,
    checkServerIdentity: (_host: string, certificate: PeerCertificate) => {
      onCertificate(certificate.raw);
      return options.checkName ? misnamed(name, certificate) : undefined;
    },
    ...(sni !== undefined && { servername: sni }),
    ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
    ...(session !== undefined && { session }),
  });
}

/** What is wrong with the names in a certificate. Node throws where it cannot read them, which nobody would catch. */
function misnamed(name: string, certificate: PeerCertificate): Error | undefined {
  try {
    return checkServerIdentity(name, certificate);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** SHA-256 of the public key in a certificate, in base64; undefined for a key of a kind that is not known. */
function keyOf(certificate: Uint8Array | undefined): string | undefined {
  if (certificate === undefined) return undefined;
  try {
    const spki = new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
    return createHash("sha256").update(spki).digest("base64");
  } catch {
    return undefined;
  }
}

function bytesRead(stream: Duplex): number | undefined {
  return "bytesRead" in stream && typeof stream.bytesRead === "number" ? stream.bytesRead : undefined;
}

function ignore(): void {}
