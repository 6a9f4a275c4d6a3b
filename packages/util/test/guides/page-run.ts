/**
 * Runs the blocks of a page one after another, each a process of its own, as a reader would who types them in.
 *
 * A program ends by itself with code 0 and complains of nothing; a server listens, keeps running for those below it, and is
 * ended with the page.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { environment } from "../interop/support/command.ts";
import type { Block } from "./blocks.ts";
import type { Programs } from "./programs.ts";

/** What a program did. */
export interface Outcome {
  readonly printed: string;
  /** What went wrong; empty for a program that did as it should. */
  readonly complaints: string;
}

/** A program takes a moment; a server waits for all of its page. */
const patienceMs = 20_000;
const serverPatienceMs = 60_000;

export class PageRun implements AsyncDisposable {
  readonly #programs: Programs;
  /** Port that the page says -> port in use. */
  readonly #ports: Record<string, number> = {};
  readonly #servers: Running[] = [];

  constructor(programs: Programs) {
    this.#programs = programs;
  }

  /** Runs a program to its end. */
  async run(block: Block): Promise<Outcome> {
    const running = this.#start(block);
    await running.closed;
    return running.outcome(false);
  }

  /** Starts a server, and waits until it listens. Gives what ends it and tells what it did. */
  async serve(block: Block): Promise<() => Promise<Outcome>> {
    const running = this.#start(block);
    this.#servers.push(running);
    await Promise.race([running.listening, running.closed]);
    return async () => {
      running.child.kill("SIGTERM");
      await running.closed;
      return running.outcome(true);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child } of this.#servers) child.kill("SIGKILL");
    await Promise.all(this.#servers.map(({ closed }) => closed));
  }

  #start(block: Block): Running {
    return new Running(block.language === "sh" ? this.#shell(block.code) : this.#node(block), (said, used) => {
      this.#ports[said] = used;
    });
  }

  #node(block: Block): ChildProcess {
    const preload = join(import.meta.dirname, "ports.mjs");
    return spawn(process.execPath, ["--import", preload, this.#programs.fileOf(block)], {
      cwd: this.#programs.folder,
      env: { ...plainEnvironment(), GUIDE_PORTS: JSON.stringify(this.#ports) },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      timeout: block.isServer ? serverPatienceMs : patienceMs,
      killSignal: "SIGKILL",
    });
  }

  #shell(code: string): ChildProcess {
    const script = code.replace(/(?<=:)\d+\b/g, (port) => String(this.#ports[port] ?? port));
    return spawn("sh", ["-eu", "-c", script], {
      cwd: this.#programs.folder,
      env: environment(),
      stdio: ["ignore", "pipe", "pipe"],
      timeout: patienceMs,
      killSignal: "SIGKILL",
    });
  }
}

/** Without what tells Node to load, to colour or to trust more than the page says. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(FORCE_COLOR|NODE_OPTIONS|NODE_EXTRA_CA_CERTS)$/;
  return Object.fromEntries(Object.entries(environment()).filter(([name]) => !foreign.test(name)));
}

/** A process and what it prints. */
class Running {
  readonly child: ChildProcess;
  readonly listening: Promise<void>;
  readonly closed: Promise<void>;
  #printed = "";
  #complaints = "";
  #isListening = false;

  constructor(child: ChildProcess, onPort: (said: number, used: number) => void) {
    this.child = child;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.#printed += text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.#complaints += text));
    this.listening = new Promise((resolve) => {
      child.on("message", (told) => {
        const { said, used } = told as { said: number; used: number };
        onPort(said, used);
        this.#isListening = true;
        resolve();
      });
    });
    this.closed = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", () => resolve());
    });
  }

  outcome(isServer: boolean): Outcome {
    const { exitCode, signalCode } = this.child;
    let complaints = this.#complaints;
    if (isServer && !this.#isListening) complaints += "it never listened\n";
    if (exitCode !== 0 && !(isServer && signalCode === "SIGTERM"))
      complaints += `it ended with ${exitCode ?? signalCode}\n`;
    return { printed: this.#printed, complaints };
  }
}
