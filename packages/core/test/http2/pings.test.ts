/** PING of the peer (RFC 9113 section 6.7): each is answered, in order, and too many are too many. */
import { describe, expect, test } from "vitest";
import { expectAborted, expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { get } from "./support/messages.ts";
import { roles, start, startWithStream } from "./support/roles.ts";
import { ok, okText, serveH2 } from "./support/server.ts";
import { pass } from "./support/under-test.ts";

const one = "0000000000000001";
const two = "ffffffffffffffff";
const three = "7573657270696e67";

for (const role of roles) {
  describe(`a ${role}`, () => {
    test("[h2-264] answers each PING with its payload, in the order in which they came, in one write", async () => {
      const target = await start(role);
      target.peer.batch(() => {
        for (const payload of [one, two, three, one]) target.peer.ping(payload);
      });
      await target.run();
      expect(target.peer.takeWrites()).toEqual([
        [`PING ACK ${one}`, `PING ACK ${two}`, `PING ACK ${three}`, `PING ACK ${one}`],
      ]);
      await expectQuiet(target);
    });

    test("[h2-264] answers while a stream waits", async () => {
      const target = await startWithStream(role);
      target.peer.ping(two);
      await expectFrames(target, [`PING ACK ${two}`]);
    });

    test("[h2-265] lets an answer pass that it did not ask for", async () => {
      const target = await start(role);
      target.peer.pingAck(one);
      // The payloads of its own PINGs, none of which is under way.
      for (const purpose of ["0", "1", "2", "3"]) target.peer.pingAck(`736c75696365000${purpose}`);
      await expectQuiet(target);
      target.peer.ping(one);
      await expectFrames(target, [`PING ACK ${one}`]);
    });

    test("[h2-265] not without end", async () => {
      const target = await start(role, { glitchesBurst: 3, glitchesPerSecond: 0 });
      for (let times = 0; times < 3; times++) target.peer.pingAck(one);
      await expectQuiet(target);
      target.peer.pingAck(one);
      await expectGoAway(target, 0, "ENHANCE_YOUR_CALM", "too_many_glitches: ", "limit", "TOO_MANY_GLITCHES");
    });

    test("[h2-267] answers 10,000 at once and not one more, as many again after a second", async () => {
      const target = await start(role);
      const flood = (): void =>
        target.peer.batch(() => {
          for (let times = 0; times < 10_000; times++) target.peer.ping(one);
        });
      flood();
      await target.run();
      expect(target.peer.take()).toEqual(new Array(10_000).fill(`PING ACK ${one}`));
      await pass(target, 1000);
      flood();
      await target.run();
      expect(target.peer.take()).toHaveLength(10_000);
      target.peer.ping(one);
      const message = "too_many_pings: at most 10000 at once and 10000 per second are accepted of PING received";
      await expectGoAway(target, 0, "ENHANCE_YOUR_CALM", message, "limit", "TOO_MANY_PINGS");
    });

    test("[h2-267] while the transport takes no answers, stops reading, and gives up in the end", async () => {
      const target = await start(role, {}, { capacityBytes: 1, handshake: false });
      if (role === "client") target.peer.settings();
      else
        target.peer.batch(() => {
          target.peer.preface();
          target.peer.settings();
        });
      target.peer.settingsAck();
      for (let round = 0; round < 4; round++) {
        target.io.drain();
        await target.run();
      }
      target.peer.take();
      const flood = (count: number): void =>
        target.peer.batch(() => {
          for (let times = 0; times < count; times++) target.peer.ping(one);
        });
      flood(1);
      await expectFrames(target, [`PING ACK ${one}`]);
      // What is gathered must not exceed 64 KiB by more than one answer, of 17 octets.
      flood(3855);
      await target.run();
      expect(target.io.isReading).toBe(true);
      flood(1000);
      flood(1);
      await expectQuiet(target);
      expect([target.io.isReading, target.io.remaining]).toEqual([false, 1]);
      target.io.drain();
      await target.run();
      expect(target.peer.take()).toHaveLength(3856);
      target.io.drain();
      await target.run();
      const rest = target.peer.take().length;
      target.io.drain();
      await target.run();
      // The last one was read only when there was room for its answer.
      expect([rest, target.peer.take().length]).toEqual(role === "server" ? [999, 1] : [1000, 0]);
      expect([target.io.isReading, target.io.remaining]).toEqual([true, 0]);
      target.io.drain();
      flood(1);
      await expectFrames(target, [`PING ACK ${one}`]);
      await pass(target, 29_999);
      await expectQuiet(target);
      await pass(target, 1);
      await expectAborted(target, [], "timeout", "writeTimeoutMs");
    });
  });
}

test("[h2-264] PING between the frames of others is answered where it came", async () => {
  const server = await serveH2(ok);
  server.peer.batch(() => {
    server.peer.headers(1, get(), { endStream: true });
    server.peer.ping(one);
    server.peer.headers(3, get(), { endStream: true });
  });
  await expectFrames(server, [okText(1), `PING ACK ${one}`, okText(3)]);
});
