/** Connections to a Unix domain socket, or a named pipe on Windows. */
import type { Timer } from "@sluice/core";
import { nodeTimer } from "../../node/timer.ts";
import { knownOptions, limitOption, objectOption } from "../../options.ts";
import { quoted } from "../connect-errors.ts";
import { Connected, type Connector } from "../connector.ts";
import { timeoutConnector } from "../timeout-connector.ts";
import { dialSocket, holdOf } from "./dial-socket.ts";

/** What `unixConnector` may be told. */
export interface UnixConnectorOptions {
  /** The path of the socket, or the name of a pipe; on Linux a leading NUL names an abstract socket. */
  readonly path: string;
  /** How long connecting may take, in milliseconds; 0 or `Infinity`: as long as it needs. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** The clock of the limit and of the connections. Default: the shared `nodeTimer`. */
  readonly timer?: Timer;
}

const face = "unixConnector";

/**
 * A connector that leads to one socket file, wherever the target says: scheme, host and port are for those above, such
 * as a TLS connector. A path alone stands for an object with that path.
 *
 * Rejects with kind `connect` and the errno name (`ENOENT`, `EACCES`, `ECONNREFUSED`, ...), `timeout` or `canceled`.
 *
 * @throws TypeError or RangeError for an unknown option, a senseless value, or a path that is empty or has a NUL in it.
 */
export function unixConnector(given: string | UnixConnectorOptions): Connector {
  const options: UnixConnectorOptions = typeof given === "string" ? { path: given } : given;
  knownOptions(face, options, ["path", "connectTimeoutMs", "timer"]);
  const { path } = options;
  if (typeof path !== "string" || path === "" || path.includes("\0", 1)) {
    throw new TypeError(`${face}: path must be the path of a socket, got ${quoted(String(path))}`);
  }
  const limitMs = limitOption(face, "connectTimeoutMs", options.connectTimeoutMs, 10_000);
  const timer = objectOption(face, "timer", options.timer, "schedule", () => nodeTimer);
  const connect: Connector = async (_target, signal) => {
    const io = await dialSocket(
      { path, allowHalfOpen: true },
      timer,
      signal,
      `connecting to the socket ${quoted(path)}`,
    );
    return new Connected(io, holdOf(io));
  };
  return timeoutConnector(connect, limitMs, { timer });
}
