/**
 * The reverse proxy of docs/examples as a process: its options, and its end.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HttpResponse } from "@sluice/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Bundle, bundle } from "../support/bundle.ts";
import { plainClient } from "../support/plain-peer.ts";
import { tlsFixture } from "../support/tls-fixtures.ts";
import { newClient, received, startUpstream, until } from "./support.ts";

let program: Bundle;
const scratch = mkdtempSync(join(tmpdir(), "sluice-reverse-proxy-"));

beforeAll(async () => {
  program = await bundle("../../../docs/examples/reverse-proxy/main.mjs");
});

afterAll(() => {
  program[Symbol.dispose]();
  rmSync(scratch, { recursive: true, force: true });
});

interface Process extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly port: number;
  readonly output: () => string;
}

async function start(...args: readonly string[]): Promise<Process> {
  const child = spawn(process.execPath, [program.file, "--listen", "127.0.0.1:0", ...args]);
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk));
  const closed = once(child, "close");
  await until(() => /listening on \d+\n/.test(output) || child.exitCode !== null);
  return {
    child,
    port: Number(/listening on (\d+)/.exec(output)?.[1]),
    output: () => output,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await closed;
    },
  };
}

test("one upstream from the command line; SIGTERM lets what is under way end, and the process ends by itself", async () => {
  let finish = (): void => {};
  await using upstream = await startUpstream((request) =>
    request.target.path === "/slow"
      ? new Promise<HttpResponse>((resolve) => (finish = () => resolve(new HttpResponse(200))))
      : new HttpResponse(204),
  );
  await using proxy = await start("--upstream", upstream.origin, "--authority", "name.test", "--via", "off");
  using client = await plainClient(proxy.port);
  client.send("GET /fast HTTP/1.1\r\nhost: pub.test\r\n\r\nGET /slow HTTP/1.1\r\nhost: pub.test\r\n\r\n");
  await until(() => upstream.asked.length === 2);
  expect(upstream.asked[0]).toEqual({
    line: "GET /fast HTTP/1.1",
    authority: "name.test",
    fields: [
      ["host", "name.test"],
      ["x-forwarded-for", "127.0.0.1"],
      ["x-forwarded-host", "pub.test"],
      ["x-forwarded-proto", "http"],
    ],
  });
  const exited = once(proxy.child, "exit");
  proxy.child.kill("SIGTERM");
  // It has heard when it listens no more.
  let refused = false;
  while (!refused) {
    refused = await plainClient(proxy.port).then(
      (peer) => {
        peer[Symbol.dispose]();
        return false;
      },
      () => true,
    );
  }
  finish();
  expect(await client.outcome()).toBe("FIN");
  expect(client.received).toMatch(/HTTP\/1\.1 200 OK\r\n(?:.*\r\n)*connection: close\r\n/);
  expect(await exited).toEqual([0, null]);
  expect(proxy.output()).toBe(`listening on ${proxy.port}\n`);
});

test("TLS on both sides, and routes from a file", async () => {
  await using upstream = await startUpstream(() => new HttpResponse(200, { "x-here": "1" }), { tls: true });
  const config = join(scratch, "routes.json");
  const routes = [
    { host: "localhost", location: "/a/", upstream: { url: `${upstream.origin}/b/`, headers: { "x-k": "v" } } },
  ];
  writeFileSync(config, JSON.stringify({ routes, forwarded: "off" }));
  const tls = ["--cert", tlsFixture("localhost-cert.pem"), "--key", tlsFixture("localhost-key.pem")];
  await using proxy = await start("--config", config, "--upstream-ca", tlsFixture("ca-cert.pem"), ...tls);
  await using client = newClient();
  const response = await received(await client.get(`https://localhost:${proxy.port}/a/x`));
  expect([response.status, Object.fromEntries(response.fields)["x-here"]]).toEqual([200, "1"]);
  expect(upstream.asked).toEqual([
    {
      line: "GET /b/x HTTP/2",
      authority: `localhost:${upstream.port}`,
      fields: [
        ["via", "2 sluice"],
        ["x-k", "v"],
      ],
    },
  ]);
});

test("options that make no sense: nothing is listened for", async () => {
  await using one = await start("--upstream", "ftp://a.test");
  expect([one.child.exitCode, one.output()]).toEqual([1, expect.stringContaining("needs an http or https URL")]);
  await using other = await start("--forwarded", "maybe");
  expect(other.output()).toContain("forwarded: must be one of append, replace, off");
});
