// Watching a connection: streams and windows when you ask, frames and states as they come, and a log of the wire.

import { collect, full } from "@sluice/body";
import { HttpRequest, HttpResponse, serviceFn } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { memoryPair } from "@sluice/util/memory";
import { nodeTimer } from "@sluice/util/node";
import { formatWireLog, wireLog } from "@sluice/util/observe";

const [here, there] = memoryPair({ timer: nodeTimer });

// On the server: what happens to streams, and what keeps them from sending.
const server = http2.serve(
  there,
  serviceFn(() => new HttpResponse(200, {}, full("x".repeat(70_000)))),
  {
    observer: {
      streamChanged: (stream, from, to) => console.log(`server: stream ${stream} was ${from}, is ${to}`),
      stalled: (stream, by) => console.log(`server: stream ${stream} waits because of the ${by}`),
    },
  },
);

// On the client: everything, as lines of JSON, without anything that a request holds.
const lines = [];
const { sender, connection } = await http2.handshake(here, {
  initialWindowBytes: 65_535,
  observer: wireLog((line) => lines.push(line), { now: () => 0 }),
});

console.log(`round trip measured: ${(await connection.ping()) >= 0}`);
const response = await sender.send(HttpRequest.get("http://localhost/"));
const { streams, windows } = connection;
console.log(`client: ${streams.local} stream of ${streams.maxLocal} open, ${windows.unread} octets unread`);
await collect(response.body).bytes();
console.log(`client: ${connection.streams.local} streams open, ${connection.windows.unread} octets unread`);

connection.gracefulShutdown();
await Promise.all([connection.closed, server.closed]);

// `npx sluice-wire` prints a file of such lines; this is the same by hand.
for (const line of formatWireLog(lines, { stream: 1 })) console.log(line);
