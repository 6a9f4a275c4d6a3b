/**
 * When an exchange is over: a response is over not when its head is there, but when its body is.
 *
 * A reader need not ask for the `null` behind the last frame if the body says that it is at its end, so that is looked at
 * with each frame.
 */
import { inspect, isData } from "@sluice/body";
import type { HttpRequest, HttpResponse } from "@sluice/core";

/** How an exchange ended. */
export type Outcome =
  /** The response was read to its end. */
  | { readonly kind: "completed" }
  /** Nobody wanted the rest. */
  | { readonly kind: "aborted"; readonly error: unknown }
  | { readonly kind: "failed"; readonly error: unknown };

export interface Watcher {
  /** Is called once, possibly before `watchResponse` returns. Must not throw. */
  onOver(outcome: Outcome): void;
  /** Is called for each frame of data. Must not throw. */
  onData?(byteLength: number): void;
}

/** Tells `watcher` what becomes of the body of `response`, which is replaced. */
export function watchResponse(request: HttpRequest, response: HttpResponse, watcher: Watcher): void {
  const { body } = response;
  if (hasNoContent(request, response) || body.isEndStream()) {
    watcher.onOver({ kind: "completed" });
    return;
  }
  let isOver = false;
  const over = (outcome: Outcome): void => {
    if (isOver) return;
    isOver = true;
    watcher.onOver(outcome);
  };
  const watched = inspect(body, {
    onFrame: (frame) => {
      if (isData(frame)) watcher.onData?.(frame.byteLength);
      if (body.isEndStream()) over({ kind: "completed" });
    },
    onEnd: () => over({ kind: "completed" }),
    onError: (error) => over({ kind: "failed", error }),
    onCancel: (error) => over({ kind: "aborted", error }),
  });
  // A connection treats a service that sends back what it receives apart, and knows it by this.
  if (request.body === body) request.body = watched;
  response.body = watched;
}

/** Whether the content of a response, if it has any, is not sent (RFC 9110 6.4.1), or the connection leaves HTTP. */
export function hasNoContent({ method }: HttpRequest, { status }: HttpResponse): boolean {
  if (method === "HEAD" || status === 204 || status === 304 || status < 200) return true;
  return method === "CONNECT" && status < 300;
}
