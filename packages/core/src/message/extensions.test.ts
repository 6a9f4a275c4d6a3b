import { describe, expect, test } from "vitest";
import { Extensions, extensionKey } from "./extensions.ts";

describe("Extensions", () => {
  const user = extensionKey<string>("user");
  const count = extensionKey<number>("count");

  test("a value is found under its key and under no other of the same name", () => {
    const extensions = new Extensions().set(user, "ann");
    expect(extensions.get(user)).toBe("ann");
    expect(extensions.get(extensionKey<string>("user"))).toBeUndefined();
    expect([extensions.has(user), extensions.has(count), extensions.size]).toEqual([true, false, 1]);
  });

  test("setting again replaces; removing gives the value", () => {
    const extensions = new Extensions().set(count, 1).set(count, 2);
    expect(extensions.size).toBe(1);
    expect(extensions.remove(count)).toBe(2);
    expect(extensions.remove(count)).toBeUndefined();
    expect(extensions.size).toBe(0);
  });

  test("undefined can be a value", () => {
    const maybe = extensionKey<string | undefined>("maybe");
    const extensions = new Extensions().set(maybe, undefined);
    expect(extensions.has(maybe)).toBe(true);
    expect(extensions.getOrInsert(maybe, () => "made")).toBeUndefined();
  });

  test("getOrInsert makes a value once", () => {
    const extensions = new Extensions();
    let made = 0;
    const make = (): number => ++made;
    expect([extensions.getOrInsert(count, make), extensions.getOrInsert(count, make)]).toEqual([1, 1]);
  });

  test("extend takes over what the other holds, which wins, and leaves the other as it is", () => {
    const other = new Extensions().set(user, "bob");
    const extensions = new Extensions().set(user, "ann").set(count, 1).extend(other);
    expect([extensions.get(user), extensions.get(count)]).toEqual(["bob", 1]);
    expect(other.size).toBe(1);
    extensions.clear();
    expect([extensions.size, other.size]).toEqual([0, 1]);
  });
});
