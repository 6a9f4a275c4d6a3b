/**
 * Frames that are too long or not as long as their type asks for (RFC 9113 sections 4.2, 6).
 */
import { describe, expect, test } from "vitest";
import { expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { get, literalBlock, post } from "./support/messages.ts";
import { flags, frameTypes } from "./support/names.ts";
import { lastOf, roles, start, startWithStream } from "./support/roles.ts";
import { ok, okText, serveH2 } from "./support/server.ts";

describe.each(roles)("a %s", (role) => {
  const wrong = [
    [frameTypes.PING, 0, 0, [0, 7, 9], "8", "6.7"],
    [frameTypes.PING, flags.ACK, 0, [0, 7, 9], "8", "6.7"],
    [frameTypes.RST_STREAM, 0, 1, [0, 3, 5], "4", "6.4"],
    [frameTypes.WINDOW_UPDATE, 0, 0, [0, 3, 5], "4", "6.9"],
    [frameTypes.WINDOW_UPDATE, 0, 1, [0, 3, 5], "4", "6.9"],
    [frameTypes.GOAWAY, 0, 0, [0, 7], "at least 8", "4.2, 6.8"],
  ] as const;
  for (const [type, flagBits, streamId, lengths, expected, section] of wrong) {
    const name = Object.entries(frameTypes).find(([, number]) => number === type)?.[0] ?? "";
    const what = `${name}${flagBits === 0 ? "" : " ACK"} on stream ${streamId}`;
    test.each(lengths)(`[h2-042] ${what}: a length of %d is a connection error`, async (length) => {
      const target = await startWithStream(role);
      target.peer.raw(type, flagBits, streamId, new Uint8Array(length));
      const message = `${name}: length must be ${expected}, got ${length} (RFC 9113 ${section})`;
      await expectGoAway(target, lastOf(role), "FRAME_SIZE_ERROR", message, "protocol", `${name}_LENGTH`);
    });
  }

  test.each([0, 4, 6, 16_384])(
    "[h2-043] PRIORITY: a length of %d is an error of the stream, and the connection goes on",
    async (length) => {
      const target = await startWithStream(role);
      target.peer.batch(() => {
        target.peer.raw(frameTypes.PRIORITY, 0, 1, new Uint8Array(length));
        target.peer.ping();
      });
      await expectFrames(target, ["RST_STREAM 1 FRAME_SIZE_ERROR", "PING ACK 0011223344556677"]);
    },
  );

  test("[h2-043] PRIORITY of a wrong length on an idle stream, which RST_STREAM must not name", async () => {
    const target = await start(role);
    target.peer.raw(frameTypes.PRIORITY, 0, 9, "00");
    const message = "PRIORITY: length must be 5, got 1 (RFC 9113 6.3)";
    await expectGoAway(target, 0, "FRAME_SIZE_ERROR", message, "protocol", "PRIORITY_LENGTH");
  });

  const types = [...Object.entries(frameTypes), ["0x1f", 0x1f], ["0xff", 0xff]] as const;
  test.each(types)("[h2-036] %s of 16,385 octets is a connection error, found before they come", async (name, type) => {
    const target = await startWithStream(role);
    const onStream = ["DATA", "HEADERS", "PRIORITY", "RST_STREAM", "PUSH_PROMISE", "CONTINUATION"].includes(name);
    // No more than the header.
    target.peer.octets(new Uint8Array([0, 0x40, 0x01, type, 0, 0, 0, 0, onStream ? 1 : 0]));
    const message = `${name}: length must be at most 16384, got 16385 (RFC 9113 4.2)`;
    await expectGoAway(target, lastOf(role), "FRAME_SIZE_ERROR", message, "protocol", "FRAME_TOO_LARGE");
  });

  test("[h2-036] a frame of 16,384 octets is taken, of an unknown type too", async () => {
    const target = await start(role);
    target.peer.raw(0x1f, 0, 0, new Uint8Array(16_384));
    target.peer.ping();
    await expectFrames(target, ["PING ACK 0011223344556677"]);
  });

  test("[h2-038] what is too long is answered, and the transport kept for a while for the answer to arrive", async () => {
    const target = await start(role);
    target.peer.raw(frameTypes.PING, 0, 0, new Uint8Array(16_385));
    const message = "PING: length must be at most 16384, got 16385 (RFC 9113 4.2)";
    await expectGoAway(target, 0, "FRAME_SIZE_ERROR", message, "protocol", "FRAME_TOO_LARGE", 1000);
  });
});

test("[h2-036] DATA of 16,384 octets is taken, one more octet is a connection error", async () => {
  const server = await serveH2(() => new Promise(() => {}));
  server.peer.headers(1, post());
  server.peer.data(1, 16_384);
  await expectQuiet(server);
  server.peer.data(1, 16_385);
  const message = "DATA: length must be at most 16384, got 16385 (RFC 9113 4.2)";
  await expectGoAway(server, 1, "FRAME_SIZE_ERROR", message, "protocol", "FRAME_TOO_LARGE");
});

describe("a payload too short for the fields that its flags announce", () => {
  test("is a connection error where it carries a field block", async () => {
    for (const [flagBits, payload, needed] of [
      [flags.PADDED, "", 1],
      [flags.PRIORITY, "00000000", 5],
      [flags.PADDED | flags.PRIORITY, "0000000000", 6],
    ] as const) {
      const server = await serveH2(ok);
      server.peer.raw(frameTypes.HEADERS, flagBits | flags.END_HEADERS, 1, payload);
      const message = `HEADERS: length must be at least ${needed}, got ${payload.length / 2} (RFC 9113 4.2, 6.2)`;
      await expectGoAway(server, 0, "FRAME_SIZE_ERROR", message, "protocol", "HEADERS_LENGTH");
    }
  });

  test("is an error of the stream where it is DATA", async () => {
    const server = await serveH2(() => new Promise(() => {}));
    server.peer.headers(1, post());
    server.peer.raw(frameTypes.DATA, flags.PADDED, 1);
    await expectFrames(server, ["RST_STREAM 1 FRAME_SIZE_ERROR"]);
    server.peer.headers(3, get(), { endStream: true });
    await expectQuiet(server);
  });
});

test("[h2-036] a HEADERS frame of 16,384 octets, with padding and priority, is taken", async () => {
  const server = await serveH2(ok, { maxHeaderListBytes: 65_536 });
  const around = 1 + 5 + 255;
  const block = (length: number): Uint8Array => literalBlock(get("/", ["x", "v".repeat(length)]));
  const longest = 16_384 - around - block(10_000).length + 10_000;
  expect(block(longest).length + around).toBe(16_384);
  server.peer.headers(1, block(longest), { endStream: true, padding: 255, priority: { dependency: 3 } });
  await expectFrames(server, [okText(1)]);
});
