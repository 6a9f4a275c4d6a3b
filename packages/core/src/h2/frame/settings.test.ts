import { describe, expect, test } from "vitest";
import { withFrame, written } from "../../../test/http2/support/frames.ts";
import { errorOf } from "../../../test/http2/support/hpack.ts";
import { toHex } from "../../../test/http2/support/octets.ts";
import { PeerSettings } from "./peer-settings.ts";
import { decodeSettings, writeSettings, writeSettingsAck } from "./settings.ts";

type Entry = readonly [id: number, value: number];

function received(entries: readonly Entry[], fromServer = false): Entry[] {
  const seen: Entry[] = [];
  const octets = written((writer) => writeSettings(writer, entries));
  withFrame(octets, (frame) => decodeSettings(frame, fromServer, { setting: (id, value) => seen.push([id, value]) }));
  return seen;
}

function refused(entry: Entry, fromServer = false): ReturnType<typeof errorOf> {
  return errorOf(() => received([entry], fromServer));
}

const protocol = 1;
const flowControl = 3;

describe("SETTINGS", () => {
  test("what is written is known octet by octet", () => {
    expect(
      toHex(
        written((writer) =>
          writeSettings(writer, [
            [1, 4096],
            [0x9, 1],
          ]),
        ),
      ),
    ).toBe("00000c040000000000" + "000100001000" + "000900000001");
    expect(toHex(written(writeSettingsAck))).toBe("000000040100000000");
  });

  test("[h2-013] ENABLE_PUSH must be 0 or 1, and 0 from a server", () => {
    expect(refused([2, 2])).toEqual({
      stream: 0,
      reason: protocol,
      code: "SETTINGS_ENABLE_PUSH",
      message: "SETTINGS: ENABLE_PUSH must be 0 or 1, got 2 (RFC 9113 6.5.2)",
    });
    expect(refused([2, 1], true)).toEqual({
      stream: 0,
      reason: protocol,
      code: "SETTINGS_ENABLE_PUSH",
      message: "SETTINGS: ENABLE_PUSH must be 0 from a server, got 1 (RFC 9113 6.5.2)",
    });
    expect(received([[2, 0]], true)).toHaveLength(1);
    expect(
      received([
        [2, 0],
        [2, 1],
      ]),
    ).toHaveLength(2);
  });

  test("[h2-014] INITIAL_WINDOW_SIZE above 2^31-1 is FLOW_CONTROL_ERROR", () => {
    expect(refused([4, 0x8000_0000])).toEqual({
      stream: 0,
      reason: flowControl,
      code: "SETTINGS_INITIAL_WINDOW_SIZE",
      message: "SETTINGS: INITIAL_WINDOW_SIZE must be at most 2^31-1, got 2147483648 (RFC 9113 6.5.2)",
    });
    expect(
      received([
        [4, 0x7fff_ffff],
        [4, 0],
      ]),
    ).toHaveLength(2);
  });

  test("[h2-015] MAX_FRAME_SIZE must be from 2^14 to 2^24-1", () => {
    for (const value of [0, 16_383, 0x100_0000, 0xffff_ffff]) {
      expect(refused([5, value])).toEqual({
        stream: 0,
        reason: protocol,
        code: "SETTINGS_MAX_FRAME_SIZE",
        message: `SETTINGS: MAX_FRAME_SIZE must be from 16384 to 16777215, got ${value} (RFC 9113 6.5.2)`,
      });
    }
    expect(
      received([
        [5, 16_384],
        [5, 0xff_ffff],
      ]),
    ).toHaveLength(2);
  });

  test("[h2-023] ENABLE_CONNECT_PROTOCOL must be 0 or 1", () => {
    expect(refused([8, 2])).toMatchObject({
      reason: protocol,
      message: "SETTINGS: ENABLE_CONNECT_PROTOCOL must be 0 or 1, got 2 (RFC 8441 3)",
    });
  });

  test("[h2-024] NO_RFC7540_PRIORITIES must be 0 or 1", () => {
    expect(refused([9, 2])).toMatchObject({
      reason: protocol,
      message: "SETTINGS: NO_RFC7540_PRIORITIES must be 0 or 1, got 2 (RFC 9218 2.1)",
    });
  });

  test("[h2-017] unknown settings are skipped, whatever their value", () => {
    expect(
      received([
        [0, 1],
        [7, 0xffff_ffff],
        [0xa, 2],
        [0xffff, 3],
        [3, 100],
      ]),
    ).toEqual([[3, 100]]);
  });

  test("[h2-018] the same setting twice comes out twice, in order", () => {
    expect(
      received([
        [4, 1],
        [3, 2],
        [4, 5],
      ]),
    ).toEqual([
      [4, 1],
      [3, 2],
      [4, 5],
    ]);
  });

  test("[h2-019] 32 entries are taken, 33 are ENHANCE_YOUR_CALM, unknown ones counting", () => {
    const entries = (count: number): Entry[] => Array.from({ length: count }, (): Entry => [0xff, 0]);
    expect(received(entries(32))).toEqual([]);
    expect(errorOf(() => received(entries(33)))).toEqual({
      stream: 0,
      reason: 11,
      code: "TOO_MANY_SETTINGS",
      message: "SETTINGS: at most 32 entries are accepted in a frame, got 33",
    });
  });
});

describe("PeerSettings", () => {
  test("starts with the defaults of RFC 9113 6.5.2", () => {
    expect({ ...new PeerSettings() }).toEqual({
      headerTableBytes: 4096,
      enablePush: true,
      maxConcurrentStreams: Number.POSITIVE_INFINITY,
      initialWindowBytes: 65_535,
      maxFrameSize: 16_384,
      maxHeaderListBytes: Number.POSITIVE_INFINITY,
      enableConnectProtocol: false,
      noRfc7540Priorities: undefined,
    });
  });

  test("keeps what was sent last", () => {
    const settings = new PeerSettings();
    const sent: Entry[] = [
      [1, 1],
      [2, 0],
      [3, 0],
      [4, 9],
      [4, 4],
      [5, 20_000],
      [6, 6],
      [8, 1],
      [9, 1],
    ];
    for (const [id, value] of sent) settings.setting(id, value);
    expect({ ...settings }).toEqual({
      headerTableBytes: 1,
      enablePush: false,
      maxConcurrentStreams: 0,
      initialWindowBytes: 4,
      maxFrameSize: 20_000,
      maxHeaderListBytes: 6,
      enableConnectProtocol: true,
      noRfc7540Priorities: true,
    });
  });

  test("two of them cannot be taken back", () => {
    const settings = new PeerSettings();
    for (const id of [8, 9]) {
      settings.setting(id, 1);
      settings.setting(id, 1);
    }
    expect(errorOf(() => settings.setting(8, 0)).message).toBe(
      "SETTINGS: ENABLE_CONNECT_PROTOCOL must not be changed once it was sent (RFC 8441 3)",
    );
    expect(errorOf(() => settings.setting(9, 0)).code).toBe("SETTINGS_NO_RFC7540_PRIORITIES_CHANGED");
  });
});
