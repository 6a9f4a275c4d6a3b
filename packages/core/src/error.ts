/**
 * The one error class of the engine.
 *
 * `kind` says which of a few situations happened, for branching; `code` names the exact rule or event, for logs and
 * tests. Messages say what was received and what was expected; received values are shortened and escaped by `quote`.
 * Configuration mistakes are not `HttpError`s: they throw `TypeError` or `RangeError` at once.
 */

/** The situation, in broad terms. */
export type HttpErrorKind =
  /** The peer's bytes are not HTTP as the RFCs and the limits in force define it. */
  | "parse"
  /** The program using the engine did something that cannot be sent, such as a body shorter than its content-length. */
  | "user"
  /** The exchange was given up on purpose, by a signal or a shutdown. */
  | "canceled"
  /** No connection could be made; nothing was sent. */
  | "connect"
  /** The connection is gone; nothing was sent. */
  | "closed"
  /** The connection ended in the middle of a message. */
  | "incomplete"
  /** A named time limit passed. */
  | "timeout"
  /** The peer broke a rule of the protocol that is not about syntax. */
  | "protocol"
  /** The transport failed. */
  | "io"
  /** A named size or count limit was exceeded. */
  | "limit";

/** What an error may carry beside kind, code and message. */
export interface HttpErrorOptions {
  readonly cause?: unknown;
  /** The HTTP/2 error code (RFC 9113 section 7) that was or will be sent or received. */
  readonly reason?: number;
  /** The status a server answers with when this error ends an exchange before the response head. */
  readonly status?: number;
}

const brand: unique symbol = Symbol.for("@sluice/core.HttpError") as never;

/**
 * An error of the engine: branch on `kind`, log `code`. `HttpError.is` recognises it, one made by another copy of this
 * package included.
 */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly kind: HttpErrorKind;
  /** A stable, upper-case name for the exact cause, such as `CONTENT_LENGTH_INVALID`. */
  readonly code: string;
  /** The HTTP/2 error code involved, if any. */
  readonly reason: number | undefined;
  /** The status code a server answers with, if there is one. */
  readonly status: number | undefined;

  constructor(kind: HttpErrorKind, code: string, message: string, options?: HttpErrorOptions) {
    super(message, options !== undefined && "cause" in options ? { cause: options.cause } : undefined);
    this.kind = kind;
    this.code = code;
    this.reason = options?.reason;
    this.status = options?.status;
    Object.defineProperty(this, brand, { value: true });
  }

  /** Tells an `HttpError` from anything else, also one made by another copy of this package. */
  static is(value: unknown): value is HttpError {
    return typeof value === "object" && value !== null && brand in value;
  }

  /** The first `HttpError` in `error` and its chain of causes. */
  static find(error: unknown): HttpError | undefined {
    let current = error;
    for (let depth = 0; depth < 16; depth++) {
      if (HttpError.is(current)) return current;
      if (typeof current !== "object" || current === null || !("cause" in current)) return undefined;
      current = current.cause;
    }
    return undefined;
  }

  get isParse(): boolean {
    return this.kind === "parse";
  }
  get isUser(): boolean {
    return this.kind === "user";
  }
  get isCanceled(): boolean {
    return this.kind === "canceled";
  }
  get isConnect(): boolean {
    return this.kind === "connect";
  }
  get isClosed(): boolean {
    return this.kind === "closed";
  }
  get isIncomplete(): boolean {
    return this.kind === "incomplete";
  }
  get isTimeout(): boolean {
    return this.kind === "timeout";
  }
  get isLimit(): boolean {
    return this.kind === "limit";
  }
}

/** What was thrown, as an `HttpError`: the first one in its chain of causes, or a new one around it. */
export function asHttpError(error: unknown): HttpError {
  return HttpError.find(error) ?? new HttpError("user", "INTERNAL", "the connection failed", { cause: error });
}

/** The program gave the connection up. */
export function abortedBy(reason: unknown): HttpError {
  return new HttpError("canceled", "ABORTED", "the connection was aborted", { cause: reason });
}

/** A graceful shutdown took too long. */
export function shutdownExpired(): HttpError {
  return new HttpError("canceled", "SHUTDOWN", "the deadline of the graceful shutdown has passed");
}

const maxQuotedLength = 64;

/** Renders a received value for a message: at most 64 characters, everything but printable ASCII escaped. */
export function quote(value: string): string {
  const shown = value.length > maxQuotedLength ? value.slice(0, maxQuotedLength) : value;
  const escaped = shown.replace(/[^\x20-\x7e]|["\\]/g, (char) => {
    if (char === '"' || char === "\\") return `\\${char}`;
    const unit = char.charCodeAt(0);
    return unit < 0x100 ? `\\x${unit.toString(16).padStart(2, "0")}` : `\\u${unit.toString(16).padStart(4, "0")}`;
  });
  return value.length > maxQuotedLength ? `"${escaped}"... (${value.length} characters)` : `"${escaped}"`;
}
