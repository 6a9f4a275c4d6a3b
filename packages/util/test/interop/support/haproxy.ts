/** HAProxy as the TLS end of another proxy, in the foreground on a free port of this machine. */
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { certificate } from "./certificate.ts";
import { environment } from "./command.ts";
import { peer } from "./peer.ts";
import { freePort } from "./ports.ts";
import { type ProxyProcess, started } from "./proxy-process.ts";
import { temporaryFolder } from "./temporary.ts";

export const program = peer("haproxy");

/** Takes TLS for localhost, and passes what is inside to `port`. */
export async function startTlsEnd(port: number): Promise<ProxyProcess> {
  const { cert, key } = certificate();
  const folder = await temporaryFolder({ "both.pem": `${cert}\n${key}` });
  return await started("haproxy", folder, async () => {
    const own = await freePort();
    const file = join(folder.path, "haproxy.cfg");
    const configuration = `
      global
        maxconn 100
      defaults
        mode tcp
        timeout connect 10s
        timeout client 60s
        timeout server 60s
      listen tls
        bind 127.0.0.1:${own} ssl crt ${join(folder.path, "both.pem")} alpn h2,http/1.1
        server proxy 127.0.0.1:${port}
    `;
    await writeFile(file, `${configuration.trim()}\n`);
    const child = spawn(program.path, ["-db", "-f", file], { env: environment(), stdio: ["ignore", "pipe", "pipe"] });
    return { child, port: own };
  });
}
