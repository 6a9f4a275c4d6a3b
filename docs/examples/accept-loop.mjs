// The accept loop by hand: no more than so many connections at a time, errors told and survived, and an end in order.
// `serveAll` does the same in one call; write it yourself where the policy is yours.
//
//   node docs/examples/accept-loop.mjs --port 3000 --connections 100

import { parseArgs } from "node:util";
import { full } from "@sluice/body";
import { HttpResponse, serviceFn } from "@sluice/core";
import { listen } from "@sluice/util/node";
import { auto, GracefulShutdown } from "@sluice/util/server";

const text = { type: "string" };
const { values } = parseArgs({
  options: { port: { ...text, default: "3000" }, connections: { ...text, default: "100" } },
});
const limit = Number(values.connections);

const service = serviceFn(async ({ target }) => {
  if (target.path === "/fail") throw new Error("out of order");
  if (target.path === "/slow") await new Promise((resolve) => setTimeout(resolve, 300));
  return new HttpResponse(200, {}, full("done\n"));
});
// What a service throws becomes 500, or a reset of its stream; nothing else on the server is touched.
const observer = { serviceFailed: (request, error) => console.log(`${request.target.path} failed: ${error.message}`) };

const graceful = new GracefulShutdown();
// The loop is held to be open too: it may still bring a connection when the shutdown begins.
const loopEnded = graceful.hold(() => {});
const listener = listen({ host: "127.0.0.1", port: Number(values.port) });
let vacated = () => {};
let stopping;

for (const name of ["SIGINT", "SIGTERM"]) {
  process.on(name, () => {
    if (stopping !== undefined) return graceful.abort();
    console.log(`stopping with ${graceful.count} open`);
    stopping = graceful.shutdown({ deadlineMs: 10_000, graceMs: 0 });
    listener.close();
  });
}

listener.ready.then(
  ({ port }) => console.log(`listening on ${port}`),
  () => {}, // The loop is told too.
);
try {
  for await (const io of listener) {
    const connection = graceful.watch(auto.serve(io, service, { observer }));
    connection.closed
      .catch((error) => console.log(`a connection ended by ${error.kind} ${error.code}`))
      .finally(() => vacated());
    // Whoever comes now waits in the listener, at most `maxPending` of them, and is not read from.
    while (graceful.count >= limit) await new Promise((resolve) => (vacated = resolve));
  }
} catch (error) {
  console.log(`cannot listen: ${error.code}`);
  process.exitCode = 1;
}
loopEnded();
const { clean, failed, aborted } = await (stopping ?? graceful.shutdown());
console.log(`ended: ${clean} in order, ${failed} failed, ${aborted} given up`);
