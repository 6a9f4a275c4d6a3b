// Requests that are answered here and go nowhere.

import { full } from "@sluice/body";
import { HttpResponse } from "@sluice/core";
import { listed } from "./fields.mjs";

/** What may be asked for: for answers that must say so. */
export const methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/** A short answer, which says nothing but its status. */
export function plainAnswer(status, headers = {}) {
  const response = new HttpResponse(status, headers);
  if (status === 204) return response;
  response.headers.append("content-type", "text/plain");
  return response.withBody(full(`${status} ${response.reason}\n`));
}

/** The answer to a request that is not to be passed on; `undefined` for any other. */
export function refusal(request) {
  // Passed on, one of us would have to undo it.
  if (hasOtherCodings(request.headers)) return plainAnswer(501);
  // The upstream might take it out of the location whose rules it came under.
  if (hasDotSegments(request.target.path)) return plainAnswer(400);
  return lastHop(request);
}

/** Whether the content has a transfer coding beside chunked, which the engine does not undo. */
export function hasOtherCodings(headers) {
  return (
    headers.has("transfer-encoding") && listed(headers, "transfer-encoding").some((coding) => coding !== "chunked")
  );
}

/** RFC 9110 7.6.2: OPTIONS may say how far it is to go. Counts down, and answers at the end. */
function lastHop({ method, headers }) {
  // RFC 9110 9.3.8: the answer would show the client what was added to its request.
  if (method === "TRACE") return plainAnswer(405, { allow: methods });
  const value = method === "OPTIONS" ? headers.get("max-forwards") : undefined;
  if (value === undefined || !/^[0-9]{1,9}$/.test(value)) return undefined;
  if (Number(value) === 0) return plainAnswer(204, { allow: methods });
  headers.insert("max-forwards", String(Number(value) - 1));
  return undefined;
}

function hasDotSegments(path) {
  return /\/(?:\.|%2e){1,2}(?:\/|$)/i.test(path);
}
