// Charts as text of SVG, for a page that fetches nothing. Colours are the page's: by class.

const width = 760;
const labelWidth = 150;
const noteWidth = 190;
const plotWidth = width - labelWidth - noteWidth;

export function escaped(text) {
  return String(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

function svg(height, title, content) {
  const box = `viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${box}>${content.join("")}</svg>`;
}

function text(x, y, content, className = "", anchor = "start") {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" class="${className}">${escaped(content)}</text>`;
}

function line(x1, y1, x2, y2, className) {
  const [a, b, c, d] = [x1, y1, x2, y2].map((at) => at.toFixed(1));
  return `<line x1="${a}" y1="${b}" x2="${c}" y2="${d}" class="${className}"/>`;
}

const rowHeight = 24;
const barHeight = 14;

/**
 * Bars from 0 to a median, with a line from the least to the most. Each row has a `label`, `value` (`median`, `min`, `max`), a
 * `note` and `kind`, a class of the page.
 */
export function bars(title, rows) {
  const most = Math.max(...rows.map(({ value }) => value.max), Number.MIN_VALUE);
  const x = (value) => labelWidth + (Math.max(0, value) / most) * plotWidth;
  const content = rows.flatMap(({ label, value, note, kind }, i) => {
    const middle = i * rowHeight + rowHeight / 2;
    const top = middle - barHeight / 2;
    const length = Math.max(1, x(value.median) - labelWidth).toFixed(1);
    return [
      text(labelWidth - 8, middle + 4, label, "label", "end"),
      `<rect x="${labelWidth}" y="${top}" width="${length}" height="${barHeight}" rx="2" class="bar ${kind}"/>`,
      line(x(value.min), middle, x(value.max), middle, "whisker"),
      text(width - noteWidth + 10, middle + 4, note, "note"),
    ];
  });
  return svg(rows.length * rowHeight, title, content);
}

const axisHeight = 22;

/** Some values of each row on a logarithmic scale. Each row has a `label`, `values` ([name, value]), a `note` and a `kind`. */
export function dots(title, rows, unit) {
  const all = rows.flatMap(({ values }) => values.map(([, value]) => value)).filter((value) => value > 0);
  if (all.length === 0) return "";
  const [low, high] = [Math.floor(Math.log10(Math.min(...all))), Math.ceil(Math.log10(Math.max(...all)))];
  const decades = Math.max(1, high - low);
  const x = (value) => labelWidth + ((Math.log10(value) - low) / decades) * plotWidth;
  const bottom = rows.length * rowHeight;
  const content = [];
  for (let power = low; power <= low + decades; power++) {
    content.push(line(x(10 ** power), 0, x(10 ** power), bottom, "grid"));
    content.push(text(x(10 ** power), bottom + 15, `${(10 ** power).toLocaleString("en")} ${unit}`, "axis", "middle"));
  }
  for (const [i, { label, values, note, kind }] of rows.entries()) {
    const middle = i * rowHeight + rowHeight / 2;
    const shown = values.filter(([, value]) => value > 0);
    content.push(text(labelWidth - 8, middle + 4, label, "label", "end"));
    if (shown.length > 0) content.push(line(x(shown[0][1]), middle, x(shown.at(-1)[1]), middle, "whisker"));
    for (const [at, [name, value]] of shown.entries()) {
      const radius = 5 - at;
      const hint = `<title>${escaped(`${name}: ${Math.round(value)} ${unit}`)}</title>`;
      content.push(
        `<circle cx="${x(value).toFixed(1)}" cy="${middle}" r="${radius}" class="bar ${kind}">${hint}</circle>`,
      );
    }
    content.push(text(width - noteWidth + 10, middle + 4, note, "note"));
  }
  return svg(bottom + axisHeight, title, content);
}

const plotHeight = 200;
const left = 60;
const right = width - 150;

/**
 * Lines through medians, with a stroke from the least to the most at each point. Each series has a `label`, `points` (`count`,
 * `median`, `min`, `max`) and a `kind`. The x axis is logarithmic if the counts are far apart.
 */
export function lines(title, series, unit, counts) {
  const most = Math.max(...series.flatMap(({ points }) => points.map(({ max }) => max)), Number.MIN_VALUE);
  const positive = counts.filter((count) => count > 0);
  const isLog = positive.length > 1 && positive.at(-1) / positive[0] >= 50;
  // What is 0 has no logarithm: it stands where a quarter of the least count would.
  const scale = (count) => (isLog ? Math.log10(count === 0 ? positive[0] / 4 : count) : count);
  const [first, last] = [scale(counts[0]), scale(counts.at(-1))];
  const x = (count) => left + ((scale(count) - first) / (last - first || 1)) * (right - left);
  const y = (value) => 8 + plotHeight * (1 - value / most);
  const content = [];
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const value = most * share;
    content.push(line(left, y(value), right, y(value), "grid"));
    content.push(text(left - 6, y(value) + 4, value < 10 ? value.toFixed(1) : Math.round(value), "axis", "end"));
  }
  for (const count of counts) {
    content.push(text(x(count), plotHeight + 24, count.toLocaleString("en"), "axis", "middle"));
  }
  content.push(text((left + right) / 2, plotHeight + 40, unit, "axis", "middle"));
  const ends = spreadOut(series.map(({ points }) => y(points.at(-1)?.median ?? 0)));
  for (const [i, { label, points, kind }] of series.entries()) {
    const path = points.map(({ count, median }) => `${x(count).toFixed(1)},${y(median).toFixed(1)}`).join(" ");
    content.push(`<polyline points="${path}" class="curve ${kind}"/>`);
    for (const { count, median, min, max } of points) {
      content.push(line(x(count), y(min), x(count), y(max), "whisker"));
      content.push(`<circle cx="${x(count).toFixed(1)}" cy="${y(median).toFixed(1)}" r="3" class="bar ${kind}"/>`);
    }
    content.push(text(right + 8, ends[i] + 4, label, "label"));
  }
  return svg(plotHeight + 48, title, content);
}

/** Heights of labels, moved apart so that all can be read. */
function spreadOut(heights) {
  const least = 14;
  const order = heights.map((_, i) => i).sort((a, b) => heights[a] - heights[b]);
  const moved = [...heights];
  for (let i = 1; i < order.length; i++) {
    moved[order[i]] = Math.max(moved[order[i]], moved[order[i - 1]] + least);
  }
  return moved;
}
