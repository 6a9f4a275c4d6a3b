/**
 * The index of docs/examples: every example has its line, every line leads to an example, and each of them is run by a test.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const folder = fileURLToPath(new URL("../../../../docs/examples/", import.meta.url));
const tests = fileURLToPath(new URL("../", import.meta.url));
const index = readFileSync(join(folder, "README.md"), "utf8");

/** The first column: a file, or a folder that is one example. */
const listed = [...index.matchAll(/^\| \[([^\]]+)\]\(([^)]+)\)/gm)].map(([, text = "", target = ""]) => ({
  text,
  target,
}));

function filesUnder(path: string, pattern: RegExp): string[] {
  return (readdirSync(path, { recursive: true }) as string[])
    .map((name) => name.replaceAll("\\", "/"))
    .filter((name) => pattern.test(name));
}

test("every program is listed, by itself or with its folder", () => {
  const targets = listed.map(({ target }) => target);
  expect(new Set(targets).size).toBe(targets.length);
  const missing = filesUnder(folder, /\.mjs$/).filter(
    (name) => !targets.some((target) => name === target || name.startsWith(`${target}/`)),
  );
  expect(missing).toEqual([]);
});

test("everything listed is there, under its name, and says how to run it", () => {
  for (const { text, target } of listed) {
    const path = join(folder, target);
    expect([target, existsSync(path)]).toEqual([target, true]);
    const isFolder = statSync(path).isDirectory();
    expect(text).toBe(isFolder ? `${target}/` : target);
    if (!isFolder || existsSync(join(path, "main.mjs"))) continue;
    expect([target, readdirSync(path).some((name) => name === "README.md")]).toEqual([target, true]);
  }
});

test("each is named by a test", () => {
  const sources = filesUnder(tests, /\.ts$/).filter((name) => name !== "examples/index.test.ts");
  const text = sources.map((name) => readFileSync(join(tests, name), "utf8")).join("\n");
  const unnamed = listed.filter(({ target }) => {
    const name = target.replace(/^http2\//, "");
    return !(name.endsWith(".mjs") ? text.includes(`"${name}"`) : text.includes(`${name}/`));
  });
  expect(unnamed).toEqual([]);
});

test("each begins with what it is for and how to run it, and is short", () => {
  const single = listed.filter(({ target }) => target.endsWith(".mjs") && !target.startsWith("http2/"));
  for (const { target } of single) {
    const source = readFileSync(join(folder, target), "utf8");
    const [header = ""] = source.split("\n\n");
    expect([target, header]).toEqual([target, expect.stringMatching(/^(?:\/\/.*\n?)+$/)]);
    expect(header).toContain(`node ${target.includes(".test.") ? "--test " : ""}docs/examples/${target}`);
    expect([target, source.split("\n").length <= 100]).toEqual([target, true]);
  }
});
