/** curl as the client of a Sluice server, over HTTP/2. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { certificateFile } from "./support/certificate.ts";
import { type CommandOptions, type CommandOutcome, run } from "./support/command.ts";
import { content, mebibyte, sha256 } from "./support/content.ts";
import { startServer2, type TestServer2 } from "./support/h2-server.ts";
import { peer } from "./support/peer.ts";
import { hello, routes } from "./support/routes.ts";
import { startServer } from "./support/server.ts";
import { temporaryFolder } from "./support/temporary.ts";

const program = peer("curl");
/** Heads as they are predictable to the byte. */
const plain = { autoDateHeader: false } as const;
const priorKnowledge = ["--http2-prior-knowledge"];
const secure = ["--http2", "--cacert", certificateFile];

function curl(args: readonly string[], options: CommandOptions = {}): Promise<CommandOutcome> {
  return run(program.path, ["-q", "--silent", "--show-error", "--max-time", "20", ...args], options);
}

/** What curl prints, which must be all it has to say. */
async function output(args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await curl(args, options);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout.toString("latin1");
}

describe.skipIf(program.skipped).each([
  ["in the clear, with prior knowledge", false, priorKnowledge],
  ["over TLS, chosen by ALPN", true, secure],
] as const)("curl %s", (_, tls, mode) => {
  const start = (): Promise<TestServer2> => startServer2(routes, { ...plain, tls });

  test("GET: head and content to the byte", async () => {
    await using server = await start();
    expect(await output([...mode, "--include", `${server.origin}/hello`])).toBe(
      `HTTP/2 200 \r\ncontent-type: text/plain\r\ncontent-length: 13\r\n\r\n${hello}`,
    );
    expect(server.exchanges).toEqual(["GET /hello 200"]);
    await expect.poll(() => server.endings).toEqual(["clean"]);
  });

  test("HEAD: the head a GET would have got, and nothing behind it", async () => {
    await using server = await start();
    expect(await output([...mode, "--head", `${server.origin}/hello`])).toBe(
      "HTTP/2 200 \r\ncontent-type: text/plain\r\ncontent-length: 13\r\n\r\n",
    );
    expect(server.exchanges).toEqual(["HEAD /hello 200"]);
  });

  test("POST with a content-length: the content arrives, and comes back", async () => {
    await using server = await start();
    const args = [...mode, "--include", "--data-binary", "some=content", `${server.origin}/echo`];
    expect(await output(args)).toBe("HTTP/2 200 \r\ncontent-length: 12\r\n\r\nsome=content");
  });

  test("an upload of 8 MiB of unknown length, echoed", async () => {
    await using server = await start();
    const bytes = content(8 * mebibyte);
    const { code, stdout, stderr } = await curl([...mode, "--upload-file", "-", `${server.origin}/echo`], {
      input: bytes,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(sha256(stdout)).toBe(sha256(bytes));
    expect(server.exchanges).toEqual(["PUT /echo 200"]);
  });

  test("a download of 32 MiB, of known and of unknown length", async () => {
    await using server = await start();
    const size = 32 * mebibyte;
    for (const path of ["/bytes", "/stream"]) {
      const { code, stdout } = await curl([...mode, `${server.origin}${path}?${size}`]);
      expect(code).toBe(0);
      expect(sha256(stdout)).toBe(sha256(content(size)));
    }
  });

  test("trailers", async () => {
    await using server = await start();
    const options = [...mode, "--output", "/dev/null", "--dump-header", "-"];
    expect(await output([...options, "--header", "TE: trailers", `${server.origin}/trailers`])).toBe(
      "HTTP/2 200 \r\ntrailer: x-checksum\r\n\r\nx-checksum: abc\r\n",
    );
  });

  test("103 (Early Hints) comes before the 200", async () => {
    await using server = await start();
    expect(await output([...mode, "--include", `${server.origin}/early`])).toBe(
      "HTTP/2 103 \r\nlink: </style.css>; rel=preload\r\n\r\nHTTP/2 200 \r\ncontent-length: 5\r\n\r\nlate\n",
    );
  });

  test("expect: 100-continue is answered before the content is sent", async () => {
    await using server = await start();
    const args = [...mode, "--include", "--header", "Expect: 100-continue", "--expect100-timeout", "15"];
    expect(await output([...args, "--data-binary", "content", `${server.origin}/echo`])).toBe(
      "HTTP/2 100 \r\n\r\nHTTP/2 200 \r\ncontent-length: 7\r\n\r\ncontent",
    );
  });

  test("a client that hangs up in the middle of a response: the service is told, once", async () => {
    const reasons: unknown[] = [];
    await using server = await startServer2(
      (request) => {
        request.signal.addEventListener("abort", () => reasons.push(request.signal.reason));
        return routes(request);
      },
      { tls },
    );
    // curl reads the content-length, finds it too much, and closes.
    const { code } = await curl([...mode, "--max-filesize", "1000", `${server.origin}/bytes?${64 * mebibyte}`]);
    expect(code).toBe(63);
    await expect.poll(() => server.endings.length).toBe(1);
    expect(reasons.length).toBe(1);
    expect(server.exchanges.length).toBe(1);
    expect(server.failures).toEqual([]);
  });
});

describe.skipIf(program.skipped)("curl", () => {
  // Over TLS: in the clear, versions before 8 cannot use a connection twice.
  test("204, 404 and the next request share the connection", async () => {
    await using server = await startServer2(routes, { tls: true });
    const each = [...secure, "--write-out", "%{http_version} %{http_code} %{num_connects}\n", "--output", "/dev/null"];
    const urls = ["/empty", "/nowhere", "/hello"].map((path) => [...each, `${server.origin}${path}`]);
    expect(await output(urls.flatMap((url, at) => (at === 0 ? url : ["--next", ...url])))).toBe(
      "2 204 1\n2 404 0\n2 200 0\n",
    );
    expect(server.connections.length).toBe(1);
  });

  test("fifty transfers in parallel on one connection", async () => {
    await using server = await startServer2(routes, { tls: true });
    await using folder = await temporaryFolder();
    const sizes = Array.from({ length: 50 }, (_, i) => 1 + i * 4099);
    const config = sizes.map(
      (size) => `url = "${server.origin}/bytes?${size}"\noutput = "${join(folder.path, `${size}`)}"`,
    );
    const file = join(folder.path, "config");
    await writeFile(file, config.join("\n"));
    await output([...secure, "--no-progress-meter", "--parallel", "--parallel-max", "50", "--config", file]);
    for (const size of sizes) {
      expect(sha256(await readFile(join(folder.path, `${size}`)))).toBe(sha256(content(size)));
    }
    expect([...server.exchanges].sort()).toEqual(sizes.map((size) => `GET /bytes?${size} 200`).sort());
    expect(server.connections.length).toBe(1);
  });

  test("the scheme and the authority of the request are those of the URL", async () => {
    await using inClear = await startServer2(routes);
    await using overTls = await startServer2(routes, { tls: true });
    for (const server of [inClear, overTls]) {
      const args = [...priorKnowledge, "--cacert", certificateFile, `${server.origin}/size?a=b`];
      expect(JSON.parse(await output(args))).toMatchObject({
        method: "GET",
        target: `${server.origin}/size?a=b`,
        version: "HTTP/2",
        bytes: 0,
      });
    }
  });

  test("a client that offers only HTTP/1.1 gets no TLS connection", async () => {
    await using server = await startServer2(routes, { tls: true });
    const { code, stdout } = await curl(["--http1.1", "--cacert", certificateFile, `${server.origin}/hello`]);
    expect({ code, stdout: stdout.toString() }).toEqual({ code: 35, stdout: "" });
    expect(server.connections.length).toBe(0);
  });

  test("HTTP/1.1 to a server of HTTP/2 in the clear is refused, and the connection closed", async () => {
    await using server = await startServer2(routes);
    const { code } = await curl(["--http1.1", `${server.origin}/hello`]);
    expect(code).not.toBe(0);
    expect(server.exchanges).toEqual([]);
    await expect.poll(() => server.endings.length).toBe(1);
    expect(server.endings).not.toEqual(["clean"]);
  });

  test("CONNECT: a tunnel through HTTP/1.1 to a server of HTTP/2", async () => {
    await using server = await startServer2(routes, plain);
    await using near = await startServer(routes);
    const options = [...priorKnowledge, "--proxytunnel", "--proxy", near.origin, "--suppress-connect-headers"];
    expect(await output([...options, `${server.origin}/hello`])).toBe(hello);
    expect(server.exchanges).toEqual(["GET /hello 200"]);
  });
});
