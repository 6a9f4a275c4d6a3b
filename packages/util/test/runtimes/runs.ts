/** Starts the runtimes and gives what the suite says in them. */
import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { environment, run } from "../interop/support/command.ts";

const timeoutMs = 40_000;

/** The lines of a runtime that prints them. */
export async function printed(path: string, args: readonly string[]): Promise<unknown[]> {
  const { code, stdout, stderr } = await run(path, args, { timeoutMs });
  if (code !== 0) throw new Error(`${path} ended with ${String(code)}: ${stderr}`);
  return parsed(stdout.toString("utf8"));
}

/** The lines of workerd, which is asked for them over HTTP. */
export async function answeredByWorkerd(path: string, folder: string): Promise<unknown[]> {
  const child = spawn(path, ["serve", "workerd.capnp", "--experimental", "--control-fd=3"], {
    cwd: folder,
    env: environment(),
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  let complaints = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    complaints += chunk.toString("latin1");
  });
  try {
    const { tcp, http } = await ports(child.stdio[3] as Readable, closed);
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(`http://127.0.0.1:${http}/?port=${tcp}`, { signal });
    if (!response.ok) throw new Error(`workerd answered ${response.status}`);
    return parsed(await response.text());
  } catch (cause) {
    throw new Error(`workerd failed: ${complaints}`, { cause });
  } finally {
    // A polite end would wait for connections.
    child.kill("SIGKILL");
    await closed;
  }
}

/** The ports workerd has bound, which it tells on its control descriptor as a line of JSON each. */
function ports(control: Readable, closed: Promise<void>): Promise<{ tcp: number; http: number }> {
  return new Promise((resolve, reject) => {
    const bound: { tcp?: number; http?: number } = {};
    let told = "";
    control.on("error", reject);
    control.on("data", (chunk: Buffer) => {
      const lines = (told + chunk.toString("utf8")).split("\n");
      told = lines.pop() ?? "";
      for (const line of lines) {
        const { event, socket, port } = JSON.parse(line) as { event: string; socket: "tcp" | "http"; port: number };
        if (event === "listen") bound[socket] = port;
      }
      const { tcp, http } = bound;
      if (tcp !== undefined && http !== undefined) resolve({ tcp, http });
    });
    void closed.then(() => reject(new Error("it ended before it listened")));
  });
}

function parsed(lines: string): unknown[] {
  return lines
    .trim()
    .split("\n")
    .map((line) => {
      const { name, value } = JSON.parse(line) as { name: string; value: unknown };
      return [name, value];
    });
}
