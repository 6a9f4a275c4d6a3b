/**
 * From names to addresses: the interface that every resolver keeps.
 *
 * The families of a name are two questions, and the answers may come one after the other. So a resolver gives batches
 * as they come, and whoever connects need not wait for the last of them (RFC 8305 section 3).
 */

/** One address of a name. */
export interface ResolvedAddress {
  /** An IP address; an IPv6 address without brackets. */
  readonly address: string;
  readonly family: 4 | 6;
  /**
   * A port that goes with the address. It is used where the target names none of its own, which is when its port is the
   * default of its scheme; 0 is none. Default: none.
   */
  readonly port?: number | undefined;
  /** How long the address may be kept, in milliseconds. Default: not known. */
  readonly ttlMs?: number | undefined;
}

/** Finds the addresses of names. */
export interface Resolver {
  /**
   * Yields the addresses of `host` (a name in lower case, never an IP address) in batches, as they become known, the
   * most preferred first within a batch. Both families in the first batch: its first address says which one is to be
   * preferred; one family per batch: IPv6 is, if it comes in time. It ends when nothing more will come, and throws if
   * there is no address at all: an `HttpError` of kind `connect` whose code tells `ENOTFOUND` (no such name) from what may
   * pass, such as `EAI_AGAIN`. A failure after the first batch counts only if no address of it can be reached.
   *
   * `signal` aborts when nobody needs the rest; it may be heeded, and what comes later is ignored anyway.
   */
  resolve(host: string, signal?: AbortSignal): AsyncIterable<readonly ResolvedAddress[]>;
}
