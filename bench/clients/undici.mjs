import { Pool, request } from "undici";
import { configuration, connections, run } from "./run.mjs";

const { port, seconds } = configuration();
const origin = `http://127.0.0.1:${port}`;
const pool = new Pool(origin, { connections, pipelining: 1 });

await run(seconds, async () => {
  const { body } = await request(`${origin}/`, { dispatcher: pool, headers: { accept: "*/*" } });
  let length = 0;
  for await (const chunk of body) length += chunk.length;
  return length;
});
