/** Options of the server: checked at once, each by name; the timer is never missing by accident. */
import { serviceFn } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import { fakeTimer, scriptedIo } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { get, ok, okText } from "../support/server.ts";
import { plain } from "../support/wire.ts";

function serve(options: unknown): () => void {
  return () => {
    http1.serve(scriptedIo([], { timer: fakeTimer() }), serviceFn(ok), options as http1.ServerOptions);
  };
}

const flags = [
  "allowBareLineFeed",
  "allowMultipleSpaces",
  "allowObsoleteFolding",
  "allowRepeatedContentLength",
  "allowSpaceBeforeColon",
  "allowTransferEncodingWithContentLength",
  "allowUtf8Target",
  "allowLooseChunks",
  "ignoreInvalidHeaders",
  "titleCaseHeaders",
  "preserveHeaderCase",
  "halfClose",
  "keepAlive",
  "autoDateHeader",
  "pipelineFlush",
  "abortOnServiceError",
];

/** Each with its smallest and, where it has one, its largest value. */
const numbers: readonly (readonly [string, number, number])[] = [
  ["maxHeaders", 0, 32_768],
  ["maxHeadBytes", 1, Number.POSITIVE_INFINITY],
  ["maxBufferBytes", 8_192, Number.POSITIVE_INFINITY],
  ["maxTrailerBytes", 2, Number.POSITIVE_INFINITY],
  ["maxChunkExtensionBytes", 0, Number.POSITIVE_INFINITY],
  ["maxBodyBytes", 0, Number.POSITIVE_INFINITY],
  ["maxTargetBytes", 1, Number.POSITIVE_INFINITY],
  ["maxDrainBytes", 0, Number.POSITIVE_INFINITY],
  ["maxRequestsPerConnection", 1, Number.POSITIVE_INFINITY],
  ["maxConnectionAgeMs", 0, Number.POSITIVE_INFINITY],
  ["maxConnectionAgeGraceMs", 0, Number.POSITIVE_INFINITY],
  ["headTimeoutMs", 0, Number.POSITIVE_INFINITY],
  ["idleTimeoutMs", 0, Number.POSITIVE_INFINITY],
  ["requestTimeoutMs", 0, Number.POSITIVE_INFINITY],
  ["bodyTimeoutMs", 0, Number.POSITIVE_INFINITY],
  ["writeTimeoutMs", 0, Number.POSITIVE_INFINITY],
  ["lingerTimeoutMs", 0, Number.POSITIVE_INFINITY],
  ["minBodyRate", 0, Number.POSITIVE_INFINITY],
  ["minBodyRateGraceMs", 0, Number.POSITIVE_INFINITY],
];

describe("an option", () => {
  test("that is unknown is refused by name, also one of the other role", () => {
    for (const name of ["maxHeader", "pipelining", "toString", "__proto__x"]) {
      expect(serve({ [name]: 1 })).toThrow(new TypeError(`http1.serve: unknown option ${name}`));
    }
  });

  for (const name of flags) {
    test(`${name} is true or false`, () => {
      expect(serve({ [name]: true })).not.toThrow();
      expect(serve({ [name]: false })).not.toThrow();
      expect(serve({ [name]: undefined })).not.toThrow();
      for (const value of [1, "true", null]) {
        expect(serve({ [name]: value })).toThrow(
          new TypeError(`http1.serve: ${name} must be true or false, got ${value}`),
        );
      }
    });
  }

  for (const [name, min, max] of numbers) {
    test(`${name} is a whole number from ${min} to ${max}`, () => {
      expect(serve({ [name]: min })).not.toThrow();
      expect(serve({ [name]: max })).not.toThrow();
      for (const value of [min - 1, min + 0.5, Number.NaN, ...(max === Number.POSITIVE_INFINITY ? [] : [max + 1])]) {
        const message = `http1.serve: ${name} must be a whole number from ${min} to ${max}, got ${value}`;
        expect(serve({ [name]: value })).toThrow(new RangeError(message));
      }
      expect(serve({ [name]: "1" })).toThrow(new TypeError(`http1.serve: ${name} must be a number, got 1`));
      expect(serve({ [name]: null })).toThrow(new TypeError(`http1.serve: ${name} must be a number, got null`));
    });
  }

  test("writeStrategy is one of three", () => {
    for (const value of ["auto", "flatten", "queue"]) expect(serve({ writeStrategy: value })).not.toThrow();
    const message = "http1.serve: writeStrategy must be one of auto, flatten, queue, got vector";
    expect(serve({ writeStrategy: "vector" })).toThrow(new TypeError(message));
  });

  test("that is wrong leaves the transport alone", () => {
    const io = scriptedIo([get], { timer: fakeTimer() });
    expect(() => http1.serve(io, serviceFn(ok), { maxHeaders: -1 })).toThrow(RangeError);
    expect([io.isReading, io.remaining, io.isAborted, io.writtenText]).toEqual([false, 1, false, ""]);
  });
});

describe("the timer", () => {
  test("is needed: without one there is no connection", () => {
    const io = scriptedIo([get]);
    const message = "no timer: pass one in the options, or null to do without any time limit";
    expect(() => http1.serve(io, serviceFn(ok))).toThrow(new TypeError(message));
    expect(() => http1.serve(io, serviceFn(ok), { headTimeoutMs: 0 })).toThrow(TypeError);
    expect([io.isReading, io.remaining]).toEqual([false, 1]);
  });

  test("may be the transport's, or one of the options', which comes first", () => {
    const own = fakeTimer();
    const other = fakeTimer();
    http1.serve(scriptedIo([], { timer: own }), serviceFn(ok));
    expect([own.pending, other.pending]).toEqual([1, 0]);
    http1.serve(scriptedIo([], { timer: own }), serviceFn(ok), { timer: other });
    expect([own.pending, other.pending]).toEqual([1, 1]);
  });

  test("null switches every time limit off, also where the transport has a clock", () => {
    const timer = fakeTimer();
    const io = scriptedIo([get], { timer });
    http1.serve(io, serviceFn(ok), { ...plain, timer: null, maxConnectionAgeMs: 10 });
    expect(io.takeWritten()).toBe(okText);
    io.push("GET /");
    expect(timer.pending).toBe(0);
  });
});
