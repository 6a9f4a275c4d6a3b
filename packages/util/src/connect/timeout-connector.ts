/**
 * A limit on how long another connector may take, whatever it does: names, sockets, proxies, TLS.
 *
 * The one below is told to give up by its signal, and is not waited for: what it still makes is closed.
 */
import type { Timer } from "@sluice/core";
import { nodeTimer } from "../node/timer.ts";
import { knownOptions, limitOption, objectOption } from "../options.ts";
import { connectCanceled, connectTimeout, quoted, throwIfCanceled } from "./connect-errors.ts";
import type { Connected, Connector, ConnectTarget } from "./connector.ts";

/** What `timeoutConnector` may be told beside the limit. */
export interface TimeoutConnectorOptions {
  /** The clock. Default: the shared `nodeTimer`. */
  readonly timer?: Timer;
}

const face = "timeoutConnector";

/**
 * Bounds everything that `inner` does for one connection by `connectTimeoutMs` milliseconds; 0 or `Infinity` is no limit.
 *
 * When the limit has passed it rejects with an `HttpError` of kind `timeout`, code `CONNECT_TIMEOUT`, and aborts the
 * signal of `inner` with the same error.
 *
 * @throws TypeError or RangeError for a connector that is none, an unknown option or a negative limit.
 */
export function timeoutConnector(
  inner: Connector,
  connectTimeoutMs: number,
  options: TimeoutConnectorOptions = {},
): Connector {
  if (typeof inner !== "function") throw new TypeError(`${face}: inner must be a connector, got ${String(inner)}`);
  knownOptions(face, options, ["timer"]);
  const limitMs = limitOption(face, "connectTimeoutMs", connectTimeoutMs, 0);
  const timer = objectOption(face, "timer", options.timer, "schedule", () => nodeTimer);
  return limitMs === Infinity ? inner : (target, signal) => limited(inner, limitMs, timer, target, signal);
}

async function limited(
  inner: Connector,
  limitMs: number,
  timer: Timer,
  target: ConnectTarget,
  signal: AbortSignal | undefined,
): Promise<Connected> {
  throwIfCanceled(signal);
  return await new Promise<Connected>((resolve, reject) => {
    const controller = new AbortController();
    let settled = false;
    const settle = (): boolean => {
      if (settled) return false;
      settled = true;
      alarm.cancel();
      signal?.removeEventListener("abort", onAbort);
      return true;
    };
    const giveUp = (error: Error, reason: unknown): void => {
      if (!settle()) return;
      reject(error);
      controller.abort(reason);
    };
    const onAbort = (): void => giveUp(connectCanceled(signal?.reason), signal?.reason);
    const alarm = timer.schedule(limitMs, () => {
      const late = connectTimeout("connectTimeoutMs", limitMs, connectingTo(target));
      giveUp(late, late);
    });
    signal?.addEventListener("abort", onAbort, { once: true });
    new Promise<Connected>((done) => done(inner(target, controller.signal))).then(
      (connected) => {
        if (settle()) resolve(connected);
        else connected.io.abort(connectCanceled(controller.signal.reason));
      },
      (error: unknown) => {
        if (settle()) reject(error);
      },
    );
  });
}

/** What is being done, for messages. */
export function connectingTo(target: ConnectTarget): string {
  return `connecting to ${quoted(target.host)} port ${target.port}`;
}
