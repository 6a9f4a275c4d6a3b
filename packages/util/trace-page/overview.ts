/** The whole of time in a strip: how much happens when, and which part is in sight. Dragging moves that part. */
import { markNumbers } from "../src/trace/model.ts";
import { element } from "./dom.ts";
import type { Rows } from "./rows.ts";
import type { Theme } from "./theme.ts";
import type { View } from "./view.ts";

const height = 34;

export class Overview {
  readonly element: HTMLElement = element("div", { class: "overview", "aria-hidden": "true" });
  readonly #canvas = element("canvas");
  readonly #window = element("div", { class: "window" });
  readonly #view: View;
  /** Marks per pixel: received and sent, or neither. */
  #counts: [Uint32Array, Uint32Array, Uint32Array] = [new Uint32Array(), new Uint32Array(), new Uint32Array()];

  constructor(view: View, changed: () => void) {
    this.#view = view;
    this.element.append(this.#canvas, this.#window);
    let isDragging = false;
    const follow = (event: PointerEvent): void => {
      const box = this.#canvas.getBoundingClientRect();
      const at = view.first + ((event.clientX - box.left) / box.width) * (view.last - view.first);
      const span = view.to - view.from;
      view.show(at - span / 2, at + span / 2);
      changed();
    };
    this.element.addEventListener("pointerdown", (event) => {
      isDragging = true;
      this.element.setPointerCapture(event.pointerId);
      follow(event);
    });
    this.element.addEventListener("pointermove", (event) => isDragging && follow(event));
    this.element.addEventListener("pointerup", () => (isDragging = false));
  }

  /** Counts anew: the width or the rows have changed. */
  count(rows: Rows, width: number): void {
    this.#counts = [new Uint32Array(width), new Uint32Array(width), new Uint32Array(width)];
    const { first, last } = this.#view;
    const perPixel = (last - first) / width;
    const { hidden } = rows.filter;
    const seen = new Set<unknown>();
    for (const { lane } of rows.rows) {
      if (seen.has(lane)) continue;
      seen.add(lane);
      const { marks } = lane;
      for (let at = 0; at < marks.length; at += markNumbers) {
        if (hidden[marks[at + 1] ?? -1]) continue;
        const pixel = Math.min(width - 1, Math.floor(((marks[at] ?? 0) - first) / perPixel));
        const counts = this.#counts[(marks[at + 2] ?? 2) as 0 | 1 | 2];
        counts[pixel] = (counts[pixel] ?? 0) + 1;
      }
    }
  }

  draw(theme: Theme, width: number): void {
    const ratio = window.devicePixelRatio;
    this.#canvas.width = width * ratio;
    this.#canvas.height = height * ratio;
    this.#canvas.style.width = `${width}px`;
    this.#canvas.style.height = `${height}px`;
    const to = this.#canvas.getContext("2d");
    if (to === null) return;
    to.scale(ratio, ratio);
    const [received, sent, events] = this.#counts;
    let most = 1;
    for (const counts of this.#counts) for (const count of counts) if (count > most) most = count;
    const middle = height / 2;
    // A few must be visible beside very many.
    const size = (count: number): number =>
      count === 0 ? 0 : 2 + (middle - 4) * (Math.log(count + 1) / Math.log(most + 1));
    for (let x = 0; x < width; x++) {
      to.fillStyle = theme.of("send");
      to.fillRect(x, middle - size(sent[x] ?? 0), 1, size(sent[x] ?? 0));
      to.fillStyle = theme.of("receive");
      to.fillRect(x, middle, 1, size(received[x] ?? 0));
      if ((events[x] ?? 0) === 0) continue;
      to.fillStyle = theme.of("k-stall");
      to.fillRect(x, middle - 2, 1, 4);
    }
    const whole = this.#view.last - this.#view.first;
    this.#window.style.left = `${((this.#view.from - this.#view.first) / whole) * width}px`;
    this.#window.style.width = `${Math.max(3, ((this.#view.to - this.#view.from) / whole) * width)}px`;
  }
}
