/**
 * What a client connection needs of whoever sent a request.
 */
import type { HttpError } from "../../error.ts";
import type { HttpRequest } from "../../message/request.ts";
import type { ResponseHead } from "../head/response-head.ts";
import type { Stream, StreamHandler } from "../stream/stream.ts";
import type { Queued } from "./request-queue.ts";

/** Receives the response to a request, made or promised. */
export interface ResponseReceiver extends StreamHandler {
  readonly request: HttpRequest;
  /** A response, interim or final, has come. @throws Http2Error stream error. */
  headReceived(stream: Stream, head: ResponseHead, endStream: boolean): void;
}

/** Handles one request, from when it waits for a stream. */
export interface ResponseHandler extends ResponseReceiver, Queued {
  /** The stream is open and the head of the request prepared. */
  begin(stream: Stream): void;
  /** The request could not be sent. */
  refuse(error: HttpError): void;
}
