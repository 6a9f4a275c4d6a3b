/** What the page is made of was written from its sources as they are now, and their types hold. */
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { run } from "../interop/support/command.ts";

test("src/trace/page-assets.ts is what scripts/trace-page.mjs writes", async () => {
  const script = resolve(import.meta.dirname, "../../../../scripts/trace-page.mjs");
  const { code, stdout, stderr } = await run(process.execPath, [script, "--check"]);
  expect([code, stdout.toString(), stderr]).toEqual([0, "", ""]);
});
