/**
 * The members of Node's messages that are not in its documentation and are relied on here.
 *
 * Express replaces the prototypes of both messages by ones that descend from Node's, so a subclass keeps nothing but what
 * each object owns. Therefore both messages are made by Node's constructors and keep Node's methods for all that is state of
 * the object alone (fields, status, their checks); what touches a connection is replaced by methods of the object's own.
 */
import { IncomingMessage, ServerResponse } from "node:http";

/** `http.ServerResponse` from within. */
export interface OutgoingInternals {
  /** The head, once it is settled; `headersSent` looks at it. */
  _header: string | null;
  _hasBody: boolean;
  _contentLength: number | null;
  _removedContLen: boolean;
  _closed: boolean;
  _sent100: boolean;
  /** Trailer lines as they would be written, checked by `addTrailers`. */
  _trailer: string;
  /** Bytes that wait; `writableLength` looks at it. */
  outputSize: number;
  finished: boolean;
  destroyed: boolean;
  socket: unknown;
  _implicitHeader(): void;
  _storeHeader(firstLine: string, headers: unknown): void;
  _writeRaw(text: string, encoding: string, callback: unknown): boolean;
}

/** `http.IncomingMessage` from within. */
export interface IncomingInternals {
  _consuming: boolean;
  readonly _readableState: { readingMore: boolean };
  aborted: boolean;
  complete: boolean;
  /** Takes names and values in turn, as the header section, or as the trailer section once `complete`. */
  _addHeaderLines(lines: string[], count: number): void;
}

/** What Node keeps of a field that was set: the name as it was spelled, and its value. */
export type OutgoingField = readonly [name: string, value: FieldValue];
export type FieldValue = string | number | readonly string[];

const outHeaders = findOutHeaders();

/** What `setHeader` has collected, by lower-case name; undefined if this Node keeps it elsewhere. */
export function outgoingFields(response: object): Readonly<Record<string, OutgoingField>> | undefined {
  if (outHeaders === undefined) return undefined;
  return (response as Record<symbol, Readonly<Record<string, OutgoingField>> | undefined>)[outHeaders];
}

function findOutHeaders(): symbol | undefined {
  const probe = new ServerResponse(new IncomingMessage(undefined as never));
  probe.setHeader("X-Probe", "value");
  const held = probe as unknown as Record<symbol, { "x-probe"?: unknown } | null>;
  return Object.getOwnPropertySymbols(probe).find((key) => {
    const value = held[key];
    return typeof value === "object" && value !== null && Array.isArray(value["x-probe"]);
  });
}

let errored: symbol | undefined;

/** Where `errored` of a response looks. */
export function erroredKey(response: object): symbol | undefined {
  errored ??= symbolOf(response, "kErrored");
  return errored;
}

const detachSignal = symbolOf(IncomingMessage.prototype, "kDetachAbortSignal");
const abortController = symbolOf(new IncomingMessage(undefined as never), "kAbortController");

/**
 * The exchange of a request is over. Where Node has `req.signal` it listens to the socket, which stays for other exchanges: takes
 * its listener away, and with `aborted` tells the signal.
 */
export function settleSignal(request: IncomingMessage, aborted: boolean): void {
  const held = request as unknown as Record<symbol, unknown>;
  const detach = detachSignal === undefined ? undefined : held[detachSignal];
  if (typeof detach === "function") detach.call(request);
  const controller = aborted && abortController !== undefined ? held[abortController] : undefined;
  if (controller instanceof AbortController) controller.abort();
}

function symbolOf(holder: object, description: string): symbol | undefined {
  return Object.getOwnPropertySymbols(holder).find((key) => key.description === description);
}
