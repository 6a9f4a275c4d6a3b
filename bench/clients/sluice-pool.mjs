// Sluice's pooled client.

import { full } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import { Client } from "@sluice/util/client";
import { lengthOf } from "./sluice-body.mjs";

const idleTimeoutMs = 600_000;

/** @param order Which idle connection is used next. */
export function open({ origin, protocol, connections, upload, order = "newest" }) {
  const client = new Client({
    version: protocol === "h2c" ? "http2" : "http1",
    maxConnectionsPerHost: connections,
    maxIdle: Math.max(1024, connections),
    idleTimeoutMs,
    order,
  });
  return async (_number, path = "/") => {
    const url = origin + path;
    const request =
      upload === undefined
        ? HttpRequest.get(url, { accept: "*/*" })
        : HttpRequest.post(url, full(upload), { accept: "*/*" });
    return lengthOf((await client.request(request)).body);
  };
}
