/**
 * What TLS for connectors may be told, checked once and at once: also certificates and keys, by making the context that
 * they are for.
 */
import { Buffer } from "node:buffer";
import { createSecureContext, type SecureContext } from "node:tls";
import type { Timer } from "@sluice/core";
import { nodeTimer } from "../../node/timer.ts";
import { flagOption, knownOptions, limitOption, objectOption } from "../../options.ts";
import { quoted } from "../connect-errors.ts";
import type { Connector, ConnectTarget } from "../connector.ts";
import { contextNames, contextOptions, makeContext, trustOf } from "./tls-context.ts";
import type { RootStore } from "./tls-roots.ts";
import { TlsSessionCache } from "./tls-sessions.ts";

/** Text in PEM, or bytes; the docstring of the option says of what. */
export type TlsMaterial = string | Uint8Array;

/** The versions of TLS that Node knows. */
export type TlsVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";

/** What `httpsConnector` may be told. */
export interface HttpsConnectorOptions {
  /** What TLS goes over. Default: `httpConnector({ enforceHttp: false })`. */
  readonly inner?: Connector | undefined;
  /** Refuse targets of the scheme `http`, which otherwise are left to `inner`. Default false. */
  readonly httpsOnly?: boolean | undefined;

  /** The only certificates to trust as roots, in PEM (any number in one text) or DER. Default: see `roots`. */
  readonly ca?: TlsMaterial | readonly TlsMaterial[] | undefined;
  /**
   * Which roots to trust: `bundled` (those of Mozilla, in Node), `system` (those of the operating system; see
   * `loadRoots`) or `merged` (both). Not together with `ca`. Default: what Node trusts unless told otherwise, which is
   * `bundled` and the file in `NODE_EXTRA_CA_CERTS`, and costs nothing to load.
   */
  readonly roots?: RootStore | undefined;
  /**
   * Roots to trust beside those of `roots`, in the forms of `ca`. Not together with `ca`. With it, the default of
   * `roots` is `bundled`.
   */
  readonly extraCa?: TlsMaterial | readonly TlsMaterial[] | undefined;
  /**
   * Lists of revoked certificates (CRL), in PEM. With any, each certificate of a chain needs the list of its issuer:
   * without it, the connection fails with the code `TLS_CRL_MISSING`. Default: none.
   */
  readonly crl?: TlsMaterial | readonly TlsMaterial[] | undefined;
  /** The client certificate in PEM, then what lies between it and a root. Together with `key`. Default: none. */
  readonly cert?: TlsMaterial | undefined;
  /** The private key of `cert` in PEM. */
  readonly key?: TlsMaterial | undefined;
  /** Opens `key` or `pfx` if it is encrypted. */
  readonly passphrase?: string | undefined;
  /** Client certificate and private key as PKCS #12, in place of `cert` and `key`. */
  readonly pfx?: Uint8Array | undefined;

  /**
   * The name to ask for and to check, for all targets: a fixed one, or made from the target, whose own `servername` it
   * may heed. An IP address is checked and not asked for. Default: the `servername` of the target, or its host.
   */
  readonly servername?: string | ((target: ConnectTarget) => string) | undefined;
  /** Tell the server which name is wanted (RFC 6066 section 3). Default true. */
  readonly sni?: boolean | undefined;
  /**
   * SHA-256 of public keys (SubjectPublicKeyInfo, as in RFC 7469), in base64 or hex: the certificate of the server must
   * have one of them, beside everything else that is checked. Default: any key.
   */
  readonly pinnedSha256?: string | readonly string[] | undefined;
  /** Accept a server whatever its certificate says; only `pinnedSha256` still holds. Default false. */
  readonly dangerAcceptInvalidCerts?: boolean | undefined;
  /** Accept a certificate for another name, from the roots that are trusted. Default false. */
  readonly dangerAcceptInvalidHostnames?: boolean | undefined;

  /** What to offer by ALPN, preferred first; `[]` for nothing. The target's own wins. Default `["h2", "http/1.1"]`. */
  readonly alpn?: readonly string[] | undefined;
  /** The oldest version of TLS to speak. Default `TLSv1.2`. */
  readonly minVersion?: TlsVersion | undefined;
  /** The newest version of TLS to speak. Default `TLSv1.3`. */
  readonly maxVersion?: TlsVersion | undefined;
  /** Cipher suites, in the notation of OpenSSL. Default: those of Node. */
  readonly ciphers?: string | undefined;
  /** Signature algorithms, in the notation of OpenSSL. Default: those of OpenSSL. */
  readonly sigalgs?: string | undefined;
  /** Groups for the key exchange, in the notation of OpenSSL. Default: those of Node. */
  readonly ecdhCurve?: string | undefined;
  /**
   * A context that is ready-made, in place of all options that would go into one: roots, certificates, versions,
   * ciphers. ALPN is no part of it. Default: made from the options.
   */
  readonly secureContext?: SecureContext | undefined;

  /** Longest wait for the handshake, in milliseconds; 0 for no limit. Default 10,000. */
  readonly handshakeTimeoutMs?: number | undefined;
  /**
   * Where sessions are kept to be resumed; false for nowhere. One cache may be passed to several connectors: those that
   * differ in whom they trust share no sessions. Default: a `TlsSessionCache` of this connector's own.
   */
  readonly sessionCache?: TlsSessionCache | false | undefined;
  /** Gets the secrets of each connection, as lines of the NSS key log format without line break: for debugging only. */
  readonly keylog?: ((line: string) => void) | undefined;
  /** The clock. Default: that of the transport, or else the shared `nodeTimer`. */
  readonly timer?: Timer | undefined;
}

/** Options as connections use them. */
export interface TlsOptions {
  readonly context: () => SecureContext;
  readonly httpsOnly: boolean;
  readonly servername: string | ((target: ConnectTarget) => string) | undefined;
  readonly sni: boolean;
  /** In base64; empty for any. */
  readonly pins: readonly string[];
  readonly checkCertificate: boolean;
  readonly checkName: boolean;
  /** Undefined if nobody knows. */
  readonly clientCertificate: boolean | undefined;
  readonly alpn: readonly string[];
  /** Infinity for none. */
  readonly handshakeTimeoutMs: number;
  readonly sessions: TlsSessionCache | undefined;
  /** Stands for everything that decides whom to trust and how to speak, in keys of sessions. */
  readonly trust: string;
  readonly keylog: ((line: string) => void) | undefined;
  readonly timer: Timer | undefined;
}

const face = "httpsConnector";
const defaultAlpn = ["h2", "http/1.1"];
const defaultHandshakeTimeoutMs = 10_000;
/** RFC 7301 section 3.1: a name is of 1 to 255 bytes, the list of at most 65,535. */
const maxProtocolLength = 255;
const maxProtocolListLength = 65_535;

const otherNames = [
  "inner",
  "httpsOnly",
  "servername",
  "sni",
  "pinnedSha256",
  "dangerAcceptInvalidCerts",
  "dangerAcceptInvalidHostnames",
  "alpn",
  "secureContext",
  "handshakeTimeoutMs",
  "sessionCache",
  "keylog",
  "timer",
] as const satisfies readonly (keyof HttpsConnectorOptions)[];

/** @throws TypeError or RangeError naming the option; HttpError `NO_ROOTS` as `loadRoots`. */
export function tlsOptions(given: HttpsConnectorOptions): TlsOptions {
  knownOptions(face, given, [...contextNames, ...otherNames]);
  const { servername, keylog, sessionCache, secureContext } = given;
  if (servername !== undefined && typeof servername !== "string" && typeof servername !== "function") {
    throw new TypeError(`${face}: servername must be a name or a function, got ${String(servername)}`);
  }
  if (typeof servername === "string") checkServername(servername);
  if (keylog !== undefined && typeof keylog !== "function") {
    throw new TypeError(`${face}: keylog must be a function, got ${String(keylog)}`);
  }
  if (sessionCache !== undefined && sessionCache !== false && !(sessionCache instanceof TlsSessionCache)) {
    throw new TypeError(`${face}: sessionCache must be a TlsSessionCache or false, got ${String(sessionCache)}`);
  }
  const pins = pinsOf(given.pinnedSha256);
  const checkCertificate = !flagOption(face, "dangerAcceptInvalidCerts", given.dangerAcceptInvalidCerts, false);
  const checkName = !flagOption(face, "dangerAcceptInvalidHostnames", given.dangerAcceptInvalidHostnames, false);
  const own = contextNames.filter((name) => given[name] !== undefined);
  if (secureContext !== undefined && own.length > 0) {
    throw new TypeError(`${face}: ${own.join(", ")} cannot be given together with secureContext`);
  }
  const material = secureContext === undefined ? contextOptions(given) : undefined;
  let context = secureContext;
  if (material !== undefined && own.length > 0) context = makeContext(material);
  return {
    context: () => (context ??= createSecureContext(material)),
    httpsOnly: flagOption(face, "httpsOnly", given.httpsOnly, false),
    servername,
    sni: flagOption(face, "sni", given.sni, true),
    pins,
    checkCertificate,
    checkName,
    clientCertificate: material === undefined ? undefined : given.cert !== undefined || given.pfx !== undefined,
    alpn: checkedAlpn(`${face}: alpn`, given.alpn ?? defaultAlpn),
    handshakeTimeoutMs: limitOption(face, "handshakeTimeoutMs", given.handshakeTimeoutMs, defaultHandshakeTimeoutMs),
    sessions: sessionCache === false ? undefined : (sessionCache ?? new TlsSessionCache()),
    trust: trustOf(material ?? secureContext, [pins, checkCertificate, checkName]),
    keylog,
    timer:
      given.timer === undefined ? undefined : objectOption(face, "timer", given.timer, "schedule", () => nodeTimer),
  };
}

/** @throws TypeError or RangeError for protocols that ALPN cannot offer; `what` names them. */
export function checkedAlpn(what: string, protocols: readonly string[]): readonly string[] {
  if (!Array.isArray(protocols)) throw new TypeError(`${what} must be a list of protocols, got ${String(protocols)}`);
  let listLength = 0;
  for (const protocol of protocols as readonly unknown[]) {
    if (typeof protocol !== "string") throw new TypeError(`${what} must be a list of names, got ${String(protocol)}`);
    const length = Buffer.byteLength(protocol);
    if (length < 1 || length > maxProtocolLength) {
      throw new RangeError(`${what} must be names of 1 to ${maxProtocolLength} bytes, got ${quoted(protocol)}`);
    }
    listLength += 1 + length;
  }
  if (listLength > maxProtocolListLength) {
    throw new RangeError(`${what} must be a list of at most ${maxProtocolListLength} bytes, got ${listLength}`);
  }
  return [...protocols];
}

/**
 * A name as TLS has it: lower-case, without the brackets of a URI, the zone of an address or the dot that ends a
 * complete name.
 * @throws RangeError for what cannot be a name; other scripts than ASCII must come in their encoded form (RFC 5890).
 */
export function checkServername(name: string): string {
  const bare = name
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/^([^:]*:.*)%.*$/, "$1")
    .replace(/\.$/, "")
    .toLowerCase();
  if (/^[\x21-\x7e]{1,253}$/.test(bare)) return bare;
  throw new RangeError(`${face}: servername must be a name of 1 to 253 ASCII characters, got ${quoted(name)}`);
}

function pinsOf(given: string | readonly string[] | undefined): string[] {
  if (given === undefined) return [];
  const pins = typeof given === "string" ? [given] : [...given];
  // No pin would accept no key, and it is likelier that somebody means any.
  if (pins.length === 0) throw new RangeError(`${face}: pinnedSha256 must name at least one key`);
  return pins.map((pin) => {
    const bytes = /^[0-9a-f]{64}$/i.test(pin) ? Buffer.from(pin, "hex") : Buffer.from(pin, "base64");
    const base64 = bytes.toString("base64");
    if (bytes.length === 32 && (/^[0-9a-f]{64}$/i.test(pin) || base64 === pin)) return base64;
    throw new RangeError(`${face}: pinnedSha256 must be 32 bytes in base64 or hex, got ${quoted(String(pin))}`);
  });
}
