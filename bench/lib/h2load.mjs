// The load of HTTP/2: h2load of nghttp2. It opens windows of 1 GiB, so that its flow control holds no server back.

import { mib } from "../servers/start.mjs";
import { loadCore, measured } from "./process.mjs";
import { scratchFile } from "./scratch.mjs";

/** A load of so many connections with so many requests at a time on each; `upload` makes each a POST of 1 MiB. */
export function h2load({ connections, streams, seconds, upload = false }) {
  const args = ["-D", `${seconds}`, "-c", `${connections}`, "-m", `${streams}`];
  if (upload) args.push("-d", scratchFile("load", "mib", mib));
  return (port) => measured(loadCore, "h2load", [...args, `http://127.0.0.1:${port}/`], seconds + 15, summaryOf);
}

function summaryOf(output) {
  const finished = /^finished in ([\d.]+)(m?s),/m.exec(output);
  const requests = /^requests: .*, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout$/m.exec(output);
  const statuses = /^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx$/m.exec(output);
  if (finished === null || requests === null || statuses === null) return undefined;
  const [succeeded, ...mishaps] = requests.slice(1).map(Number);
  const refused = statuses.slice(2).map(Number);
  return {
    requests: succeeded,
    seconds: Number(finished[1]) / (finished[2] === "ms" ? 1000 : 1),
    errors: [...mishaps, ...refused].reduce((sum, count) => sum + count, succeeded === 0 ? 1 : 0),
  };
}
