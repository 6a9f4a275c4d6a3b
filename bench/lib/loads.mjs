// The loads that scenarios name: each a function of a port and seconds that resolves with what came of it, and the name of
// the program that makes it. Where wrk or h2load is missing, programs of load/ make small requests in their place.

import { h2load, withLatencies } from "./h2load.mjs";
import { has, loadCore, measured } from "./process.mjs";

const patienceSeconds = 20;
/** wrk takes whole seconds only; it is interrupted before they are over. */
const wrkSeconds = 3600;
const longestLatencyRun = 0.5;

/**
 * Requests of HTTP/1.1, so many at a time on each connection; `tls` speaks TLS, `content` makes them POSTs of that text, which is
 * JSON.
 */
export function h1Load({ connections, depth = 1, headers = [], tls = false, path = "/", content }) {
  if (has("wrk")) {
    const options = ["-t1", `-c${connections}`, `-d${wrkSeconds}s`, "--timeout", "10s", "-s", "load/get.lua"];
    const fields = headers.flatMap((line) => ["-H", line]);
    const scheme = tls ? "https" : "http";
    const given = [`${depth}`, ...(content === undefined ? [] : [content])];
    const once = (port, seconds) =>
      measured(loadCore, "wrk", [...options, ...fields, `${scheme}://127.0.0.1:${port}${path}`, "--", ...given], {
        limitSeconds: seconds + patienceSeconds,
        interruptSeconds: seconds,
      });
    return { generator: "wrk", run: untilSome(once) };
  }
  if (tls || path !== "/" || content !== undefined) throw new Error("wrk is not installed");
  if (headers.some((line) => /^connection: *close$/i.test(line))) throw new Error("wrk is not installed");
  return node("h1", ["--connections", connections, "--depth", depth, ...headers.flatMap((line) => ["--header", line])]);
}

/** Uploads of 1 MiB over HTTP/1.1. */
export function h1Upload({ connections }) {
  return node("h1", ["--connections", connections, "--upload", 2 ** 20]);
}

/** Requests of HTTP/2, so many at a time on each connection; for `path` and `content` as `h2load` has them. */
export function h2Load({ connections, streams, headers = [], upload = false, isSmall = true, path, content }) {
  if (has("h2load")) {
    const load = h2load({ connections, streams, headers, upload, path, content });
    const latencies = (port, seconds) => withLatencies(load, port, Math.min(seconds, longestLatencyRun));
    return { generator: "h2load", run: untilSome(load), latencies: untilSome(latencies) };
  }
  if (!isSmall || headers.length > 0) throw new Error("h2load is not installed");
  return node("h2-many", ["--connections", connections, "--active", connections * streams]);
}

/** Requests at a fixed rate, of all connections together. */
export function fixedRate({ protocol, connections, streams, rate }) {
  const load = h2load({ protocol, connections, streams, rate });
  return { generator: "h2load", run: untilSome((port, seconds) => withLatencies(load, port, seconds)) };
}

const attempts = 4;
const longer = 4;

/** On a busy machine a short time may be too short for a single request: then it is tried again for longer. */
function untilSome(once) {
  return async (port, seconds) => {
    for (let attempt = 1; ; attempt++) {
      const run = await once(port, seconds * longer ** (attempt - 1));
      if (run.requests > 0 || run.errors > 0) return run;
      if (attempt === attempts) return { ...run, errors: 1, why: "no response at all" };
    }
  };
}

/** A program of load/. `run` may be told the pid of the server: then only what follows a warm-up counts. */
export function node(program, args) {
  const run = (port, seconds, { pid } = {}) => {
    const watched = pid === undefined ? [] : ["--pid", pid];
    const given = [`load/${program}.mjs`, "--port", port, "--seconds", seconds, ...watched, ...args];
    return measured(loadCore, process.execPath, given.map(String), { limitSeconds: seconds * 2 + 60 });
  };
  return { generator: `load/${program}.mjs`, run };
}
