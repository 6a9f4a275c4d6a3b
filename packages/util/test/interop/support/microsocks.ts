/** microsocks, a SOCKS5 proxy, in the foreground on a free port of this machine. */
import { spawn } from "node:child_process";
import { environment } from "./command.ts";
import { peer } from "./peer.ts";
import { freePort } from "./ports.ts";
import { type ProxyProcess, started } from "./proxy-process.ts";
import { temporaryFolder } from "./temporary.ts";

export const program = peer("microsocks");

export interface MicrosocksConfig {
  /** Without: anybody may use it. */
  readonly credentials?: { readonly username: string; readonly password: string };
}

export async function startMicrosocks({ credentials }: MicrosocksConfig = {}): Promise<ProxyProcess> {
  const user = credentials ? ["-u", credentials.username, "-P", credentials.password] : [];
  return await started("microsocks", await temporaryFolder(), async () => {
    const port = await freePort();
    const args = ["-i", "127.0.0.1", "-p", `${port}`, ...user];
    return { child: spawn(program.path, args, { env: environment(), stdio: ["ignore", "pipe", "pipe"] }), port };
  });
}
