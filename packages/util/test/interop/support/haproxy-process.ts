/** HAProxy with a configuration of the test's own, in the foreground on a free port of this machine. */
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { certificate } from "./certificate.ts";
import { environment } from "./command.ts";
import { program } from "./haproxy.ts";
import { freePort } from "./ports.ts";
import { type ProxyProcess, started } from "./proxy-process.ts";
import { temporaryFolder } from "./temporary.ts";

export interface HaproxyConfig {
  /** Parameters of its `bind`, such as `proto h2`. With `ssl`, the certificate for localhost is shown. */
  readonly bind?: string;
  /** Further lines of its `listen`, such as its servers; `CERT` stands for the file of the certificate. */
  readonly listen: string;
  /** Further sections. */
  readonly more?: string;
}

export interface Haproxy extends ProxyProcess {
  readonly origin: string;
  /** Has another process take over, while this one ends what it has begun. */
  reload(): void;
}

/** One process above, which reloads, and one below. */
const limits = "timeout connect 10s\n timeout client 60s\n timeout server 60s";

export async function startHaproxy({ bind = "", listen, more = "" }: HaproxyConfig): Promise<Haproxy> {
  const { cert, key } = certificate();
  const folder = await temporaryFolder({ "both.pem": `${cert}\n${key}`, "cert.pem": cert });
  const both = join(folder.path, "both.pem");
  let signal = (): void => {};
  const running = await started("haproxy", folder, async () => {
    const port = await freePort();
    const file = join(folder.path, "haproxy.cfg");
    const configuration = `
      global
        maxconn 500
        log stderr format raw local0 notice
      defaults
        mode http
        ${limits}
      listen test
        bind 127.0.0.1:${port} ${bind.replace(/\bssl\b/, `ssl crt ${both}`)}
        ${listen}
      ${more}
    `.replaceAll("CERT", join(folder.path, "cert.pem"));
    await writeFile(file, `${configuration.trim()}\n`);
    const child = spawn(program.path, ["-W", "-f", file], {
      env: environment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    signal = () => void child.kill("SIGUSR2");
    return { child, port };
  });
  const { port, [Symbol.asyncDispose]: stop } = running;
  return {
    port,
    origin: `${/\bssl\b/.test(bind) ? "https" : "http"}://127.0.0.1:${port}`,
    get log() {
      return running.log;
    },
    reload: () => signal(),
    [Symbol.asyncDispose]: stop,
  };
}
