// The connections of undici's clients: a pool on HTTP/1.1, one connection on HTTP/2.

import { H2CClient, Pool } from "undici";

const idleTimeoutMs = 600_000;
const manyStreams = 100;

export function dispatcherOf({ origin, protocol, connections }) {
  const idle = { keepAliveTimeout: idleTimeoutMs, keepAliveMaxTimeout: idleTimeoutMs };
  if (protocol !== "h2c") return new Pool(origin, { connections, pipelining: 1, ...idle });
  return new H2CClient(origin, { maxConcurrentStreams: manyStreams, pipelining: manyStreams, ...idle });
}
