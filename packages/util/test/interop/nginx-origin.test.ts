/** nginx as the server of a Sluice client. */
import { gunzipSync } from "node:zlib";
import { collect, full } from "@sluice/body";
import { HttpRequest, type HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { failure } from "../support/io.ts";
import { connectTo } from "./support/client.ts";
import { content, inPieces, measured, mebibyte, sha256 } from "./support/content.ts";
import { program, startNginx } from "./support/nginx.ts";

const text = Buffer.from("some text that is worth compressing\n".repeat(2000));
const large = content(mebibyte);

const origin = {
  http: "gzip on; gzip_types text/plain; keepalive_requests 100; default_type application/octet-stream;",
  files: { "large.bin": large, "plain.txt": text },
  server: `
    types { text/plain txt; }
    client_max_body_size 2m;
    location /hello { return 200 "hello\\n"; }
    location /empty { return 204; }
    location /moved { return 301 /hello; }
    location /refuse { client_max_body_size 1k; root /nonexistent; proxy_pass http://127.0.0.1:1; }
  `,
};

function textOf(response: HttpResponse): Promise<string> {
  return collect(response.body).text();
}

describe.skipIf(program.skipped)("nginx as server", () => {
  test("files and answers of every kind on one connection", async () => {
    await using nginx = await startNginx(origin);
    await using client = await connectTo(nginx.port);
    const { sender, host } = client;
    const get = async (path: string, headers = {}) => sender.send(HttpRequest.get(path, { ...host, ...headers }));

    const file = await get("/large.bin");
    expect([file.status, file.headers.get("content-length")]).toEqual([200, String(mebibyte)]);
    expect(await measured(file.body)).toEqual({ bytes: mebibyte, sha256: sha256(large) });

    const head = await sender.send(HttpRequest.head("/large.bin", host));
    expect([head.status, head.headers.get("content-length"), await textOf(head)]).toEqual([200, String(mebibyte), ""]);

    const part = await get("/large.bin", { range: "bytes=1000-1999" });
    expect([part.status, part.headers.get("content-range")]).toEqual([206, `bytes 1000-1999/${mebibyte}`]);
    expect(Buffer.from(await collect(part.body).bytes()).equals(large.subarray(1000, 2000))).toBe(true);

    const cached = await get("/large.bin", { "if-none-match": String(file.headers.get("etag")) });
    expect([cached.status, await textOf(cached)]).toEqual([304, ""]);

    const zipped = await get("/plain.txt", { "accept-encoding": "gzip" });
    expect(zipped.headers.get("transfer-encoding")).toBe("chunked");
    expect(gunzipSync(await collect(zipped.body).bytes()).equals(text)).toBe(true);

    for (const [path, status] of [["/hello", 200] as const, ["/empty", 204] as const, ["/nowhere", 404] as const]) {
      const response = await get(path);
      expect(response.status).toBe(status);
      await textOf(response);
    }
    const moved = await get("/moved");
    expect([moved.status, moved.headers.get("location")]).toEqual([301, `${nginx.origin}/hello`]);
    await textOf(moved);
    expect(sender.isReady).toBe(true);
  });

  test("content that nginx reads and drops, of known and of unknown length", async () => {
    await using nginx = await startNginx(origin);
    await using client = await connectTo(nginx.port);
    for (const body of [full(large), inPieces(large), inPieces(large, { length: large.length })]) {
      const response = await client.sender.send(HttpRequest.post("/hello", body, client.host));
      expect([response.status, await textOf(response)]).toEqual([200, "hello\n"]);
    }
    await client.sender.ready();
  });

  test("content that is too large: the answer is 413, whether or not it was waited for", async () => {
    await using nginx = await startNginx(origin);
    for (const headers of [{}, { expect: "100-continue" }]) {
      await using client = await connectTo(nginx.port, { expectContinueTimeoutMs: 60_000 });
      const request = HttpRequest.post("/refuse", full(content(10_000)), { ...client.host, ...headers });
      const response = await client.sender.send(request);
      expect([response.status, response.headers.get("connection")]).toEqual([413, "close"]);
      expect(await textOf(response)).toContain("413");
      await client.connection.closed;
    }
  });

  test("pipelined requests are answered in order", async () => {
    await using nginx = await startNginx(origin);
    await using client = await connectTo(nginx.port, { pipelining: 16 });
    const ranges = Array.from({ length: 16 }, (_, i) => i * 1000);
    const responses = ranges.map((start) =>
      client.sender.send(HttpRequest.get("/large.bin", { ...client.host, range: `bytes=${start}-${start + 99}` })),
    );
    for (const [i, start] of ranges.entries()) {
      const response = await (responses[i] as Promise<HttpResponse>);
      expect(Buffer.from(await collect(response.body).bytes()).equals(large.subarray(start, start + 100))).toBe(true);
    }
  });

  test("the last request nginx allows on a connection: the next one is refused unsent", async () => {
    await using nginx = await startNginx({ ...origin, http: "keepalive_requests 2;" });
    await using client = await connectTo(nginx.port);
    const connectionFields: unknown[] = [];
    for (let i = 0; i < 2; i++) {
      const response = await client.sender.send(HttpRequest.get("/hello", client.host));
      connectionFields.push(response.headers.get("connection"));
      expect(await textOf(response)).toBe("hello\n");
    }
    expect(connectionFields).toEqual(["keep-alive", "close"]);
    const outcome = await client.sender.trySend(HttpRequest.get("/hello", client.host));
    expect(outcome).toMatchObject({ error: { kind: "closed" }, request: expect.any(HttpRequest) });
    await client.connection.closed;
  });

  test("HTTP/1.0, and what nginx says to a request without Host", async () => {
    await using nginx = await startNginx(origin);
    await using old = await connectTo(nginx.port);
    const first = await old.sender.send(HttpRequest.get("/hello", old.host).withVersion("HTTP/1.0"));
    expect([first.status, await textOf(first)]).toEqual([200, "hello\n"]);
    await old.connection.closed;

    await using strict = await connectTo(nginx.port);
    expect(await failure(strict.sender.send(HttpRequest.get("/hello")))).toMatchObject({ code: "INVALID_HOST" });
    await using loose = await connectTo(nginx.port, { requireHost: false });
    const response = await loose.sender.send(HttpRequest.get("/hello"));
    expect(response.status).toBe(400);
    await textOf(response);
    await loose.connection.closed;
  });
});
