// npm run bench [-- h1|h2 OPTIONS]: one of the benchmarks or, without its name, one after the other.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const benchmarks = ["h1", "h2"];
const given = process.argv.slice(2);
const isNamed = benchmarks.includes(given[0]);

for (const name of isNamed ? [given[0]] : benchmarks) {
  if (!isNamed) console.log(`\n${name}`);
  const file = fileURLToPath(new URL(`${name}.mjs`, import.meta.url));
  const { status } = spawnSync(process.execPath, [file, ...given.slice(isNamed ? 1 : 0)], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
