/**
 * A clock for clients on real sockets: time stands still until the test moves it, but what is due now (a delay of 0, which is how
 * connections yield to others) runs in the next turn of the event loop, as it would with a clock that goes.
 */
import { type FakeTimer, fakeTimer } from "@sluice/util/memory";

export interface Clock extends FakeTimer, Disposable {}

/** Until it is disposed of. */
export function startClock(): Clock {
  const timer = fakeTimer();
  let next: NodeJS.Immediate = setImmediate(tick);
  function tick(): void {
    if (timer.nextDelayMs <= 0) timer.advance(0);
    next = setImmediate(tick);
  }
  return {
    get pending() {
      return timer.pending;
    },
    get nextDelayMs() {
      return timer.nextDelayMs;
    },
    now: () => timer.now(),
    schedule: (delayMs, task) => timer.schedule(delayMs, task),
    advance: (ms) => timer.advance(ms),
    [Symbol.dispose]: () => clearImmediate(next),
  };
}
