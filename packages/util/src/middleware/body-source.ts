/**
 * Bodies that can be sent more than once, which is what repeating a request comes down to.
 */
import { type Body, empty, Full, full } from "@sluice/body";
import { type ExtensionKey, extensionKey, type HttpRequest } from "@sluice/core";

/** Makes the body of a request, each time anew. */
export type BodySource = () => Body;

const sourceKey: ExtensionKey<BodySource> = extensionKey("body source");

/**
 * Gives `request` a body that can be made as often as it is needed, so that the request can be repeated. What `make` throws
 * comes out here, or ends the call that needed the body.
 */
export function replayableBody(request: HttpRequest, make: BodySource): HttpRequest {
  if (typeof make !== "function") throw new TypeError(`replayableBody: make must be a function, got ${typeof make}`);
  request.body = make();
  return request.extension(sourceKey, make);
}

/**
 * What makes the body of `request` anew: there is one if the body is at its end, is a `full` one, or was given by
 * `replayableBody`. The body of the request itself stays as good as it was.
 */
export function bodySource(request: HttpRequest): BodySource | undefined {
  const source = request.extensionsIfAny?.get(sourceKey);
  if (source !== undefined) return source;
  const { body } = request;
  if (body.isEndStream()) return empty;
  if (!(body instanceof Full)) return undefined;
  // Text stays text, which a connection joins with the head.
  const content = body.takeText() ?? body.intoInner() ?? "";
  request.body = full(content);
  return () => full(content);
}

/** For a copy of a request: the source of its body, or that it has none. */
export function setBodySource(request: HttpRequest, source: BodySource | undefined): void {
  if (source !== undefined) request.extensions.set(sourceKey, source);
  else request.extensionsIfAny?.remove(sourceKey);
}
