// Uploads 1 MiB again and again on each of 8 connections, with as little work of its own as possible.
// `node upload.mjs PORT SECONDS` prints one line of JSON.

import { connect } from "node:net";

const [port, seconds] = process.argv.slice(2).map(Number);
const connections = 8;
const content = Buffer.alloc(1_048_576, "x");
const head = Buffer.from(
  `POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/octet-stream\r\ncontent-length: ${content.length}\r\n\r\n`,
);

let requests = 0;
let errors = 0;
let over = false;

function upload() {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const send = () => {
    socket.cork();
    socket.write(head);
    socket.write(content);
    socket.uncork();
  };
  let received = "";
  socket.on("connect", send);
  socket.on("data", (chunk) => {
    received += chunk.latin1Slice();
    // The answer is the length of what was sent.
    if (!received.endsWith(`\r\n\r\n${content.length}`)) return;
    if (!received.startsWith("HTTP/1.1 200 ")) errors++;
    received = "";
    requests++;
    if (over) socket.destroy();
    else send();
  });
  socket.on("error", () => errors++);
  return new Promise((resolve) => {
    socket.on("close", () => {
      if (!over) errors++;
      resolve();
    });
  });
}

const start = performance.now();
setTimeout(() => (over = true), seconds * 1000);
const stuck = setTimeout(
  () => {
    console.log(JSON.stringify({ requests, seconds, errors: errors + 1 }));
    process.exit();
  },
  seconds * 1000 + 5000,
);
await Promise.all(Array.from({ length: connections }, upload));
clearTimeout(stuck);
console.log(JSON.stringify({ requests, seconds: (performance.now() - start) / 1000, errors }));
