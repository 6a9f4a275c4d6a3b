/** Builds the page from the trace that is embedded in it. */
import type { Trace } from "../src/trace/model.ts";
import { Chart } from "./chart.ts";
import { element, pairs } from "./dom.ts";
import { Overview } from "./overview.ts";
import { panelContent } from "./panel.ts";
import { Rows } from "./rows.ts";
import { Theme } from "./theme.ts";
import { Tip } from "./tip.ts";
import { legend, type ToolbarActions, toolbar } from "./toolbar.ts";
import { View } from "./view.ts";
import { counted, time } from "./words.ts";

function start(trace: Trace): void {
  const view = new View(trace.start, trace.end);
  const rows = new Rows(trace);
  const theme = new Theme();
  const tip = new Tip();
  const panel = element("aside", { class: "panel", "aria-label": "Details", hidden: "" });
  let needsCount = true;
  let isWaiting = false;

  function draw(): void {
    isWaiting = false;
    chart.measure();
    if (needsCount) overview.count(rows, Math.round(view.width));
    needsCount = false;
    chart.draw();
    overview.draw(theme, Math.round(view.width));
  }

  function later(): void {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(draw);
  }

  function filtered(): void {
    rows.update(chart.selectedLane);
    chart.reset();
    needsCount = true;
    later();
  }

  const overview = new Overview(view, later);
  const chart = new Chart(trace, view, rows, theme, tip, {
    moved: later,
    selected(row) {
      panel.hidden = row === undefined;
      if (row === undefined) panel.replaceChildren();
      else {
        const close = element("button", { type: "button", class: "close", "aria-label": "Close details", text: "×" });
        close.addEventListener("click", () => chart.select(undefined));
        panel.replaceChildren(close, ...panelContent(trace, row.connection, row.lane));
        panel.scrollTop = 0;
      }
      filtered();
    },
  });
  const actions: ToolbarActions = {
    filtered,
    zoom(factor) {
      view.zoom(factor);
      later();
    },
    pan(part) {
      view.pan(part * view.width);
      later();
    },
    fit() {
      view.fit(...(rows.times ?? []));
      later();
    },
  };
  const timeline = element(
    "section",
    { class: "timeline", "aria-label": "Time line" },
    overview.element,
    chart.element,
  );
  const main = element("main", {}, timeline, panel);
  document.body.append(header(trace), toolbar(trace, rows, actions), legend(trace, rows, actions), main, tip.element);

  rows.update(undefined);
  chart.reset();
  draw();
  document.documentElement.dataset["ready"] = "true";
  new ResizeObserver(() => {
    needsCount = true;
    later();
  }).observe(chart.element);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    theme.refresh();
    later();
  });
}

function header(trace: Trace): HTMLElement {
  const streams = trace.connections.reduce((sum, { lanes }) => sum + lanes.length - 1, 0);
  const facts = [
    counted(trace.connections.length, "connection"),
    counted(streams, "stream"),
    counted(trace.events, "event"),
    time(trace.end - trace.start),
  ];
  const made = element("header", {}, element("h1", { text: trace.title }));
  made.append(element("p", { class: "facts" }, ...facts.map((text) => element("span", { text }))));
  const { problems, notes } = trace;
  if (notes.length > 0) made.append(element("ul", { class: "notes" }, ...notes.map((text) => element("li", { text }))));
  if (problems.count > 0) {
    const list = pairs(problems.first.map(({ line, why, text }) => [`line ${line}`, `${why}: ${text}`]));
    const more = problems.count - problems.first.length;
    const details = element("details", { class: "problems" });
    details.append(
      element("summary", { text: `${counted(problems.count, "line")} of the log could not be read` }),
      list,
    );
    if (more > 0) details.append(element("p", { text: `and ${counted(more, "line")} more` }));
    made.append(details);
  }
  return made;
}

start(JSON.parse(document.getElementById("trace")?.textContent ?? "") as Trace);
