import { full } from "@sluice/body";
import { HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { get } from "./support/messages.ts";
import { serveH2 } from "./support/server.ts";

const frame = 9 + 16_384;
const content = new Uint8Array(4 * 1024 * 1024);

/** How many whole DATA frames of 16 KiB each write holds, for a response of 4 MiB. */
async function framesPerWrite(options: object, capacityBytes = Number.POSITIVE_INFINITY): Promise<number[]> {
  const server = await serveH2(() => new HttpResponse(200, {}, full(content)), options, {
    settings: { INITIAL_WINDOW_SIZE: 0x7fff_ffff },
    capacityBytes,
  });
  server.peer.windowUpdate(0, 0x7000_0000);
  server.peer.take();
  const before = server.io.writes.length;
  server.peer.headers(1, get(), { endStream: true });
  for (let i = 0; i < 100; i++) {
    server.io.drain();
    await server.run();
  }
  const counts = server.io.writes.slice(before).map(({ length }) => Math.floor(length / frame));
  expect(counts.reduce((sum, count) => sum + count)).toBe(256);
  return counts;
}

describe("how much is handed to the transport at a time", () => {
  test("64 KiB at first, and twice as much each time all of it was taken at once, up to 1 MiB", async () => {
    expect(await framesPerWrite({})).toEqual([4, 8, 16, 32, 64, 64, 64, 4]);
  });

  test("maxWriteBytes is the most", async () => {
    expect((await framesPerWrite({ maxWriteBytes: 131_072 })).slice(0, 4)).toEqual([4, 8, 8, 8]);
  });

  test("a transport that makes us wait gets 64 KiB", async () => {
    expect(new Set(await framesPerWrite({}, 4096))).toEqual(new Set([4]));
  });
});
