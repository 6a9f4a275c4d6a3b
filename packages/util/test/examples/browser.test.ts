/**
 * The page of docs/examples/browser in Chromium, with its server as a process: every frame it shows, in order.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { program } from "../interop/support/chromium.ts";
import { environment } from "../interop/support/command.ts";
import { isBuilt } from "../runtimes/stage.ts";
import { type RunningBrowser, startBrowser, type WatchedPage } from "../support/browser.ts";

const required = process.env["SLUICE_INTEROP"] === "required";
const file = resolve(import.meta.dirname, "../../../../docs/examples/browser/server.mjs");

const get = (path: string): string => `:method GET, :scheme http, :authority sluice.example, :path ${path}`;
const post = (path: string): string => `:method POST, :scheme http, :authority sluice.example, :path ${path}`;
const plain = "content-type text/plain; charset=utf-8";

/** Type, stream, length, flags, details. */
const sent = [
  "SETTINGS 0 18 [] ENABLE_PUSH 0, INITIAL_WINDOW_SIZE 2097152, MAX_HEADER_LIST_SIZE 65536",
  "WINDOW_UPDATE 0 4 [] increment 5177345",
  "PING 0 8 [] ",
  "SETTINGS 0 0 [ACK] ",
  `HEADERS 1 23 [END_STREAM END_HEADERS] ${get("/greeting")}`,
  `HEADERS 3 10 [END_HEADERS] ${post("/upper")}`,
  `HEADERS 5 10 [END_HEADERS] ${post("/lower")}`,
  `HEADERS 7 13 [END_STREAM END_HEADERS] ${get("/unfinished")}`,
  "DATA 3 8 [] ",
  "DATA 5 8 [] ",
  "DATA 3 5 [] ",
  "DATA 5 5 [] ",
  "DATA 3 6 [] ",
  "DATA 5 6 [] ",
  "DATA 3 0 [END_STREAM] ",
  "DATA 5 0 [END_STREAM] ",
  "RST_STREAM 7 4 [] error code CANCEL",
  "GOAWAY 0 8 [] last stream id 0, error code NO_ERROR",
];

const received = [
  "SETTINGS 0 24 [] MAX_CONCURRENT_STREAMS 128, INITIAL_WINDOW_SIZE 262144, MAX_HEADER_LIST_SIZE 16384, NO_RFC7540_PRIORITIES 1",
  "WINDOW_UPDATE 0 4 [] increment 983041",
  "SETTINGS 0 0 [ACK] ",
  "PING 0 8 [ACK] ",
  `HEADERS 1 26 [END_HEADERS] :status 200, ${plain}, content-length 27`,
  "DATA 1 27 [END_STREAM] ",
  `HEADERS 3 2 [END_HEADERS] :status 200, ${plain}`,
  `HEADERS 5 2 [END_HEADERS] :status 200, ${plain}`,
  `HEADERS 7 2 [END_HEADERS] :status 200, ${plain}`,
  "DATA 7 11 [] ",
  "DATA 3 8 [] ",
  "DATA 5 8 [] ",
  "DATA 3 5 [] ",
  "DATA 5 5 [] ",
  "DATA 3 6 [] ",
  "DATA 5 6 [] ",
  "HEADERS 3 9 [END_STREAM END_HEADERS] x-parts 3",
  "HEADERS 5 1 [END_STREAM END_HEADERS] x-parts 3",
];

const responses = [
  "/greeting complete Hello from the other side.\n",
  "/upper complete STREAMS TAKE TURNS.",
  "/lower complete streams take turns.",
  "/unfinished canceled A beginning",
];

/** Run in the page. */
const shownRows = `[...document.querySelectorAll("#frames tbody tr")].map(({ cells }) => {
  const [, direction, type, stream, length, flags, details] = cells;
  const texts = (cell, between) => [...cell.children].map((child) => child.textContent).join(between);
  const facts = [type, stream, length].map((cell) => cell.textContent).join(" ");
  return [direction.textContent, facts + " [" + texts(flags, " ") + "] " + texts(details, ", ")];
})`;
const shownResponses = `[...document.querySelectorAll("#responses article")].map((card) =>
  [".path", ".state", ".text"].map((part) => card.querySelector(part).textContent).join(" "))`;
const status = `document.querySelector("#status").textContent`;

/** What a process says first, wherever; or nothing, when it ends before. */
function firstWords(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      stream?.once("data", (chunk: Buffer) => resolve(chunk.toString()));
    child.once("exit", () => resolve(""));
  });
}

describe.skipIf(program.skipped || !(isBuilt || required))("the page", () => {
  let server: ChildProcess;
  let origin: string;
  let browser: RunningBrowser;
  beforeAll(async () => {
    if (!isBuilt) throw new Error("the packages are not built, and SLUICE_INTEROP=required asks for it");
    server = spawn(process.execPath, [file, "--port", "0"], { env: environment() });
    const [said] = await Promise.all([firstWords(server), startBrowser().then((started) => (browser = started))]);
    origin = /^listening on (http:\/\/127\.0\.0\.1:\d+)\/\n$/.exec(said)?.[1] ?? `not started: ${said}`;
  });
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
    if (server === undefined || server.exitCode !== null) return;
    const ended = once(server, "exit");
    server.kill("SIGKILL");
    await ended;
  });

  async function clicked({ page }: WatchedPage, transport: string): Promise<void> {
    await page.waitForFunction(`${status} !== "Loading …"`);
    await page.click(`[data-transport=${transport}]`);
    await page.waitForFunction(`/^(Done|Failed)/.test(${status})`);
  }

  test("shows the frames of the exchange over a WebSocket, over a MessageChannel, and again", async () => {
    await using opened = await browser.open(`${origin}/?pause=0`);
    for (const [transport, name] of [
      ["websocket", "WebSocket"],
      ["worker", "MessageChannel"],
      ["websocket", "WebSocket"],
    ] as const) {
      await clicked(opened, transport);
      const rows = (await opened.page.evaluate(shownRows)) as [string, string][];
      const going = (direction: string): string[] => rows.filter(([way]) => way === direction).map(([, row]) => row);
      expect(going("→ sent")).toEqual(sent);
      expect(going("← received")).toEqual(received);
      expect(rows.length).toBe(sent.length + received.length);
      expect(await opened.page.evaluate(shownResponses)).toEqual(responses);
      expect(await opened.page.evaluate(status)).toBe(`Done: 36 frames over a ${name}.`);
    }
    expect(opened.complaints).toEqual([]);
  });

  test("says so when there is no connection to be had", async () => {
    await using opened = await browser.open(`${origin}/?pause=0`);
    await opened.page.evaluate(
      "globalThis.WebSocket = class extends WebSocket { constructor(url) { super(url + '/no'); } }",
    );
    await clicked(opened, "websocket");
    expect(await opened.page.evaluate(status)).toBe("Failed: the WebSocket could not be opened");
    expect(await opened.page.evaluate("document.querySelectorAll('button:disabled').length")).toBe(0);
  });

  test("the server gives the page's files and the built modules, and nothing else", async () => {
    const statuses = async (paths: readonly string[]): Promise<number[]> =>
      Promise.all(paths.map(async (path) => (await fetch(origin + path)).status));
    const had = ["/", "/main.mjs", "/style.css", "/@sluice/core/dist/http2.js", "/@sluice/util/dist/web/index.js"];
    expect(await statuses(had)).toEqual(had.map(() => 200));
    const others = [
      "/server.mjs",
      "/README.md",
      "/@sluice/core/package.json",
      "/@sluice/core/dist/%2e%2e/package.json",
    ];
    expect(await statuses(others)).toEqual(others.map(() => 404));
  });

  test("WebSockets of other pages are refused", async () => {
    const socket = new WebSocket(`${origin.replace("http", "ws")}/http2`, { origin: "http://elsewhere.example" });
    const [error] = (await once(socket, "error")) as [Error];
    expect(error.message).toBe("Unexpected server response: 401");
  });
});
