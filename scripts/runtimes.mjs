// Installs the other runtimes the packages are tested on, each in one exact version, from the npm registry into a cache
// folder outside the repository, and prints what the tests want to know as lines for a shell:
//
//   eval "$(node scripts/runtimes.mjs)"
//
// An argument names the folder; without one it is `.cache/sluice/runtimes` in the user's home. What is there is not
// installed again.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** The variable that names the program to the tests, the package to install it by, and where the program is in it. */
const runtimes = [
  ["SLUICE_BUN", "bun", "bun@1.4.5", "bun/bin/bun.exe"],
  ["SLUICE_DENO", "deno", "deno@2.9.6", "deno/deno"],
  ["SLUICE_WORKERD", "workerd", "workerd@1.20261117.1", "workerd/bin/workerd"],
  ["SLUICE_NODE22", "node22", "npm:node@22.23.3", "node22/bin/node"],
  ["SLUICE_NODE24", "node24", "npm:node@24.9.0", "node24/bin/node"],
];

const cache = process.argv[2] ?? join(homedir(), ".cache/sluice/runtimes");
const programs = runtimes.map(([variable, , , path]) => [variable, join(cache, "node_modules", path)]);
const wanted = runtimes.map(([, name, from]) => (from.startsWith("npm:") ? `${name}@${from}` : from)).join("\n");
const note = join(cache, "installed");

if (!programs.every(([, path]) => existsSync(path)) || !existsSync(note) || readFileSync(note, "utf8") !== wanted) {
  mkdirSync(cache, { recursive: true });
  // A folder with a package.json of its own, so that npm looks no further up.
  writeFileSync(join(cache, "package.json"), '{ "private": true }\n');
  const args = ["install", "--prefix", cache, "--no-audit", "--no-fund", "--save-exact", ...wanted.split("\n")];
  execFileSync("npm", args, { stdio: ["ignore", 2, 2] });
  for (const [, path] of programs) execFileSync(path, ["--version"], { stdio: "ignore" });
  writeFileSync(note, wanted);
}

for (const [variable, path] of programs) console.log(`export ${variable}='${path}'`);
