// The closing line of .ci/run: `N passed, N failed`, with `, N skipped` when tests were skipped, from what npm test
// left in test-results/. Anything that failed without being a test (a step, a test file that would not load, a report
// that was never written) counts as one failure each.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./lib.mjs";

function read(name) {
  try {
    return JSON.parse(readFileSync(join(root, "test-results", name), "utf8"));
  } catch {
    return null;
  }
}

const report = read("vitest.json");
const steps = read("steps.json");

const passed = report?.numPassedTests ?? 0;
const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0);
let failed = report?.numFailedTests ?? 1;
for (const file of report?.testResults ?? []) {
  const explained = file.assertionResults.some((test) => test.status === "failed");
  if (file.status === "failed" && !explained) failed++;
}
for (const step of steps ?? [{ name: "install", exit: 1 }]) {
  const explained = step.name === "tests" && failed > 0;
  if (step.exit !== 0 && !explained) failed++;
}

console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
