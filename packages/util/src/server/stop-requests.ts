/**
 * What asks a server to end from outside: an `AbortSignal`, and signals of the process.
 *
 * `process` is the global one, so that servers load where there is none: in browsers, which have no signals to name.
 */

export interface StopHandlers {
  shutdown(): void;
  abort(reason: unknown): void;
}

/**
 * Calls `shutdown` when `signal` aborts or the first of `names` comes, and `abort` for each further one of `names`. The
 * function it returns takes all listeners away.
 */
export function onStopRequests(
  signal: AbortSignal | undefined,
  names: readonly NodeJS.Signals[],
  handlers: StopHandlers,
): () => void {
  let asked = false;
  const onAbort = (): void => handlers.shutdown();
  const onSignal = (name: NodeJS.Signals): void => {
    if (asked) handlers.abort(new Error(`${name} came a second time`));
    else handlers.shutdown();
    asked = true;
  };
  for (const name of new Set(names)) process.on(name, onSignal);
  if (signal?.aborted === true) onAbort();
  else signal?.addEventListener("abort", onAbort, { once: true });
  return () => {
    for (const name of new Set(names)) process.removeListener(name, onSignal);
    signal?.removeEventListener("abort", onAbort);
  };
}
