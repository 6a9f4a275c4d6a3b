// Server-sent events: a client that comes back tells what it has seen and gets what it has missed, one that leaves is
// forgotten at once, and one that does not keep up is cut off, so that nobody waits for it and little is kept for it.
//
//   node docs/examples/server-sent-events.mjs --port 3000
//   curl -N http://127.0.0.1:3000/events &      curl http://127.0.0.1:3000/events -d 'hello'

import { parseArgs } from "node:util";
import { channel, collect, full } from "@sluice/body";
import { HttpResponse, serviceFn } from "@sluice/core";
import { listen } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";

const text = { type: "string" };
const { values } = parseArgs({
  options: { port: { ...text, default: "3000" }, heartbeat: { ...text, default: "15000" } },
});

/** What a client may miss and still get, and what may wait for one that is slow. */
const maxHistory = 200;
const maxWaiting = 64;
const history = [];
const clients = new Set();
let lastId = 0;

function publish(data) {
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
  const event = { id: ++lastId, frame: Buffer.from(`id: ${lastId}\n${lines.join("")}\n`) };
  history.push(event);
  if (history.length > maxHistory) history.shift();
  send(event.frame);
}

function send(frame) {
  for (const { sender, body } of clients) {
    // What waits is dropped. Once it reads on it finds its answer cut off, comes back, and says what it has seen.
    if (sender.trySend(frame) !== undefined) body.cancel(new Error("the client does not keep up"));
  }
}

function subscribe({ headers }) {
  const client = channel(maxWaiting);
  const { sender, body } = client;
  clients.add(client);
  console.log(`joined: ${clients.size}`);
  sender.onClosed(() => {
    clients.delete(client);
    console.log(`left: ${clients.size}`);
  });
  const seen = headers.get("last-event-id") ?? "";
  const missed = /^[0-9]{1,15}$/.test(seen) ? history.filter(({ id }) => id > Number(seen)) : [];
  // In one piece, however many they are.
  sender.trySend(Buffer.concat([Buffer.from("retry: 1000\n\n"), ...missed.map(({ frame }) => frame)]));
  return new HttpResponse(200, { "content-type": "text/event-stream", "cache-control": "no-store" }, body);
}

const service = serviceFn(async (request) => {
  if (request.target.path !== "/events") return new HttpResponse(404);
  if (request.method === "GET") return subscribe(request);
  if (request.method !== "POST") return new HttpResponse(405, { allow: "GET, POST" });
  publish(await collect(request.body, { maxBytes: 10_000 }).text());
  return new HttpResponse(202, {}, full(`event ${lastId}\n`));
});

// Something to say from time to time, so that whatever lies between does not take silence for death.
const heartbeat = setInterval(() => send(Buffer.from(": \n\n")), Number(values.heartbeat));
const listener = listen({ host: "127.0.0.1", port: Number(values.port) });
const server = serveAll(listener, service);
for (const name of ["SIGINT", "SIGTERM"]) {
  process.on(name, () => {
    // These answers would never end by themselves.
    for (const { sender } of clients) sender.close();
    server.shutdown();
  });
}
const { port } = await listener.ready;
console.log(`listening on ${port}`);
await server.done;
clearInterval(heartbeat);
