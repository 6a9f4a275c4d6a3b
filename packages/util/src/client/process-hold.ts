/**
 * Keeps the process alive while requests are under way, and lets it end while there are none.
 *
 * Pooled sockets do not count themselves (they are unreferenced), since referencing and releasing each one per request would
 * cost more than this: one handle for all clients, referenced while the count is above 0.
 */

const longestMs = 0x7fff_ffff;

let count = 0;
let handle: NodeJS.Timeout | undefined;

/** One more request is under way. */
export function holdProcess(): void {
  if (count++ > 0) return;
  handle ??= setInterval(() => {}, longestMs);
  handle.ref();
}

/** One request less is under way. */
export function releaseProcess(): void {
  if (--count === 0) handle?.unref();
}
