// Processes pinned to a core, and what the kernel says about them.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../", import.meta.url));

/** Whether `command` can be started. */
export function has(command) {
  try {
    execFileSync("which", [command], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Where the process under test runs, if that is a server, and where all else does. */
export const serverCore = 0;
export const loadCore = 1;

const canPin = has("taskset");
const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"]).toString());

/** What runs now: nothing of it outlives this process. */
const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

function start(core, command, args, stdin = "ignore") {
  const pinned = canPin ? ["taskset", ["-c", String(core), command, ...args]] : [command, args];
  // taskset becomes the command, so that the pid is the command's.
  const child = spawn(pinned[0], pinned[1], { cwd: folder, stdio: [stdin, "pipe", "inherit"] });
  running.add(child);
  child.once("close", () => running.delete(child));
  return child;
}

/** Starts a server of servers/ and waits until it listens. `flags` are for node, `args` for the server. */
export function startServer(file, service, core, flags = [], args = [], name = file) {
  return startProgram(name, core, process.execPath, [...flags, `servers/${file}.mjs`, "--service", service, ...args]);
}

/** Starts any server and waits until it says `listening on PORT` or, if it was told its port, until that is open. */
export async function startProgram(name, core, command, args, toldPort) {
  const child = start(core, command, args);
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const lines = createInterface(child.stdout);
  const nextLine = () => new Promise((resolve) => lines.once("line", resolve));
  const port = await new Promise((resolve, reject) => {
    exited.then((code) => reject(new Error(`${name} ended with ${code}`)));
    if (toldPort !== undefined) opened(toldPort).then(() => resolve(toldPort), reject);
    else nextLine().then((line) => resolve(Number(/^listening on (\d+)$/.exec(line)?.[1])));
  });
  return {
    name,
    port,
    pid: child.pid,
    /** Of a server of servers/: collects garbage and gives its `process.memoryUsage()`. */
    async collectGarbage() {
      const said = nextLine();
      child.kill("SIGUSR2");
      const line = await Promise.race([said, exited]);
      if (typeof line !== "string") throw new Error(`${name} ended with ${line}`);
      return JSON.parse(line);
    },
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

/** A port that was free just now, for programs that do not say which one they took. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Resolves when something accepts connections on `port`. */
async function opened(port) {
  for (let attempts = 100; attempts > 0; attempts--) {
    const socket = connect({ port, host: "127.0.0.1" });
    const isOpen = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens on ${port}`);
}

/** Runs a program to its end and gives what `read` makes of its output: the JSON it prints last, unless said otherwise. */
export function measured(core, command, args, limitSeconds, read = lastLineOfJson) {
  const child = start(core, command, args);
  const patience = setTimeout(() => child.kill("SIGKILL"), limitSeconds * 1000);
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => {
      clearTimeout(patience);
      resolve(read(output) ?? { requests: 0, seconds: 1, cpuSeconds: 1, errors: 1 });
    });
  });
}

function lastLineOfJson(output) {
  const last = output.trim().split("\n").pop() ?? "";
  return last.startsWith("{") ? JSON.parse(last) : undefined;
}

/** Starts a program that says one line of JSON and then waits for the end of its input. */
export async function held(core, command, args) {
  const child = start(core, command, args, "pipe");
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const said = new Promise((resolve) => createInterface(child.stdout).once("line", resolve));
  const line = await Promise.race([said, exited]);
  if (typeof line !== "string") throw new Error(`${args[0]} ended with ${line}`);
  return {
    said: JSON.parse(line),
    async release() {
      child.stdin.end();
      await exited;
    },
  };
}

/** Seconds of processor time a process has used, in user and in kernel mode; not a number once it has ended. */
export function cpuSeconds(pid) {
  let stat;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return Number.NaN;
  }
  // The second field is the name in parentheses, which may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** The resident memory of a process in bytes. */
export function residentBytes(pid) {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]) * 1024;
}
