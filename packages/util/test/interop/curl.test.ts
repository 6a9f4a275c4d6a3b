/** curl as the client of a Sluice server. */
import { once } from "node:events";
import { createServer } from "node:net";
import { full } from "@sluice/body";
import { HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { type CommandOptions, type CommandOutcome, run } from "./support/command.ts";
import { content, mebibyte, sha256 } from "./support/content.ts";
import { peer } from "./support/peer.ts";
import { hello, routes } from "./support/routes.ts";
import { startServer } from "./support/server.ts";

const program = peer("curl");
/** Heads as they are predictable to the byte. */
const plain = { autoDateHeader: false } as const;

function curl(args: readonly string[], options: CommandOptions = {}): Promise<CommandOutcome> {
  return run(program.path, ["-q", "--silent", "--show-error", "--max-time", "20", ...args], options);
}

/** What curl prints, which must be all it has to say. */
async function output(args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await curl(args, options);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout.toString("latin1");
}

/** The lines of the heads that `curl -v` received. */
function received(verbose: string): string[] {
  return verbose
    .split(/\r?\n/)
    .filter((line) => line.startsWith("< "))
    .map((line) => line.slice(2))
    .filter((line) => line !== "");
}

describe.skipIf(program.skipped)("curl", () => {
  test("GET: head and content to the byte", async () => {
    await using server = await startServer(routes, plain);
    expect(await output(["--include", `${server.origin}/hello`])).toBe(
      `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n\r\n${hello}`,
    );
    expect(server.exchanges).toEqual(["GET /hello 200"]);
    await expect.poll(() => server.endings).toEqual(["clean"]);
  });

  test("HEAD: the head a GET would have got, and nothing behind it", async () => {
    await using server = await startServer(routes, plain);
    expect(await output(["--head", `${server.origin}/hello`])).toBe(
      "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n\r\n",
    );
    expect(server.exchanges).toEqual(["HEAD /hello 200"]);
  });

  test("204 and 404 leave the connection usable", async () => {
    await using server = await startServer(routes);
    const written = ["--write-out", "%{http_code} %{num_connects}\n", "--output", "/dev/null"];
    expect(await output([...written, `${server.origin}/empty`, "--next", ...written, `${server.origin}/nowhere`])).toBe(
      "204 1\n404 0\n",
    );
    expect(server.connections.length).toBe(1);
  });

  test("POST with a content-length: the content arrives, and comes back", async () => {
    await using server = await startServer(routes, plain);
    expect(await output(["--include", "--data-binary", "some=content", `${server.origin}/echo`])).toBe(
      "HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\nsome=content",
    );
  });

  test("an upload of unknown length is chunked, and so is what comes back", async () => {
    await using server = await startServer(routes, plain);
    const bytes = content(300_000);
    const { code, stdout, stderr } = await curl(["--verbose", "--upload-file", "-", `${server.origin}/echo`], {
      input: bytes,
    });
    expect(code).toBe(0);
    expect(stderr).toContain("> Transfer-Encoding: chunked");
    expect(received(stderr).filter((line) => line !== "HTTP/1.1 100 Continue")).toEqual([
      "HTTP/1.1 200 OK",
      "transfer-encoding: chunked",
    ]);
    expect(stdout.equals(bytes)).toBe(true);
  });

  test("content that comes back as it comes is asked for before the response begins", async () => {
    await using server = await startServer(routes, plain);
    const options = ["--verbose", "--header", "Expect: 100-continue", "--expect100-timeout", "60"];
    const { code, stdout, stderr } = await curl([...options, "--data-binary", "@-", `${server.origin}/echo`], {
      input: "some=content",
    });
    expect({ code, stdout: stdout.toString() }).toEqual({ code: 0, stdout: "some=content" });
    expect(received(stderr)).toEqual(["HTTP/1.1 100 Continue", "HTTP/1.1 200 OK", "content-length: 12"]);
  });

  test("a body of more than 1 MiB waits for 100 (Continue), which is sent once, and arrives whole", async () => {
    await using server = await startServer(routes, plain);
    const bytes = content(2 * mebibyte);
    // Far longer than the test may take: without the 100 it would fail, not pass late.
    const patience = ["--expect100-timeout", "60"];
    const { code, stdout, stderr } = await curl(
      ["--verbose", ...patience, "--data-binary", "@-", `${server.origin}/size`],
      { input: bytes },
    );
    expect(code).toBe(0);
    expect(stderr).toContain("> Expect: 100-continue");
    expect(received(stderr).filter((line) => line.startsWith("HTTP/"))).toEqual([
      "HTTP/1.1 100 Continue",
      "HTTP/1.1 200 OK",
    ]);
    expect(JSON.parse(stdout.toString())).toMatchObject({ bytes: 2 * mebibyte, sha256: sha256(bytes) });
    expect(server.exchanges).toEqual(["POST /size 200"]);
  });

  test("a final response instead of 100: nothing is sent, and the connection is not used again", async () => {
    await using server = await startServer(routes, plain);
    const options = ["--verbose", "--header", "Expect: 100-continue", "--expect100-timeout", "60"];
    const { code, stdout, stderr } = await curl([...options, "--data-binary", "@-", `${server.origin}/refuse`], {
      input: content(2 * mebibyte),
    });
    expect(code).toBe(0);
    expect(stdout.toString()).toBe("too much\n");
    expect(received(stderr)).toEqual(["HTTP/1.1 413 Content Too Large", "content-length: 9", "connection: close"]);
    await expect.poll(() => server.endings).toEqual(["clean"]);
  });

  test("a download of 8 MiB, of known and of unknown length", async () => {
    await using server = await startServer(routes);
    const expected = sha256(content(8 * mebibyte));
    for (const path of ["bytes", "stream"]) {
      const { code, stdout } = await curl([`${server.origin}/${path}?${8 * mebibyte}`]);
      expect({ code, sha256: sha256(stdout) }).toEqual({ code: 0, sha256: expected });
    }
  });

  test("several URLs share one connection", async () => {
    await using server = await startServer(routes);
    const urls = ["hello", "chunked", "bytes?100000", "hello"].flatMap((path) => [
      `${server.origin}/${path}`,
      "--output",
      "/dev/null",
    ]);
    expect(await output(["--write-out", "%{http_code} %{size_download} %{num_connects}\n", ...urls])).toBe(
      "200 13 1\n200 15 0\n200 100000 0\n200 13 0\n",
    );
    expect(server.connections.length).toBe(1);
    await expect.poll(() => server.endings).toEqual(["clean"]);
  });

  test("many URLs at once, each connection serving its share", async () => {
    await using server = await startServer(routes);
    const parallel = ["--parallel", "--parallel-max", "8"];
    const urls = [`${server.origin}/bytes?[1000-1049]`, "--output", "/dev/null"];
    const { code, stdout } = await curl([...parallel, "--write-out", "%{size_download}\n", ...urls]);
    expect(code).toBe(0);
    const sizes = stdout.toString().trim().split("\n").map(Number);
    expect(sizes.sort()).toEqual(Array.from({ length: 50 }, (_, i) => 1000 + i));
    expect(server.exchanges.length).toBe(50);
    expect(server.connections.length).toBeLessThanOrEqual(8);
  });

  test("HTTP/1.0: answered as such, ended by the close where the length is unknown", async () => {
    await using server = await startServer(routes, plain);
    expect(await output(["--http1.0", "--include", `${server.origin}/hello`])).toBe(
      `HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\nconnection: close\r\n\r\n${hello}`,
    );
    expect(await output(["--http1.0", "--include", "--raw", `${server.origin}/chunked`])).toBe(
      "HTTP/1.0 200 OK\r\nconnection: close\r\n\r\none, two, three",
    );
    await expect.poll(() => server.endings).toEqual(["clean", "clean"]);
  });

  test("HTTP/1.0 with keep-alive: the connection is kept", async () => {
    await using server = await startServer(routes, plain);
    const options = ["--http1.0", "--header", "Connection: keep-alive", "--include"];
    const head = "HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\nconnection: keep-alive\r\n\r\n";
    expect(await output([...options, `${server.origin}/hello`, `${server.origin}/hello`])).toBe(
      (head + hello).repeat(2),
    );
    expect(server.connections.length).toBe(1);
  });

  test("chunks and trailers as they stand on the wire, trailers only when they were asked for", async () => {
    await using server = await startServer(routes, plain);
    const head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-checksum\r\n\r\n";
    const raw = ["--raw", "--include", `${server.origin}/trailers`];
    expect(await output(["--header", "TE: trailers", "--header", "Connection: TE", ...raw])).toBe(
      `${head}4\r\ndata\r\n0\r\nx-checksum: abc\r\n\r\n`,
    );
    expect(await output(raw)).toBe(`${head}4\r\ndata\r\n0\r\n\r\n`);
  });

  test("trailers as curl understands them", async () => {
    await using server = await startServer(routes, plain);
    const options = ["--header", "TE: trailers", "--header", "Connection: TE", "--output", "/dev/null"];
    expect(await output([...options, "--dump-header", "-", `${server.origin}/trailers`])).toBe(
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-checksum\r\n\r\nx-checksum: abc\r\n",
    );
  });

  test("103 (Early Hints) comes before the 200", async () => {
    await using server = await startServer(routes, plain);
    expect(await output(["--include", `${server.origin}/early`])).toBe(
      "HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n" +
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nlate\n",
    );
    expect(await output(["--http1.0", "--include", `${server.origin}/early`])).toBe(
      "HTTP/1.0 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nlate\n",
    );
  });

  test("an upgrade to HTTP/2 is declined by answering in HTTP/1.1", async () => {
    await using server = await startServer(routes, plain);
    const urls = [`${server.origin}/hello`, `${server.origin}/hello`];
    const head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n\r\n";
    expect(await output(["--http2", "--include", ...urls])).toBe((head + hello).repeat(2));
    expect(server.connections.length).toBe(1);
  });

  test("HTTP/2 without asking is refused, and the connection closed", async () => {
    await using server = await startServer(routes);
    const { code, stdout } = await curl(["--http2-prior-knowledge", `${server.origin}/hello`]);
    expect(code).not.toBe(0);
    expect(stdout.toString()).toBe("");
    expect(server.exchanges).toEqual([]);
    await expect.poll(() => server.endings).toEqual(["VERSION_H2"]);
  });

  test("an upgrade to something else is refused by the service, gracefully", async () => {
    await using server = await startServer(routes, plain);
    const options = ["--header", "Connection: Upgrade", "--header", "Upgrade: websocket", "--include"];
    const response =
      "HTTP/1.1 426 Upgrade Required\r\nupgrade: echo\r\nconnection: upgrade\r\ncontent-length: 17\r\n\r\nthis speaks echo\n";
    expect(await output([...options, `${server.origin}/upgrade`, `${server.origin}/upgrade`])).toBe(response.repeat(2));
    expect(server.connections.length).toBe(1);
  });

  test("OPTIONS * and, as a proxy, a target in absolute-form", async () => {
    await using server = await startServer((request) => {
      if (request.target.form === "asterisk") return routes(request);
      return new HttpResponse(200, {}, full(`${request.target} for ${request.headers.get("host")}\n`));
    }, plain);
    expect(await output(["--include", "--request", "OPTIONS", "--request-target", "*", server.origin])).toBe(
      "HTTP/1.1 200 OK\r\nallow: GET, HEAD, POST, PUT, OPTIONS\r\ncontent-length: 0\r\n\r\n",
    );
    expect(await output(["--proxy", server.origin, "http://example.test/a?b=c"])).toBe(
      "http://example.test/a?b=c for example.test\n",
    );
  });

  test("CONNECT: a tunnel through one server to another", async () => {
    await using far = await startServer(routes, plain);
    await using near = await startServer(routes, plain);
    const options = ["--proxytunnel", "--proxy", near.origin, "--include", "--suppress-connect-headers"];
    expect(await output([...options, `${far.origin}/hello`, `${far.origin}/chunked`, "--raw"])).toBe(
      `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n\r\n${hello}` +
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\none, \r\n5\r\ntwo, \r\n5\r\nthree\r\n0\r\n\r\n",
    );
    expect(near.exchanges).toEqual([`CONNECT 127.0.0.1:${far.port} 200`]);
    expect(far.exchanges).toEqual(["GET /hello 200", "GET /chunked 200"]);
    expect(far.connections.length).toBe(1);
  });

  test("CONNECT that cannot be served is answered with a status", async () => {
    // A port that was free a moment ago and is closed again.
    const closed = createServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const { port } = closed.address() as { port: number };
    await new Promise((resolve) => closed.close(resolve));
    await using server = await startServer(routes);
    const { code, stderr } = await curl(["--proxytunnel", "--proxy", server.origin, `http://127.0.0.1:${port}/`]);
    expect({ code, stderr }).toEqual({ code: 56, stderr: expect.stringContaining("502") });
    expect(server.exchanges).toEqual([`CONNECT 127.0.0.1:${port} 502`]);
  });

  test("a client that hangs up in the middle of a response: the service is told, once", async () => {
    const reasons: unknown[] = [];
    await using server = await startServer((request) => {
      request.signal.addEventListener("abort", () => reasons.push(request.signal.reason));
      return routes(request);
    });
    // curl reads the content-length, finds it too much, and closes.
    const { code } = await curl(["--max-filesize", "1000", `${server.origin}/bytes?${64 * mebibyte}`]);
    expect(code).toBe(63);
    await expect.poll(() => server.endings.length).toBe(1);
    expect(reasons.length).toBe(1);
    expect(server.exchanges).toEqual([`GET /bytes?${64 * mebibyte} 200 ${server.endings[0]}`]);
    expect(server.failures).toEqual([]);
  });
});
