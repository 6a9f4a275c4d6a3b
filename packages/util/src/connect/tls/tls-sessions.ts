/**
 * TLS sessions to resume: what makes the second connection to a server cheaper than the first.
 *
 * A session carries the outcome of the first verification, so it must never be offered under other terms: the key says
 * whom it was made with, and how far that server was trusted. A ticket of TLS 1.3 is used once, for whoever sees one
 * used twice knows that both connections come from the same client (RFC 8446 appendix C.4).
 */
import type { Buffer } from "node:buffer";
import { knownOptions, wholeOption } from "../../options.ts";

/** What a `TlsSessionCache` may be told. */
export interface TlsSessionCacheOptions {
  /** Sessions kept in all; beyond that, the server not asked for longest loses its oldest. At least 1. Default 256. */
  readonly maxSessions?: number;
  /** Sessions kept for one server under the same terms; beyond that, the oldest goes. At least 1. Default 8. */
  readonly maxSessionsPerServer?: number;
}

/** A session, and what its resumption will not say again. */
export interface TlsSession {
  readonly session: Buffer;
  /** The certificate of the server in DER, which was verified when the session began. */
  readonly certificate: Uint8Array | undefined;
}

interface Entry extends TlsSession {
  /** Whether it may be offered only once. */
  readonly once: boolean;
}

const face = "TlsSessionCache";
const defaultMaxSessions = 256;
const defaultMaxPerServer = 8;

/** Sessions of TLS clients, in memory. One may be shared by connectors: the trust of each is part of its keys. */
export class TlsSessionCache {
  readonly #maxSessions: number;
  readonly #maxPerServer: number;
  /** The server last asked for comes last; of one server's sessions the newest does. */
  readonly #entries = new Map<string, Entry[]>();
  #size = 0;

  /** @throws TypeError or RangeError for an unknown option, or a limit that is not a whole number of at least 1. */
  constructor(options: TlsSessionCacheOptions = {}) {
    const { maxSessions, maxSessionsPerServer } = options;
    knownOptions(face, options, ["maxSessions", "maxSessionsPerServer"]);
    this.#maxSessions = wholeOption(face, "maxSessions", maxSessions, defaultMaxSessions, 1, Infinity);
    this.#maxPerServer = wholeOption(
      face,
      "maxSessionsPerServer",
      maxSessionsPerServer,
      defaultMaxPerServer,
      1,
      Infinity,
    );
  }

  /** Sessions kept now. */
  get size(): number {
    return this.#size;
  }

  /** Forgets all sessions. */
  clear(): void {
    this.#entries.clear();
    this.#size = 0;
  }

  /** @internal The newest session for `key`; one that may be used once is kept no longer. */
  take(key: string): TlsSession | undefined {
    const list = this.#entries.get(key);
    const newest = list?.at(-1);
    if (list === undefined || newest === undefined) return undefined;
    this.#entries.delete(key);
    if (newest.once) {
      list.pop();
      this.#size -= 1;
    }
    if (list.length > 0) this.#entries.set(key, list);
    return newest;
  }

  /** @internal Keeps a session. One that may be used again takes the place of those before it. */
  put(key: string, { session, certificate }: TlsSession, once: boolean): void {
    if (!once) this.drop(key);
    const list = this.#entries.get(key) ?? [];
    list.push({ session, certificate, once });
    this.#size += 1;
    if (list.length > this.#maxPerServer) {
      list.shift();
      this.#size -= 1;
    }
    this.#entries.delete(key);
    this.#entries.set(key, list);
    while (this.#size > this.#maxSessions) this.#evict();
  }

  /** @internal Forgets the sessions for `key`. */
  drop(key: string): void {
    this.#size -= this.#entries.get(key)?.length ?? 0;
    this.#entries.delete(key);
  }

  #evict(): void {
    const [oldest] = this.#entries;
    if (oldest === undefined) return;
    const [key, list] = oldest;
    list.shift();
    this.#size -= 1;
    if (list.length === 0) this.#entries.delete(key);
  }
}
