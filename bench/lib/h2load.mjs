// h2load of nghttp2, for HTTP/2 and, with a fixed rate, HTTP/1.1. It opens windows of 1 GiB, so that its flow control holds
// no server back. It tells no percentiles, but can write down the latency of every request: that costs it time, so they come
// from a short run of their own.

import { readFileSync, rmSync } from "node:fs";
import { mib } from "../servers/start.mjs";
import { Histogram } from "./histogram.mjs";
import { loadCore, measured } from "./process.mjs";
import { scratchFile, scratchFolder } from "./scratch.mjs";

const patienceSeconds = 20;
/** More of the log is not read. */
const maxLogBytes = 64 * 2 ** 20;

/**
 * A load of so many connections with so many requests at a time on each. `upload` makes each a POST of 1 MiB, `content` one of
 * `bytes`, kept under a `name`; `rate` is of requests per second, of all connections together.
 */
export function h2load(options) {
  const {
    connections,
    streams = 1,
    upload = false,
    headers = [],
    protocol = "h2c",
    rate,
    path = "/",
    content,
  } = options;
  const args = ["-c", `${connections}`, "-m", `${streams}`, ...headers.flatMap((line) => ["-H", line])];
  if (protocol === "h1") args.push("--h1");
  if (upload) args.push("-d", scratchFile("load", "mib", mib));
  if (content !== undefined) args.push("-d", scratchFile("load", content.name, content.bytes));
  if (rate !== undefined) args.push("--rps", `${Math.max(1, Math.round(rate / connections))}`);
  return async (port, seconds, { log } = {}) => {
    const logged = log === undefined ? [] : [`--log-file=${log}`];
    const duration = `${Math.max(1, Math.round(seconds * 1000))}ms`;
    // It counts what ends within that time; it takes longer itself.
    const run = await measured(
      loadCore,
      "h2load",
      ["-D", duration, ...args, ...logged, `http://127.0.0.1:${port}${path}`],
      {
        limitSeconds: seconds + patienceSeconds,
        read: summaryOf,
      },
    );
    return { ...run, seconds };
  };
}

/** A run whose result has percentiles. */
export async function withLatencies(load, port, seconds) {
  const log = `${scratchFolder("load")}/latencies-${process.pid}`;
  rmSync(log, { force: true });
  const run = await load(port, seconds, { log });
  const latencies = percentilesOf(log);
  rmSync(log, { force: true });
  return { ...run, ...latencies };
}

/** Each line has a time, a status and microseconds. */
function percentilesOf(log) {
  const histogram = new Histogram();
  let bytes;
  try {
    bytes = readFileSync(log).subarray(0, maxLogBytes);
  } catch {
    return {};
  }
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(10, at);
    if (end < 0) break;
    histogram.add(Number(bytes.latin1Slice(bytes.lastIndexOf(9, end) + 1, end)));
    at = end + 1;
  }
  return histogram.percentiles();
}

function summaryOf(output) {
  const requests = /^requests: .*, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout$/m.exec(output);
  const statuses = /^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx$/m.exec(output);
  if (requests === null || statuses === null) return undefined;
  const [succeeded, ...mishaps] = requests.slice(1).map(Number);
  const refused = statuses.slice(2).map(Number);
  return {
    requests: succeeded,
    errors: [...mishaps, ...refused].reduce((sum, count) => sum + count, 0),
  };
}
