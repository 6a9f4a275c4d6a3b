/** hello.mjs: both versions, to the letter, and its end. */
import { expect, test } from "vitest";
import { ask, versions } from "./exchange.ts";
import { startExample } from "./program.ts";

test("hello.mjs says hello over both versions, and ends by itself after SIGTERM", async () => {
  await using program = await startExample("hello.mjs");
  for (const version of versions) {
    expect(await ask(program.port, "/world?x=1", { version })).toEqual({
      status: 200,
      fields: { "content-type": "text/plain", "content-length": "14" },
      text: "Hello, /world\n",
    });
  }
  expect(await program.stop()).toBe(0);
  expect(program.output).toBe(`listening on ${program.port}\n`);
});
