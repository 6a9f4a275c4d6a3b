/**
 * A trace as the page draws it: what `read-trace.ts` makes of a wire log and `page/` shows. It travels as JSON, so it holds
 * plain data only, and what there is much of lies flat in arrays of numbers.
 */

/** Numbers per mark in `Lane.marks`: time, index into `Trace.kinds`, direction, octets. */
export const markNumbers = 4;

/** The direction of a mark. */
export const RECEIVED = 0;
export const SENT = 1;
export const EVENT = 2;

export interface Trace {
  readonly title: string;
  /** Milliseconds, of the first and the last event. */
  readonly start: number;
  readonly end: number;
  /** What marks can be: types of frames, and kinds of events in lower case. */
  readonly kinds: readonly string[];
  readonly connections: readonly Connection[];
  /** Events that are shown. */
  readonly events: number;
  /** Lines behind the most events that are kept. */
  readonly leftOut: number;
  readonly problems: Problems;
  /** What a reader should know, in sentences. */
  readonly notes: readonly string[];
}

/** Lines that could not be read. */
export interface Problems {
  readonly count: number;
  /** The first of them. */
  readonly first: readonly Problem[];
}

export interface Problem {
  /** From 1. */
  readonly line: number;
  readonly why: string;
  /** The start of the line. */
  readonly text: string;
}

export interface Connection {
  readonly name: string;
  readonly version: "HTTP/1" | "HTTP/2" | "unknown";
  /** Which end the log was written at, if that follows from it. */
  readonly side?: "server" | "client";
  readonly start: number;
  readonly end: number;
  /** How it was closed, if the log says so. */
  readonly closed?: Failure;
  /** The error that ended it, or the defence, from its GOAWAY on. */
  readonly fired?: Fired;
  /** Things that defences counted, with the last count of each. */
  readonly defences: readonly (readonly [name: string, count: number])[];
  /** The connection's own lane, then one for each stream or exchange in the order in which they appear. */
  readonly lanes: readonly Lane[];
}

/** What an error is, as far as a log says. */
export interface Failure {
  readonly kind?: string;
  readonly code?: string;
}

export interface Fired {
  readonly at: number;
  /** The name of the defence or rule, such as `TOO_MANY_RESETS`; the error code where there is no other. */
  readonly name: string;
  /** It was a limit of ours, not an error of another kind. */
  readonly isDefence: boolean;
}

export interface Lane {
  /** The stream's identifier, or the number of the exchange; 0 for the connection itself. */
  readonly id: number;
  readonly kind: "connection" | "stream" | "exchange";
  readonly start: number;
  /** When it was over; absent if the log does not say. */
  readonly end?: number;
  /** `markNumbers` numbers for each, times ascending. */
  readonly marks: readonly number[];
  /** By index of the mark. */
  readonly details: Readonly<Record<number, Details>>;
  /** States of a stream: time and name. */
  readonly states: readonly (readonly [at: number, name: string])[];
  readonly stalls: readonly Stall[];
  readonly windows?: Windows;
  /** The request's, interim ones, the response's. */
  readonly heads: readonly Head[];
  /** Octets of DATA on a stream, of frames' payloads on a connection, of the transport over HTTP/1. */
  readonly received: number;
  readonly sent: number;
  readonly reset?: Reset;
  /** How the exchange ended, if with an error. */
  readonly failed?: Failure;
  /** The stream it was promised on. */
  readonly promisedOn?: number;
}

/** What a mark has beside its numbers. */
export interface Details {
  readonly [name: string]: string | number | undefined;
  /** The index of its head in the lane. */
  readonly head?: number;
}

export interface Stall {
  readonly from: number;
  readonly to: number;
  readonly by: string;
  /** The log does not say when it was over. */
  readonly isOpen?: true;
}

/** What may still be sent, as steps: time and octets by turns. */
export interface Windows {
  /** What we may send. */
  readonly send: readonly number[];
  /** What the peer may send. */
  readonly receive: readonly number[];
}

export interface Head {
  readonly what: "request" | "interim" | "response";
  readonly at: number;
  readonly method?: string;
  readonly scheme?: string;
  readonly authority?: string;
  readonly path?: string;
  readonly status?: number;
  readonly fields?: readonly (readonly [name: string, value: string])[];
}

export interface Reset {
  readonly at: number;
  readonly code: string;
  readonly by: "us" | "peer";
}
