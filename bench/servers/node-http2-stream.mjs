import { createServer } from "node:http2";
import { writeAll } from "./node-services.mjs";
import { configuration, contentOf, started } from "./start.mjs";

const { port, service } = configuration({}, ["h2c"]);
const answer = answerOf(service);
const server = createServer();
server.on("stream", (stream) => {
  // What is cut off when the load ends is no failure of the server.
  stream.on("error", () => {});
  answer(stream);
});
server.on("sessionError", () => {});
server.listen(port, "127.0.0.1", () => started(server.address().port));

function answerOf(service) {
  if (service === "echo") return echo;
  if (service === "size") return size;
  const { type, pieces, length } = contentOf(service);
  const sum = length === undefined ? {} : { "content-length": length };
  return (stream) => {
    stream.respond({ ":status": 200, "content-type": type, ...sum });
    if (pieces.length === 1) stream.end(pieces[0]);
    else writeAll(stream, pieces);
  };
}

function echo(stream) {
  stream.respond({ ":status": 200, "content-type": "text/plain" });
  stream.pipe(stream);
}

function size(stream) {
  let bytes = 0;
  stream.on("data", (chunk) => (bytes += chunk.length));
  stream.on("end", () => {
    if (stream.destroyed) return;
    const text = String(bytes);
    stream.respond({ ":status": 200, "content-type": "text/plain", "content-length": text.length });
    stream.end(text);
  });
}
