/**
 * Deviations from the grammar that a peer may be allowed, each by name. They are off by default.
 */
export interface Leniency {
  /** Lines of a head and of chunked framing may end in LF alone (RFC 9112 2.2 lets a recipient accept it in heads). */
  readonly allowBareLineFeed: boolean;
  /**
   * A field line starting with SP or HTAB continues the one before; the fold becomes one SP. On by default on clients: RFC
   * 9112 5.2 demands it of user agents, and lets servers refuse it.
   */
  readonly allowObsoleteFolding: boolean;
  /** SP and HTAB between a field name and its colon are ignored (RFC 9112 5.1 forbids it: a smuggling vector). */
  readonly allowSpaceBeforeColon: boolean;
  /** Field lines that are malformed are skipped; NUL and bare CR are still refused. */
  readonly ignoreInvalidHeaders: boolean;
  /** Transfer-Encoding overrides Content-Length instead of being refused; the connection is not reused (RFC 9112 6.3). */
  readonly allowTransferEncodingWithContentLength: boolean;
  /** Several equal content-lengths, on one line or many, count as one (RFC 9112 6.3 rule 5). */
  readonly allowRepeatedContentLength: boolean;
  /** Blanks after a chunk size, and empty or malformed chunk extensions without control bytes, are ignored. */
  readonly allowLooseChunks: boolean;
}

/** What else may be allowed in requests. */
export interface RequestLeniency extends Leniency {
  /** More than one SP may separate the parts of a request line (RFC 9112 3). */
  readonly allowMultipleSpaces: boolean;
  /** Bytes above 0x7F may stand in a request target; they are kept as latin1 chars. */
  readonly allowUtf8Target: boolean;
}

/** Whether any deviation in header sections is allowed. */
export function isLenient(options: Leniency): boolean {
  return (
    options.allowBareLineFeed ||
    options.allowObsoleteFolding ||
    options.allowSpaceBeforeColon ||
    options.ignoreInvalidHeaders ||
    options.allowTransferEncodingWithContentLength ||
    options.allowRepeatedContentLength
  );
}
