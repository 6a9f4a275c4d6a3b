// node bench/charts.mjs RESULTS.json...: the charts of docs/performance.md, out of what runs have kept in bench/results/. Of a
// scenario that is in several files the last counts.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chart, chartStyle } from "./lib/page.mjs";
import { ratio } from "./lib/report.mjs";
import { bars } from "./lib/svg.mjs";

const folder = fileURLToPath(new URL("../docs/charts/", import.meta.url));
/** What has a chart of its own. */
const alone = [
  "h1/get",
  "h2/get",
  "scaling/h1-headers",
  "scaling/h1-body",
  "scaling/h1-connections",
  "scaling/h2-active",
];

const measurements = new Map();
for (const file of process.argv.slice(2)) {
  for (const measurement of JSON.parse(readFileSync(file, "utf8")).measurements) {
    measurements.set(measurement.name, measurement);
  }
}

mkdirSync(folder, { recursive: true });
for (const name of alone) {
  const measurement = measurements.get(name);
  if (measurement === undefined) console.log(`${name} was not measured`);
  else write(name.replace("/", "-"), chart(measurement));
}
write("speed", overview("perCpuSecond", "Requests per CPU-second, as multiples of the reference"));

/** Ours in all scenarios of a figure, as multiples of the reference. */
function overview(figure, title) {
  const rows = [];
  for (const { name, figure: measured, reference, peers = [] } of measurements.values()) {
    const ours = peers.find(({ name: peer }) => peer === "sluice" || peer === "Client");
    if (measured !== figure || ours?.ratio === undefined || ours.name === reference) continue;
    rows.push({ label: name, kind: "ours", value: ours.ratio, note: `${ratio(ours.ratio.median)}  of ${reference}` });
  }
  return bars(title, rows);
}

function write(name, svg) {
  const styled = svg.replace(/^<svg [^>]*>/, (start) => `${start}<style>${chartStyle}</style>`);
  writeFileSync(`${folder}${name}.svg`, `${styled}\n`);
  console.log(`docs/charts/${name}.svg`);
}
