/**
 * What a client does to the life of its process: requests keep it alive, connections that do nothing do not.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Bundle, bundle } from "../support/bundle.ts";
import { startOrigin } from "../support/origin.ts";
import { until } from "./support.ts";

let program: Bundle;

beforeAll(async () => {
  program = await bundle("client/process/program.ts");
});
afterAll(() => program[Symbol.dispose]());

interface Started extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
}

function start(...args: readonly string[]): Started {
  const child = spawn(process.execPath, [program.file, ...args]);
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk));
  const ended = once(child, "close").then(([code]) => code as number | null);
  return {
    child,
    output: () => output,
    ended,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

describe("a process whose client is never closed", () => {
  for (const protocol of ["http1", "http2"] as const) {
    test(`${protocol}: ends by itself after its last response, with the connection idle`, async () => {
      await using origin = await startOrigin({ protocol });
      await using process = start(`${origin.url}/`, protocol, "request");
      expect([await process.ended, process.output()]).toEqual([0, "200\nok\nunder way: 0\n"]);
    });

    test(`${protocol}: stays while a response is open, and ends when that has been read`, async () => {
      for (const what of ["request", "unread"]) {
        await using origin = await startOrigin({ protocol });
        await using process = start(`${origin.url}/slow-body`, protocol, what);
        await until(() => process.output() === "200\n");
        await origin.slow.arrived();
        origin.slow.release();
        expect([await process.ended, process.output()]).toEqual([0, "200\nslow\nunder way: 0\n"]);
      }
    });

    test(`${protocol}: stays while it waits for an answer`, async () => {
      await using origin = await startOrigin({ protocol });
      await using process = start(`${origin.url}/slow`, protocol, "request");
      await origin.slow.arrived();
      expect(process.child.exitCode).toBe(null);
      origin.slow.release();
      expect([await process.ended, process.output()]).toEqual([0, "200\nslow\nunder way: 0\n"]);
    });

    test(`${protocol}: connections made beforehand do not keep it alive`, async () => {
      await using origin = await startOrigin({ protocol });
      await using process = start(origin.url, protocol, "warm");
      expect([await process.ended, process.output()]).toEqual([0, "under way: 0\n"]);
    });
  }
});
