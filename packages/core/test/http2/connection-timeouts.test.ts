/**
 * Every time limit that is of the connection as a whole, in both roles: its default, what it does, and that it does it
 * exactly then. (Keep-alive, idle time, age and shutdown have tests of their own.)
 */
import { HttpRequest, HttpResponse } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { type FakeTimer, fakeTimer, scriptedIo } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { connectH2, expectSent, send } from "./support/client.ts";
import { expectAborted, expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { get, getText, status } from "./support/messages.ts";
import { preface } from "./support/names.ts";
import { roles, start } from "./support/roles.ts";
import { ok, okText, serveH2 } from "./support/server.ts";
import { pass, type UnderTest } from "./support/under-test.ts";

const unmet = { handshake: false } as const;

/** Nothing happens for `ms` but the last one, and then the connection ends with this GOAWAY. */
async function expectTimeout(
  target: UnderTest,
  ms: number,
  name: string,
  limitMs: number,
  what: string,
): Promise<void> {
  await pass(target, ms - 1);
  await expectQuiet(target);
  await pass(target, 1);
  const message = `${what} within ${name} = ${limitMs} ms`;
  await expectGoAway(target, 0, "SETTINGS_TIMEOUT", message, "timeout", name);
}

async function unanswered(role: "server" | "client", options: http2.CommonOptions = {}): Promise<UnderTest> {
  const target = await start(role, options, unmet);
  await target.run();
  target.peer.take();
  return target;
}

for (const role of roles) {
  describe(`a ${role}`, () => {
    const hello = (target: UnderTest): void => {
      if (role === "server") target.peer.preface();
      target.peer.settings();
    };

    test("prefaceTimeoutMs: 10 s by default until the peer has introduced itself", async () => {
      const target = await unanswered(role, { settingsTimeoutMs: 0 });
      await expectTimeout(target, 10_000, "prefaceTimeoutMs", 10_000, "no SETTINGS came");
    });

    test("prefaceTimeoutMs: a preface and half of SETTINGS are not enough", async () => {
      const target = await unanswered(role, { prefaceTimeoutMs: 50 });
      await pass(target, 10);
      if (role === "server") target.peer.octets(preface);
      target.peer.octets("\x00\x00\x00\x04");
      await expectTimeout(target, 40, "prefaceTimeoutMs", 50, "no SETTINGS came");
    });

    test("prefaceTimeoutMs: in time at the last millisecond, and then no limit any more", async () => {
      const target = await unanswered(role, { prefaceTimeoutMs: 50, settingsTimeoutMs: 0, idleTimeoutMs: 0 });
      await pass(target, 49);
      hello(target);
      await expectFrames(target, ["SETTINGS ACK"]);
      await pass(target, 3_600_000);
      await expectQuiet(target);
    });

    test("prefaceTimeoutMs and settingsTimeoutMs: 0 is no limit", async () => {
      const target = await unanswered(role, { prefaceTimeoutMs: 0, settingsTimeoutMs: 0, idleTimeoutMs: 0 });
      await pass(target, 3_600_000);
      await expectQuiet(target);
      expect(target.timer.pending).toBe(0);
    });

    test("settingsTimeoutMs: 10 s by default until our SETTINGS are acknowledged", async () => {
      const target = await unanswered(role);
      hello(target);
      await expectFrames(target, ["SETTINGS ACK"]);
      await expectTimeout(target, 10_000, "settingsTimeoutMs", 10_000, "our SETTINGS were not acknowledged");
    });

    test("settingsTimeoutMs: in time at the last millisecond", async () => {
      const target = await unanswered(role, { settingsTimeoutMs: 70 });
      hello(target);
      await expectFrames(target, ["SETTINGS ACK"]);
      await pass(target, 69);
      target.peer.settingsAck();
      await pass(target, 10_000);
      await expectQuiet(target);
    });

    test("[h2-293] writeTimeoutMs: 30 s by default in which the transport takes nothing; any progress starts anew", async () => {
      const target = await start(role, { idleTimeoutMs: 0 }, { ...unmet, capacityBytes: 1 });
      await target.run();
      target.peer.take();
      hello(target);
      target.peer.settingsAck();
      for (let times = 0; times < 3; times++) {
        await pass(target, 29_999);
        target.peer.ping();
        await expectQuiet(target);
        target.io.drain();
        await target.run();
        expect(target.peer.take().at(-1)).toBe("PING ACK 0011223344556677");
      }
      await pass(target, 29_999);
      await expectQuiet(target);
      await pass(target, 1);
      await expectAborted(target, [], "timeout", "writeTimeoutMs");
      expect(target.outcome?.message).toBe("the transport took no more bytes within writeTimeoutMs = 30000 ms");
    });

    test("[h2-293] writeTimeoutMs: runs only while there is something to write", async () => {
      const target = await start(role, { idleTimeoutMs: 0, writeTimeoutMs: 100 }, { ...unmet, capacityBytes: 1 });
      hello(target);
      target.peer.settingsAck();
      target.io.drain();
      await target.run();
      target.io.drain();
      await target.run();
      target.peer.take();
      await pass(target, 3_600_000);
      await expectQuiet(target);
      target.peer.ping();
      await expectFrames(target, ["PING ACK 0011223344556677"]);
      await pass(target, 99);
      await expectQuiet(target);
      await pass(target, 1);
      await expectAborted(target, [], "timeout", "writeTimeoutMs");
    });

    test("[h2-292] a transport that never ends our side: writeTimeoutMs", async () => {
      const { io, timer, closed, outcome } = await stuck(role, 400);
      closed();
      timer.advance(399);
      await settle();
      expect([io.isAborted, outcome()]).toEqual([false, "open"]);
      timer.advance(1);
      await settle();
      expect([io.isAborted, outcome()]).toEqual([
        true,
        "timeout: the last bytes could not be sent within writeTimeoutMs = 400 ms",
      ]);
      expect(timer.pending).toBe(0);
    });

    test("timer: null switches every limit off", async () => {
      const io = scriptedIo([]);
      const options = { timer: null, keepAliveIntervalMs: 1, maxConnectionAgeMs: 1 };
      if (role === "server") http2.serve(io, { call: ok }, options);
      else await http2.handshake(io, options);
      expect([io.isShutdown, io.isAborted]).toEqual([false, false]);
    });

    test("no timer at all is an error", async () => {
      const attempt = async (): Promise<unknown> =>
        role === "server" ? http2.serve(scriptedIo([]), { call: ok }) : http2.handshake(scriptedIo([]));
      await expect(attempt()).rejects.toThrow(TypeError);
    });
  });
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

/** A connection whose transport never says that our side was ended. */
async function stuck(
  role: "server" | "client",
  writeTimeoutMs: number,
): Promise<{
  readonly io: { isAborted: boolean };
  readonly timer: FakeTimer;
  readonly closed: () => void;
  readonly outcome: () => string;
}> {
  const timer = fakeTimer();
  const io = Object.assign(scriptedIo([], { timer }), { shutdown: () => {} });
  const connection =
    role === "server"
      ? http2.serve(io, { call: () => new HttpResponse(200) }, { writeTimeoutMs })
      : (await http2.handshake(io, { writeTimeoutMs })).connection;
  let outcome = "open";
  connection.closed.then(
    () => {
      outcome = "closed";
    },
    (error) => {
      outcome = `${error.kind}: ${error.message}`;
    },
  );
  return { io, timer, closed: () => connection.gracefulShutdown(), outcome: () => outcome };
}

test("[h2-292] a transport that never ends our side is no concern of other connections", async () => {
  const { closed } = await stuck("server", 400);
  const other = await serveH2(ok);
  closed();
  other.peer.headers(1, get(), { endStream: true });
  await expectFrames(other, [okText(1)]);
});

test("prefaceTimeoutMs: requests that were sent ahead fail with it, and those that wait are handed back", async () => {
  const client = await connectH2({ initialMaxStreams: 1, prefaceTimeoutMs: 500 }, unmet);
  const one = send(client, HttpRequest.get("http://a.test/"));
  const two = client.sender.trySend(HttpRequest.get("http://a.test/"));
  await client.run();
  client.peer.take();
  await pass(client, 500);
  await expectSent(client, one, "timeout prefaceTimeoutMs SETTINGS_TIMEOUT");
  const outcome = await two;
  expect("error" in outcome && [outcome.error.code, outcome.request !== undefined]).toEqual(["UNSENT", true]);
});

test("settingsTimeoutMs: a stream does not make up for the acknowledgment", async () => {
  const client = await connectH2({}, unmet);
  client.peer.settings();
  const sent = send(client, HttpRequest.get("http://a.test/"));
  await client.run();
  expect(client.peer.take().slice(-2)).toEqual(["SETTINGS ACK", `HEADERS 1 END_STREAM ${getText}`]);
  client.peer.headers(1, status(200));
  await expectSent(client, sent, "200");
  await pass(client, 10_000);
  const message = "our SETTINGS were not acknowledged within settingsTimeoutMs = 10000 ms";
  await expectGoAway(client, 0, "SETTINGS_TIMEOUT", message, "timeout", "settingsTimeoutMs");
});
