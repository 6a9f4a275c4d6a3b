/**
 * Which frames belong to a stream and which to the connection, and what is ignored of a frame: types, flags and bits that
 * mean nothing (RFC 9113 sections 4.1, 5.1, 5.5, 6).
 */
import { HttpRequest } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { connectH2, expectSent, send } from "./support/client.ts";
import { expectClosed, expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { rawFrame } from "./support/frames.ts";
import { get, getText, literalBlock, post, status } from "./support/messages.ts";
import { flags, frameTypes } from "./support/names.ts";
import { toHex } from "./support/octets.ts";
import { lastOf, roles, start, startWithStream } from "./support/roles.ts";
import { ok, okText, serveH2 } from "./support/server.ts";

describe.each(roles)("a %s", (role) => {
  const onStreams = [
    ["[h2-039]", "DATA", "6.1", "78"],
    ["[h2-040]", "HEADERS", "6.2", "88"],
    ["[h2-040]", "PRIORITY", "6.3", "0000000010"],
    ["[h2-040]", "RST_STREAM", "6.4", "00000008"],
    ["[h2-040]", "PUSH_PROMISE", "6.6", "0000000282"],
    ["[h2-040]", "CONTINUATION", "6.10", "82"],
  ] as const;
  test.each(onStreams)("%s %s on stream 0 is a connection error", async (_, name, section, payload) => {
    const target = await startWithStream(role);
    const flagBits = name === "HEADERS" || name === "PUSH_PROMISE" ? flags.END_HEADERS : 0;
    target.peer.raw(frameTypes[name], flagBits, 0, payload);
    const message = `${name}: must belong to a stream, got stream 0 (RFC 9113 ${section})`;
    await expectGoAway(target, lastOf(role), "PROTOCOL_ERROR", message, "protocol", `${name}_STREAM_ZERO`);
  });

  const onConnection = [
    ["PING", "RFC 9113 6.7", "0011223344556677"],
    ["GOAWAY", "RFC 9113 6.8", "0000000000000000"],
    ["PRIORITY_UPDATE", "RFC 9218 7.1", "00000001"],
  ] as const;
  test.each(onConnection)("[h2-041] %s on a stream is a connection error", async (name, source, payload) => {
    for (const streamId of [1, 2]) {
      const target = await startWithStream(role);
      target.peer.raw(frameTypes[name], 0, streamId, payload);
      const message = `${name}: must be on stream 0, got stream ${streamId} (${source})`;
      await expectGoAway(target, lastOf(role), "PROTOCOL_ERROR", message, "protocol", `${name}_ON_STREAM`);
    }
  });

  test("[h2-032, h2-053] frames of every type that is not known are ignored, on any stream and of any length", async () => {
    const known: readonly number[] = Object.values(frameTypes);
    const types = Array.from({ length: 256 }, (_, type) => type).filter((type) => !known.includes(type));
    expect(types.length).toBe(245);
    const target = await startWithStream(role);
    target.peer.batch(() => {
      for (const type of types) {
        for (const streamId of [0, 1, 2, 2 ** 31 - 1]) target.peer.raw(type, 0xff, streamId, new Uint8Array(type));
      }
    });
    target.peer.ping();
    await expectFrames(target, ["PING ACK 0011223344556677"]);
  });

  test("[h2-033] within a field block a frame of a type that is not known is a connection error", async () => {
    for (const streamId of [0, 1, 3]) {
      const target = await startWithStream(role);
      const open = role === "server" ? 3 : 1;
      target.peer.headers(open, role === "server" ? get() : status(200), { endHeaders: false });
      target.peer.raw(0x1f, 0, streamId);
      const what = `a field block on stream ${open} must be continued by CONTINUATION, got 0x1f on stream ${streamId}`;
      const message = `${what} (RFC 9113 6.10)`;
      const code = "FIELD_BLOCK_INTERRUPTED";
      await expectGoAway(target, lastOf(role), "PROTOCOL_ERROR", message, "protocol", code);
    }
  });

  test("[h2-034] flags that mean nothing for a type are ignored", async () => {
    const target = await startWithStream(role);
    const { peer } = target;
    peer.raw(frameTypes.SETTINGS, 0xff & ~flags.ACK, 0);
    peer.raw(frameTypes.PING, 0xff & ~flags.ACK, 0, "0011223344556677");
    peer.raw(frameTypes.PING, 0xff, 0, "ffffffffffffffff");
    peer.raw(frameTypes.WINDOW_UPDATE, 0xff, 0, "00000001");
    peer.raw(frameTypes.PRIORITY, 0xff, 1, "0000000010");
    peer.raw(frameTypes.RST_STREAM, 0xff, 1, "00000008");
    await expectFrames(target, ["SETTINGS ACK", "PING ACK 0011223344556677"]);
    peer.raw(frameTypes.GOAWAY, 0xff, 0, "7fffffff00000000");
    await expectClosed(target, [`GOAWAY ${lastOf(role)} NO_ERROR`]);
  });

  test("[h2-035] the reserved bit of a stream identifier is ignored", async () => {
    const target = await startWithStream(role);
    target.peer.raw(frameTypes.PING, 0, 2 ** 31, "0011223344556677");
    target.peer.raw(frameTypes.SETTINGS, 0, 2 ** 31);
    target.peer.raw(frameTypes.WINDOW_UPDATE, 0, 2 ** 31 + 1, "80000001");
    await expectFrames(target, ["PING ACK 0011223344556677", "SETTINGS ACK"]);
    target.peer.raw(frameTypes.RST_STREAM, 0, 2 ** 31 + 1, "00000008");
    await expectQuiet(target);
  });

  test("PRIORITY is taken on streams in any state, opens none and closes none", async () => {
    const target = await startWithStream(role);
    for (const streamId of [1, 2, 3, 4, 7, 2 ** 31 - 1]) target.peer.priority(streamId, { dependency: 5 });
    await expectQuiet(target);
    if (role === "server") {
      target.peer.headers(3, get(), { endStream: true });
      target.peer.rst(1, "CANCEL");
      target.peer.priority(1);
      await expectQuiet(target);
      target.peer.data(5, 1);
      const message = "DATA: not allowed on stream 5, which is idle (RFC 9113 5.1)";
      await expectGoAway(target, 3, "PROTOCOL_ERROR", message, "protocol", "DATA_ON_IDLE_STREAM");
    } else {
      target.peer.headers(1, status(200), { endStream: true });
      target.peer.priority(1);
      await expectQuiet(target);
    }
  });

  test("every PING is answered with its own payload, an answer is not", async () => {
    const target = await start(role);
    target.peer.batch(() => {
      for (const payload of ["0000000000000000", "ffffffffffffffff", "0123456789abcdef"]) {
        target.peer.ping(payload);
        target.peer.pingAck(payload);
      }
    });
    await expectFrames(target, ["PING ACK 0000000000000000", "PING ACK ffffffffffffffff", "PING ACK 0123456789abcdef"]);
  });
});

test("[h2-034] HEADERS, DATA and CONTINUATION with all flags that mean nothing", async () => {
  const server = await serveH2(ok);
  const block = literalBlock(post());
  server.peer.raw(
    frameTypes.HEADERS,
    0xff & ~(flags.END_STREAM | flags.END_HEADERS | flags.PADDED | flags.PRIORITY),
    1,
    block.subarray(0, 9),
  );
  server.peer.raw(frameTypes.CONTINUATION, 0xff, 1, block.subarray(9));
  server.peer.raw(frameTypes.DATA, 0xff & ~flags.PADDED, 1, "78");
  await expectFrames(server, [okText(1), "RST_STREAM 1 NO_ERROR"]);
});

test("[h2-035] a request and its content with the reserved bit set", async () => {
  const server = await serveH2(() => new Promise(() => {}));
  server.peer.raw(frameTypes.HEADERS, flags.END_HEADERS, 2 ** 31 + 1, literalBlock(post()));
  server.peer.raw(frameTypes.DATA, 0, 2 ** 31 + 1, "78");
  server.peer.raw(frameTypes.DATA, flags.END_STREAM, 1, "78");
  await expectQuiet(server);
  server.peer.data(1, 1);
  await expectFrames(server, ["RST_STREAM 1 STREAM_CLOSED"]);
});

test("[h2-035, h2-054] the bit is never sent: the highest stream is 2^31-1", async () => {
  await expect(connectH2({ initialStreamId: 2 ** 31 + 1 })).rejects.toThrow(RangeError);
  const client = await connectH2({ initialStreamId: 2 ** 31 - 1 });
  const sent = send(client, HttpRequest.get("http://a.test/"));
  await expectFrames(client, [`HEADERS 2147483647 END_STREAM ${getText}`]);
  client.peer.headers(2 ** 31 - 1, status(200), { endStream: true });
  await expectSent(client, sent, "200");
});

test("[h2-056] the octets of what a server sends without being asked, and of a small answer", async () => {
  const server = await serveH2(ok);
  server.peer.headers(1, get(), { endStream: true });
  await server.run();
  const octets = server.io.writes.map(toHex);
  const hex = (...frame: Parameters<typeof rawFrame>): string => toHex(rawFrame(...frame));
  expect(octets).toEqual([
    hex(4, 0, 0, "0003 00000080 0004 00040000 0006 00004000 0009 00000001") + hex(8, 0, 0, "000f0001"),
    hex(4, 1, 0),
    // :status 200 is in the static table, and so is the name content-length; "0" is not worth an entry of the table.
    hex(1, 5, 1, "88 0f0d 01 30"),
  ]);
});
