/** OpenSSL as the server of the pooled client: each way in which there is no TLS has a code, and no request is sent. */
import { HttpRequest } from "@sluice/core";
import { Client, type ClientOptions } from "@sluice/util/client";
import { describe, expect, test } from "vitest";
import { failure } from "../support/io.ts";
import { ca, type Leaf, leaf, pem, tlsFixture } from "../support/tls-fixtures.ts";
import { program as nginx, startNginx } from "./support/nginx.ts";
import { program, startOpenssl } from "./support/openssl.ts";
import { pooled } from "./support/pooled-client.ts";

type Tls = NonNullable<ClientOptions["tls"]>;

const secret = { authorization: "Bearer topsecret" };
const asksForCertificate = ["-CAfile", tlsFixture("ca-cert.pem"), "-Verify", "1", "-verify_return_error"];

function showing(name: Leaf): string[] {
  return ["-cert", tlsFixture(`${name}-cert.pem`), "-key", tlsFixture(`${name}-key.pem`)];
}

/** What the server does, what the client is told, and what comes of it. */
const refusals: [what: string, server: string[], client: Tls, code: string][] = [
  ["a certificate for another name", showing("elsewhere"), {}, "TLS_HOSTNAME_MISMATCH"],
  ["a certificate that has expired", showing("expired"), {}, "TLS_CERT_EXPIRED"],
  ["a certificate of tomorrow", showing("not-yet-valid"), {}, "TLS_CERT_NOT_YET_VALID"],
  ["a certificate signed by itself", showing("self-signed"), {}, "TLS_SELF_SIGNED"],
  ["a certificate of a stranger", showing("stranger"), {}, "TLS_UNKNOWN_CA"],
  ["a certificate that was revoked", showing("revoked"), { crl: pem("ca-crl") }, "TLS_CERT_REVOKED"],
  ["a key that is not pinned", showing("localhost"), { pinnedSha256: "00".repeat(32) }, "TLS_PIN_MISMATCH"],
  [
    "TLS 1.3 only, which is too new",
    [...showing("localhost"), "-tls1_3"],
    { maxVersion: "TLSv1.2" },
    "TLS_PROTOCOL_VERSION",
  ],
  [
    "TLS 1.2 only, which is too old",
    [...showing("localhost"), "-tls1_2"],
    { minVersion: "TLSv1.3" },
    "TLS_PROTOCOL_VERSION",
  ],
  ["another protocol than is offered", [...showing("localhost"), "-alpn", "smtp"], {}, "TLS_ALPN_MISMATCH"],
  [
    "no cipher in common",
    [...showing("localhost"), "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"],
    { ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384", maxVersion: "TLSv1.2" },
    "TLS_FAILED",
  ],
  [
    "a client certificate is required, with TLS 1.2",
    [...showing("localhost"), ...asksForCertificate, "-tls1_2"],
    {},
    "TLS_CLIENT_CERT_REQUIRED",
  ],
  [
    "a client certificate of a stranger, with TLS 1.2",
    [...showing("localhost"), ...asksForCertificate, "-tls1_2"],
    leaf("stranger"),
    "TLS_CLIENT_CERT_REFUSED",
  ],
];

describe.skipIf(program.skipped)("openssl s_server, by the pooled client", () => {
  test.each(refusals)("%s", async (_, args, tls, code) => {
    await using server = await startOpenssl(args);
    await using pool = pooled({ tls: { ca, ...tls } });
    const request = HttpRequest.get(`${server.origin}/`, secret);
    const error = await failure(pool.client.request(request));
    expect(error).toMatchObject({ kind: "connect", code });
    expect(String(error)).not.toContain("topsecret");
    expect(server.received).toBe("");
    expect(pool.retries).toEqual([]);
    expect([pool.client.underWay, [...pool.client.stats]]).toEqual([0, []]);
  });

  test.each([
    ["a certificate that is right", showing("localhost"), {}],
    ["a certificate that is right, TLS 1.2", [...showing("localhost"), "-tls1_2"], {}],
    [
      "a client certificate as it is wanted, TLS 1.2",
      [...showing("localhost"), ...asksForCertificate, "-tls1_2"],
      leaf("client"),
    ],
    [
      "a client certificate as it is wanted, TLS 1.3",
      [...showing("localhost"), ...asksForCertificate, "-tls1_3"],
      leaf("client"),
    ],
  ] satisfies [string, string[], Tls][])("%s: the request arrives", async (_, args, tls) => {
    await using server = await startOpenssl([...args, "-alpn", "http/1.1"]);
    await using pool = pooled({ tls: { ca, ...tls } });
    const given = new AbortController();
    const sent = failure(pool.client.request(HttpRequest.get(`${server.origin}/here`), { signal: given.signal }));
    const { host } = new URL(server.origin);
    await expect.poll(() => server.received).toBe(`GET /here HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    given.abort();
    expect(await sent).toMatchObject({ kind: "canceled", code: "CANCELED" });
  });

  // RFC 8446 4.4.2.4 and appendix A.1: the client's handshake is over before the server has looked at the certificate.
  test.each([
    ["is required", {}, "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"],
    ["of a stranger", leaf("stranger"), "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"],
  ] satisfies [string, Tls, string][])(
    "a client certificate %s, with TLS 1.3: known only once the request is on its way",
    async (_, tls, code) => {
      await using server = await startOpenssl([...showing("localhost"), ...asksForCertificate, "-tls1_3"]);
      await using pool = pooled({ tls: { ca, ...tls } });
      const error = await failure(pool.client.request(HttpRequest.get(`${server.origin}/`, secret)));
      expect(error).toMatchObject({ kind: "io", code });
      expect(String(error)).not.toContain("topsecret");
      expect(server.received).toBe("");
    },
  );

  test("a server is trusted by nobody unless its authority is named", async () => {
    await using server = await startOpenssl(showing("localhost"));
    const client = new Client({ proxy: false });
    const error = await failure(client.get(`${server.origin}/`));
    expect(error).toMatchObject({ kind: "connect", code: "TLS_UNKNOWN_CA" });
    expect(server.received).toBe("");
    await client.destroy();
  });
});

describe.skipIf(nginx.skipped)("nginx without TLS", () => {
  test("is told apart from a server whose TLS has failed", async () => {
    await using server = await startNginx({ server: "" });
    await using pool = pooled();
    expect(await failure(pool.client.get(`https://localhost:${server.port}/`))).toMatchObject({
      kind: "connect",
      code: "TLS_NOT_TLS",
    });
  });
});
