import { once } from "node:events";
import { connect } from "node:net";
import { HttpRequest } from "@sluice/core";
import { handshake } from "@sluice/core/http1";
import { nodeIo } from "@sluice/util/node";
import { configuration, connections, run } from "./run.mjs";

const { port, seconds } = configuration();
const host = `127.0.0.1:${port}`;

const senders = await Promise.all(
  Array.from({ length: connections }, async () => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    return (await handshake(nodeIo(socket))).sender;
  }),
);

await run(seconds, async (connection) => {
  const sender = senders[connection];
  if (!sender.isReady) await sender.ready();
  const { body } = await sender.send(HttpRequest.get("/", { host, accept: "*/*" }));
  let length = 0;
  for (;;) {
    const next = body.frame();
    const frame = next instanceof Promise ? await next : next;
    if (frame === null) return length;
    length += frame.length;
  }
});
