/** The command `sluice-trace`, as a process. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderTrace } from "../../src/trace/index.ts";
import { program } from "../interop/support/chromium.ts";
import { type CommandOutcome, run as runProgram } from "../interop/support/command.ts";
import { expressions, TraceBrowser } from "./support/browser.ts";
import { type BundledCommand, bundledCommand } from "./support/bundled-command.ts";
import { events, text } from "./support/sample-log.ts";

let command: BundledCommand;
beforeAll(async () => {
  command = await bundledCommand();
});
afterAll(() => command?.remove());

function run(input: string, ...args: string[]): Promise<CommandOutcome> {
  return runProgram(process.execPath, [command.path, ...args], { input });
}

const named = "sluice-trace: line 3 is not JSON\nsluice-trace: line 4 has no time `t`\n";

describe("sluice-trace", () => {
  test("writes the page of a file to where it is told", async () => {
    const log = join(command.folder, "wire.jsonl");
    const out = join(command.folder, "page.html");
    writeFileSync(log, text);
    const { code, stdout, stderr } = await run("", log, "-o", out);
    expect([code, stdout.length, stderr]).toEqual([0, 0, `${named}sluice-trace: wrote ${out}\n`]);
    expect(readFileSync(out, "utf8")).toBe(renderTrace(text, { title: "wire.jsonl" }));
  });

  test("reads standard input, and writes to standard output where that is no terminal", async () => {
    const page = renderTrace(text);
    for (const args of [["-"], ["-", "--out=-"]]) {
      const { code, stdout, stderr } = await run(text, ...args);
      expect([code, stderr]).toEqual([0, named]);
      expect(stdout.toString()).toBe(page);
    }
    const titled = await run(text, "-", "--title", "T", "--max-events", "5");
    expect(titled.stdout.toString()).toBe(renderTrace(text, { title: "T", maxEvents: 5 }));
    expect(titled.stderr).toBe(
      `${named}sluice-trace: Only the first 5 events are shown; ${events.length - 5} lines behind them were left out.\n`,
    );
  });

  test("a log far larger than pipes hold, with a line that never ends, comes out whole", async () => {
    const line = `{"t":1,"ev":"ping","rtt":1,"more":"${"é".repeat(200)}"}\n`;
    const log = line.repeat(20_000) + "x".repeat(3 << 20);
    const { code, stdout, stderr } = await run(log, "-");
    expect([code, stderr]).toEqual([0, "sluice-trace: line 20001 is longer than 1 MiB\n"]);
    const data = /id="trace">(.*?)<\/script>/.exec(stdout.toString())?.[1] ?? "";
    expect(JSON.parse(data).events).toBe(20_000);
    expect(stdout.toString().endsWith("</html>\n")).toBe(true);
  });

  test("names ten lines that cannot be read, and the number of others", async () => {
    const { stderr } = await run("x\n".repeat(15), "-");
    const lines = Array.from({ length: 10 }, (_, at) => `sluice-trace: line ${at + 1} is not JSON\n`);
    expect(stderr).toBe(`${lines.join("")}sluice-trace: and 5 more that could not be read\n`);
  });

  test("--help says how it is used", async () => {
    const { code, stdout, stderr } = await run("", "--help");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.toString()).toMatch(/^Usage: sluice-trace \[-o PAGE\] \[--title TEXT\] LOG\n/);
    expect((await run("", "-h")).stdout.equals(stdout)).toBe(true);
  });

  test.each([
    [["--unknown"], "Unknown option '--unknown'"],
    [[], "one LOG is needed, got 0"],
    [["a", "b"], "one LOG is needed, got 2"],
    [["--demo", "a"], "--demo takes no LOG"],
    [["-o"], "Option '-o, --out <value>' argument missing"],
    [["-", "--out="], "--out: a name is needed"],
    [["-", "--max-events", "x"], '--max-events: must be a whole number, got "x"'],
    [["-", "--max-events", "0"], "renderTrace: maxEvents must be a whole number from 1 to 1000000, got 0"],
  ])("wrong arguments are refused with 2 and the usage: %j", async (args, message) => {
    const { code, stdout, stderr } = await run("", ...args);
    expect([code, stdout.length]).toEqual([2, 0]);
    expect(stderr.startsWith(`sluice-trace: ${message}`)).toBe(true);
    expect(stderr).toContain("\n\nUsage: sluice-trace ");
  });

  test("a log that cannot be read, or a page that cannot be written, ends it with 1", async () => {
    const missing = await run("", join(command.folder, "missing"));
    expect([missing.code, missing.stdout.length]).toEqual([1, 0]);
    expect(missing.stderr).toMatch(/^sluice-trace: ENOENT: .*\n$/);
    const folder = join(command.folder, "folder");
    mkdirSync(folder, { recursive: true });
    expect((await run(text, "-", "-o", folder)).stderr).toMatch(/sluice-trace: EISDIR: .*\n$/);
    expect((await run("", folder)).code).toBe(1);
  });
});

describe.skipIf(program.skipped)("sluice-trace --demo", () => {
  test("shows streams, stalls, a defence, a push, HTTP/1.1, and no secret", async () => {
    const out = join(command.folder, "demo.html");
    const { code, stdout, stderr } = await run("", "--demo", "-o", out);
    expect([code, stdout.length, stderr]).toEqual([0, 0, `sluice-trace: wrote ${out}\n`]);
    expect(existsSync(out)).toBe(true);
    const html = readFileSync(out, "utf8");
    expect(html).not.toMatch(/d3m0|ZGVtbzpkZW1v|visitor=8/);

    await using browser = await TraceBrowser.start();
    await using opened = await browser.open(html);
    const { ask, page, until } = opened;
    const show = async (connection: string): Promise<void> => {
      const value = await ask<string>(
        `[...document.querySelectorAll("select option")].find((option) => option.textContent === ${JSON.stringify(connection)}).value`,
      );
      await page.select("select[name=connection]", value);
      // Rows are drawn with the next frame: those of before may be gone and the new ones not there yet.
      await until(
        `((rows) => rows.length > 0 && rows.every((row) => row.dataset.connection === ${JSON.stringify(connection)}))([...document.querySelectorAll(".row")])`,
      );
    };
    const rows = (): Promise<[string, string, number, number][]> => ask(expressions.rows);
    const titles = (): Promise<string[]> =>
      ask(`[...document.querySelectorAll(".row-lane .title")].map((title) => title.textContent)`);
    const stalls = (): Promise<string[]> =>
      ask(`[...new Set([...document.querySelectorAll(".span.stall")].map((span) => span.dataset.by))].sort()`);

    await show("page");
    expect(await ask(`document.querySelector(".lanes").dataset.rows`)).toBe("28");
    expect(await titles()).toEqual(expect.arrayContaining(["GET /", "pushed on 1", "GET /app-24000.js"]));
    // HEADERS and PUSH_PROMISE, the interim response, HEADERS and DATA of the response.
    expect((await rows()).find(([kind, , id]) => kind === "lane" && id === 1)).toEqual(["lane", "page", 1, 5]);

    await show("downloads");
    expect((await rows()).map(([kind, , id]) => [kind, id])).toEqual([
      ["connection", 0],
      ["windows", 0],
      ["lane", 1],
      ["lane", 3],
      ["lane", 5],
      ["lane", 7],
    ]);
    expect(await stalls()).toEqual(["connection window", "stream window"]);

    await show("rapid reset");
    expect(await ask(`document.querySelector(".badge").dataset.defence`)).toBe("TOO_MANY_RESETS");
    expect(await ask(`document.querySelector(".row-connection .span.fired").innerText`)).toBe("TOO_MANY_RESETS");

    await show("http/1.1");
    expect(await titles()).toEqual([
      "GET /index-4000.html",
      "GET /slow/report-260000.pdf",
      "GET /missing",
      "POST /notes",
    ]);
    await page.click(".row-lane[data-id='1'] .title");
    await until(`document.querySelector(".panel h2") !== null`);
    expect((await ask<string>(expressions.panel)).replace(/\s+/g, " ")).toContain("authorization [sensitive]");
    expect(opened.complaints).toEqual([]);
  });
});
