/**
 * Every program of the guides, and of the READMEs of the packages, does what its page says: it is type-checked, runs by
 * itself, and prints what the page shows.
 */
import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../interop/support/command.ts";
import { peer } from "../interop/support/peer.ts";
import { type Block, pages } from "./blocks.ts";
import { type Outcome, PageRun } from "./page-run.ts";
import { type Programs, programs } from "./programs.ts";

const all = pages();
let built: Programs | undefined;

beforeAll(async () => {
  built = await programs(all.flatMap(({ blocks }) => blocks));
});
afterAll(() => built?.[Symbol.dispose]());

test("the types of every program fit", async () => {
  const tsc = resolve(import.meta.dirname, "../../../../node_modules/typescript/bin/tsc");
  const { stdout } = await run(process.execPath, [
    tsc,
    "--noEmit",
    "--pretty",
    "false",
    "-p",
    (built as Programs).tsconfig,
  ]);
  expect(stdout.toString("utf8").replace(/^\S*\/blocks\//gm, "")).toBe("");
});

const curl = peer("curl");

/** Why a block is not run; undefined if it is. */
function obstacle({ language, notRun }: Block): string | undefined {
  return language === "sh" && curl.skipped ? "needs curl" : notRun;
}

describe.concurrent.each(all)("$title", ({ blocks }) => {
  const programs = blocks.filter((block) => !block.isModule && obstacle(block) === undefined);
  for (const block of blocks) {
    const reason = obstacle(block);
    if (reason !== undefined) test.skip(`${block.name}: ${reason}`, () => {});
  }

  test(`its ${programs.length} programs print what it says`, async () => {
    await using page = new PageRun(built as Programs);
    const servers: [string, () => Promise<Outcome>][] = [];
    const seen: [string, Outcome][] = [];
    for (const block of programs) {
      if (block.isServer) servers.push([block.name, await page.serve(block)]);
      else seen.push([block.name, await page.run(block)]);
    }
    for (const [name, stop] of servers) seen.push([name, await stop()]);
    const expected = programs.map(({ name, output = "" }) => [name, { printed: output, complaints: "" }] as const);
    expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(expected));
  });
});
