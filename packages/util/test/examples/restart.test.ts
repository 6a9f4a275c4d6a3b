/** restart.mjs: two restarts under requests, none of which fails; and a child that cannot start. */
import { renameSync } from "node:fs";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { plainClient } from "../support/plain-peer.ts";
import { hooks, startExample } from "./program.ts";

/** What a connection of its own is answered; the code of the error if it fails. */
function ask(port: number, path = "/"): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ port, host: "127.0.0.1" });
    socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
    socket.on("data", (chunk: Buffer) => (text += chunk));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "error"));
    socket.on("end", () => resolve(text.split("\r\n\r\n")[1] ?? "nothing"));
  });
}

test.skipIf(process.platform === "win32")(
  "restart.mjs: no request fails while one process follows the other, twice",
  async () => {
    await using program = await startExample("restart.mjs");
    const { port } = program;
    let stopped = false;
    const pids = (): number[] => [...program.output.matchAll(/process (\d+) listening/g)].map(([, pid]) => Number(pid));
    const children = (): number[] => pids().slice(1);
    try {
      expect(pids()).toEqual([program.child.pid]);
      const answers = new Set<string>();
      const loop = async (): Promise<void> => {
        while (!stopped) {
          answers.add(await ask(port));
        }
      };
      const loops = [loop(), loop()];
      for (const generation of [0, 1]) {
        const pid = pids()[generation] ?? 0;
        // Under way in the process that goes.
        const slow = ask(port, "/slow");
        // Connections are accepted in their order.
        expect(await ask(port)).toBe(`process ${pid}\n`);
        process.kill(pid, "SIGHUP");
        // Either may be the first to say so.
        await program.prints(new RegExp(`process ${pid} ended: .*\n`));
        await program.prints(new RegExp(`(?:listening on [0-9]+\n[\\s\\S]*){${generation + 2}}`));
        expect(await slow).toBe(`process ${pid}\n`);
        expect(program.output).toMatch(
          new RegExp(`^process ${pid} ended: [0-9]+ in order, 0 failed, 0 given up$`, "m"),
        );
      }
      expect(await ask(port)).toBe(`process ${pids()[2]}\n`);
      stopped = true;
      await Promise.all(loops);
      expect([...answers].sort()).toEqual(
        pids()
          .map((pid) => `process ${pid}\n`)
          .sort(),
      );
      expect(program.child.exitCode).toBe(0);
    } finally {
      stopped = true;
      for (const pid of children()) tryKill(pid);
    }
  },
);

function tryKill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

test.skipIf(process.platform === "win32")("restart.mjs: a child that does not start changes nothing", async () => {
  await using program = await startExample("restart.mjs");
  using client = await plainClient(program.port);
  renameSync(hooks, `${hooks}.away`);
  try {
    program.child.kill("SIGHUP");
    await program.prints(/goes on: .*\n/);
  } finally {
    renameSync(`${hooks}.away`, hooks);
  }
  expect(program.lines.at(-1)).toBe(`process ${program.child.pid} goes on: CHILD_GONE`);
  client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  expect(await client.bytes(1)).toMatch(new RegExp(`process ${program.child.pid}\n$`));
});
