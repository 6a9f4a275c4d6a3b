/**
 * A client that speaks the other version than the one that is served is told so in its own words: HTTP/1 by 505 (RFC 9110
 * section 15.6.6), HTTP/2 by GOAWAY with HTTP_1_1_REQUIRED (RFC 9113 section 7), at which browsers ask again over HTTP/1.1.
 */
import { full } from "@sluice/body";
import { HttpError, HttpResponse, type Service, serviceFn } from "@sluice/core";
import { errorCodes } from "@sluice/core/http2";

/** Answers every request of a client that speaks the wrong version. */
export const refuseHttp1: Service = refuse("This server speaks HTTP/2 only.\n");
export const refuseHttp2: Service = refuse("This server speaks HTTP/1 only.\n");

export function http1Refused(): HttpError {
  return new HttpError("protocol", "HTTP1_REFUSED", "the client speaks HTTP/1, and only HTTP/2 is served", {
    status: 505,
  });
}

export function http2Refused(): HttpError {
  return new HttpError("protocol", "HTTP2_REFUSED", "the client speaks HTTP/2, and only HTTP/1 is served", {
    reason: errorCodes.HTTP_1_1_REQUIRED,
  });
}

/** RFC 9110 15.6.6: a 505 says why, and what is supported. */
function refuse(text: string): Service {
  return serviceFn(() => new HttpResponse(505, { "content-type": "text/plain", connection: "close" }, full(text)));
}
