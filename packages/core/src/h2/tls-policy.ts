/**
 * What HTTP/2 asks of TLS (RFC 9113 section 9.2): version 1.2 or higher, and with 1.2 no cipher suite of appendix A.
 *
 * The appendix lists what was registered when RFC 7540 was written and has no ephemeral key exchange, or a cipher of
 * the null, stream or block type. The patterns below tell exactly its suites from all that are registered; others must
 * not be refused (section 9.2.2), so suites of the same kinds that came later are let pass.
 */
import type { IoInfo } from "../rt/io.ts";
import { INADEQUATE_SECURITY } from "./frame/error-code.ts";
import { connectionError, type Http2Error } from "./http2-error.ts";

/** Below TLS 1.2. */
const oldVersion = /^(?:SSLv[23]|TLSv1(?:\.[01])?)$/;

/** Any key exchange with a cipher of the null, stream or block type. */
const notAead = /^TLS_[A-Za-z0-9_]+_WITH_(?:NULL|RC4|[A-Z0-9_]+_CBC)_[A-Z0-9_]+$/;

const fixedKeys = "RSA|DH_RSA|DH_DSS|DH_anon|ECDH_RSA|ECDH_ECDSA|PSK|RSA_PSK";
const aead = "(?:AES|ARIA|CAMELLIA)_(?:128|256)_(?:GCM|CCM)(?:_8|_SHA256|_SHA384)?";

/** An authenticated cipher with a key exchange that is not ephemeral. */
const notEphemeral = new RegExp(`^TLS_(?:${fixedKeys})_WITH_${aead}$`);

/**
 * The connection error to answer with if the transport is protected by a TLS that HTTP/2 must not be used with. What
 * the transport does not know about itself is not held against it.
 */
export function inadequateSecurity(info: IoInfo | undefined): Http2Error | undefined {
  if (info?.secure !== true) return undefined;
  const { tlsVersion, cipherSuite } = info;
  if (tlsVersion !== undefined && oldVersion.test(tlsVersion)) {
    return inadequate(`version must be TLSv1.2 or higher, got ${tlsVersion} (RFC 9113 9.2)`);
  }
  if (cipherSuite !== undefined && (notAead.test(cipherSuite) || notEphemeral.test(cipherSuite))) {
    return inadequate(`cipher suite ${cipherSuite} is prohibited (RFC 9113 9.2.2, appendix A)`);
  }
  return undefined;
}

function inadequate(what: string): Http2Error {
  return connectionError(INADEQUATE_SECURITY, "INADEQUATE_SECURITY", `TLS: ${what}`);
}
