/** curl and Chromium at servers of both versions on one port. */
import { collect, full } from "@sluice/body";
import { type HttpRequest, HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { startAuto } from "./support/auto-server.ts";
import { certificate, certificateFile } from "./support/certificate.ts";
import { browse, program as chromium, page } from "./support/chromium.ts";
import { type CommandOptions, type CommandOutcome, run } from "./support/command.ts";
import { content, mebibyte, sha256 } from "./support/content.ts";
import { deferred } from "./support/deferred.ts";
import { peer } from "./support/peer.ts";
import { hello, routes, type Size } from "./support/routes.ts";

const curl = peer("curl");
/** Heads as they are predictable to the byte. */
const plain = { http1: { autoDateHeader: false }, http2: { autoDateHeader: false } } as const;

function runCurl(args: readonly string[], options: CommandOptions = {}): Promise<CommandOutcome> {
  return run(curl.path, ["-q", "--silent", "--show-error", "--max-time", "20", ...args], options);
}

/** What curl prints, which must be all it has to say. */
async function output(args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await runCurl(args, options);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout.toString("latin1");
}

const inTheClear = [
  ["--http1.0", "HTTP/1.0"],
  ["--http1.1", "HTTP/1.1"],
  // Asks for an upgrade to h2c, which is passed over.
  ["--http2", "HTTP/1.1"],
  ["--http2-prior-knowledge", "HTTP/2"],
] as const;
/** curl that is told to speak HTTP/1.0 offers nothing else. */
const alpn = ["h2", "http/1.1", "http/1.0"];
const overTls = [
  ["--http1.0", "HTTP/1.0"],
  ["--http1.1", "HTTP/1.1"],
  ["--no-alpn", "HTTP/1.1"],
  ["--http2", "HTTP/2"],
] as const;

describe.skipIf(curl.skipped)("curl at one port", () => {
  test.each([
    ["in the clear", false, inTheClear],
    ["over TLS", true, overTls],
  ] as const)("%s: all that it speaks", async (_, tls, choices) => {
    await using server = await startAuto(routes, { ...plain, tls: tls && { ...certificate(), alpn } });
    const bytes = content(mebibyte);
    for (const [choice, version] of choices) {
      const mode = [choice, "--cacert", certificateFile];
      const [first, ...others] = (await output([...mode, "--include", `${server.origin}/hello`])).split("\r\n");
      expect(first).toBe(version === "HTTP/2" ? "HTTP/2 200 " : `${version} 200 OK`);
      expect(others.slice(-2)).toEqual(["", hello]);
      const told: unknown = JSON.parse(
        await output([...mode, "--data-binary", "@-", `${server.origin}/size`], { input: bytes }),
      );
      expect(told).toMatchObject({
        method: "POST",
        version,
        bytes: mebibyte,
        sha256: sha256(bytes),
      } satisfies Partial<Size>);
      const { stdout } = await runCurl([...mode, `${server.origin}/stream?${mebibyte}`]);
      expect(sha256(stdout)).toBe(sha256(bytes));
    }
    expect([server.failures, server.errors]).toEqual([[], []]);
    expect(server.exchanges.filter((exchange) => !exchange.endsWith(" 200"))).toEqual([]);
    await expect.poll(() => server.serving.count).toBe(0);
  });

  test("in the clear, all of them at once", async () => {
    await using server = await startAuto(routes);
    const all = [...inTheClear, ...inTheClear, ...inTheClear].map(async ([choice, version]) => {
      const { stdout } = await runCurl([choice, "--request", "PUT", "--data", "x", `${server.origin}/size`]);
      expect(JSON.parse(stdout.toString())).toMatchObject({ version, method: "PUT" });
    });
    await Promise.all(all);
    expect(server.exchanges).toEqual(Array.from({ length: 12 }, () => "PUT /size 200"));
  });

  test.each(["--http1.1", "--http2-prior-knowledge"])("in the clear to a port with TLS, %s", async (choice) => {
    await using server = await startAuto(routes, { tls: true });
    const { code, stdout } = await runCurl([choice, "--include", `http://127.0.0.1:${server.port}/hello`]);
    const answer = stdout.toString("latin1");
    if (choice === "--http1.1") {
      expect(code).toBe(0);
      expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nconnection: close\r\n/);
      expect(answer).toContain("This port expects TLS");
    } else {
      expect(code).not.toBe(0);
    }
    expect([server.errors, server.exchanges]).toEqual([["PLAINTEXT_ON_TLS"], []]);
    // Nobody else was harmed.
    expect(await output(["--cacert", certificateFile, `${server.origin}/hello`])).toBe(hello);
  });

  test("TLS to a port in the clear: refused, and nobody else is harmed", async () => {
    await using server = await startAuto(routes);
    const { code } = await runCurl([`https://127.0.0.1:${server.port}/hello`]);
    expect(code).toBe(35);
    expect(server.exchanges).toEqual([]);
    expect(await output([`${server.origin}/hello`])).toBe(hello);
  });

  test.each([
    ["http1", "--http2-prior-knowledge"],
    ["http2", "--http1.1"],
  ] as const)("a server of %s only refuses %s", async (protocol, choice) => {
    await using server = await startAuto(routes, { protocol });
    const { code, stdout } = await runCurl([choice, "--include", `${server.origin}/hello`]);
    expect(server.exchanges.filter((exchange) => exchange.endsWith(" 200"))).toEqual([]);
    if (protocol === "http2") expect(stdout.toString()).toMatch(/^HTTP\/1\.1 505 /);
    else expect(code).not.toBe(0);
    await expect.poll(() => server.errors).toEqual([protocol === "http2" ? "HTTP1_REFUSED" : "VERSION_H2"]);
  });

  test("a listener that agrees on HTTP/1.1 only: curl, which offers both, speaks that", async () => {
    const tls = { ...certificate(), alpn: ["http/1.1"] };
    await using server = await startAuto(routes, { tls, protocol: "http1" });
    const args = ["--http2", "--cacert", certificateFile, "--output", "/dev/null", "--write-out", "%{http_version}"];
    const { code, stdout } = await runCurl([...args, `${server.origin}/hello`]);
    expect([code, stdout.toString()]).toEqual([0, "1.1"]);
  });
});

/** Serves the page, and waits for what it has to report. */
function reporting() {
  const { promise: report, resolve } = deferred<unknown>();
  const call = async (request: HttpRequest): Promise<HttpResponse> => {
    if (request.target.path === "/") return new HttpResponse(200, { "content-type": "text/html" }, full(page));
    if (request.target.path !== "/report") return routes(request);
    resolve(await collect(request.body).json());
    return new HttpResponse(204);
  };
  return { call, report };
}

describe.skipIf(chromium.skipped)("chromium at one port", () => {
  test("a page with hundreds of requests at once, over TLS, all of them over HTTP/2 on one connection", async () => {
    const { call, report } = reporting();
    await using server = await startAuto(call, { tls: true });
    await browse(`${server.origin}/`, report);
    expect(await report).toEqual({
      fetched: 100,
      echoed: 100,
      large: true,
      trailers: "data",
      early: "late\n",
      empty: 204,
      missing: 404,
      next: "hello, world\n",
      protocols: ["h2"],
    });
    expect(server.failures).toEqual([]);
  });

  test("the same in the clear, over HTTP/1.1", async () => {
    const { call, report } = reporting();
    await using server = await startAuto(call);
    await browse(`${server.origin}/`, report);
    expect(await report).toMatchObject({ fetched: 100, echoed: 100, large: true, protocols: ["http/1.1"] });
    expect(server.failures).toEqual([]);
  });
});
