import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { expectBodyError } from "../test/helpers.ts";
import { type HeaderInit, HeaderMap } from "./index.ts";

/** A map with `count` lines of filler, so that what follows is found by the index. */
function filled(count: number): HeaderMap {
  const map = new HeaderMap();
  for (let i = 0; i < count; i++) map.append(`filler-${i}`, String(i));
  return map;
}

describe("HeaderMap: making one", () => {
  test("from nothing, a record, pairs, a map", () => {
    expect(new HeaderMap().size).toBe(0);
    const record = new HeaderMap({ "Content-Type": "text/plain", "set-cookie": ["a=1", "b=2"], none: [] });
    const lines = [
      ["content-type", "text/plain"],
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
    ];
    expect([...record]).toEqual(lines);
    expect([...new HeaderMap(lines as [string, string][])]).toEqual(lines);
    expect([...new HeaderMap(new Map([["A", "1"]]))]).toEqual([["a", "1"]]);
    expect([...new HeaderMap(record)]).toEqual(lines);
  });

  test("a record gives its own keys only, and no key is special", () => {
    const record = Object.create({ inherited: "1" }, { own: { value: "2", enumerable: true } });
    expect([...new HeaderMap(record)]).toEqual([["own", "2"]]);
    const map = new HeaderMap([
      ["__proto__", "1"],
      ["constructor", "2"],
      ["toString", "3"],
    ]);
    expect(map.get("__proto__")).toBe("1");
    expect(map.get("constructor")).toBe("2");
    expect(map.get("tostring")).toBe("3");
    expect(new HeaderMap().get("__proto__")).toBeUndefined();
    expect(new HeaderMap().has("constructor")).toBe(false);
    expect(filled(30).has("__proto__")).toBe(false);
  });

  test("names and values are checked, whatever they come from", () => {
    const wrong: HeaderInit[] = [{ "a b": "1" }, { a: "1\n" }, [["a\r", "1"]], { a: ["1", "\0"] }, { a: 5 as never }];
    for (const init of wrong) expect(() => new HeaderMap(init)).toThrow(TypeError);
    for (const init of ["text", 5, null] as never[]) expect(() => new HeaderMap(init)).toThrow(/^headers must be/);
  });

  test("is known across copies of the package, and copied with marks and spellings", () => {
    const map = new HeaderMap().append("a", "1", { sensitive: true, originalName: "A" });
    expect(HeaderMap.is(map)).toBe(true);
    for (const other of [null, {}, "x", new Map()]) expect(HeaderMap.is(other)).toBe(false);
    const copy = new HeaderMap(map);
    expect([copy.sensitiveAt(0), copy.originalNameAt(0)]).toEqual([true, "A"]);
    const foreign = {
      [Symbol.for("@sluice/body.HeaderMap")]: true,
      size: 1,
      nameAt: () => "b",
      valueAt: () => "2",
      sensitiveAt: () => true,
      originalNameAt: () => "B",
    } as unknown as HeaderMap;
    const taken = new HeaderMap(foreign);
    expect([taken.get("b"), taken.isSensitive("b"), taken.originalNameAt(0)]).toEqual(["2", true, "B"]);
  });
});

describe("HeaderMap: reading", () => {
  const map = new HeaderMap([
    ["Accept", "a"],
    ["x", "1"],
    ["accept", "b"],
  ]);

  test("names compare case-insensitively", () => {
    for (const name of ["accept", "Accept", "ACCEPT", "aCCEPT"]) {
      expect(map.get(name)).toBe("a");
      expect(map.getAll(name)).toEqual(["a", "b"]);
      expect(map.has(name)).toBe(true);
      expect(map.indexOf(name)).toBe(0);
    }
  });

  test("a name that is not there, or is none, is not found", () => {
    for (const lookedIn of [map, filled(30)]) {
      for (const name of ["y", "Y", "a b", "", "X-\u212aey", "content-length", "Content-Length"]) {
        expect(lookedIn.get(name)).toBeUndefined();
        expect(lookedIn.getAll(name)).toEqual([]);
        expect(lookedIn.getJoined(name)).toBeUndefined();
        expect(lookedIn.has(name)).toBe(false);
        expect(lookedIn.indexOf(name)).toBe(-1);
        expect(lookedIn.remove(name)).toBe(false);
        expect(lookedIn.isSensitive(name)).toBe(false);
        expect(lookedIn.setSensitive(name, true)).toBe(false);
      }
    }
  });

  test("size counts lines, namesSize names", () => {
    expect([map.size, map.namesSize]).toEqual([3, 2]);
    const large = filled(30).append("filler-3", "again");
    expect([large.size, large.namesSize]).toEqual([31, 30]);
    large.get("x");
    expect(large.namesSize).toBe(30);
  });

  test("iteration follows the lines as inserted, keys give each name once", () => {
    expect([...map]).toEqual([...map.entries()]);
    expect([...map.entries()].map(String)).toEqual(["accept,a", "x,1", "accept,b"]);
    expect([...map.keys()]).toEqual(["accept", "x"]);
    expect([...map.values()]).toEqual(["a", "1", "b"]);
    const seen: string[] = [];
    map.forEach((value, name, of) => {
      seen.push(`${name}:${value}:${of === map}`);
    });
    expect(seen).toEqual(["accept:a:true", "x:1:true", "accept:b:true"]);
  });

  test("getJoined joins as RFC 9110 5.3 says: cookie its own way, set-cookie not at all", () => {
    expect(map.getJoined("Accept")).toBe("a, b");
    expect(map.getJoined("x")).toBe("1");
    expect(new HeaderMap({ cookie: ["a=1", "b=2"] }).getJoined("Cookie")).toBe("a=1; b=2");
    expect(new HeaderMap({ "set-cookie": "a=1" }).getJoined("set-cookie")).toBe("a=1");
    expect(() => new HeaderMap({ "set-cookie": ["a=1", "b=2"] }).getJoined("set-cookie")).toThrow(
      new TypeError("2 lines of set-cookie cannot be joined into one (RFC 9110 5.3); use getAll"),
    );
  });

  test("by position, and nothing outside", () => {
    expect([map.nameAt(0), map.valueAt(0)]).toEqual(["accept", "a"]);
    expect([map.nameAt(2), map.valueAt(2)]).toEqual(["accept", "b"]);
    for (const outside of [-1, 3]) {
      expect(() => map.nameAt(outside)).toThrow(`there is no field line ${outside}; the map has 3`);
      expect(() => map.valueAt(outside)).toThrow(RangeError);
      expect(() => new HeaderMap(map).setValueAt(outside, "x")).toThrow(RangeError);
      expect([map.sensitiveAt(outside), map.originalNameAt(outside)]).toEqual([false, undefined]);
    }
  });
});

describe("HeaderMap: changing", () => {
  test("append keeps what is there, insert replaces all in the place of the first", () => {
    for (const filler of [0, 30]) {
      const map = filled(filler).append("a", "1").append("b", "2").append("a", "3").append("c", "4");
      expect(map.insert("A", "5")).toBe(true);
      expect([...map].slice(filler).map(String)).toEqual(["a,5", "b,2", "c,4"]);
      expect(map.insert("D", "6")).toBe(false);
      expect([...map].slice(filler).map(String)).toEqual(["a,5", "b,2", "c,4", "d,6"]);
      expect(map.get("c")).toBe("4");
    }
  });

  test("insert checks before it changes anything", () => {
    const map = new HeaderMap({ a: ["1", "2"] });
    expect(() => map.insert("a", "\n")).toThrow(TypeError);
    expect(() => map.insert("a b", "1")).toThrow(TypeError);
    expect(() => map.insert("a", "1", { originalName: "b" })).toThrow(TypeError);
    expect(() => map.append("a", "1", { originalName: "b" })).toThrow('a spelling of "a"; received "b"');
    expect(map.getAll("a")).toEqual(["1", "2"]);
  });

  test("remove takes all lines of a name and closes the gaps", () => {
    for (const filler of [0, 30]) {
      const map = filled(filler).append("a", "1").append("b", "2").append("a", "3").append("c", "4");
      expect(map.remove("A")).toBe(true);
      expect([...map].slice(filler).map(String)).toEqual(["b,2", "c,4"]);
      expect(map.has("a")).toBe(false);
      expect(map.remove("a")).toBe(false);
      expect(map.get("c")).toBe("4");
    }
  });

  test("clear leaves nothing behind, not even marks", () => {
    const map = filled(30).append("a", "1", { sensitive: true, originalName: "A" });
    map.get("a");
    map.clear();
    expect([map.size, map.namesSize, map.has("a")]).toEqual([0, 0, false]);
    map.append("a", "1");
    expect([map.sensitiveAt(0), map.originalNameAt(0)]).toEqual([false, undefined]);
  });

  test("setValueAt changes the value and nothing else", () => {
    const map = new HeaderMap().append("a", "1", { sensitive: true, originalName: "A" });
    map.setValueAt(0, " 2 ");
    expect([map.get("a"), map.sensitiveAt(0), map.originalNameAt(0)]).toEqual(["2", true, "A"]);
    expect(() => map.setValueAt(0, "\n")).toThrow(TypeError);
  });

  test("extend appends, also a map to itself; clone stands alone", () => {
    const map = new HeaderMap({ a: "1" });
    expect(map.extend({ b: "2" }).extend(map)).toBe(map);
    expect([...map].map(String)).toEqual(["a,1", "b,2", "a,1", "b,2"]);
    const marked = new HeaderMap().append("a", "1", { sensitive: true, originalName: "A" });
    const copy = marked.clone();
    copy.append("b", "2");
    copy.setSensitive("a", false);
    expect([marked.size, marked.sensitiveAt(0), copy.originalNameAt(0)]).toEqual([1, true, "A"]);
    expect([...new HeaderMap().clone()]).toEqual([]);
  });

  test("appendParsed takes what a parser has checked", () => {
    const map = new HeaderMap();
    map.appendParsed("a", "1");
    map.appendParsed("b", "2", "B");
    map.appendParsed("c", "3");
    expect([...map].map(String)).toEqual(["a,1", "b,2", "c,3"]);
    expect([0, 1, 2].map((at) => map.originalNameAt(at))).toEqual([undefined, "B", undefined]);
  });
});

describe("HeaderMap: the cap", () => {
  test("32,768 lines, and not one more, by any way in", async () => {
    const map = new HeaderMap();
    expect(map.maxLines).toBe(32_768);
    for (let i = 0; i < 32_768; i++) map.appendParsed("a", "1");
    for (const add of [
      () => map.append("b", "1"),
      () => map.appendParsed("b", "1"),
      () => map.insert("b", "1"),
      () => map.entry("b").append("1"),
      () => map.extend({ b: "1" }),
      () => map.extend(new HeaderMap({ b: "1" })),
      () => map.clone().append("b", "1"),
    ]) {
      const error = await expectBodyError(add, "too-many-fields");
      expect(error.limit).toBe(32_768);
      expect(map.size).toBe(32_768);
    }
    expect(map.insert("a", "2")).toBe(true);
    expect(map.size).toBe(1);
  });

  test("a map that does not fit is not taken in part", async () => {
    const map = new HeaderMap({ a: "1" }, { maxLines: 2 });
    await expectBodyError(() => map.extend(new HeaderMap({ b: "2", c: "3" })), "too-many-fields");
    expect([...map].map(String)).toEqual(["a,1"]);
  });

  test("can be set, also to nothing", async () => {
    const map = new HeaderMap({ a: "1" }, { maxLines: 2 });
    map.append("b", "2");
    const error = await expectBodyError(() => map.append("c", "3"), "too-many-fields");
    expect(error.message).toBe("a header map takes at most 2 field lines");
    await expectBodyError(() => new HeaderMap({ a: "1" }, { maxLines: 0 }), "too-many-fields");
    for (const wrong of [-1, 1.5, Number.NaN]) expect(() => new HeaderMap({}, { maxLines: wrong })).toThrow(RangeError);
  });
});

describe("HeaderMap: sensitive values and spellings", () => {
  test("marks are per line, and set for all lines of a name", () => {
    const map = new HeaderMap().append("a", "1").append("a", "2", { sensitive: true }).append("b", "3");
    expect([0, 1, 2].map((at) => map.sensitiveAt(at))).toEqual([false, true, false]);
    expect([map.isSensitive("A"), map.isSensitive("b")]).toEqual([true, false]);
    expect(map.setSensitive("A", true)).toBe(true);
    expect([0, 1, 2].map((at) => map.sensitiveAt(at))).toEqual([true, true, false]);
    map.setSensitive("a", false);
    expect(map.isSensitive("a")).toBe(false);
    const unmarked = new HeaderMap({ a: "1" });
    expect(unmarked.setSensitive("a", false)).toBe(true);
    expect(unmarked.isSensitive("a")).toBe(false);
    map.setSensitiveAt(2, true);
    expect([0, 1, 2].map((at) => map.sensitiveAt(at))).toEqual([false, false, true]);
    map.setSensitiveAt(2, false);
    expect(map.isSensitive("b")).toBe(false);
    expect(() => map.setSensitiveAt(3, true)).toThrow(RangeError);
  });

  test("marks and spellings move with their lines, and go with them", () => {
    const map = new HeaderMap()
      .append("a", "1")
      .append("b", "2", { sensitive: true, originalName: "B" })
      .append("c", "3", { originalName: "C" });
    map.remove("a");
    expect([0, 1].map((at) => [map.sensitiveAt(at), map.originalNameAt(at)])).toEqual([
      [true, "B"],
      [false, "C"],
    ]);
    map.insert("b", "4");
    expect([map.sensitiveAt(0), map.originalNameAt(0)]).toEqual([false, undefined]);
    map.insert("b", "5", { sensitive: true, originalName: "b" });
    expect([map.sensitiveAt(0), map.originalNameAt(0)]).toEqual([true, "b"]);
    map.remove("c");
    map.append("d", "6");
    expect([map.sensitiveAt(1), map.originalNameAt(1)]).toEqual([false, undefined]);
  });

  test("however a map is printed, a sensitive value is not shown", () => {
    const map = new HeaderMap({ a: 'quo"te' }).append("authorization", "secret", { sensitive: true });
    expect(String(map)).toBe('a: quo"te\nauthorization: [sensitive]');
    expect(JSON.stringify(map)).toBe('[["a","quo\\"te"],["authorization","[sensitive]"]]');
    expect(inspect(map)).toBe('HeaderMap(2) {\n  a: "quo\\"te",\n  authorization: "[sensitive]"\n}');
    expect(inspect(new HeaderMap())).toBe("HeaderMap(0) {}");
    expect(inspect({ map }, { depth: 0, showHidden: true })).not.toContain("secret");
    expect(map.get("authorization")).toBe("secret");
  });
});

describe("HeaderEntry", () => {
  test("looks and changes under one name", () => {
    const map = new HeaderMap({ a: "1" });
    const entry = map.entry("B");
    expect([entry.name, entry.exists, entry.value]).toEqual(["b", false, undefined]);
    expect(entry.update(() => "never").exists).toBe(false);
    expect(entry.orInsert(" 2 ", { sensitive: true })).toBe("2");
    expect(map.isSensitive("b")).toBe(true);
    expect(entry.orInsert("3")).toBe("2");
    expect(entry.append("4").update((value) => `${value}!`).value).toBe("2!");
    expect(map.getAll("b")).toEqual(["2!", "4"]);
    expect(entry.insert("5")).toBe(true);
    expect(map.getAll("b")).toEqual(["5"]);
    expect(entry.remove()).toBe(true);
    expect(entry.remove()).toBe(false);
    expect(entry.insert("6")).toBe(false);
    expect(entry.exists).toBe(true);
  });

  test("orInsert makes the value only when it is needed", () => {
    const map = new HeaderMap({ a: "1" });
    const never = () => {
      throw new Error("never");
    };
    expect(map.entry("a").orInsert(never)).toBe("1");
    expect(map.entry("b").orInsert(() => "2")).toBe("2");
  });

  test("stays right when the map changes behind its back", () => {
    const map = new HeaderMap({ x: "0", a: ["1", "2"] });
    const entry = map.entry("a");
    map.remove("x");
    expect(entry.value).toBe("1");
    map.remove("a");
    expect(entry.value).toBeUndefined();
    map.append("a", "3");
    expect(entry.value).toBe("3");
  });

  test("checks name and value", () => {
    expect(() => new HeaderMap().entry("a b")).toThrow(TypeError);
    expect(() => new HeaderMap().entry("a").orInsert("\n")).toThrow(TypeError);
    expect(() => new HeaderMap({ a: "1" }).entry("a").update(() => "\n")).toThrow(TypeError);
  });
});
