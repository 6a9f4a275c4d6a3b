// Flow control by hand: streams without a service and without bodies, on two ends of a link in memory.

import { HttpRequest, HttpResponse } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { memoryPair } from "@sluice/util/memory";
import { nodeTimer } from "@sluice/util/node";

const [here, there] = memoryPair({ timer: nodeTimer });
const server = http2.accept(there, { initialWindowBytes: 100 });
const client = http2.connect(here);

// The request's head; its content follows by hand.
await client.connection.ping();
const { response, send } = client.sendRequest(HttpRequest.post("http://localhost/upload"));
console.log(`the client may send ${send.capacity} octets`);
send.sendData(new Uint8Array(150));
console.log(`of 150 octets ${send.bufferedBytes} have to wait`);

const { body, respond } = await server.accept();
const { flowControl } = body.releaseManually();
const first = await body.data();
console.log(`the server has read ${first.length}, and allows for ${flowControl.availableCapacity} more`);

// Resolves once there is window for more than what waits.
const granted = send.reserveCapacity(1000);
flowControl.releaseCapacity(first.length);
const second = await body.data();
console.log(`released, it reads ${second.length} more`);
console.log(`the client was granted ${await granted}`);
send.sendData(new Uint8Array(await granted), true);

const third = await body.data();
console.log(`the server has read ${third.length}, the end: ${(await body.data()) === null}`);
flowControl.releaseCapacity(second.length + third.length);

const answer = respond.sendResponse(new HttpResponse(200));
answer.sendTrailers({ "x-received": String(first.length + second.length + third.length) });
const { head, body: content } = await response;
const trailers = await content.trailers();
console.log(`${head.status}, received ${trailers.get("x-received")}; the stream is ${send.state}`);

client.connection.gracefulShutdown();
await Promise.all([client.connection.closed, server.connection.closed]);
