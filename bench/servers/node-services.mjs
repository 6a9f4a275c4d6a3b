// What the servers on node:http answer; node:http2's compatibility API takes the same functions.

import { hello, piece, pieces } from "./start.mjs";

export const services = {
  hello: (_request, response) => {
    response.writeHead(200, { "content-type": "text/plain", "content-length": hello.length });
    response.end(hello);
  },
  mib: (_request, response) => {
    response.writeHead(200, { "content-type": "text/plain", "content-length": piece.length * pieces });
    let sent = 0;
    const more = () => {
      while (sent < pieces) {
        sent++;
        if (!response.write(piece) && sent < pieces) return void response.once("drain", more);
      }
      response.end();
    };
    more();
  },
  echo: (request, response) => {
    response.writeHead(200, { "content-type": "text/plain" });
    request.pipe(response);
  },
  size: (request, response) => {
    let bytes = 0;
    request.on("data", (chunk) => (bytes += chunk.length));
    request.on("end", () => {
      const text = String(bytes);
      response.writeHead(200, { "content-type": "text/plain", "content-length": text.length });
      response.end(text);
    });
  },
};
