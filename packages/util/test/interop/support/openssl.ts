/** The TLS server of OpenSSL, on a free port of this machine. It answers nothing, and tells what it was sent. */
import { spawn } from "node:child_process";
import { environment } from "./command.ts";
import { peer } from "./peer.ts";
import { freePort } from "./ports.ts";
import { type ProxyProcess, started } from "./proxy-process.ts";
import { temporaryFolder } from "./temporary.ts";

export const program = peer("openssl");

export interface TlsServer extends AsyncDisposable {
  readonly origin: string;
  /** What came inside of TLS. */
  readonly received: string;
  /** What came, and what is to be said about it. */
  readonly log: string;
}

/** @param args Such as its certificate, in the words of `openssl s_server`. */
export async function startOpenssl(args: readonly string[]): Promise<TlsServer> {
  let received = "";
  const running: ProxyProcess = await started("openssl", await temporaryFolder(), async () => {
    const port = await freePort();
    const child = spawn(program.path, ["s_server", "-accept", `127.0.0.1:${port}`, "-quiet", ...args], {
      env: environment(),
      stdio: ["pipe", "pipe", "pipe"],
    });
    child.stdout.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
    return { child, port };
  });
  return {
    origin: `https://localhost:${running.port}`,
    get received() {
      return received;
    },
    get log() {
      return running.log;
    },
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}
