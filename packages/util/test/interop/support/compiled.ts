/**
 * Peers that are compiled from their sources in `peers/`, where there is a toolchain for them: into the user's cache, so
 * that it is done once.
 *
 * Without the toolchain their tests are skipped, required or not: unlike other peers it is not installed for them. What
 * cannot be fetched makes them fail only if they are required.
 */
import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type CommandOptions, type CommandOutcome, environment, run } from "./command.ts";
import { findCommand } from "./peer.ts";

export interface CompiledPeer {
  /**
   * Compiles the program; `undefined` if the toolchain is too old, or what it needs cannot be fetched and is not required.
   * @throws Error if it cannot be compiled.
   */
  build(): Promise<Program | undefined>;
  /** There is no toolchain. */
  readonly skipped: boolean;
}

export interface Program {
  run(args: readonly string[], options?: CommandOptions): Promise<CommandOutcome>;
  /** Starts it as a server that prints its port first, and ends with its standard input. */
  serve(args?: readonly string[]): Promise<CompiledServer>;
}

export interface CompiledServer extends AsyncDisposable {
  readonly port: number;
  /** Writes a line to its standard input, and resolves with the next line it prints. */
  ask(line: string): Promise<string>;
}

/** Long enough to fetch and compile everything on a slow machine. */
export const buildLimitMs = 500_000;
const startLimitMs = 10_000;

const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "sluice", "peers");

function sources(name: string): string {
  return fileURLToPath(new URL(`../peers/${name}`, import.meta.url));
}

/** The program in Go, which needs nothing but Go. */
export function goPeer(): CompiledPeer {
  const go = findCommand("go", ["/usr/local/go/bin"]);
  return {
    skipped: go === undefined,
    async build() {
      const output = join(cache, "go-peer");
      const args = ["build", "-C", sources("go"), "-o", output, "."];
      const { code, stderr } = await start(go, args, { GOTOOLCHAIN: "local", GOFLAGS: "-mod=mod" });
      if (/requires go >=/.test(stderr)) return undefined;
      return finished(code, stderr, output);
    },
  };
}

/** The program in Rust, for which cargo fetches what it has not yet; where it cannot, there is no program. */
export function hyperPeer(): CompiledPeer {
  const cargo = findCommand("cargo", [join(homedir(), ".cargo", "bin")]);
  return {
    skipped: cargo === undefined,
    async build() {
      const target = join(cache, "hyper-peer");
      const manifest = ["--manifest-path", join(sources("hyper"), "Cargo.toml")];
      const fetched = await start(cargo, ["fetch", "--quiet", ...manifest], {});
      if (fetched.code !== 0) return undefined;
      const { code, stderr } = await start(cargo, ["build", "--quiet", ...manifest], { CARGO_TARGET_DIR: target });
      return finished(code, stderr, join(target, "debug", "sluice-test-peer"));
    },
  };
}

/** The program that was built, which tests need not ask about again. */
export function programOf(built: Program | undefined): Program {
  if (built === undefined) throw new Error("the program was not compiled");
  return built;
}

async function start(compiler: string | undefined, args: readonly string[], env: NodeJS.ProcessEnv) {
  if (compiler === undefined) throw new Error("there is no compiler");
  await mkdir(cache, { recursive: true });
  // What is fetched may have to be asked of a proxy.
  return await run(compiler, args, { timeoutMs: buildLimitMs / 2, env: { ...process.env, ...env } });
}

function finished(code: number | null, stderr: string, path: string): Program {
  if (code !== 0) throw new Error(`the compiler ended with ${code}\n${stderr}`);
  return { run: (args, options) => run(path, args, options), serve: (args = []) => serve(path, args) };
}

async function serve(path: string, args: readonly string[]): Promise<CompiledServer> {
  const child = spawn(path, ["server", ...args], { env: environment(), stdio: ["pipe", "pipe", "ignore"] });
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const lines = createInterface(child.stdout);
  const patience = setTimeout(() => child.kill("SIGKILL"), startLimitMs);
  const port = await new Promise<number>((resolve, reject) => {
    lines.once("line", (line) => resolve(Number(line)));
    child.once("error", reject);
    child.once("close", (code) => reject(new Error(`${path} ended with ${code} before it listened`)));
  });
  clearTimeout(patience);
  return {
    port,
    ask(line) {
      const answer = new Promise<string>((resolve, reject) => {
        lines.once("line", resolve);
        child.once("close", (code) => reject(new Error(`${path} ended with ${code} before it answered`)));
      });
      child.stdin.write(`${line}\n`);
      return answer;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await closed;
    },
  };
}
