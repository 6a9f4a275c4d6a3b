/**
 * Makes things for pools under test: each making is settled by hand, each thing knows how often it was closed.
 */
import type { HttpError } from "@sluice/core";
import { expect } from "vitest";

export class Thing {
  readonly name: string;
  isOpen = true;
  closings = 0;

  constructor(name: string) {
    this.name = name;
  }
}

/** One call of `connect`. */
export interface Making {
  readonly signal: AbortSignal;
  /** Ends with a new thing, whose name is its number. */
  succeed(thing?: Thing): Thing;
  fail(error: unknown): void;
}

export class Workshop {
  /** In the order of the calls. */
  readonly makings: Making[] = [];
  /** In the order in which they were made. */
  readonly things: Thing[] = [];

  readonly connect = (signal: AbortSignal): Promise<Thing> =>
    new Promise((resolve, reject) => {
      this.makings.push({
        signal,
        succeed: (thing = new Thing(String(this.things.length + 1))) => {
          this.things.push(thing);
          resolve(thing);
          return thing;
        },
        fail: reject,
      });
    });

  readonly isOpen = (thing: Thing): boolean => thing.isOpen;

  readonly close = (thing: Thing): void => {
    thing.isOpen = false;
    thing.closings++;
  };

  /** The making of a number, the first being 0. */
  making(index: number): Making {
    const making = this.makings[index];
    if (making === undefined) throw new Error(`there is no making ${index}, only ${this.makings.length}`);
    return making;
  }

  /** The names of those that were closed, in the order in which they were made; each as often as it was closed. */
  get closed(): string[] {
    return this.things.flatMap((thing) => Array.from({ length: thing.closings }, () => thing.name));
  }

  /** Which makings were given up. */
  get aborted(): boolean[] {
    return this.makings.map((making) => making.signal.aborted);
  }
}

/** What became of a promise, as far as it is known. */
export interface Seen<T> {
  state: "pending" | "fulfilled" | "rejected";
  value?: T;
  error?: unknown;
}

export function watch<T>(promise: Promise<T>): Seen<T> {
  const seen: Seen<T> = { state: "pending" };
  promise.then(
    (value) => {
      seen.state = "fulfilled";
      seen.value = value;
    },
    (error: unknown) => {
      seen.state = "rejected";
      seen.error = error;
    },
  );
  return seen;
}

/** The value of a promise that has been fulfilled. */
export function resultOf<T>(seen: Seen<T> | undefined): T {
  expect(seen?.state).toBe("fulfilled");
  return seen?.value as T;
}

/** The `kind` and `code` of the error of a promise that has been rejected. */
export function codeOf(seen: Seen<unknown>): string {
  expect(seen.state).toBe("rejected");
  const { kind, code } = seen.error as HttpError;
  return `${kind} ${code}`;
}

/** Lets all promises that can settle do so. */
export function quiet(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
