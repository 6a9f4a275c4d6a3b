/**
 * The built packages in Chromium, where bytes go over message ports and WebSockets: the suite of the other runtimes, and the
 * same lines, but for what browser-cases.ts says.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { program } from "../interop/support/chromium.ts";
import { type RunningBrowser, startBrowser, type WatchedPage } from "../support/browser.ts";
import { expectedWith, overMessagePorts, overWebSockets, toNode } from "./browser-cases.ts";
import { type BrowserServer, startBrowserServer } from "./browser-server.ts";
import { isBuilt } from "./stage.ts";

const required = process.env["SLUICE_INTEROP"] === "required";

describe.skipIf(program.skipped || !(isBuilt || required))("in Chromium", () => {
  let server: BrowserServer;
  let browser: RunningBrowser;
  let opened: WatchedPage;
  beforeAll(async () => {
    if (!isBuilt) throw new Error("the packages are not built, and SLUICE_INTEROP=required asks for it");
    server = await startBrowserServer();
    browser = await startBrowser();
    opened = await browser.open(`${server.origin}/`);
    await opened.page.waitForFunction("globalThis.ready");
  });
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  /** What `run` of run-browser.mjs gives for these cases. */
  async function lines(run: string, names: readonly string[]): Promise<unknown> {
    const { page, complaints } = opened;
    const told = (await page.evaluate(`suite.${run}(${JSON.stringify(names)})`)) as string[];
    // A WebSocket that is refused, as one case wants it, is a complaint in any browser.
    const refused = /^error: WebSocket connection to '[^']*\/relay\/dial\/1' failed/;
    expect(complaints.filter((complaint) => !refused.test(complaint))).toEqual([]);
    return told.map((line) => {
      const { name, value } = JSON.parse(line) as { name: string; value: unknown };
      return [name, value];
    });
  }

  test.for([
    ["server and client over message ports", "overMessagePorts", overMessagePorts],
    ["server and client over WebSockets", "overWebSockets", overWebSockets],
    ["the client, over WebSockets, and the server in Node", "toNode", toNode],
  ] as const)("%s", async ([, run, exceptions]) => {
    const wanted = expectedWith(exceptions);
    expect(
      await lines(
        run,
        wanted.map(([name]) => name),
      ),
    ).toEqual(wanted);
  });

  test("a WebSocket that nobody reads, or that brings text, is given up", async () => {
    expect(await opened.page.evaluate("suite.refusals()")).toEqual([
      "limit MAX_QUEUED_BYTES",
      "io ECONNRESET",
      "io MESSAGE_TYPE",
    ]);
  });
});
