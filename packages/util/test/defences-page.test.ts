/**
 * The page about HTTP/1, clients and proxies names tests and options that are there, with the defaults they have, and its program
 * keeps a client out of the inside.
 */
import { existsSync, readFileSync } from "node:fs";
import { BlockList, isIPv6 } from "node:net";
import { resolve } from "node:path";
import { collect, full } from "@sluice/body";
import { HttpResponse } from "@sluice/core";
import * as client from "@sluice/util/client";
import * as connect from "@sluice/util/connect";
import { expect, test } from "vitest";
import { startOrigin } from "./support/origin.ts";

const docs = resolve(import.meta.dirname, "../../../docs");
const page = readFileSync(`${docs}/http1-and-client-defences.md`, "utf8");
const options = readFileSync(`${docs}/options.md`, "utf8");

/** The defaults of an option of HTTP/1, as the generated page has them: on servers, on clients. */
function defaultsOf(name: string, heading: string): string | undefined {
  const start = options.indexOf(`\n## \`${heading}\`\n`);
  const table = options.slice(start, options.indexOf("\n## ", start + 1));
  return new RegExp(`^\\| \`${name}\` \\| ([^|]+) \\|`, "m").exec(table)?.[1];
}

test("every test it names is there", () => {
  const links = [...page.matchAll(/\]\(([^)#]+)\)/g)].map(([, link]) => link as string);
  expect(links.length).toBeGreaterThan(60);
  expect(links.filter((link) => !existsSync(resolve(docs, link)))).toEqual([]);
});

test.each([
  ["Servers: where a message ends", "http1.serve", 4],
  ["Servers: too much, too slow", "http1.serve", 11],
  ["Clients", "http1.handshake", 6],
])("defaults are those of the code: %s", (heading, face, count) => {
  const start = page.indexOf(`\n## ${heading}\n`);
  const section = page.slice(start, page.indexOf("\n## ", start + 1));
  const said = [...section.matchAll(/`(\w+)` (false|true|Infinity|\d{1,3}(?:,\d{3})*)/g)];
  const known = said.filter(([, name]) => defaultsOf(name as string, face) !== undefined);
  expect(known.length).toBeGreaterThanOrEqual(count);
  for (const [, name, value] of known) expect([name, value]).toEqual([name, defaultsOf(name as string, face)]);
});

test("its program lets a client out, and not in", async () => {
  const code = /```ts\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
  const body = code
    .replace(/^import .*\n/gm, "")
    .replaceAll(": Connector", "")
    .replace("export const client", "const client")
    .replace(/^const inside = new BlockList\(\);$/m, "const inside = blocked;");
  expect(body).not.toBe("");
  const names = ["blocked", "isIPv6", "Client", "httpConnector", "httpsConnector"] as const;
  const make = (blocked: Pick<BlockList, "check">): client.Client =>
    new Function(...names, `${body}\nreturn client;`)(
      blocked,
      isIPv6,
      client.Client,
      connect.httpConnector,
      connect.httpsConnector,
    );

  await using origin = await startOrigin({ service: () => new HttpResponse(200, {}, full("inside")) });
  const url = origin.url;
  for (const host of ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]"]) {
    await using inward = make(new BlockList());
    const refused = inward.get(url.replace(/\/\/[^:/]+/, `//${host}`));
    await expect(refused).rejects.toThrow(`${host.replace(/[[\]]/g, "")} is not outside`);
  }
  const nothing = { addSubnet: () => {}, addAddress: () => {}, check: () => false };
  await using outward = make(nothing);
  expect(await collect((await outward.get(url)).body).text()).toBe("inside");
});
