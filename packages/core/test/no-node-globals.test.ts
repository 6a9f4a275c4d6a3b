/**
 * The engine runs where there is nothing but ECMAScript and the few names it may use: body and core are bundled into one
 * script, which is run in an empty context.
 */
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { createContext, runInContext } from "node:vm";
import { expect, test } from "vitest";

/** The part of Vite used here; it comes with Vitest. */
interface Vite {
  build(config: object): Promise<readonly { readonly output: readonly { readonly code: string }[] }[]>;
}

const packages = resolve(import.meta.dirname, "../..");

async function bundle(): Promise<string> {
  const require = createRequire(createRequire(import.meta.url).resolve("vitest/package.json"));
  const vite = (await import(require.resolve("vite"))) as Vite;
  const [built] = await vite.build({
    configFile: false,
    envFile: false,
    logLevel: "silent",
    publicDir: false,
    resolve: {
      alias: [
        { find: /^@sluice\/(body|core)$/, replacement: `${packages}/$1/src/index.ts` },
        { find: "@sluice/core/http1", replacement: join(packages, "core/src/http1.ts") },
      ],
    },
    build: {
      write: false,
      minify: false,
      target: "es2022",
      lib: { entry: join(import.meta.dirname, "support/bare-exchange.ts"), formats: ["iife"], name: "bare" },
    },
  });
  return built?.output[0]?.code ?? "";
}

/** All that is there besides ECMAScript. */
const allowed = { TextEncoder, TextDecoder, AbortController, queueMicrotask };

test("exchanges run in a context without Buffer, process, timers, URL or console", async () => {
  const script = await bundle();
  expect(script).toMatch(/ServerConnection[^;]* = class/);
  const context = createContext({ ...allowed });
  // V8 puts these two into every context.
  runInContext("delete globalThis.console; delete globalThis.WebAssembly;", context);
  const foreign = "Buffer process global setTimeout setInterval setImmediate URL console require performance";
  const present = `"${foreign}".split(" ").filter((name) => name in globalThis)`;
  expect(Array.from(runInContext(present, context) as string[])).toEqual([]);
  const log: string[] = await runInContext(`${script}\nbare.run();`, context, { timeout: 10_000 });
  expect(Array.from(log)).toEqual([
    "100",
    "POST /a héllo 5",
    "103",
    "200 OK \xe9 héllo!",
    "5 true",
    "PUT /b known undefined",
    "200 known!",
    "canceled CANCELED",
    "closed canceled",
    "closed io",
  ]);
});
