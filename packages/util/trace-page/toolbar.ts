/** What a reader can ask for: filters, the legend, which switches types of marks, and the buttons of the time line. */
import { markNumbers, type Trace } from "../src/trace/model.ts";
import { button, element } from "./dom.ts";
import { type Rows, rangesOf } from "./rows.ts";
import { familyOf } from "./theme.ts";
import { number } from "./words.ts";

export interface ToolbarActions {
  /** The filter has changed. */
  filtered(): void;
  zoom(factor: number): void;
  pan(part: number): void;
  fit(): void;
}

export function toolbar(trace: Trace, rows: Rows, actions: ToolbarActions): HTMLElement {
  const made = element("div", { class: "toolbar", role: "search" });
  const { filter } = rows;
  made.append(
    field(
      "Find",
      textInput("text", "path, field, code…", (text) => {
        filter.text = text.trim().toLowerCase();
        actions.filtered();
        return true;
      }),
    ),
  );
  made.append(
    field(
      "Streams",
      textInput("streams", "1, 5-9", (text) => {
        const ranges = rangesOf(text);
        if (ranges === null) return false;
        filter.streams = ranges;
        actions.filtered();
        return true;
      }),
    ),
  );
  if (trace.connections.length > 1) made.append(field("Connection", connectionSelect(trace, rows, actions)));
  if (trace.connections.some(({ lanes }) => lanes.some(({ windows }) => windows !== undefined))) {
    made.append(windowsSwitch(rows, actions));
  }
  const group = element("div", { class: "buttons", role: "group", "aria-label": "Time line" });
  group.append(
    button("←", "Earlier", () => actions.pan(-0.4)),
    button("→", "Later", () => actions.pan(0.4)),
    button("−", "Zoom out", () => actions.zoom(1 / 1.8)),
    button("+", "Zoom in", () => actions.zoom(1.8)),
    button("Fit", "Show all of the time", () => actions.fit()),
  );
  made.append(group);
  return made;
}

function field(name: string, control: HTMLElement): HTMLElement {
  return element("label", { class: "field" }, element("span", { text: name }), control);
}

function textInput(name: string, placeholder: string, changed: (text: string) => boolean): HTMLInputElement {
  const input = element("input", { type: "search", name, placeholder, autocomplete: "off", spellcheck: "false" });
  input.addEventListener("input", () => input.setAttribute("aria-invalid", String(!changed(input.value))));
  return input;
}

function connectionSelect(trace: Trace, rows: Rows, actions: ToolbarActions): HTMLElement {
  const select = element("select", { name: "connection" }, element("option", { value: "-1", text: "all" }));
  for (const [index, { name }] of trace.connections.entries()) {
    select.append(element("option", { value: String(index), text: name }));
  }
  select.addEventListener("change", () => {
    rows.filter.connection = Number(select.value);
    actions.filtered();
    actions.fit();
  });
  return select;
}

function windowsSwitch(rows: Rows, actions: ToolbarActions): HTMLElement {
  const box = element("input", { type: "checkbox", name: "windows" });
  box.addEventListener("change", () => {
    rows.allWindows = box.checked;
    actions.filtered();
  });
  return element("label", { class: "switch" }, box, element("span", { text: "Windows of all streams" }));
}

/** The types of marks that there are, with their counts; each can be switched off. */
export function legend(trace: Trace, rows: Rows, actions: ToolbarActions): HTMLElement {
  const made = element("div", { class: "legend", role: "group", "aria-label": "Types of marks" });
  const counts = countKinds(trace);
  const { hidden } = rows.filter;
  const chips: HTMLButtonElement[] = [];
  const show = (): void => {
    for (const chip of chips) chip.setAttribute("aria-pressed", String(!hidden[Number(chip.dataset["number"])]));
    actions.filtered();
  };
  const ordered = trace.kinds.map((_kind, index) => index).filter((index) => (counts[index] ?? 0) > 0);
  for (const index of ordered) {
    const kind = trace.kinds[index] ?? "";
    const chip = element("button", { type: "button", class: "chip", "aria-pressed": "true", "data-type": kind });
    chip.dataset["number"] = String(index);
    chip.append(element("i", { class: `swatch k-${familyOf(kind)}` }), element("span", { text: kind }));
    chip.append(element("span", { class: "count", text: number(counts[index] ?? 0) }));
    chip.title = "Click to hide or show, double click for this type alone";
    chip.addEventListener("click", () => {
      hidden[index] = !hidden[index];
      show();
    });
    chip.addEventListener("dblclick", () => {
      for (const other of hidden.keys()) hidden[other] = other !== index;
      show();
    });
    chips.push(chip);
    made.append(chip);
  }
  const all = button("All", "Show all types of marks", () => {
    hidden.fill(false);
    show();
  });
  all.classList.add("all");
  made.append(all, key());
  return made;
}

/** How direction, stalls and windows are drawn. */
function key(): HTMLElement {
  const entry = (name: string, text: string): HTMLElement =>
    element(
      "span",
      { class: "key" },
      element("i", { class: `sign ${name}`, "aria-hidden": "true" }),
      element("span", { text }),
    );
  return element(
    "div",
    { class: "keys" },
    entry("up", "sent"),
    entry("down", "received"),
    entry("event", "event"),
    entry("stall", "stalled"),
    entry("fired", "defence or error"),
    entry("send-line", "window to send"),
    entry("receive-line", "window to receive"),
  );
}

function countKinds(trace: Trace): number[] {
  const counts = trace.kinds.map(() => 0);
  for (const { lanes } of trace.connections) {
    for (const { marks } of lanes) {
      for (let at = 1; at < marks.length; at += markNumbers) {
        const kind = marks[at] ?? -1;
        counts[kind] = (counts[kind] ?? 0) + 1;
      }
    }
  }
  return counts;
}
