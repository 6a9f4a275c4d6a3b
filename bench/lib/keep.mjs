// Where results go: bench/results/, as JSON with every figure of every run and as a page with charts.

import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { page } from "./page.mjs";

export function keep(results) {
  if (results.measurements.length === 0) return;
  const folder = new URL("../results/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  const stem = results.date.slice(0, 19).replaceAll(":", "-");
  writeFileSync(new URL(`${stem}.json`, folder), `${JSON.stringify(results, null, 1)}\n`);
  const html = new URL(`${stem}.html`, folder);
  writeFileSync(html, page(results));
  console.log(`\nkept in bench/results/${stem}.json, and to look at: ${fileURLToPath(html)}`);
}
