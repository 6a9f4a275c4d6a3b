// Processes pinned to a core, and what the kernel says about them.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../", import.meta.url));
/** Where Debian puts servers is not always searched. */
const searchPath = `${process.env.PATH}:/usr/local/go/bin:/usr/sbin:/sbin`;
const maxComplaint = 10_000;
const heldLimitMs = 60_000;

const found = new Map();

/** Whether `command` can be started. */
export function has(command) {
  if (!found.has(command)) found.set(command, lookUp(command));
  return found.get(command);
}

function lookUp(command) {
  try {
    execFileSync("which", [command], { stdio: "ignore", env: { ...process.env, PATH: searchPath } });
    return true;
  } catch {
    return false;
  }
}

/** Where the process under test runs, if that is a server, and where all else does. */
export const serverCore = 0;
export const loadCore = 1;

const canPin = has("taskset") && availableParallelism() > 1;
/** setpriv lets the kernel end a process with the one that started it. */
const canTie = has("setpriv");
const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"]).toString());
const startLimitMs = 30_000;
const stopLimitMs = 5_000;
const interruptAgainMs = 500;

/** Whether processes stay on the core they are given. */
export const isPinned = canPin;

/** What runs now: nothing of it outlives this process. */
const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

function start(core, command, args, stdin = "ignore") {
  const words = [command, ...args];
  if (canPin) words.unshift("taskset", "-c", String(core));
  if (canTie) words.unshift("setpriv", "--pdeathsig", "KILL");
  // Each of them becomes the next, so that the pid is the command's.
  const env = { ...process.env, PATH: searchPath };
  const child = spawn(words[0], words.slice(1), { cwd: folder, stdio: [stdin, "pipe", "pipe"], env });
  running.add(child);
  // The first of what a program complains about is enough to tell why it failed.
  child.complaint = "";
  child.stderr.on("data", (chunk) => {
    if (child.complaint.length < maxComplaint) child.complaint += chunk;
  });
  child.once("error", () => running.delete(child));
  child.once("close", () => running.delete(child));
  return child;
}

/** Starts any server and waits until it says `listening on PORT` or, if it was told its port, until that is open. */
export async function startProgram(name, core, command, args, toldPort) {
  const child = start(core, command, args);
  const exited = new Promise((resolve) => child.once("close", resolve));
  const lines = createInterface(child.stdout);
  const nextLine = () => new Promise((resolve) => lines.once("line", resolve));
  const ended = exited.then((code) => {
    throw new Error(`${name} ended with ${code}: ${firstLine(child.complaint)}`);
  });
  ended.catch(() => {});
  const open = toldPort === undefined ? nextLine().then(portOf) : opened(toldPort);
  let port;
  try {
    port = await withinLimit(Promise.race([open, ended]), startLimitMs, `${name} does not listen`);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  return {
    name,
    port,
    pid: child.pid,
    /** Of a server in Node: collects garbage and gives its `process.memoryUsage()`. */
    async collectGarbage() {
      const said = nextLine();
      child.kill("SIGUSR2");
      return JSON.parse(await withinLimit(Promise.race([said, ended]), startLimitMs, `${name} says nothing`));
    },
    async stop() {
      child.kill("SIGTERM");
      const patience = setTimeout(() => child.kill("SIGKILL"), stopLimitMs);
      await exited;
      clearTimeout(patience);
    },
  };
}

function portOf(line) {
  const port = /^listening on (\d+)$/.exec(line)?.[1];
  if (port === undefined) throw new Error(`expected "listening on PORT", got ${JSON.stringify(line.slice(0, 80))}`);
  return Number(port);
}

async function withinLimit(promise, limitMs, message) {
  let timeout;
  const late = new Promise((_resolve, reject) => {
    timeout = setTimeout(() => reject(new Error(`${message} after ${limitMs / 1000} s`)), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timeout);
  }
}

function firstLine(text) {
  const lines = text.trim().split("\n");
  return lines.find((line) => /error/i.test(line)) ?? lines[0];
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

/** Resolves with `port` when something accepts connections on it. */
async function opened(port) {
  for (let attempts = 400; attempts > 0; attempts--) {
    const socket = connect({ port, host: "127.0.0.1" });
    const isOpen = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return port;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens on ${port}`);
}

/**
 * Runs a program to its end and gives what `read` makes of its output: the JSON it prints last, unless said otherwise. After
 * `interruptSeconds` it gets SIGINT, after `limitSeconds` it is killed. Without a result the run counts as one error.
 */
export function measured(core, command, args, { limitSeconds, interruptSeconds, read = lastLineOfJson }) {
  const child = start(core, command, args);
  const patience = setTimeout(() => child.kill("SIGKILL"), limitSeconds * 1000);
  // Again and again: wrk does not notice one that comes just before it goes to sleep.
  let interrupts;
  const interrupt = () => {
    child.kill("SIGINT");
    interrupts = setTimeout(interrupt, interruptAgainMs);
  };
  if (interruptSeconds !== undefined) interrupts = setTimeout(interrupt, interruptSeconds * 1000);
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(patience);
      clearTimeout(interrupts);
      const failed = failedRun(`${command} ended with ${signal ?? code}: ${firstLine(child.complaint)}`);
      // Interrupted before it could take that for the end of its time: nothing went wrong, and nothing was measured.
      resolve(read(output) ?? (signal === "SIGINT" ? { ...failed, errors: 0 } : failed));
    });
  });
}

/** What stands for a run without a result. */
export function failedRun(why) {
  return { requests: 0, seconds: 1, cpuSeconds: Number.NaN, errors: 1, why };
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
  const line = await withinLimit(Promise.race([said, exited]), heldLimitMs, `${args[0]} says nothing`);
  if (typeof line !== "string") throw new Error(`${args[0]} ended with ${line}: ${firstLine(child.complaint)}`);
  return {
    pid: child.pid,
    said: JSON.parse(line),
    async release() {
      child.stdin.end();
      const patience = setTimeout(() => child.kill("SIGKILL"), stopLimitMs);
      await exited;
      clearTimeout(patience);
    },
  };
}

/**
 * Seconds of processor time a process has used, in user and in kernel mode, all threads together; not a number once it has
 * ended. Where the kernel tells nanoseconds, they are taken, otherwise its ticks.
 */
export function cpuSeconds(pid) {
  const nanos = scheduledNanos(pid);
  return nanos > 0 ? nanos / 1e9 : tickedSeconds(pid);
}

/** By the scheduler; not a number where it does not say. A thread that has ended is not counted: those measured keep theirs. */
function scheduledNanos(pid) {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const nanosOf = (thread) =>
      Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ", 1)[0]);
    return threads.reduce((sum, thread) => sum + nanosOf(thread), 0);
  } catch {
    return Number.NaN;
  }
}

function tickedSeconds(pid) {
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

const attempts = 3;
const longer = 4;

/**
 * A run and the processor time a process took for it. Where that is less than a tick of the kernel's accounting, the run is
 * made again; `load` is told how many times as long. A load that counts for itself, such as one that leaves out of account
 * what it took to open connections, says so in `cpuSeconds`. Not a number: the process has ended.
 */
export async function withProcessorTime(pid, load) {
  for (let attempt = 1; ; attempt++) {
    const before = cpuSeconds(pid);
    const run = await load(longer ** (attempt - 1));
    const cpu = Number.isFinite(run.cpuSeconds) ? run.cpuSeconds : cpuSeconds(pid) - before;
    if (cpu !== 0 || run.errors > 0 || attempt === attempts) return { run, cpu };
  }
}

/** How many files, sockets among them, a process may have open. */
export function openFileLimit() {
  const limit = /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1];
  return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
}

/** The resident memory of a process in bytes. */
export function residentBytes(pid) {
  return statusBytes(pid, "VmRSS");
}

/** The most resident memory a process has had, in bytes. */
export function peakBytes(pid) {
  return statusBytes(pid, "VmHWM");
}

function statusBytes(pid, field) {
  try {
    return (
      Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]) *
      1024
    );
  } catch {
    return Number.NaN;
  }
}
