// A restart in which no connection is refused and no request is lost. SIGHUP starts this program anew, in a child that takes
// the listening socket over; the parent ends what it has begun, and goes. A child that fails to start changes nothing.
//
//   node docs/examples/restart.mjs --port 3000
//   kill -HUP <process>      # as often as you like

import { fork } from "node:child_process";
import { parseArgs } from "node:util";
import { full } from "@sluice/body";
import { HttpResponse, serviceFn } from "@sluice/core";
import { handOver, listen, receiveListener } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";

const { values } = parseArgs({
  options: { port: { type: "string", default: "3000" }, "take-over": { type: "boolean", default: false } },
});

const service = serviceFn(async ({ target }) => {
  if (target.path === "/slow") await new Promise((resolve) => setTimeout(resolve, 500));
  return new HttpResponse(200, {}, full(`process ${process.pid}\n`));
});

// Whatever has to be ready before the first request (databases, caches) comes before this line.
const listener = values["take-over"]
  ? await receiveListener()
  : listen({ host: "127.0.0.1", port: Number(values.port) });
const server = serveAll(listener, service, { signals: ["SIGINT", "SIGTERM"], graceMs: 200 });

let restarting = false;
process.on("SIGHUP", async () => {
  if (restarting) return;
  restarting = true;
  // It outlives its parent: nothing but the socket, and the places to print to, is shared.
  const child = fork(process.argv[1], ["--take-over"], {
    detached: true,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  try {
    await handOver(listener, child, { timeoutMs: 10_000 });
  } catch (error) {
    console.log(`process ${process.pid} goes on: ${error.code}`);
    child.kill();
    restarting = false;
    return;
  }
  child.disconnect();
  child.unref();
  const { clean, failed, aborted } = await server.shutdown();
  console.log(`process ${process.pid} ended: ${clean} in order, ${failed} failed, ${aborted} given up`);
});

const { port } = await listener.ready;
console.log(`process ${process.pid} listening on ${port}`);
await server.done;
