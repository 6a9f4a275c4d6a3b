// Opens connections, makes one exchange on each, and keeps them open until its input ends.
// `node idle.mjs PORT COUNT h1|h2c` prints one line of JSON when all are open.

import { connect } from "node:net";
import { FrameReader, get, preface } from "../lib/h2-frames.mjs";

const [port, count] = process.argv.slice(2, 4).map(Number);
/** Opened at a time: less than what the kernel queues for a listener. */
const batch = 100;
const openLimitMs = 20_000;

/** By protocol: what to write first, and a reader of chunks that calls `done` once all that was asked for is there. */
const protocols = {
  h1: {
    request: Buffer.from("GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"),
    reader(_socket, done) {
      let received = "";
      return (chunk) => {
        received += chunk.latin1Slice();
        if (received.endsWith("hello, world\n")) done();
      };
    },
  },
  h2c: {
    request: Buffer.concat([preface, get(1)]),
    reader(socket, done, failed) {
      // The response, and the acknowledgment of SETTINGS.
      let missing = 2;
      const arrived = () => {
        missing--;
        if (missing === 0) done();
      };
      const frames = new FrameReader(socket, { ended: arrived, acknowledged: arrived, failed });
      return (chunk) => frames.read(chunk);
    },
  },
};
const { request, reader } = protocols[process.argv[4]];

let errors = 0;
let opened = 0;

function open() {
  return new Promise((resolve) => {
    const stuck = setTimeout(() => socket.destroy(), openLimitMs);
    const socket = connect({ port, host: "127.0.0.1" });
    const done = () => {
      clearTimeout(stuck);
      opened++;
      resolve();
    };
    const failed = () => socket.destroy();
    socket.on("connect", () => socket.write(request));
    socket.on("data", reader(socket, done, failed));
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(stuck);
      errors++;
      resolve();
    });
  });
}

for (let left = count; left > 0; left -= batch) await Promise.all(Array.from({ length: Math.min(batch, left) }, open));
console.log(JSON.stringify({ opened, errors }));
process.stdin.on("end", () => process.exit()).resume();
