// Redirects that an upstream makes to itself, as they are seen from outside.

import { schemeOf } from "./forwarded.mjs";

/**
 * Rewrites `location` in the fields of a response if it points into what the upstream serves for `route`; any other
 * redirect is as it was meant.
 */
export function rewriteLocation(fields, request, route, info) {
  const value = fields.get("location");
  if (value === undefined) return;
  const { origins, base } = route.upstream;
  const own = origins.find((origin) => startsAt(value, origin));
  const rest = own === undefined ? value : value.slice(own.length);
  const there = own !== undefined && !rest.startsWith("/") ? `/${rest}` : rest;
  if (!there.startsWith(base)) return;
  const path = route.location + there.slice(base.length);
  if (own !== undefined) {
    if (request.authority) fields.insert("location", `${schemeOf(info)}://${request.authority}${path}`);
  } else if (!isNetworkPath(value) && !isNetworkPath(path)) {
    fields.insert("location", path);
  }
}

function startsAt(value, origin) {
  return value.slice(0, origin.length).toLowerCase() === origin && /^(?:[/?#]|$)/.test(value.slice(origin.length));
}

/** RFC 3986 4.2: what begins with two slashes names a host. */
function isNetworkPath(reference) {
  return reference.startsWith("//");
}
