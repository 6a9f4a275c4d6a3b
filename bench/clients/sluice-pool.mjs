import { HttpRequest } from "@sluice/core";
import { Client } from "@sluice/util/client";
import { configuration, connections, run } from "./run.mjs";

const { port, seconds } = configuration();
const origin = `http://127.0.0.1:${port}`;
const client = new Client({ maxConnectionsPerHost: connections });

await run(seconds, async () => {
  const { body } = await client.request(HttpRequest.get(`${origin}/`, { accept: "*/*" }));
  let length = 0;
  for (;;) {
    const next = body.frame();
    const frame = next instanceof Promise ? await next : next;
    if (frame === null) return length;
    length += frame.length;
  }
});
