/** Pages in Chromium without a window, watched: what they complain of is kept. */
import { type Browser, launch, type Page } from "puppeteer-core";
import { program } from "../interop/support/chromium.ts";
import { environment } from "../interop/support/command.ts";
import { temporaryFolder } from "../interop/support/temporary.ts";

/** How long anything may take in a page. */
const limitMs = 45_000;

export interface WatchedPage extends AsyncDisposable {
  readonly page: Page;
  /** Errors and warnings of the console, exceptions nobody caught, requests that failed. */
  readonly complaints: readonly string[];
}

export interface RunningBrowser extends AsyncDisposable {
  open(url: string): Promise<WatchedPage>;
}

export async function startBrowser(): Promise<RunningBrowser> {
  const profile = await temporaryFolder();
  const browser = await launch({
    executablePath: program.path,
    headless: true,
    env: environment(),
    userDataDir: profile.path,
    timeout: limitMs,
    protocolTimeout: limitMs,
    args: [
      // The pages are ours, and as root there is no sandbox to be had.
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--disable-background-networking",
      "--no-proxy-server",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ],
  });
  return {
    open: (url) => open(browser, url),
    async [Symbol.asyncDispose]() {
      await browser.close();
      await profile[Symbol.asyncDispose]();
    },
  };
}

async function open(browser: Browser, url: string): Promise<WatchedPage> {
  const page = await browser.newPage();
  page.setDefaultTimeout(limitMs);
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warn"].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`thrown: ${String(error)}`));
  page.on("requestfailed", (request) => complaints.push(`failed: ${request.url()}`));
  page.on("response", (response) => {
    if (!response.ok()) complaints.push(`${response.status()}: ${response.url()}`);
  });
  await page.goto(url);
  return { page, complaints, [Symbol.asyncDispose]: () => page.close() };
}
