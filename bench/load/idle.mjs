// Opens connections, makes one exchange on each, and keeps them open until its input ends.
// `node idle.mjs PORT COUNT` prints one line of JSON when all are open.

import { connect } from "node:net";

const [port, count] = process.argv.slice(2).map(Number);
/** Opened at a time: less than what the kernel queues for a listener. */
const batch = 100;
const request = "GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";

let errors = 0;
let opened = 0;

function open() {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    let received = "";
    socket.on("connect", () => socket.write(request));
    socket.on("data", (chunk) => {
      received += chunk.latin1Slice();
      if (!received.endsWith("hello, world\n")) return;
      opened++;
      resolve();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      errors++;
      resolve();
    });
  });
}

for (let left = count; left > 0; left -= batch) await Promise.all(Array.from({ length: Math.min(batch, left) }, open));
console.log(JSON.stringify({ opened, errors }));
process.stdin.on("end", () => process.exit()).resume();
