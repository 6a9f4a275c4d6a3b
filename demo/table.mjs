// Rows of fixed widths: all columns to the left, but numbers, which are the column before the last.

export function line(cells, widths) {
  const fitted = cells.map((cell, i) => {
    const text = cell.length > widths[i] ? `${cell.slice(0, widths[i] - 3)}...` : cell;
    return i === cells.length - 2 ? text.padStart(widths[i]) : text.padEnd(widths[i]);
  });
  return fitted.join("  ").trimEnd();
}

export function header(cells, widths) {
  return `${line(cells, widths)}\n${widths.map((width) => "-".repeat(width)).join("  ")}`;
}
