/** Tells of what a listener threw. What is thrown by whoever is told belongs to nobody: neither to the engine, nor to the exchange. */
import type { IncomingMessage } from "node:http";
import { throwLater } from "../transport-error.ts";

export function report(
  onError: (error: unknown, req: IncomingMessage) => void,
  error: unknown,
  req: IncomingMessage,
): void {
  try {
    onError(error, req);
  } catch (another) {
    throwLater(another);
  }
}
