/** nghttpd, the server of nghttp2, and a Sluice client. */
import { full, HeaderMap, Trailers } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { content, inPieces, measured, mebibyte, sha256 } from "./support/content.ts";
import { connectTo2 } from "./support/h2-client.ts";
import { program, startNghttpd } from "./support/nghttpd.ts";

describe.skipIf(program.skipped)("nghttpd", () => {
  test.each([
    ["in the clear", false],
    ["over TLS", true],
  ])("GETs in parallel %s, each with its own file", async (_, tls) => {
    const sizes = Array.from({ length: 100 }, (_value, i) => i * 1021);
    const files = Object.fromEntries(sizes.map((size) => [`file-${size}`, content(size)]));
    await using server = await startNghttpd({ tls, files });
    await using client = await connectTo2(server.port, { tls });
    const answers = await Promise.all(
      sizes.map(async (size) => {
        const { response, bytes } = await client.get(`/file-${size}`);
        return [response.status, response.version, response.headers.get("content-length"), sha256(await bytes())];
      }),
    );
    expect(answers).toEqual(sizes.map((size) => [200, "HTTP/2", `${size}`, sha256(content(size))]));
  });

  test("more requests than streams: the rest wait their turn", async () => {
    await using server = await startNghttpd({ args: ["--max-concurrent-streams=3"], files: { small: "content" } });
    await using client = await connectTo2(server.port);
    // What the server allows is known only from its SETTINGS.
    expect(await (await client.get("/small")).text()).toBe("content");
    const answers = Array.from({ length: 50 }, async () => (await client.get("/small")).text());
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 50 }, () => "content"));
  });

  test("requests sent before the server has said how many it takes are repeated by nobody, and none is lost", async () => {
    await using server = await startNghttpd({ args: ["--max-concurrent-streams=3"], files: { small: "content" } });
    await using client = await connectTo2(server.port);
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, () => client.sender.trySend(HttpRequest.get(`${client.origin}/small`))),
    );
    for (const outcome of outcomes) {
      if ("response" in outcome) expect(outcome.response.status).toBe(200);
      else expect([outcome.error.code, outcome.request !== undefined]).toEqual(["REFUSED_STREAM", true]);
    }
    expect(outcomes.some((outcome) => "response" in outcome)).toBe(true);
  });

  test("two files of 64 MiB at once, whatever our windows are", async () => {
    const bytes = content(64 * mebibyte);
    await using server = await startNghttpd({ files: { large: bytes } });
    for (const options of [
      {},
      { adaptiveWindow: true },
      { initialWindowBytes: 65_535, connectionWindowBytes: 65_535 },
    ]) {
      await using client = await connectTo2(server.port, options);
      const answers = ["/large", "/large"].map(async (path) => measured((await client.get(path)).response.body));
      const expected = { bytes: bytes.length, sha256: sha256(bytes) };
      expect(await Promise.all(answers)).toEqual([expected, expected]);
    }
  });

  test("HEAD, and a page that is not there", async () => {
    await using server = await startNghttpd({ files: { small: "content" } });
    await using client = await connectTo2(server.port);
    const head = await client.sender.send(HttpRequest.head(`${client.origin}/small`));
    expect([head.status, head.headers.get("content-length"), head.body.isEndStream()]).toEqual([200, "7", true]);
    const missing = await client.get("/missing");
    expect(missing.response.status).toBe(404);
    expect(await missing.text()).toContain("404");
    expect(await (await client.get("/small")).text()).toBe("content");
  });

  test("trailers behind the content of a response", async () => {
    await using server = await startNghttpd({ args: ["--trailer=x-sum: 1"], files: { small: "content" } });
    await using client = await connectTo2(server.port);
    const answer = await client.get("/small");
    expect(await answer.text()).toBe("content");
    expect([...((await answer.trailers()) ?? [])]).toEqual([["x-sum", "1"]]);
  });

  test.each([
    ["of 16 MiB and known length", 16 * mebibyte, true, []],
    ["of 1 MiB and unknown length", mebibyte, false, []],
    ["through windows of 1,023 bytes", 300_000, true, ["--window-bits=10"]],
    ["without a content-length of the response", 100_000, true, ["--no-content-length"]],
  ])("an upload %s, echoed", async (_, size, known, args) => {
    await using server = await startNghttpd({ args: ["--echo-upload", ...args], files: {} });
    await using client = await connectTo2(server.port);
    const bytes = content(size);
    const body = inPieces(bytes, known ? { length: size } : {});
    const response = await client.sender.send(HttpRequest.post(`${client.origin}/upload`, body));
    expect(response.headers.get("nghttpd-response")).toBe("echo");
    expect(await measured(response.body)).toEqual({ bytes: size, sha256: sha256(bytes) });
  });

  test("an upload with trailers is understood as one", async () => {
    await using server = await startNghttpd({ args: ["--echo-upload", "--verbose"], files: {} });
    await using client = await connectTo2(server.port);
    const trailers = new Trailers(new HeaderMap({ "x-sum": "1" }));
    const body = inPieces(Buffer.from("content"), { trailers });
    const response = await client.sender.send(HttpRequest.post(`${client.origin}/upload`, body));
    expect((await measured(response.body)).bytes).toBe(7);
    await expect.poll(() => server.log).toMatch(/recv \(stream_id=1\) x-sum: 1\n/);
  });

  test("an upload that waits for 100 (Continue)", async () => {
    await using server = await startNghttpd({ args: ["--echo-upload"], files: {} });
    await using client = await connectTo2(server.port);
    const informed: number[] = [];
    const request = HttpRequest.post(`${client.origin}/upload`, full("content"), { expect: "100-continue" });
    const response = await client.sender.send(request, {
      onInformational: (status) => informed.push(status),
      timeouts: { expectContinueTimeoutMs: 20_000 },
    });
    expect((await measured(response.body)).bytes).toBe(7);
    expect(informed).toEqual([100]);
  });

  test("a large field section, in CONTINUATION", async () => {
    await using server = await startNghttpd({ args: ["--verbose"], files: { small: "content" } });
    await using client = await connectTo2(server.port);
    const value = "*&<>".repeat(8000);
    const answer = await client.get("/small", { "x-large": value });
    expect(await answer.text()).toBe("content");
    await expect.poll(() => server.log.includes(value)).toBe(true);
  });

  test("pushes that are wanted arrive, others are refused, and the page is not disturbed", async () => {
    const files = { page: "page", wanted: content(200_000), unwanted: "unwanted" };
    await using server = await startNghttpd({ args: ["--push=/page=/wanted,/unwanted", "--verbose"], files });
    const pushed: [string, Promise<string>][] = [];
    await using client = await connectTo2(server.port, {
      onPush: (promise) => {
        const { path } = promise.request.target;
        if (path === "/unwanted") return;
        const sum = promise.response().then(async ({ body }) => (await measured(body)).sha256);
        pushed.push([path, sum]);
      },
    });
    expect(await (await client.get("/page")).text()).toBe("page");
    await expect.poll(() => pushed.length).toBe(1);
    expect(pushed[0]?.[0]).toBe("/wanted");
    expect(await pushed[0]?.[1]).toBe(sha256(files.wanted));
    await expect.poll(() => server.log).toMatch(/recv RST_STREAM frame <.*stream_id=4>\s+\(error_code=CANCEL/);
    expect(await (await client.get("/unwanted")).text()).toBe("unwanted");
  });

  test("push, which we switch off, is not tried", async () => {
    const files = { small: "content", pushed: "pushed" };
    await using server = await startNghttpd({ args: ["--push=/small=/pushed", "--verbose"], files });
    await using client = await connectTo2(server.port);
    expect(await (await client.get("/small")).text()).toBe("content");
    expect(await (await client.get("/pushed")).text()).toBe("pushed");
    expect(server.log).toContain("SETTINGS_ENABLE_PUSH(0x02):0");
    expect(server.log).not.toContain("PUSH_PROMISE");
  });

  test("a response that is given up resets its stream, and the next one is not disturbed", async () => {
    await using server = await startNghttpd({
      args: ["--verbose"],
      files: { large: content(8 * mebibyte), small: "content" },
    });
    await using client = await connectTo2(server.port);
    const { response } = await client.get("/large");
    response.body.cancel();
    expect(await (await client.get("/small")).text()).toBe("content");
    await expect.poll(() => server.log).toMatch(/recv RST_STREAM frame <.*stream_id=1>\s+\(error_code=CANCEL/);
  });

  test("a graceful shutdown waits for the response under way", async () => {
    // So little that no WINDOW_UPDATE is sent: nghttpd closes with what it has not read, and loses what it has to send.
    await using server = await startNghttpd({ files: { file: content(500_000) } });
    await using client = await connectTo2(server.port);
    const { response } = await client.get("/file");
    client.connection.gracefulShutdown();
    expect(await measured(response.body)).toEqual({ bytes: 500_000, sha256: sha256(content(500_000)) });
    await client.connection.closed;
  });
});
