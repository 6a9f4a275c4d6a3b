import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fakeTimer } from "@sluice/util/memory";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ConnectTarget } from "../connector.ts";
import { unixConnector } from "./unix-connector.ts";

const target: ConnectTarget = { scheme: "https", host: "anything.example", port: 443 };
let folder = "";
const open: { destroy(): void }[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-unix-"));
});
afterEach(() => {
  for (const one of open.splice(0)) one.destroy();
  rmSync(folder, { recursive: true, force: true });
});

/** Listens at `path`; gives a function that waits for the first connection. */
async function listening(path: string): Promise<() => Promise<Socket>> {
  const server = createServer((socket) => open.push(socket));
  server.listen(path);
  await once(server, "listening");
  open.push({ destroy: () => void server.close() });
  const first = once(server, "connection").then(([socket]) => socket as Socket);
  return () => first;
}

const pipes = (): number => process.getActiveResourcesInfo().filter((name) => name === "PipeWrap").length;

describe.skipIf(process.platform === "win32")("unixConnector", () => {
  test("leads to the socket file, whatever scheme, host and port the target has", async () => {
    const path = join(folder, "s");
    const accepted = await listening(path);
    for (const given of [path, { path }]) {
      const { io, timings } = await unixConnector(given)(target);
      open.push({ destroy: () => io.abort() });
      expect(timings).toEqual({});
      io.write([Buffer.from("hello")]);
    }
    expect((await once(await accepted(), "data")).toString()).toBe("hello");
  });

  test("no such file: kind connect, the errno name, and the path in the message", async () => {
    const path = join(folder, "gone");
    await expect(unixConnector(path)(target)).rejects.toMatchObject({
      kind: "connect",
      code: "ENOENT",
      message: `connecting to the socket ${JSON.stringify(path)} failed: connect ENOENT ${path}`,
    });
  });

  test("a path that is too long is an error, not another path", async () => {
    await expect(unixConnector(join(folder, "x".repeat(200)))(target)).rejects.toMatchObject({ kind: "connect" });
  });

  test("canceled: at once and without a socket", async () => {
    const path = join(folder, "s");
    await listening(path);
    const timer = fakeTimer();
    const controller = new AbortController();
    const before = pipes();
    const connecting = unixConnector({ path, timer })(target, controller.signal);
    expect(pipes()).toBe(before + 1);
    controller.abort("why");
    await expect(connecting).rejects.toMatchObject({ kind: "canceled", code: "CANCELED", cause: "why" });
    expect(timer.pending).toBe(0);
    await new Promise(setImmediate);
    expect(pipes()).toBeLessThanOrEqual(before + 1); // the accepted end, if there is one
    expect(process.getActiveResourcesInfo()).not.toContain("PipeConnectWrap");
  });

  test("connectTimeoutMs is 10 seconds by default; it takes no alarm with it", async () => {
    const path = join(folder, "s");
    await listening(path);
    const timer = fakeTimer();
    const connecting = unixConnector({ path, timer })(target);
    expect(timer.nextDelayMs).toBe(10_000);
    const { io } = await connecting;
    io.abort();
    expect(timer.pending).toBe(0);
    expect(io.timer).toBe(timer);
  });
});

test("senseless options throw", () => {
  expect(() => unixConnector("")).toThrow(new TypeError('unixConnector: path must be the path of a socket, got ""'));
  expect(() => unixConnector("a\0b")).toThrow(
    new TypeError('unixConnector: path must be the path of a socket, got "a\\u0000b"'),
  );
  expect(() => unixConnector({ path: "/s", port: 1 } as object as { path: string })).toThrow(
    new TypeError("unixConnector: unknown option port"),
  );
  expect(() => unixConnector({ path: "/s", connectTimeoutMs: Number.NaN })).toThrow(RangeError);
});
