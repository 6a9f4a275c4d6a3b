/** express.mjs and hono.mjs: the applications behave as they would at home, over both versions. */
import { expect, test } from "vitest";
import { type Ask, ask, versions } from "./exchange.ts";
import { startExample } from "./program.ts";

const cases = {
  "express.mjs": {
    hello: { http1: "Hello, you, over HTTP/1.1", http2: "Hello, you, over HTTP/2.0" },
    malformed: [400, '{"error":"entity.parse.failed"}'],
    tooLong: [413, '{"error":"entity.too.large"}'],
  },
  "hono.mjs": {
    hello: { http1: "Hello, you, over HTTP/1.1", http2: "Hello, you, over HTTP/2" },
    malformed: [400, '{"error":"SyntaxError"}'],
    tooLong: [413, ""],
  },
} as const;

test.each(Object.keys(cases) as (keyof typeof cases)[])("%s", async (name) => {
  const { hello, malformed, tooLong } = cases[name];
  await using program = await startExample(name);
  for (const version of versions) {
    const say = async (path: string, options: Ask = {}): Promise<unknown[]> => {
      const { status, text } = await ask(program.port, path, { version, ...options });
      return [status, text];
    };
    const sum = (content: string): Promise<unknown[]> =>
      say("/sum", { method: "POST", content, fields: { "content-type": "application/json" } });
    expect(await say("/hello/you")).toEqual([200, hello[version]]);
    expect(await sum("[1,2,3]")).toEqual([200, '{"sum":6}']);
    expect(await sum("[1,2")).toEqual(malformed);
    expect(await sum(`[${"1,".repeat(2_000)}1]`)).toEqual(tooLong);
    expect((await say("/none"))[0]).toBe(404);
  }
  expect(await program.stop()).toBe(0);
});
