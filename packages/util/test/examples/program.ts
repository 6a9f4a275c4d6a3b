/**
 * The examples of docs/examples as programs of their own, run as they stand. `@sluice/...` is what the sources are at the
 * moment, bundled, so that nothing need be built before.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll } from "vitest";
import { environment } from "../interop/support/command.ts";
import { deferred } from "../interop/support/deferred.ts";

/** The part of Vite used here; it comes with Vitest. */
interface Vite {
  build(config: object): Promise<unknown>;
}

const examples = fileURLToPath(new URL("../../../../docs/examples/", import.meta.url));
const packages = fileURLToPath(new URL("../../../", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "sluice-examples-"));
/** What every example is started with; without it none starts. */
export const hooks: string = join(scratch, "hooks.mjs");
/** Those of `@sluice/util` that examples use. */
const faces = ["client", "connect", "fetch", "memory", "middleware", "node", "node-http", "observe", "server"];
const running = new Set<ChildProcess>();

/** Where the programs find `@sluice/...`: beside this file. */
const resolveSource = `
export function resolve(specifier, context, next) {
  const [, name] = /^@sluice\\/(.+)$/.exec(specifier) ?? [];
  if (name === undefined) return next(specifier, context);
  return { url: new URL("./" + name + ".js", import.meta.url).href, shortCircuit: true };
}
`;

/** Node 20 has only the older of both ways. */
const hooksSource = `
import * as module from "node:module";
import { resolve } from "./resolve.mjs";
if (module.registerHooks) module.registerHooks({ resolve });
else module.register("./resolve.mjs", import.meta.url);
`;

beforeAll(async () => {
  await bundlePackages();
  writeFileSync(join(scratch, "resolve.mjs"), resolveSource);
  writeFileSync(hooks, hooksSource);
});

afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
  rmSync(scratch, { recursive: true, force: true });
});

/** Several faces, but each module once. */
async function bundlePackages(): Promise<void> {
  const require = createRequire(createRequire(import.meta.url).resolve("vitest/package.json"));
  const vite = (await import(require.resolve("vite"))) as Vite;
  const input: Record<string, string> = {
    body: join(packages, "body/src/index.ts"),
    core: join(packages, "core/src/index.ts"),
    "core/http1": join(packages, "core/src/http1.ts"),
    "core/http2": join(packages, "core/src/http2.ts"),
  };
  for (const face of faces) input[`util/${face}`] = join(packages, "util/src", face, "index.ts");
  await vite.build({
    ...{ configFile: false, logLevel: "silent", publicDir: false },
    resolve: {
      alias: [
        { find: /^@sluice\/([^/]+)$/, replacement: `${packages}$1/src/index.ts` },
        { find: /^@sluice\/([^/]+)\/(.+)$/, replacement: `${packages}$1/src/$2` },
      ],
    },
    ssr: { noExternal: /^@sluice\// },
    build: {
      ...{ ssr: true, target: "node20", minify: false, outDir: scratch, emptyOutDir: false },
      rollupOptions: { input, output: { entryFileNames: "[name].js" } },
    },
  });
  writeFileSync(join(scratch, "package.json"), '{ "type": "module" }');
}

export interface Program extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly port: number;
  /** Everything printed so far. */
  readonly output: string;
  /** The lines printed so far behind the one that tells the port. */
  readonly lines: readonly string[];
  /** Waits until there are that many such lines. */
  printed(count: number): Promise<readonly string[]>;
  /** Waits until something of the kind was printed, by the program or by what it has started. */
  prints(pattern: RegExp): Promise<void>;
  /** Sends SIGTERM and waits for the end: the code it exits with. */
  stop(): Promise<number | null>;
}

/** Starts an example that listens, on a free port. */
export async function startExample(name: string, ...args: readonly string[]): Promise<Program> {
  const program = spawned(name, ["--port", "0", ...args]);
  const { child, closed, output, outputIs } = program;
  await outputIs((text) => /listening on \d+\n/.test(text));
  const port = Number(/listening on (\d+)/.exec(output())?.[1]);
  if (Number.isNaN(port)) throw new Error(`${name} does not listen:\n${output()}`);
  const linesOf = (text: string): readonly string[] => text.split("\n").slice(1, -1);
  return {
    ...{ child, port },
    get output() {
      return output();
    },
    get lines() {
      return linesOf(output());
    },
    async printed(count) {
      await outputIs((text) => linesOf(text).length >= count);
      return linesOf(output());
    },
    prints: (pattern) => outputIs((text) => pattern.test(text)),
    async stop() {
      child.kill("SIGTERM");
      await closed;
      return child.exitCode;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      // What it has started itself may still hold the other ends.
      child.stdout?.destroy();
      child.stderr?.destroy();
      await closed;
    },
  };
}

/** Runs an example to its end: the lines it prints, and the code it exits with. */
export async function runExample(
  name: string,
  ...args: readonly string[]
): Promise<{ readonly lines: readonly string[]; readonly code: number | null }> {
  const { child, closed, output } = spawned(name, args);
  await closed;
  return { lines: output().split("\n").slice(0, -1), code: child.exitCode };
}

interface Spawned {
  readonly child: ChildProcess;
  readonly closed: Promise<unknown>;
  readonly output: () => string;
  /** Waits until `condition` holds for what was printed, or nothing more will be. */
  outputIs(condition: (output: string) => boolean): Promise<void>;
}

function spawned(name: string, args: readonly string[]): Spawned {
  const options = name.endsWith(".test.mjs") ? ["--test", "--test-reporter=tap"] : [];
  const argv = ["--no-warnings", "--import", pathToFileURL(hooks).href, ...options, join(examples, name), ...args];
  const child = spawn(process.execPath, argv, { env: environment(), stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let output = "";
  const waiting = new Set<() => void>();
  const onData = (chunk: Buffer): void => {
    output += chunk;
    for (const look of waiting) look();
  };
  child.stdout.on("data", onData);
  child.stderr.on("data", onData);
  const closed = once(child, "close");
  void closed.then(() => running.delete(child));
  const outputIs = async (condition: (output: string) => boolean): Promise<void> => {
    if (condition(output)) return;
    const { promise, resolve } = deferred<void>();
    const look = (): void => {
      if (condition(output)) resolve();
    };
    waiting.add(look);
    await Promise.race([promise, closed]);
    waiting.delete(look);
  };
  return { child, closed, output: () => output, outputIs };
}
