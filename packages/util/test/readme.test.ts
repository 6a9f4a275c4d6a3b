/**
 * The examples of the README do what they say.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { get as getOverTls } from "node:https";
import * as net from "node:net";
import * as body from "@sluice/body";
import * as core from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import * as http2 from "@sluice/core/http2";
import * as client from "@sluice/util/client";
import * as node from "@sluice/util/node";
import * as utilServer from "@sluice/util/server";
import { expect, test } from "vitest";
import { certificate } from "./interop/support/certificate.ts";

const readme = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");

/** The code blocks under a heading. */
function examples(heading: string): string[] {
  const start = readme.indexOf(`## ${heading}\n`);
  const end = readme.indexOf("\n## ", start);
  return [...readme.slice(start, end).matchAll(/```ts\n([\s\S]*?)```/g)].map(([, block]) => block as string);
}

/** The `index`th code block under a heading. */
function example(heading: string, index = 0): string {
  const block = examples(heading)[index];
  if (block === undefined) throw new Error(`the README has no example ${index} under ${heading}`);
  return block;
}

/** Runs an example with its imports taken from `modules`. */
function run(
  code: string,
  modules: Readonly<Record<string, unknown>>,
  log: (...values: unknown[]) => void,
): Promise<void> {
  const script = code.replace(/^import (?:\* as )?(\w+|\{[^}]*\}) from ("[^"]*");$/gm, "const $1 = modules[$2];");
  const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor as FunctionConstructor;
  return AsyncFunction("modules", "console", script)(modules, { log }) as Promise<void>;
}

const modules = {
  "@sluice/body": body,
  "@sluice/core": core,
  "@sluice/core/http1": http1,
  "@sluice/core/http2": http2,
  "@sluice/util/client": client,
  "@sluice/util/node": node,
  "@sluice/util/server": utilServer,
  "node:net": net,
};

interface Serving extends AsyncDisposable {
  readonly port: number;
}

/** Runs an example of a server, on any port. */
async function serving(code: string): Promise<Serving> {
  let listener: node.Listener | undefined;
  const listen = (options: node.ListenOptions): node.Listener => {
    listener = node.listen({ ...options, port: 0, host: "localhost" });
    return listener;
  };
  const done = run(code, { ...modules, "@sluice/util/node": { ...node, listen } }, () => {});
  const { port } = await (listener as unknown as node.Listener).ready;
  return {
    port,
    async [Symbol.asyncDispose]() {
      await listener?.close();
      await done;
    },
  };
}

/** Runs an example of a client; what it prints. */
async function printed(code: string, port: number): Promise<unknown[][]> {
  const lines: unknown[][] = [];
  await run(code.replaceAll("3000", String(port)), modules, (...values) => lines.push(values));
  return lines;
}

test("the client of the README talks to the server of the README", async () => {
  await using server = await serving(example("A server"));
  expect(await printed(example("A client"), server.port)).toEqual([[200, "Hello, /world\n"]]);
});

test("so do the clients by hand, over either version, with requests at once on one connection", async () => {
  await using server = await serving(example("A server"));
  expect(await printed(example("One connection, by hand", 0), server.port)).toEqual([[200, "Hello, /world\n"]]);
  expect(await printed(example("One connection, by hand", 1), server.port)).toEqual([
    [["Hello, /one\n", "Hello, /two\n", "Hello, /three\n"], 3],
  ]);
});

test("the server over TLS speaks what ALPN chose, and drains on a signal", async () => {
  const files = new Map(Object.entries(certificate()).map(([name, text]) => [`${name}.pem`, text]));
  let listener: node.Listener | undefined;
  const listen = (options: node.ListenOptions): node.Listener =>
    (listener = node.listen({ ...options, port: 0, host: "localhost" }));
  const done = run(
    example("TLS, and the whole loop in one call"),
    {
      ...modules,
      "node:fs": { readFileSync: (name: string) => files.get(name) },
      "@sluice/util/node": { ...node, listen },
    },
    () => {},
  );
  const { port } = await (listener as unknown as node.Listener).ready;
  const origin = `https://localhost:${port}`;
  const ca = certificate().cert;

  const session = connectHttp2(origin, { ca });
  const stream = session.request({ ":path": "/" }).setEncoding("utf8");
  expect((await stream.toArray()).join("")).toBe("Hello by HTTP/2\n");
  session.close();

  const [response] = await once(getOverTls(origin, { ca, agent: false }), "response");
  expect((await response.setEncoding("utf8").toArray()).join("")).toBe("Hello by HTTP/1.1\n");

  process.emit("SIGTERM", "SIGTERM");
  await done;
});

test("no example is left out", () => {
  const headings = ["A server", "A client", "TLS, and the whole loop in one call", "One connection, by hand"];
  expect(headings.map((heading) => examples(heading).length)).toEqual([1, 1, 1, 2]);
  expect(readme.match(/```ts/g)).toHaveLength(5);
});

test("server and client are as short as the README promises", () => {
  const lines = (code: string): number => code.split("\n").filter((line) => line.trim() !== "").length;
  expect(lines(example("A server"))).toBeLessThan(15);
  expect(lines(example("A client"))).toBeLessThan(5);
});
