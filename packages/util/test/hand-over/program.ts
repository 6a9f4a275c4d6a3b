/**
 * A server that answers every connection with its name, and does what it is told over IPC:
 * `argv`: its name; where the listener comes from: `receive`, `fd`, or the options of `listen` as JSON; for `receive`
 * also TLS options as JSON.
 */
import { fork } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { handOver, listen, receiveListener, type TlsServerOptions } from "@sluice/util/node";

const [name = "", from = "", tls = ""] = process.argv.slice(2);
const listener =
  from === "receive"
    ? await receiveListener(tls === "" ? {} : { tls: JSON.parse(tls) as TlsServerOptions })
    : listen(from === "fd" ? { fd: 3 } : (JSON.parse(from) as object));
const files: number[] = [];

process.on("message", async (command: unknown) => {
  if (command === "hand over") {
    const child = fork(process.argv[1] ?? "", ["child", "receive"]);
    child.on("message", (message: { tell?: unknown }) => {
      if (message.tell !== undefined) process.send?.(message);
    });
    process.on("disconnect", () => child.kill());
    await handOver(listener, child);
    process.send?.({ tell: "handed over" });
  } else if (command === "close") {
    await listener.close();
    process.send?.({ tell: "closed" });
  } else if (command === "use up descriptors") {
    // One of an earlier connection that was given back later would be one too many.
    while ((await connections()) > 0) await setImmediate();
    try {
      for (;;) files.push(openSync("/dev/null", "r"));
    } catch {
      process.send?.({ tell: "used up" });
    }
  } else if (command === "free descriptors") {
    for (const file of files.splice(0)) closeSync(file);
    process.send?.({ tell: "freed" });
  } else if (command === "report") {
    const { user, system } = process.cpuUsage();
    process.send?.({ tell: "report", cpuMs: (user + system) / 1000, acceptErrors: listener.acceptErrors });
  }
});
process.on("disconnect", () => process.exit());

function connections(): Promise<number> {
  return new Promise((resolve) => listener.server.getConnections((_error, count) => resolve(count)));
}

process.send?.({ tell: "listening", address: await listener.ready });
for await (const io of listener) {
  io.write([new TextEncoder().encode(name)]);
  io.shutdown(() => io.read(() => io.abort()));
}
process.send?.({ tell: "ended" });
