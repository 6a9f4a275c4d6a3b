/**
 * Responses of a given size, for tests about when which part of them leaves.
 */
import { full } from "@sluice/body";
import { type HttpRequest, HttpResponse } from "@sluice/core";
import type { ServerUnderTest } from "./server.ts";

/** Answers with as many octets as the path says; a `priority` field behind a question mark is that of the response. */
export function sized(request: HttpRequest): HttpResponse {
  const [size = "", priority] = request.target.pathAndQuery.slice(1).split("?");
  const headers: Record<string, string> = priority === undefined ? {} : { priority };
  return new HttpResponse(200, headers, full(new Uint8Array(Number(size))));
}

/** The head of what `sized` answers. */
export function sizedText(streamId: number, bytes: number): string {
  return `HEADERS ${streamId} :status=200 content-length=${bytes}`;
}

/** A handshake after which no content may be sent. */
export const shut = { settings: { INITIAL_WINDOW_SIZE: 0 } } as const;

/** Opens all windows at once. */
export function open({ peer }: ServerUnderTest): void {
  peer.batch(() => {
    peer.windowUpdate(0, 2 ** 20);
    peer.settings({ INITIAL_WINDOW_SIZE: 2 ** 20 });
  });
}
