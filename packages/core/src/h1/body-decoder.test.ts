import { describe, expect, test } from "vitest";
import { bodyLimits, byteByByte, type Decoding, decode } from "../../test/support/decode.ts";
import { type BodyLimits, ChunkedDecoder, CloseDecoder, LengthDecoder } from "./body-decoder.ts";

function chunked(text: string | readonly string[], eof = false, limits: Partial<BodyLimits> = {}): Decoding {
  return decode(new ChunkedDecoder({ ...bodyLimits, ...limits }), typeof text === "string" ? [text] : text, eof);
}

const outcomeOf = ({ frames, outcome, rest }: Decoding) => ({ frames, outcome, rest });
const incomplete = "INCOMPLETE_MESSAGE";

describe("content of a length", () => {
  test("[hyper-051] ten announced and seven there: seven are given, then the end is an error", () => {
    const { frames, outcome, error } = decode(new LengthDecoder(10), ["foo bar"], true);
    expect([frames, outcome]).toEqual([["foo bar"], incomplete]);
    expect(error?.kind).toBe("incomplete");
    expect(error?.message).toBe("the connection ended with 3 bytes of the content missing");
  });

  test("takes exactly its length and leaves what follows", () => {
    expect(outcomeOf(decode(new LengthDecoder(3), ["abcdef"]))).toEqual({
      frames: ["abc"],
      outcome: "end",
      rest: "def",
    });
    expect(outcomeOf(decode(new LengthDecoder(3), ["ab", "cd", "ef"]))).toEqual({
      frames: ["ab", "c"],
      outcome: "end",
      rest: "def",
    });
    expect(outcomeOf(decode(new LengthDecoder(0), ["x"]))).toEqual({ frames: [], outcome: "end", rest: "x" });
  });

  test("[hyper-188] what remains falls as it is taken", () => {
    const decoder = new LengthDecoder(5);
    expect(decoder.remaining).toBe(5);
    decode(decoder, ["ab"]);
    expect(decoder.remaining).toBe(3);
    decode(decoder, ["cde"]);
    expect(decoder.remaining).toBe(0);
  });
});

describe("content until the end of the connection", () => {
  test("everything is content, and the end ends it cleanly", () => {
    expect(outcomeOf(decode(new CloseDecoder(), ["ab", "0\r\n\r\n"], true))).toEqual({
      frames: ["ab", "0\r\n\r\n"],
      outcome: "end",
      rest: "",
    });
    expect(decode(new CloseDecoder(), []).outcome).toBe("more");
    expect(new CloseDecoder().remaining).toBeUndefined();
  });
});

describe("chunked content", () => {
  test("[hyper-053] one read with everything in it gives one data frame and the end", () => {
    expect(outcomeOf(chunked("10\r\n1234567890abcdef\r\n0\r\n\r\nGET"))).toEqual({
      frames: ["1234567890abcdef"],
      outcome: "end",
      rest: "GET",
    });
  });

  test("[hyper-054] after the last chunk every call gives the end, and takes nothing of what follows", () => {
    const decoder = new ChunkedDecoder(bodyLimits);
    expect(decode(decoder, ["1\r\na\r\n0\r\n\r\n"]).outcome).toBe("end");
    for (let i = 0; i < 3; i++) {
      expect(outcomeOf(decode(decoder, ["5\r\n"]))).toEqual({ frames: [], outcome: "end", rest: "5\r\n" });
    }
    expect(decoder.remaining).toBe(0);
  });

  test("content whose end arrived with its last data is complete as soon as that data was taken", () => {
    const decoder = new ChunkedDecoder(bodyLimits);
    expect(decoder.remaining).toBeUndefined();
    expect(decode(decoder, ["1\r\na\r\n"]).outcome).toBe("more");
    expect(decoder.remaining).toBeUndefined();
    expect(decode(decoder, ["1\r\nb\r\n0\r\n\r\n"]).frames).toEqual(["b"]);
    expect(decoder.remaining).toBe(0);
  });

  test("several chunks in one read give one frame each", () => {
    expect(chunked("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n").frames).toEqual(["a", "bc"]);
  });

  test("[hyper-052] a chunk of nine with seven bytes: seven are given, then the end is an error", () => {
    expect(outcomeOf(chunked("9\r\nfoo bar", true))).toEqual({ frames: ["foo bar"], outcome: incomplete, rest: "" });
  });

  test("[hyper-043] the stream ends behind the digits of a size: incomplete", () => {
    expect(chunked("F", true)).toMatchObject({ outcome: incomplete, error: { kind: "incomplete" } });
    expect(chunked("", true).outcome).toBe(incomplete);
  });

  test("[hyper-048] the stream ends within an extension: incomplete", () => {
    expect(chunked("1;extension", true).outcome).toBe(incomplete);
    expect(chunked("1;extension without end", true).outcome).toBe("INVALID_CHUNK");
    expect(chunked("1;extension without end", true, { allowLooseChunks: true }).outcome).toBe(incomplete);
  });

  test.each(["1\r\na", "1\r\na\r", "1\r\na\r\n", "1\r\na\r\n0", "1\r\na\r\n0\r\n", "0\r\nx: y\r\n", "0\r\n\r"])(
    "the stream ends behind %j: incomplete, never a complete message",
    (text) => {
      expect(chunked(text, true).outcome).toBe(incomplete);
    },
  );

  test("[hyper-055] a last chunk without its zero: the data is given, then an error", () => {
    expect(outcomeOf(chunked("1\r\nZ\r\n\r\n"))).toMatchObject({ frames: ["Z"], outcome: "INVALID_CHUNK" });
  });

  test("data must be followed by CRLF", () => {
    for (const text of ["1\r\nab", "1\r\na\rb", "1\r\na\n0\r\n\r\n", "1\r\na\r\r\n"]) {
      expect(chunked(text)).toMatchObject({ frames: ["a"], outcome: "INVALID_CHUNK" });
    }
    expect(chunked("1\na\n0\n\n", false, { allowBareLineFeed: true }).outcome).toBe("end");
  });

  test("[hyper-056] two chunks with two thirds of the extension limit each: the second is refused with a clear message", () => {
    const extension = `;${"x".repeat(10_922)}`;
    const { frames, outcome, error } = chunked(`1${extension}\r\na\r\n1${extension}\r\nb\r\n`);
    expect([frames, outcome]).toEqual([["a"], "CHUNK_EXTENSIONS_TOO_LARGE"]);
    expect(error?.kind).toBe("limit");
    expect(error?.message).toBe("chunk extensions exceed 16384 bytes over the whole body");
  });

  test("[hyper-057] a trailer line that does not end in LF is refused", () => {
    expect(chunked("0\r\nx: y\r\r\n").outcome).toBe("BARE_CR");
    expect(chunked("1\r\na\r\n0\r\n\r\r").outcome).toBe("BARE_CR");
  });

  test("[hyper-059] trailers are one frame behind the data", () => {
    expect(outcomeOf(chunked("3\r\nabc\r\n0\r\nExpires: Wed\r\nx-sum:  1 \r\n\r\nGET"))).toEqual({
      frames: ["abc", "expires=Wed&x-sum=1"],
      outcome: "end",
      rest: "GET",
    });
  });

  test("[hyper-060] repeated trailer names keep both values, in order", () => {
    expect(chunked("0\r\na: 1\r\nb: 2\r\nA: 3\r\n\r\n").frames).toEqual(["a=1&b=2&a=3"]);
  });

  test("names that mean something in a head are mere data in trailers", () => {
    const lines = "content-length: 5\r\ntransfer-encoding: chunked\r\nhost: a b\r\nconnection: close\r\n";
    expect(chunked(`0\r\n${lines}\r\n`).frames).toEqual([
      "content-length=5&transfer-encoding=chunked&host=a b&connection=close",
    ]);
  });

  test("[hyper-061] as many trailer lines as maxHeaders are fine, one more is refused", () => {
    const lines = (count: number): string => `0\r\n${"a: b\r\n".repeat(count)}\r\n`;
    expect(chunked(lines(100)).frames).toEqual([Array.from({ length: 100 }, () => "a=b").join("&")]);
    expect(chunked(lines(101))).toMatchObject({ frames: [], outcome: "TOO_MANY_TRAILERS", error: { kind: "limit" } });
    expect(chunked(lines(0), false, { maxHeaders: 0 }).outcome).toBe("end");
    expect(chunked(lines(1), false, { maxHeaders: 0 }).outcome).toBe("TOO_MANY_TRAILERS");
  });

  test("[hyper-062] one huge trailer: at the byte limit fine, one past it refused", () => {
    const of = (length: number): string => `0\r\nx:${"v".repeat(length - 6)}\r\n\r\n`;
    expect(chunked(of(16_384)).outcome).toBe("end");
    expect(chunked(of(16_385))).toMatchObject({ frames: [], outcome: "TRAILERS_TOO_LARGE", error: { kind: "limit" } });
  });

  test("[hyper-062] many small trailers: counted together, at the limit fine and one past it refused", () => {
    const of = (rest: number): string => `0\r\n${"aa: bbbb\r\n".repeat(50)}x:${"v".repeat(rest)}\r\n\r\n`;
    const limits = { maxTrailerBytes: 520 };
    expect(chunked(of(520 - 500 - 6), false, limits).outcome).toBe("end");
    expect(chunked(of(520 - 500 - 5), false, limits).outcome).toBe("TRAILERS_TOO_LARGE");
    expect(chunked(byteByByte(of(520 - 500 - 6)), false, limits).outcome).toBe("end");
    expect(chunked(byteByByte(of(520 - 500 - 5)), false, limits).outcome).toBe("TRAILERS_TOO_LARGE");
  });

  test("trailers that never end are refused once they exceed the limit, without waiting for their end", () => {
    expect(chunked(`0\r\n${"x".repeat(16_384)}`).outcome).toBe("TRAILERS_TOO_LARGE");
    expect(chunked(`0\r\n${"x".repeat(16_383)}`).outcome).toBe("more");
  });

  test("the spelling of trailers is kept when asked for", () => {
    const decoder = new ChunkedDecoder({ ...bodyLimits, preserveHeaderCase: true });
    const { frames } = decode(decoder, ["0\r\nX-Sum: 1\r\n\r\n"]);
    expect(frames).toEqual(["x-sum=1"]);
  });

  const wires = [
    "3\r\nabc\r\n2;a=b\r\nde\r\n0\r\n\r\n",
    "3\r\nabc\r\n0\r\nx: y\r\n\r\n",
    "0\r\n\r\n",
    "1\r\na\r\n\r\n",
    "1 1\r\n",
    "2\r\nab",
  ];

  test("[hyper-058] byte by byte, and cut at every place, the outcome is that of the whole", () => {
    const judge = ({ frames, outcome }: Decoding) => ({ content: frames.join("|").replaceAll("|", ""), outcome });
    for (const wire of wires) {
      const whole = judge(chunked(wire, true));
      expect(judge(chunked(byteByByte(wire), true))).toEqual(whole);
      for (let at = 1; at < wire.length; at++) {
        expect(judge(chunked([wire.slice(0, at), wire.slice(at)], true))).toEqual(whole);
      }
    }
    for (const make of [() => new LengthDecoder(7), () => new LengthDecoder(9), () => new CloseDecoder()]) {
      const whole = judge(decode(make(), ["foo bar"], true));
      expect(judge(decode(make(), byteByByte("foo bar"), true))).toEqual(whole);
    }
  });
});
