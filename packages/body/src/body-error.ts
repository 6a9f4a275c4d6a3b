/**
 * The one error class of this package.
 *
 * `code` names the event, for branching. Errors of the source beneath a body (a stream, an iterable, a connection) are
 * never wrapped in it: they reach the reader as they are. Configuration mistakes throw `TypeError` or `RangeError`.
 */

import type { Frame } from "./frame.ts";

/** What happened. */
export type BodyErrorCode =
  /** More data than a limit set on the reading side allows; `limit` carries it. */
  | "length-limit"
  /** The body gave more or fewer bytes than the length declared for it. */
  | "length-mismatch"
  /** The reader cancelled the body without giving a reason. */
  | "canceled"
  /** The receiving side of a channel is gone, or its sender was closed; `frame` hands back what was not sent. */
  | "closed"
  /** The sending side of a channel gave up without giving an error. */
  | "aborted"
  /** A header map is at its cap of field lines; `limit` carries it. */
  | "too-many-fields"
  /** `frame()` was called while another call was pending. */
  | "busy";

/** What a `BodyError` carries besides its code. */
export interface BodyErrorOptions {
  /** The error behind this one. */
  readonly cause?: unknown;
  /** The limit that was exceeded, in bytes or in field lines. */
  readonly limit?: number;
  /** The frame that was not sent. */
  readonly frame?: Frame;
}

const brand: symbol = Symbol.for("@sluice/body.BodyError");

/** An error made by this package. Recognise it with {@link BodyError.is}, branch on {@link BodyError.code}. */
export class BodyError extends Error {
  override readonly name = "BodyError";
  readonly code: BodyErrorCode;
  /** The limit that was exceeded: bytes for `length-limit`, field lines for `too-many-fields`. */
  readonly limit: number | undefined;
  /** The frame that was not sent, handed back to the sender so that it can be sent elsewhere. */
  readonly frame: Frame | undefined;

  constructor(code: BodyErrorCode, message: string, options?: BodyErrorOptions) {
    super(message, options?.cause !== undefined ? { cause: options.cause } : undefined);
    this.code = code;
    this.limit = options?.limit;
    this.frame = options?.frame;
  }

  static {
    Object.defineProperty(BodyError.prototype, brand, { value: true });
  }

  /** Tells a `BodyError` from anything else, also one made by another copy of this package. */
  static is(value: unknown): value is BodyError {
    return typeof value === "object" && value !== null && brand in value;
  }
}

/** What a reader is told after `cancel(reason)`: the reason itself, or a `BodyError` when none was given. */
export function canceled(reason: unknown): unknown {
  return reason === undefined ? new BodyError("canceled", "the body was cancelled by its reader") : reason;
}

/** The error of a second `frame()` call while one is pending. */
export function busy(): BodyError {
  return new BodyError("busy", "frame() was called while an earlier call is still pending; a body has one reader");
}
