/**
 * Is the peer still there? (`keepAliveIntervalMs`, `keepAliveTimeoutMs`, `keepAliveWhileIdle`): a PING asks when nothing
 * has come for long, and silence ends the connection.
 */
import { HttpRequest } from "@sluice/core";
import type * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { connectH2, expectSent, send } from "./support/client.ts";
import { expectAborted, expectFrames, expectQuiet } from "./support/expectations.ts";
import { getText } from "./support/messages.ts";
import { roles, start, startWithStream } from "./support/roles.ts";
import { pass, type UnderTest } from "./support/under-test.ts";

const payload = "736c756963650001";
const ping = `PING ${payload}`;

/** Nothing happens for `ms` but the last one, and then exactly these frames are written. */
async function expectAfter(target: UnderTest, ms: number, frames: readonly string[]): Promise<void> {
  await pass(target, ms - 1);
  await expectQuiet(target);
  await pass(target, 1);
  await expectFrames(target, frames);
}

/** Nothing happens for `ms` but the last one, and then the transport is given up. */
async function expectGivenUp(target: UnderTest, ms: number): Promise<void> {
  await pass(target, ms - 1);
  await expectQuiet(target);
  await pass(target, 1);
  await expectAborted(target, [], "timeout", "keepAliveTimeoutMs");
  expect(target.outcome?.message).toBe(`nothing was heard within keepAliveTimeoutMs = ${ms} ms`);
}

for (const role of roles) {
  const open = (options: http2.CommonOptions) =>
    startWithStream(role, { ...options, ...(role === "client" ? { headTimeoutMs: 0 } : {}) } as http2.CommonOptions);

  describe(`a ${role}`, () => {
    test("[h2-268] does not ask by default", async () => {
      const target = await open({});
      await pass(target, 299_999);
      await expectQuiet(target);
    });

    test("[h2-268] asks after an interval of silence, and gives up after 20 s of more by default", async () => {
      const target = await open({ keepAliveIntervalMs: 1000 });
      await expectAfter(target, 1000, [ping]);
      await expectGivenUp(target, 20_000);
    });

    test("[h2-268] gives up after keepAliveTimeoutMs", async () => {
      const target = await open({ keepAliveIntervalMs: 10_000, keepAliveTimeoutMs: 300 });
      await expectAfter(target, 10_000, [ping]);
      await expectGivenUp(target, 300);
    });

    test("[h2-268] any frame is a sign of life, before the question and behind it", async () => {
      const target = await open({ keepAliveIntervalMs: 1000, keepAliveTimeoutMs: 300 });
      await pass(target, 999);
      target.peer.windowUpdate(0, 1);
      await expectAfter(target, 1000, [ping]);
      await pass(target, 299);
      target.peer.windowUpdate(0, 1);
      await pass(target, 999);
      await expectQuiet(target);
      // The PING from before is still under way, and one is enough.
      await pass(target, 1);
      await expectQuiet(target);
      await expectGivenUp(target, 300);
    });

    test("[h2-269] an answer starts the interval anew, as often as it comes", async () => {
      const target = await open({ keepAliveIntervalMs: 1000, keepAliveTimeoutMs: 300 });
      for (let times = 0; times < 3; times++) {
        await expectAfter(target, 1000, [ping]);
        await pass(target, 299);
        target.peer.pingAck(payload);
        await expectQuiet(target);
      }
      expect(target.timer.pending).toBeGreaterThan(0);
    });

    test("[h2-268] counts from what was heard last, to the millisecond", async () => {
      const target = await open({ keepAliveIntervalMs: 1000 });
      await pass(target, 400);
      target.peer.windowUpdate(0, 1);
      await pass(target, 200);
      target.peer.windowUpdate(0, 1);
      await expectAfter(target, 1000, [ping]);
      target.peer.pingAck(payload);
      await pass(target, 5);
      target.peer.windowUpdate(0, 1);
      await expectAfter(target, 1000, [ping]);
    });

    test("does not ask while there is no stream", async () => {
      const target = await start(role, { keepAliveIntervalMs: 1000 });
      await pass(target, 89_999);
      await expectQuiet(target);
    });

    test("asks without a stream with keepAliveWhileIdle, and gives up in the same way", async () => {
      const target = await start(role, { keepAliveIntervalMs: 1000, keepAliveWhileIdle: true });
      await expectAfter(target, 1000, [ping]);
      target.peer.pingAck(payload);
      await expectAfter(target, 1000, [ping]);
      await expectGivenUp(target, 20_000);
    });
  });
}

test("after a rest without streams, the interval counts from the stream that comes", async () => {
  const client = await connectH2({ keepAliveIntervalMs: 1000, keepAliveTimeoutMs: 300 });
  await pass(client, 5500);
  const sent = send(client, HttpRequest.get("http://a.test/"));
  await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
  await expectAfter(client, 1000, [ping]);
  await expectGivenUp(client, 300);
  await expectSent(client, sent, "timeout keepAliveTimeoutMs");
});

test("requests fail with the connection, and are not handed back: the server may have processed them", async () => {
  const client = await connectH2({ keepAliveIntervalMs: 1000, keepAliveTimeoutMs: 300 });
  const request = HttpRequest.get("http://a.test/");
  const tried = client.sender.trySend(request);
  await pass(client, 1000);
  await pass(client, 300);
  const outcome = await tried;
  expect("error" in outcome && [outcome.error.code, outcome.request]).toEqual(["keepAliveTimeoutMs", undefined]);
});
