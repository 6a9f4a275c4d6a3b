// All results as one page that needs nothing else: no network, no script.

import { columnsFor, ratio, whole } from "./report.mjs";
import { bars, dots, escaped, lines } from "./svg.mjs";

const groups = {
  h1: "HTTP/1.1 servers",
  h2: "HTTP/2 servers",
  client: "Clients",
  proxy: "Reverse proxies",
  frameworks: "Frameworks",
  rpc: "Remote procedure calls",
  latency: "Latency at a fixed rate",
  memory: "Idle connections",
  scaling: "How cost grows",
  micro: "Parts by themselves",
};

/** What a chart of a figure shows; less is better but for the first. */
const captions = {
  perCpuSecond: "requests per second of processor time of the process under test; more is better",
  bytes: "bytes per connection; less is better",
  p99: "latency, from the median to the 99.9th percentile; less is better",
  nanos: "nanoseconds per operation; less is better",
  micros: "microseconds of processor time per request; flat is better",
};

export function page(results) {
  const names = Object.keys(groups).filter((group) => results.measurements.some(({ name }) => groupOf(name) === group));
  const links = names.map((group) => `<a href="#${group}">${escaped(groups[group])}</a>`);
  const sections = names.map((group) => {
    const parts = results.measurements.filter(({ name }) => groupOf(name) === group).map(article);
    return `<section id="${group}"><h2>${escaped(groups[group])}</h2>${parts.join("\n")}</section>`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sluice: benchmarks of ${escaped(results.date.slice(0, 10))}</title><style>${style}</style></head>
<body><header><h1>Sluice: benchmarks</h1><p>${escaped(circumstances(results))}</p><nav>${links.join(" ")}</nav></header>
<main>${sections.join("\n")}${notes("Left out", results.leftOut)}</main></body></html>
`;
}

function groupOf(name) {
  return name.split("/", 1)[0];
}

function circumstances({ date, node, cpu, cores, platform, rounds, seconds, pace, isPinned }) {
  const when = `${date.slice(0, 16).replace("T", " ")} UTC`;
  const place = `Node ${node} on ${platform}, ${cores} cores (${cpu})`;
  const how = `${rounds} ${rounds === 1 ? "round" : "rounds"} of ${seconds} s${pace === "quick" ? ", for a first look" : ""}`;
  const cores2 = isPinned ? "the process under test on one core, the load on another" : "processes not pinned to cores";
  return `${when}. ${place}. ${how}; ${cores2}. Medians, with the least and the most of all rounds.`;
}

function article(measurement) {
  const { name, title, figure, generator } = measurement;
  const table = figure === "micros" ? scalingTable(measurement) : tableOf(measurement);
  return `<article id="${escaped(name)}"><h3>${escaped(title)} <code>${escaped(name)}</code></h3>
<p class="caption">${escaped(captions[figure])}. Load: ${escaped(generator)}.</p>
<figure>${chart(measurement)}</figure>${table}${notes("Void", voided(measurement))}${notes("Left out", measurement.leftOut)}</article>`;
}

/** The chart of a measurement, as SVG without colours. */
export function chart(measurement) {
  return measurement.figure === "micros" ? scalingChart(measurement) : chartOf(measurement);
}

function chartOf({ title, figure, reference, peers }) {
  const shown = peers.filter(({ figures }) => figures[figure] !== undefined);
  if (shown.length === 0) return "";
  const rows = shown.map(({ name, figures, ratio: against }) => ({
    label: name,
    kind: kindOf(name, reference),
    value: figures[figure],
    values: ["p50", "p99", "p999"].map((key) => [key, figures[key]?.median]),
    note: `${whole(figures[figure].median)}${against === undefined ? "" : `  (x ${ratio(against.median)})`}`,
  }));
  return figure === "p99" ? dots(title, rows, "us") : bars(title, rows);
}

function tableOf(measurement) {
  const { reference, peers, targets } = measurement;
  const hasTargets = Object.keys(targets).length > 0;
  const columns = columnsFor(measurement);
  const head = [
    "peer",
    "version",
    ...columns.map(([, header]) => header),
    `/ ${reference}`,
    "min..max",
    ...(hasTargets ? ["target"] : []),
  ];
  const rows = peers.map(({ name, version, figures, ratio: against }) => [
    name,
    version,
    ...columns.map(([key, , write]) => write(figures[key]?.median)),
    ratio(against?.median),
    against === undefined ? "-" : `${ratio(against.min)}..${ratio(against.max)}`,
    ...(hasTargets ? [targets[name] ?? ""] : []),
  ]);
  return htmlTable(head, rows);
}

function scalingChart({ title, unit, counts, series }) {
  const shown = series.filter(({ points }) => points.length > 0);
  if (shown.length === 0) return "";
  const curves = shown.map(({ name, points }, i) => ({ label: name, points, kind: i === 0 ? "ours" : `other${i}` }));
  return lines(title, curves, unit, counts);
}

function scalingTable({ unit, counts, slopeFrom, series }) {
  const head = [unit, ...series.map(({ name, version }) => `${name} (${version})`)];
  const at = (points, count) => points.find((point) => point.count === count)?.median;
  const fixed = (value, digits) => (Number.isFinite(value) ? value.toFixed(digits) : "-");
  const rows = counts.map((count) => [whole(count), ...series.map(({ points }) => fixed(at(points, count), 1))]);
  rows.push([`${whole(counts.at(-1))} / ${whole(slopeFrom)}`, ...series.map(({ growth }) => ratio(growth))]);
  rows.push(["slope, ns for each more", ...series.map(({ slopeNanos }) => fixed(slopeNanos, 2))]);
  return htmlTable(head, rows);
}

function htmlTable(head, rows) {
  const row = (cells, tag) => `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join("")}</tr>`;
  const body = rows.map((cells) => row(cells, "td")).join("\n");
  return `<div class="wide"><table><thead>${row(head, "th")}</thead><tbody>${body}</tbody></table></div>`;
}

function voided({ peers = [], series = [] }) {
  return [
    ...peers
      .filter(({ voidRounds }) => voidRounds > 0)
      .map(({ name, voidRounds, rounds, why }) => ({ name, why: `${voidRounds} of ${rounds} rounds: ${why}` })),
    ...series
      .filter(({ voidRuns }) => voidRuns > 0)
      .map(({ name, voidRuns, why }) => ({ name, why: `${voidRuns} runs: ${why}` })),
  ];
}

function notes(heading, list) {
  if (list.length === 0) return "";
  const texts = list.map(({ name, why }) => `${escaped(name)} (${escaped(why)})`);
  return `<p class="notes"><b>${heading}:</b> ${texts.join("; ")}.</p>`;
}

function kindOf(name, reference) {
  if (/^(sluice|Client|HeaderMap)/.test(name)) return "ours";
  if (name === reference) return "reference";
  return name === "canned" ? "ceiling" : "other";
}

/** Colours and lines of charts, in light and dark. */
export const chartStyle = `
:root { color-scheme: light dark; --back: #fdfdfc; --text: #1c2024; --soft: #667; --line: #dcdfe3; --ours: #0b6e8f;
  --reference: #6b7480; --other: #a9b1ba; --ceiling: #d6c8a8; --other1: #c2571a; --other2: #6a4fb0; }
@media (prefers-color-scheme: dark) { :root { --back: #16191c; --text: #e6e8ea; --soft: #9aa3ad; --line: #333a41;
  --ours: #4fb6d8; --reference: #8e98a3; --other: #59626c; --ceiling: #7d7150; --other1: #e58a52; --other2: #a993e6; } }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--text); } svg .axis, svg .note { fill: var(--soft); } svg .note { font-variant-numeric: tabular-nums; }
.grid { stroke: var(--line); } .whisker { stroke: var(--text); stroke-width: 1.5; opacity: .65; }
.bar { fill: var(--other); } .bar.ours { fill: var(--ours); } .bar.reference { fill: var(--reference); }
.bar.ceiling { fill: var(--ceiling); } .bar.other1 { fill: var(--other1); } .bar.other2 { fill: var(--other2); }
.curve { fill: none; stroke-width: 2; stroke: var(--other); } .curve.ours { stroke: var(--ours); }
.curve.other1 { stroke: var(--other1); } .curve.other2 { stroke: var(--other2); }
`;

const style = `${chartStyle}
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem; background: var(--back); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; } h2 { margin: 2.5rem 0 0; border-bottom: 1px solid var(--line); }
h3 { margin: 2rem 0 0; font-size: 1.05rem; } h3 code { color: var(--soft); font-weight: normal; font-size: .85em; }
nav a { margin-right: 1rem; color: var(--ours); } .caption, .notes { color: var(--soft); margin: .2rem 0; font-size: .9em; }
figure { margin: .8rem 0; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .85em; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .7rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
`;
