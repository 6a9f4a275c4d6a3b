/** nghttpd, the server of nghttp2, in the foreground on a free port of this machine. */
import { spawn } from "node:child_process";
import { certificateFile, keyFile } from "./certificate.ts";
import { environment } from "./command.ts";
import { peer } from "./peer.ts";
import { accepts, freePort } from "./ports.ts";
import { temporaryFolder } from "./temporary.ts";

export const program = peer("nghttpd");

export interface Nghttpd extends AsyncDisposable {
  readonly port: number;
  /** What it tells of frames, with `--verbose`. */
  readonly log: string;
}

export interface NghttpdConfig {
  readonly args?: readonly string[];
  readonly tls?: boolean;
  /** Files below its root. */
  readonly files?: Readonly<Record<string, Uint8Array | string>>;
}

/** How often to look for another port, in case somebody else takes the one that was free. */
const attempts = 3;
const startLimitMs = 10_000;

export async function startNghttpd(config: NghttpdConfig = {}): Promise<Nghttpd> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryStart(config, await freePort());
    } catch (error) {
      if (attempt === attempts) throw error;
    }
  }
}

async function tryStart({ args = [], tls = false, files = {} }: NghttpdConfig, port: number): Promise<Nghttpd> {
  const folder = await temporaryFolder(files);
  const secured = tls ? [keyFile, certificateFile] : ["--no-tls"];
  const child = spawn(
    program.path,
    ["--address=127.0.0.1", `--htdocs=${folder.path}`, ...args, `${port}`, ...secured],
    {
      env: environment(),
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let log = "";
  let failure: Error | undefined;
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (log += chunk.toString()));
  child.on("error", (error) => (failure = error));
  const exited = new Promise<void>((resolve) => child.once("close", () => resolve()));
  // A test that runs out of time stops nothing.
  const atExit = (): void => void child.kill("SIGKILL");
  process.once("exit", atExit);
  const stop = async (): Promise<void> => {
    process.removeListener("exit", atExit);
    child.kill("SIGKILL");
    await exited;
    await folder[Symbol.asyncDispose]();
  };
  const limit = Date.now() + startLimitMs;
  while (!(await accepts(port))) {
    if (child.exitCode === null && failure === undefined && Date.now() < limit) continue;
    await stop();
    throw new Error(`nghttpd did not start: ${failure?.message ?? log}`);
  }
  return {
    port,
    get log() {
      return log;
    },
    [Symbol.asyncDispose]: stop,
  };
}
