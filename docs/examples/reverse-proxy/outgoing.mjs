// The request as the upstream is to see it.

import { HttpRequest } from "@sluice/core";
import { passedOn, setFraming } from "./bodies.mjs";
import { endToEnd, listed } from "./fields.mjs";
import { setForwarded, setVia } from "./forwarded.mjs";
import { askFor } from "./upgrades.mjs";
import { targetAt } from "./upstream.mjs";

/**
 * Makes the request of a client anew: method, target and end-to-end fields are copied, the content goes through.
 *
 * @param exchange The request, what is known of its connection, its route, and the protocol it asks to change to, if any.
 * @returns The request, and what `isGranted` has to look for in the answer.
 */
export function outgoingRequest({ request, info, route, protocol }, { forwarded, via, name, log }) {
  const fields = endToEnd(request.headers);
  // It follows from the target.
  fields.remove("host");
  setForwarded(fields, request, info, forwarded);
  setVia(fields, request, via, name);
  // Trailers are passed on, so whoever wants them may have them (RFC 9110 10.1.4).
  if (listed(request.headers, "te").includes("trailers")) fields.append("te", "trailers");
  for (const [field, value] of route.upstream.headers) fields.insert(field, value, { sensitive: true });
  const target = targetAt(route, request);
  if (protocol !== undefined) {
    const accept = askFor(protocol, fields, request);
    return { outgoing: HttpRequest.get(target, fields), accept };
  }
  setFraming(fields, request);
  const { scheme, version } = route.upstream;
  const body = passedOn(request, {
    // What ALPN will choose is not known yet.
    mustAnnounce: version === "http1" || (version === "auto" && scheme === "http"),
    lost: (names) => log(`${request.method} ${request.target.path}: lost trailers ${names.join()}`),
  });
  return { outgoing: new HttpRequest(request.method, target, fields, body), accept: undefined };
}
