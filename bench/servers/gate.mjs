// For clients that are to have many connections at a time: a raw socket that answers `GET /` at once, and requests for another
// path only when as many of them wait as `--count` says.

import { createServer } from "node:net";
import { configuration, hello, started } from "./start.mjs";

const { port, count } = configuration({ count: { type: "string", default: "1" } });
const head = `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${hello.length}\r\n\r\n`;
const answer = Buffer.concat([Buffer.from(head), hello]);
const headEnd = Buffer.from("\r\n\r\n");
const atOnce = Buffer.from("GET / ");
/** What the kernel queues for the listener while many connect. */
const backlog = 4096;

let waiting = [];
const server = createServer({ noDelay: true }, (socket) => {
  socket.on("data", (chunk) => {
    // The clients measured send a request in one write and wait for its answer.
    if (!chunk.subarray(-headEnd.length).equals(headEnd)) return void socket.destroy();
    if (chunk.subarray(0, atOnce.length).equals(atOnce)) return void socket.write(answer);
    waiting.push(socket);
    if (waiting.length < Number(count)) return;
    for (const other of waiting) other.write(answer);
    waiting = [];
  });
  socket.on("error", () => socket.destroy());
});
server.listen({ port, host: "127.0.0.1", backlog }, () => started(server.address().port));
