/** forward-proxy: tunnels and whole URIs, and everything it does not lead to. */
import { full } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import { afterAll, expect, test } from "vitest";
import { plainClient, plainServer } from "../support/plain-peer.ts";
import { type Program, startExample } from "./program.ts";
import { newClient, received, startUpstream, type Upstream } from "./support.ts";

/** What the proxy may lead to, by port, and what that is. */
const upstream: Upstream = await startUpstream((request) =>
  request.method === "POST"
    ? new HttpResponse(200, {}, request.body)
    : new HttpResponse(200, { "x-one": "1", connection: "x-one, close" }, full(`this is ${request.target.path}`)),
);
const secure = await startUpstream(() => new HttpResponse(200, {}, full("within TLS")), { tls: true });
afterAll(async () => {
  await upstream[Symbol.asyncDispose]();
  await secure[Symbol.asyncDispose]();
});

const start = (...args: string[]): Promise<Program> =>
  startExample(
    "forward-proxy/main.mjs",
    "--allow",
    `*:${upstream.port}`,
    "--allow",
    `localhost:${secure.port}`,
    ...args,
  );

/** The head and the content that come back for a head, on a connection that is closed then. */
async function ask(program: Program, line: string, ...fields: string[]): Promise<string> {
  using peer = await plainClient(program.port);
  peer.send([line, "host: ignored", "connection: close, x-mine", "x-mine: 1", ...fields, "", ""].join("\r\n"));
  await peer.outcome();
  return peer.received.replace(/date: .*\r\n/, "");
}

test("forward-proxy: a whole URI: what is for one connection stays there, Via is added", async () => {
  await using program = await start("--allow-private");
  const { port } = upstream;
  expect(await ask(program, `GET http://127.0.0.1:${port}/a?b HTTP/1.1`, "via: 1.0 other", "x-kept: 2")).toBe(
    "HTTP/1.1 200 OK\r\nvia: 1.1 sluice-forward\r\ncontent-length: 10\r\nconnection: close\r\n\r\nthis is /a",
  );
  expect(upstream.asked.at(-1)).toEqual({
    line: "GET /a?b HTTP/1.1",
    authority: `127.0.0.1:${port}`,
    fields: [
      ["host", `127.0.0.1:${port}`],
      ["via", "1.0 other, 1.1 sluice-forward"],
      ["x-kept", "2"],
    ],
  });
  await using client = newClient({ connector: undefined, proxy: `http://127.0.0.1:${program.port}` });
  const request = HttpRequest.post(`http://localhost:${port}/`, full("there and back"));
  expect((await received(await client.request(request))).text).toBe("there and back");
});

test("forward-proxy: a tunnel, and TLS through it", async () => {
  await using program = await start("--allow-private");
  using peer = await plainClient(program.port);
  peer.send(`CONNECT 127.0.0.1:${upstream.port} HTTP/1.1\r\nhost: a\r\n\r\n`);
  expect(await peer.bytes(1)).toMatch(/^HTTP\/1\.1 200 OK\r\n(?:date: .*\r\n)?\r\n$/);
  const before = peer.received.length;
  peer.send("GET /through HTTP/1.1\r\nhost: b\r\n\r\n");
  while (!peer.received.endsWith("this is /through")) await peer.bytes(peer.received.length + 1);
  expect(peer.received.slice(before)).toMatch(/^HTTP\/1\.1 200 OK\r\nx-one: 1\r\n/);
  expect(upstream.asked.at(-1)?.fields).toEqual([["host", "b"]]);
  const stopped = program.stop();
  await peer.outcome();
  expect(await stopped).toBe(0);
});

test("forward-proxy: what it does not lead to", async () => {
  await using refused = await plainServer();
  await using open = await start("--allow-private");
  const status = async (program: Program, line: string, ...fields: string[]): Promise<string> =>
    /^HTTP\/1\.1 ([0-9]{3}) /.exec(await ask(program, line, ...fields))?.[1] ?? "nothing";
  const { port } = upstream;
  // Not on the list.
  expect(await status(open, `CONNECT 127.0.0.1:${refused.port} HTTP/1.1`)).toBe("403");
  expect(await status(open, `CONNECT 127.0.0.1:${secure.port} HTTP/1.1`)).toBe("403");
  expect(await status(open, `GET http://127.0.0.1:${refused.port}/ HTTP/1.1`)).toBe("403");
  expect(refused.peers).toEqual([]);
  // Not for a proxy.
  expect(await status(open, "GET / HTTP/1.1")).toBe("400");
  expect(await status(open, `GET https://localhost:${secure.port}/ HTTP/1.1`)).toBe("400");
  expect(await status(open, `TRACE http://127.0.0.1:${port}/ HTTP/1.1`)).toBe("405");
  // It has asked itself.
  const asked = upstream.asked.length;
  expect(await status(open, `GET http://127.0.0.1:${port}/ HTTP/1.1`, "via: 1.1 a, 1.1 Sluice-Forward")).toBe("508");

  // On the list, but inside: by its address, in any spelling, and by a name.
  await using closed = await start();
  for (const host of [
    "127.0.0.1",
    "localhost",
    "127.1.2.3",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "0.0.0.0",
    "10.0.0.1",
    "2130706433",
    "0x7f.1",
  ]) {
    expect([host, await status(closed, `CONNECT ${host}:${port} HTTP/1.1`)]).toEqual([host, "403"]);
    expect([host, await status(closed, `GET http://${host}:${port}/ HTTP/1.1`)]).toEqual([host, "403"]);
  }
  expect(closed.lines[0]).toBe(`CONNECT 127.0.0.1:${port}: NOT_ALLOWED`);
  expect(upstream.asked.length).toBe(asked);
});

test("forward-proxy: a request that comes back to it goes no further", async () => {
  await using one = await startExample("forward-proxy/main.mjs", "--allow-private");
  // Of the same name, so that it is the same to all others.
  await using again = await startExample("forward-proxy/main.mjs", "--allow-private", "--allow", `*:${one.port}`);
  const target = `http://127.0.0.1:${one.port}/`;
  expect(await ask(again, `GET ${target} HTTP/1.1`)).toMatch(/^HTTP\/1\.1 508 Loop Detected\r\n/);
  // Of another name: there it is no loop, but no request for a proxy either.
  const named = ["--name", "other", "--allow", `*:${one.port}`];
  await using other = await startExample("forward-proxy/main.mjs", "--allow-private", ...named);
  expect(await ask(other, `GET ${target} HTTP/1.1`)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
});

test("forward-proxy: what cannot be reached", async () => {
  const gone = await plainServer();
  const { port } = gone;
  await gone[Symbol.asyncDispose]();
  await using program = await startExample("forward-proxy/main.mjs", "--allow-private", "--allow", `127.0.0.1:${port}`);
  expect(await ask(program, `CONNECT 127.0.0.1:${port} HTTP/1.1`)).toMatch(/^HTTP\/1\.1 502 /);
  expect(await ask(program, `GET http://127.0.0.1:${port}/ HTTP/1.1`)).toMatch(/^HTTP\/1\.1 502 /);
  expect(program.lines).toEqual([`CONNECT 127.0.0.1:${port}: ECONNREFUSED`, `GET 127.0.0.1:${port}: ECONNREFUSED`]);
});
