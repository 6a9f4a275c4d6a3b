/**
 * Why there is no TLS: one code for each thing that a program or its operator would do something else about.
 *
 * Node tells these apart by codes of three kinds: results of verification (OpenSSL's `X509_V_ERR_...` without the
 * prefix), errors of OpenSSL (`ERR_SSL_...`, among them alerts of the server) and errno names of the transport.
 */
import { HttpError } from "@sluice/core";
import { errorCode, quoted } from "../connect-errors.ts";

/** What is known about a handshake that failed. */
export interface HandshakeFacts {
  /** Names the handshake, to be continued by "failed". */
  readonly what: string;
  /** The name that was checked. */
  readonly name: string;
  /** Protocols offered by ALPN. */
  readonly alpn: readonly string[];
  /** Bytes the server sent; undefined where nobody counted. */
  readonly received: number | undefined;
  /** Whether there was a client certificate to send; undefined if nobody knows. */
  readonly clientCertificate: boolean | undefined;
}

/** A record that holds an alert, in the clear: a header of 5 bytes, level and description (RFC 8446 5.1, 6). */
const alertRecordBytes = 7;

const selfSigned = ["TLS_SELF_SIGNED", "the certificate is signed by itself and not trusted"] as const;
const unknownCa = ["TLS_UNKNOWN_CA", "the certificate is from nobody who is trusted"] as const;
const noList = ["TLS_CRL_MISSING", "the issuer's list of revoked certificates is missing or cannot be used"] as const;
const version = ["TLS_PROTOCOL_VERSION", "there is no version of TLS that both sides speak"] as const;
const notTls = ["TLS_NOT_TLS", "the server answered with something other than TLS"] as const;
const closed = ["TLS_CLOSED", "the server closed the connection during the handshake"] as const;
const needsCertificate = ["TLS_CLIENT_CERT_REQUIRED", "the server wants a client certificate"] as const;
const refusedCertificate = ["TLS_CLIENT_CERT_REFUSED", "the server does not take the client certificate"] as const;

type Explanation = readonly [code: string, detail: string];

const known: ReadonlyMap<string, Explanation> = new Map<string, Explanation>([
  ["CERT_HAS_EXPIRED", ["TLS_CERT_EXPIRED", "a certificate has expired"]],
  ["CERT_NOT_YET_VALID", ["TLS_CERT_NOT_YET_VALID", "a certificate is not valid yet"]],
  ["CERT_REVOKED", ["TLS_CERT_REVOKED", "a certificate was revoked"]],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", selfSigned],
  ["SELF_SIGNED_CERT_IN_CHAIN", unknownCa],
  ["UNABLE_TO_GET_ISSUER_CERT", unknownCa],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", unknownCa],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", unknownCa],
  ["CERT_UNTRUSTED", unknownCa],
  ["UNABLE_TO_GET_CRL", noList],
  ["CRL_HAS_EXPIRED", noList],
  ["CRL_NOT_YET_VALID", noList],
  ["CRL_SIGNATURE_FAILURE", noList],
  ["UNABLE_TO_DECRYPT_CRL_SIGNATURE", noList],
  ["ERROR_IN_CRL_LAST_UPDATE_FIELD", noList],
  ["ERROR_IN_CRL_NEXT_UPDATE_FIELD", noList],
  ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", version],
  ["ERR_SSL_UNSUPPORTED_PROTOCOL", version],
  ["ERR_SSL_WRONG_SSL_VERSION", version],
  ["ERR_SSL_VERSION_TOO_LOW", version],
  ["ERR_SSL_NO_PROTOCOLS_AVAILABLE", version],
  ["ERR_SSL_WRONG_VERSION_NUMBER", notTls],
  ["ERR_SSL_PACKET_LENGTH_TOO_LONG", notTls],
  ["ERR_SSL_HTTP_REQUEST", notTls],
  ["ECONNRESET", closed],
  ["ECONNABORTED", closed],
  ["EPIPE", closed],
  ["PREMATURE_CLOSE", closed],
  ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", needsCertificate],
  ["ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE", refusedCertificate],
  ["ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", refusedCertificate],
  ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED", refusedCertificate],
  ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED", refusedCertificate],
  ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN", refusedCertificate],
  ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", refusedCertificate],
  ["ERR_SSL_TLSV1_ALERT_ACCESS_DENIED", refusedCertificate],
]);

/** All other results of verification. */
const faultyCertificate: ReadonlySet<string> = new Set([
  "CERT_CHAIN_TOO_LONG",
  "CERT_REJECTED",
  "CERT_SIGNATURE_FAILURE",
  "ERROR_IN_CERT_NOT_AFTER_FIELD",
  "ERROR_IN_CERT_NOT_BEFORE_FIELD",
  "ERR_TLS_CERT_ALTNAME_FORMAT",
  "HOSTNAME_MISMATCH",
  "INVALID_CA",
  "INVALID_PURPOSE",
  "PATH_LENGTH_EXCEEDED",
  "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY",
  "UNABLE_TO_DECRYPT_CERT_SIGNATURE",
  // Those that Node has no name for, such as a name that the issuer may not vouch for.
  "UNSPECIFIED",
]);

/** The error for a handshake that ended with `cause`: kind `connect`. An `HttpError` that says so already passes. */
export function tlsError(cause: unknown, facts: HandshakeFacts): HttpError {
  if (HttpError.is(cause) && (cause.isConnect || cause.isTimeout || cause.isCanceled)) return cause;
  const [code, detail] = explain(cause, facts);
  return new HttpError("connect", code, `${facts.what} failed: ${detail}`, { cause });
}

function explain(cause: unknown, facts: HandshakeFacts): Explanation {
  const found = errorCode(cause) ?? "";
  const simple = known.get(found);
  if (simple !== undefined) return simple;
  switch (found) {
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return ["TLS_HOSTNAME_MISMATCH", `the certificate is not for ${quoted(facts.name)} but for ${namesIn(cause)}`];
    case "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL":
      return ["TLS_ALPN_MISMATCH", `the server speaks none of ${listed(facts.alpn)}`];
    case "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE":
      return refusal(facts);
  }
  if (faultyCertificate.has(found)) return ["TLS_CERT_INVALID", `a certificate cannot be accepted: ${reasonOf(cause)}`];
  return ["TLS_FAILED", reasonOf(cause)];
}

/** TLS 1.2 has one alert for two faults: no cipher, sent first of all; no certificate, sent behind the server's own. */
function refusal({ received, clientCertificate }: HandshakeFacts): Explanation {
  if (clientCertificate === false && received !== undefined && received > alertRecordBytes) return needsCertificate;
  return ["TLS_FAILED", "the server refused the handshake: no cipher in common, or it wants another certificate"];
}

/** ALPN brought an answer that was not offered (RFC 7301 section 3.1). */
export function alpnNotOffered(chosen: string, { what, alpn }: HandshakeFacts): HttpError {
  const message = `${what} failed: the server chose the protocol ${quoted(chosen)}, offered was ${listed(alpn)}`;
  return new HttpError("connect", "TLS_ALPN_MISMATCH", message);
}

/** The key of the server is not among those that are pinned; neither is a secret. */
export function pinMismatch(found: string | undefined, { what }: HandshakeFacts): HttpError {
  const got = found === undefined ? "it showed none that can be read" : `its SHA-256 is ${found}`;
  return new HttpError("connect", "TLS_PIN_MISMATCH", `${what} failed: the key of the server is not pinned, ${got}`);
}

/** The handshake took too long. */
export function tlsTimeout(ms: number, { what }: HandshakeFacts): HttpError {
  return new HttpError("timeout", "TLS_TIMEOUT", `${what} took longer than handshakeTimeoutMs allows (${ms} ms)`);
}

/** The transport was closed, without an error. */
export function tlsClosed({ what }: HandshakeFacts): HttpError {
  return new HttpError("connect", closed[0], `${what} failed: ${closed[1]}`);
}

function listed(protocols: readonly string[]): string {
  return protocols.length === 0 ? "nothing" : protocols.map(quoted).join(", ");
}

/** The names in the certificate that was shown, which `tls.checkServerIdentity` puts into its error. */
function namesIn(cause: unknown): string {
  const cert = typeof cause === "object" && cause !== null && "cert" in cause ? cause.cert : undefined;
  const names = typeof cert === "object" && cert !== null && "subjectaltname" in cert ? cert.subjectaltname : undefined;
  return typeof names === "string" ? quoted(names) : "no name";
}

/** Without the file names and numbers of OpenSSL where it gives a reason. */
function reasonOf(cause: unknown): string {
  if (typeof cause !== "object" || cause === null) return quoted(String(cause));
  if ("reason" in cause && typeof cause.reason === "string" && cause.reason !== "") return cause.reason;
  return cause instanceof Error && cause.message !== "" ? cause.message : "for an unknown reason";
}
