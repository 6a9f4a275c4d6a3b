/** What is made for other runtimes loads nothing of Node. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { expect, test } from "vitest";

const source = resolve(import.meta.dirname, "../../src");

/** Everything that `file` and the files it loads import from outside this package. */
function foreign(file: string, seen = new Set<string>(), found = new Set<string>()): Set<string> {
  if (seen.has(file)) return found;
  seen.add(file);
  const text = readFileSync(file, "utf8");
  for (const [, name = ""] of text.matchAll(/^(?:import|export)(?! type)[^;]*?from "([^"]+)";/gms)) {
    if (!name.startsWith(".")) found.add(name);
    else foreign(join(dirname(file), name), seen, found);
  }
  return found;
}

test.each(["bun", "deno", "workers", "web"])("@sluice/util/%s needs core and nothing else", (entry) => {
  const file = join(source, entry, "index.ts");
  expect(existsSync(file)).toBe(true);
  expect([...foreign(file)]).toEqual(["@sluice/core"]);
});

test.each(["server", "memory", "observe"])("@sluice/util/%s needs the packages below and nothing else", (entry) => {
  const names = [...foreign(join(source, entry, "index.ts"))];
  expect(names.filter((name) => !name.startsWith("@sluice/"))).toEqual([]);
});

test("the walk finds what Node's own adapter needs", () => {
  expect([...foreign(join(source, "node/index.ts"))]).toContain("node:net");
});
