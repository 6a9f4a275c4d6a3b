import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type FormatOptions, formatWireLog } from "./format-wire-log.ts";
import { wireLog } from "./wire-log.ts";

function formatted(lines: Iterable<string>, options?: FormatOptions): string[] {
  return [...formatWireLog(lines, options)];
}

/** One of everything, of a connection that may have a name. */
function everything(connection?: string): string[] {
  const lines: string[] = [];
  let ms = -1;
  const observer = wireLog((line) => lines.push(line), {
    now: () => Math.max(0, ms++),
    ...(connection !== undefined && { connection }),
  });
  const settings = { INITIAL_WINDOW_SIZE: 65_535, "0x77": 1 };
  const headerFlags = ["END_STREAM", "END_HEADERS"];
  observer.frameSent?.({ type: "SETTINGS", streamId: 0, length: 12, flags: [], settings });
  observer.frameReceived?.({ type: "SETTINGS", streamId: 0, length: 0, flags: ["ACK"] });
  observer.frameReceived?.({ type: "HEADERS", streamId: 1, length: 42, flags: headerFlags });
  observer.streamChanged?.(1, "idle", "half-closed (remote)");
  observer.stalled?.(1, "stream window");
  observer.frameReceived?.({ type: "WINDOW_UPDATE", streamId: 1, length: 4, flags: [], increment: 1000 });
  observer.frameSent?.({ type: "PUSH_PROMISE", streamId: 1, length: 9, flags: [], promisedStreamId: 2 });
  observer.frameReceived?.({ type: "PRIORITY_UPDATE", streamId: 0, length: 7, flags: [], prioritizedStreamId: 3 });
  observer.defenceCounted?.("pings", 3);
  observer.pingAnswered?.(0.25);
  observer.frameSent?.({ type: "DATA", streamId: 2_147_483_647, length: 16_777_215, flags: ["END_STREAM"] });
  observer.frameReceived?.({
    type: "GOAWAY",
    streamId: 0,
    length: 8,
    flags: [],
    lastStreamId: 1,
    errorCode: "NO_ERROR",
  });
  observer.connectionClosed?.();
  return lines;
}

describe("formatWireLog", () => {
  test("a timeline: time, direction, frame or event, stream, flags, length, details", () => {
    expect(`\n${formatted(everything()).join("\n")}\n`).toBe(`
      0.000  ->  SETTINGS             0                              12  settings={INITIAL_WINDOW_SIZE=65535 0x77=1}
      1.000  <-  SETTINGS             0  ACK                          0
      2.000  <-  HEADERS              1  END_STREAM,END_HEADERS      42
      3.000      stream               1                                  idle -> half-closed (remote)
      4.000      stall                1                                  by="stream window"
      5.000  <-  WINDOW_UPDATE        1                               4  increment=1000
      6.000  ->  PUSH_PROMISE         1                               9  promisedStreamId=2
      7.000  <-  PRIORITY_UPDATE      0                               7  prioritizedStreamId=3
      8.000      defence                                                 name=pings count=3
      9.000      ping                                                    rtt=0.25
     10.000  ->  DATA             2147483647  END_STREAM              16777215
     11.000  <-  GOAWAY               0                               8  lastStreamId=1 errorCode=NO_ERROR
     12.000      close
`);
  });

  test("names of connections have a column, which widens as they come", () => {
    const lines = [...everything("b7").slice(0, 2), everything("backend-12")[0] ?? "", ...everything("b7").slice(0, 1)];
    expect(formatted(lines).map((line) => line.slice(0, 35))).toEqual(
      [
        "      0.000  b7  ->  SETTINGS       ",
        "      1.000  b7  <-  SETTINGS       ",
        "      0.000  backend-12  ->  SETTINGS",
        "      0.000  b7          ->  SETTINGS",
      ].map((line) => line.padEnd(35).slice(0, 35)),
    );
    const unnamed = formatted(['{"t":1,"c":"a","ev":"close"}', '{"t":2,"ev":"close"}']);
    expect(unnamed).toEqual(["      1.000  a      close", "      2.000         close"]);
  });

  test("only what concerns a stream: what happens on it, promises it, or is about it", () => {
    const kept = (stream: number): string[] =>
      formatted(everything(), { stream }).map((line) => line.slice(13).trim().split(/ {2,}/).slice(0, 2).join(" "));
    expect(kept(1)).toEqual(["<- HEADERS", "stream 1", "stall 1", "<- WINDOW_UPDATE", "-> PUSH_PROMISE"]);
    expect(kept(2)).toEqual(["-> PUSH_PROMISE"]);
    expect(kept(3)).toEqual(["<- PRIORITY_UPDATE"]);
    expect(kept(0)).toEqual(["-> SETTINGS", "<- SETTINGS", "<- PRIORITY_UPDATE", "<- GOAWAY"]);
    expect(kept(5)).toEqual([]);
    expect(formatted(["oops", '{"t":1,"ev":"close"}'], { stream: 5 })).toEqual(["? oops"]);
  });

  test("what cannot be read comes out as it is, behind a mark; empty lines do not", () => {
    const lines = [
      "  not JSON\r\n",
      "",
      "  \n",
      '{"t":1,"ev":"clo',
      "null",
      "7",
      "[1]",
      "{}",
      '{"t":"1","ev":"close"}',
      '{"t":1}',
      '{"ev":"close"}\r',
      '{"t":1,"ev":"close"}\r\n',
    ];
    expect(formatted(lines)).toEqual([
      "?   not JSON",
      '? {"t":1,"ev":"clo',
      "? null",
      "? 7",
      "? [1]",
      "? {}",
      '? {"t":"1","ev":"close"}',
      '? {"t":1}',
      '? {"ev":"close"}',
      "      1.000      close",
    ]);
  });

  test("events and details of other kinds come out with their names", () => {
    const lines = [
      '{"t":1.5,"ev":"later","stream":3,"type":"x","list":[1,"a",null],"deep":{"a":{"b":[{"c":1}]}},"no":null}',
      '{"t":2,"ev":"stream","stream":3,"from":"open","to":"idle","why":"a b"}',
      '{"t":3,"ev":"in","stream":{"x":1}}',
    ];
    expect(formatted(lines).map((line) => line.slice(17))).toEqual([
      'later                3                                  type=x list=1,a,null deep={a={b={"c":1}}} no=null',
      'stream               3                                  open -> idle why="a b"',
      '                 {"x":1}',
    ]);
  });

  test("fields of a head come out with their names", () => {
    const line = '{"t":1,"ev":"response","exchange":2,"status":200,"fields":[["a","1"],["b","x y"]]}';
    expect(formatted([line]).map((text) => text.slice(17))).toEqual([
      'response                                                exchange=2 status=200 fields={a=1 b="x y"}',
    ]);
  });

  test("nothing that a terminal acts upon comes out", () => {
    const raw = formatted(["\u001b[31mred\u0007\u202e\u009b2J", '{"t":1,"ev":"a\\u001b[2J\\u0000\\u200f\\u2028x"}']);
    expect(raw).toEqual([
      "? \\u{1b}[31mred\\u{7}\\u{202e}\\u{9b}2J",
      "      1.000      a\\u{1b}[2J\\u{0}\\u{200f}\\u{2028}x",
    ]);
  });

  test("deep nesting does no harm, nor does one long name push the rest aside", () => {
    const deep = `{"t":1,"ev":"x","a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    expect(formatted([deep])).toEqual([`? ${deep}`]);
    const nested = `{"t":1,"ev":"x","a":${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}}`;
    expect(formatted([nested])).toEqual([`? ${nested}`]);
    const [long, next] = formatted([`{"t":1,"ev":"${"x".repeat(10_000)}"}`, '{"t":1,"ev":"close","a":1}']);
    expect(long?.length).toBeGreaterThan(10_000);
    expect(next?.length).toBeLessThan(120);
  });

  test("any JSON, and any text, gives one line or none", () => {
    const event = fc.record(
      {
        t: fc.oneof(fc.double(), fc.constant(1)),
        ev: fc.oneof(fc.constantFrom("in", "out", "stream", "close"), fc.string({ unit: "binary" })),
        c: fc.jsonValue(),
        stream: fc.jsonValue(),
        flags: fc.jsonValue(),
        length: fc.jsonValue(),
        type: fc.jsonValue(),
        other: fc.jsonValue(),
      },
      { requiredKeys: ["t", "ev"] },
    );
    const line = fc.oneof(
      event.map((value) => JSON.stringify(value)),
      fc.json(),
      fc.string({ unit: "binary" }),
    );
    fc.assert(
      fc.property(line, (text) => {
        const out = formatted([text]);
        expect(out.length).toBe(text.trim() === "" ? 0 : 1);
        expect(out.join("")).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
      }),
      { numRuns: 3000 },
    );
  });

  test("is lazy: a line comes out before the next is asked for", () => {
    const log: string[] = [];
    function* source(): Iterable<string> {
      for (const name of ["a", "b"]) {
        log.push(`read ${name}`);
        yield name;
      }
    }
    for (const line of formatWireLog(source())) log.push(line);
    expect(log).toEqual(["read a", "? a", "read b", "? b"]);
  });
});
