/**
 * What a connection under attack holds in memory, measured: many connections are attacked in the same way, and what
 * they hold together must be below a bound that their limits promise. The attackers keep nothing of what they send.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { BaseBody, type Frame } from "@sluice/body";
import { type Connection, type HttpRequest, HttpResponse, type Io, type ReadDone, serviceFn } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { fakeTimer } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { streamId } from "../support/attack.ts";
import { rawFrame } from "../support/frames.ts";
import { get, literalBlock, post } from "../support/messages.ts";
import { flags, frameTypes, preface } from "../support/names.ts";
import { ascii, hex, joined } from "../support/octets.ts";
import { plain } from "../support/server.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const kib = 1024;
const mib = 1024 * kib;

/** A transport that keeps nothing: chunks are handed over when they are asked for, what is written is counted. */
class Pipe implements Io {
  writtenBytes = 0;
  /** Bytes that are taken before the transport says that it holds enough. */
  capacityBytes = Number.POSITIVE_INFINITY;
  #reader: ReadDone | undefined;

  /** Hands a chunk over; false if it is not wanted now. */
  push(chunk: Uint8Array): boolean {
    const reader = this.#reader;
    if (reader === undefined) return false;
    this.#reader = undefined;
    reader(chunk);
    return true;
  }

  read(done: ReadDone): void {
    this.#reader = done;
  }

  write(chunks: readonly Uint8Array[]): boolean {
    for (const chunk of chunks) this.writtenBytes += chunk.length;
    return this.writtenBytes < this.capacityBytes;
  }

  drained(): void {}

  shutdown(): void {}

  abort(): void {
    this.#reader = undefined;
  }
}

interface Target {
  readonly io: Pipe;
  readonly connection: Connection;
}

type Call = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

/** Connections of each test. One alone drowns in what else happens in the process. */
const connections = 8;

function serve(call: Call, options: http2.ServerOptions): Target {
  const io = new Pipe();
  const connection = http2.serve(io, serviceFn(call), { ...plain, timer: fakeTimer(), ...options });
  io.push(joined([ascii(preface), rawFrame(frameTypes.SETTINGS, 0, 0)]));
  io.push(rawFrame(frameTypes.SETTINGS, flags.ACK, 0));
  return { io, connection };
}

async function heldBytes(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** What a connection holds more after the attack than before it. */
async function heldPerConnection(
  call: Call,
  attack: (target: Target) => void,
  options: http2.ServerOptions = {},
): Promise<number> {
  const targets = Array.from({ length: connections }, () => serve(call, options));
  // Tables and code that are made once are none of it.
  attack(serve(call, options));
  const before = await heldBytes();
  for (const target of targets) attack(target);
  const after = await heldBytes();
  for (const { connection } of targets) connection.abort();
  return (after - before) / connections;
}

const blocked: Call = () => new Promise(() => {});

/** A chunk as a socket gives it: memory of its own. */
function chunkOf(...frames: readonly Uint8Array[]): Uint8Array {
  return joined(frames);
}

function headers(id: number, block: Uint8Array, endStream = false): Uint8Array {
  const flagBits = flags.END_HEADERS | (endStream ? flags.END_STREAM : 0);
  return rawFrame(frameTypes.HEADERS, flagBits, id, block);
}

function data(id: number, octets: number): Uint8Array {
  return rawFrame(frameTypes.DATA, 0, id, new Uint8Array(octets));
}

function rst(id: number): Uint8Array {
  return rawFrame(frameTypes.RST_STREAM, 0, id, "00000008");
}

const getBlock = literalBlock(get());
const postBlock = literalBlock(post());

describe("what nobody reads", () => {
  test("RUSTSEC-2026-0258: a window of 1 MiB full of frames of one octet holds less than 3 MiB", async () => {
    const held = await heldPerConnection(blocked, ({ io }) => {
      for (let index = 0; index < 4; index++) {
        io.push(headers(streamId(index), postBlock));
        const frames = chunkOf(...Array.from({ length: 1024 }, () => data(streamId(index), 1)));
        for (let done = 0; done < 256 * kib; done += 1024) io.push(frames.slice());
      }
    });
    expect(held).toBeGreaterThan(0.9 * mib);
    expect(held).toBeLessThan(3 * mib);
  }, 120_000);

  test("frames of 4 KiB, each in a chunk of 64 KiB of which the rest is of no use: less than 5 MiB", async () => {
    // The rest is a frame that is ignored; chunks are not kept for a sixteenth of them.
    const filler = [0, 1, 2].map(() => rawFrame(0xfa, 0, 0, new Uint8Array(16_000)));
    const held = await heldPerConnection(blocked, ({ io }) => {
      for (let index = 0; index < 4; index++) {
        io.push(headers(streamId(index), postBlock));
        for (let frame = 0; frame < 64; frame++) {
          io.push(chunkOf(data(streamId(index), 4096), ...filler, rawFrame(0xfa, 0, 0, new Uint8Array(12_000))));
        }
      }
    });
    expect(held).toBeGreaterThan(0.9 * mib);
    expect(held).toBeLessThan(5 * mib);
  }, 120_000);

  test("what comes on streams that are reset while their requests wait to be served is not kept", async () => {
    const held = await heldPerConnection(blocked, ({ io }) => {
      // 128 requests are served, with nothing to read; each of the 512 that wait was sent 64 KiB.
      for (let index = 0; index < 128; index++) io.push(headers(streamId(index), getBlock, true));
      for (let index = 0; index < 128; index++) io.push(rst(streamId(index)));
      for (let index = 128; index < 640; index++) {
        io.push(headers(streamId(index), postBlock));
        for (let part = 0; part < 4; part++) io.push(data(streamId(index), 16 * kib));
        io.push(rst(streamId(index)));
      }
    });
    expect(held).toBeLessThan(4 * mib);
  }, 120_000);

  test("streams that are served and reset hold nothing of what was received of them", async () => {
    const kept: HttpRequest[] = [];
    const keep: Call = (request) => {
      kept.push(request);
      return new Promise(() => {});
    };
    const held = await heldPerConnection(keep, ({ io }) => {
      for (let index = 0; index < 600; index++) {
        io.push(headers(streamId(index), postBlock));
        for (let part = 0; part < 4; part++) io.push(data(streamId(index), 16 * kib));
        io.push(rst(streamId(index)));
      }
    });
    expect(kept).toHaveLength(128 * (connections + 1));
    expect(held).toBeLessThan(2 * mib);
  }, 120_000);
});

describe("what is over", () => {
  test("[h2-247] CVE-2023-44487: 20,000 streams opened and reset leave less than 100 KiB", async () => {
    const held = await heldPerConnection(
      async ({ signal }) => {
        await new Promise<void>((resolve) =>
          signal.aborted ? resolve() : signal.addEventListener("abort", () => resolve()),
        );
        return new HttpResponse(200);
      },
      ({ io }) => {
        for (let done = 0; done < 20_000; done += 100) {
          io.push(
            chunkOf(
              ...Array.from({ length: 100 }, (_, i) =>
                chunkOf(headers(streamId(done + i), getBlock, true), rst(streamId(done + i))),
              ),
            ),
          );
        }
      },
      { resetsBurst: 1e9, maxWaitingRequests: 1e9 },
    );
    expect(held).toBeLessThan(100 * kib);
  }, 120_000);

  test("20,000 requests that are refused leave less than 250 KiB", async () => {
    const held = await heldPerConnection(
      blocked,
      ({ io }) => {
        for (let done = 0; done < 20_000; done += 100) {
          io.push(chunkOf(...Array.from({ length: 100 }, (_, i) => headers(streamId(done + i), getBlock, true))));
        }
      },
      { refusalsBurst: 1e9, maxConcurrentStreams: 0 },
    );
    expect(held).toBeLessThan(250 * kib);
  }, 120_000);

  test("CVE-2026-21714: nothing is left of connections that were ended by an error", async () => {
    const held = await heldPerConnection(blocked, ({ io }) => {
      for (let index = 0; index < 4; index++) {
        io.push(headers(streamId(index), postBlock));
        for (let part = 0; part < 15; part++) io.push(data(streamId(index), 16 * kib));
      }
      io.push(rawFrame(frameTypes.WINDOW_UPDATE, 0, 0, "7fffffff"));
    });
    expect(held).toBeLessThan(200 * kib);
  }, 120_000);
});

describe("what is small on the wire", () => {
  test("CVE-2019-9516: 128 requests with as many fields as are let pass hold less than 6 MiB", async () => {
    const fields = Array.from(
      { length: 128 },
      (_, index) => [`name-of-a-field-${index}`, `value-${index}-${"v".repeat(60)}`] as const,
    );
    const block = literalBlock(get("/", ...fields));
    const held = await heldPerConnection(blocked, ({ io }) => {
      for (let index = 0; index < 128; index++) io.push(headers(streamId(index), block, true));
    });
    expect(held).toBeLessThan(6 * mib);
  }, 120_000);

  test("CVE-2016-6581: what is beyond the limit of a header list is not kept, and the table stays within 4 KiB and what it costs", async () => {
    const large = joined([hex("4001787fa11e"), new Uint8Array(4000).fill(0x76)]);
    const bomb = joined([getBlock, large, new Uint8Array(14).fill(0xbe)]);
    const held = await heldPerConnection(blocked, ({ io }) => {
      for (let index = 0; index < 1000; index++) io.push(headers(streamId(index), bomb, true));
    });
    expect(held).toBeLessThan(200 * kib);
  }, 120_000);

  test("CVE-2024-27316: a field block that is never completed holds less than 150 KiB", async () => {
    const held = await heldPerConnection(blocked, ({ io }) => {
      io.push(rawFrame(frameTypes.HEADERS, 0, 1, joined([getBlock, hex("0001617f80f003"), new Uint8Array(16_000)])));
      for (let part = 0; part < 2; part++) io.push(rawFrame(frameTypes.CONTINUATION, 0, 1, new Uint8Array(16_384)));
    });
    expect(held).toBeLessThan(150 * kib);
  }, 120_000);
});

describe("CVE-2019-9517 what cannot be sent", () => {
  class Endless extends BaseBody {
    override frame(): Frame {
      return new Uint8Array(16 * kib);
    }

    override cancel(): void {}
  }

  const wideOpen = chunkOf(
    rawFrame(frameTypes.SETTINGS, 0, 0, "00047fffffff"),
    rawFrame(frameTypes.WINDOW_UPDATE, 0, 0, "7fff0000"),
  );

  test("CVE-2019-9517: 128 responses without end hold a frame each, and the output: less than 3 MiB", async () => {
    const held = await heldPerConnection(
      () => new HttpResponse(200, {}, new Endless()),
      ({ io }) => {
        io.capacityBytes = 0;
        io.push(wideOpen);
        for (let index = 0; index < 128; index++) io.push(headers(streamId(index), getBlock, true));
      },
    );
    expect(held).toBeLessThan(3 * mib);
  }, 120_000);

  test("[h2-354] CVE-2019-9512: PING without end holds 64 KiB of answers and the chunk they came in: less than 300 KiB", async () => {
    const held = await heldPerConnection(blocked, ({ io }) => {
      io.capacityBytes = 0;
      const pings = chunkOf(...Array.from({ length: 1000 }, () => rawFrame(frameTypes.PING, 0, 0, "0011223344556677")));
      for (let done = 0; done < 1000 && io.push(pings.slice()); done++);
      expect(io.push(pings)).toBe(false);
    });
    expect(held).toBeLessThan(300 * kib);
  }, 120_000);
});
