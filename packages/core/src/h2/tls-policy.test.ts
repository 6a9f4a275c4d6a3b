import { describe, expect, test } from "vitest";
import type { IoInfo } from "../rt/io.ts";
import { inadequateSecurity } from "./tls-policy.ts";

const des = "DES40_CBC_SHA";
const staticAead = "AES_128_GCM_SHA256 AES_256_GCM_SHA384 ARIA_128_GCM_SHA256 ARIA_256_GCM_SHA384";
const camelliaAead = "CAMELLIA_128_GCM_SHA256 CAMELLIA_256_GCM_SHA384";
const aria = "ARIA_128_CBC_SHA256 ARIA_256_CBC_SHA384";
const aes = "AES_128_CBC_SHA AES_256_CBC_SHA";
const aes256 = "AES_128_CBC_SHA256 AES_256_CBC_SHA256";
const aes384 = "AES_128_CBC_SHA256 AES_256_CBC_SHA384";
const camellia = "CAMELLIA_128_CBC_SHA CAMELLIA_256_CBC_SHA CAMELLIA_128_CBC_SHA256 CAMELLIA_256_CBC_SHA256";
const camellia384 = "CAMELLIA_128_CBC_SHA256 CAMELLIA_256_CBC_SHA384";
const finiteField = `DES_CBC_SHA 3DES_EDE_CBC_SHA ${aes} ${aes256} ${camellia} SEED_CBC_SHA ${aria}`;
const psk = `NULL_SHA RC4_128_SHA 3DES_EDE_CBC_SHA ${aes} ${aes384} NULL_SHA256 NULL_SHA384 ${aria} ${camellia384}`;
const elliptic = `NULL_SHA RC4_128_SHA 3DES_EDE_CBC_SHA ${aes}`;
const ellipticSigned = `${elliptic} ${aes384} ${aria} ${camellia384}`;
const srp = `3DES_EDE_CBC_SHA ${aes}`;
const ccm = "AES_128_CCM AES_256_CCM AES_128_CCM_8 AES_256_CCM_8";
const kerberos = "DES_CBC_SHA 3DES_EDE_CBC_SHA RC4_128_SHA IDEA_CBC_SHA";
const kerberosMd5 = "DES_CBC_MD5 3DES_EDE_CBC_MD5 RC4_128_MD5 IDEA_CBC_MD5";
const kerberosExport = "DES_CBC_40_SHA RC2_CBC_40_SHA RC4_40_SHA DES_CBC_40_MD5 RC2_CBC_40_MD5 RC4_40_MD5";

/** RFC 9113 appendix A by key exchange, but for the one entry that is a signal and never negotiated. */
const prohibited: Readonly<Record<string, string>> = {
  NULL: "NULL_NULL",
  RSA:
    `NULL_MD5 NULL_SHA NULL_SHA256 RC4_128_MD5 RC4_128_SHA IDEA_CBC_SHA ${finiteField} ` +
    `${staticAead} ${camelliaAead} ${ccm}`,
  RSA_EXPORT: `RC4_40_MD5 RC2_CBC_40_MD5 ${des}`,
  DH_DSS: `${finiteField} ${staticAead} ${camelliaAead}`,
  DH_RSA: `${finiteField} ${staticAead} ${camelliaAead}`,
  DH_anon: `RC4_128_MD5 ${finiteField} ${staticAead} ${camelliaAead}`,
  DHE_DSS: finiteField,
  DHE_RSA: finiteField,
  DH_DSS_EXPORT: des,
  DH_RSA_EXPORT: des,
  DHE_DSS_EXPORT: des,
  DHE_RSA_EXPORT: des,
  DH_anon_EXPORT: `RC4_40_MD5 ${des}`,
  KRB5: `${kerberos} ${kerberosMd5}`,
  KRB5_EXPORT: kerberosExport,
  PSK: `${psk} ${staticAead} ${camelliaAead} ${ccm}`,
  DHE_PSK: psk,
  RSA_PSK: `${psk} ${staticAead} ${camelliaAead}`,
  ECDHE_PSK: psk,
  ECDH_ECDSA: `${ellipticSigned} ${staticAead} ${camelliaAead}`,
  ECDH_RSA: `${ellipticSigned} ${staticAead} ${camelliaAead}`,
  ECDHE_ECDSA: ellipticSigned,
  ECDHE_RSA: ellipticSigned,
  ECDH_anon: elliptic,
  SRP_SHA: srp,
  SRP_SHA_RSA: srp,
  SRP_SHA_DSS: srp,
};

const ephemeralAead = `${staticAead} ${camelliaAead}`;
const chacha = "CHACHA20_POLY1305_SHA256";
const ccmSha256 = "AES_128_CCM_SHA256 AES_128_CCM_8_SHA256";

/** All others that are registered for TLS 1.2. */
const permitted: Readonly<Record<string, string>> = {
  // When the appendix was written.
  DHE_RSA: `${ephemeralAead} ${ccm}`,
  DHE_DSS: ephemeralAead,
  DHE_PSK: `${ephemeralAead} AES_128_CCM AES_256_CCM`,
  PSK_DHE: "AES_128_CCM_8 AES_256_CCM_8",
  ECDHE_RSA: ephemeralAead,
  ECDHE_ECDSA: `${ephemeralAead} ${ccm}`,
};

/** What was registered later; some of it would have been on the list. */
const later: Readonly<Record<string, string>> = {
  // RFC 7905.
  DHE_RSA: chacha,
  DHE_PSK: chacha,
  ECDHE_RSA: chacha,
  ECDHE_ECDSA: chacha,
  ECDHE_PSK: `${chacha} AES_128_GCM_SHA256 AES_256_GCM_SHA384 ${ccmSha256}`,
  PSK: chacha,
  RSA_PSK: chacha,
  // RFC 8492.
  ECCPWD: "AES_128_GCM_SHA256 AES_256_GCM_SHA384 AES_128_CCM_SHA256 AES_256_CCM_SHA384",
  // RFC 9189, 9367.
  GOSTR341112_256: "KUZNYECHIK_CTR_OMAC MAGMA_CTR_OMAC 28147_CNT_IMIT KUZNYECHIK_MGM_L",
};

function suites(byKeyExchange: Readonly<Record<string, string>>): string[] {
  return Object.entries(byKeyExchange).flatMap(([keyExchange, ciphers]) =>
    ciphers.split(" ").map((cipher) => `TLS_${keyExchange}_WITH_${cipher}`),
  );
}

function verdict(info: IoInfo | undefined): unknown[] | undefined {
  const error = inadequateSecurity(info);
  return error && [error.streamId, error.reason, error.kind, error.code, error.message];
}

function refusal(message: string): unknown[] {
  return [0, 0xc, "protocol", "INADEQUATE_SECURITY", message];
}

describe("inadequateSecurity", () => {
  test("refuses every cipher suite of appendix A", () => {
    const list = suites(prohibited);
    expect(new Set(list).size).toBe(275);
    expect(list.length).toBe(275);
    for (const cipherSuite of list) {
      const message = `TLS: cipher suite ${cipherSuite} is prohibited (RFC 9113 9.2.2, appendix A)`;
      for (const tlsVersion of ["TLSv1.2", undefined]) {
        expect(verdict({ secure: true, tlsVersion, cipherSuite })).toEqual(refusal(message));
      }
    }
  });

  test("refuses no other cipher suite", () => {
    const others = suites(permitted);
    expect(new Set([...suites(prohibited), ...others]).size).toBe(275 + 42);
    const thirteen = ["AES_128_GCM_SHA256", "AES_256_GCM_SHA384", chacha, ...ccmSha256.split(" ")];
    const signals = ["TLS_FALLBACK_SCSV"];
    for (const cipherSuite of [...others, ...suites(later), ...thirteen.map((name) => `TLS_${name}`), ...signals]) {
      for (const tlsVersion of ["TLSv1.2", "TLSv1.3", undefined]) {
        expect(verdict({ secure: true, tlsVersion, cipherSuite })).toBe(undefined);
      }
    }
  });

  test("refuses versions below 1.2, whatever the cipher suite", () => {
    for (const tlsVersion of ["SSLv2", "SSLv3", "TLSv1", "TLSv1.0", "TLSv1.1"]) {
      const expected = refusal(`TLS: version must be TLSv1.2 or higher, got ${tlsVersion} (RFC 9113 9.2)`);
      for (const cipherSuite of [undefined, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA"]) {
        expect(verdict({ secure: true, tlsVersion, cipherSuite })).toEqual(expected);
      }
    }
    for (const tlsVersion of ["TLSv1.2", "TLSv1.3", "TLSv1.4", "TLSv2", "QUIC", "", undefined]) {
      expect(verdict({ secure: true, tlsVersion })).toBe(undefined);
    }
  });

  test("judges whole names only", () => {
    for (const cipherSuite of [
      "",
      "AES128-SHA",
      "XTLS_RSA_WITH_AES_128_GCM_SHA256",
      "TLS_RSA_WITH_AES_128_GCM_SHA256X",
      "TLS_RSA_WITH_AES_128_CBC_SHA\n",
      "tls_rsa_with_null_sha",
    ]) {
      expect(verdict({ secure: true, tlsVersion: "TLSv1.2", cipherSuite })).toBe(undefined);
    }
  });

  test("asks nothing of a transport that is not protected, or does not know", () => {
    const bad = { tlsVersion: "TLSv1", cipherSuite: "TLS_RSA_WITH_NULL_MD5" };
    expect(verdict(bad)).toBe(undefined);
    expect(verdict({ ...bad, secure: false })).toBe(undefined);
    expect(verdict({ secure: true })).toBe(undefined);
    expect(verdict({})).toBe(undefined);
    expect(verdict(undefined)).toBe(undefined);
  });
});
