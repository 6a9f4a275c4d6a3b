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
}

export interface Haproxy extends ProxyProcess {
  readonly origin: string;
}

export async function startHaproxy({ bind = "", listen }: HaproxyConfig): Promise<Haproxy> {
  const { cert, key } = certificate();
  const folder = await temporaryFolder({ "both.pem": `${cert}\n${key}`, "cert.pem": cert });
  const both = join(folder.path, "both.pem");
  const running = await started("haproxy", folder, async () => {
    const port = await freePort();
    const file = join(folder.path, "haproxy.cfg");
    const configuration = `
      global
        maxconn 500
        log stderr format raw local0 notice
      defaults
        mode http
        timeout connect 10s
        timeout client 60s
        timeout server 60s
      listen test
        bind 127.0.0.1:${port} ${bind.replace(/\bssl\b/, `ssl crt ${both}`)}
        ${listen}
    `.replaceAll("CERT", join(folder.path, "cert.pem"));
    await writeFile(file, `${configuration.trim()}\n`);
    const child = spawn(program.path, ["-db", "-f", file], {
      env: environment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    return { child, port };
  });
  const { port, [Symbol.asyncDispose]: stop } = running;
  return {
    port,
    origin: `${/\bssl\b/.test(bind) ? "https" : "http"}://127.0.0.1:${port}`,
    get log() {
      return running.log;
    },
    [Symbol.asyncDispose]: stop,
  };
}
