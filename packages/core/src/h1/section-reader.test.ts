import { describe, expect, test } from "vitest";
import { byteByByte, strict } from "../../test/support/decode.ts";
import { bytes, latin1 } from "../../test/support/wire.ts";
import { ReadBuffer } from "../bytes/read-buffer.ts";
import { HttpError } from "../error.ts";
import type { KnownName } from "./field-roles.ts";
import type { Leniency } from "./leniency.ts";
import { type LeadingEmptyLine, SectionReader } from "./section-reader.ts";

/** Writes down the lines and fields it is given; the first line is a start line where the section has one. */
class Recorder extends SectionReader {
  readonly seen: string[] = [];
  #startLine: boolean;

  constructor(leniency: Partial<Leniency>, maxBytes: number, leading: LeadingEmptyLine) {
    super({ ...strict, ...leniency }, maxBytes, leading);
    this.#startLine = leading !== "end";
  }

  protected override line(text: string, start: number, end: number): void {
    if (this.#startLine) this.seen.push(text.slice(start, end));
    else this.fieldLine(text, start, end);
    this.#startLine = false;
  }

  protected override field(field: KnownName, value: string, spelling: string): void {
    this.seen.push(`${spelling === field.name ? "" : `${spelling}/`}${field.name}=${value}`);
  }

  protected override tooLarge(maxBytes: number): HttpError {
    return new HttpError("limit", "TOO_LARGE", `more than ${maxBytes}`);
  }
}

interface Reading {
  readonly seen: readonly string[];
  /** `true`: complete; `false`: needs more; else the code of the error. */
  readonly outcome: boolean | string;
  readonly rest: string;
}

interface Setup {
  readonly leniency?: Partial<Leniency>;
  readonly maxBytes?: number;
  readonly leading?: LeadingEmptyLine;
}

function read(pieces: readonly string[], { leniency = {}, maxBytes = 10_000, leading = "skip" }: Setup = {}): Reading {
  const reader = new Recorder(leniency, maxBytes, leading);
  const buffer = new ReadBuffer();
  let outcome: boolean | string = false;
  let fed = 0;
  try {
    for (const piece of pieces) {
      buffer.push(bytes(piece));
      fed++;
      if ((outcome = reader.read(buffer))) break;
    }
  } catch (error) {
    if (!HttpError.is(error)) throw error;
    outcome = error.code;
  }
  const rest = latin1(buffer.bytes.subarray(buffer.start, buffer.end)) + pieces.slice(fed).join("");
  return { seen: reader.seen, outcome, rest };
}

const bareLineFeed = { leniency: { allowBareLineFeed: true } };

describe("sections", () => {
  test("lines up to the empty one; what follows is left alone", () => {
    expect(read(["START x\r\nA: 1\r\nb:2\r\n\r\nrest"])).toEqual({
      seen: ["START x", "A/a=1", "b=2"],
      outcome: true,
      rest: "rest",
    });
  });

  test("[hyper-017] a lone LF and then CRLF end a section where bare LF is allowed, and are refused otherwise", () => {
    expect(read(["S\na: b\n\r\nrest"], bareLineFeed)).toEqual({ seen: ["S", "a=b"], outcome: true, rest: "rest" });
    expect(read(["S\r\na: b\r\n\n"], bareLineFeed).outcome).toBe(true);
    expect(read(["S\na: b\n\r\n"]).outcome).toBe("BARE_LF");
    expect(read(["S\r\na: b\r\n\n"]).outcome).toBe("BARE_LF");
  });

  const heads = ["START x\r\nA: 1\r\nb: 2\r\n\r\n", "S\na: 1\nb: 2\n\n", "S\na: 1\r\n\n", "S\r\na: 1\n\r\n"];

  test.each(heads)("[hyper-018] %j cut at every place and byte by byte is complete with its last byte", (head) => {
    const whole = read([`${head}rest`], bareLineFeed);
    expect(whole).toMatchObject({ outcome: true, rest: "rest" });
    for (let at = 1; at < head.length; at++) {
      expect(read([head.slice(0, at), `${head.slice(at)}rest`], bareLineFeed)).toEqual(whole);
    }
    expect(read([...byteByByte(head), "rest"], bareLineFeed)).toEqual(whole);
  });

  test.each(heads)("[hyper-022] %j without its last byte is not complete, however it is cut", (head) => {
    const partial = head.slice(0, -1);
    for (let at = 1; at < partial.length; at++) {
      expect(read([partial.slice(0, at), partial.slice(at)], bareLineFeed).outcome).toBe(false);
    }
    expect(read(byteByByte(partial), bareLineFeed).outcome).toBe(false);
  });

  test("[hyper-019] HTAB inside a value is kept; blanks around the value are not", () => {
    expect(read(["S\r\na:\t 1\t2 \t\r\nb:\r\nc: \t \r\n\r\n"]).seen).toEqual(["S", "a=1\t2", "b=", "c="]);
  });

  test("[hyper-020] the received spelling is told along with the name, each time", () => {
    expect(read(["S\r\nX-Foo: 1\r\nx-FOO: 2\r\nx-foo: 3\r\nContent-Type: t\r\n\r\n"]).seen).toEqual([
      "S",
      "X-Foo/x-foo=1",
      "x-FOO/x-foo=2",
      "x-foo=3",
      "Content-Type/content-type=t",
    ]);
  });

  test("obs-text survives as latin1", () => {
    expect(read(["S\r\na: \x80\xff\r\n\r\n"]).seen).toEqual(["S", "a=\x80\xff"]);
  });

  test("empty lines before the first are skipped, taken as a line, or end the section", () => {
    expect(read(["\r\n\r\nS\r\n\r\n"])).toEqual({ seen: ["S"], outcome: true, rest: "" });
    expect(read(["\r\nS"], { leading: "take" })).toEqual({ seen: [""], outcome: false, rest: "S" });
    expect(read(["\r\nS"], { leading: "end" })).toEqual({ seen: [], outcome: true, rest: "S" });
  });

  test("CR alone, NUL and control bytes are refused, the first ones always", () => {
    for (const leniency of [{}, { allowBareLineFeed: true, ignoreInvalidHeaders: true, allowObsoleteFolding: true }]) {
      expect(read(["S\r\na: b\rc\r\n\r\n"], { leniency }).outcome).toBe("BARE_CR");
      expect(read(["S\r\na: b\r\r\n\r\n"], { leniency }).outcome).toBe("BARE_CR");
      expect(read(["S\r\na: b\0\r\n\r\n"], { leniency }).outcome).toBe("INVALID_BYTE");
    }
    for (const byte of ["\x01", "\x08", "\x0b", "\x1f", "\x7f"]) {
      expect(read([`S\r\na: b${byte}\r\n\r\n`]).outcome).toBe("INVALID_BYTE");
      expect(read([`S\r\n${byte}a: b\r\n\r\n`]).outcome).toBe("INVALID_BYTE");
    }
  });

  test("a mistake is told with its line, without waiting for the end", () => {
    expect(read(["S\r\na b\r\n"]).outcome).toBe("INVALID_HEADER");
    expect(read(["S\r\na\0"]).outcome).toBe("INVALID_BYTE");
    expect(read(["S\n"]).outcome).toBe("BARE_LF");
  });

  test.each(["a b: c", "a", ": c", "(a): c", "a\x80: c", "a@: c"])(
    "%j is no field line; skipped by the option",
    (line) => {
      expect(read([`S\r\n${line}\r\nx: y\r\n\r\n`]).outcome).toBe("INVALID_HEADER");
      expect(read([`S\r\n${line}\r\nx: y\r\n\r\n`], { leniency: { ignoreInvalidHeaders: true } })).toMatchObject({
        seen: ["S", "x=y"],
        outcome: true,
      });
    },
  );

  test("a value with control bytes is skipped by the option for invalid fields", () => {
    const leniency = { ignoreInvalidHeaders: true };
    expect(read(["S\r\na: \x01\r\nx: y\r\n\r\n"], { leniency }).seen).toEqual(["S", "x=y"]);
  });

  test("blanks before the colon are refused; ignored by the option", () => {
    for (const line of ["a : b", "a\t: b", "a  \t : b"]) {
      expect(read([`S\r\n${line}\r\n\r\n`]).outcome).toBe("INVALID_HEADER");
      expect(read([`S\r\n${line}\r\n\r\n`], { leniency: { allowSpaceBeforeColon: true } }).seen).toEqual(["S", "a=b"]);
    }
  });

  test("a folded line is refused; by the option each fold becomes one SP", () => {
    const folded = "S\r\na: 1\r\n 2\r\n\t \t3 \r\nb: x\r\n\r\n";
    const leniency = { allowObsoleteFolding: true };
    expect(read([folded]).outcome).toBe("OBSOLETE_FOLDING");
    expect(read([folded], { leniency })).toMatchObject({ seen: ["S", "a=1 2 3", "b=x"], outcome: true });
    expect(read(byteByByte(folded), { leniency }).seen).toEqual(["S", "a=1 2 3", "b=x"]);
    expect(read(["S\r\na:\r\n 1\r\n \r\n\r\n"], { leniency }).seen).toEqual(["S", "a=1"]);
  });

  test("a fold before any field is refused, also with the option", () => {
    const leniency = { allowObsoleteFolding: true };
    expect(read(["S\r\n a: b\r\n\r\n"], { leniency }).outcome).toBe("OBSOLETE_FOLDING");
  });

  test("a section of exactly maxBytes is fine, one byte more is not, however it arrives", () => {
    const head = "S\r\na: bcd\r\n\r\n";
    for (const pieces of [[head], byteByByte(head)]) {
      expect(read(pieces, { maxBytes: head.length }).outcome).toBe(true);
      expect(read(pieces, { maxBytes: head.length - 1 }).outcome).toBe("TOO_LARGE");
    }
    expect(read(["x".repeat(99)], { maxBytes: 100 }).outcome).toBe(false);
    expect(read(["x".repeat(100)], { maxBytes: 100 }).outcome).toBe("TOO_LARGE");
    expect(read(["\r\n".repeat(50)], { maxBytes: 100 }).outcome).toBe("TOO_LARGE");
  });

  test("the next section is read afresh", () => {
    const reader = new Recorder({}, 100, "end");
    const buffer = new ReadBuffer();
    buffer.push(bytes("a: 1\r\n\r\nb: 2\r\n\r\n"));
    expect(reader.begun).toBe(false);
    expect(reader.read(buffer)).toBe(true);
    expect(reader.begun).toBe(false);
    expect(reader.read(buffer)).toBe(true);
    expect(reader.seen).toEqual(["a=1", "b=2"]);
    buffer.push(bytes("c"));
    expect(reader.read(buffer)).toBe(false);
    expect(reader.begun).toBe(true);
  });

  test("more lines than the shared table holds are read all the same", () => {
    const count = 1000;
    const text = `S\r\n${Array.from({ length: count }, (_, i) => `h${i}: ${i}\r\n`).join("")}\r\n`;
    const { seen, outcome } = read([text], { maxBytes: 100_000 });
    expect(outcome).toBe(true);
    expect(seen.length).toBe(count + 1);
    expect(seen[count]).toBe("h999=999");
  });
});
