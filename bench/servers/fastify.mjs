// Fastify as its users run it: one route, its own serialization and defaults, but for the limit of what may be uploaded.

import { Readable } from "node:stream";
import fastify from "fastify";
import { configuration, contentOf, started } from "./start.mjs";

const { port, service } = configuration();
const app = fastify({ keepAliveTimeout: 120_000, bodyLimit: 2 ** 30 });

if (service === "echo" || service === "size") {
  // Uploads come as streams.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
  app.post("/", service === "echo" ? echo : size);
} else {
  const { type, pieces, length } = contentOf(service);
  app.get("/", (_request, reply) => {
    reply.type(type);
    if (pieces.length === 1) return reply.send(pieces[0]);
    if (length !== undefined) reply.header("content-length", length);
    return reply.send(Readable.from(pieces, { objectMode: false }));
  });
}
await app.listen({ port, host: "127.0.0.1" });
started(app.server.address().port);

function echo(request, reply) {
  return reply.type("text/plain").send(request.body);
}

async function size(request, reply) {
  let bytes = 0;
  for await (const chunk of request.body) bytes += chunk.length;
  return reply.type("text/plain").send(String(bytes));
}
