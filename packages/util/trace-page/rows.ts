/** Which rows there are, one below the other, after filters have taken out what is not looked for. */
import { type Connection, type Lane, markNumbers, type Trace } from "../src/trace/model.ts";
import { titleOf } from "./words.ts";

export interface Row {
  readonly kind: "connection" | "lane" | "windows";
  readonly connection: Connection;
  readonly lane: Lane;
  readonly top: number;
  readonly height: number;
}

export interface Filter {
  /** Lower case; empty for all. */
  text: string;
  /** An index, or -1 for all. */
  connection: number;
  /** What stream identifiers must be; `undefined` for all. */
  streams: readonly (readonly [number, number])[] | undefined;
  /** By number of the kind. */
  readonly hidden: boolean[];
}

const heights = { connection: 40, lane: 30, windows: 58 };

export class Rows {
  rows: readonly Row[] = [];
  height = 0;
  readonly filter: Filter;
  readonly collapsed: Set<Connection> = new Set();
  /** Windows of all streams are shown, not those of the selected one only. */
  allWindows = false;
  readonly #trace: Trace;
  readonly #texts = new WeakMap<Lane, string>();

  constructor(trace: Trace) {
    this.#trace = trace;
    this.filter = { text: "", connection: -1, streams: undefined, hidden: trace.kinds.map(() => false) };
  }

  update(selected: Lane | undefined): void {
    const rows: Row[] = [];
    let top = 0;
    const push = (kind: Row["kind"], connection: Connection, lane: Lane): void => {
      rows.push({ kind, connection, lane, top, height: heights[kind] });
      top += heights[kind];
    };
    for (const [index, connection] of this.#trace.connections.entries()) {
      if (this.filter.connection >= 0 && this.filter.connection !== index) continue;
      const [own, ...others] = connection.lanes;
      if (own === undefined) continue;
      const lanes = others.filter((lane) => this.#passes(connection, lane));
      // The connection stands above its streams, or for itself.
      if (lanes.length === 0 && !this.#passes(connection, own)) continue;
      push("connection", connection, own);
      if (this.collapsed.has(connection)) continue;
      if (own.windows !== undefined) push("windows", connection, own);
      for (const lane of lanes) {
        push("lane", connection, lane);
        if (lane.windows !== undefined && (this.allWindows || lane === selected)) push("windows", connection, lane);
      }
    }
    this.rows = rows;
    this.height = top;
  }

  /** The time of the connection that is asked for; `undefined` if all are. */
  get times(): readonly [start: number, end: number] | undefined {
    const connection = this.#trace.connections[this.filter.connection];
    return connection === undefined ? undefined : [connection.start, connection.end];
  }

  /** The index of the row at a height; of the last one below all. */
  indexAt(y: number): number {
    let low = 0;
    let high = this.rows.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.rows[middle]?.top ?? 0) <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #passes(connection: Connection, lane: Lane): boolean {
    const { text, streams, hidden } = this.filter;
    if (streams !== undefined && !streams.some(([from, to]) => lane.id >= from && lane.id <= to)) return false;
    if (text !== "" && !this.#textOf(connection, lane).includes(text)) return false;
    return !hidden.includes(true) || hasShown(lane, hidden);
  }

  /** All that is said of a lane, in lower case. */
  #textOf(connection: Connection, lane: Lane): string {
    let text = this.#texts.get(lane);
    if (text !== undefined) return text;
    const parts: unknown[] = [connection.name, titleOf(lane, connection), lane.reset?.code, lane.failed?.code];
    for (const head of lane.heads) {
      parts.push(head.method, head.scheme, head.authority, head.path, head.status);
      for (const [name, value] of head.fields ?? []) parts.push(`${name}: ${value}`);
    }
    for (const details of Object.values(lane.details)) {
      for (const [name, value] of Object.entries(details)) if (name !== "head") parts.push(`${name}=${value}`);
    }
    for (const { by } of lane.stalls) parts.push(`stalled by ${by}`);
    if (lane.kind === "connection") parts.push(connection.fired?.name, connection.closed?.code);
    const kinds = new Set<number>();
    for (let at = 1; at < lane.marks.length; at += markNumbers) kinds.add(lane.marks[at] ?? -1);
    for (const kind of kinds) parts.push(this.#trace.kinds[kind]);
    text = parts
      .filter((part) => part !== undefined)
      .join("\n")
      .toLowerCase();
    this.#texts.set(lane, text);
    return text;
  }
}

function hasShown(lane: Lane, hidden: readonly boolean[]): boolean {
  for (let at = 1; at < lane.marks.length; at += markNumbers) if (!hidden[lane.marks[at] ?? -1]) return true;
  return lane.marks.length === 0;
}

/** `1, 5-9` as ranges; `undefined` for an empty text, `null` for one that says nothing. */
export function rangesOf(text: string): [number, number][] | undefined | null {
  if (text.trim() === "") return undefined;
  const ranges: [number, number][] = [];
  for (const part of text.split(/[\s,]+/).filter((piece) => piece !== "")) {
    const match = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(part);
    if (match === null) return null;
    const from = Number(match[1]);
    ranges.push([from, match[2] === undefined ? from : Number(match[2])]);
  }
  return ranges;
}

/** The first mark at or behind a time. */
export function markAt(lane: Lane, time: number): number {
  let low = 0;
  let high = lane.marks.length / markNumbers;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((lane.marks[middle * markNumbers] ?? 0) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
