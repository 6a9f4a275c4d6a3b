/**
 * The receiving side of a stream by hand: content, trailers, and the windows.
 */
import { HttpRequest, HttpResponse } from "@sluice/core";
import type * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import {
  accepted,
  acceptPost,
  awaiting,
  getting,
  type HandClient,
  received,
  textOf,
  thrownBy,
} from "./support/by-hand.ts";
import { expectAllGivenBack, halfWindow, smallWindow } from "./support/credit.ts";
import { expectFrames, expectQuiet } from "./support/expectations.ts";
import { post, status } from "./support/messages.ts";
import { frameTypes } from "./support/names.ts";
import { pass, type UnderTest } from "./support/under-test.ts";

type Receiving = UnderTest & {
  readonly body: http2.RecvStream;
  readonly connection: http2.Http2Connection;
  /** Gives the stream up from the other side of it. */
  reset(): void;
};

/** A server that has accepted a POST, or a client whose GET is being answered, on stream 1. */
async function receiving(role: string, options: http2.CommonOptions = {}): Promise<Receiving> {
  if (role === "server") {
    const target = await acceptPost(options);
    return Object.assign(target, { reset: () => target.respond.sendReset() });
  }
  const target: HandClient & http2.SentRequest = await getting(options);
  target.peer.headers(1, status(200));
  const { body } = await received(target, target.response);
  return Object.assign(target, { body, reset: () => target.send.sendReset() });
}

/** Another stream, read as it comes, shows that all that was received before was given back, and nothing twice. */
async function expectEven(role: string, target: Receiving): Promise<void> {
  if (role === "server") {
    target.peer.headers(3, post());
    const { body } = await accepted(target as unknown as Parameters<typeof accepted>[0]);
    void drain(body);
  } else {
    const client = target as unknown as HandClient;
    const { response } = client.client.sendRequest(HttpRequest.get("http://a.test/"), { endStream: true });
    await target.run();
    target.peer.take();
    target.peer.headers(3, status(200));
    void drain((await received(client, response)).body);
  }
  await expectQuiet(target);
  await expectAllGivenBack(target, 3);
}

async function drain(body: http2.RecvStream): Promise<void> {
  for await (const _ of body);
}

for (const role of ["server", "client"]) {
  describe(`content on a ${role}`, () => {
    test("waits to be read, or goes to who waits for it; then trailers, then the end, again and again", async () => {
      const target = await receiving(role);
      const { body, peer } = target;
      peer.data(1, "one");
      await expectQuiet(target);
      expect(await textOf(body)).toBe("one");
      const next = awaiting(textOf(body));
      await target.run();
      expect([next.now, body.isEndStream]).toEqual(["pending", false]);
      peer.data(1, "two");
      peer.data(1, "three");
      peer.headers(1, [["x", "1"]], { endStream: true });
      await expectQuiet(target);
      expect([next.now, body.isEndStream]).toEqual(["two", false]);
      expect([await textOf(body), body.isEndStream, await textOf(body), await textOf(body)]).toEqual([
        "three",
        true,
        null,
        null,
      ]);
      for (let times = 0; times < 2; times++) expect([...((await body.trailers()) ?? [])]).toEqual([["x", "1"]]);
    });

    test("an end without content or trailers", async () => {
      const target = await receiving(role);
      const [next, trailers] = [awaiting(textOf(target.body)), awaiting(target.body.trailers())];
      await target.run();
      target.peer.data(1, "", { endStream: true });
      await expectQuiet(target);
      expect([next.now, trailers.now, target.body.isEndStream]).toEqual([null, undefined, true]);
    });

    test("iterated, to the end", async () => {
      const target = await receiving(role);
      const pieces: number[] = [];
      const loop = awaiting(
        (async () => {
          for await (const chunk of target.body) pieces.push(chunk.length);
        })(),
      );
      target.peer.data(1, "one");
      await target.run();
      target.peer.data(1, "three", { endStream: true });
      await target.run();
      expect([pieces, loop.now]).toEqual([[3, 5], undefined]);
    });

    test("iterated, and left early: the rest is thrown away and given back", async () => {
      const target = await receiving(role, smallWindow);
      target.peer.data(1, 5000);
      target.peer.data(1, 6000);
      await target.run();
      let first = 0;
      for await (const chunk of target.body) {
        first = chunk.length;
        break;
      }
      expect(first).toBe(5000);
      target.peer.data(1, 7000, { padding: 9, endStream: true });
      await expectQuiet(target);
      expect([target.body.isEndStream, await target.body.data()]).toEqual([true, null]);
      await expectEven(role, target);
    });

    test("[h2-166] trailers asked for first wait until the content was taken", async () => {
      const target = await receiving(role);
      const { body, peer } = target;
      const trailers = awaiting(body.trailers());
      peer.data(1, "one");
      await target.run();
      expect(await textOf(body)).toBe("one");
      const next = awaiting(textOf(body));
      peer.data(1, "two");
      await target.run();
      expect([next.now, trailers.now]).toEqual(["two", "pending"]);
      peer.data(1, "three");
      peer.headers(1, [["x", "1"]], { endStream: true });
      await target.run();
      expect(trailers.now).toBe("pending");
      expect(await textOf(body)).toBe("three");
      await target.run();
      expect([...(trailers.now as unknown as Iterable<unknown>)]).toEqual([["x", "1"]]);
    });

    test("calls that overlap are refused, and the earlier one goes on", async () => {
      const target = await receiving(role);
      const [next, trailers] = [awaiting(textOf(target.body)), awaiting(target.body.trailers())];
      expect([thrownBy(() => target.body.data()), thrownBy(() => target.body.trailers())]).toEqual([
        "TypeError",
        "TypeError",
      ]);
      target.peer.data(1, "x", { endStream: true });
      await target.run();
      expect([next.now, trailers.now]).toEqual(["x", undefined]);
    });

    test("[h2-300] a reset of the peer: what was received can be read, then the error; who waits is woken", async () => {
      const target = await receiving(role);
      target.peer.data(1, "before");
      target.peer.rst(1, "INTERNAL_ERROR");
      const trailers = awaiting(target.body.trailers());
      await expectQuiet(target);
      const error = "incomplete STREAM_RESET INTERNAL_ERROR";
      expect(trailers.now).toBe(error);
      // A server lets go of what nobody will wait for.
      if (role === "client") expect(await textOf(target.body)).toBe("before");
      const [first, second] = [awaiting(textOf(target.body)), awaiting(textOf(target.body))];
      await target.run();
      expect([first.now, second.now, target.body.isEndStream]).toEqual([error, error, false]);

      const waiting = await receiving(role);
      const wakes = [awaiting(textOf(waiting.body)), awaiting(waiting.body.trailers())];
      waiting.peer.rst(1, "CANCEL");
      await expectQuiet(waiting);
      expect(wakes.map(({ now }) => now)).toEqual(new Array(2).fill("incomplete STREAM_RESET CANCEL"));
    });

    test("[h2-300] a reset behind the end: a response stays whole, a request does not, and never passes for whole", async () => {
      for (const code of ["NO_ERROR", "CANCEL"] as const) {
        const target = await receiving(role);
        target.peer.data(1, "all of it");
        target.peer.headers(1, [["x", "1"]], { endStream: true });
        await target.run();
        const trailers = awaiting(target.body.trailers());
        if (role === "client") {
          expect(await textOf(target.body)).toBe("all of it");
          target.peer.rst(1, code);
          await expectQuiet(target);
          expect([await textOf(target.body), target.body.isEndStream]).toEqual([null, true]);
          expect([...(trailers.now as unknown as Iterable<unknown>)]).toEqual([["x", "1"]]);
        } else {
          target.peer.rst(1, code);
          await expectQuiet(target);
          const next = awaiting(textOf(target.body));
          await target.run();
          const error = `incomplete STREAM_RESET ${code}`;
          expect([next.now, trailers.now, target.body.isEndStream]).toEqual([error, error, false]);
        }
      }
    });

    test("a reset of ours throws away what was received", async () => {
      const target = await receiving(role, smallWindow);
      target.peer.data(1, 16_000);
      target.peer.data(1, 16_000);
      await target.run();
      const trailers = awaiting(target.body.trailers());
      target.reset();
      await expectFrames(target, ["RST_STREAM 1 CANCEL"]);
      const next = awaiting(target.body.data());
      await target.run();
      expect([next.now, trailers.now]).toEqual(new Array(2).fill("canceled STREAM_CANCELED CANCEL"));
      target.peer.data(1, 700, { endStream: true });
      await expectQuiet(target);
      await expectEven(role, target);
    });

    test("the connection's end: what was received can be read, then the error", async () => {
      const target = await receiving(role);
      target.peer.data(1, "before");
      target.peer.end();
      await target.run();
      expect(await textOf(target.body)).toBe("before");
      const late = awaiting(textOf(target.body));
      await target.run();
      expect(late.now).toBe("incomplete CONNECTION_LOST");
    });

    test("whole when the connection ends: it stays so, with its trailers", async () => {
      const target = await receiving(role);
      target.peer.data(1, "all");
      target.peer.headers(1, [["x", "1"]], { endStream: true });
      await target.run();
      target.connection.abort();
      await target.run();
      expect([await textOf(target.body), await textOf(target.body)]).toEqual(["all", null]);
      expect([...((await target.body.trailers()) ?? [])]).toEqual([["x", "1"]]);
    });
  });

  describe(`what nobody reads on a ${role}`, () => {
    test("[h2-179, h2-180] is given back once when it is discarded, and so is what comes", async () => {
      const target = await receiving(role, smallWindow);
      target.peer.data(1, 5000, { padding: 20 });
      target.peer.data(1, 6000);
      await target.run();
      expect((await target.body.data())?.length).toBe(5000);
      target.body.discard();
      target.body.discard();
      target.peer.data(1, 7000, { padding: 3 });
      const next = awaiting(target.body.data());
      await expectQuiet(target);
      expect(next.now).toBe("pending");
      target.peer.headers(1, [["x", "1"]], { endStream: true });
      await expectQuiet(target);
      expect([next.now, [...((await target.body.trailers()) ?? [])]]).toEqual([null, [["x", "1"]]]);
      target.body.discard();
      await expectEven(role, target);
    });

    test("[h2-180] is given back when it has come whole, and trailers that are waited for come at once", async () => {
      const target = await receiving(role, smallWindow);
      target.peer.data(1, 5000);
      target.peer.headers(1, [["x", "1"]], { endStream: true });
      const trailers = awaiting(target.body.trailers());
      await expectQuiet(target);
      expect(trailers.now).toBe("pending");
      target.body.discard();
      await target.run();
      expect([...(trailers.now as unknown as Iterable<unknown>)]).toEqual([["x", "1"]]);
      expect([target.body.isEndStream, await target.body.data()]).toEqual([true, null]);
      await expectEven(role, target);
    });

    test("[h2-303] a frame of which the rest comes when it was discarded", async () => {
      const target = await receiving(role, smallWindow);
      const frame = [0, 0x03, 0xf2, frameTypes.DATA, 0x08, 0, 0, 0, 1, 9, ...new Array<number>(1009).fill(0)];
      target.peer.octets(Uint8Array.from(frame.slice(0, 200)));
      await expectQuiet(target);
      target.body.discard();
      target.peer.octets(Uint8Array.from(frame.slice(200)));
      target.peer.data(1, "", { endStream: true });
      await expectQuiet(target);
      await expectEven(role, target);
    });

    test("a body left unread keeps no record of its stream once it was discarded", async () => {
      const target = await receiving(role);
      target.peer.data(1, "unread", { endStream: true });
      await target.run();
      target.body.discard();
      if (role === "server") target.reset();
      await target.run();
      expect(target.connection.streams).toMatchObject({ local: 0, remote: 0 });
      expect(target.connection.windows.unread).toBe(0);
    });
  });

  describe(`windows by hand on a ${role}`, () => {
    test("by themselves: reading gives back", async () => {
      const target = await receiving(role, { ...smallWindow, initialWindowBytes: 65_535 });
      const { flowControl } = target.body;
      expect([flowControl.availableCapacity, flowControl.usedCapacity]).toEqual([65_535, 0]);
      target.peer.data(1, 16_383, { padding: 0 });
      target.peer.data(1, 16_384);
      await expectQuiet(target);
      expect([flowControl.availableCapacity, flowControl.usedCapacity]).toEqual([65_535 - halfWindow, halfWindow - 1]);
      await target.body.data();
      await expectQuiet(target);
      expect(flowControl.usedCapacity).toBe(16_384);
      await target.body.data();
      await expectFrames(target, [`WINDOW_UPDATE 1 +${halfWindow}`, `WINDOW_UPDATE 0 +${halfWindow}`]);
      expect([flowControl.availableCapacity, flowControl.usedCapacity]).toEqual([65_535, 0]);
    });

    test("[h2-175, h2-176] released by the program: little by and by, half of the window at once", async () => {
      const target = await receiving(role, { ...smallWindow, initialWindowBytes: 65_535 });
      const { body, peer } = target;
      const { flowControl } = body.releaseManually();
      for (let times = 0; times < 3; times++) peer.data(1, 16_384);
      await target.run();
      for (let times = 0; times < 3; times++) await body.data();
      await expectQuiet(target);
      expect(flowControl.usedCapacity).toBe(49_152);
      flowControl.releaseCapacity(1);
      flowControl.releaseCapacity(32_766);
      await expectQuiet(target);
      expect([flowControl.usedCapacity, flowControl.availableCapacity]).toEqual([16_385, 16_383]);
      flowControl.releaseCapacity(1);
      await expectFrames(target, ["WINDOW_UPDATE 1 +32768", "WINDOW_UPDATE 0 +32768"]);
      expect([flowControl.usedCapacity, flowControl.availableCapacity]).toEqual([16_384, 49_151]);
    });

    test("[h2-177] more than was received, less than nothing and no whole number are refused", async () => {
      const target = await receiving(role);
      const { flowControl } = target.body.releaseManually();
      expect(thrownBy(() => flowControl.releaseCapacity(1))).toBe("RangeError");
      flowControl.releaseCapacity(0);
      target.peer.data(1, 100, { padding: 50 });
      await target.run();
      await target.body.data();
      for (const bytes of [101, -1, 0.5, Number.NaN]) {
        expect(thrownBy(() => flowControl.releaseCapacity(bytes))).toBe("RangeError");
      }
      flowControl.releaseCapacity(100);
      expect(thrownBy(() => flowControl.releaseCapacity(1))).toBe("RangeError");
      await expectQuiet(target);
      target.peer.ping();
      await expectFrames(target, ["PING ACK 0011223344556677"]);
    });

    test("released ahead of reading, and read then: nothing twice", async () => {
      for (const manual of [false, true]) {
        const target = await receiving(role, smallWindow);
        const { body, peer } = target;
        if (manual) body.releaseManually();
        peer.data(1, 10_000);
        peer.data(1, 10_000);
        await target.run();
        body.flowControl.releaseCapacity(15_000);
        expect(body.flowControl.usedCapacity).toBe(5000);
        await body.data();
        await body.data();
        expect(body.flowControl.usedCapacity).toBe(manual ? 5000 : 0);
        if (manual) body.flowControl.releaseCapacity(5000);
        peer.data(1, 0, { endStream: true });
        await expectQuiet(target);
        await expectEven(role, target);
      }
    });

    test("a frame of which a part has come: only what is there can be released", async () => {
      const target = await receiving(role, smallWindow);
      const { body, peer } = target;
      body.releaseManually();
      const frame = [0, 0x03, 0xf2, frameTypes.DATA, 0x09, 0, 0, 0, 1, 9, ...new Array<number>(1009).fill(0)];
      peer.octets(Uint8Array.from(frame.slice(0, 210)));
      await target.run();
      expect([body.flowControl.usedCapacity, (await body.data())?.length]).toEqual([200, 200]);
      expect(thrownBy(() => body.flowControl.releaseCapacity(201))).toBe("RangeError");
      body.flowControl.releaseCapacity(200);
      peer.octets(Uint8Array.from(frame.slice(210)));
      await target.run();
      expect((await body.data())?.length).toBe(800);
      body.flowControl.releaseCapacity(800);
      await expectQuiet(target);
      await expectEven(role, target);
    });

    test("what was kept back when the stream is reset or discarded is given back then, and releasing it does nothing", async () => {
      for (const end of [
        (target: Receiving) => target.peer.rst(1, "CANCEL"),
        (target: Receiving) => target.reset(),
        (target: Receiving) => target.body.discard(),
      ]) {
        const target = await receiving(role, smallWindow);
        const { body, peer } = target;
        body.releaseManually();
        peer.data(1, 10_000);
        peer.data(1, 5000);
        await target.run();
        await body.data();
        end(target);
        await target.run();
        target.peer.take();
        expect(body.flowControl.usedCapacity).toBeGreaterThanOrEqual(10_000);
        body.flowControl.releaseCapacity(10_000);
        await expectQuiet(target);
        await expectEven(role, target);
      }
    });

    test("what is kept back behind the end counts for the connection until it is released", async () => {
      const target = await receiving(role, smallWindow);
      const { body, peer } = target;
      body.releaseManually();
      peer.data(1, 16_384);
      peer.data(1, 16_384, { endStream: true });
      await target.run();
      await body.data();
      await body.data();
      if (role === "server") {
        (target as unknown as http2.Accepted).respond.sendResponse(new HttpResponse(204), true);
        await expectFrames(target, ["HEADERS 1 END_STREAM :status=204"]);
      }
      expect([target.connection.windows.unread, body.flowControl.availableCapacity]).toEqual([32_768, 0]);
      body.flowControl.releaseCapacity(32_768);
      await expectFrames(target, ["WINDOW_UPDATE 0 +32768"]);
      expect(target.connection.windows.unread).toBe(0);
    });

    test("[h2-189] a lowered INITIAL_WINDOW_SIZE: capacity below zero once it is acknowledged, and back by releases", async () => {
      const target = await receiving(role, { initialWindowBytes: 200 });
      const { body, peer, connection } = target;
      const { flowControl } = body.releaseManually();
      peer.data(1, 150);
      connection.setInitialWindow(50);
      await expectFrames(target, ["SETTINGS INITIAL_WINDOW_SIZE=50"]);
      expect(flowControl.availableCapacity).toBe(50);
      peer.settingsAck();
      await expectQuiet(target);
      expect(flowControl.availableCapacity).toBe(-100);
      await body.data();
      flowControl.releaseCapacity(24);
      await expectQuiet(target);
      flowControl.releaseCapacity(101);
      await expectFrames(target, ["WINDOW_UPDATE 1 +125"]);
      expect(flowControl.availableCapacity).toBe(25);
    });
  });
}

test("a reset of ours wakes who waits for trailers behind content that is thrown away", async () => {
  const target = await receiving("server");
  target.peer.data(1, "unread", { endStream: true });
  const trailers = awaiting(target.body.trailers());
  await expectQuiet(target);
  expect(trailers.now).toBe("pending");
  target.reset();
  await expectFrames(target, ["RST_STREAM 1 CANCEL"]);
  expect(trailers.now).toBe("canceled STREAM_CANCELED CANCEL");
});

test("the last frame of a stream that is read as it comes gives the stream no credit, the connection does get it", async () => {
  const target = await receiving("server", { ...smallWindow, initialWindowBytes: 32_768 });
  const next = awaiting(textOf(target.body));
  target.peer.data(1, 16_384, { endStream: true });
  await expectQuiet(target);
  expect(next.now).toHaveLength(16_384);
  await expectEven("server", target);
});

test("time passes and nothing happens: limits of single streams are the program's", async () => {
  const target = await receiving("client", { bodyTimeoutMs: 10 });
  const next = awaiting(textOf(target.body));
  await pass(target, 80_000);
  await expectQuiet(target);
  expect(next.now).toBe("pending");
});
