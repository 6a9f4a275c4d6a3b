/** The part of time that is in sight, and where a time is on the screen. */

/** No closer than this, in milliseconds for the whole width. */
const least = 0.005;
/** Free space at both ends, as a part of the whole. */
const margin = 0.015;

export class View {
  readonly first: number;
  readonly last: number;
  from: number;
  to: number;
  /** Where the time line begins, and how wide it is. */
  left = 0;
  width = 1;

  constructor(start: number, end: number) {
    const span = Math.max(end - start, least * 10);
    this.first = start - span * margin;
    this.last = start + span * (1 + margin);
    this.from = this.first;
    this.to = this.last;
  }

  x(at: number): number {
    return this.left + ((at - this.from) / (this.to - this.from)) * this.width;
  }

  at(x: number): number {
    return this.from + ((x - this.left) / this.width) * (this.to - this.from);
  }

  /** Shows all from `start` to `end`, with free space at both ends; without them the whole. */
  fit(start: number = this.first, end: number = this.last): void {
    const space = (end - start) * margin;
    this.show(start - space, end + space);
  }

  /** Makes what is around `x` larger, or smaller for a factor below 1. */
  zoom(factor: number, x: number = this.left + this.width / 2): void {
    const fixed = this.at(x);
    const span = Math.max(least, (this.to - this.from) / factor);
    const before = (fixed - this.from) / (this.to - this.from);
    this.show(fixed - span * before, fixed + span * (1 - before));
  }

  pan(pixels: number): void {
    const by = (pixels / this.width) * (this.to - this.from);
    this.show(this.from + by, this.to + by);
  }

  /** Brings a time into sight. */
  reveal(at: number): void {
    if (at >= this.from && at <= this.to) return;
    const span = this.to - this.from;
    this.show(at - span / 2, at + span / 2);
  }

  show(from: number, to: number): void {
    const span = Math.min(Math.max(to - from, least), this.last - this.first);
    this.from = Math.max(this.first, Math.min(from, this.last - span));
    this.to = this.from + span;
  }

  /** Round times in sight, about `apart` pixels from one another. */
  ticks(apart: number): { readonly at: number; readonly step: number }[] {
    const rough = ((this.to - this.from) / this.width) * apart;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * ([1, 2, 5].find((times) => times * power >= rough) ?? 10);
    const ticks: { at: number; step: number }[] = [];
    for (let n = Math.ceil(this.from / step); n * step <= this.to; n++) ticks.push({ at: n * step, step });
    return ticks;
  }
}
