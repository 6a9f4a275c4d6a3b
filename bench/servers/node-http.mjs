import { createServer } from "node:http";
import { configuration, hello, piece, pieces, started } from "./start.mjs";

const services = {
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

const { port, service } = configuration();
// Idle connections are measured: they must not be closed meanwhile.
const server = createServer({ keepAliveTimeout: 120_000 }, services[service]);
server.listen(port, "127.0.0.1", () => started(server.address().port));
