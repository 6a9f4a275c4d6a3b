// What a measurement came to, for people at a terminal. The page has the same and more.

/** Of each kind of measurement the columns of its table: the figure, its title, and how it is written. */
const speed = [
  ["perSecond", "req/s", whole],
  ["perCpuSecond", "req/cpu-s", whole],
  ["busy", "busy", percent],
  ["p50", "p50 us", whole],
  ["p99", "p99 us", whole],
  ["p999", "p99.9 us", whole],
  ["peakBytes", "peak MB", megabytes],
];
const columnsOf = {
  perCpuSecond: speed,
  bytes: [
    ["bytes", "bytes/connection", whole],
    ["heapBytes", "of which heap", whole],
    ["externalBytes", "external", whole],
    ["peakBytes", "in all, MB", megabytes],
  ],
  p99: [
    ["rate", "asked req/s", whole],
    ["perSecond", "req/s", whole],
    ["p50", "p50 us", whole],
    ["p99", "p99 us", whole],
    ["p999", "p99.9 us", whole],
    ["busy", "busy", percent],
  ],
  nanos: [
    ["nanos", "ns/op", whole],
    ["bytesPerSecond", "MB/s", (value) => whole(value / 1e6)],
    ["heapBytes", "heap bytes/op", whole],
  ],
};

/** The columns of a table of the figure, but for those that no peer has. */
export function columnsFor({ figure, peers }) {
  return columnsOf[figure].filter(([key]) => peers.some(({ figures }) => figures[key] !== undefined));
}

/** Prints a measurement and keeps it. */
export function report(bench, measurement) {
  bench.add(measurement);
  const { name, title, figure, reference, peers, leftOut, targets } = measurement;
  const hasTargets = Object.keys(targets).length > 0;
  const columns = columnsFor(measurement);
  table(
    `${name}: ${title}`,
    ["peer", ...columns.map(([, header]) => header), `/ ${reference}`, "min..max", ...(hasTargets ? ["target"] : [])],
    peers.map(({ name: peer, figures, ratio: against }) => [
      peer,
      ...columns.map(([key, , write]) => write(figures[key]?.median)),
      ratio(against?.median),
      against === undefined ? "-" : `${ratio(against.min)}..${ratio(against.max)}`,
      ...(hasTargets ? [targets[peer] ?? ""] : []),
    ]),
  );
  for (const { name: peer, voidRounds, rounds, why } of peers) {
    if (voidRounds > 0) console.log(`void: ${peer}: ${voidRounds} of ${rounds} rounds of ${figure}: ${why}`);
  }
  for (const left of leftOut) console.log(`left out: ${left.name}: ${left.why}`);
}

/** Prints rows under a title; the first column is text, the others numbers. */
export function table(title, columns, rows) {
  const cells = [columns, ...rows].map((row) => row.map(String));
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => row[i].length)));
  const lines = cells.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "),
  );
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  console.log(`\n${title}\n${lines[0]}\n${rule}\n${lines.slice(1).join("\n")}`);
}

export function whole(value) {
  return Number.isFinite(value) ? Math.round(value).toLocaleString("en") : "-";
}

export function ratio(value) {
  return Number.isFinite(value) ? value.toFixed(2) : "-";
}

function percent(value) {
  return Number.isFinite(value) ? `${Math.round(value * 100)}%` : "-";
}

function megabytes(value) {
  return Number.isFinite(value) ? (value / 1e6).toFixed(1) : "-";
}
