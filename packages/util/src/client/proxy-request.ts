/**
 * The form a request has on a connection to a proxy: the whole URI, Host, and what the proxy itself is told (RFC 9112 3.2.2).
 */
import { HttpRequest } from "@sluice/core";
import type { Connected } from "../connect/connector.ts";

/** A copy of `request` with the same body; the fields for the proxy are never indexed nor shown. */
export function proxyRequest(request: HttpRequest, { proxyFields }: Connected): HttpRequest {
  const headers = request.headers.clone();
  const { host } = request.target;
  if (host !== undefined && !headers.has("host")) headers.insert("host", host);
  for (const [name, value] of proxyFields) headers.insert(name, value, { sensitive: true });
  const copy = new HttpRequest(request.method, request.target, headers, request.body).withVersion(request.version);
  // By them observers know it for the same request.
  if (request.extensionsIfAny !== undefined) copy.extensions.extend(request.extensionsIfAny);
  return copy;
}
