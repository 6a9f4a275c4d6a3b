/**
 * The part of TLS that does not change from one connection to the next: whom to trust, who we are, how to speak.
 *
 * A `SecureContext` is expensive where it holds a set of roots of its own (tens of milliseconds for those of Mozilla),
 * so a connector has one for all of its connections.
 */
import { Buffer } from "node:buffer";
import { createHash, randomUUID } from "node:crypto";
import { createSecureContext, rootCertificates, type SecureContext, type SecureContextOptions } from "node:tls";
import type { HttpsConnectorOptions, TlsMaterial, TlsVersion } from "./tls-options.ts";
import { givenCertificates, loadRoots } from "./tls-roots.ts";

const face = "httpsConnector";
const versions: readonly TlsVersion[] = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];

/** Options that go into a `SecureContext`, and so cannot be given together with one. */
export const contextNames: readonly (keyof HttpsConnectorOptions)[] = [
  "ca",
  "roots",
  "extraCa",
  "crl",
  "cert",
  "key",
  "passphrase",
  "pfx",
  "minVersion",
  "maxVersion",
  "ciphers",
  "sigalgs",
  "ecdhCurve",
];

/** @throws TypeError or RangeError for options that do not go together, and for roots that cannot be read. */
export function contextOptions(given: HttpsConnectorOptions): SecureContextOptions {
  const { cert, key, pfx, passphrase, ciphers, sigalgs, ecdhCurve } = given;
  if ((cert === undefined) !== (key === undefined)) throw new TypeError(`${face}: cert and key must be given together`);
  if (cert !== undefined && pfx !== undefined) throw new TypeError(`${face}: pfx takes the place of cert and key`);
  if (passphrase !== undefined && key === undefined && pfx === undefined) {
    throw new TypeError(`${face}: passphrase has nothing to open without key or pfx`);
  }
  const minVersion = versionOption("minVersion", given.minVersion, "TLSv1.2");
  const maxVersion = versionOption("maxVersion", given.maxVersion, "TLSv1.3");
  if (versions.indexOf(minVersion) > versions.indexOf(maxVersion)) {
    throw new RangeError(`${face}: minVersion must not be above maxVersion, got ${minVersion} and ${maxVersion}`);
  }
  const ca = trusted(given);
  const crl = given.crl === undefined ? undefined : listOf(given.crl).map((one) => material("crl", one));
  return {
    minVersion,
    maxVersion,
    ...(ca !== undefined && { ca: [...ca] }),
    ...(crl !== undefined && { crl }),
    ...(cert !== undefined && { cert: material("cert", cert) }),
    ...(key !== undefined && { key: material("key", key) }),
    ...(pfx !== undefined && { pfx: material("pfx", pfx) }),
    ...(passphrase !== undefined && { passphrase }),
    ...(ciphers !== undefined && { ciphers }),
    ...(sigalgs !== undefined && { sigalgs }),
    ...(ecdhCurve !== undefined && { ecdhCurve }),
  };
}

/** The roots of a context; undefined for Node's own, which are loaded once for all contexts. */
function trusted({ ca, roots, extraCa }: HttpsConnectorOptions): readonly string[] | undefined {
  if (ca !== undefined) {
    if (roots !== undefined) throw new TypeError(`${face}: ca takes the place of roots`);
    if (extraCa !== undefined) throw new TypeError(`${face}: extraCa adds to roots, and ca takes their place`);
    return givenCertificates(`${face}: ca`, ca);
  }
  if (extraCa === undefined) return roots === undefined ? undefined : loadRoots(roots).certificates;
  const base = roots === undefined ? rootCertificates : loadRoots(roots).certificates;
  return [...base, ...givenCertificates(`${face}: extraCa`, extraCa)];
}

/** @throws TypeError naming the option that cannot be used; what is in it is not shown. */
export function makeContext(options: SecureContextOptions): SecureContext {
  try {
    return createSecureContext(options);
  } catch (cause) {
    const { cert, key, pfx, passphrase, crl, ciphers, sigalgs, ecdhCurve } = options;
    const suspects = { "cert and key": { cert, key, passphrase }, pfx: { pfx, passphrase }, crl: { crl } };
    for (const [name, part] of Object.entries({
      ...suspects,
      ciphers: { ciphers },
      sigalgs: { sigalgs },
      ecdhCurve: { ecdhCurve },
    })) {
      if (Object.values(part).every((value) => value === undefined) || isUsable(part as SecureContextOptions)) continue;
      throw new TypeError(`${face}: ${name} cannot be used`, { cause });
    }
    throw new TypeError(`${face}: these options make no TLS context`, { cause });
  }
}

function isUsable(options: SecureContextOptions): boolean {
  try {
    createSecureContext(options);
    return true;
  } catch {
    return false;
  }
}

function versionOption(name: string, value: TlsVersion | undefined, byDefault: TlsVersion): TlsVersion {
  if (value === undefined) return byDefault;
  if (versions.includes(value)) return value;
  throw new RangeError(`${face}: ${name} must be one of ${versions.join(", ")}, got ${String(value)}`);
}

function material(name: string, given: TlsMaterial): string | Buffer {
  if (typeof given === "string") return given;
  if (given instanceof Uint8Array) return Buffer.from(given.buffer, given.byteOffset, given.byteLength);
  throw new TypeError(`${face}: ${name} must be text or bytes, got ${typeof given}`);
}

function listOf(given: TlsMaterial | readonly TlsMaterial[]): readonly TlsMaterial[] {
  return Array.isArray(given) ? given : [given as TlsMaterial];
}

const contextIds = new WeakMap<object, string>();

/**
 * Stands for everything that decides whom to trust and how to speak, `checks` included. Options are compared by what
 * they say; a ready-made context is nobody's equal.
 */
export function trustOf(context: SecureContextOptions | SecureContext | undefined, checks: readonly unknown[]): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([context === undefined ? "" : isContext(context) ? idOf(context) : context, checks]));
  return hash.digest("base64");
}

function isContext(context: SecureContextOptions | SecureContext): context is SecureContext {
  return "context" in context;
}

function idOf(context: SecureContext): string {
  let id = contextIds.get(context);
  if (id === undefined) contextIds.set(context, (id = randomUUID()));
  return id;
}
