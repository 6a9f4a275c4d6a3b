/**
 * Errors in the shapes that users of undici branch on: `name`, `code`, and what its classes test for `instanceof`.
 *
 * undici recognises its errors by a property under `Symbol.for("undici.error.<code>")`, so that copies of it know each other's; an
 * error that carries it passes `error instanceof errors.SocketError` of any of them, and nothing of undici is imported.
 */

/** What a failure is called; the same as undici's. Errors of sockets keep Node's own codes instead. */
export type DispatchErrorCode =
  | "UND_ERR"
  | "UND_ERR_CONNECT_TIMEOUT"
  | "UND_ERR_HEADERS_TIMEOUT"
  | "UND_ERR_HEADERS_OVERFLOW"
  | "UND_ERR_BODY_TIMEOUT"
  | "UND_ERR_INVALID_ARG"
  | "UND_ERR_ABORTED"
  | "UND_ERR_INFO"
  | "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH"
  | "UND_ERR_RES_CONTENT_LENGTH_MISMATCH"
  | "UND_ERR_RES_EXCEEDED_MAX_SIZE"
  | "UND_ERR_DESTROYED"
  | "UND_ERR_CLOSED"
  | "UND_ERR_SOCKET"
  | "UND_ERR_NOT_SUPPORTED";

/** The name of each code, its message where there is no better one, and the codes whose classes it belongs to besides. */
const shapes: Readonly<Record<DispatchErrorCode, readonly [name: string, message: string, ...also: string[]]>> = {
  UND_ERR: ["UndiciError", "The request failed"],
  UND_ERR_CONNECT_TIMEOUT: ["ConnectTimeoutError", "Connect Timeout Error"],
  UND_ERR_HEADERS_TIMEOUT: ["HeadersTimeoutError", "Headers Timeout Error"],
  UND_ERR_HEADERS_OVERFLOW: ["HeadersOverflowError", "Headers Overflow Error"],
  UND_ERR_BODY_TIMEOUT: ["BodyTimeoutError", "Body Timeout Error"],
  UND_ERR_INVALID_ARG: ["InvalidArgumentError", "Invalid Argument Error"],
  UND_ERR_ABORTED: ["AbortError", "Request aborted", "UND_ERR_ABORT"],
  UND_ERR_INFO: ["InformationalError", "Request information"],
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: [
    "RequestContentLengthMismatchError",
    "Request body length does not match content-length header",
  ],
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: [
    "ResponseContentLengthMismatchError",
    "Response body length does not match content-length header",
  ],
  UND_ERR_RES_EXCEEDED_MAX_SIZE: ["ResponseExceededMaxSizeError", "Response content exceeded max size"],
  UND_ERR_DESTROYED: ["ClientDestroyedError", "The client is destroyed"],
  UND_ERR_CLOSED: ["ClientClosedError", "The client is closed"],
  UND_ERR_SOCKET: ["SocketError", "Socket error"],
  UND_ERR_NOT_SUPPORTED: ["NotSupportedError", "Not supported error"],
};

/** An error as undici would give it. The `HttpError` it stands for, where there is one, is its `cause`. */
export class DispatchError extends Error {
  readonly code: DispatchErrorCode;

  constructor(code: DispatchErrorCode, message?: string, cause?: unknown) {
    const [name, usual, ...also] = shapes[code];
    super(message ?? usual, cause === undefined ? undefined : { cause });
    this.name = name;
    this.code = code;
    brand(this, code);
    if (code !== "UND_ERR") brand(this, "UND_ERR");
    for (const other of also) brand(this, other);
  }
}

/** An answer that is not HTTP: `code` is one of llhttp's, such as `HPE_INVALID_CONSTANT`. */
export class ParserError extends Error {
  readonly code: string;

  constructor(code: string, message: string, cause: unknown) {
    super(message, { cause });
    this.name = "HTTPParserError";
    this.code = code;
    brand(this, "UND_ERR_HTTP_PARSER");
  }
}

export function invalidArgument(message: string, cause?: unknown): DispatchError {
  return new DispatchError("UND_ERR_INVALID_ARG", message, cause);
}

function brand(error: Error, code: string): void {
  Object.defineProperty(error, Symbol.for(`undici.error.${code}`), { value: true });
}
