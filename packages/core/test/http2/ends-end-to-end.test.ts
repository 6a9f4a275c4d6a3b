/**
 * Shutdown, age and adaptive windows between a client and a server of the engine, on one link and under one clock: what
 * one side says is what the other understands.
 */
import { collect, full } from "@sluice/body";
import { type FrameFacts, HttpRequest, HttpResponse, serviceFn } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { delayedTurns, fakeTimer, memoryPair } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { send } from "./support/client.ts";
import { type Joined, join } from "./support/joined.ts";

const url = "http://a.test/";

function ends({ client, server }: Joined): { client: string; server: string } {
  const seen = { client: "open", server: "open" };
  for (const [name, connection] of [
    ["client", client],
    ["server", server],
  ] as const) {
    connection.closed.then(
      () => {
        seen[name] = "closed";
      },
      (error) => {
        seen[name] = `${error.kind} ${error.code}`;
      },
    );
  }
  return seen;
}

describe("a client and a server", () => {
  test("[h2-282] the server shuts down: what is under way is answered, both end without an error", async () => {
    const answers: (() => void)[] = [];
    const joined = await join(
      () => new Promise((resolve) => answers.push(() => resolve(new HttpResponse(200, {}, full("hello"))))),
    );
    const seen = ends(joined);
    await joined.run();
    const sent = send(joined, HttpRequest.get(url));
    await joined.run();
    joined.server.gracefulShutdown();
    await joined.run();
    expect([joined.sender.isClosed, seen]).toEqual([true, { client: "open", server: "open" }]);
    answers[0]?.();
    await joined.run();
    expect(sent.response?.status).toBe(200);
    await joined.run();
    expect(seen).toEqual({ client: "closed", server: "closed" });
    expect(await collect(sent.response?.body ?? full("")).text()).toBe("hello");
    expect(joined.timer.pending).toBe(0);
  });

  test("[h2-291] the client shuts down: the server finishes and both end without an error", async () => {
    const joined = await join(() => new HttpResponse(200, {}, full("hello")));
    const seen = ends(joined);
    const sent = send(joined, HttpRequest.get(url));
    joined.client.gracefulShutdown();
    await joined.run();
    expect(sent.response?.status).toBe(200);
    expect(seen).toEqual({ client: "closed", server: "closed" });
    expect(joined.timer.pending).toBe(0);
  });

  test("both shut down at once, in any phase", async () => {
    for (const runs of [0, 1]) {
      for (const busy of [false, true]) {
        const joined = await join(() => new HttpResponse(200));
        const seen = ends(joined);
        for (let run = 0; run < runs; run++) await joined.run();
        if (busy) send(joined, HttpRequest.get(url));
        joined.server.gracefulShutdown();
        joined.client.gracefulShutdown();
        await joined.run();
        expect(seen).toEqual({ client: "closed", server: "closed" });
        expect(joined.timer.pending).toBe(0);
      }
    }
  });

  test("a server of a certain age hands on what it will not answer, and no request is lost", async () => {
    let served = 0;
    const joined = await join(
      () => {
        served++;
        return new HttpResponse(200);
      },
      { server: { maxRequestsPerConnection: 3 } },
    );
    const outcomes: string[] = [];
    for (let count = 0; count < 10; count++) {
      void joined.sender.trySend(HttpRequest.get(url)).then((outcome) => {
        if ("response" in outcome) outcomes.push("served");
        else outcomes.push(outcome.request === undefined ? "lost" : "handed back");
      });
      await joined.run();
    }
    await joined.run();
    expect(outcomes).toEqual([...new Array(served).fill("served"), ...new Array(10 - served).fill("handed back")]);
    expect(served).toBeGreaterThanOrEqual(3);
  });
});

describe("adaptiveWindow", () => {
  test("a download over a link with latency makes the client's windows grow, and arrives whole", async () => {
    const timer = fakeTimer();
    const windows: number[] = [];
    const updates: number[] = [];
    const frameSent = ({ type, settings, streamId, increment = 0 }: FrameFacts): void => {
      const size = settings?.["INITIAL_WINDOW_SIZE"];
      if (size !== undefined) windows.push(size);
      if (type === "WINDOW_UPDATE" && streamId === 0) updates.push(increment);
    };
    const link = { turns: delayedTurns(timer, 10), timer };
    const [a, b] = memoryPair(link);
    const content = new Uint8Array(3_000_000).fill(7);
    http2.serve(
      b,
      serviceFn(() => new HttpResponse(200, {}, full(content))),
      { requestTimeoutMs: 0 },
    );
    const { sender } = await http2.handshake(a, { adaptiveWindow: true, observer: { frameSent } });
    let received = 0;
    let done = false;
    void sender
      .send(HttpRequest.get(url))
      .then(async ({ body }) => {
        received = (await collect(body).bytes()).length;
      })
      .then(() => {
        done = true;
      });
    for (let ms = 0; ms < 10_000 && !done; ms++) {
      for (let turn = 0; turn < 50; turn++) await Promise.resolve();
      timer.advance(1);
    }
    expect([done, received]).toEqual([true, 3_000_000]);
    expect(windows.length).toBeGreaterThan(1);
    expect(windows).toEqual([...windows].sort((one, other) => one - other));
    expect(updates.length).toBeGreaterThan(windows.length);
  });
});
