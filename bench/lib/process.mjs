// Processes pinned to a core, and what the kernel says about them.

import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
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

/** Starts a server of servers/ and waits until it listens. */
export async function startServer(name, service, core, flags = []) {
  const child = start(core, process.execPath, [...flags, `servers/${name}.mjs`, "--service", service]);
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const port = await new Promise((resolve, reject) => {
    exited.then((code) => reject(new Error(`${name} ended with ${code}`)));
    createInterface(child.stdout).once("line", (line) => resolve(Number(/^listening on (\d+)$/.exec(line)?.[1])));
  });
  return {
    name,
    port,
    pid: child.pid,
    collectGarbage: () => child.kill("SIGUSR2"),
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

/** Runs a program to its end and gives the JSON it prints last. */
export function measured(core, command, args, limitSeconds) {
  const child = start(core, command, args);
  const patience = setTimeout(() => child.kill("SIGKILL"), limitSeconds * 1000);
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => {
      clearTimeout(patience);
      const last = output.trim().split("\n").pop() ?? "";
      resolve(last.startsWith("{") ? JSON.parse(last) : { requests: 0, seconds: 1, errors: 1 });
    });
  });
}

/** Starts a program that says one line of JSON and then waits for the end of its input. */
export async function held(core, command, args) {
  const child = start(core, command, args, "pipe");
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const said = await new Promise((resolve) => createInterface(child.stdout).once("line", resolve));
  return {
    said: JSON.parse(said),
    async release() {
      child.stdin.end();
      await exited;
    },
  };
}

/** Seconds of processor time a process has used, in user and in kernel mode. */
export function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The second field is the name in parentheses, which may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** The resident memory of a process in bytes. */
export function residentBytes(pid) {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]) * 1024;
}
