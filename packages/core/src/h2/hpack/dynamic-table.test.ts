import { describe, expect, test } from "vitest";
import { tableLines } from "../../../test/http2/support/hpack.ts";
import { DynamicTable } from "./dynamic-table.ts";
import { EncoderTable } from "./encoder-table.ts";
import type { TableEntry } from "./static-table.ts";

function entry(name: string, value = ""): TableEntry {
  return { name, value, flags: 0 };
}

describe("DynamicTable", () => {
  test("an entry takes its octets and 32 more, and the newest is first", () => {
    const table = new DynamicTable(4096);
    table.add(entry("a", "1"));
    table.add(entry("bc", "23"));
    expect([table.count, table.bytes]).toEqual([2, 34 + 36]);
    expect(tableLines(table)).toEqual([
      ["bc", "23"],
      ["a", "1"],
    ]);
    expect(table.at(2)).toBeUndefined();
  });

  test("the oldest make room, at the limit and not before", () => {
    const table = new DynamicTable(33 * 3);
    for (const name of ["a", "b", "c"]) table.add(entry(name));
    expect(tableLines(table).map(([name]) => name)).toEqual(["c", "b", "a"]);
    table.add(entry("d"));
    expect(tableLines(table).map(([name]) => name)).toEqual(["d", "c", "b"]);
    table.add(entry("e", "1"));
    expect(tableLines(table).map(([name]) => name)).toEqual(["e", "d"]);
  });

  test("[h2-337] an entry larger than the table empties it and is no error", () => {
    const table = new DynamicTable(40);
    table.add(entry("a"));
    expect(table.add(entry("a", "x".repeat(8)))).toBe(false);
    expect([table.count, table.bytes]).toEqual([0, 0]);
    expect(table.add(entry("a", "x".repeat(7)))).toBe(true);
    expect(table.bytes).toBe(40);
  });

  test("[h2-342] count and size stay right over many evictions and several sizes", () => {
    const table = new DynamicTable(4096);
    let expected: TableEntry[] = [];
    const size = (list: readonly TableEntry[]): number => list.reduce((sum, e) => sum + e.name.length + 32, 0);
    for (let i = 0; i < 3000; i++) {
      if (i % 500 === 499) table.resize([4096, 1000, 0, 100, 16_384, 4096][(i - 499) / 500] ?? 0);
      const added = entry("n".repeat(1 + (i % 7)));
      table.add(added);
      expected.unshift(added);
      while (size(expected) > table.maxBytes) expected = expected.slice(0, -1);
      expect([table.count, table.bytes]).toEqual([expected.length, size(expected)]);
      expect(table.at(0)).toBe(expected[0]);
      expect(table.at(Math.max(0, table.count - 1))).toBe(expected.at(-1));
    }
    expect(tableLines(table)).toEqual(expected.map(({ name, value }) => [name, value]));
  });
});

describe("EncoderTable", () => {
  test("finds entries by name and value, the newest first, and names that are only in the static table", () => {
    const table = new EncoderTable(4096);
    const record = table.record("x-a");
    expect([table.find(record, "1"), table.findName(record)]).toEqual([0, 0]);
    table.insert(record, "1");
    table.insert(table.record("x-a"), "2");
    expect(table.record("x-a")).toBe(record);
    expect([table.find(record, "1"), table.find(record, "2"), table.findName(record)]).toEqual([63, 62, 62]);
    const status = table.record(":status");
    expect([table.find(status, "404"), table.find(status, "404"), table.find(status, "403")]).toEqual([13, 13, 0]);
    expect(table.findName(status)).toBe(8);
    expect(table.find(table.record("accept"), "")).toBe(19);
  });

  test("[h2-342] names and values are forgotten with their entries", () => {
    const table = new EncoderTable(40 * 4);
    for (let i = 0; i < 1000; i++) {
      const name = `x-${String(i % 50).padStart(3, "0")}`;
      table.insert(table.record(name), "abc");
      expect(table.find(table.record(name), "abc")).toBe(62);
      expect(table.names).toBe(table.count);
    }
    expect([table.count, table.bytes]).toEqual([4, 160]);
    expect(table.find(table.record("x-045"), "abc")).toBe(0);
    table.resize(0);
    expect([table.count, table.names]).toEqual([0, 0]);
  });

  test("an older entry with the same line does not take the newer one with it", () => {
    const table = new EncoderTable(34 * 2);
    const record = table.record("a");
    table.insert(record, "1");
    table.insert(record, "1");
    table.insert(record, "2");
    expect([table.find(record, "1"), table.find(record, "2")]).toEqual([63, 62]);
    table.insert(record, "3");
    expect([table.find(record, "1"), table.find(record, "2"), table.find(record, "3")]).toEqual([0, 63, 62]);
  });
});
