/**
 * What a dispatch is asked for, as undici defines it.
 */

/** Field lines: names and values in turn, pairs, anything that gives pairs, or an object. */
export type DispatchHeaders =
  | readonly unknown[]
  | Iterable<readonly [string, unknown]>
  | Readonly<Record<string, unknown>>
  | null
  | undefined;

/** A request as callers of `dispatch` describe it. */
export interface DispatchOptions {
  /** Scheme, host and port, such as `https://example.org`; what else a URL holds is not looked at. */
  readonly origin?: string | URL | undefined;
  /** Path and query; for CONNECT host and port. */
  readonly path: string;
  readonly method: string;
  /** Values may be strings, numbers, or lists of them; `undefined` leaves a field out. */
  readonly headers?: DispatchHeaders;
  /** A string, bytes, a `Blob`, a `FormData`, a Node stream, or anything that is iterated for chunks. */
  readonly body?: unknown;
  /** Becomes the query of `path`, which must have none. */
  readonly query?: Readonly<Record<string, unknown>> | null | undefined;
  /** The protocol to leave HTTP for, such as `websocket`. */
  readonly upgrade?: string | boolean | null | undefined;
  /** Longest wait for the response head, in milliseconds; 0 for no limit. Default: the client's. */
  readonly headersTimeout?: number | null | undefined;
  /** Longest wait for the next bytes of the body while they are wanted; 0 for no limit. Default: the client's. */
  readonly bodyTimeout?: number | null | undefined;
  /** The connection is not used for a further request (HTTP/1). */
  readonly reset?: boolean | null | undefined;
  /** The content waits until the server asks for it with 100, or for `expectContinueTimeoutMs` of the client. */
  readonly expectContinue?: boolean | null | undefined;
  /** `false`: HTTP/1 only. undici 8 says so for handlers of the older generation. Default: what the client chooses. */
  readonly allowH2?: boolean | null | undefined;
  /** The name that TLS asks for and checks. Default: that of the field Host. */
  readonly servername?: string | null | undefined;
  /** Anything but 0 is refused: redirects are followed by an interceptor. */
  readonly maxRedirections?: number | null | undefined;
  /** Without effect: nothing is pipelined, and the client knows which methods may be repeated. */
  readonly idempotent?: boolean | null | undefined;
  /** Without effect, as `idempotent`. */
  readonly blocking?: boolean | null | undefined;
  /** Without effect here: it is for what is above `dispatch`. */
  readonly throwOnError?: boolean | null | undefined;
}
