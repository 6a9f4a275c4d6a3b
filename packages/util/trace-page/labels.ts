/**
 * The rows as elements: a label for each, and over the time line what spans time. Only those in sight exist, which is why
 * each says its place among all.
 */

import { markNumbers } from "../src/trace/model.ts";
import { element } from "./dom.ts";
import type { Row } from "./rows.ts";
import type { View } from "./view.ts";
import { isBad, number, outcomeOf, titleOf } from "./words.ts";

/** A row shows no more spans than these; those in sight come first. */
const maxSpans = 200;
/** Room for a text. */
const readable = 90;

export interface LabelActions {
  toggle(row: Row): void;
  isCollapsed(row: Row): boolean;
}

/** The element of a row, without what depends on the part of time in sight. */
export function rowElement(row: Row, index: number, total: number, actions: LabelActions): HTMLElement {
  const { lane, connection } = row;
  const made = element("div", {
    class: `row row-${row.kind}`,
    id: `row-${index}`,
    role: "option",
    "aria-posinset": String(index + 1),
    "aria-setsize": String(total),
    "data-row": row.kind,
    "data-kind": lane.kind,
    "data-connection": connection.name,
    "data-id": String(lane.id),
    "data-marks": String(lane.marks.length / markNumbers),
  });
  made.style.top = `${row.top}px`;
  made.style.height = `${row.height}px`;
  const label = element("div", { class: "label" });
  if (row.kind === "windows") label.append(...windowsLabel(row));
  else if (row.kind === "connection") label.append(...connectionLabel(row, actions));
  else label.append(...laneLabel(row));
  made.append(label, element("div", { class: "spans" }));
  return made;
}

function connectionLabel(row: Row, actions: LabelActions): Node[] {
  const { connection } = row;
  const isCollapsed = actions.isCollapsed(row);
  const toggle = element("button", {
    type: "button",
    class: "toggle",
    tabindex: "-1",
    text: isCollapsed ? "▸" : "▾",
    "aria-label": `${isCollapsed ? "Show" : "Hide"} the lanes of ${connection.name}`,
  });
  toggle.addEventListener("click", (event) => {
    event.stopPropagation();
    actions.toggle(row);
  });
  const about = [connection.version, connection.side].filter((part) => part !== undefined && part !== "unknown");
  const name = element("div", { class: "name" }, element("b", { text: connection.name }));
  name.append(element("span", { class: "about", text: about.join(" · ") }));
  const made: Node[] = [toggle, name];
  const { fired } = connection;
  if (fired !== undefined) {
    made.push(
      element("span", { class: "badge bad", "data-defence": fired.name, text: fired.isDefence ? "defence" : "error" }),
    );
  }
  return made;
}

function laneLabel({ lane, connection }: Row): Node[] {
  const made: Node[] = [
    element("span", { class: "id", text: lane.kind === "stream" ? String(lane.id) : `#${lane.id}` }),
    element("span", { class: "title", text: titleOf(lane, connection) }),
  ];
  const outcome = outcomeOf(lane);
  if (outcome !== "") made.push(element("span", { class: isBad(lane) ? "outcome bad" : "outcome", text: outcome }));
  return made;
}

function windowsLabel({ lane, kind }: Row): Node[] {
  const end = (curve: readonly number[] | undefined): string => number(curve?.at(-1) ?? 0);
  const value = (name: "send" | "receive"): HTMLElement =>
    element(
      "span",
      { class: `curve ${name}`, "data-window": name, "data-end": String(lane.windows?.[name].at(-1) ?? "") },
      element("i", { class: "line" }),
      element("span", { class: "word", text: name }),
      element("b", { text: end(lane.windows?.[name]) }),
    );
  const of = lane.kind === "connection" ? "Connection window" : `Window of stream ${lane.id}`;
  return [
    element(
      "div",
      { class: `curves ${kind}` },
      element("span", { class: "of", text: of }),
      value("send"),
      value("receive"),
    ),
  ];
}

/** Puts what spans time where it belongs now. */
export function placeSpans(made: HTMLElement, row: Row, view: View): void {
  const holder = made.lastElementChild as HTMLElement;
  holder.replaceChildren();
  const { lane, connection } = row;
  const { fired } = connection;
  if (fired !== undefined) {
    const span = spanElement("fired", fired.at, connection.end, view, row.kind === "connection" ? fired.name : "");
    if (span !== undefined) {
      if (fired.isDefence) span.setAttribute("data-defence", fired.name);
      holder.append(span);
    }
  }
  let count = 0;
  for (const { from, to, by } of lane.stalls) {
    if (to < view.from || from > view.to || ++count > maxSpans) continue;
    const span = spanElement("stall", from, to, view, row.kind === "windows" ? "" : by);
    span?.setAttribute("data-by", by);
    if (span !== undefined) holder.append(span);
  }
}

function spanElement(name: string, from: number, to: number, view: View, text: string): HTMLElement | undefined {
  if (to < view.from || from > view.to) return undefined;
  const left = Math.max(-4, view.x(from) - view.left);
  const right = Math.min(view.width + 4, view.x(to) - view.left);
  const span = element("span", { class: `span ${name}` });
  span.style.left = `${left}px`;
  span.style.width = `${Math.max(3, right - left)}px`;
  if (text !== "") {
    const fits = right - left > readable;
    // At the end of the log there is room before the span, not in it.
    const isLate = !fits && left > view.width - readable * 2;
    if (fits || name === "fired") span.append(element("em", { class: isLate ? "before" : "", text }));
  }
  return span;
}
