// Two transports joined: what comes out of one goes into the other, in both directions, no faster than it is taken.

import { nodeTimer } from "@sluice/util/node";

/**
 * Resolves when both directions have ended, each in its own time, or when either transport failed, which gives up both.
 *
 * @param idleMs Gives both up when nothing has moved for this long, or at most twice as long; 0 for never.
 */
export async function splice(one, other, { idleMs, signal }) {
  const giveUp = (reason) => {
    one.abort(reason);
    other.abort(reason);
  };
  const onAbort = () => giveUp(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  let moved = true;
  let alarm;
  const watch = () => {
    if (!moved) return giveUp(new Error(`nothing has moved for ${idleMs} ms`));
    moved = false;
    alarm = nodeTimer.schedule(idleMs, watch);
  };
  if (idleMs > 0) watch();
  const onData = () => (moved = true);
  try {
    await Promise.all([flow(one, other, onData), flow(other, one, onData)]);
  } finally {
    alarm?.cancel();
    signal.removeEventListener("abort", onAbort);
    // After the ends of both this only frees them.
    giveUp();
  }
}

async function flow(from, to, onData) {
  for (let chunk = await read(from); chunk !== null; chunk = await read(from)) {
    onData();
    if (!to.write([chunk])) await settled((done) => to.drained(done));
  }
  // The other direction goes on.
  await settled((done) => to.shutdown(done));
}

function read(io) {
  return new Promise((resolve, reject) =>
    io.read((chunk, error) => (error === undefined ? resolve(chunk) : reject(error))),
  );
}

function settled(start) {
  return new Promise((resolve, reject) => start((error) => (error === undefined ? resolve() : reject(error))));
}
