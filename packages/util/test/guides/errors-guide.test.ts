/**
 * What docs/guides/errors.md says of kinds, codes and statuses is what the sources say: every kind with its meaning, and no code
 * or status that is not there.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../../../..");
const guide = readFileSync(join(root, "docs/guides/errors.md"), "utf8");

/** The rows of the table under a heading, cell by cell. */
function rows(heading: string): string[][] {
  const start = guide.indexOf(`\n## ${heading}\n`);
  const section = guide.slice(start, guide.indexOf("\n## ", start + 1));
  const lines = section.split("\n").filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** What stands in backticks in a cell. */
function quoted(cell: string | undefined): string[] {
  return [...(cell ?? "").matchAll(/`([^`]+)`/g)].map(([, word]) => word as string);
}

function sourceOf(folder: string): string {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  const sources = files.filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"));
  return sources.map((file) => readFileSync(join(root, folder, file), "utf8")).join("\n");
}

const sources = sourceOf("packages/core/src") + sourceOf("packages/util/src");

test("every kind, in the words of the source, and no other", () => {
  const source = readFileSync(join(root, "packages/core/src/error.ts"), "utf8");
  const union = source.slice(source.indexOf("export type HttpErrorKind"), source.indexOf("export interface"));
  const kinds = [...union.matchAll(/\/\*\* (.*?) \*\/\s*\| "(\w+)"/g)].map(([, meaning, kind]) => [
    `\`${kind}\``,
    meaning as string,
  ]);
  expect(kinds).toHaveLength(10);
  expect(rows("Kinds")).toEqual(kinds);
});

describe("every code is made with that kind", () => {
  const pairs = rows("Codes").map(([kind, code]) => [quoted(kind)[0], quoted(code)[0]] as const);
  test.each(pairs)("%s %s", (kind, code) => {
    // Some are handed to a function that makes the error, kind or code by default.
    const literal = new RegExp(`"${kind}",\\s*(?:known\\?\\.code \\?\\? )?"${code}"`);
    expect(sources).toMatch(literal);
  });
});

describe("every status is answered for that code", () => {
  const pairs = rows("What the peer sees").flatMap(([status, codes]) => quoted(codes).map((code) => [status, code]));
  test.each(pairs)("%s %s", (status, code) => {
    expect(sources).toMatch(new RegExp(`"${code}",[^;]{1,300}?status: ${status}\\b`));
  });
});
