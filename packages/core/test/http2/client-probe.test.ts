import { HttpRequest } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { connectH2, send } from "./support/client.ts";
import { expectFrames, expectQuiet } from "./support/expectations.ts";

const probing = { probeAfterCancel: true, keepAliveTimeoutMs: 1000 } as const;

function canceled(client: Awaited<ReturnType<typeof connectH2>>): AbortController {
  const controller = new AbortController();
  send(client, HttpRequest.get("http://a.test/"), { signal: controller.signal });
  return controller;
}

describe("a request that is given up", () => {
  test("[h2-270] asks by a PING whether the server is there, once, if nothing was heard since it was sent", async () => {
    const client = await connectH2(probing);
    const [first, second] = [canceled(client), canceled(client)];
    await client.run();
    client.peer.take();
    first.abort();
    second.abort();
    await expectFrames(client, ["RST_STREAM 1 CANCEL", "PING 736c756963650001", "RST_STREAM 3 CANCEL"]);
    client.peer.pingAck("736c756963650001");
    client.timer.advance(1000);
    await expectQuiet(client);
    expect(client.sender.isClosed).toBe(false);
  });

  test("[h2-270] asks nothing if something was heard since, or by default", async () => {
    for (const options of [probing, {}]) {
      const client = await connectH2(options);
      const controller = canceled(client);
      await client.run();
      client.peer.take();
      if (options === probing) client.peer.settings({});
      await client.run();
      client.peer.take();
      controller.abort();
      await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
    }
  });

  test("[h2-271] without an answer the connection is closed, and takes no request any more", async () => {
    const client = await connectH2(probing);
    const controller = canceled(client);
    const other = send(client, HttpRequest.get("http://a.test/other"));
    await client.run();
    controller.abort();
    client.timer.advance(999);
    await client.run();
    expect([client.outcome, client.sender.isClosed]).toEqual([undefined, false]);
    client.timer.advance(1);
    await client.run();
    expect(client.outcome).toMatchObject({ kind: "timeout", code: "keepAliveTimeoutMs" });
    expect([client.sender.isClosed, client.io.isAborted]).toEqual([true, true]);
    expect(other.error).toMatchObject({ kind: "timeout" });
  });
});
