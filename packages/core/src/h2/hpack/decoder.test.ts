import { describe, expect, test } from "vitest";
import { decodeLines, errorOf, Lines, tableLines } from "../../../test/http2/support/hpack.ts";
import { ascii, hex, joined, singly, toHex } from "../../../test/http2/support/octets.ts";
import { HpackDecoder } from "./decoder.ts";
import {
  SPECIAL_CONNECTION,
  SPECIAL_CONTENT_LENGTH,
  SPECIAL_DATE,
  SPECIAL_HOST,
  SPECIAL_METHOD,
  SPECIAL_PATH,
  SPECIAL_PRIORITY,
} from "./special-names.ts";
import {
  FIELD_NAME_INVALID,
  FIELD_PSEUDO,
  FIELD_SENSITIVE,
  FIELD_SPECIAL,
  FIELD_VALUE_INVALID,
} from "./static-table.ts";

const compression = 9;
const calm = 11;

/** The error for a block, which must be the same octet by octet. */
function refused(wire: string, newDecoder = (): HpackDecoder => new HpackDecoder()): ReturnType<typeof errorOf> {
  const whole = errorOf(() => decodeLines(newDecoder(), hex(wire)));
  expect(errorOf(() => decodeLines(newDecoder(), ...singly(hex(wire))))).toEqual(whole);
  return whole;
}

function connectionError(reason: number, code: string, message: string): ReturnType<typeof errorOf> {
  return { stream: 0, reason, code, message };
}

/** A literal without indexing and with a new name, both strings as they are. */
function literal(name: string, value: string, pattern = 0x00): Uint8Array {
  const string = (text: string): Uint8Array => {
    if (text.length > 126 + 127) throw new Error("too long for this");
    const prefix = text.length < 127 ? [text.length] : [127, text.length - 127];
    return joined([Uint8Array.from(prefix), ascii(text)]);
  };
  return joined([Uint8Array.of(pattern), string(name), string(value)]);
}

describe("indexes", () => {
  test("[h2-328] index 0 is COMPRESSION_ERROR", () => {
    expect(refused("80")).toEqual(
      connectionError(compression, "HPACK_INDEX", "HPACK: an index must be from 1 to 61, got 0 (RFC 7541 2.3.3)"),
    );
  });

  test("[h2-328] an index beyond the tables is COMPRESSION_ERROR, for a field and for a name", () => {
    const message = "HPACK: an index must be from 1 to 61, got 62 (RFC 7541 2.3.3)";
    for (const wire of ["be", "7e0161", "0f2f0161", "1f2f0161"]) {
      expect(refused(wire)).toEqual(connectionError(compression, "HPACK_INDEX", message));
    }
    // With one entry 62 is fine and 63 is not.
    const one = toHex(literal("a", "b", 0x40));
    expect(decodeLines(new HpackDecoder(), hex(`${one}be`)).lines).toHaveLength(2);
    expect(refused(`${one}bf`).message).toBe("HPACK: an index must be from 1 to 62, got 63 (RFC 7541 2.3.3)");
  });

  test("[h2-338] an entry may be added with the name of one that is pushed out by it", () => {
    const decoder = new HpackDecoder();
    decoder.setAllowedTableBytes(40);
    // Update to 40; "name: 1" of 37 octets; then "name: 2" by index 62.
    const lines = decodeLines(decoder, joined([hex("3f09"), literal("name", "1", 0x40), hex("7e0132")]));
    expect(lines.lines).toEqual([
      ["name", "1"],
      ["name", "2"],
    ]);
    expect(tableLines(decoder.table)).toEqual([["name", "2"]]);
  });

  test("[h2-337] a field larger than the table empties it and is delivered", () => {
    const decoder = new HpackDecoder();
    decoder.setAllowedTableBytes(64);
    const long = "x".repeat(60);
    const lines = decodeLines(decoder, joined([hex("3f21"), literal("a", "b", 0x40), literal("c", long, 0x40)]));
    expect(lines.lines).toEqual([
      ["a", "b"],
      ["c", long],
    ]);
    expect(decoder.table.count).toBe(0);
  });

  test("[h2-339] a literal that must never be indexed says so, others do not", () => {
    const lines = decodeLines(new HpackDecoder(), joined([literal("a", "1", 0x10), literal("a", "1"), hex("82")]));
    expect(lines.sensitive).toEqual([true, false, false]);
  });
});

describe("integers", () => {
  const overflow = connectionError(
    compression,
    "HPACK_INTEGER_OVERFLOW",
    "HPACK: an integer must be less than 2^32 and take at most 5 octets after its prefix (RFC 7541 5.1)",
  );

  test("[h2-329] an integer of more than 5 octets behind its prefix is refused, even if they are zeros", () => {
    for (const start of ["ff", "7f", "3f", "0f", "1f", "007f"])
      expect(refused(`${start}808080808000`)).toEqual(overflow);
    // Five are not too many.
    expect(refused("ff8080808000").code).toBe("HPACK_INDEX");
  });

  test("[h2-329] an integer of 2^32 is refused, one less is just too large an index", () => {
    expect(refused("ff81ffffff0f")).toEqual(overflow);
    expect(refused("ff80ffffff0f").message).toContain("got 4294967295");
    expect(refused("ffffffffff7f")).toEqual(overflow);
  });

  test("[h2-329] a block that ends within an integer, a length or a string is COMPRESSION_ERROR", () => {
    const message = "HPACK: a field block must not end within a field (RFC 9113 4.3)";
    for (const wire of [
      "ff",
      "ff80",
      "40",
      "4001",
      "400161",
      "40016101",
      "407f",
      "3f",
      "0003616263",
      "000361626302aa",
    ]) {
      expect(refused(wire)).toEqual(connectionError(compression, "HPACK_TRUNCATED", message));
    }
  });

  test("[h2-071] a fragment that starts where a name is missing is an error, not a crash", () => {
    expect(errorOf(() => decodeLines(new HpackDecoder(), hex("40"), hex("8000"), hex("ff"))).code).toBe(
      "HPACK_TRUNCATED",
    );
    expect(decodeLines(new HpackDecoder(), hex("40"), hex("80"), hex("00")).lines).toEqual([["", ""]]);
  });
});

describe("Huffman strings", () => {
  test("[h2-330] EOS in a string is COMPRESSION_ERROR", () => {
    expect(refused("0084ffffffff00")).toEqual(
      connectionError(compression, "HPACK_HUFFMAN_EOS", "HPACK: a string must not contain EOS (RFC 7541 5.2)"),
    );
  });

  test("[h2-330] long, wrong and missing padding is COMPRESSION_ERROR", () => {
    const message = "HPACK: a Huffman-coded string must be padded with at most 7 bits, all ones (RFC 7541 5.2)";
    for (const name of ["81ff", "8207ff", "8100", "82fffe"]) {
      expect(refused(`00${name}00`)).toEqual(connectionError(compression, "HPACK_HUFFMAN_PADDING", message));
    }
  });

  test("[h2-331] empty strings are fine either way", () => {
    expect(decodeLines(new HpackDecoder(), hex("0001618000016100")).lines).toEqual([
      ["a", ""],
      ["a", ""],
    ]);
  });
});

describe("table size updates", () => {
  const missing = (limit: number): ReturnType<typeof errorOf> =>
    connectionError(
      compression,
      "HPACK_SIZE_UPDATE_MISSING",
      `HPACK: the field block must start with a table size update to at most ${limit} (RFC 9113 4.3.1)`,
    );
  const limited = (allowed: number): HpackDecoder => {
    const decoder = new HpackDecoder();
    decoder.setAllowedTableBytes(allowed);
    return decoder;
  };

  test("[h2-333] up to two at the start of a block are taken", () => {
    const decoder = new HpackDecoder();
    expect(decodeLines(decoder, hex("203f4582")).lines).toEqual([[":method", "GET"]]);
    expect(decoder.table.maxBytes).toBe(31 + 0x45);
  });

  test("[h2-333] a third one, one behind a field and one at the end of a block are COMPRESSION_ERROR", () => {
    const message =
      "HPACK: a table size update must be one of at most two at the start of a field block (RFC 7541 4.2)";
    for (const wire of ["20202082", "822082", "8220", "20828220"]) {
      expect(refused(wire)).toEqual(connectionError(compression, "HPACK_SIZE_UPDATE_PLACE", message));
    }
  });

  test("[h2-333] one in a later fragment is at the start only if nothing but updates came before", () => {
    expect(decodeLines(new HpackDecoder(), hex("20"), hex("21"), hex("82")).lines).toHaveLength(1);
    expect(errorOf(() => decodeLines(new HpackDecoder(), hex("82"), hex("20"), hex("82"))).code).toBe(
      "HPACK_SIZE_UPDATE_PLACE",
    );
  });

  test("[h2-333] one above the acknowledged SETTINGS_HEADER_TABLE_SIZE is COMPRESSION_ERROR, one at it is not", () => {
    expect(decodeLines(new HpackDecoder(), hex("3fe11f82")).lines).toHaveLength(1);
    const message = "HPACK: the table size must be at most 4096, got 4097 (RFC 7541 6.3)";
    expect(refused("3fe21f82")).toEqual(connectionError(compression, "HPACK_SIZE_UPDATE_LIMIT", message));
    expect(decodeLines(limited(4097), hex("3fe21f82")).lines).toHaveLength(1);
  });

  test("[h2-334] a block without an update after a reduction is COMPRESSION_ERROR", () => {
    expect(refused("82", () => limited(100))).toEqual(missing(100));
    expect(refused("", () => limited(100))).toEqual(missing(100));
    expect(decodeLines(limited(100), hex("3f4582")).lines).toHaveLength(1);
    expect(decodeLines(limited(100), hex("2082")).lines).toHaveLength(1);
  });

  test("[h2-334] an update after a reduction must not exceed it", () => {
    expect(refused("3f4682", () => limited(100)).message).toBe(
      "HPACK: the table size must be at most 100, got 101 (RFC 7541 6.3)",
    );
  });

  test("[h2-334] after a reduction and an increase the smallest size comes first, then any up to the limit", () => {
    const twice = (): HpackDecoder => {
      const decoder = limited(100);
      decoder.setAllowedTableBytes(4096);
      return decoder;
    };
    expect(decodeLines(twice(), hex("3f453fe11f82")).lines).toHaveLength(1);
    expect(refused("3fe11f82", twice).message).toContain("at most 100");
    expect(refused("82", twice)).toEqual(missing(100));
  });

  test("[h2-334] nothing is demanded of a peer whose table was smaller already, nor a second time", () => {
    const decoder = new HpackDecoder();
    decodeLines(decoder, hex("3f2982"));
    decoder.setAllowedTableBytes(72);
    expect(decodeLines(decoder, hex("82")).lines).toHaveLength(1);
    decoder.setAllowedTableBytes(71);
    decodeLines(decoder, hex("3f2882"));
    expect(decodeLines(decoder, hex("82")).lines).toHaveLength(1);
  });

  test("[h2-336] a table of size 0 holds nothing", () => {
    const decoder = limited(0);
    expect(decodeLines(decoder, joined([hex("20"), literal("a", "b", 0x40)])).lines).toEqual([["a", "b"]]);
    expect(decoder.table.count).toBe(0);
  });
});

describe("the size of the header list", () => {
  test("counts 32 octets for each field, and the limit is exact", () => {
    const lines = joined([literal("a", "b"), literal("c", "d")]);
    const at = new HpackDecoder({ maxListBytes: 68 });
    expect(decodeLines(at, lines).lines).toHaveLength(2);
    expect([at.listBytes, at.overLimit]).toEqual([68, false]);
    const below = new HpackDecoder({ maxListBytes: 67 });
    expect(decodeLines(below, lines).lines).toEqual([["a", "b"]]);
    expect([below.listBytes, below.overLimit]).toEqual([68, true]);
    // The next block starts anew.
    expect(decodeLines(below, hex("82")).lines).toHaveLength(1);
    expect([below.listBytes, below.overLimit]).toEqual([42, false]);
  });

  test("[h2-347] above the limit nothing is delivered and the table is kept right", () => {
    const decoder = new HpackDecoder({ maxListBytes: 80 });
    const block = joined([
      literal("a", "1", 0x40),
      literal("b", "2", 0x40),
      literal("c", "3", 0x40),
      literal("d", "4"),
      literal("e", "5", 0x10),
      literal("f", "6", 0x40),
    ]);
    for (const fragments of [[block], singly(block)]) {
      expect(decodeLines(decoder, ...fragments).lines).toEqual([
        ["a", "1"],
        ["b", "2"],
      ]);
      expect(decoder.overLimit).toBe(true);
      expect(tableLines(decoder.table).slice(0, 4)).toEqual([
        ["f", "6"],
        ["c", "3"],
        ["b", "2"],
        ["a", "1"],
      ]);
    }
  });

  test("[h2-350] above four times the limit it is ENHANCE_YOUR_CALM, at four times it is not", () => {
    const message =
      "header_list_way_too_large: a header list must not exceed 42 octets, and ends the connection above 168, got at least 210";
    const small = (): HpackDecoder => new HpackDecoder({ maxListBytes: 42 });
    expect(decodeLines(small(), hex("82828282")).lines).toHaveLength(1);
    expect(refused("8282828282", small)).toEqual(connectionError(calm, "HEADER_LIST_WAY_TOO_LARGE", message));
    const twice = new HpackDecoder({ maxListBytes: 42, hardLimitFactor: 2 });
    expect(errorOf(() => decodeLines(twice, hex("828282"))).code).toBe("HEADER_LIST_WAY_TOO_LARGE");
  });

  test("[h2-332] a string that is too long is refused as soon as its length is known", () => {
    const decoder = (): HpackDecoder => new HpackDecoder({ maxListBytes: 100 });
    const message =
      "header_list_way_too_large: a field name or value exceeds the 400 octets left of the header list's hard limit";
    // Nothing behind the length has come: 2^32-1 octets, and 401.
    for (const wire of ["007f80ffffff0f", "007f9202", "00ff9202"]) {
      expect(refused(wire, decoder)).toEqual(connectionError(calm, "HEADER_LIST_WAY_TOO_LARGE", message));
    }
    expect(errorOf(() => decodeLines(decoder(), hex("007f9102"))).code).toBe("HPACK_TRUNCATED");
  });

  test("[h2-097] a name alone may exceed the limit, and what follows is decoded", () => {
    const decoder = new HpackDecoder({ maxListBytes: 50 });
    const block = joined([literal("n".repeat(60), "v"), literal("a", "b", 0x40)]);
    expect(decodeLines(decoder, block).lines).toEqual([]);
    expect(decoder.overLimit).toBe(true);
    expect(tableLines(decoder.table)).toEqual([["a", "b"]]);
  });

  test("[h2-332] a Huffman string that decodes to more than is left is refused", () => {
    const decoder = new HpackDecoder({ maxListBytes: 20 });
    // 60 octets of 5-bit codes are 96 chars; 80 are left.
    const block = joined([hex("00bc"), new Uint8Array(60)]);
    expect(errorOf(() => decodeLines(decoder, block)).code).toBe("HEADER_LIST_WAY_TOO_LARGE");
  });

  test("[h2-332] long Huffman strings are decoded within the limit", () => {
    const decoder = new HpackDecoder({ maxListBytes: 100_000 });
    // 0 has the code 00000: 20,000 octets are 32,000 chars.
    const block = joined([hex("0001617fa19b0100").subarray(0, 3), hex("ffa19b01"), new Uint8Array(20_000)]);
    const lines = new Lines();
    decoder.begin(lines);
    decoder.decode(block, 0, 9999);
    decoder.decode(block, 9999, block.length);
    decoder.end();
    expect(lines.lines).toEqual([["a", "0".repeat(32_000)]]);
  });

  test("[h2-344] a small block that refers to a large entry again and again ends the connection early", () => {
    const decoder = new HpackDecoder();
    const value = "v".repeat(200);
    decodeLines(decoder, literal("a", value, 0x40));
    const bomb = new Uint8Array(16_000).fill(0xbe);
    expect(errorOf(() => decodeLines(decoder, bomb)).reason).toBe(calm);
    expect(decoder.listBytes).toBeLessThanOrEqual(65_536 + 233);
  });
});

describe("names and values", () => {
  /** The flags with which a field comes out. */
  function flagsOf(name: string, value: string): number {
    const decoder = new HpackDecoder();
    const [first, again] = decodeLines(decoder, joined([literal(name, value, 0x40), hex("be")])).flags;
    expect(again).toBe(first);
    return first ?? -1;
  }

  test("pseudo-header fields are marked, those of the static table too", () => {
    expect(flagsOf(":path", "/")).toBe(FIELD_PSEUDO | SPECIAL_PATH);
    expect(flagsOf(":anything", "")).toBe(FIELD_PSEUDO);
    expect(decodeLines(new HpackDecoder(), hex("828490")).flags).toEqual([
      FIELD_PSEUDO | SPECIAL_METHOD,
      FIELD_PSEUDO | SPECIAL_PATH,
      0,
    ]);
  });

  test("names that mean something to the connection are marked, from either table, as new names and with new values", () => {
    expect(flagsOf("transfer-encoding", "chunked")).toBe(SPECIAL_CONNECTION);
    expect(flagsOf("priority", "u=1")).toBe(SPECIAL_PRIORITY);
    expect(flagsOf("accept", "text/html")).toBe(0);
    // content-length by index 28; host by index 38 with a value, indexed, and that again.
    expect(decodeLines(new HpackDecoder(), hex("9c660161be")).flags).toEqual([
      SPECIAL_CONTENT_LENGTH,
      SPECIAL_HOST,
      SPECIAL_HOST,
    ]);
    // The bits are those of FIELD_SPECIAL, and other spellings are not names at all.
    expect(FIELD_SPECIAL & SPECIAL_DATE).toBe(SPECIAL_DATE);
    expect(flagsOf("Host", "a")).toBe(FIELD_NAME_INVALID);
  });

  test("[h2-083] a name with an upper-case letter is marked and delivered as it is", () => {
    expect(flagsOf("Content-Type", "a")).toBe(FIELD_NAME_INVALID);
    expect(decodeLines(new HpackDecoder(), literal("Content-Type", "a")).lines).toEqual([["Content-Type", "a"]]);
  });

  test("[h2-084] a name that is empty or has a colon inside, NUL, a blank or obs-text is marked", () => {
    for (const name of ["", "a:b", "a\0", "a b", "a\x80", "a\x7f", "(", "a,"]) {
      expect(flagsOf(name, "v"), JSON.stringify(name)).toBe(FIELD_NAME_INVALID);
    }
    for (const name of [":", "::a", ":A"]) expect(flagsOf(name, "v")).toBe(FIELD_NAME_INVALID | FIELD_PSEUDO);
    for (const name of ["a", "x-1", "!#$%&'*+-.^_`|~"]) expect(flagsOf(name, "v")).toBe(0);
  });

  test("[h2-085] a value with CR, LF, NUL or another control character is marked", () => {
    for (const value of ["a\rb", "a\nb", "a\0b", "a\x7fb", "a\x1fb"])
      expect(flagsOf("a", value)).toBe(FIELD_VALUE_INVALID);
    for (const value of ["", "a b", "a\tb", "\x80\xff", "a"]) expect(flagsOf("a", value)).toBe(0);
  });

  test("[h2-086] a value with blanks around it is marked", () => {
    for (const value of [" a", "a ", "\ta", "a\t", " ", "\t"]) expect(flagsOf("a", value)).toBe(FIELD_VALUE_INVALID);
  });

  test("marks add up, and a name from a table keeps its own", () => {
    const lines = decodeLines(
      new HpackDecoder(),
      joined([literal("A", "b", 0x40), hex("1f2f020a0a"), hex("0f2f0163")]),
    );
    expect(lines.flags).toEqual([
      FIELD_NAME_INVALID,
      FIELD_NAME_INVALID | FIELD_VALUE_INVALID | FIELD_SENSITIVE,
      FIELD_NAME_INVALID,
    ]);
  });
});
