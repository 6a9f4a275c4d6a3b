/**
 * A process with a client that it never closes: prints what it was answered, and ends when nothing is left to wait for.
 *
 *   program.mjs <url> <http1 | http2> <request | warm | unread>
 */
import { collect } from "@sluice/body";
import { Client } from "../../../src/client/index.ts";

const [url = "", version = "", what = ""] = process.argv.slice(2);
const client = new Client({ version: version === "http2" ? "http2" : "http1" });
process.on("exit", () => process.stdout.write(`under way: ${client.underWay}\n`));

if (what === "warm") {
  await client.warm(url, 3);
} else {
  const { status, body } = await client.get(url);
  process.stdout.write(`${status}\n`);
  // Nothing but the open response keeps the process alive until then.
  if (what === "unread") setTimeout(() => collect(body).text().then(print), 0);
  else print(await collect(body).text());
}

function print(text: string): void {
  process.stdout.write(text);
}
