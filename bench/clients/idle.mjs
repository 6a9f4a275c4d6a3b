// One client with many idle connections in its pool: what each adds to its memory, and what an exchange costs beside them.
// `node --expose-gc idle.mjs --client NAME --port N --count N [--seconds 1]`, against servers/gate.mjs with the same count,
// prints one line of JSON.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { endWithParent } from "../servers/start.mjs";

const { values } = parseArgs({
  options: {
    client: { type: "string" },
    port: { type: "string" },
    count: { type: "string" },
    seconds: { type: "string", default: "1" },
  },
});
const [port, count, seconds] = [values.port, values.count, values.seconds].map(Number);
/** Opened at a time, with a pause: less than what the kernel queues for a listener. */
const batch = 200;
const pauseMs = 20;
const settleMs = 200;
const fillLimitMs = 60_000;
/** Exchanges before those that count. */
const warmUps = 5000;
const maxExchanges = 1_000_000;

endWithParent();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
setTimeout(() => fail(`not all of ${count} connections were made within ${fillLimitMs / 1000} s`), fillLimitMs).unref();

const { open } = await import(`./${values.client}.mjs`);
const exchange = await open({ origin: `http://127.0.0.1:${port}`, port, protocol: "h1", connections: count });
await exchange(0);
const before = await settled();
try {
  const waiting = [];
  for (let i = 0; i < count; i++) {
    waiting.push(exchange(i, "/wait"));
    if (i % batch === batch - 1) await sleep(pauseMs);
  }
  await Promise.all(waiting);
} catch (error) {
  fail(error.message);
}
const after = await settled();

for (let i = 0; i < warmUps; i++) await exchange(i);
let exchanges = 0;
const cpu = process.cpuUsage();
const end = performance.now() + seconds * 1000;
while (performance.now() < end && exchanges < maxExchanges) {
  await exchange(exchanges);
  exchanges++;
}
const { user, system } = process.cpuUsage(cpu);
console.log(
  JSON.stringify({
    bytes: (after.resident - before.resident) / count,
    heapBytes: (after.heap - before.heap) / count,
    externalBytes: (after.external - before.external) / count,
    peakBytes: after.resident,
    micros: (user + system) / exchanges,
    errors: exchanges === 0 ? 1 : 0,
  }),
);
process.exit();

/** Twice: objects with finalizers go in the second collection. */
async function settled() {
  for (let i = 0; i < 2; i++) {
    globalThis.gc();
    await sleep(settleMs);
  }
  const { heapUsed, external } = process.memoryUsage();
  const resident = Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1]) * 1024;
  return { resident, heap: heapUsed, external };
}

function fail(why) {
  console.log(JSON.stringify({ errors: 1, why }));
  process.exit();
}
