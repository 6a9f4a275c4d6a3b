/**
 * Whom to trust: sets of root certificates.
 *
 * Stores of operating systems hold the odd certificate that cannot be read, which must not keep the others from being
 * used: it is skipped and counted. What a program names itself is held to more: there, one that cannot be read is a
 * mistake.
 */
import { X509Certificate } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { rootCertificates } from "node:tls";
import { HttpError } from "@sluice/core";

/** Where roots come from: those of Mozilla that Node brings along, those of the operating system, or both. */
export type RootStore = "bundled" | "system" | "merged";

/** A set of root certificates. */
export interface TrustedRoots {
  /** In PEM, each once. */
  readonly certificates: readonly string[];
  /** How many certificates or named files could not be read. */
  readonly skipped: number;
}

/** Where Debian, Fedora, openSUSE, RHEL, Alpine and macOS keep their roots. The first file that is there is read. */
const systemFiles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

const pemCertificate = /-----BEGIN (?:X509 )?CERTIFICATE-----[^-]*-----END (?:X509 )?CERTIFICATE-----/g;
const pemBegin = /-----BEGIN (?:X509 )?CERTIFICATE-----/g;

/** The first byte of a certificate in DER: a SEQUENCE. */
const derSequence = 0x30;

let lastSystem: { readonly key: string; readonly roots: TrustedRoots } | undefined;

/**
 * Reads a set of roots, at once and from disk where it has to; the system's are then kept, as long as the environment
 * names the same places.
 *
 * The system's are in the file `SSL_CERT_FILE` and the directories `SSL_CERT_DIR` of `env`, if it has either, else in
 * the first of the places where Linux distributions and macOS have them.
 *
 * @throws HttpError kind `io`, code `NO_ROOTS`, if there is not one certificate.
 * @throws TypeError for an unknown `store`.
 */
export function loadRoots(
  store: RootStore,
  env: Readonly<Record<string, string | undefined>> = process.env,
): TrustedRoots {
  switch (store) {
    case "bundled":
      return { certificates: rootCertificates, skipped: 0 };
    case "system":
      return systemRoots(env);
    case "merged": {
      const system = readSystem(env);
      return { certificates: unique([...rootCertificates, ...system.certificates]), skipped: system.skipped };
    }
    default:
      throw new TypeError(`roots: must be bundled, system or merged, got ${String(store)}`);
  }
}

/**
 * The certificates in what a program gave, in PEM (any number in one text) or DER.
 * @throws TypeError naming the option if there is none in it, or one that cannot be read.
 */
export function givenCertificates(
  name: string,
  given: string | Uint8Array | readonly (string | Uint8Array)[],
): string[] {
  const all: string[] = [];
  for (const item of isList(given) ? given : [given]) {
    if (typeof item !== "string" && !(item instanceof Uint8Array)) {
      throw new TypeError(`${name}: must be PEM text or bytes, got ${typeof item}`);
    }
    const { certificates, skipped } = parse(item);
    if (skipped > 0) throw new TypeError(`${name}: ${skipped} certificates cannot be read`);
    if (certificates.length === 0) throw new TypeError(`${name}: holds no certificate`);
    all.push(...certificates);
  }
  return unique(all);
}

function isList(
  given: string | Uint8Array | readonly (string | Uint8Array)[],
): given is readonly (string | Uint8Array)[] {
  return Array.isArray(given);
}

function systemRoots(env: Readonly<Record<string, string | undefined>>): TrustedRoots {
  const roots = readSystem(env);
  if (roots.certificates.length > 0) return roots;
  throw new HttpError("io", "NO_ROOTS", `the system has no root certificates (${roots.skipped} could not be read)`);
}

function readSystem(env: Readonly<Record<string, string | undefined>>): TrustedRoots {
  const file = env["SSL_CERT_FILE"] || undefined;
  const directories = env["SSL_CERT_DIR"] || undefined;
  const key = JSON.stringify([file, directories]);
  if (lastSystem?.key === key) return lastSystem.roots;
  const roots = file === undefined && directories === undefined ? readDefault() : readNamed(file, directories);
  lastSystem = { key, roots };
  return roots;
}

function readDefault(): TrustedRoots {
  for (const file of systemFiles) {
    const content = contentOf(file);
    if (content !== undefined) return parse(content);
  }
  return { certificates: [], skipped: 0 };
}

function readNamed(file: string | undefined, directories: string | undefined): TrustedRoots {
  const files = file === undefined ? [] : [file];
  let skipped = 0;
  for (const directory of directories?.split(delimiter) ?? []) {
    if (directory === "") continue;
    try {
      for (const entry of readdirSync(directory, { withFileTypes: true })) {
        if (!entry.isDirectory()) files.push(join(directory, entry.name));
      }
    } catch {
      skipped += 1;
    }
  }
  const certificates: string[] = [];
  for (const path of files) {
    const content = contentOf(path);
    const found = content === undefined ? { certificates: [], skipped: 1 } : parse(content);
    certificates.push(...found.certificates);
    skipped += found.skipped;
  }
  return { certificates: unique(certificates), skipped };
}

function contentOf(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/** The certificates in a file: one in DER, or any number in PEM among other text. */
function parse(content: string | Uint8Array): TrustedRoots {
  if (typeof content !== "string" && content[0] === derSequence) return normal([content]);
  const text = typeof content === "string" ? content : new TextDecoder("latin1").decode(content);
  const begun = text.match(pemBegin)?.length ?? 0;
  const blocks = text.match(pemCertificate) ?? [];
  const { certificates, skipped } = normal(blocks);
  return { certificates, skipped: skipped + begun - blocks.length };
}

function normal(encoded: readonly (string | Uint8Array)[]): TrustedRoots {
  const certificates: string[] = [];
  let skipped = 0;
  for (const one of encoded) {
    try {
      certificates.push(new X509Certificate(one).toString().trim());
    } catch {
      skipped += 1;
    }
  }
  return { certificates: unique(certificates), skipped };
}

/** The same certificate may come with lines of another length. */
function unique(certificates: readonly string[]): string[] {
  return [...new Map(certificates.map((certificate) => [certificate.replace(/\s+/g, ""), certificate])).values()];
}
