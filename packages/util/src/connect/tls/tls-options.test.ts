import { createSecureContext } from "node:tls";
import { describe, expect, test } from "vitest";
import { ca, leaf, pem } from "../../../test/support/tls-fixtures.ts";
import { type HttpsConnectorOptions, httpsConnector, TlsSessionCache } from "../index.ts";
import { checkedAlpn, checkServername, tlsOptions } from "./tls-options.ts";

describe("defaults", () => {
  test("are as documented", () => {
    expect(tlsOptions({})).toMatchObject({
      httpsOnly: false,
      servername: undefined,
      sni: true,
      pins: [],
      checkCertificate: true,
      checkName: true,
      clientCertificate: false,
      alpn: ["h2", "http/1.1"],
      handshakeTimeoutMs: 10_000,
      keylog: undefined,
      timer: undefined,
    });
    expect(tlsOptions({}).sessions).not.toBe(tlsOptions({}).sessions);
    expect(tlsOptions({ sessionCache: false }).sessions).toBe(undefined);
    const sessionCache = new TlsSessionCache();
    expect(tlsOptions({ sessionCache }).sessions).toBe(sessionCache);
  });

  test("one context serves all connections of a connector", () => {
    for (const given of [{}, { ca }]) {
      const options = tlsOptions(given);
      expect(options.context()).toBe(options.context());
    }
    const secureContext = createSecureContext();
    expect(tlsOptions({ secureContext }).context()).toBe(secureContext);
  });
});

describe("trust", () => {
  const trust = (given: HttpsConnectorOptions): string => tlsOptions(given).trust;

  test("is equal for equal options, and differs for all that decide whom to trust and how to speak", () => {
    const all: HttpsConnectorOptions[] = [
      {},
      { ca },
      { ca: [ca, pem("other-ca-cert")] },
      { ca, crl: pem("ca-crl") },
      { ca, ...leaf("client") },
      { ca, ...leaf("localhost") },
      { ca, dangerAcceptInvalidCerts: true },
      { ca, dangerAcceptInvalidHostnames: true },
      { ca, pinnedSha256: Buffer.alloc(32).toString("base64") },
      { ca, minVersion: "TLSv1.3" },
      { ca, maxVersion: "TLSv1.2" },
      { ca, ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" },
      { secureContext: createSecureContext({ ca }) },
      { secureContext: createSecureContext({ ca }) },
    ];
    expect(new Set(all.map(trust)).size).toBe(all.length);
    for (const given of all) expect(trust({ ...given })).toBe(trust(given));
    expect(trust({ ca: new TextEncoder().encode(ca) })).toBe(trust({ ca }));
  });

  test("shows no key", () => {
    expect(trust({ ca, ...leaf("client") })).toMatch(/^[A-Za-z0-9+/]{43}=$/);
  });
});

describe("what makes no sense throws at once, by name", () => {
  const { cert, key } = leaf("client");
  const wrong = <T>(value: T): never => value as never;

  test.each<[string, HttpsConnectorOptions, typeof TypeError | typeof RangeError, string]>([
    ["unknown option", { verify: false } as object, TypeError, "unknown option verify"],
    [
      "minVersion above maxVersion",
      { minVersion: "TLSv1.3", maxVersion: "TLSv1.2" },
      RangeError,
      "minVersion must not",
    ],
    ["maxVersion below the default minVersion", { maxVersion: "TLSv1.1" }, RangeError, "minVersion must not"],
    ["minVersion", { minVersion: wrong("TLSv9") }, RangeError, "minVersion must be one of"],
    ["ca", { ca: "garbage" }, TypeError, "ca: holds no certificate"],
    ["ca and roots", { ca, roots: "bundled" }, TypeError, "ca takes the place of roots"],
    ["ca and extraCa", { ca, extraCa: ca }, TypeError, "extraCa adds to roots"],
    ["roots", { roots: wrong("mine") }, TypeError, "roots: must be"],
    ["crl", { crl: "garbage" }, TypeError, "crl cannot be used"],
    ["cert without key", { cert }, TypeError, "cert and key must be given together"],
    ["key without cert", { key }, TypeError, "cert and key must be given together"],
    ["a key of another certificate", { cert, key: leaf("localhost").key }, TypeError, "cert and key cannot be used"],
    ["an encrypted key", { cert, key: pem("client-key-encrypted") }, TypeError, "cert and key cannot be used"],
    ["pfx and cert", { cert, key, pfx: new Uint8Array(1) }, TypeError, "pfx takes the place of"],
    ["pfx", { pfx: new Uint8Array(9) }, TypeError, "pfx cannot be used"],
    ["passphrase", { passphrase: "hush" }, TypeError, "passphrase has nothing to open"],
    ["ciphers", { ciphers: "none-such" }, TypeError, "ciphers cannot be used"],
    ["sigalgs", { sigalgs: "none-such" }, TypeError, "sigalgs cannot be used"],
    ["ecdhCurve", { ecdhCurve: "none-such" }, TypeError, "ecdhCurve cannot be used"],
    ["pinnedSha256", { pinnedSha256: "c2hvcnQ=" }, RangeError, "pinnedSha256 must be 32 bytes"],
    ["no pin", { pinnedSha256: [] }, RangeError, "pinnedSha256 must name at least one"],
    ["alpn", { alpn: [""] }, RangeError, "alpn must be names of 1 to 255 bytes"],
    ["alpn as text", { alpn: wrong("h2") }, TypeError, "alpn must be a list"],
    ["servername", { servername: "a b" }, RangeError, "servername must be a name"],
    ["servername as a number", { servername: wrong(1) }, TypeError, "servername must be a name or a function"],
    ["handshakeTimeoutMs", { handshakeTimeoutMs: -1 }, RangeError, "handshakeTimeoutMs must be"],
    ["httpsOnly", { httpsOnly: wrong("yes") }, TypeError, "httpsOnly must be true or false"],
    ["sessionCache", { sessionCache: wrong(new Map()) }, TypeError, "sessionCache must be"],
    ["keylog", { keylog: wrong("file") }, TypeError, "keylog must be a function"],
    ["timer", { timer: wrong({}) }, TypeError, "timer must be an object"],
    ["inner", { inner: wrong({}) }, TypeError, "inner must be a connector"],
    ["secureContext", { secureContext: createSecureContext(), ca }, TypeError, "ca cannot be given together with"],
  ])("%s", (_, given, kind, text) => {
    expect(() => httpsConnector(given)).toThrow(kind);
    expect(() => httpsConnector(given)).toThrow(text);
  });

  test("no secret is in the message", () => {
    const secrets = { cert, key: pem("client-key-encrypted"), passphrase: "wrong horse" };
    expect(() => httpsConnector(secrets)).toThrow(/^httpsConnector: cert and key cannot be used$/);
  });

  test("ALPN has room for 65,535 bytes and names of 255", () => {
    const name = "x".repeat(255);
    expect(checkedAlpn("alpn", Array(255).fill(name)).length).toBe(255);
    expect(() => checkedAlpn("alpn", Array(256).fill(name))).toThrow(RangeError);
    expect(() => checkedAlpn("alpn", [`${name}x`])).toThrow(RangeError);
    expect(checkedAlpn("alpn", [])).toEqual([]);
  });
});

test.each([
  ["Example.COM.", "example.com"],
  ["[2001:DB8::1]", "2001:db8::1"],
  ["fe80::1%eth0", "fe80::1"],
  ["127.0.0.1", "127.0.0.1"],
  ["under_score.example", "under_score.example"],
  ["x".repeat(253), "x".repeat(253)],
])("the name %s is checked as %s", (given, name) => {
  expect(checkServername(given)).toBe(name);
});
