// Leaving HTTP: Upgrade (RFC 9110 7.8), its form in HTTP/2 (RFC 8441), and plain CONNECT.

import { createHash, randomBytes } from "node:crypto";
import { HttpResponse, upgradeOn } from "@sluice/core";
import { protocolKey } from "@sluice/core/http2";
import { listed } from "./fields.mjs";

/**
 * The protocol that a request asks to change to, if it is among `allowed`. Others are not passed on: to switch to `h2c`, say,
 * would lead requests past everything this proxy sees to.
 */
export function askedProtocol(request, allowed) {
  const protocol = (request.method === "CONNECT" ? connectProtocol(request) : upgradeProtocol(request))?.toLowerCase();
  return allowed.includes(protocol) ? protocol : undefined;
}

/** RFC 8441 4. */
function connectProtocol(request) {
  return request.extensionsIfAny?.get(protocolKey);
}

/** Content would have to be sent before the protocol changes, which nobody does. */
function upgradeProtocol({ method, headers, body }) {
  const asks = method === "GET" && body.isEndStream() && listed(headers, "connection").includes("upgrade");
  return asks ? headers.getJoined("upgrade") : undefined;
}

/**
 * Makes the fields of a request one that asks for `protocol` over HTTP/1. What WebSocket in HTTP/2 does without, this proxy says
 * in the place of its client.
 * @returns The answer to look for in `sec-websocket-accept`, if there is one to be checked.
 */
export function askFor(protocol, fields, request) {
  fields.insert("upgrade", protocol);
  if (request.method !== "CONNECT" || protocol !== "websocket") return undefined;
  const key = randomBytes(16).toString("base64");
  fields.insert("sec-websocket-key", key);
  // RFC 6455 4.2.2.
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/** Whether the upstream has granted what was asked for, and nothing else. */
export function isGranted(response, protocol, accept) {
  const { status, headers } = response;
  if (status !== 101 || headers.getJoined("upgrade")?.toLowerCase() !== protocol) return false;
  return accept === undefined || headers.get("sec-websocket-accept") === accept;
}

/** The answer that grants it to the client, with the fields of the upstream's. */
export function granted(request, protocol, fields) {
  if (request.method !== "CONNECT") {
    fields.insert("upgrade", protocol);
    return new HttpResponse(101, fields);
  }
  // RFC 8441 5: there is no key, and a status as of any CONNECT.
  fields.remove("sec-websocket-accept");
  return new HttpResponse(200, fields);
}

/** The transports of client and upstream; when one is not to be had the other is given up. */
export async function bothEnds(request, upstream) {
  const [client, server] = await Promise.allSettled([upgradeOn(request), upstream]);
  if (client.status === "fulfilled" && server.status === "fulfilled") return [client.value, server.value];
  for (const end of [client, server]) if (end.status === "fulfilled") end.value.abort();
  throw client.reason ?? server.reason;
}
