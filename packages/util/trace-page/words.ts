/** What is said of lanes and marks, in words. */
import { type Connection, type Head, type Lane, markNumbers, RECEIVED, SENT, type Trace } from "../src/trace/model.ts";

/** A duration or a time, with three or four digits that matter. */
export function time(ms: number): string {
  // As it is rounded below, or 999.9 would be 1000 of the smaller unit.
  const size = Math.abs(ms) * 1.0005;
  if (size >= 120_000) return `${(ms / 60_000).toFixed(1)} min`;
  if (size >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (size >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  if (size >= 100) return `${ms.toFixed(0)} ms`;
  if (size >= 10) return `${ms.toFixed(1)} ms`;
  if (size >= 1 || size === 0) return `${ms.toFixed(size === 0 ? 0 : 2)} ms`;
  return `${(ms * 1000).toFixed(0)} µs`;
}

/** A time to the microsecond, as the log has it. */
export function exactTime(ms: number): string {
  return `${ms.toFixed(3)} ms`;
}

export function octets(count: number): string {
  if (Math.abs(count) < 10_000) return `${count.toLocaleString("en")} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = count / 1024;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(1)} ${units[unit] ?? ""}`;
}

export function number(count: number): string {
  return count.toLocaleString("en");
}

export function counted(count: number, what: string): string {
  return `${number(count)} ${what}${count === 1 ? "" : "s"}`;
}

export function requestOf(lane: Lane): Head | undefined {
  return lane.heads.find(({ what }) => what === "request");
}

export function responseOf(lane: Lane): Head | undefined {
  return lane.heads.find(({ what }) => what === "response");
}

/** What a lane is about: its request, as far as it is known. */
export function titleOf(lane: Lane, connection: Connection): string {
  if (lane.kind === "connection") return connection.name;
  const request = requestOf(lane);
  if (request !== undefined) return `${request.method ?? "request"} ${request.path ?? ""}`.trim();
  if (lane.promisedOn !== undefined) return `pushed on ${lane.promisedOn}`;
  return lane.kind === "stream" ? `stream ${lane.id}` : `exchange ${lane.id}`;
}

/** How it came out, in a word or two. */
export function outcomeOf(lane: Lane): string {
  const status = responseOf(lane)?.status;
  const failure = lane.failed?.code ?? lane.failed?.kind;
  return lane.reset?.code ?? failure ?? (status === undefined ? "" : String(status));
}

export function isBad(lane: Lane): boolean {
  return (lane.reset !== undefined && lane.reset.code !== "NO_ERROR") || lane.failed !== undefined;
}

/** What a mark is: `HEADERS received on stream 1`. */
export function markTitle(trace: Trace, lane: Lane, mark: number): string {
  const kind = trace.kinds[lane.marks[mark * markNumbers + 1] ?? -1] ?? "event";
  const direction = lane.marks[mark * markNumbers + 2];
  const way = direction === RECEIVED ? " received" : direction === SENT ? " sent" : "";
  const where =
    lane.kind === "connection" ? "" : lane.kind === "stream" ? ` on stream ${lane.id}` : ` of exchange ${lane.id}`;
  return `${kind}${way}${where}`;
}
