/** nghttp, the client of nghttp2, and a Sluice server. */
import { join } from "node:path";
import { full } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import { pusherKey } from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { type CommandOptions, run } from "./support/command.ts";
import { content, measured, mebibyte, sha256 } from "./support/content.ts";
import { startServer2, type TestServer2 } from "./support/h2-server.ts";
import { peer } from "./support/peer.ts";
import { hello, routes } from "./support/routes.ts";
import { temporaryFolder } from "./support/temporary.ts";

const program = peer("nghttp");

/** What nghttp prints: the content of the responses, or with `-v` the frames. */
async function nghttp(args: readonly string[], options: CommandOptions = {}): Promise<Buffer> {
  const { code, stdout, stderr } = await run(program.path, ["--timeout=20", ...args], options);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

/** The frames of `nghttp -v` in one direction, as `TYPE stream`. */
function frames(log: Buffer, direction: "send" | "recv"): string[] {
  const found = log.toString().matchAll(/^\[ *[\d.]+\] (send|recv) (\w+) frame <.*stream_id=(\d+)>/gm);
  return [...found].filter(([, way]) => way === direction).map(([, , type, stream]) => `${type} ${stream}`);
}

/** The header fields that `nghttp -v` received, in order. */
function fields(log: Buffer): string[] {
  return [...log.toString().matchAll(/recv \(stream_id=\d+\) (.*)$/gm)].map(([, field]) => field ?? "");
}

/** The types of the frames that the server received, each once. */
function received(server: TestServer2): Set<string> {
  return new Set(server.received.map(({ type }) => type));
}

describe.skipIf(program.skipped)("nghttp", () => {
  test.each([
    ["in the clear", false],
    ["over TLS", true],
  ])("GET %s, with the tree of priorities it sends by default", async (_, tls) => {
    await using server = await startServer2(routes, { tls, autoDateHeader: false, frames: true });
    const log = await nghttp(["-nv", "--no-verify-peer", `${server.origin}/hello`]);
    // Streams 3 to 11 stand for groups of priorities and are never opened.
    const groups = [3, 5, 7, 9, 11].map((stream) => `PRIORITY ${stream}`);
    const sent = frames(log, "send");
    // The acknowledgment of our SETTINGS comes when it comes; not at all, if nghttp read them together with the whole response:
    // it then ends its session, and sends nothing but GOAWAY any more.
    expect(sent.filter((frame) => frame !== "SETTINGS 0")).toEqual([...groups, "HEADERS 13", "GOAWAY 0"]);
    expect([1, 2]).toContain(sent.filter((frame) => frame === "SETTINGS 0").length);
    expect(frames(log, "recv").sort()).toEqual([
      "DATA 13",
      "HEADERS 13",
      "SETTINGS 0",
      "SETTINGS 0",
      "WINDOW_UPDATE 0",
    ]);
    expect(fields(log)).toEqual([":status: 200", "content-type: text/plain", "content-length: 13"]);
    expect(server.exchanges).toEqual(["GET /hello 200"]);
    await expect.poll(() => server.endings).toEqual(["clean"]);
  });

  test("hundreds of requests for several resources on one connection", async () => {
    await using server = await startServer2(routes);
    const paths = ["/hello", "/bytes?100000", "/chunked", "/stream?70000", "/empty", "/nowhere", "/trailers", "/early"];
    const urls = paths.map((path) => `${server.origin}${path}`);
    await nghttp(["-n", "--multiply=50", ...urls]);
    const statuses: { readonly [path: string]: number } = { "/empty": 204, "/nowhere": 404 };
    const expected = paths.flatMap((path) => Array.from({ length: 50 }, () => `GET ${path} ${statuses[path] ?? 200}`));
    expect([...server.exchanges].sort()).toEqual(expected.sort());
    await expect.poll(() => server.endings).toEqual(["clean"]);
  });

  test("without the tree of priorities, and with RFC 7540 priorities switched off", async () => {
    await using server = await startServer2(routes, { frames: true });
    expect((await nghttp(["--no-dep", `${server.origin}/hello`])).toString()).toBe(hello);
    expect(received(server)).not.toContain("PRIORITY");
    expect((await nghttp(["--no-rfc7540-pri", `${server.origin}/hello`])).toString()).toBe(hello);
    const settings = server.received.map((frame) => frame.settings?.["NO_RFC7540_PRIORITIES"]);
    expect(settings).toContain(1);
    expect(server.exchanges).toEqual(["GET /hello 200", "GET /hello 200"]);
  });

  test("an upload of 4 MiB, echoed", async () => {
    const bytes = content(4 * mebibyte);
    await using folder = await temporaryFolder({ upload: bytes });
    await using server = await startServer2(routes);
    const echoed = await nghttp(["-d", join(folder.path, "upload"), `${server.origin}/echo`]);
    expect(sha256(echoed)).toBe(sha256(bytes));
    expect(server.exchanges).toEqual(["POST /echo 200"]);
  });

  test("an upload of unknown length with padding and trailers: what the service sees", async () => {
    const bytes = content(300_000);
    await using folder = await temporaryFolder({ upload: bytes });
    await using server = await startServer2(routes, { frames: true });
    const args = [
      "-v",
      "--no-content-length",
      "--padding=200",
      "--trailer=x-sum: 1",
      "-d",
      join(folder.path, "upload"),
    ];
    const log = await nghttp([...args, `${server.origin}/echo`]);
    expect(fields(log).filter((field) => field.startsWith("x-sum"))).toEqual(["x-sum: 1"]);
    expect(server.received.some(({ type, flags }) => type === "DATA" && flags.includes("PADDED"))).toBe(true);
    const data = server.sent.filter(({ type }) => type === "DATA");
    expect(data.reduce((sum, { length }) => sum + length, 0)).toBe(bytes.length);
    expect(server.exchanges).toEqual(["POST /echo 200"]);
  });

  test("an upload that waits for 100 (Continue)", async () => {
    await using folder = await temporaryFolder({ upload: "content" });
    await using server = await startServer2(routes, { frames: true });
    // Not /echo, which answers before it has read: nghttp sends nothing if it sees the answer together with 100.
    const args = ["-v", "--expect-continue", "-d", join(folder.path, "upload"), `${server.origin}/size`];
    expect(fields(await nghttp(args)).filter((field) => field.startsWith(":status"))).toEqual([
      ":status: 100",
      ":status: 200",
    ]);
    const data = server.received.filter(({ type }) => type === "DATA");
    expect(data.reduce((sum, { length }) => sum + length, 0)).toBe(7);
  });

  test("an upload that is refused: the answer, then the end of the stream with NO_ERROR", async () => {
    await using folder = await temporaryFolder({ upload: content(8 * mebibyte) });
    await using server = await startServer2(routes, { frames: true });
    const log = await nghttp(["-nv", "-d", join(folder.path, "upload"), `${server.origin}/refuse`]);
    expect(fields(log)).toContain(":status: 413");
    expect(frames(log, "recv").filter((frame) => frame.endsWith(" 13"))).toEqual([
      "HEADERS 13",
      "DATA 13",
      "RST_STREAM 13",
    ]);
    expect(server.sent.filter(({ type }) => type === "RST_STREAM")).toMatchObject([{ errorCode: "NO_ERROR" }]);
    expect(server.exchanges).toEqual(["POST /refuse 413"]);
  });

  test("a large field section in HEADERS and CONTINUATION", async () => {
    let fieldBytes = 0;
    await using server = await startServer2(
      (request) => {
        for (const [name, value] of request.headers) fieldBytes += name.length + value.length;
        return new HttpResponse(200, {}, full("seen\n"));
      },
      { frames: true, maxHeaderListBytes: 65_536 },
    );
    expect((await nghttp(["--continuation", server.origin])).toString()).toBe("seen\n");
    expect(received(server)).toContain("CONTINUATION");
    expect(fieldBytes).toBeGreaterThan(16_384);
  });

  test("a field section beyond the limit is answered with 431, and the connection goes on", async () => {
    await using server = await startServer2(routes, { frames: true, maxHeaderListBytes: 16_384 });
    const log = await nghttp(["-nv", "--continuation", `${server.origin}/hello`, `${server.origin}/chunked`]);
    expect(fields(log).filter((field) => field.startsWith(":status"))).toEqual([":status: 431", ":status: 431"]);
    expect(server.exchanges).toEqual([]);
    await expect.poll(() => server.endings).toEqual(["clean"]);
  });

  test.each([
    ["a stream window of 127 bytes", ["-w7"]],
    ["a stream window of 1 byte", ["-w1"]],
    ["a connection window of 65,535 bytes beside large streams", ["-w30", "-W16"]],
    ["large windows", ["-w30", "-W30"]],
  ])("%s", async (_, windows) => {
    await using server = await startServer2(routes);
    const size = windows[0] === "-w1" ? 500 : 200_000;
    const bytes = await nghttp([...windows, `${server.origin}/bytes?${size}`]);
    expect(sha256(bytes)).toBe(sha256(content(size)));
    expect(server.exchanges).toEqual([`GET /bytes?${size} 200`]);
  });

  test("tables of other sizes, the smallest of them none at all", async () => {
    for (const table of [["-c0"], ["-c4096", "-c0", "-c65536"], ["--encoder-header-table-size=0"]]) {
      await using server = await startServer2(routes);
      const url = `${server.origin}/hello`;
      const bytes = await nghttp([...table, "--multiply=20", "-H", "x-repeated: value", url]);
      expect(bytes.toString()).toBe(hello.repeat(20));
    }
  });

  test("as many streams as the server allows, and the rest behind them", async () => {
    let running = 0;
    let most = 0;
    await using server = await startServer2(
      async (request) => {
        most = Math.max(most, ++running);
        await measured(request.body);
        await new Promise((resolve) => setTimeout(resolve, 5));
        running -= 1;
        return new HttpResponse(200, {}, full("x"));
      },
      { maxConcurrentStreams: 4 },
    );
    // nghttp takes as many as it likes until it has seen our SETTINGS, unless told otherwise.
    const bytes = await nghttp(["--multiply=40", "--peer-max-concurrent-streams=4", server.origin]);
    expect(bytes.toString()).toBe("x".repeat(40));
    expect(most).toBe(4);
  });

  test("push: what was promised arrives, and nothing is promised to those who do not want it", async () => {
    const enabled: boolean[] = [];
    await using server = await startServer2((request) => {
      if (request.target.path !== "/") return routes(request);
      const pusher = request.extensions.get(pusherKey);
      enabled.push(pusher !== undefined);
      pusher?.push(HttpRequest.get(`${server.origin}/hello`)).respond(new HttpResponse(200, {}, full("pushed, ")));
      return new HttpResponse(200, {}, full("asked for\n"));
    });
    const pushed = (await nghttp([`${server.origin}/`])).toString();
    expect([pushed.includes("pushed, "), pushed.includes("asked for\n"), pushed.length]).toEqual([true, true, 18]);
    const log = await nghttp(["-nv", `${server.origin}/`]);
    expect(frames(log, "recv")).toContain("PUSH_PROMISE 13");
    expect(frames(log, "recv").filter((frame) => frame.endsWith(" 2"))).toEqual(["HEADERS 2", "DATA 2"]);
    expect((await nghttp(["--no-push", `${server.origin}/`])).toString()).toBe("asked for\n");
    expect(enabled).toEqual([true, true, false]);
    await expect.poll(() => server.endings).toEqual(["clean", "clean", "clean"]);
  });
});
