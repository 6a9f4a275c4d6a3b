/**
 * What a server connection needs of whoever answers its requests: a service, or a program that accepts them one by one.
 */
import type { HttpError } from "../../error.ts";
import type { HttpRequest } from "../../message/request.ts";
import type { Stream, StreamHandler } from "../stream/stream.ts";

/** Handles one request, from its head on. */
export interface RequestHandler extends StreamHandler {
  /** The stream of the request is open. */
  begin(stream: Stream): void;
  /** The request is refused for what is in `error.status`. */
  refuse(error: HttpError): void;
}

export interface RequestAcceptor {
  /** Makes the handler of a request; its stream is opened next. */
  handler(request: HttpRequest, expectsContinue: boolean): RequestHandler;
  /** The connection is over. */
  over(error: HttpError | undefined): void;
}
