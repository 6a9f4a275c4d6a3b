// The application of the `frameworks` group: the same one on Sluice and on @hono/node-server.

import { Hono } from "hono";
import { product, streamedPieces } from "./framework-exchanges.mjs";
import { hello, streamPiece } from "./start.mjs";

const text = hello.toString();

export const app = new Hono();

app.get("/text", (c) => c.text(text));

app.get("/json", (c) => c.json(product));

app.get("/users/:id/orders/:order", (c) => {
  const { id, order } = c.req.param();
  const language = c.req.header("accept-language").split(",", 1)[0];
  const { length } = c.req.header("cookie");
  return c.json({ id, order, language, requestId: c.req.header("x-request-id"), cookies: length });
});

app.post("/orders", async (c) => {
  const { items } = await c.req.json();
  return c.json({ lines: items.length, count: items.reduce((sum, { count }) => sum + count, 0) });
});

app.get("/stream", (c) => {
  let sent = 0;
  const stream = new ReadableStream({
    pull(controller) {
      if (sent++ < streamedPieces) controller.enqueue(streamPiece);
      else controller.close();
    },
  });
  return c.body(stream, 200, { "content-type": "text/plain" });
});
