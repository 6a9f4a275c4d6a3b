import { once } from "node:events";
import { connect } from "node:net";
import { full } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { nodeIo } from "@sluice/util/node";
import { mib } from "../servers/start.mjs";
import { configuration, exchanges, run } from "./run.mjs";

const { port, seconds, service } = configuration();
const origin = `http://127.0.0.1:${port}`;
const socket = connect({ port, host: "127.0.0.1", noDelay: true });
await once(socket, "connect");
const { sender } = await http2.handshake(nodeIo(socket));

const requestOf =
  service === "size" ? () => HttpRequest.post(`${origin}/`, full(mib)) : () => HttpRequest.get(`${origin}/`);

await run(
  seconds,
  async () => {
    const { body } = await sender.send(requestOf());
    let length = 0;
    for (;;) {
      const next = body.frame();
      const frame = next instanceof Promise ? await next : next;
      if (frame === null) return length;
      length += frame.length;
    }
  },
  exchanges[service],
);
