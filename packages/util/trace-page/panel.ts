/** Everything about the selected lane: its exchange, its times, its bytes, its windows, what went wrong. */
import type { Connection, Head, Lane, Trace } from "../src/trace/model.ts";
import { markNumbers, RECEIVED, SENT } from "../src/trace/model.ts";
import { element, pairs } from "./dom.ts";
import { familyOf } from "./theme.ts";
import { headElements } from "./tip.ts";
import { exactTime, number, octets, outcomeOf, requestOf, responseOf, time, titleOf } from "./words.ts";

const maxShown = 50;

export function panelContent(trace: Trace, connection: Connection, lane: Lane): Node[] {
  const made: Node[] = [
    element("p", {
      class: "kicker",
      text: lane.kind === "connection" ? connection.version : `${lane.kind} ${lane.id} · ${connection.name}`,
    }),
    element("h2", { text: titleOf(lane, connection) }),
  ];
  made.push(pairs(lane.kind === "connection" ? connectionFacts(connection, lane) : laneFacts(connection, lane)));
  if (lane.kind === "connection" && connection.defences.length > 0) {
    made.push(element("h3", { text: "Counted by defences" }));
    made.push(pairs(connection.defences.map(([name, count]) => [name, number(count)])));
  }
  if (lane.stalls.length > 0) made.push(...stalls(lane));
  if (lane.windows !== undefined) made.push(...windows(lane.windows));
  made.push(element("h3", { text: "What was exchanged" }), kindTable(trace, lane));
  for (const head of lane.heads.slice(0, maxShown)) made.push(...headSection(head));
  return made;
}

type Facts = (readonly [string, string])[];

function laneFacts(connection: Connection, lane: Lane): Facts {
  const request = requestOf(lane);
  const response = responseOf(lane);
  const { end } = lane;
  const rows: Facts = [];
  if (request?.authority !== undefined) rows.push(["authority", request.authority]);
  if (response?.status !== undefined) rows.push(["status", String(response.status)]);
  else if (outcomeOf(lane) !== "") rows.push(["outcome", outcomeOf(lane)]);
  rows.push(["started", exactTime(lane.start)]);
  if (request !== undefined && response !== undefined) rows.push(["to the response", time(response.at - request.at)]);
  rows.push([
    "duration",
    end === undefined ? `${time(connection.end - lane.start)}, not over` : time(end - lane.start),
  ]);
  rows.push(["received", octets(lane.received)], ["sent", octets(lane.sent)]);
  if (lane.reset !== undefined)
    rows.push(["reset", `${lane.reset.code} by ${lane.reset.by} at ${exactTime(lane.reset.at)}`]);
  if (lane.failed !== undefined) rows.push(["failed", failureText(lane.failed)]);
  const state = lane.states.at(-1)?.[1];
  if (state !== undefined) rows.push(["last state", state]);
  if (lane.promisedOn !== undefined) rows.push(["promised on stream", String(lane.promisedOn)]);
  return rows;
}

function connectionFacts(connection: Connection, lane: Lane): Facts {
  const rows: Facts = [];
  if (connection.side !== undefined) rows.push(["log of the", connection.side]);
  rows.push(["first event", exactTime(connection.start)], ["duration", time(connection.end - connection.start)]);
  rows.push(["lanes", number(connection.lanes.length - 1)]);
  rows.push(["received", octets(lane.received)], ["sent", octets(lane.sent)]);
  const { fired, closed } = connection;
  if (fired !== undefined)
    rows.push([fired.isDefence ? "defence" : "error", `${fired.name} at ${exactTime(fired.at)}`]);
  rows.push([
    "closed",
    closed === undefined ? "not in this log" : closed.kind === undefined ? "cleanly" : failureText(closed),
  ]);
  return rows;
}

function failureText({ kind, code }: { readonly kind?: string; readonly code?: string }): string {
  return [code, kind === undefined ? undefined : `(${kind})`].filter((part) => part !== undefined).join(" ");
}

function stalls(lane: Lane): Node[] {
  const total = lane.stalls.reduce((sum, { from, to }) => sum + to - from, 0);
  const rows = lane.stalls
    .slice(0, maxShown)
    .map(
      ({ from, to, by, isOpen }) =>
        [by, `${time(to - from)} from ${exactTime(from)}${isOpen ? ", not over" : ""}`] as const,
    );
  return [element("h3", { text: `Stalled for ${time(total)}` }), pairs(rows)];
}

function windows({ send, receive }: NonNullable<Lane["windows"]>): Node[] {
  const facts = (curve: readonly number[]): string => {
    let least = Number.POSITIVE_INFINITY;
    for (let at = 1; at < curve.length; at += 2) least = Math.min(least, curve[at] ?? 0);
    return `${number(curve.at(-1) ?? 0)} at the end, lowest ${number(least)}`;
  };
  const rows = [
    ["may be sent", facts(send)],
    ["may be received", facts(receive)],
  ] as const;
  return [element("h3", { text: "Flow-control windows" }), pairs(rows)];
}

function kindTable(trace: Trace, lane: Lane): HTMLElement {
  const counts = new Map<number, [number, number, number]>();
  for (let at = 0; at < lane.marks.length; at += markNumbers) {
    const kind = lane.marks[at + 1] ?? -1;
    const direction = lane.marks[at + 2] ?? 2;
    const found = counts.get(kind) ?? [0, 0, 0];
    found[direction === RECEIVED ? 0 : direction === SENT ? 1 : 2]++;
    counts.set(kind, found);
  }
  const table = element("table", { class: "kinds" });
  const cells = (...texts: string[]): HTMLElement[] => texts.map((text) => element("th", { scope: "col", text }));
  table.append(element("tr", {}, ...cells("", "in", "out", "event")));
  for (const [kind, numbers] of counts) {
    const name = trace.kinds[kind] ?? "";
    const label = element("th", { scope: "row" }, element("i", { class: `swatch k-${familyOf(name)}` }));
    label.append(element("span", { text: name }));
    table.append(
      element("tr", {}, label, ...numbers.map((count) => element("td", { text: count === 0 ? "" : number(count) }))),
    );
  }
  return table;
}

function headSection(head: Head): Node[] {
  const title = { request: "Request", interim: "Interim response", response: "Response" }[head.what];
  const [line, ...rest] = headElements(head, Number.POSITIVE_INFINITY);
  const made: Node[] = [element("h3", { text: title })];
  if (line !== undefined) made.push(line, ...rest);
  if (head.fields === undefined)
    made.push(element("p", { class: "hint", text: "The log holds no fields: it was recorded without heads." }));
  return made;
}
