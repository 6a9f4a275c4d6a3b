/** The part of a `MessagePort` that is used here, and what goes over it. */

/** A MessagePort of a browser, of Node or another runtime, by what is used of it. */
export interface MessagePortLike {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  start(): void;
  close(): void;
  addEventListener(type: "message" | "messageerror" | "close", listener: (event: object) => void): void;
}

/**
 * What is said over a port:
 *
 * - an `ArrayBuffer` that is not empty: bytes, for which the sender must have credit;
 * - a number: so much more credit for the other side. An `ArrayBuffer` costs its length and `messageCostBytes`;
 * - `"end"`: no more bytes will come;
 * - `"abort"`: the other side has gone, whatever it has or has not said.
 */
export type PortMessage = ArrayBuffer | number | "end" | "abort";

/** What is wrong with `data` as a message; undefined if nothing is. */
export function malformed(data: unknown): string | undefined {
  if (data === "end" || data === "abort") return undefined;
  if (typeof data === "number") {
    return Number.isSafeInteger(data) && data > 0 ? undefined : `a credit of ${String(data)}`;
  }
  if (data instanceof ArrayBuffer) return data.byteLength > 0 ? undefined : "an empty buffer";
  return typeof data === "string" ? "text" : `a value of type ${data === null ? "null" : typeof data}`;
}
