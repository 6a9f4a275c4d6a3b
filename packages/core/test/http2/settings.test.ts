/**
 * SETTINGS of the peer: what is acknowledged, what is ignored and what ends the connection (RFC 9113 sections 6.5,
 * 6.5.2, 6.5.3; RFC 8441 section 3; RFC 9218 section 2.1).
 */
import { HttpRequest } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { connectH2, expectSent, send } from "./support/client.ts";
import { expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { get, getText, status } from "./support/messages.ts";
import { flags, frameTypes } from "./support/names.ts";
import type { SettingEntries } from "./support/peer.ts";
import { lastOf, roles, start, startWithStream } from "./support/roles.ts";
import { ok, okText, serveH2 } from "./support/server.ts";
import { pass } from "./support/under-test.ts";

describe.each(roles)("a %s", (role) => {
  test("[h2-007] acknowledges every SETTINGS frame, empty ones too, in the order of all that it answers", async () => {
    const target = await start(role);
    const { peer } = target;
    peer.batch(() => {
      peer.settings();
      peer.ping("0000000000000001");
      peer.settings({ MAX_CONCURRENT_STREAMS: 1 });
      peer.ping("0000000000000002");
    });
    await expectFrames(target, [
      "SETTINGS ACK",
      "PING ACK 0000000000000001",
      "SETTINGS ACK",
      "PING ACK 0000000000000002",
    ]);
  });

  test("[h2-008] acknowledges each of two frames that share a setting", async () => {
    const target = await start(role);
    target.peer.batch(() => {
      target.peer.settings({ HEADER_TABLE_SIZE: 0 });
      target.peer.settings({ HEADER_TABLE_SIZE: 4096 });
    });
    await expectFrames(target, ["SETTINGS ACK", "SETTINGS ACK"]);
  });

  test("[h2-009] an acknowledgment with a payload is a connection error", async () => {
    const target = await startWithStream(role);
    target.peer.raw(frameTypes.SETTINGS, flags.ACK, 0, "000300000001");
    const message = "SETTINGS: length must be 0 with ACK, got 6 (RFC 9113 6.5)";
    await expectGoAway(target, lastOf(role), "FRAME_SIZE_ERROR", message, "protocol", "SETTINGS_LENGTH");
  });

  test.each([1, 5, 7, 11, 16_384])(
    "[h2-010] a length of %d, no multiple of 6, is a connection error",
    async (length) => {
      const target = await startWithStream(role);
      target.peer.raw(frameTypes.SETTINGS, 0, 0, new Uint8Array(length));
      const message = `SETTINGS: length must be a multiple of 6, got ${length} (RFC 9113 6.5)`;
      await expectGoAway(target, lastOf(role), "FRAME_SIZE_ERROR", message, "protocol", "SETTINGS_LENGTH");
    },
  );

  test.each([
    [1, 0],
    [2, 0],
    [1, flags.ACK],
  ])("[h2-011] on stream %d with flags %d they are a connection error", async (streamId, flagBits) => {
    const target = await startWithStream(role);
    target.peer.raw(frameTypes.SETTINGS, flagBits, streamId);
    const message = `SETTINGS: must be on stream 0, got stream ${streamId} (RFC 9113 6.5)`;
    await expectGoAway(target, lastOf(role), "PROTOCOL_ERROR", message, "protocol", "SETTINGS_ON_STREAM");
  });

  test("[h2-012] an acknowledgment that nobody asked for is a connection error", async () => {
    const target = await startWithStream(role);
    target.peer.settingsAck();
    const message = "SETTINGS: an acknowledgment must answer SETTINGS of ours, got one too many (RFC 9113 6.5.3)";
    await expectGoAway(target, lastOf(role), "PROTOCOL_ERROR", message, "protocol", "SETTINGS_ACK_UNEXPECTED");
  });

  const range = "must be from 16384 to 16777215";
  const wrong: readonly (readonly [
    id: string,
    SettingEntries,
    string,
    code: "PROTOCOL_ERROR" | "FLOW_CONTROL_ERROR",
  ])[] = [
    ["[h2-013]", { ENABLE_PUSH: 2 }, "ENABLE_PUSH must be 0 or 1, got 2 (RFC 9113 6.5.2)", "PROTOCOL_ERROR"],
    [
      "[h2-014]",
      { INITIAL_WINDOW_SIZE: 2 ** 31 },
      "INITIAL_WINDOW_SIZE must be at most 2^31-1, got 2147483648 (RFC 9113 6.5.2)",
      "FLOW_CONTROL_ERROR",
    ],
    [
      "[h2-014]",
      { INITIAL_WINDOW_SIZE: 2 ** 32 - 1 },
      "INITIAL_WINDOW_SIZE must be at most 2^31-1, got 4294967295 (RFC 9113 6.5.2)",
      "FLOW_CONTROL_ERROR",
    ],
    ["[h2-015]", { MAX_FRAME_SIZE: 16_383 }, `MAX_FRAME_SIZE ${range}, got 16383 (RFC 9113 6.5.2)`, "PROTOCOL_ERROR"],
    [
      "[h2-015]",
      { MAX_FRAME_SIZE: 2 ** 24 },
      `MAX_FRAME_SIZE ${range}, got 16777216 (RFC 9113 6.5.2)`,
      "PROTOCOL_ERROR",
    ],
    ["[h2-016]", { MAX_FRAME_SIZE: 0 }, `MAX_FRAME_SIZE ${range}, got 0 (RFC 9113 6.5.2)`, "PROTOCOL_ERROR"],
    [
      "[h2-023]",
      { ENABLE_CONNECT_PROTOCOL: 2 },
      "ENABLE_CONNECT_PROTOCOL must be 0 or 1, got 2 (RFC 8441 3)",
      "PROTOCOL_ERROR",
    ],
    [
      "[h2-024]",
      { NO_RFC7540_PRIORITIES: 2 },
      "NO_RFC7540_PRIORITIES must be 0 or 1, got 2 (RFC 9218 2.1)",
      "PROTOCOL_ERROR",
    ],
  ];
  for (const [id, entries, message, code] of wrong) {
    const [[name] = []] = Object.entries(entries);
    for (const when of ["first", "later"] as const) {
      test(`${id} ${JSON.stringify(entries)} in its ${when} SETTINGS is a connection error`, async () => {
        const target = when === "later" ? await startWithStream(role) : await start(role, {}, { handshake: false });
        if (when === "first") {
          await target.run();
          target.peer.take();
          if (role === "server") target.peer.preface();
        }
        target.peer.settings(entries);
        const last = when === "later" ? lastOf(role) : 0;
        await expectGoAway(target, last, code, `SETTINGS: ${message}`, "protocol", `SETTINGS_${name}`);
      });
    }
  }

  test("values at their limits are taken", async () => {
    const target = await start(role);
    target.peer.settings([
      ["INITIAL_WINDOW_SIZE", 2 ** 31 - 1],
      ["INITIAL_WINDOW_SIZE", 0],
      ["MAX_FRAME_SIZE", 16_384],
      ["MAX_FRAME_SIZE", 2 ** 24 - 1],
      ["HEADER_TABLE_SIZE", 2 ** 32 - 1],
      ["HEADER_TABLE_SIZE", 0],
      ["MAX_CONCURRENT_STREAMS", 2 ** 32 - 1],
      ["MAX_CONCURRENT_STREAMS", 0],
      ["MAX_HEADER_LIST_SIZE", 2 ** 32 - 1],
      ["MAX_HEADER_LIST_SIZE", 0],
      ["ENABLE_PUSH", 0],
      ["ENABLE_CONNECT_PROTOCOL", 0],
      ["ENABLE_CONNECT_PROTOCOL", 1],
      ["NO_RFC7540_PRIORITIES", 1],
    ]);
    await expectFrames(target, ["SETTINGS ACK"]);
  });

  test("[h2-017] settings that are not known are ignored, whatever their value, and acknowledged", async () => {
    const target = await start(role);
    target.peer.settings([
      [0x0, 1],
      [0x7, 2 ** 32 - 1],
      [0xa, 1],
      [0xff, 0],
      [0xffff, 2 ** 32 - 1],
    ]);
    await expectFrames(target, ["SETTINGS ACK"]);
  });

  test("[h2-019] 32 entries in a frame are taken, 33 end the connection, known or not", async () => {
    const target = await startWithStream(role);
    const entries = (count: number) => Array.from({ length: count }, () => [0xff, 1] as const);
    target.peer.settings(entries(32));
    await expectFrames(target, ["SETTINGS ACK"]);
    target.peer.settings(entries(33));
    const message = "SETTINGS: at most 32 entries are accepted in a frame, got 33";
    await expectGoAway(target, lastOf(role), "ENHANCE_YOUR_CALM", message, "limit", "TOO_MANY_SETTINGS");
  });

  test("nothing of a frame that is wrong is acknowledged, nor of what comes behind it", async () => {
    const target = await start(role);
    target.peer.batch(() => {
      target.peer.settings([
        ["INITIAL_WINDOW_SIZE", 1],
        ["ENABLE_PUSH", 2],
      ]);
      target.peer.settings();
      target.peer.ping();
    });
    await expectGoAway(target, 0, "PROTOCOL_ERROR", "SETTINGS: ENABLE_PUSH", "protocol", "SETTINGS_ENABLE_PUSH");
  });

  test("[h2-029] SETTINGS within a field block are a connection error", async () => {
    const target = await startWithStream(role);
    const streamId = role === "server" ? 3 : 1;
    target.peer.headers(streamId, role === "server" ? get() : status(200), { endHeaders: false });
    await expectQuiet(target);
    target.peer.settings();
    const message = `a field block on stream ${streamId} must be continued by CONTINUATION, got SETTINGS on stream 0`;
    const code = "FIELD_BLOCK_INTERRUPTED";
    await expectGoAway(target, lastOf(role), "PROTOCOL_ERROR", `${message} (RFC 9113 6.10)`, "protocol", code);
  });

  test("waits for the acknowledgment of its own SETTINGS so long and no longer", async () => {
    const target = await start(role, {}, { handshake: false });
    target.peer.batch(() => {
      if (role === "server") target.peer.preface();
      target.peer.settings();
    });
    await target.run();
    target.peer.take();
    await pass(target, 9_999);
    await expectQuiet(target);
    await pass(target, 1);
    const message = "our SETTINGS were not acknowledged within settingsTimeoutMs = 10000 ms";
    await expectGoAway(target, 0, "SETTINGS_TIMEOUT", message, "timeout", "settingsTimeoutMs");
  });

  test("once acknowledged they are waited for no more", async () => {
    const target = await start(role, { idleTimeoutMs: 0 });
    await pass(target, 1_000_000);
    await expectQuiet(target);
  });
});

describe("ENABLE_PUSH", () => {
  test("[h2-013] of 1 from a server is a connection error", async () => {
    const client = await connectH2();
    client.peer.settings({ ENABLE_PUSH: 1 });
    const message = "SETTINGS: ENABLE_PUSH must be 0 from a server, got 1 (RFC 9113 6.5.2)";
    await expectGoAway(client, 0, "PROTOCOL_ERROR", message, "protocol", "SETTINGS_ENABLE_PUSH");
  });

  test("[h2-013] of 0 from a server, and either from a client, is taken", async () => {
    const client = await connectH2();
    client.peer.settings({ ENABLE_PUSH: 0 });
    await expectFrames(client, ["SETTINGS ACK"]);
    const server = await serveH2(ok);
    server.peer.settings([
      ["ENABLE_PUSH", 1],
      ["ENABLE_PUSH", 0],
    ]);
    await expectFrames(server, ["SETTINGS ACK"]);
  });

  test("a server does not send it, a client sends 0", async () => {
    const server = await serveH2(ok, {}, { handshake: false });
    const client = await connectH2({}, { handshake: false });
    const entries = [server, client].map(({ peer }) =>
      peer.takeFrames().flatMap((frame) => (frame.type === "SETTINGS" ? frame.entries.map(String) : [])),
    );
    expect(entries[0]?.filter((entry) => entry.startsWith("ENABLE_PUSH"))).toEqual([]);
    expect(entries[1]?.filter((entry) => entry.startsWith("ENABLE_PUSH"))).toEqual(["ENABLE_PUSH,0"]);
  });
});

test("[h2-016] a MAX_FRAME_SIZE of 0 while a request waits to be written ends it, and nothing loops", async () => {
  const client = await connectH2({}, { settings: { MAX_CONCURRENT_STREAMS: 1 } });
  const first = send(client, HttpRequest.get("http://a.test/"));
  const second = send(client, HttpRequest.get("http://a.test/", { "x-long": "v".repeat(20_000) }));
  await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
  client.peer.settings([
    ["MAX_CONCURRENT_STREAMS", 2],
    ["MAX_FRAME_SIZE", 0],
  ]);
  await expectGoAway(client, 0, "PROTOCOL_ERROR", "SETTINGS: MAX_FRAME_SIZE", "protocol", "SETTINGS_MAX_FRAME_SIZE");
  await expectSent(client, first, "protocol SETTINGS_MAX_FRAME_SIZE PROTOCOL_ERROR");
  await expectSent(client, second, "canceled UNSENT");
  expect(second.error?.cause).toBe(first.error);
});

test("what the peer may not take back is a connection error: ENABLE_CONNECT_PROTOCOL, NO_RFC7540_PRIORITIES", async () => {
  for (const [name, source] of [
    ["ENABLE_CONNECT_PROTOCOL", "RFC 8441 3"],
    ["NO_RFC7540_PRIORITIES", "RFC 9218 2.1"],
  ] as const) {
    const client = await connectH2({}, { settings: { [name]: 1 } });
    client.peer.settings({ [name]: 1 });
    await expectFrames(client, ["SETTINGS ACK"]);
    client.peer.settings({ [name]: 0 });
    const message = `SETTINGS: ${name} must not be changed once it was sent (${source})`;
    await expectGoAway(client, 0, "PROTOCOL_ERROR", message, "protocol", `SETTINGS_${name}_CHANGED`);
  }
});

test("a server goes on while it waits for the acknowledgment", async () => {
  const server = await serveH2(ok, {}, { handshake: false });
  server.peer.batch(() => {
    server.peer.preface();
    server.peer.settings();
  });
  await server.run();
  server.peer.take();
  server.peer.headers(1, get(), { endStream: true });
  await expectFrames(server, [okText(1)]);
});
