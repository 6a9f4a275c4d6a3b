// npm test: everything a change has to pass, from a fresh clone: install, build, lint, type-check, packaging, tests.
//
// A step that fails does not keep the later ones from running, so that one run tells all there is to tell. The outcome
// of every step is left in test-results/steps.json and that of every test in test-results/vitest.json.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { install, root, run, tool, turbo } from "./lib.mjs";

const results = join(root, "test-results");
rmSync(results, { recursive: true, force: true });
mkdirSync(results, { recursive: true });

await install();

const steps = [
  [
    "build, lint, types, packaging",
    turbo("build", "lint", "typecheck", "check:packaging", "--continue=dependencies-successful"),
  ],
  ["docs/acceptance.md", [process.execPath, ["scripts/acceptance.mjs", "--check"]]],
  ["API reference", [process.execPath, ["docs/api/build.mjs", "--check"]]],
  ["docs/options.md", [process.execPath, ["scripts/option-tables.mjs", "--check"]]],
  [
    "tests",
    tool(
      "vitest",
      "run",
      "--reporter=default",
      "--reporter=json",
      "--outputFile.json=test-results/vitest.json",
      ...process.argv.slice(2),
    ),
  ],
  // Whether the benchmarks work, not what they measure.
  ["bench", [process.execPath, ["bench/run.mjs", "--smoke"]]],
];

const outcome = [];
for (const [name, [command, args]] of steps) {
  const exit = await run(command, args);
  outcome.push({ name, exit });
}
writeFileSync(join(results, "steps.json"), `${JSON.stringify(outcome, null, 2)}\n`);

const failed = outcome.filter((step) => step.exit !== 0);
for (const step of failed) console.error(`npm test: failed: ${step.name} (exit code ${step.exit})`);
process.exit(failed.length === 0 ? 0 : 1);
