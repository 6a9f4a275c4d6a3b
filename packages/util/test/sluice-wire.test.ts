/** The command `sluice-wire`, as a process: what is published, with the sources bundled in place of what is built. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** The part of Vite used here; it comes with Vitest. */
interface Vite {
  build(config: object): Promise<unknown>;
}

const folder = resolve(import.meta.dirname, "..");
const scratch = mkdtempSync(join(tmpdir(), "sluice-wire-"));
const command = join(scratch, "bin", "sluice-wire.mjs");

beforeAll(async () => {
  cpSync(join(folder, "bin"), join(scratch, "bin"), { recursive: true });
  writeFileSync(join(scratch, "package.json"), '{ "type": "module" }');
  const require = createRequire(createRequire(import.meta.url).resolve("vitest/package.json"));
  const vite = (await import(require.resolve("vite"))) as Vite;
  await vite.build({
    configFile: false,
    envFile: false,
    logLevel: "silent",
    publicDir: false,
    build: {
      ssr: join(folder, "src/observe/cli.ts"),
      target: "node20",
      minify: false,
      outDir: join(scratch, "dist/observe"),
    },
  });
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, [command, ...args], { stdio: ["pipe", "pipe", "pipe"] });
}

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function outcome(child: ChildProcess): Promise<Outcome> {
  let out = "";
  let err = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (err += text));
  child.stdin?.on("error", () => {});
  const [code] = (await once(child, "close")) as [number | null];
  return { code, out, err };
}

function run(input: string, ...args: string[]): Promise<Outcome> {
  const child = start(...args);
  child.stdin?.end(input);
  return outcome(child);
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(scratch, name);
  writeFileSync(path, content);
  return path;
}

const log = [
  '{"t":0,"ev":"in","type":"HEADERS","stream":1,"flags":["END_STREAM"],"length":3}',
  "no JSON",
  '{"t":1.5,"ev":"out","type":"RST_STREAM","stream":3,"flags":[],"length":4,"errorCode":"CANCEL"}',
].join("\n");

const first = "      0.000  <-  HEADERS              1  END_STREAM                   3\n";
const second = "      1.500  ->  RST_STREAM           3                               4  errorCode=CANCEL\n";

describe("sluice-wire", () => {
  test("prints a file, or standard input, with its last line complete or not", async () => {
    const path = file("log.jsonl", log);
    const expected = { code: 0, out: `${first}? no JSON\n${second}`, err: "" };
    expect(await run("", path)).toEqual(expected);
    expect(await run(log)).toEqual(expected);
    expect(await run(`${log}\n`, "-")).toEqual(expected);
    expect(await run("")).toEqual({ code: 0, out: "", err: "" });
  });

  test("--stream keeps what concerns the stream, and what cannot be read", async () => {
    expect(await run(log, "--stream", "3")).toEqual({ code: 0, out: `? no JSON\n${second}`, err: "" });
    expect(await run(log, "--stream=1", "-")).toEqual({ code: 0, out: `${first}? no JSON\n`, err: "" });
    expect(await run(log, "--stream", "0")).toEqual({ code: 0, out: "? no JSON\n", err: "" });
  });

  test("--help says how it is used", async () => {
    const { code, out, err } = await run("", "--help");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/^Usage: sluice-wire \[--stream N\] \[FILE\]\n/);
    expect((await run("", "-h")).out).toBe(out);
  });

  test("wrong arguments are refused with 2", async () => {
    for (const args of [
      ["--stream", "x"],
      ["--stream", "-1"],
      ["--stream", "2147483648"],
      ["--stream="],
      ["--stream"],
      ["--unknown"],
      ["a", "b"],
    ]) {
      const { code, out, err } = await run("", ...args);
      expect([args, code, out]).toEqual([args, 2, ""]);
      expect(err).toMatch(/^sluice-wire: .+\n(.+\n)*Try sluice-wire --help\n$/);
    }
  });

  test("a file that cannot be read ends it with 1", async () => {
    const missing = await run("", join(scratch, "missing"));
    expect([missing.code, missing.out]).toEqual([1, ""]);
    expect(missing.err).toMatch(/^sluice-wire: ENOENT: .*\n$/);
    mkdirSync(join(scratch, "folder"), { recursive: true });
    const directory = await run("", join(scratch, "folder"));
    expect([directory.code, directory.out]).toEqual([1, ""]);
    expect(directory.err).toMatch(/^sluice-wire: EISDIR: .*\n$/);
  });

  test("octets that are no text do no harm", async () => {
    const path = file("octets", Uint8Array.from([0xff, 0xfe, 0x1b, 0x0a, 0xc3]));
    expect(await run("", path)).toEqual({ code: 0, out: "? \ufffd\ufffd\\u{1b}\n? \ufffd\n", err: "" });
  });

  test("lines come out while the log is written, wherever it is torn", async () => {
    const child = start();
    let out = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (out += text));
    child.stdin?.write(log.slice(0, 40));
    child.stdin?.write(log.slice(40, 85));
    await expect.poll(() => out, { timeout: 20_000 }).toBe(first);
    child.stdin?.end(log.slice(85));
    await once(child, "close");
    expect([child.exitCode, out]).toEqual([0, `${first}? no JSON\n${second}`]);
  });

  test("a reader that has seen enough ends it quietly", async () => {
    const child = start();
    const ended = outcome(child);
    const line = `${log.split("\n")[0]}\n`;
    child.stdin?.write(line);
    await expect.poll(() => child.stdout?.readableFlowing).toBe(true);
    child.stdout?.once("data", () => child.stdout?.destroy());
    const feeding = setInterval(() => child.stdin?.write(line.repeat(100)), 5);
    const { code, err } = await ended;
    clearInterval(feeding);
    expect([code, err]).toEqual([0, ""]);
  });

  test("a log far larger than pipes hold comes out whole", async () => {
    const path = file("large.jsonl", `${log}\n`.repeat(20_000));
    const { code, out, err } = await run("", path);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toBe(`${first}? no JSON\n${second}`.repeat(20_000));
  });
});
