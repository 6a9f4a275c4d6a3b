// What every program here does: measures operations with mitata, one after another, and prints one line of JSON.
// `node --expose-gc FILE.mjs [SECONDS]`: how long each is measured at least.

import { measure } from "mitata";

const seconds = Number(process.argv[2] ?? 0.5);
const minSamples = 20;

/**
 * @param operations Each has a `name`, `run`, and what one run moves in `bytes`, if that means anything. What `run` returns is
 *   looked at, so that it is not optimized away.
 */
export async function measureAll(operations) {
  const results = [];
  for (const { name, run, bytes } of operations) {
    warmUp(run);
    const stats = await measure(run, {
      min_cpu_time: seconds * 1e9,
      min_samples: minSamples,
      heap: () => process.memoryUsage().heapUsed,
    });
    results.push({
      name,
      nanos: stats.p50,
      bytesPerSecond: bytes === undefined ? undefined : (bytes / stats.p50) * 1e9,
      heapBytes: stats.heap === undefined ? undefined : Math.max(0, stats.heap.avg),
    });
  }
  console.log(JSON.stringify({ operations: results }));
}

/** Until the compiler has done what it will do. */
function warmUp(run) {
  const end = performance.now() + seconds * 500;
  let sum = 0;
  while (performance.now() < end) for (let i = 0; i < 100; i++) if (run() !== undefined) sum++;
  return sum;
}
