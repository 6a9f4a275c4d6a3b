import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { rootCertificates } from "node:tls";
import { afterAll, describe, expect, test } from "vitest";
import { ca, pem } from "../../../test/support/tls-fixtures.ts";
import { givenCertificates, loadRoots } from "./tls-roots.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-roots-"));
afterAll(() => rmSync(folder, { recursive: true }));

const other = pem("other-ca-cert");
const broken = "-----BEGIN CERTIFICATE-----\nMIIBAAAA\n-----END CERTIFICATE-----\n";

function der(text: string): Uint8Array {
  return Buffer.from(text.replace(/-----[A-Z ]+-----|\s/g, ""), "base64");
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe("loadRoots", () => {
  test("bundled: those of Node", () => {
    expect(loadRoots("bundled")).toEqual({ certificates: rootCertificates, skipped: 0 });
  });

  test("system: the file that SSL_CERT_FILE names, in PEM among other text", () => {
    const path = file("bundle.pem", `# a root\n${ca}\n# the same again\n${ca}\n${other}`);
    expect(loadRoots("system", { SSL_CERT_FILE: path })).toEqual({
      certificates: [ca.trim(), other.trim()],
      skipped: 0,
    });
  });

  test("system: all files in the directories that SSL_CERT_DIR names, PEM or DER, not those below them", () => {
    const [one, two] = [join(folder, "one"), join(folder, "two")];
    mkdirSync(join(one, "below"), { recursive: true });
    mkdirSync(two);
    writeFileSync(join(one, "1.pem"), ca);
    writeFileSync(join(one, "README"), "no certificate");
    writeFileSync(join(one, "below", "2.pem"), pem("stranger-cert"));
    writeFileSync(join(two, "3.der"), der(other));
    const roots = loadRoots("system", { SSL_CERT_DIR: [one, "", two, join(folder, "nowhere")].join(delimiter) });
    expect(roots).toEqual({ certificates: [ca.trim(), other.trim()], skipped: 1 });
  });

  test("system: none at all is an error", () => {
    const nowhere = { SSL_CERT_FILE: join(folder, "nowhere.pem") };
    expect(() => loadRoots("system", nowhere)).toThrow(
      expect.objectContaining({
        kind: "io",
        code: "NO_ROOTS",
        message: expect.stringContaining("(1 could not be read)"),
      }),
    );
    const empty = { SSL_CERT_FILE: file("empty.pem", "") };
    expect(() => loadRoots("system", empty)).toThrow(expect.objectContaining({ code: "NO_ROOTS" }));
  });

  test("system: read once, as long as the same places are named", () => {
    const path = file("once.pem", ca);
    const first = loadRoots("system", { SSL_CERT_FILE: path });
    writeFileSync(path, other);
    expect(loadRoots("system", { SSL_CERT_FILE: path })).toBe(first);
    expect(loadRoots("system", { SSL_CERT_FILE: file("twice.pem", other) }).certificates).toEqual([other.trim()]);
  });

  test("[pool-29] merged: system and Mozilla roots together, each once; what cannot be read is skipped and counted", () => {
    const mozilla = rootCertificates[0] ?? "";
    const truncated = ca.slice(0, 200);
    const path = file("merged.pem", [ca, broken, mozilla, "", other, truncated].join("\n"));
    const roots = loadRoots("merged", { SSL_CERT_FILE: path });
    expect(roots.skipped).toBe(2);
    expect(roots.certificates.length).toBe(rootCertificates.length + 2);
    expect(roots.certificates).toEqual(expect.arrayContaining([ca.trim(), other.trim()]));
    const unreadable = loadRoots("merged", { SSL_CERT_FILE: join(folder, "nowhere.pem") });
    expect(unreadable.certificates.length).toBe(rootCertificates.length);
    expect(unreadable.skipped).toBe(1);
  });

  test("anything else is refused", () => {
    expect(() => loadRoots("mozilla" as "bundled")).toThrow(TypeError);
  });
});

describe("certificates a program gives", () => {
  test("PEM text or bytes, any number in one, or DER, or a list of them; each once", () => {
    const both = [ca.trim(), other.trim()];
    expect(givenCertificates("ca", ca + other)).toEqual(both);
    expect(givenCertificates("ca", new TextEncoder().encode(ca + other))).toEqual(both);
    expect(givenCertificates("ca", [der(ca), other, ca])).toEqual(both);
  });

  test("one that cannot be read is a mistake, and so is none", () => {
    expect(() => givenCertificates("ca", ca + broken)).toThrow(new TypeError("ca: 1 certificates cannot be read"));
    expect(() => givenCertificates("ca", [ca, "text"])).toThrow(new TypeError("ca: holds no certificate"));
    expect(() => givenCertificates("ca", [1] as unknown as string[])).toThrow(TypeError);
  });
});
