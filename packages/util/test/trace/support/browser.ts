/** Chromium without a window, and pages of traces in it: opened from files, as a reader would. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import puppeteer, { type Browser, type Page } from "puppeteer-core";
import { program } from "../../interop/support/chromium.ts";
import { environment } from "../../interop/support/command.ts";

const limitMs = 30_000;

export interface OpenedPage extends AsyncDisposable {
  readonly page: Page;
  /** What the console, or an error nobody caught, said, and what was requested beside the page itself. */
  readonly complaints: readonly string[];
  /** The value of an expression in the page. */
  ask<T>(expression: string): Promise<T>;
  /** Waits until an expression is true; rejects when that takes too long. */
  until(expression: string): Promise<void>;
}

export class TraceBrowser implements AsyncDisposable {
  readonly #browser: Browser;
  readonly #folder: string;
  #pages = 0;

  private constructor(browser: Browser, folder: string) {
    this.#browser = browser;
    this.#folder = folder;
  }

  static async start(): Promise<TraceBrowser> {
    const folder = mkdtempSync(join(tmpdir(), "sluice-trace-pages-"));
    const browser = await puppeteer.launch({
      executablePath: program.path,
      userDataDir: join(folder, "profile"),
      env: environment(),
      timeout: limitMs,
      protocolTimeout: limitMs,
      // The pages are ours, and as root there is no sandbox to be had.
      args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server"],
    });
    return new TraceBrowser(browser, folder);
  }

  /** Opens a page and waits until it is drawn. */
  async open(html: string, width = 1280, height = 800): Promise<OpenedPage> {
    const file = join(this.#folder, `${++this.#pages}.html`);
    writeFileSync(file, html);
    const url = pathToFileURL(file).href;
    const page = await this.#browser.newPage();
    page.setDefaultTimeout(limitMs);
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("request", (request) => {
      if (request.url() !== url && !request.url().startsWith("data:")) complaints.push(`request of ${request.url()}`);
    });
    await page.setViewport({ width, height });
    await page.goto(url);
    await page.waitForSelector("html[data-ready]");
    return {
      page,
      complaints,
      ask: (expression) => page.evaluate(expression) as Promise<never>,
      until: async (expression) => void (await page.waitForFunction(expression)),
      [Symbol.asyncDispose]: () => page.close(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Expressions for what the page shows. */
export const expressions = {
  /** The rows in sight: kind, connection, number and marks. */
  rows: `[...document.querySelectorAll(".row")].sort((a, b) => a.offsetTop - b.offsetTop)
    .map(({ dataset: d }) => [d.row, d.connection, Number(d.id), Number(d.marks)])`,
  tip: `(() => { const tip = document.querySelector(".tip"); return tip.hidden ? null : tip.innerText; })()`,
  panel: `document.querySelector(".panel").innerText`,
} as const;
