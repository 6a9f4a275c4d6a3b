/**
 * Serving a transport of which something was read before: an `Upgraded` brings those bytes, and is not in the way afterwards.
 */
import { HttpResponse, serviceFn, Upgraded, upgradeOn } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import * as http2 from "@sluice/core/http2";
import { fakeTimer, scriptedIo } from "@sluice/util/memory";
import { expect, test } from "vitest";
import { get, ok, okText } from "./support/server.ts";
import { bytes, plain, settle } from "./support/wire.ts";

const half = get.length / 2;

test("http1: what was read before comes first, whatever it is cut into, and then the transport is read", () => {
  for (const cuts of [[0], [half], [half, half + 3], [get.length]]) {
    const io = scriptedIo([], { timer: fakeTimer() });
    let upgraded: Upgraded | undefined;
    let end = cuts.at(-1) ?? 0;
    for (const start of [...cuts.slice(0, -1).reverse(), 0]) {
      upgraded = new Upgraded(upgraded ?? io, bytes(get.slice(start, end)));
      end = start;
    }
    http1.serve(upgraded as Upgraded, serviceFn(ok), plain);
    const rest = get.slice(cuts.at(-1));
    if (rest !== "") io.push(rest);
    expect(io.takeWritten()).toBe(okText);
    io.push(get);
    expect(io.takeWritten()).toBe(okText);
  }
});

test("http1: whoever upgrades gets the very transport", async () => {
  const io = scriptedIo([], { timer: fakeTimer() });
  let taken: Promise<Upgraded> | undefined;
  const service = serviceFn((request) => {
    taken = upgradeOn(request);
    return new HttpResponse(101, { upgrade: "x" });
  });
  const request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nearly";
  http1.serve(new Upgraded(io, bytes(request)), service, plain);
  await settle();
  const parts = (await taken)?.intoParts();
  expect(parts?.io).toBe(io);
  expect(parts?.readBuffer).toEqual(bytes("early"));
});

test("http1: the observer is told of all that was received", () => {
  const io = scriptedIo([], { timer: fakeTimer() });
  const counts: number[] = [];
  const observer = { bytesRead: (count: number) => void counts.push(count) };
  http1.serve(new Upgraded(io, bytes(get.slice(0, 10))), serviceFn(ok), { ...plain, observer });
  io.push(get.slice(10));
  expect(counts).toEqual([10, get.length - 10]);
});

test("http2: the preface may have been read before", () => {
  const io = scriptedIo([], { timer: fakeTimer() });
  http2.serve(new Upgraded(io, bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")), serviceFn(ok));
  io.takeWritten();
  io.push("\0\0\0\x04\0\0\0\0\0");
  // SETTINGS with ACK.
  expect(io.takeWritten()).toBe("\0\0\0\x04\x01\0\0\0\0");
});
