// The ceiling: a raw socket that counts requests by the end of their heads and answers each with the same bytes. It reads
// no field but the first content-length of the connection, and takes that for the length of every request on it.

import { createServer } from "node:net";
import { configuration, contentOf, mib, started } from "./start.mjs";

const { port, service } = configuration();
if (service === "echo") throw new RangeError("a canned answer is no echo");

// Of an upload it takes the length for granted.
const size = { type: "text/plain", pieces: [Buffer.from(String(mib.length))], length: String(mib.length).length };
const { type, pieces, length } = service === "size" ? size : contentOf(service);
const framing = length === undefined ? "transfer-encoding: chunked" : `content-length: ${length}`;
const date = "date: Thu, 01 Jan 1970 00:00:00 GMT";
const head = Buffer.from(`HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\n${framing}\r\n${date}\r\n\r\n`);
const content = length === undefined ? [chunked(pieces)] : pieces;
const response = [Buffer.concat([head, ...content.slice(0, 1)]), ...content.slice(1)];
const headEnd = Buffer.from("\r\n\r\n");

const server = createServer({ noDelay: true }, (socket) => {
  let kept = Buffer.alloc(0);
  let contentLength = -1;
  let toSkip = 0;
  socket.on("data", (chunk) => {
    const input = kept.length === 0 ? chunk : Buffer.concat([kept, chunk]);
    let at = 0;
    let answers = 0;
    while (at < input.length) {
      if (toSkip > 0) {
        const skipped = Math.min(toSkip, input.length - at);
        at += skipped;
        toSkip -= skipped;
        if (toSkip === 0) answers++;
        continue;
      }
      const end = input.indexOf(headEnd, at);
      if (end < 0) break;
      if (contentLength < 0) {
        contentLength = Number(/content-length: *(\d+)/i.exec(input.latin1Slice(at, end))?.[1] ?? 0);
      }
      at = end + headEnd.length;
      toSkip = contentLength;
      if (toSkip === 0) answers++;
    }
    kept = input.subarray(at);
    if (answers === 1 && response.length === 1) {
      socket.write(response[0]);
    } else if (answers > 0) {
      socket.cork();
      for (; answers > 0; answers--) for (const part of response) socket.write(part);
      socket.uncork();
    }
  });
  socket.on("error", () => socket.destroy());
});
server.listen(port, "127.0.0.1", () => started(server.address().port));

function chunked(pieces) {
  const chunk = (piece) => [Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n")];
  return Buffer.concat([...pieces.flatMap(chunk), Buffer.from("0\r\n\r\n")]);
}
