/** The options of `auto.serve`: all of both versions reach the connection, and what makes no sense is said at once. */
import { HttpResponse } from "@sluice/core";
import { fakeTimer, scriptedIo } from "@sluice/util/memory";
import { auto } from "@sluice/util/server";
import { describe, expect, test } from "vitest";
import type { AutoOptions } from "../../src/server/index.ts";
import { get, getH2, ok, serveAuto, settle } from "./support.ts";

const alpn = { secure: true, alpnProtocol: "http/1.1" } as const;

describe("options that make no sense are refused at once, whatever is spoken", () => {
  for (const [options, error, message] of [
    [{ protocol: "http3" }, TypeError, "auto.serve: protocol must be one of auto, http1, http2, got http3"],
    [{ sniffTimeoutMs: -1 }, RangeError, "sniffTimeoutMs: must be a whole number of at least 0, got -1"],
    [{ shutdownTimeoutMs: 1.5 }, RangeError, "shutdownTimeoutMs: must be a whole number of at least 0, got 1.5"],
    [{ maxHeaders: 1 }, TypeError, "auto.serve: unknown option maxHeaders"],
    [
      { http1: { maxHeaders: -1 } },
      RangeError,
      "http1.serve: maxHeaders must be a whole number from 0 to 32768, got -1",
    ],
    [{ http1: { maxFrameBytes: 1 } }, TypeError, "http1.serve: unknown option maxFrameBytes"],
    [
      { http2: { maxFrameBytes: 1 } },
      RangeError,
      "http2.serve: maxFrameBytes must be a whole number from 16384 to 16777215, got 1",
    ],
    [{ http2: { keepAlive: true } }, TypeError, "http2.serve: unknown option keepAlive"],
  ] as const) {
    test(JSON.stringify(options), () => {
      for (const info of [{}, alpn]) {
        const io = scriptedIo([], { timer: fakeTimer(), info });
        const serve = () => auto.serve(io, ok, options as AutoOptions);
        expect(serve).toThrow(error);
        expect(serve).toThrow(message);
        expect(io.isReading).toBe(false);
      }
    });
  }

  test("no timer", () => {
    const io = scriptedIo();
    expect(() => auto.serve(io, ok)).toThrow(
      new TypeError("no timer: pass one in the options, or null to do without any time limit"),
    );
    expect(() => auto.serve(io, ok, { http1: { timer: null } })).toThrow(TypeError);
    expect(io.isReading).toBe(false);
    auto.serve(io, ok, { http1: { timer: null }, http2: { timer: null } });
    expect(io.isReading).toBe(true);
  });
});

describe("[hyper-238] options reach the connection", () => {
  test("of HTTP/1", () => {
    const under = serveAuto({ http1: { keepAlive: false, autoDateHeader: false, titleCaseHeaders: true } });
    under.io.push(get);
    expect(under.io.takeWritten()).toBe("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  });

  test("of HTTP/2", () => {
    const under = serveAuto({ http2: { maxConcurrentStreams: 7 } });
    under.io.push(getH2);
    // SETTINGS_MAX_CONCURRENT_STREAMS, 0x3.
    expect(under.io.takeWritten()).toContain("\0\x03\0\0\0\x07");
  });

  for (const [version, request] of [
    ["HTTP/1", get],
    ["HTTP/2", getH2],
  ] as const) {
    test(`observer and timer, said once, hold for ${version}`, () => {
      const seen: string[] = [];
      const timer = fakeTimer();
      const observer = {
        requestStarted: () => void seen.push("request"),
        bytesRead: (n: number) => void seen.push(`${n}`),
      };
      const under = serveAuto({ observer, timer });
      expect([timer.pending, under.timer.pending]).toEqual([1, 0]);
      under.io.push(request);
      expect(seen).toEqual([`${request.length}`, "request"]);
      expect([timer.pending, under.timer.pending]).toEqual([1, 0]);
    });

    test(`shutdownTimeoutMs, said once, holds for ${version}; what the version says itself comes first`, async () => {
      for (const [options, limitMs] of [
        [{ shutdownTimeoutMs: 70 }, 70],
        [{ shutdownTimeoutMs: 70, http1: { shutdownTimeoutMs: 90 }, http2: { shutdownTimeoutMs: 90 } }, 90],
      ] as const) {
        const under = serveAuto(options, {}, () => new Promise<HttpResponse>(() => {}));
        under.io.push(request);
        under.connection.gracefulShutdown();
        under.timer.advance(limitMs - 1);
        await settle();
        expect(under.outcome.is).toBeUndefined();
        under.timer.advance(1);
        await settle();
        expect(under.outcome.is).toBe("canceled SHUTDOWN");
      }
    });
  }

  test("the same object may be used for any number of connections", () => {
    const options: AutoOptions = { http1: { autoDateHeader: false }, timer: fakeTimer() };
    const heads = [1, 2, 3].map(() => {
      const io = scriptedIo([get]);
      auto.serve(io, { call: () => new HttpResponse(204) }, options);
      return io.writtenText;
    });
    expect(new Set(heads)).toEqual(new Set(["HTTP/1.1 204 No Content\r\n\r\n"]));
  });
});
