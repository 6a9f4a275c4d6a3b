// What a proxy says of itself and of the client: Via (RFC 9110 7.6.3) and X-Forwarded-For, -Host and -Proto.

import { isForwarding } from "./fields.mjs";

/** `append` keeps what came and adds to it, `replace` drops it, `off` adds nothing. */
export const policies = ["append", "replace", "off"];

/**
 * Notes the way of `message`, a request or a response, in `fields`. With `off` they are left as they came.
 *
 * @param name What this proxy calls itself.
 */
export function setVia(fields, message, policy, name) {
  if (policy === "off") return;
  const own = `${message.version.slice("HTTP/".length)} ${name}`;
  const before = policy === "append" ? fields.getJoined("via") : undefined;
  fields.insert("via", before === undefined ? own : `${before}, ${own}`);
}

/**
 * Tells the upstream who asked, and for what. What the client itself says of that is believed with `append` only, which is
 * for a proxy that none but other proxies can reach; otherwise it is dropped, with `off` too.
 *
 * @param info What is known of the client's connection.
 */
export function setForwarded(fields, request, info, policy) {
  if (policy !== "append") {
    for (const name of new Set(fields.keys())) if (isForwarding(name)) fields.remove(name);
  }
  if (policy === "off") return;
  const client = (info?.remoteAddress ?? "unknown").replace(/^::ffff:(?=[0-9.]+$)/i, "");
  const before = fields.getJoined("x-forwarded-for");
  fields.insert("x-forwarded-for", before === undefined ? client : `${before}, ${client}`);
  if (request.authority && !fields.has("x-forwarded-host")) fields.append("x-forwarded-host", request.authority);
  if (!fields.has("x-forwarded-proto")) fields.append("x-forwarded-proto", schemeOf(info));
}

/** The scheme that the client used. */
export function schemeOf(info) {
  return info?.secure ? "https" : "http";
}
