// One client making exchanges, some at a time, for some seconds.
// `node run.mjs --client NAME --port N [--protocol h1|h2c] [--service hello] [--connections 50] [--seconds 2] [--warm-up 0.5]`
// prints one line of JSON, with the processor time it took. NAME is a file beside this one. It exports `open`, which takes
// these options, `origin`, and `upload`, the content of each request if it has one, and gives a function that makes one
// exchange, of those at a time the one with the given number, and resolves with the length of the content of the response.
//
// On HTTP/1.1 there is one exchange at a time on each connection, on HTTP/2 there are 100 on one, or 4 of large contents.

import { parseArgs } from "node:util";
import { Histogram } from "../lib/histogram.mjs";
import { cpuSeconds } from "../lib/process.mjs";
import { contentOf, endWithParent, mib } from "../servers/start.mjs";

const { values } = parseArgs({
  options: {
    client: { type: "string" },
    port: { type: "string" },
    protocol: { type: "string", default: "h1" },
    service: { type: "string", default: "hello" },
    connections: { type: "string", default: "50" },
    seconds: { type: "string", default: "2" },
    "warm-up": { type: "string", default: "0.5" },
  },
});
const { protocol, service } = values;
const [port, connections, seconds, warmUp] = [values.port, values.connections, values.seconds, values["warm-up"]].map(
  Number,
);
const isUpload = service === "size";
const length = isUpload ? String(mib.length).length : Buffer.concat(contentOf(service).pieces).length;
const manyStreams = 100;
const fewStreams = 4;
const concurrency = protocol === "h1" ? connections : isUpload || length > 65_536 ? fewStreams : manyStreams;
const maxErrors = 1000;
const endLimitMs = 5000;
const waitMs = 100;
const mostWaits = 100;
const mostWarmUps = 6;

endWithParent();
const { open } = await import(`./${values.client}.mjs`);
const origin = `http://127.0.0.1:${port}`;
const exchange = await open({ origin, port, protocol, connections, upload: isUpload ? mib : undefined });

const latencies = new Histogram();
let requests = 0;
let errors = 0;
let why;
let isOver = false;

async function loop(number) {
  while (!isOver && errors < maxErrors) {
    const start = performance.now();
    try {
      const received = await exchange(number);
      if (received !== length) throw new Error(`${received} bytes, not ${length}`);
      requests++;
      latencies.add((performance.now() - start) * 1000);
    } catch (error) {
      errors++;
      why ??= error.message;
    }
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const loops = Array.from({ length: concurrency }, (_, number) => loop(number));
// In processor time: on a busy machine it lasts longer, but not for ever.
const warmBy = performance.now() + warmUp * 1000 * mostWarmUps;
const cold = cpuSeconds(process.pid);
do await sleep(Math.min(waitMs, warmUp * 1000));
while (cpuSeconds(process.pid) - cold < warmUp && performance.now() < warmBy);
requests = 0;
latencies.clear();
const start = performance.now();
const before = process.cpuUsage();
await sleep(seconds * 1000);
// On a busy machine a short time may be too short for a single exchange.
for (let waited = 0; requests === 0 && waited < mostWaits; waited++) await sleep(waitMs);
const { user, system } = process.cpuUsage(before);
const measured = { requests, seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
const percentiles = latencies.percentiles();
isOver = true;
if (measured.requests === 0) {
  errors++;
  why ??= "no response at all";
}
await Promise.race([Promise.all(loops), sleep(endLimitMs)]);
const peakBytes = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ ...measured, ...percentiles, peakBytes, errors, why }));
process.exit();
