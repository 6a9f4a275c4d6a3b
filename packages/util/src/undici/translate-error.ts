/**
 * What undici would report in place of an `HttpError`. The `HttpError` is kept as the cause.
 */
import { HttpError, type HttpResponse } from "@sluice/core";
import { DispatchError, type DispatchErrorCode, ParserError } from "./dispatch-error.ts";

/** What Node's errors say beside their message. */
interface SystemError extends Error {
  code?: string;
  errno?: number | string;
  syscall?: string;
  address?: string;
  port?: number;
  hostname?: string;
}

const systemFields = ["errno", "syscall", "address", "port", "hostname"] as const;

/** `ECONNREFUSED`, `ENOTFOUND`, `EAI_AGAIN`. */
const errnoName = /^E[A-Z0-9_]+$/;

/** Codes with one meaning only. */
const codes: ReadonlyMap<string, DispatchErrorCode> = new Map<string, DispatchErrorCode>([
  ["CLIENT_CLOSED", "UND_ERR_CLOSED"],
  ["CLIENT_DESTROYED", "UND_ERR_DESTROYED"],
  ["CONNECT_TIMEOUT", "UND_ERR_CONNECT_TIMEOUT"],
  ["TLS_TIMEOUT", "UND_ERR_CONNECT_TIMEOUT"],
  ["queueTimeoutMs", "UND_ERR_CONNECT_TIMEOUT"],
  ["headTimeoutMs", "UND_ERR_HEADERS_TIMEOUT"],
  ["bodyTimeoutMs", "UND_ERR_BODY_TIMEOUT"],
  ["minBodyRate", "UND_ERR_BODY_TIMEOUT"],
  ["HEAD_TOO_LARGE", "UND_ERR_HEADERS_OVERFLOW"],
  ["TOO_MANY_HEADERS", "UND_ERR_HEADERS_OVERFLOW"],
  ["TRAILERS_TOO_LARGE", "UND_ERR_HEADERS_OVERFLOW"],
  ["TOO_MANY_TRAILERS", "UND_ERR_HEADERS_OVERFLOW"],
  ["BODY_TOO_LARGE", "UND_ERR_RES_EXCEEDED_MAX_SIZE"],
  ["BODY_TOO_SHORT", "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH"],
  ["BODY_TOO_LONG", "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH"],
  ["CONTENT_LENGTH_MISMATCH", "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH"],
  ["POOL_QUEUE_FULL", "UND_ERR"],
  ["QUEUE_FULL", "UND_ERR"],
]);

/** What llhttp says of the same bytes. */
const parserCodes: ReadonlyMap<string, string> = new Map([
  ["VERSION", "HPE_INVALID_VERSION"],
  ["INVALID_STATUS", "HPE_INVALID_STATUS"],
  ["INVALID_HEADER", "HPE_INVALID_HEADER_TOKEN"],
  ["INVALID_BYTE", "HPE_INVALID_HEADER_TOKEN"],
  ["OBSOLETE_FOLDING", "HPE_UNEXPECTED_SPACE"],
  ["BARE_LF", "HPE_INVALID_HEADER_TOKEN"],
  ["BARE_CR", "HPE_LF_EXPECTED"],
  ["CONTENT_LENGTH_INVALID", "HPE_INVALID_CONTENT_LENGTH"],
  ["CONTENT_LENGTH_TOO_LARGE", "HPE_INVALID_CONTENT_LENGTH"],
  ["TRANSFER_ENCODING_INVALID", "HPE_INVALID_TRANSFER_ENCODING"],
  ["TRANSFER_ENCODING_UNEXPECTED", "HPE_INVALID_TRANSFER_ENCODING"],
  ["INVALID_CHUNK", "HPE_INVALID_CHUNK_SIZE"],
]);

/**
 * The error a handler is told of.
 * @param response The response that was being received, if its head had come.
 */
export function translateError(error: unknown, response?: HttpResponse): unknown {
  if (!HttpError.is(error)) return error;
  const cause = error.cause;
  // What the program's own code threw, or its stream failed with, is reported as it is.
  if (isProgramError(error)) return isLengthMismatch(cause) ? as("UND_ERR_REQ_CONTENT_LENGTH_MISMATCH", error) : cause;
  const code = codes.get(error.code);
  if (code !== undefined) return as(code, error);
  switch (error.kind) {
    case "timeout":
      return as(response === undefined ? "UND_ERR_HEADERS_TIMEOUT" : "UND_ERR_BODY_TIMEOUT", error);
    case "parse":
      return new ParserError(parserCodes.get(error.code) ?? "HPE_INVALID_CONSTANT", error.message, error);
    case "incomplete":
      return response === undefined ? as("UND_ERR_SOCKET", error) : cutOff(error, response);
    case "connect":
    case "io":
      return systemError(error);
    case "user":
      return as("UND_ERR_INVALID_ARG", error);
    case "canceled":
      // A connection that went down with a request takes its reason along.
      return HttpError.is(cause) ? translateError(cause, response) : as("UND_ERR_ABORTED", error);
    default:
      return as("UND_ERR_SOCKET", error);
  }
}

function as(code: DispatchErrorCode, error: HttpError): DispatchError {
  return new DispatchError(code, error.message, error);
}

function isProgramError({ kind, code, cause }: HttpError): boolean {
  const isOwn = code === "BODY_FAILED" || code === "CALLBACK_FAILED" || code === "ABORTED_BY_CALLBACK";
  return kind === "user" && isOwn && cause !== undefined;
}

function isLengthMismatch(cause: unknown): boolean {
  return typeof cause === "object" && cause !== null && "code" in cause && cause.code === "length-mismatch";
}

/** The end came before the end of the content: undici tells apart what the head had promised. */
function cutOff(error: HttpError, response: HttpResponse): Error {
  const closes =
    response.version !== "HTTP/2" && /(?:^|,)\s*close\s*(?:,|$)/i.test(response.headers.getJoined("connection") ?? "");
  if (!closes && response.version !== "HTTP/1.0") return as("UND_ERR_SOCKET", error);
  if (response.headers.has("content-length")) return as("UND_ERR_RES_CONTENT_LENGTH_MISMATCH", error);
  return new ParserError("HPE_INVALID_EOF_STATE", error.message, error);
}

/**
 * The failure of a socket is an error of Node's, without a name of undici's: the code that Node, its resolver or its TLS gave,
 * behind which connectors put one of their own.
 */
function systemError(error: HttpError): Error {
  const original = systemCause(error);
  const code = original?.code ?? (errnoName.test(error.code) ? error.code : undefined);
  if (code === undefined) return as("UND_ERR_SOCKET", error);
  const made: SystemError = new Error(original?.message ?? error.message, { cause: error });
  made.code = code;
  for (const field of systemFields) {
    const value = original?.[field];
    if (value !== undefined) Object.assign(made, { [field]: value });
  }
  return made;
}

function systemCause(error: HttpError): SystemError | undefined {
  let current: unknown = error.cause;
  for (let depth = 0; depth < 8 && current instanceof Error; depth++) {
    if (!HttpError.is(current) && "code" in current && typeof current.code === "string") return current as SystemError;
    // Of several attempts the first.
    current = current instanceof AggregateError ? current.errors[0] : current.cause;
  }
  return undefined;
}
