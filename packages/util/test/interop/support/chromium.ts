/** Chromium, without a window, on a page of the test's. */
import { spawn } from "node:child_process";
import { environment } from "./command.ts";
import { type Peer, peer } from "./peer.ts";
import { temporaryFolder } from "./temporary.ts";

export const program: Peer = peer("chromium");
const limitMs = 45_000;

/** Fetches, uploads, gives up, and reports what came of it. */
export const page: string = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module">
const bytes = (size) => Uint8Array.from({ length: size }, (_, i) => i % 251);
const same = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);
const read = async (response) => new Uint8Array(await response.arrayBuffer());
const told = {};
try {
  const sizes = Array.from({ length: 100 }, (_, i) => 1 + i * 1499);
  const fetched = sizes.map(async (size) => same(await read(await fetch("/bytes?" + size)), bytes(size)));
  told.fetched = (await Promise.all(fetched)).filter(Boolean).length;
  performance.setResourceTimingBufferSize(1000);
  const posts = sizes.map(async (size) => {
    const response = await fetch("/echo?" + size, { method: "POST", body: bytes(size) });
    return same(await read(response), bytes(size));
  });
  told.echoed = (await Promise.all(posts)).filter(Boolean).length;
  told.large = same(await read(await fetch("/echo", { method: "POST", body: bytes(4 << 20) })), bytes(4 << 20));
  told.trailers = await (await fetch("/trailers")).text();
  told.early = await (await fetch("/early")).text();
  told.empty = (await fetch("/empty")).status;
  told.missing = (await fetch("/nowhere")).status;
  const controller = new AbortController();
  const endless = await fetch("/stream?67108864", { signal: controller.signal });
  await endless.body.getReader().read();
  controller.abort();
  told.next = await (await fetch("/hello")).text();
  const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  told.protocols = [...new Set(entries.map((entry) => entry.nextHopProtocol))];
} catch (error) {
  told.error = String(error);
}
await fetch("/report", { method: "POST", body: JSON.stringify(told) });
</script>`;

/** Opens a page until `done`; what it has to say, should it end before. */
export async function browse(url: string, done: Promise<unknown>): Promise<void> {
  await using profile = await temporaryFolder();
  const child = spawn(
    program.path,
    [
      "--headless",
      // The page is ours, and as root there is no sandbox to be had.
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-quic",
      "--no-proxy-server",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
      "--ignore-certificate-errors",
      `--user-data-dir=${profile.path}`,
      "--remote-debugging-port=0",
      url,
    ],
    { env: environment(), stdio: ["ignore", "ignore", "pipe"], detached: true },
  );
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const failed = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`chromium ended with ${code}: ${said}`)));
  });
  let patience: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    patience = setTimeout(() => reject(new Error(`chromium has not reported: ${said}`)), limitMs);
  });
  try {
    await Promise.race([done, failed, late]);
  } finally {
    clearTimeout(patience);
    failed.catch(() => {});
    // With all the processes it has started, which are a group of their own.
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
    await closed;
  }
}
