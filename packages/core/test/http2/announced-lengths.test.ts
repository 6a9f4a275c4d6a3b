import { full } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import { expect, test } from "vitest";
import { connectH2, send } from "./support/client.ts";
import { expectFrames } from "./support/expectations.ts";
import { get, status } from "./support/messages.ts";
import { serveH2 } from "./support/server.ts";

test("[hyper-069] a length that is known is announced; another one of the program's is refused, not sent", async () => {
  const server = await serveH2(({ target }) => {
    const headers = target.path === "/wrong" ? { "content-length": "4" } : {};
    return new HttpResponse(200, headers, full("three"));
  });
  server.peer.headers(1, get("/"), { endStream: true });
  await expectFrames(server, ["HEADERS 1 :status=200 content-length=5", "DATA 1 END_STREAM 5 three"]);
  server.peer.headers(3, get("/wrong"), { endStream: true });
  await expectFrames(server, ["RST_STREAM 3 INTERNAL_ERROR"]);
});

test("[hyper-069] a response without content needs no content-length, and its body is known to be empty", async () => {
  const client = await connectH2();
  const sent = send(client, HttpRequest.get("http://a.test/"));
  await client.run();
  client.peer.headers(1, status(200), { endStream: true });
  await client.run();
  expect([sent.response?.headers.has("content-length"), sent.response?.body.sizeHint().exact]).toEqual([false, 0]);
});
