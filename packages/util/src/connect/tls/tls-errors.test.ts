import { HttpError } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { alpnNotOffered, type HandshakeFacts, tlsError } from "./tls-errors.ts";

const facts: HandshakeFacts = {
  what: 'TLS with "a.example:443"',
  name: "a.example",
  alpn: ["h2", "http/1.1"],
  received: 7,
  clientCertificate: false,
};

function coded(code: string, message = "", more: object = {}): Error {
  return Object.assign(new Error(message), { code, ...more });
}

describe("codes", () => {
  test.each([
    ["CERT_HAS_EXPIRED", "TLS_CERT_EXPIRED"],
    ["CERT_NOT_YET_VALID", "TLS_CERT_NOT_YET_VALID"],
    ["CERT_REVOKED", "TLS_CERT_REVOKED"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "TLS_SELF_SIGNED"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "TLS_UNKNOWN_CA"],
    ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "TLS_UNKNOWN_CA"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "TLS_UNKNOWN_CA"],
    ["CRL_HAS_EXPIRED", "TLS_CRL_MISSING"],
    ["INVALID_PURPOSE", "TLS_CERT_INVALID"],
    ["UNSPECIFIED", "TLS_CERT_INVALID"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "TLS_HOSTNAME_MISMATCH"],
    ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "TLS_PROTOCOL_VERSION"],
    ["ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL", "TLS_ALPN_MISMATCH"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "TLS_NOT_TLS"],
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "TLS_CLIENT_CERT_REQUIRED"],
    ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "TLS_CLIENT_CERT_REFUSED"],
    ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED", "TLS_CLIENT_CERT_REFUSED"],
    ["ECONNRESET", "TLS_CLOSED"],
    ["EPIPE", "TLS_CLOSED"],
    ["PREMATURE_CLOSE", "TLS_CLOSED"],
    ["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", "TLS_FAILED"],
    ["ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR", "TLS_FAILED"],
    ["ETIMEDOUT", "TLS_FAILED"],
  ])("%s is %s", (from, code) => {
    const cause = coded(from, "some text");
    const error = tlsError(cause, facts);
    expect(error).toMatchObject({ kind: "connect", code, cause });
    expect(error.message).toMatch(/^TLS with "a\.example:443" failed: ./);
  });

  test("a refusal behind the server's certificate is about the client's, if there was none and bytes were counted", () => {
    const cause = coded("ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE");
    const code = (changes: Partial<HandshakeFacts>) => tlsError(cause, { ...facts, ...changes }).code;
    expect(code({ received: 8 })).toBe("TLS_CLIENT_CERT_REQUIRED");
    expect(code({ received: 7 })).toBe("TLS_FAILED");
    expect(code({ received: undefined })).toBe("TLS_FAILED");
    expect(code({ received: 800, clientCertificate: true })).toBe("TLS_FAILED");
    expect(code({ received: 800, clientCertificate: undefined })).toBe("TLS_FAILED");
  });

  test("a protocol that was not offered", () => {
    const error = alpnNotOffered("spdy/3", facts);
    expect(error).toMatchObject({ kind: "connect", code: "TLS_ALPN_MISMATCH" });
    expect(error.message).toBe(
      'TLS with "a.example:443" failed: the server chose the protocol "spdy/3", offered was "h2", "http/1.1"',
    );
    expect(alpnNotOffered("h2", { ...facts, alpn: [] }).message).toContain("offered was nothing");
  });

  test("an error that says so already passes; one of the transport does not", () => {
    for (const kind of ["connect", "timeout", "canceled"] as const) {
      const error = new HttpError(kind, "X", "said");
      expect(tlsError(error, facts)).toBe(error);
    }
    const cause = new HttpError("io", "ECONNRESET", "reset");
    expect(tlsError(cause, facts)).toMatchObject({ kind: "connect", code: "TLS_CLOSED", cause });
  });
});

describe("messages", () => {
  test("what OpenSSL says comes without its file names", () => {
    const text = "80FC:error:0A000438:SSL routines:ssl3_read_bytes:tlsv1 alert internal error:rec_layer_s3.c:1601:";
    const cause = coded("ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR", text, { reason: "tlsv1 alert internal error" });
    expect(tlsError(cause, facts).message).toBe('TLS with "a.example:443" failed: tlsv1 alert internal error');
  });

  test("names in a certificate are shortened and escaped", () => {
    const cert = { subjectaltname: `DNS:\n${"x".repeat(1000)}` };
    const { message } = tlsError(coded("ERR_TLS_CERT_ALTNAME_INVALID", "", { cert }), facts);
    expect(message).toContain('is not for "a.example" but for "DNS:\\nxxx');
    expect(message.length).toBeLessThan(250);
    expect(tlsError(coded("ERR_TLS_CERT_ALTNAME_INVALID"), facts).message).toContain("but for no name");
  });

  test("anything can be a cause", () => {
    for (const cause of [undefined, null, "text", 7, {}, new Error("")]) {
      expect(tlsError(cause, facts)).toMatchObject({ kind: "connect", code: "TLS_FAILED" });
    }
  });
});
