/** tinyproxy, an HTTP proxy, in the foreground on a free port of this machine. */
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { environment } from "./command.ts";
import { peer } from "./peer.ts";
import { freePort } from "./ports.ts";
import { type ProxyProcess, started } from "./proxy-process.ts";
import { temporaryFolder } from "./temporary.ts";

export const program = peer("tinyproxy");

export interface TinyproxyConfig {
  /** Without: anybody may use it. */
  readonly credentials?: { readonly username: string; readonly password: string };
  /** Ports that CONNECT may lead to. Default: all. */
  readonly connectPorts?: readonly number[];
}

export async function startTinyproxy({ credentials, connectPorts = [] }: TinyproxyConfig = {}): Promise<ProxyProcess> {
  const folder = await temporaryFolder();
  return await started("tinyproxy", folder, async () => {
    const port = await freePort();
    const file = join(folder.path, "tinyproxy.conf");
    const lines = [
      `Port ${port}`,
      "Listen 127.0.0.1",
      "Timeout 60",
      "MaxClients 50",
      "Allow 127.0.0.1",
      'ViaProxyName "tinyproxy"',
      ...connectPorts.map((allowed) => `ConnectPort ${allowed}`),
      ...(credentials ? [`BasicAuth ${credentials.username} ${credentials.password}`] : []),
    ];
    await writeFile(file, `${lines.join("\n")}\n`);
    const child = spawn(program.path, ["-d", "-c", file], { env: environment(), stdio: ["ignore", "pipe", "pipe"] });
    return { child, port };
  });
}
