/**
 * The time line: rows that scroll, a canvas behind them, and a cursor that pointer and keyboard share. Rows exist while they
 * are in sight, so that a log of many thousand streams opens as fast as a short one.
 */
import { type Lane, markNumbers, RECEIVED, SENT, type Trace } from "../src/trace/model.ts";
import { element } from "./dom.ts";
import { placeSpans, rowElement } from "./labels.ts";
import { axisHeight, paint } from "./paint.ts";
import { markAt, type Row, type Rows } from "./rows.ts";
import type { Theme } from "./theme.ts";
import type { Tip } from "./tip.ts";
import type { View } from "./view.ts";

/** How far from a mark the pointer may be, in pixels. */
const grasp = 7;
/** Rows beyond the edges that exist all the same. */
const spare = 3;
const dragFrom = 4;

export interface ChartActions {
  selected(row: Row | undefined): void;
  /** The part of time in sight has changed. */
  moved(): void;
}

export class Chart {
  readonly element: HTMLElement = element("div", { class: "chart" });
  readonly list: HTMLElement = element("div", {
    class: "lanes",
    role: "listbox",
    tabindex: "0",
    "aria-label":
      "Connections and streams. Up and down choose a lane, left and right its marks, Enter folds a connection, plus and minus zoom.",
  });
  readonly #space = element("div", { class: "space" });
  readonly #canvas = element("canvas", { "aria-hidden": "true" });
  readonly #cursor = element("div", { class: "cursor", hidden: "" });
  readonly #empty = element("p", { class: "empty", hidden: "", text: "Nothing passes the filter." });
  readonly #trace: Trace;
  readonly #view: View;
  readonly #rows: Rows;
  readonly #theme: Theme;
  readonly #tip: Tip;
  readonly #actions: ChartActions;
  readonly #made = new Map<Row, HTMLElement>();
  #selected: Row | undefined;
  /** The mark that the keyboard is at. */
  #mark = -1;

  constructor(trace: Trace, view: View, rows: Rows, theme: Theme, tip: Tip, actions: ChartActions) {
    this.#trace = trace;
    this.#view = view;
    this.#rows = rows;
    this.#theme = theme;
    this.#tip = tip;
    this.#actions = actions;
    this.list.append(this.#space);
    this.element.append(this.#canvas, this.list, this.#cursor, this.#empty);
    this.list.addEventListener("scroll", () => actions.moved());
    this.list.addEventListener("keydown", (event) => this.#key(event));
    this.list.addEventListener("blur", () => this.#leave());
    this.#listenToPointer();
  }

  get selectedLane(): Lane | undefined {
    return this.#selected?.lane;
  }

  /** The rows have changed. */
  reset(): void {
    this.#made.clear();
    this.#space.replaceChildren();
    this.#space.style.height = `${this.#rows.height}px`;
    this.#empty.hidden = this.#rows.rows.length > 0;
    const lane = this.#selected?.lane;
    this.#selected = this.#rows.rows.find((row) => row.lane === lane && row.kind !== "windows");
    if (lane !== undefined && this.#selected === undefined) this.#actions.selected(undefined);
    this.list.dataset["rows"] = String(this.#rows.rows.length);
  }

  /** Makes the sizes what the window gives. */
  measure(): void {
    const label = Number.parseFloat(getComputedStyle(this.element).getPropertyValue("--label-width"));
    this.#view.left = label;
    this.#view.width = Math.max(40, this.list.clientWidth - label);
    const ratio = window.devicePixelRatio;
    const { clientWidth, clientHeight } = this.element;
    this.#canvas.width = clientWidth * ratio;
    this.#canvas.height = clientHeight * ratio;
    this.#canvas.style.width = `${clientWidth}px`;
    this.#canvas.style.height = `${clientHeight}px`;
  }

  draw(): void {
    const { rows } = this.#rows;
    const { scrollTop, clientHeight } = this.list;
    const first = Math.max(0, this.#rows.indexAt(scrollTop) - spare);
    const last = Math.min(rows.length - 1, this.#rows.indexAt(scrollTop + clientHeight) + spare);
    this.#keepRows(first, last);
    const to = this.#canvas.getContext("2d");
    if (to === null) return;
    to.setTransform(window.devicePixelRatio, 0, 0, window.devicePixelRatio, 0, 0);
    paint(to, {
      trace: this.#trace,
      view: this.#view,
      theme: this.#theme,
      hidden: this.#rows.filter.hidden,
      rows,
      first,
      last,
      scrollTop,
      height: this.element.clientHeight,
      selected: this.#selected?.lane,
    });
  }

  #keepRows(first: number, last: number): void {
    const { rows } = this.#rows;
    const wanted = new Set(rows.slice(first, last + 1));
    for (const [row, made] of this.#made) {
      if (wanted.has(row)) continue;
      made.remove();
      this.#made.delete(row);
    }
    for (let index = first; index <= last; index++) {
      const row = rows[index];
      if (row === undefined) continue;
      let made = this.#made.get(row);
      if (made === undefined) {
        made = rowElement(row, index, rows.length, {
          toggle: (toggled) => this.#toggle(toggled),
          isCollapsed: ({ connection }) => this.#rows.collapsed.has(connection),
        });
        this.#made.set(row, made);
        this.#space.append(made);
      }
      placeSpans(made, row, this.#view);
      const isSelected = row === this.#selected;
      made.setAttribute("aria-selected", String(isSelected));
      if (isSelected) this.list.setAttribute("aria-activedescendant", made.id);
    }
    if (this.#selected === undefined) this.list.removeAttribute("aria-activedescendant");
  }

  /** Hides or shows the lanes of a connection. */
  #toggle({ connection }: Row): void {
    const { collapsed } = this.#rows;
    if (!collapsed.delete(connection)) collapsed.add(connection);
    this.#rows.update(this.selectedLane);
    this.reset();
    this.#actions.moved();
  }

  select(row: Row | undefined): void {
    const target =
      row?.kind === "windows" ? this.#rows.rows.find(({ lane, kind }) => lane === row.lane && kind !== "windows") : row;
    if (target?.lane === this.#selected?.lane) return;
    this.#selected = target;
    this.#mark = -1;
    this.#actions.selected(target);
  }

  #leave(): void {
    this.#tip.hide();
    this.#cursor.hidden = true;
  }

  // Pointer.

  #listenToPointer(): void {
    let last: number | undefined;
    let moved = 0;
    this.list.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || this.#x(event) < this.#view.left) return;
      last = event.clientX;
      moved = 0;
    });
    this.list.addEventListener("pointermove", (event) => {
      if (last === undefined) {
        this.#hover(event);
        return;
      }
      moved += Math.abs(event.clientX - last);
      if (moved < dragFrom) return;
      // Only now: a pointer that is captured at once clicks on nothing else.
      this.list.setPointerCapture(event.pointerId);
      this.#leave();
      this.#view.pan(last - event.clientX);
      last = event.clientX;
      this.#actions.moved();
    });
    const stop = (): void => {
      last = undefined;
    };
    this.list.addEventListener("pointerup", stop);
    this.list.addEventListener("pointercancel", stop);
    this.list.addEventListener("pointerleave", () => this.#leave());
    this.list.addEventListener("click", (event) => {
      if (moved < dragFrom) this.select(this.#rowAt(event));
      moved = 0;
    });
    this.list.addEventListener("dblclick", (event) => {
      if (this.#x(event) < this.#view.left) return;
      this.#view.zoom(3, this.#x(event));
      this.#actions.moved();
    });
    this.element.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  #wheel(event: WheelEvent): void {
    const isOnAxis = event.clientY - this.element.getBoundingClientRect().top < axisHeight;
    if (event.ctrlKey || event.metaKey || event.altKey || isOnAxis) {
      event.preventDefault();
      this.#view.zoom(Math.exp(-event.deltaY * 0.002), Math.max(this.#view.left, this.#x(event)));
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      this.#view.pan(event.deltaX === 0 ? event.deltaY : event.deltaX);
    } else {
      return;
    }
    this.#leave();
    this.#actions.moved();
  }

  #x(event: MouseEvent): number {
    return event.clientX - this.element.getBoundingClientRect().left;
  }

  #rowAt(event: MouseEvent): Row | undefined {
    const y = event.clientY - this.list.getBoundingClientRect().top + this.list.scrollTop;
    const row = this.#rows.rows[this.#rows.indexAt(y)];
    return row !== undefined && y < row.top + row.height ? row : undefined;
  }

  #hover(event: PointerEvent): void {
    const row = this.#rowAt(event);
    const x = this.#x(event);
    if (row === undefined || x < this.#view.left) return this.#leave();
    if (row.kind === "windows") {
      const at = this.#view.at(x);
      this.#tip.windows(row.lane, at);
      this.#point(row, at);
      this.#tip.show(event.clientX, event.clientY);
      return;
    }
    const top = this.list.getBoundingClientRect().top - this.list.scrollTop + row.top;
    const mark = this.#nearest(row.lane, x, event.clientY - top - row.height / 2);
    if (mark < 0) return this.#leave();
    this.#tip.mark(this.#trace, row.lane, mark);
    this.#point(row, row.lane.marks[mark * markNumbers] ?? 0);
    this.#tip.show(event.clientX, event.clientY);
  }

  /** The shown mark nearest to `x`; of several there, one on the side of the line where the pointer is. */
  #nearest(lane: Lane, x: number, below: number): number {
    const { hidden } = this.#rows.filter;
    const side = below > 2 ? RECEIVED : below < -2 ? SENT : -1;
    const until = this.#view.at(x + grasp);
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    const count = lane.marks.length / markNumbers;
    for (let mark = markAt(lane, this.#view.at(x - grasp)); mark < count; mark++) {
      const at = mark * markNumbers;
      const when = lane.marks[at] ?? 0;
      if (when > until) break;
      if (hidden[lane.marks[at + 1] ?? -1]) continue;
      const distance = Math.abs(this.#view.x(when) - x) + (side === -1 || lane.marks[at + 2] === side ? 0 : grasp);
      if (distance >= least) continue;
      least = distance;
      best = mark;
    }
    return best;
  }

  /** Puts the cursor at a time of a row. */
  #point(row: Row, at: number): void {
    this.#cursor.hidden = false;
    this.#cursor.style.left = `${this.#view.x(at)}px`;
    this.#cursor.style.top = `${axisHeight + row.top - this.list.scrollTop}px`;
    this.#cursor.style.height = `${row.height}px`;
  }

  // Keyboard.

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const action = this.#actionOf(event);
    if (action === undefined) return;
    event.preventDefault();
    action();
    this.#actions.moved();
  }

  #actionOf({ key, shiftKey }: KeyboardEvent): (() => void) | undefined {
    switch (key) {
      case "ArrowDown":
        return () => this.#step(1);
      case "ArrowUp":
        return () => this.#step(-1);
      case "ArrowRight":
        return () => (shiftKey ? this.#view.pan(this.#view.width / 4) : this.#stepMark(1));
      case "ArrowLeft":
        return () => (shiftKey ? this.#view.pan(-this.#view.width / 4) : this.#stepMark(-1));
      case "Home":
        return () => this.#stepMark(-Infinity);
      case "End":
        return () => this.#stepMark(Infinity);
      case "+":
      case "=":
        return () => this.#view.zoom(1.8);
      case "-":
        return () => this.#view.zoom(1 / 1.8);
      case "0":
        return () => this.#view.fit();
      case "Enter":
        return () => this.#selected?.kind === "connection" && this.#toggle(this.#selected);
      case "Escape":
        return () => {
          this.#leave();
          this.select(undefined);
        };
      default:
        return undefined;
    }
  }

  /** To the next lane up or down. */
  #step(by: number): void {
    const lanes = this.#rows.rows.filter(({ kind }) => kind !== "windows");
    const now = this.#selected === undefined ? (by > 0 ? -1 : lanes.length) : lanes.indexOf(this.#selected);
    const row = lanes[Math.max(0, Math.min(lanes.length - 1, now + by))];
    if (row === undefined) return;
    this.#leave();
    this.select(row);
    this.#reveal();
  }

  #reveal(): void {
    const row = this.#selected;
    if (row === undefined) return;
    const { scrollTop, clientHeight } = this.list;
    if (row.top < scrollTop) this.list.scrollTop = row.top;
    else if (row.top + row.height > scrollTop + clientHeight) this.list.scrollTop = row.top + row.height - clientHeight;
  }

  /** To another mark of the selected lane that is shown. */
  #stepMark(by: number): void {
    const row = this.#selected;
    if (row === undefined) return;
    const { lane } = row;
    const { hidden } = this.#rows.filter;
    const count = lane.marks.length / markNumbers;
    const isShown = (mark: number): boolean => !hidden[lane.marks[mark * markNumbers + 1] ?? -1];
    // From an end, what is not shown is passed over inwards.
    const [start, direction] = by === Infinity ? [count - 1, -1] : by === -Infinity ? [0, 1] : [this.#mark + by, by];
    let mark = start;
    while (mark >= 0 && mark < count && !isShown(mark)) mark += direction;
    if (mark < 0 || mark >= count) return;
    this.#mark = mark;
    const at = lane.marks[mark * markNumbers] ?? 0;
    this.#view.reveal(at);
    this.#reveal();
    this.#tip.mark(this.#trace, lane, mark);
    this.#point(row, at);
    const box = this.#cursor.getBoundingClientRect();
    this.#tip.show(box.left, box.bottom - 8);
  }
}
