import { describe, expect, test } from "vitest";
import { buffered, byteByByte, strict } from "../../test/support/decode.ts";
import { bytes } from "../../test/support/wire.ts";
import { ReadBuffer } from "../bytes/read-buffer.ts";
import { HttpError } from "../error.ts";
import { ChunkLine } from "./chunk-line.ts";
import type { Leniency } from "./leniency.ts";

/** The size a line gives; `undefined` if it is not complete; the code if it is refused. Whole and byte by byte. */
function sizeOf(
  line: string,
  leniency: Partial<Leniency> = {},
  maxExtensionBytes = 16_384,
): number | string | undefined {
  const outcomes = [[line], byteByByte(line)].map((pieces) => {
    const reader = new ChunkLine({ ...strict, ...leniency }, maxExtensionBytes);
    const buffer = new ReadBuffer();
    try {
      for (const piece of pieces) {
        if (piece !== "") buffer.push(bytes(piece));
        if (reader.read(buffer)) return buffer.length === 0 ? reader.size : `${reader.size}, left ${buffer.length}`;
      }
      return undefined;
    } catch (error) {
      return HttpError.is(error) ? error.code : String(error);
    }
  });
  expect(outcomes[1]).toBe(outcomes[0]);
  return outcomes[0];
}

const loose = { allowLooseChunks: true };

describe("chunk lines", () => {
  test("[hyper-040] sizes are hexadecimal digits of either case, leading zeros included", () => {
    const lines = ["1", "01", "0", "00", "A", "a", "Ff"].map((size) => sizeOf(`${size}\r\n`));
    expect(lines).toEqual([1, 1, 0, 0, 10, 10, 255]);
    expect(sizeOf(`${"0".repeat(1000)}1\r\n`)).toBe(1);
  });

  test.each(["Ff   \r\n", "1\t\r\n", "1 \r\n"])(
    "[hyper-041] blanks after the size (%j) are refused; the loose option ignores them",
    (line) => {
      expect(sizeOf(line)).toBe("INVALID_CHUNK");
      expect(sizeOf(line, loose)).toBe(Number.parseInt(line, 16));
    },
  );

  test("[hyper-042] CR that is not followed by LF is refused, also with every leniency", () => {
    for (const line of ["F\rF", "F\r\r\n", "1;a\rb\r\n"]) {
      expect(sizeOf(line)).toBe("INVALID_CHUNK");
      expect(sizeOf(line, { allowLooseChunks: true, allowBareLineFeed: true })).toBe("INVALID_CHUNK");
    }
  });

  test("[hyper-044] an empty line is no size", () => {
    expect(sizeOf("\r\n")).toBe("INVALID_CHUNK");
    expect(sizeOf("\n", { allowBareLineFeed: true })).toBe("INVALID_CHUNK");
    expect(sizeOf("\r\n", loose)).toBe("INVALID_CHUNK");
  });

  test.each([
    "X\r\n",
    "1X\r\n",
    "-\r\n",
    "-1\r\n",
    "+1\r\n",
    "0x1\r\n",
    " 1\r\n",
    "1_0\r\n",
    "\u00b2\r\n",
    ";a\r\n",
    "g\r\n",
    "G\r\n",
    "@\r\n",
    "/\r\n",
    ":\r\n",
    "`\r\n",
  ])("[hyper-045] %j is no size, however lenient", (line) => {
    expect(sizeOf(line)).toBe("INVALID_CHUNK");
    expect(sizeOf(line, loose)).toBe("INVALID_CHUNK");
  });

  test.each([
    "1;ext\r\n",
    "1;ext=value\r\n",
    '1;ext="quoted; \\"value\\" \x80"\r\n',
    '1;ext=""\r\n',
    "1;a;b;c=d\r\n",
    "1 ;a\r\n",
    "1\t ; a = b ; c\r\n",
    '1;a="b" ;c\r\n',
    "1;a ;b\r\n",
  ])("[hyper-046] a well-formed extension is ignored: %j", (line) => {
    expect(sizeOf(line)).toBe(1);
  });

  test.each([
    "1;extension;\r\n",
    "1;;;  ;\r\n",
    "1;ext name=value\r\n",
    "1;\r\n",
    "1;=x\r\n",
    "1;a=\r\n",
    "1;a=b c\r\n",
    '1;a="b"c\r\n',
    '1;a="b\r\n',
    '1;a="b\\\r\n',
    "1;a=b=c\r\n",
    "1;a \r\n",
    "1;a(\r\n",
  ])("[hyper-046] a malformed extension is refused; the loose option ignores it as well: %j", (line) => {
    expect(sizeOf(line)).toBe("INVALID_CHUNK");
    expect(sizeOf(line, loose)).toBe(1);
  });

  test("[hyper-047] text after a blank without a semicolon is refused, however lenient: it may be read as another size", () => {
    for (const line of ["1 invalid extension\r\n", "1 1\r\n", "1 A\r\n", "1\t;a 5\r\n".replace(";a ", "")]) {
      expect(sizeOf(line)).toBe("INVALID_CHUNK");
      expect(sizeOf(line, loose)).toBe("INVALID_CHUNK");
    }
  });

  test("[hyper-049] LF alone within or behind an extension is refused; allowed as a line end only by the option for that", () => {
    for (const line of ["1;re\nq\r\n", "1;a\n", "1\n"]) expect(sizeOf(line)).toBe("INVALID_CHUNK");
    expect(sizeOf("1;a\n", loose)).toBe("INVALID_CHUNK");
    expect(sizeOf("1;a\n", { allowBareLineFeed: true })).toBe(1);
    expect(sizeOf("1\n", { allowBareLineFeed: true })).toBe(1);
  });

  test("control bytes in an extension are refused, however lenient", () => {
    for (const byte of ["\0", "\x01", "\x1f", "\x7f"]) {
      expect(sizeOf(`1;a${byte}\r\n`, loose)).toBe("INVALID_CHUNK");
      expect(sizeOf(`1;a="${byte}"\r\n`)).toBe("INVALID_CHUNK");
    }
  });

  test("[hyper-050] sizes up to 2^53-1 are exact; beyond, and beyond 64 bits, they are refused and never rounded", () => {
    expect(sizeOf("1fffffffffffff\r\n")).toBe(Number.MAX_SAFE_INTEGER);
    expect(sizeOf("20000000000000\r\n")).toBe("INVALID_CHUNK");
    expect(sizeOf("f0000000000000003\r\n")).toBe("INVALID_CHUNK");
    expect(sizeOf("ffffffffffffffff\r\n")).toBe("INVALID_CHUNK");
    expect(sizeOf(`1${"0".repeat(400)}\r\n`)).toBe("INVALID_CHUNK");
  });

  test("[hyper-056] extension bytes are counted over the whole body: at the limit fine, one past it refused", () => {
    const outcome = (limit: number): string => {
      const reader = new ChunkLine(strict, limit);
      try {
        for (let i = 0; i < 2; i++) expect(reader.read(buffered(`1;${"x".repeat(9)}\r\n`))).toBe(true);
        return "fine";
      } catch (error) {
        return `${(error as HttpError).kind} ${(error as HttpError).message}`;
      }
    };
    expect(outcome(20)).toBe("fine");
    expect(outcome(19)).toBe("limit chunk extensions exceed 19 bytes over the whole body");
    expect(sizeOf("1;a\r\n", {}, 0)).toBe("CHUNK_EXTENSIONS_TOO_LARGE");
    expect(sizeOf("1\r\n", {}, 0)).toBe(1);
  });

  test("[hyper-056] blanks count as well: the loose option opens no hole in the limit", () => {
    expect(sizeOf(`1${" ".repeat(10)}\r\n`, loose, 10)).toBe(1);
    expect(sizeOf(`1${" ".repeat(11)}\r\n`, loose, 10)).toBe("CHUNK_EXTENSIONS_TOO_LARGE");
  });

  test("an incomplete line needs more, and what follows a line is left alone", () => {
    for (const line of ["", "1", "1\r", "1;", '1;a="x']) expect(sizeOf(line)).toBeUndefined();
    const buffer = buffered("a\r\nXYZ");
    const reader = new ChunkLine(strict, 0);
    expect(reader.read(buffer)).toBe(true);
    expect([reader.size, buffer.length]).toEqual([10, 3]);
  });
});
