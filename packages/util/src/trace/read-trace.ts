/**
 * From a wire log to what the page draws. Lines come one at a time, so that a log need not be in memory as a whole; events
 * beyond the most that are kept are counted, and so are lines that cannot be read.
 */
import { ConnectionBuilder } from "./connection-builder.ts";
import type { Budget } from "./flow-windows.ts";
import { Kinds } from "./kinds.ts";
import type { Problem, Trace } from "./model.ts";
import { shortened, type WireEvent, wireEventOf } from "./wire-event.ts";

/** Problems beyond these are counted and no more. */
const maxProblems = 100;
const maxProblemText = 160;
/** A longer line is not looked at. */
const maxLine = 1 << 20;
const maxNamed = 5;

export interface TraceLimits {
  readonly title: string;
  readonly maxEvents: number;
}

export class TraceReader {
  readonly #limits: TraceLimits;
  readonly #kinds = new Kinds();
  readonly #budget: Budget;
  readonly #connections: ConnectionBuilder[] = [];
  /** The latest connection of each name. */
  readonly #byName = new Map<string, ConnectionBuilder>();
  readonly #problems: Problem[] = [];
  #line = 0;
  #failed = 0;
  #events = 0;
  #leftOut = 0;
  #wentBack = 0;
  #start = Number.POSITIVE_INFINITY;
  #end = Number.NEGATIVE_INFINITY;

  constructor(limits: TraceLimits) {
    this.#limits = limits;
    this.#budget = { points: 4 * limits.maxEvents, moves: 4 * limits.maxEvents };
  }

  /** Takes a line, or an event that was one. Empty lines are passed over. */
  add(line: unknown): void {
    this.#line++;
    if (typeof line === "string" && line.trim() === "") return;
    if (this.#events >= this.#limits.maxEvents) {
      this.#leftOut++;
      return;
    }
    const event = typeof line === "string" && line.length > maxLine ? "is longer than 1 MiB" : wireEventOf(line);
    if (typeof event === "string") this.#refuse(event, line);
    else this.#take(event);
  }

  #refuse(why: string, line: unknown): void {
    this.#failed++;
    if (this.#problems.length >= maxProblems) return;
    const text = typeof line === "string" ? line.trim() : String(line);
    this.#problems.push({ line: this.#line, why, text: shortened(text, maxProblemText) });
  }

  #take(event: WireEvent): void {
    this.#events++;
    let connection = this.#byName.get(event.connection);
    // A name may be used again.
    if (connection === undefined || connection.isClosed) {
      connection = new ConnectionBuilder(this.#newName(event.connection), event.t, this.#kinds, this.#budget);
      this.#byName.set(event.connection, connection);
      this.#connections.push(connection);
    }
    if (event.t < connection.last) this.#wentBack++;
    const at = Math.max(event.t, connection.last);
    connection.add(event, at);
    this.#start = Math.min(this.#start, at);
    this.#end = Math.max(this.#end, at);
  }

  readonly #uses = new Map<string, number>();

  #newName(name: string): string {
    const uses = (this.#uses.get(name) ?? 0) + 1;
    this.#uses.set(name, uses);
    const shown = name === "" ? "connection" : name;
    return uses === 1 ? shown : `${shown} (${uses})`;
  }

  /** What was read so far. */
  done(): Trace {
    const connections = this.#connections.map((connection) => connection.done());
    return {
      title: this.#limits.title,
      start: this.#events === 0 ? 0 : this.#start,
      end: this.#events === 0 ? 0 : this.#end,
      kinds: this.#kinds.names,
      connections,
      events: this.#events,
      leftOut: this.#leftOut,
      problems: { count: this.#failed, first: this.#problems },
      notes: this.#notes(),
    };
  }

  #notes(): string[] {
    const notes: string[] = [];
    if (this.#leftOut > 0) {
      const { maxEvents } = this.#limits;
      notes.push(
        `Only the first ${counted(maxEvents, "event")} are shown; ${counted(this.#leftOut, "line")} behind them were left out.`,
      );
    }
    if (this.#wentBack > 0) {
      notes.push(`${counted(this.#wentBack, "event")} went back in time and are shown at the time of the one before.`);
    }
    const cut = this.#connections.filter(({ isCut }) => isCut).map(({ name }) => name);
    if (cut.length > 0) {
      const more = cut.length > maxNamed ? ` and ${cut.length - maxNamed} more` : "";
      const names = `${cut.slice(0, maxNamed).join(", ")}${more}`;
      notes.push(`The log begins in the middle of ${names}: of flow-control windows there nothing is known.`);
    }
    if (this.#connections.some(({ windowsComplete }) => !windowsComplete)) {
      notes.push("Curves of flow-control windows were cut short: they have more steps than are kept.");
    }
    return notes;
  }
}

/** The lines of a text, one at a time. */
export function* linesOf(text: string): Iterable<string> {
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf("\n", start);
    yield text.slice(start, end < 0 ? text.length : end);
    if (end < 0) return;
    start = end + 1;
  }
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
}
