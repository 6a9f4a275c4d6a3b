import { describe, expect, test } from "vitest";
import { HttpError } from "../../error.ts";
import { FrameReader } from "../frame/frame-reader.ts";
import { OctetWriter } from "../octet-writer.ts";
import { PING_BANDWIDTH, PING_USER, Pings } from "./pings.ts";

/** What was written, as a reader sees it: the frames' flags and payloads. */
function written(writer: OctetWriter): string[] {
  const reader = new FrameReader(8);
  reader.push(writer.take());
  const seen: string[] = [];
  while (reader.next()) {
    const { flags, bytes, start, end } = reader.frame;
    seen.push(`${flags} ${Buffer.from(bytes.subarray(start, end)).toString("hex")}`);
  }
  return seen;
}

describe("Pings", () => {
  test("[h2-266] one of the program is under way at a time; a second is refused and writes nothing", async () => {
    const writer = new OctetWriter();
    const pings = new Pings(writer);
    const first = pings.measure(100);
    expect(written(writer)).toEqual(["0 736c756963650000"]);
    await expect(pings.measure(110)).rejects.toMatchObject({ kind: "user", code: "PING_PENDING" });
    expect(writer.length).toBe(0);
    expect(pings.complete(PING_USER, 142)).toBe(42);
    expect(await first).toBe(42);
    const third = pings.measure(200);
    expect(written(writer)).toEqual(["0 736c756963650000"]);
    pings.complete(PING_USER, 201);
    expect(await third).toBe(1);
  });

  test("[h2-266] the end of the connection is told to who waits", async () => {
    const pings = new Pings(new OctetWriter());
    const waiting = pings.measure(0);
    const error = new HttpError("closed", "CLOSED", "the connection is closed");
    pings.fail(error);
    await expect(waiting).rejects.toBe(error);
    pings.fail(error);
  });

  test("those of different purposes do not get in each other's way", async () => {
    const writer = new OctetWriter();
    const pings = new Pings(writer);
    pings.send(PING_BANDWIDTH, 0);
    pings.send(PING_BANDWIDTH, 1);
    const waiting = pings.measure(2);
    expect(written(writer)).toEqual(["0 736c756963650003", "0 736c756963650000"]);
    expect(pings.complete(PING_BANDWIDTH, 5)).toBe(5);
    expect([pings.isPending(PING_BANDWIDTH), pings.isPending(PING_USER)]).toEqual([false, true]);
    pings.complete(PING_USER, 5);
    expect(await waiting).toBe(3);
  });
});
