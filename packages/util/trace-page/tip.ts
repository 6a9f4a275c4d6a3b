/** What is known of one mark, or of windows at a time, in a box beside it. It is also what a screen reader says. */
import type { Head, Lane, Trace } from "../src/trace/model.ts";
import { markNumbers } from "../src/trace/model.ts";
import { element, pairs } from "./dom.ts";
import { valueAt } from "./paint.ts";
import { familyOf } from "./theme.ts";
import { counted, exactTime, markTitle, number } from "./words.ts";

const maxFields = 18;

export class Tip {
  readonly element: HTMLElement = element("div", { class: "tip", role: "status", "aria-live": "polite", hidden: "" });

  mark(trace: Trace, lane: Lane, mark: number): void {
    const at = mark * markNumbers;
    const kind = trace.kinds[lane.marks[at + 1] ?? -1] ?? "";
    const octets = lane.marks[at + 3] ?? 0;
    const { head, ...details } = lane.details[mark] ?? {};
    const rows: [string, string][] = [["time", exactTime(lane.marks[at] ?? 0)]];
    if (lane.marks[at + 2] !== 2) rows.push(["length", counted(octets, "octet")]);
    for (const [name, value] of Object.entries(details)) {
      rows.push([name, typeof value === "number" ? number(value) : String(value)]);
    }
    const title = element("div", { class: "tip-title" }, element("i", { class: `swatch k-${familyOf(kind)}` }));
    title.append(element("b", { text: markTitle(trace, lane, mark) }));
    title.append(element("span", { class: "place", text: `${mark + 1} / ${lane.marks.length / markNumbers}` }));
    this.element.replaceChildren(title, pairs(rows));
    const shown = head === undefined ? undefined : lane.heads[head];
    if (shown !== undefined) this.element.append(...headElements(shown, maxFields));
  }

  windows(lane: Lane, at: number): void {
    const rows: [string, string][] = [["time", exactTime(at)]];
    for (const [name, what] of [
      ["send", "may be sent"],
      ["receive", "may be received"],
    ] as const) {
      const value = lane.windows === undefined ? undefined : valueAt(lane.windows[name], at);
      if (value !== undefined) rows.push([what, counted(value, "octet")]);
    }
    const text = lane.kind === "connection" ? "Connection window" : `Window of stream ${lane.id}`;
    this.element.replaceChildren(element("div", { class: "tip-title" }, element("b", { text })), pairs(rows));
  }

  /** Shows it beside a point, in sight. */
  show(x: number, y: number): void {
    this.element.hidden = false;
    const { width, height } = this.element.getBoundingClientRect();
    const left = x + 14 + width > window.innerWidth ? x - 14 - width : x + 14;
    const top = y + 14 + height > window.innerHeight ? window.innerHeight - height - 8 : y + 14;
    this.element.style.left = `${Math.max(8, left)}px`;
    this.element.style.top = `${Math.max(8, top)}px`;
  }

  hide(): void {
    this.element.hidden = true;
  }
}

/** The start line of a head and its fields. */
export function headElements(head: Head, most: number): HTMLElement[] {
  const line =
    head.what === "request"
      ? [head.method, head.path, head.authority].filter((part) => part !== undefined).join(" ")
      : String(head.status ?? "");
  const made: HTMLElement[] = [element("div", { class: "start-line", text: line })];
  const fields = head.fields ?? [];
  if (fields.length > 0) made.push(fieldTable(fields.slice(0, most)));
  if (fields.length > most) made.push(element("div", { class: "more", text: `${fields.length - most} more` }));
  return made;
}

function fieldTable(fields: readonly (readonly [string, string])[]): HTMLElement {
  const list = pairs(fields.map(([name, value]) => [name, value] as const));
  list.classList.add("fields");
  return list;
}
