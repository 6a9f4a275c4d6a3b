// gRPC by hand: a unary call and a stream from the server. A message is preceded by five bytes, its length among them; how a
// call has ended is told in the trailers. Messages are JSON here, to do without generated code: with protobuf,
// `encode` and `decode` are all that changes.
//
//   node docs/examples/grpc/main.mjs --port 50051

import { parseArgs } from "node:util";
import { listen } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";
import { CallError, grpcService } from "./calls.mjs";

const { values } = parseArgs({ options: { port: { type: "string", default: "50051" } } });

/** Each takes a message and gives one or more. What it throws is the status of the call. */
const methods = {
  async *"/example.Greeter/Hello"({ name }) {
    if (typeof name !== "string") throw new CallError("INVALID_ARGUMENT", "name: must be a string");
    yield { text: `Hello, ${name}` };
  },
  async *"/example.Greeter/Count"({ to }, signal) {
    // Asked for the next number when the one before has left: a client that reads slowly is counted for slowly.
    for (let number = 1; number <= to; number++) {
      signal.throwIfAborted();
      yield { number };
    }
    console.log(`counted to ${to}`);
  },
};

const service = grpcService(methods, {
  encode: (value) => Buffer.from(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(bytes.toString()),
});
const listener = listen({ host: "127.0.0.1", port: Number(values.port) });
const server = serveAll(listener, service, { protocol: "http2", signals: ["SIGINT", "SIGTERM"] });
const { port } = await listener.ready;
console.log(`listening on ${port}`);
await server.done;
