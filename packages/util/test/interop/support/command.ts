/** Starts a program and waits for its end, for as long as a test may wait and no longer. */
import { spawn } from "node:child_process";

export interface CommandOutcome {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface CommandOptions {
  /** What the program reads from its standard input. Default: nothing. */
  readonly input?: Uint8Array | string;
  readonly timeoutMs?: number;
  /** Default: `environment()`. */
  readonly env?: NodeJS.ProcessEnv;
}

const defaultTimeoutMs = 30_000;

export function run(path: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandOutcome> {
  const { input, timeoutMs = defaultTimeoutMs, env = environment() } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { env, timeout: timeoutMs, killSignal: "SIGKILL" });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.on("error", reject);
    child.on("close", (code) =>
      resolve({ code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString("latin1") }),
    );
    // A program that does not read all of its input is a matter of the test's.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

/** Everything stays on this machine: no proxy that the surroundings happen to name is asked. */
export function environment(): NodeJS.ProcessEnv {
  const named = Object.entries(process.env).filter(([name]) => !/_proxy$/i.test(name));
  return Object.fromEntries(named);
}
