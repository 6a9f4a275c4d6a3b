// All scenarios, in the order in which they run. Each has a name, `group/part`, and `run`, which measures with a `Bench`. Those
// that are marked `smoke` together use every part of the benchmarks once.

import { clientScenarios } from "./client.mjs";
import { frameworkScenarios } from "./frameworks.mjs";
import { h1Scenarios } from "./h1.mjs";
import { h2Scenarios } from "./h2.mjs";
import { latencyScenarios } from "./latency.mjs";
import { memoryScenarios } from "./memory.mjs";
import { microScenarios } from "./micro.mjs";
import { proxyScenarios } from "./proxy.mjs";
import { rpcScenarios } from "./rpc.mjs";
import { scalingScenarios } from "./scaling.mjs";

/** What `--quick` does without, unless asked for by name: others show nearly the same. */
const notQuick = new Set([
  "h1/download-64k",
  "h2/get-100",
  "h2/get-8",
  "client/h1-download-1m",
  "client/h2-download-1m",
  "proxy/download-1m",
  "latency/h2",
  "scaling/h1-headers",
  "scaling/h1-connections",
]);

export const scenarios = [
  ...h1Scenarios,
  ...h2Scenarios,
  ...clientScenarios,
  ...proxyScenarios,
  ...frameworkScenarios,
  ...rpcScenarios,
  ...latencyScenarios,
  ...memoryScenarios,
  ...scalingScenarios,
  ...microScenarios,
];

/**
 * Those scenarios that `names` ask for: by their own names, by their groups', or by a name with `*` for any part of it. Without
 * names those of a pace: `usual`, `quick` or `smoke`.
 */
export function chosen(names, pace) {
  if (names.length === 0 && pace === "smoke") return scenarios.filter(({ smoke }) => smoke);
  if (names.length === 0 && pace === "quick") return scenarios.filter(({ name }) => !notQuick.has(name));
  if (names.length === 0) return scenarios;
  const patterns = names.map(patternOf);
  for (const [i, pattern] of patterns.entries()) {
    if (!scenarios.some(({ name }) => pattern.test(name))) throw new RangeError(`there is no scenario ${names[i]}`);
  }
  return scenarios.filter(({ name }) => patterns.some((pattern) => pattern.test(name)));
}

function patternOf(name) {
  const escaped = name.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*");
  return new RegExp(`^${escaped}${name.includes("/") ? "" : "/.*"}$`);
}
