/**
 * What can become of an exchange on a server connection.
 */
import { HttpError } from "../error.ts";

export function clientGone(): HttpError {
  const message = "the client ended its stream before its exchange was complete";
  return new HttpError("incomplete", "CLIENT_GONE", message);
}

export function incompleteHead(): HttpError {
  const message = "the client ended its stream in the middle of a request head";
  return new HttpError("incomplete", "INCOMPLETE_MESSAGE", message);
}

export function closedBehindResponse(): HttpError {
  return new HttpError("closed", "CLOSED", "the connection was closed after the response");
}

/** What the service threw, or why its response cannot be sent. */
export function serviceError(cause: unknown): HttpError {
  const known = HttpError.is(cause) && cause.kind === "user" ? cause : undefined;
  const message = known?.message ?? "the service failed";
  return new HttpError("user", known?.code ?? "SERVICE_FAILED", message, { cause, status: 500 });
}
