/** Starting and stopping the proxies of others. */
import type { ChildProcess } from "node:child_process";
import { accepts } from "./ports.ts";
import type { TemporaryFolder } from "./temporary.ts";

export interface ProxyProcess extends AsyncDisposable {
  readonly port: number;
  /** What it says on its outputs. */
  readonly log: string;
}

export interface Attempt {
  readonly child: ChildProcess;
  readonly port: number;
}

/** How often to look for another port, in case somebody else takes the one that was free. */
const attempts = 3;
const startLimitMs = 10_000;

/** Starts a proxy until it accepts connections; `folder` goes with it. */
export async function started(
  name: string,
  folder: TemporaryFolder,
  start: () => Promise<Attempt>,
): Promise<ProxyProcess> {
  let failure: unknown;
  try {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      try {
        return await tryStart(name, folder, await start());
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

async function tryStart(name: string, folder: TemporaryFolder, { child, port }: Attempt): Promise<ProxyProcess> {
  let log = "";
  for (const output of [child.stdout, child.stderr]) output?.on("data", (text: Buffer) => (log += text.toString()));
  let failure: Error | undefined;
  child.on("error", (error) => (failure = error));
  const exited = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    const patience = setTimeout(() => child.kill("SIGKILL"), startLimitMs);
    await exited;
    clearTimeout(patience);
  };
  const limit = Date.now() + startLimitMs;
  while (!(await accepts(port))) {
    if (child.exitCode === null && failure === undefined && Date.now() < limit) continue;
    await stop();
    throw new Error(`${name} did not start: ${failure?.message ?? JSON.stringify(log)}`);
  }
  return {
    port,
    get log() {
      return log;
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}
