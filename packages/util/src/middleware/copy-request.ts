/**
 * A request like another one. A middleware that sends something else than it was given leaves the original as it is.
 */
import type { Body, HeaderMap } from "@sluice/body";
import { HttpRequest, type Method, type RequestTarget } from "@sluice/core";
import { type BodySource, setBodySource } from "./body-source.ts";
import { signalKey, signalOf } from "./signal.ts";

/** What differs. The header section of a copy is always its own. */
export interface Differences {
  readonly method?: Method;
  readonly target?: RequestTarget;
  readonly headers?: HeaderMap;
  readonly body: Body;
  /** What makes the body anew, if anything can. */
  readonly source: BodySource | undefined;
}

/** A copy of `request`, with its extensions, and given up when it is. */
export function copyRequest(request: HttpRequest, differences: Differences): HttpRequest {
  const { method = request.method, target = request.target, body, source } = differences;
  const headers = differences.headers ?? request.headers.clone();
  const copy = new HttpRequest(method, target, headers, body).withVersion(request.version);
  const { extensionsIfAny } = request;
  if (extensionsIfAny !== undefined) copy.extensions.extend(extensionsIfAny);
  copy.extensions.set(signalKey, signalOf(request));
  setBodySource(copy, source);
  return copy;
}
