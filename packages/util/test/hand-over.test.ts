/** Listeners that go from process to process, and one that runs out of descriptors. */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { connect, type NetConnectOpts } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as tlsConnect } from "node:tls";
import { handOver, type ListenAddress, type Listener, listen, receiveListener } from "@sluice/util/node";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { fakeTimer } from "../src/memory/index.ts";
import { certificate } from "./interop/support/certificate.ts";
import { type Bundle, bundle } from "./support/bundle.ts";
import { failure } from "./support/io.ts";

const host = "127.0.0.1";
const children: ChildProcess[] = [];
let program: Bundle;

beforeAll(async () => {
  program = await bundle("hand-over/program.ts");
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill();
});
afterAll(() => program[Symbol.dispose]());

interface Told {
  readonly tell: string;
  readonly address?: ListenAddress;
  readonly cpuMs?: number;
  readonly acceptErrors?: number;
}

/** The next message of that kind. */
function told(child: ChildProcess, what: string): Promise<Told> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: Told): void => {
      if (message.tell !== what) return;
      child.removeListener("message", onMessage);
      resolve(message);
    };
    child.on("message", onMessage);
    child.once("exit", (code) => reject(new Error(`the child ended with ${code} before it told "${what}"`)));
  });
}

function start(...args: string[]): ChildProcess {
  const child = fork(program.file, args);
  children.push(child);
  return child;
}

function tell(child: ChildProcess, command: string, answer: string): Promise<Told> {
  const answered = told(child, answer);
  child.send(command);
  return answered;
}

/** Node has no public word for it; a process that is started by systemd finds its own at 3. */
function descriptorOf(listener: Listener): number {
  return (listener.server as unknown as { readonly _handle: { readonly fd: number } })._handle.fd;
}

/** What a connection says before its end, or the code of the error it fails with. */
function ask(target: NetConnectOpts): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(target);
    socket.on("data", (chunk) => (text += chunk.toString("latin1")));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "error"));
    socket.on("end", () => resolve(text === "" ? "nothing" : text));
  });
}

/** Connects 500 times, two at a time, while a listener goes from parent to child; counts what came. */
async function throughHandOver(parent: ChildProcess, target: NetConnectOpts): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  let begun = 0;
  const loop = async (): Promise<void> => {
    while (begun < 500) {
      begun += 1;
      // The last fifth is for the child alone.
      if (begun === 400) await moved;
      const answer = await ask(target);
      counts[answer] = (counts[answer] ?? 0) + 1;
      if (begun < 400) await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const moved = tell(parent, "hand over", "handed over").then(() => tell(parent, "close", "closed"));
  await Promise.all([loop(), loop()]);
  return counts;
}

describe("handing over", () => {
  test("TCP: no connection is refused or reset while the listener goes to a child and the parent closes", async () => {
    const parent = start("parent", JSON.stringify({ host }));
    const { address } = await told(parent, "listening");
    const counts = await throughHandOver(parent, { host, port: address?.port ?? 0 });
    expect(Object.keys(counts).sort()).toEqual(["child", "parent"]);
    expect((counts["child"] ?? 0) + (counts["parent"] ?? 0)).toBe(500);
  });

  test("a Unix socket with keepPath: the same, and its name stays", async () => {
    const path = join(tmpdir(), `sluice-over-${process.pid}.sock`);
    const parent = start("parent", JSON.stringify({ path, keepPath: true }));
    const listening = await told(parent, "listening");
    expect(listening.address).toEqual({ family: "unix", address: path, port: 0 });
    const counts = await throughHandOver(parent, { path });
    expect(Object.keys(counts).sort()).toEqual(["child", "parent"]);
    expect((counts["child"] ?? 0) + (counts["parent"] ?? 0)).toBe(500);
    expect(existsSync(path)).toBe(true);
    rmSync(path);
  });

  test("the child gets the address, and what the parent has accepted stays with the parent", async () => {
    const listener = listen({ host });
    const iterator = listener[Symbol.asyncIterator]();
    const { port } = await listener.ready;
    const early = connect({ port, host });
    await expect.poll(() => listener.pending).toBe(1);
    const child = start("child", "receive");
    const listening = told(child, "listening");
    await handOver(listener, child);
    expect((await listening).address).toEqual(listener.address);
    await listener.close();
    const { value: io } = await iterator.next();
    expect(io?.info.remotePort).toBe(early.localPort);
    expect((await iterator.next()).done).toBe(true);
    expect(await ask({ port, host })).toBe("child");
    io?.abort();
    early.destroy();
  });

  test("the child may speak TLS, to clients that speak it and to those that do not", async () => {
    const listener = listen({ host });
    const { port } = await listener.ready;
    const child = start("child", "receive", JSON.stringify(certificate()));
    await handOver(listener, child);
    await listener.close();
    const socket = tlsConnect({ port, host, ca: certificate().cert, servername: "localhost" });
    const [chunk] = (await once(socket, "data")) as [Buffer];
    expect(chunk.toString()).toBe("child");
    socket.destroy();
    const plain = connect({ port, host }).end("GET / HTTP/1.1\r\n\r\n");
    const [answer] = (await once(plain, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 400 /);
  });

  test("a descriptor that was inherited over stdio listens", async () => {
    const listener = listen({ host });
    const { port } = await listener.ready;
    const child = spawn(process.execPath, [program.file, "by descriptor", "fd"], {
      stdio: ["ignore", "inherit", "inherit", descriptorOf(listener), "ipc"],
    });
    children.push(child);
    expect((await told(child, "listening")).address).toEqual(listener.address);
    await listener.close();
    expect(await ask({ port, host })).toBe("by descriptor");
  });

  test("a child that ends or stays silent rejects, and the listener goes on", async () => {
    const timer = fakeTimer();
    const listener = listen({ host });
    const silent = new EventEmitter() as ChildProcess;
    Object.assign(silent, { channel: {}, connected: true, send: () => true });
    const waiting = failure(handOver(listener, silent, { timeoutMs: 2_000, timer }));
    await listener.ready;
    await Promise.resolve();
    timer.advance(2_000);
    expect(await waiting).toMatchObject({ kind: "timeout", code: "HAND_OVER_TIMEOUT" });
    expect(silent.eventNames()).toEqual([]);
    const leaving = failure(handOver(listener, silent, { timer }));
    await Promise.resolve();
    silent.emit("exit", 1, null);
    expect(await leaving).toMatchObject({ kind: "closed", code: "CHILD_GONE" });
    expect([silent.eventNames(), timer.pending]).toEqual([[], 0]);
    const answered = ask({ host, port: listener.address?.port ?? 0 });
    (await listener[Symbol.asyncIterator]().next()).value?.abort();
    expect(await answered).toBe("ECONNRESET");
    await listener.close();
  });

  test("mistakes are told at once", async () => {
    const path = join(tmpdir(), `sluice-lost-${process.pid}.sock`);
    const listener = listen({ path });
    const child = new EventEmitter() as ChildProcess;
    expect(() => handOver(listener, child)).toThrow(/IPC channel/);
    Object.assign(child, { channel: {} });
    expect(() => handOver(listener, child, { timeoutMs: 0 })).toThrow(RangeError);
    expect(await failure(handOver(listener, child))).toBeInstanceOf(TypeError);
    await listener.close();
    expect(() => receiveListener({ maxPending: 0 })).toThrow(RangeError);
  });

  test("a signal ends the waiting for a listener, and nothing is left on the process", async () => {
    const send = vi.spyOn(process, "send").mockReturnValue(true);
    const counts = (): number[] => ["message", "disconnect"].map((event) => process.listenerCount(event));
    const before = counts();
    const controller = new AbortController();
    const waiting = failure(receiveListener({ name: "mine", signal: controller.signal }));
    expect(send.mock.calls.map(([message]) => message as unknown)).toEqual([{ sluice: "want", name: "mine" }]);
    controller.abort();
    expect(await waiting).toMatchObject({ kind: "canceled", code: "LISTENER_CLOSED" });
    expect(counts()).toEqual(before);
    send.mockRestore();
  });
});

test.skipIf(process.platform === "win32")(
  "a listener without descriptors does not spin, and serves again when there are some",
  async () => {
    const child = spawn(
      "sh",
      ["-c", 'ulimit -n 64; exec "$0" "$@"', process.execPath, program.file, "alive", JSON.stringify({ host })],
      {
        stdio: ["ignore", "inherit", "inherit", "ipc"],
      },
    );
    children.push(child);
    const { address } = await told(child, "listening");
    const target = { host, port: address?.port ?? 0 };
    expect(await ask(target)).toBe("alive");
    await tell(child, "use up descriptors", "used up");
    const before = await tell(child, "report", "report");
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(target)));
    expect(answers).not.toContain("alive");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const after = await tell(child, "report", "report");
    // A busy loop would have used nearly all of that second.
    expect((after.cpuMs ?? 0) - (before.cpuMs ?? 0)).toBeLessThan(500);
    expect(after.acceptErrors).toBeLessThan(100);
    await tell(child, "free descriptors", "freed");
    expect(await ask(target)).toBe("alive");
    child.disconnect();
    await once(child, "exit");
  },
);
