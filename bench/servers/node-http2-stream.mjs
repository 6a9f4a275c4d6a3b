import { createServer } from "node:http2";
import { configuration, hello, piece, pieces, started } from "./start.mjs";

const services = {
  hello: (stream) => {
    stream.respond({ ":status": 200, "content-type": "text/plain", "content-length": hello.length });
    stream.end(hello);
  },
  mib: (stream) => {
    stream.respond({ ":status": 200, "content-type": "text/plain", "content-length": piece.length * pieces });
    let sent = 0;
    const more = () => {
      while (sent < pieces) {
        sent++;
        if (!stream.write(piece) && sent < pieces) return void stream.once("drain", more);
      }
      stream.end();
    };
    more();
  },
  echo: (stream) => {
    stream.respond({ ":status": 200, "content-type": "text/plain" });
    stream.pipe(stream);
  },
  size: (stream) => {
    let bytes = 0;
    stream.on("data", (chunk) => (bytes += chunk.length));
    stream.on("end", () => {
      if (stream.destroyed) return;
      const text = String(bytes);
      stream.respond({ ":status": 200, "content-type": "text/plain", "content-length": text.length });
      stream.end(text);
    });
  },
};

const { port, service } = configuration();
const answer = services[service];
const server = createServer();
server.on("stream", (stream) => {
  // What is cut off when the load ends is no failure of the server.
  stream.on("error", () => {});
  answer(stream);
});
server.on("sessionError", () => {});
server.listen(port, "127.0.0.1", () => started(server.address().port));
