// What the servers on node:http answer; node:http2's compatibility API takes the same functions.

import { contentOf } from "./start.mjs";

/** The function that answers as `service` does. */
export function serviceOf(service) {
  if (service === "echo") return echo;
  if (service === "size") return size;
  const { type, pieces, length } = contentOf(service);
  if (pieces.length === 1) {
    return (_request, response) => {
      response.writeHead(200, { "content-type": type, "content-length": length });
      response.end(pieces[0]);
    };
  }
  const head = length === undefined ? { "content-type": type } : { "content-type": type, "content-length": length };
  return (_request, response) => {
    response.writeHead(200, head);
    writeAll(response, pieces);
  };
}

/** Writes pieces to a stream as it takes them, and ends it. */
export function writeAll(stream, pieces) {
  let sent = 0;
  const more = () => {
    while (sent < pieces.length) {
      const isTaken = stream.write(pieces[sent]);
      sent++;
      if (!isTaken && sent < pieces.length) return void stream.once("drain", more);
    }
    stream.end();
  };
  more();
}

function echo(request, response) {
  response.writeHead(200, { "content-type": "text/plain" });
  request.pipe(response);
}

function size(request, response) {
  let bytes = 0;
  request.on("data", (chunk) => (bytes += chunk.length));
  request.on("end", () => {
    const text = String(bytes);
    response.writeHead(200, { "content-type": "text/plain", "content-length": text.length });
    response.end(text);
  });
}
