/**
 * The server's half of the suite: a case is run as in any runtime, except that its `connect` never gets anywhere. Its other
 * half runs in a page, where `listen` does nothing and `connect` leads here.
 */
import type { Io, Timer } from "@sluice/core";

type Serve = (io: Io) => void;

interface Runtime {
  readonly timer: Timer;
  listen(serve: Serve): Promise<{ port: number; close(): Promise<void> }>;
  connect(): Promise<never>;
}

const { runCase } = (await import(new URL("suite.mjs", import.meta.url).href)) as {
  runCase(runtime: Runtime, name: string): Promise<string>;
};

export class Halves {
  readonly #timer: Timer;
  #name = "";
  #serve: Promise<Serve> | undefined;
  #end: () => void = () => {};

  constructor(timer: Timer) {
    this.#timer = timer;
  }

  /** Serves a connection as the case does; the first one for a case starts it, and ends the one before. */
  serve(name: string, io: Io): void {
    if (name !== this.#name) this.#start(name);
    void this.#serve?.then((serve) => serve(io));
  }

  /** Ends the case that runs. */
  end(): void {
    this.#end();
  }

  #start(name: string): void {
    this.#end();
    this.#name = name;
    const ended = new Promise<never>((_, reject) => {
      this.#end = () => reject(new Error("the other half has ended"));
    });
    ended.catch(() => {});
    this.#serve = new Promise((resolve) => {
      const listen = async (serve: Serve): Promise<{ port: number; close(): Promise<void> }> => {
        resolve(serve);
        return { port: 0, close: async () => {} };
      };
      void runCase({ timer: this.#timer, listen, connect: () => ended }, name);
    });
  }
}
