/**
 * The transport, as the connection machines see it.
 *
 * Reading is pull-style: not asking is backpressure. Both directions are completion-style: a machine that moves
 * thousands of small messages must not make a promise for each read and write.
 *
 * Anything that moves bytes can be an `Io`: a socket, a TLS session, a pair of web streams, a pipe in memory.
 * JavaScript has one event loop, so there is no executor to pass, where hyper asks for one.
 */

/** Where bytes come from. */
export interface Read {
  /**
   * Asks for the next chunk. At most one request may be outstanding.
   *
   * `done` is called exactly once, possibly before `read` returns: with a non-empty chunk, which from then on belongs to
   * the caller; with `null` at the end of the stream, and again on every later call; or with `null` and an error once
   * the transport has failed, and again on every later call.
   */
  read(done: ReadDone): void;
}

/** Takes what was read: a chunk, or `null` at the end, with `error` if it was not a clean end. */
export type ReadDone = (chunk: Uint8Array | null, error?: unknown) => void;

/** Where bytes go. */
export interface Write {
  /**
   * Takes the chunks in order; from then on they belong to the transport and must not be changed. `false` means that
   * the transport holds enough (or has failed): wait for `drained` before writing more.
   */
  write(chunks: readonly Uint8Array[]): boolean;

  /**
   * Calls `done` once, possibly before returning, when the transport can take more after a `write` that returned
   * `false`; with an error when it has failed. At most one request may be outstanding.
   */
  drained(done: (error?: unknown) => void): void;

  /**
   * Ends the writing side after everything written so far (FIN on TCP). Reading goes on. `done` is called once, with an
   * error if the end could not be delivered. Called at most once.
   */
  shutdown(done: (error?: unknown) => void): void;

  /**
   * Gives the transport up, at once and for good. Before `shutdown` has completed this is a reset (RST on TCP) that
   * discards what is unsent; afterwards it only releases the descriptor. An outstanding `read` or `drained` completes
   * with `reason`. Calling it again does nothing.
   */
  abort(reason?: unknown): void;
}

/** A transport in both directions, with what is known about it. */
export interface Io extends Read, Write {
  /** Facts about the transport, where it knows any. */
  readonly info?: IoInfo | undefined;
  /** The clock that belongs to this transport's runtime; a connection uses it unless its options name another. */
  readonly timer?: Timer | undefined;
}

/** What a transport may know about itself. Absent or undefined means unknown. */
export interface IoInfo {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  /** True when bytes are protected by TLS or an equivalent. */
  readonly secure?: boolean | undefined;
  /** The protocol chosen by ALPN (RFC 7301), such as `http/1.1` or `h2`. */
  readonly alpnProtocol?: string | undefined;
  /** The version of TLS, as Node names it: `TLSv1.2`, `TLSv1.3`. */
  readonly tlsVersion?: string | undefined;
  /** The registered name of the cipher suite, such as `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`. */
  readonly cipherSuite?: string | undefined;
  /** The server name the client asked for (RFC 6066 section 3). */
  readonly servername?: string | undefined;
  /** The DER form of the certificate the peer has shown; undefined when it showed none. */
  readonly peerCertificate?: Uint8Array | undefined;
}

/** A clock and an alarm. All times are milliseconds. */
export interface Timer {
  /** A monotonic reading; only differences mean anything. */
  now(): number;
  /**
   * Runs `task` once, in a later turn of the event loop, no sooner than `delayMs` from now. Implementations may be
   * coarse and run it somewhat later; a delay of 0 means "as soon as other events have had their turn".
   */
  schedule(delayMs: number, task: () => void): Alarm;
}

/** A scheduled task. */
export interface Alarm {
  /** Takes the task back; does nothing once it has run. */
  cancel(): void;
}
