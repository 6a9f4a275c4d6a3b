/**
 * The examples of the README do what they say.
 */
import { readFileSync } from "node:fs";
import * as net from "node:net";
import * as body from "@sluice/body";
import * as core from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import * as node from "@sluice/util/node";
import { expect, test } from "vitest";

const readme = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");

/** The code blocks under a heading. */
function example(heading: string): string {
  const section = readme.slice(readme.indexOf(`## ${heading}\n`));
  const block = /```ts\n([\s\S]*?)```/.exec(section);
  if (block?.[1] === undefined) throw new Error(`the README has no example under ${heading}`);
  return block[1];
}

/** Runs an example with its imports taken from `modules`. */
function run(
  code: string,
  modules: Readonly<Record<string, unknown>>,
  log: (...values: unknown[]) => void,
): Promise<void> {
  const script = code.replace(/^import (\{[^}]*\}) from ("[^"]*");$/gm, "const $1 = modules[$2];");
  const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor as FunctionConstructor;
  return AsyncFunction("modules", "console", script)(modules, { log }) as Promise<void>;
}

const modules = {
  "@sluice/body": body,
  "@sluice/core": core,
  "@sluice/core/http1": http1,
  "node:net": net,
};

test("the client of the README talks to the server of the README", async () => {
  let listener: node.Listener | undefined;
  const listen = (options: node.ListenOptions): node.Listener => {
    listener = node.listen({ ...options, port: 0, host: "localhost" });
    return listener;
  };
  const serving = run(example("A server"), { ...modules, "@sluice/util/node": { ...node, listen } }, () => {});
  const address = await (listener as unknown as node.Listener).ready;
  if (typeof address === "string" || !("port" in address)) throw new Error("the server listens on no port");

  const printed: unknown[][] = [];
  const client = example("A client").replaceAll("3000", String(address.port));
  await run(client, { ...modules, "@sluice/util/node": node }, (...values) => printed.push(values));
  expect(printed).toEqual([[200, "Hello, /world\n"]]);

  await listener?.close();
  await serving;
});

test("server and client are as short as the README promises", () => {
  const lines = (code: string): number => code.split("\n").filter((line) => line.trim() !== "").length;
  expect(lines(example("A server"))).toBeLessThanOrEqual(15);
  expect(lines(example("A client"))).toBeLessThanOrEqual(10);
});
