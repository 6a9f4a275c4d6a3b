/**
 * What can become of a request on a client connection beside what `client/errors.ts` has for both versions.
 */
import { HttpError } from "../error.ts";

export function notReady(): HttpError {
  return new HttpError("canceled", "NOT_READY", "the connection was not ready for another request");
}

/** A pipelined request went down with the connection, for no reason of its own. */
export function lost(cause: HttpError): HttpError {
  const message = "the connection ended before this request was answered";
  return new HttpError("incomplete", "CONNECTION_LOST", message, { cause });
}

/** The server will not answer what was sent behind the request it answered last. */
export function unanswered(): HttpError {
  const message = "the server closed the connection behind an earlier response";
  return new HttpError("incomplete", "UNANSWERED", message);
}

export function incompleteResponse(): HttpError {
  const message = "the server ended its stream before its response was complete";
  return new HttpError("incomplete", "INCOMPLETE_MESSAGE", message);
}

export function unexpectedBytes(): HttpError {
  return new HttpError("protocol", "UNEXPECTED_MESSAGE", "the server sent bytes that belong to no request");
}

/** RFC 9110 7.8, 15.2.2. */
export function unexpectedUpgrade(problem: string): HttpError {
  return new HttpError("protocol", "UNEXPECTED_UPGRADE", `101 ${problem} (RFC 9110 7.8)`);
}

/** The rest of the content was not at hand, so the connection had to go. */
export function bodyCanceled(): HttpError {
  return new HttpError("canceled", "BODY_CANCELED", "the response body was canceled");
}
