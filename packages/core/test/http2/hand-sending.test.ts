/**
 * The sending side of a stream by hand: capacity, content, trailers, resets.
 */

import { HttpRequest, HttpResponse } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import {
  accepted,
  acceptH2,
  answering,
  awaiting,
  connectByHand,
  getting,
  posting,
  received,
  thrownBy,
} from "./support/by-hand.ts";
import { expectFrames, expectQuiet } from "./support/expectations.ts";
import { get, post, status } from "./support/messages.ts";
import type { UnderTest } from "./support/under-test.ts";

const octets = (count: number): Uint8Array => new Uint8Array(count).fill(0x78);
const text = (content: string): Uint8Array => new TextEncoder().encode(content);

/** Frames without what they hold. */
function outlines(target: UnderTest): string[] {
  return target.peer.take().map((frame) => frame.replace(/ x+$/, ""));
}

/** A server that answers requests on streams 1, 3, ... */
async function answeringSeveral(
  count: number,
  settings: Record<string, number>,
): Promise<UnderTest & { readonly connection: http2.Http2Connection; readonly sends: readonly http2.SendStream[] }> {
  const target = await acceptH2({}, { settings });
  const sends: http2.SendStream[] = [];
  for (let id = 1; id <= 2 * count; id += 2) {
    target.peer.headers(id, get(), { endStream: true });
    sends.push((await accepted(target)).respond.sendResponse(new HttpResponse(200)));
  }
  await target.run();
  target.peer.take();
  return Object.assign(target, { sends });
}

function sendOf(sends: readonly http2.SendStream[], index: number): http2.SendStream {
  const send = sends[index];
  if (send === undefined) throw new Error("there is no such stream");
  return send;
}

for (const [role, start] of [
  ["server", answering],
  ["client", posting],
] as const) {
  describe(`capacity on a ${role}`, () => {
    test("is what the windows allow and the stream's buffer holds", async () => {
      const target = await start({ maxSendBufferBytes: 1000 }, { settings: { INITIAL_WINDOW_SIZE: 600 } });
      const { send, peer } = target;
      expect([send.capacity, send.bufferedBytes]).toEqual([600, 0]);
      peer.windowUpdate(1, 1400);
      await expectQuiet(target);
      expect(send.capacity).toBe(1000);
      send.sendData(octets(1500));
      expect([send.capacity, send.bufferedBytes]).toEqual([500, 0]);
      send.sendData(octets(700));
      expect([send.capacity, send.bufferedBytes]).toEqual([0, 200]);
      await target.run();
      expect(outlines(target)).toEqual(["DATA 1 1500", "DATA 1 500"]);
    });

    test("[h2-206] grants are partial, over several WINDOW_UPDATE, and no more than asked for", async () => {
      const target = await start({}, { settings: { INITIAL_WINDOW_SIZE: 5 } });
      const { send, peer } = target;
      expect(await send.reserveCapacity(20)).toBe(5);
      expect(await send.reserveCapacity(3)).toBe(3);
      send.sendData(octets(5));
      await target.run();
      const first = awaiting(send.reserveCapacity(20));
      await target.run();
      expect(first.now).toBe("pending");
      peer.windowUpdate(1, 7);
      await target.run();
      expect(first.now).toBe(7);
      send.sendData(octets(7));
      const second = awaiting(send.reserveCapacity(8));
      peer.windowUpdate(1, 10);
      await target.run();
      expect(second.now).toBe(8);
      expect(outlines(target)).toEqual(
        ["DATA 1 5 xxxxx", "DATA 1 7 xxxxxxx"].map((frame) => frame.replace(/ x+$/, "")),
      );
    });

    test("[h2-210] is never granted as 0: not by a window below zero, nor by the connection's alone", async () => {
      const target = await start({}, { settings: { INITIAL_WINDOW_SIZE: 10 } });
      const { send, peer } = target;
      send.sendData(octets(10));
      peer.settings({ INITIAL_WINDOW_SIZE: 0 });
      await target.run();
      const wanted = awaiting(send.reserveCapacity(5));
      peer.windowUpdate(0, 1000);
      await target.run();
      expect([wanted.now, send.capacity]).toEqual(["pending", 0]);
      peer.windowUpdate(1, 10);
      await target.run();
      expect([wanted.now, send.capacity]).toEqual(["pending", 0]);
      peer.windowUpdate(1, 1);
      await target.run();
      expect([wanted.now, send.capacity]).toEqual([1, 1]);
    });

    test("[h2-210] is granted up to maxSendBufferBytes, and again as that is sent", async () => {
      const target = await start({ maxSendBufferBytes: 100 }, { settings: { INITIAL_WINDOW_SIZE: 1000 } });
      expect(await target.send.reserveCapacity(Number.POSITIVE_INFINITY)).toBe(100);
      target.send.sendData(octets(1000));
      target.send.sendData(octets(60));
      const wanted = awaiting(target.send.reserveCapacity(100));
      await target.run();
      expect([target.send.bufferedBytes, wanted.now]).toEqual([60, "pending"]);
      target.peer.windowUpdate(1, 70);
      await target.run();
      expect([target.send.bufferedBytes, wanted.now]).toEqual([0, 10]);
    });

    test("wakes after WINDOW_UPDATE on the stream, on the connection, and after SETTINGS", async () => {
      const target = await start({}, { settings: { INITIAL_WINDOW_SIZE: 65_535 } });
      const { send, peer } = target;
      send.sendData(octets(65_535));
      await target.run();
      target.peer.take();
      const wanted = awaiting(send.reserveCapacity(100));
      peer.windowUpdate(1, 30);
      await target.run();
      expect(wanted.now).toBe("pending");
      peer.windowUpdate(0, 20);
      await target.run();
      expect(wanted.now).toBe(20);
      peer.windowUpdate(0, 1000);
      send.sendData(octets(30));
      const more = awaiting(send.reserveCapacity(100));
      await target.run();
      expect(more.now).toBe("pending");
      peer.settings({ INITIAL_WINDOW_SIZE: 65_575 });
      await target.run();
      expect(more.now).toBe(40);
    });

    test("[h2-211] no wake-up is lost when WINDOW_UPDATE and SETTINGS come in one read", async () => {
      for (const order of [0, 1]) {
        const target = await start({}, { settings: { INITIAL_WINDOW_SIZE: 0 } });
        const wanted = awaiting(target.send.reserveCapacity(100));
        await expectQuiet(target);
        target.peer.batch(() => {
          if (order === 0) target.peer.windowUpdate(1, 10);
          target.peer.settings({ INITIAL_WINDOW_SIZE: 5 });
          if (order === 1) target.peer.windowUpdate(1, 10);
          target.peer.windowUpdate(0, 1);
        });
        await expectFrames(target, ["SETTINGS ACK"]);
        expect(wanted.now).toBe(order === 0 ? 10 : 5);
        expect(target.send.capacity).toBe(15);
      }
    });

    test("[h2-212] windows swing as they may: what is granted is what there is, never less than nothing", async () => {
      const target = await start({}, { settings: { INITIAL_WINDOW_SIZE: 100 } });
      const { send, peer } = target;
      let window = 100;
      let initial = 100;
      for (const next of [0, 2 ** 31 - 1, 1, 70_000, 0, 50, 49, 65_535, 3, 500]) {
        send.sendData(octets(Math.min(send.capacity, 40)));
        window -= Math.min(Math.max(0, window), 40);
        peer.settings({ INITIAL_WINDOW_SIZE: next });
        window += next - initial;
        initial = next;
        await target.run();
        const wanted = awaiting(send.reserveCapacity(10));
        await target.run();
        expect([send.capacity, wanted.now]).toEqual([
          Math.max(0, Math.min(window, target.connection.windows.send, 65_536)),
          window > 0 ? Math.min(10, window) : "pending",
        ]);
      }
      expect(target.outcome).toBe(undefined);
    });

    test("asked for again: who asked before gets 0", async () => {
      const target = await start({}, { settings: { INITIAL_WINDOW_SIZE: 0 } });
      const [first, second] = [awaiting(target.send.reserveCapacity(10)), awaiting(target.send.reserveCapacity(20))];
      await target.run();
      expect([first.now, second.now]).toEqual([0, "pending"]);
      target.peer.windowUpdate(1, 50);
      await target.run();
      expect(second.now).toBe(20);
    });

    test.each([0, -1, 1.5, Number.NaN])("%d cannot be asked for", async (bytes) => {
      const { send } = await start();
      expect(thrownBy(() => send.reserveCapacity(bytes))).toBe("RangeError");
    });

    test("[h2-210, h2-300] a reset of either side ends the wait, and each later one", async () => {
      for (const [end, error] of [
        [(target: UnderTest) => target.peer.rst(1, "CANCEL"), "incomplete STREAM_RESET CANCEL"],
        [(target: UnderTest) => target.peer.windowUpdate(1, 0), "protocol WINDOW_UPDATE_ZERO PROTOCOL_ERROR"],
        [
          (target: UnderTest & { readonly send: http2.SendStream }) => target.send.sendReset(),
          "canceled STREAM_CANCELED CANCEL",
        ],
      ] as const) {
        const target = await start({}, { settings: { INITIAL_WINDOW_SIZE: 0 } });
        const wanted = awaiting(target.send.reserveCapacity(10));
        end(target);
        await target.run();
        const late = awaiting(target.send.reserveCapacity(10));
        await target.run();
        expect([wanted.now, late.now, target.send.capacity]).toEqual([error, error, 0]);
      }
    });

    test("the end of our side ends the wait too: sent, or waiting for window", async () => {
      for (const window of [0, 10]) {
        for (const trailers of [false, true]) {
          const target = await start({}, { settings: { INITIAL_WINDOW_SIZE: window } });
          const { send } = target;
          send.sendData(octets(10));
          const wanted = awaiting(send.reserveCapacity(10));
          if (trailers) send.sendTrailers({ x: "1" });
          else send.sendData(octets(0), true);
          const late = awaiting(send.reserveCapacity(10));
          target.peer.windowUpdate(1, 100);
          await target.run();
          expect([wanted.now, late.now, send.capacity]).toEqual(["user STREAM_STATE", "user STREAM_STATE", 0]);
        }
      }
    });
  });

  describe(`content on a ${role}`, () => {
    test("more than there is capacity for is kept, and sent as windows open", async () => {
      const target = await start({}, { settings: { INITIAL_WINDOW_SIZE: 3 } });
      target.send.sendData(text("one"));
      target.send.sendData(text("two"));
      target.send.sendData(text("three"), true);
      await expectFrames(target, ["DATA 1 3 one"]);
      expect(target.send.bufferedBytes).toBe(8);
      target.peer.windowUpdate(1, 4);
      await expectFrames(target, ["DATA 1 3 two", "DATA 1 1 t"]);
      target.peer.windowUpdate(1, 4);
      await expectFrames(target, ["DATA 1 END_STREAM 4 hree"]);
      expect(target.send.bufferedBytes).toBe(0);
    });

    test("[h2-196] its end needs no window", async () => {
      const target = await start({}, { settings: { INITIAL_WINDOW_SIZE: 0 } });
      target.send.sendData(octets(0));
      await expectQuiet(target);
      target.send.sendData(octets(0), true);
      await expectFrames(target, ["DATA 1 END_STREAM 0"]);
    });

    test("[h2-172] trailers wait for what is before them", async () => {
      const target = await start({}, { settings: { INITIAL_WINDOW_SIZE: 0 } });
      target.send.sendData(text("x"));
      target.send.sendTrailers({ a: "1" });
      await expectQuiet(target);
      target.peer.windowUpdate(1, 1);
      await expectFrames(target, ["DATA 1 1 x", "HEADERS 1 END_STREAM a=1"]);
    });

    test("[h2-147] behind the end nothing is sent: content, trailers, the end again", async () => {
      for (const window of [0, 10]) {
        const target = await start({}, { settings: { INITIAL_WINDOW_SIZE: window } });
        target.send.sendData(text("x"), true);
        for (const action of [
          () => target.send.sendData(text("y")),
          () => target.send.sendData(octets(0), true),
          () => target.send.sendTrailers({ x: "1" }),
        ]) {
          expect(thrownBy(action)).toBe("user STREAM_STATE");
        }
        target.peer.windowUpdate(1, 1);
        await expectFrames(target, ["DATA 1 END_STREAM 1 x"]);
      }
    });

    test("[h2-147] nor behind trailers, sent or not", async () => {
      for (const window of [0, 10]) {
        const target = await start({}, { settings: { INITIAL_WINDOW_SIZE: window } });
        target.send.sendData(text("x"));
        target.send.sendTrailers({});
        expect(thrownBy(() => target.send.sendData(text("y")))).toBe("user STREAM_STATE");
        expect(thrownBy(() => target.send.sendTrailers({}))).toBe("user STREAM_STATE");
      }
    });

    test("[h2-171] trailers that cannot be sent are refused, and the stream goes on", async () => {
      const target = await start();
      for (const [name, error] of [
        ["connection", "user CONNECTION_SPECIFIC_FIELD"],
        ["content-length", "user FORBIDDEN_TRAILER"],
        ["host", "user FORBIDDEN_TRAILER"],
        [":status", "TypeError"],
        ["a b", "TypeError"],
      ] as const) {
        expect(thrownBy(() => target.send.sendTrailers({ [name]: "1" }))).toBe(error);
      }
      target.send.sendTrailers({ x: "1" });
      await expectFrames(target, ["HEADERS 1 END_STREAM x=1"]);
    });

    test("what is no Uint8Array is refused before anything is written", async () => {
      const target = await start();
      expect(thrownBy(() => target.send.sendData("text" as unknown as Uint8Array))).toBe("TypeError");
      target.send.sendData(text("text"));
      await expectFrames(target, ["DATA 1 4 text"]);
    });
  });

  describe(`resets on a ${role}`, () => {
    test.each([http2.errorCodes.NO_ERROR, http2.errorCodes.CANCEL, 0x1f, 0xffff_ffff])(
      "[h2-298] the code %d is sent as it is",
      async (code) => {
        const target = await start();
        target.send.sendReset(code);
        await target.run();
        const frames = target.peer.takeFrames();
        const names = Object.entries(http2.errorCodes).find(([, value]) => value === code)?.[0];
        expect(frames).toEqual([{ type: "RST_STREAM", streamId: 1, code: names ?? `0x${code.toString(16)}` }]);
      },
    );

    test.each([-1, 1.5, 2 ** 32, Number.NaN])("%d is no code", async (code) => {
      const target = await start();
      expect(thrownBy(() => target.send.sendReset(code))).toBe("RangeError");
      await expectQuiet(target);
    });

    test("what waits to be sent is thrown away, and so is what the peer sends", async () => {
      const target = await start({}, { settings: { INITIAL_WINDOW_SIZE: 0 } });
      target.send.sendData(text("x"), true);
      target.send.sendReset();
      target.send.sendReset();
      await expectFrames(target, ["RST_STREAM 1 CANCEL"]);
      expect([target.send.bufferedBytes, target.send.state]).toEqual([0, "closed by the RST_STREAM sent"]);
      target.peer.windowUpdate(1, 10);
      if (role === "server") target.peer.data(1, "late");
      else target.peer.headers(1, status(200));
      await expectQuiet(target);
    });

    test("[h2-299] onReset is told the peer's code, once, at once if it comes late, and the last listener alone", async () => {
      const target = await start();
      const told: unknown[] = [];
      const listen = (name: string): void => target.send.onReset(({ code, reason }) => told.push([name, code, reason]));
      listen("replaced");
      listen("first");
      target.peer.rst(1, 0x1f);
      await expectQuiet(target);
      target.peer.rst(1, "CANCEL");
      await expectQuiet(target);
      expect(told).toEqual([["first", "STREAM_RESET", 0x1f]]);
      listen("late");
      expect(told[1]).toEqual(["late", "STREAM_RESET", 0x1f]);
    });

    test("[h2-299] and by our own reset, and by the end of the connection", async () => {
      const told: unknown[] = [];
      const own = await start();
      own.send.onReset(({ code, reason }) => told.push([code, reason]));
      own.send.sendReset(3);
      const lost = await start();
      lost.send.onReset(({ code, reason }) => told.push([code, reason]));
      lost.peer.end();
      await lost.run();
      expect(told).toEqual([
        ["STREAM_CANCELED", 3],
        ["CONNECTION_LOST", undefined],
      ]);
    });

    test("a listener that throws harms nobody: the other streams are told too", async () => {
      const target = await start();
      let told = 0;
      target.send.onReset(() => {
        told++;
        throw new Error("no");
      });
      target.peer.end();
      await target.run();
      expect([told, target.outcome?.code]).toEqual([1, "CONNECTION_LOST"]);
    });

    test("from within onReset nothing can be sent, and everything is answered", async () => {
      const target = await start({}, { settings: { INITIAL_WINDOW_SIZE: 0 } });
      const seen: string[] = [];
      const wanted = awaiting(target.send.reserveCapacity(1));
      let late: { now: unknown } | undefined;
      target.send.onReset(() => {
        seen.push(thrownBy(() => target.send.sendData(text("x"))));
        seen.push(thrownBy(() => target.send.sendTrailers({})));
        seen.push(
          thrownBy(() => target.send.sendReset()),
          target.send.state,
        );
        late = awaiting(target.send.reserveCapacity(1));
      });
      target.peer.rst(1, "CANCEL");
      await expectQuiet(target);
      const error = "incomplete STREAM_RESET CANCEL";
      expect(seen).toEqual([error, error, "nothing", "closed by the RST_STREAM received"]);
      expect([wanted.now, late?.now]).toEqual([error, error]);
    });
  });

  test(`[h2-298] on a ${role}: resets by the program are not counted as provoked by the peer`, async () => {
    const options = { provokedResetsBurst: 1, provokedResetsPerSecond: 0 };
    if (role === "client") {
      const target = await connectByHand(options);
      for (let times = 0; times < 5; times++) {
        target.client.sendRequest(HttpRequest.post("http://a.test/")).send.sendReset(http2.errorCodes.PROTOCOL_ERROR);
      }
      await target.run();
      expect(target.peer.take().filter((frame) => frame.startsWith("GOAWAY"))).toEqual([]);
      expect(target.connection.defences.provokedResets).toBe(0);
    } else {
      const target = await acceptH2(options);
      for (let id = 1; id < 10; id += 2) {
        target.peer.headers(id, post());
        (await accepted(target)).respond.sendReset(http2.errorCodes.PROTOCOL_ERROR);
      }
      await target.run();
      expect(target.peer.take()).toEqual([1, 3, 5, 7, 9].map((id) => `RST_STREAM ${id} PROTOCOL_ERROR`));
      expect(target.connection.defences.provokedResets).toBe(0);
    }
  });
}

describe("the connection's window is nobody's until it is used", () => {
  test("[h2-207] asked for and not used: others get all of it", async () => {
    const target = await answeringSeveral(2, { INITIAL_WINDOW_SIZE: 100_000 });
    const [one, three] = [sendOf(target.sends, 0), sendOf(target.sends, 1)];
    expect(await one.reserveCapacity(65_535)).toBe(65_535);
    expect(three.capacity).toBe(65_535);
    three.sendData(octets(65_535));
    await target.run();
    expect([one.capacity, three.capacity, target.connection.windows.send]).toEqual([0, 0, 0]);
  });

  test("[h2-204, h2-208] who waits and is reset, or ends, holds nothing: the next grant is for those who are left", async () => {
    for (const end of [
      (send: http2.SendStream) => send.sendReset(),
      (send: http2.SendStream) => send.sendData(octets(0), true),
    ]) {
      const target = await answeringSeveral(3, { INITIAL_WINDOW_SIZE: 100_000 });
      const [one, three, five] = [sendOf(target.sends, 0), sendOf(target.sends, 1), sendOf(target.sends, 2)];
      one.sendData(octets(65_535));
      const wanted = [one, three, five].map((send) => awaiting(send.reserveCapacity(10)));
      await target.run();
      expect(wanted.map(({ now }) => now)).toEqual(["pending", "pending", "pending"]);
      end(three);
      target.peer.windowUpdate(0, 7);
      await target.run();
      expect([wanted[0]?.now, wanted[2]?.now]).toEqual([7, 7]);
      five.sendData(octets(7));
      await target.run();
      expect([one.capacity, target.connection.windows.send]).toEqual([0, 0]);
    }
  });

  test("all that was granted together is sent and no more, whoever uses it first", async () => {
    const target = await answeringSeveral(3, { INITIAL_WINDOW_SIZE: 100_000 });
    for (const send of target.sends) {
      expect(await send.reserveCapacity(50_000)).toBe(50_000);
    }
    for (const send of target.sends) send.sendData(octets(50_000));
    await target.run();
    expect(target.peer.contentOf(1).length + target.peer.contentOf(3).length + target.peer.contentOf(5).length).toBe(
      65_535,
    );
    target.peer.windowUpdate(0, 150_000 - 65_535);
    await target.run();
    expect([1, 3, 5].map((id) => target.peer.contentOf(id).length)).toEqual([50_000, 50_000, 50_000]);
  });

  test("[h2-205] SETTINGS that leave enough take nothing back that was granted", async () => {
    const target = await answering({}, { settings: { INITIAL_WINDOW_SIZE: 100 } });
    expect(await target.send.reserveCapacity(10)).toBe(10);
    target.peer.settings({ INITIAL_WINDOW_SIZE: 10 });
    await expectFrames(target, ["SETTINGS ACK"]);
    target.send.sendData(octets(10), true);
    await expectFrames(target, ["DATA 1 END_STREAM 10 xxxxxxxxxx"]);
  });

  test("[h2-204] SETTINGS that take it back: what is sent all the same waits", async () => {
    const target = await answering({}, { settings: { INITIAL_WINDOW_SIZE: 100 } });
    expect(await target.send.reserveCapacity(10)).toBe(10);
    target.peer.settings({ INITIAL_WINDOW_SIZE: 4 });
    await expectFrames(target, ["SETTINGS ACK"]);
    target.send.sendData(octets(10), true);
    await expectFrames(target, ["DATA 1 4 xxxx"]);
    target.peer.windowUpdate(1, 6);
    await expectFrames(target, ["DATA 1 END_STREAM 6 xxxxxx"]);
  });
});

test("a transport that takes nothing: the buffer fills, capacity goes to 0, and comes back as it drains", async () => {
  const settings = { INITIAL_WINDOW_SIZE: 2 ** 20 };
  const target = await acceptH2({ maxSendBufferBytes: 1000 }, { settings, capacityBytes: 100_000 });
  target.peer.windowUpdate(0, 2 ** 20);
  target.peer.headers(1, get(), { endStream: true });
  const send = (await accepted(target)).respond.sendResponse(new HttpResponse(200));
  await target.run();
  send.sendData(octets(16_384 * 20));
  await target.run();
  expect(send.bufferedBytes).toBeGreaterThan(0);
  const wanted = awaiting(send.reserveCapacity(10));
  await target.run();
  expect([wanted.now, send.capacity]).toEqual(["pending", 0]);
  for (let times = 0; times < 5; times++) {
    target.io.drain();
    await target.run();
  }
  expect([wanted.now, send.bufferedBytes, target.peer.contentOf(1).length]).toEqual([10, 0, 16_384 * 20]);
});

test("[h2-158] the state in words, through life, in both roles", async () => {
  const server = await answering();
  const states = [server.send.state];
  server.peer.data(1, "", { endStream: true });
  await server.run();
  states.push(server.send.state);
  server.send.sendData(octets(0), true);
  states.push(server.send.state);
  const client = await posting();
  states.push(client.send.state);
  client.send.sendTrailers({});
  states.push(client.send.state);
  client.peer.headers(1, status(200), { endStream: true });
  await received(client, client.response);
  states.push(client.send.state);
  const early = await posting();
  early.peer.headers(1, status(200), { endStream: true });
  await received(early, early.response);
  states.push(early.send.state);
  const given = await getting();
  given.send.sendReset();
  states.push(given.send.state);
  const lost = await getting();
  lost.peer.rst(1, "CANCEL");
  await lost.run();
  states.push(lost.send.state);
  const over = await getting();
  over.connection.abort();
  await over.run();
  states.push(over.send.state);
  expect(states).toEqual([
    "open",
    "half-closed (remote)",
    "closed by END_STREAM",
    "open",
    "half-closed (local)",
    "closed by END_STREAM",
    "half-closed (remote)",
    "closed by the RST_STREAM sent",
    "closed by the RST_STREAM received",
    "closed",
  ]);
});
