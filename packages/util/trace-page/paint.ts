/** Draws the rows in sight: the time grid, the life of each lane, its marks, and curves of windows. */
import { EVENT, type Lane, markNumbers, type Trace } from "../src/trace/model.ts";
import { drawGlyph } from "./glyphs.ts";
import { markAt, type Row } from "./rows.ts";
import type { Theme } from "./theme.ts";
import type { View } from "./view.ts";
import { time } from "./words.ts";

export const axisHeight = 30;
const tickWidth = 96;
/** Marks of a kind that are closer than this are one. */
const closest = 1.5;

export interface Scene {
  readonly trace: Trace;
  readonly view: View;
  readonly theme: Theme;
  readonly hidden: readonly boolean[];
  readonly rows: readonly Row[];
  /** The rows in sight. */
  readonly first: number;
  readonly last: number;
  readonly scrollTop: number;
  readonly height: number;
  readonly selected: Lane | undefined;
}

export function paint(to: CanvasRenderingContext2D, scene: Scene): void {
  const { view, theme } = scene;
  const right = view.left + view.width;
  to.clearRect(0, 0, right, scene.height);
  paintGrid(to, scene);
  to.save();
  to.beginPath();
  to.rect(view.left, axisHeight, view.width, scene.height - axisHeight);
  to.clip();
  for (let index = scene.first; index <= scene.last; index++) {
    const row = scene.rows[index];
    if (row === undefined) continue;
    const top = axisHeight + row.top - scene.scrollTop;
    to.fillStyle = theme.of("rule");
    to.fillRect(view.left, top + row.height - 1, view.width, 1);
    if (row.kind === "windows") paintWindows(to, scene, row, top);
    else paintLane(to, scene, row, top);
  }
  to.restore();
}

function paintGrid(to: CanvasRenderingContext2D, { view, theme, height }: Scene): void {
  to.font = `11px ${theme.of("sans")}`;
  to.textBaseline = "middle";
  for (const { at, step } of view.ticks(tickWidth)) {
    const x = Math.round(view.x(at));
    to.fillStyle = theme.of("rule");
    to.fillRect(x, axisHeight - 6, 1, height);
    if (x + 50 > view.left + view.width) continue;
    to.fillStyle = theme.of("muted");
    to.fillText(tickLabel(at, step), x + 5, axisHeight / 2 + 1);
  }
}

function tickLabel(at: number, step: number): string {
  if (at === 0) return "0";
  if (step >= 1000) return `${Number((at / 1000).toFixed(1))} s`;
  if (step >= 1) return at >= 10_000 ? `${(at / 1000).toFixed(3)} s` : `${Math.round(at)} ms`;
  return step >= 0.001 ? `${Number(at.toFixed(3))} ms` : time(at);
}

function paintLane(to: CanvasRenderingContext2D, scene: Scene, row: Row, top: number): void {
  const { view, theme, trace, hidden } = scene;
  const { lane } = row;
  const middle = Math.round(top + row.height / 2);
  const reach = Math.floor(row.height / 2) - 2;
  paintLife(to, scene, row, middle);
  const { kinds } = trace;
  const latest = new Float64Array(kinds.length * 3).fill(Number.NEGATIVE_INFINITY);
  const slack = ((view.to - view.from) / view.width) * 8;
  const { marks } = lane;
  for (let at = markAt(lane, view.from - slack) * markNumbers; at < marks.length; at += markNumbers) {
    const when = marks[at] ?? 0;
    if (when > view.to + slack) break;
    const number = marks[at + 1] ?? 0;
    if (hidden[number]) continue;
    const x = view.x(when);
    const direction = marks[at + 2] ?? EVENT;
    const slot = number * 3 + direction;
    if (x - (latest[slot] ?? 0) < closest) continue;
    latest[slot] = x;
    const kind = kinds[number] ?? "";
    to.fillStyle = theme.kind(kind);
    drawGlyph(to, { kind, direction, octets: marks[at + 3] ?? 0 }, x, middle, reach);
  }
}

/** The line of a lane, from its first event to its end, fainter once one side is closed. */
function paintLife(to: CanvasRenderingContext2D, { view, theme, trace }: Scene, row: Row, middle: number): void {
  const { lane, connection } = row;
  const end = lane.end ?? (lane.kind === "connection" ? connection.end : Math.min(connection.end, trace.end));
  const from = Math.max(view.left - 2, view.x(lane.start));
  const until = Math.min(view.left + view.width + 2, view.x(end));
  if (until < from) return;
  to.fillStyle = theme.of("life");
  to.fillRect(from, middle - 1, Math.max(2, until - from), 2);
  for (const [index, [at, state]] of lane.states.entries()) {
    if (!/^(half-)?closed/.test(state)) continue;
    const left = Math.max(from, view.x(at));
    const right = Math.min(until, view.x(lane.states[index + 1]?.[0] ?? end));
    if (right <= left) continue;
    to.fillStyle = theme.of("life-half");
    to.fillRect(left, middle - 1, right - left, 2);
  }
}

interface Scale {
  /** The most that each curve reaches: both have the whole height, since they may differ by orders of magnitude. */
  readonly send: number;
  readonly receive: number;
  /** The least, as a part of the most: 0 or below. */
  readonly least: number;
}

function scaleOf({ windows }: Lane): Scale {
  let least = 0;
  const most = (curve: readonly number[] = []): number => {
    let found = 1;
    let lowest = 0;
    for (let at = 1; at < curve.length; at += 2) {
      const value = curve[at] ?? 0;
      if (value > found) found = value;
      if (value < lowest) lowest = value;
    }
    least = Math.min(least, lowest / found);
    return found;
  };
  const send = most(windows?.send);
  const receive = most(windows?.receive);
  // What is below 0 must not push the rest out of sight.
  return { send, receive, least: Math.max(least, -1) };
}

const scales = new WeakMap<Lane, Scale>();

function paintWindows(to: CanvasRenderingContext2D, scene: Scene, row: Row, top: number): void {
  const { lane } = row;
  if (lane.windows === undefined) return;
  let scale = scales.get(lane);
  if (scale === undefined) {
    scale = scaleOf(lane);
    scales.set(lane, scale);
  }
  const { send, receive, least } = scale;
  const high = row.height - 14;
  // Whole pixels, for lines that are sharp.
  const y = (part: number): number => Math.round(top + 6 + high * (1 - (Math.max(part, least) - least) / (1 - least)));
  const end = lane.end ?? row.connection.end;
  to.fillStyle = scene.theme.of("rule-strong");
  to.fillRect(scene.view.left, y(0), scene.view.width, 1);
  paintCurve(to, scene, lane.windows.receive, end, (value) => y(value / receive), "receive");
  paintCurve(to, scene, lane.windows.send, end, (value) => y(value / send), "send");
}

function paintCurve(
  to: CanvasRenderingContext2D,
  { view, theme }: Scene,
  curve: readonly number[],
  end: number,
  y: (value: number) => number,
  name: "send" | "receive",
): void {
  if (curve.length === 0) return;
  to.strokeStyle = theme.of(name);
  to.lineWidth = 2;
  to.setLineDash(name === "receive" ? [4, 3] : []);
  to.beginPath();
  let x = view.x(curve[0] ?? 0);
  let level = y(curve[1] ?? 0);
  to.moveTo(Math.max(x, view.left - 5), level);
  for (let at = firstPoint(curve, view.from); at < curve.length; at += 2) {
    const when = curve[at] ?? 0;
    x = Math.max(view.x(when), view.left - 5);
    to.lineTo(x, level);
    level = y(curve[at + 1] ?? 0);
    to.lineTo(x, level);
    if (when > view.to) break;
  }
  to.lineTo(Math.max(x, Math.min(view.x(end), view.left + view.width + 5)), level);
  to.stroke();
  to.setLineDash([]);
}

/** The last point at or before a time. */
function firstPoint(curve: readonly number[], at: number): number {
  let low = 0;
  let high = curve.length / 2 - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((curve[middle * 2] ?? 0) <= at) low = middle;
    else high = middle - 1;
  }
  return low * 2;
}

/** What a curve says at a time; `undefined` before it begins. */
export function valueAt(curve: readonly number[], at: number): number | undefined {
  return (curve[0] ?? Number.POSITIVE_INFINITY) > at ? undefined : curve[firstPoint(curve, at) + 1];
}
