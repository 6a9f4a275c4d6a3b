// Medians, and tables for people.

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
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
