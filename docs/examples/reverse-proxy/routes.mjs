// Which upstream a request is for: its host decides, then the longest location that its path begins with.

import { upstreamOf } from "./upstream.mjs";

/**
 * Makes a look-up of a list of `{ host, location, upstream }`. A host without a table of its own, or a request without a
 * host, gets the routes that name none. Locations begin and end with a slash; the default is `/`. What follows the location is
 * appended to the path of the upstream.
 *
 * @throws TypeError for what makes no sense.
 */
export function routesOf(list) {
  const hosts = new Map();
  for (const { host = "", location = "/", upstream } of list) {
    if (!/^\/(?:.*\/)?$/.test(location)) throw new TypeError(`location: must begin and end with /, got ${location}`);
    const name = host.toLowerCase();
    const table = hosts.get(name) ?? [];
    hosts.set(name, table);
    table.push({ location, upstream: upstreamOf(upstream) });
    table.sort((one, other) => other.location.length - one.location.length);
  }
  return (request) => {
    const { path } = request.target;
    const table = hosts.get(hostName(request.authority)) ?? hosts.get("") ?? [];
    return table.find(({ location }) => path.startsWith(location) || (path === "*" && location === "/"));
  };
}

/** The host of an authority, without port and final dot. */
function hostName(authority = "") {
  return authority
    .replace(/:[0-9]*$/, "")
    .replace(/\.$/, "")
    .toLowerCase();
}
