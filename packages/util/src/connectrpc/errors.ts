/**
 * Errors as connect-es knows them: what became of a connection or stream, in codes of RPCs.
 *
 * Resets are translated by the table of gRPC ("HTTP2 Transport Mapping, Errors"), as other implementations do. What was an error of
 * connect-es before it came here, such as the reason of a signal, is found again among the causes and given back as it was.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import { HttpError } from "@sluice/core";

/** Causes that are looked through. */
const maxDepth = 16;

/** By HTTP/2 error code (RFC 9113 section 7); those absent have no counterpart, and are failures of whoever sent them. */
const codeOfReset: ReadonlyMap<number, Code> = new Map([
  [0x7, Code.Unavailable], // REFUSED_STREAM
  [0x8, Code.Canceled], // CANCEL
  [0xb, Code.ResourceExhausted], // ENHANCE_YOUR_CALM
  [0xc, Code.PermissionDenied], // INADEQUATE_SECURITY
  [0xd, Code.PermissionDenied], // HTTP_1_1_REQUIRED
]);

/** Time limits of a whole call or of a wait for the server; other limits are about the connection. */
const callLimits: readonly string[] = ["headTimeoutMs", "bodyTimeoutMs", "requestTimeoutMs"];

/** What a client's call failed with. */
export function clientError(error: unknown): ConnectError {
  return translated(error, codeForClient);
}

/** Why a call is over for a server, such as because its client has left. */
export function serverError(error: unknown): ConnectError {
  return translated(error, codeForServer);
}

/** The reason of a signal that has aborted, as an error of the call. */
export function abortError(signal: AbortSignal): ConnectError {
  return ConnectError.from(signal.reason, Code.Canceled);
}

/** What those who make a message are told when the peer wants no more of it, without anything having failed. */
export function unwanted(): ConnectError {
  return new ConnectError("the rest of the message is not wanted", Code.Aborted);
}

function translated(error: unknown, codeOf: (error: HttpError) => Code): ConnectError {
  const known = connectErrorIn(error);
  if (known !== undefined) return known;
  const http = HttpError.find(error);
  if (http === undefined) return ConnectError.from(error, Code.Internal);
  return new ConnectError(http.message, codeOf(http), undefined, undefined, error);
}

function connectErrorIn(error: unknown): ConnectError | undefined {
  let current = error;
  for (let depth = 0; depth < maxDepth; depth++) {
    if (current instanceof ConnectError) return current;
    if (typeof current !== "object" || current === null || !("cause" in current)) return undefined;
    current = current.cause;
  }
  return undefined;
}

function codeForClient(error: HttpError): Code {
  switch (error.kind) {
    case "incomplete":
      return isReset(error) ? resetCode(error) : Code.Unavailable;
    case "connect":
    case "closed":
    case "io":
      return Code.Unavailable;
    case "timeout":
      return callLimits.includes(error.code) ? Code.DeadlineExceeded : Code.Unavailable;
    case "limit":
      return Code.ResourceExhausted;
    case "canceled":
      return Code.Canceled;
    default:
      return Code.Internal;
  }
}

function codeForServer(error: HttpError): Code {
  switch (error.kind) {
    case "incomplete":
      return isReset(error) ? resetCode(error) : Code.Aborted;
    case "timeout":
      return callLimits.includes(error.code) ? Code.DeadlineExceeded : Code.Aborted;
    case "limit":
      return Code.ResourceExhausted;
    case "parse":
    case "protocol":
    case "user":
      return Code.Internal;
    default:
      return Code.Aborted;
  }
}

/** The peer has reset the stream. */
function isReset({ code }: HttpError): boolean {
  return code === "STREAM_RESET";
}

function resetCode({ reason = 0 }: HttpError): Code {
  return codeOfReset.get(reason) ?? Code.Internal;
}
