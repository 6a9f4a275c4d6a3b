/** nginx with a configuration and a folder of its own, in the foreground, on a free port of this machine. */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { environment, run } from "./command.ts";
import { peer } from "./peer.ts";
import { accepts, freePort } from "./ports.ts";

export const program = peer("nginx");

export interface Nginx extends AsyncDisposable {
  readonly port: number;
  readonly origin: string;
  /** Has new processes take over from those there are, which end when they have nothing left to do. Needs `processes`. */
  reload(): void;
}

export interface NginxConfig {
  /** Directives of the `http` block, such as an `upstream`. */
  readonly http?: string;
  /** Directives of the one `server`. */
  readonly server: string;
  /** Files below its root. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
  /** Parameters of its `listen`, such as `ssl http2`. */
  readonly listen?: string;
  /** A process that serves and one above it, instead of one for all. Default false. */
  readonly processes?: boolean;
}

/** How often to look for another port, in case somebody else takes the one that was free. */
const attempts = 3;
const startLimitMs = 10_000;

export async function startNginx(config: NginxConfig): Promise<Nginx> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryStart(config, await freePort());
    } catch (error) {
      if (attempt === attempts) throw error;
    }
  }
}

async function tryStart(config: NginxConfig, port: number): Promise<Nginx> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-nginx-"));
  for (const [name, bytes] of Object.entries(config.files ?? {})) await writeFile(join(folder, name), bytes);
  const file = join(folder, "nginx.conf");
  await writeFile(file, await configuration(config, folder, port));
  const child = spawn(program.path, ["-p", folder, "-c", file, "-e", "stderr"], {
    env: environment(),
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  let failure: Error | undefined;
  child.on("error", (error) => (failure = error));
  const exited = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const stop = async (): Promise<void> => {
    // At once: a request that a test has left behind must not hold it up.
    child.kill("SIGTERM");
    const patience = setTimeout(() => child.kill("SIGKILL"), startLimitMs);
    await exited;
    clearTimeout(patience);
    await rm(folder, { recursive: true, force: true });
  };
  const limit = Date.now() + startLimitMs;
  while (!(await accepts(port))) {
    if (child.exitCode === null && failure === undefined && Date.now() < limit) continue;
    await stop();
    throw new Error(`nginx did not start: ${failure?.message ?? log}`);
  }
  const scheme = /\bssl\b/.test(config.listen ?? "") ? "https" : "http";
  return {
    port,
    origin: `${scheme}://127.0.0.1:${port}`,
    reload: () => void child.kill("SIGHUP"),
    [Symbol.asyncDispose]: stop,
  };
}

async function configuration(config: NginxConfig, folder: string, port: number): Promise<string> {
  const { http = "", server, listen = "", processes = false } = config;
  const { stderr: built } = await run(program.path, ["-V"]);
  // The built-in folders need not be writable; a module that is not built in does not know its directive.
  const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .filter((name) => !built.includes(`--without-http_${name}_module`))
    .map((name) => `${name}_temp_path ${join(folder, name)};`);
  return `
    daemon off;
    master_process ${processes ? "on" : "off"};
    ${processes && process.getuid?.() === 0 ? "user root;" : ""}
    pid ${join(folder, "nginx.pid")};
    error_log stderr warn;
    events { worker_connections 256; }
    http {
      access_log off;
      ${folders.join("\n      ")}
      ${http}
      server {
        listen 127.0.0.1:${port} ${listen};
        root ${folder};
        ${server}
      }
    }
  `;
}
