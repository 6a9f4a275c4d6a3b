/** nginx as a reverse proxy in front of a Sluice server, with a Sluice client in front of both. */
import { collect, full } from "@sluice/body";
import { HttpRequest, type HttpResponse, upgradeOn } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { readText, readToEnd, shutdown } from "../support/io.ts";
import { connectTo } from "./support/client.ts";
import { content, inPieces, measured, mebibyte, sha256 } from "./support/content.ts";
import { type Nginx, program, startNginx } from "./support/nginx.ts";
import { hello, routes } from "./support/routes.ts";
import { startServer, type TestServer } from "./support/server.ts";

/** A proxy that keeps its connections to `server`; `more` is added to the location. */
function proxyTo(server: TestServer, more = ""): Promise<Nginx> {
  return startNginx({
    http: `upstream sluice { server 127.0.0.1:${server.port}; keepalive 4; }`,
    server: `
      client_max_body_size 0;
      location / { proxy_pass http://sluice; proxy_http_version 1.1; proxy_set_header Connection ""; ${more} }
    `,
  });
}

const unbuffered = "proxy_request_buffering off; proxy_buffering off;";

function textOf(response: HttpResponse): Promise<string> {
  return collect(response.body).text();
}

describe.skipIf(program.skipped)("nginx as reverse proxy", () => {
  test("requests of every kind share one connection to the server", async () => {
    await using server = await startServer(routes);
    await using nginx = await proxyTo(server);
    await using client = await connectTo(nginx.port);
    const { sender, host } = client;
    for (let round = 0; round < 3; round++) {
      const get = await sender.send(HttpRequest.get("/hello", host));
      expect([get.status, await textOf(get)]).toEqual([200, hello]);
      const head = await sender.send(HttpRequest.head("/hello", host));
      expect([head.status, head.headers.get("content-length"), await textOf(head)]).toEqual([200, "13", ""]);
      const none = await sender.send(HttpRequest.get("/empty", host));
      expect([none.status, await textOf(none)]).toEqual([204, ""]);
      const chunked = await sender.send(HttpRequest.get("/chunked", host));
      expect([chunked.headers.get("transfer-encoding"), await textOf(chunked)]).toEqual(["chunked", "one, two, three"]);
      const missing = await sender.send(HttpRequest.get("/nowhere", host));
      expect([missing.status, await textOf(missing)]).toEqual([404, "not found\n"]);
    }
    expect(server.connections.length).toBe(1);
    expect(server.exchanges.length).toBe(15);
    expect(server.failures).toEqual([]);
  });

  test("1 MiB both ways, buffered and not, of known and of unknown length", async () => {
    await using server = await startServer(routes);
    const bytes = content(mebibyte);
    for (const more of ["", unbuffered]) {
      await using nginx = await proxyTo(server, more);
      await using client = await connectTo(nginx.port);
      for (const body of [full(bytes), inPieces(bytes)]) {
        const response = await client.sender.send(HttpRequest.post("/echo", body, client.host));
        expect(response.status).toBe(200);
        expect(await measured(response.body)).toEqual({ bytes: mebibyte, sha256: sha256(bytes) });
      }
    }
    expect(server.exchanges).toEqual(Array.from({ length: 4 }, () => "POST /echo 200"));
    // One for each nginx: those that carried content were kept as well.
    expect(server.connections.length).toBe(2);
  });

  test("chunks pass through unbuffered as they come", async () => {
    await using server = await startServer(routes);
    await using nginx = await proxyTo(server, unbuffered);
    await using client = await connectTo(nginx.port);
    const response = await client.sender.send(
      HttpRequest.post("/size", inPieces(content(300_000), { size: 1000 }), client.host),
    );
    expect(JSON.parse(await textOf(response))).toMatchObject({
      method: "POST",
      version: "HTTP/1.1",
      bytes: 300_000,
      sha256: sha256(content(300_000)),
    });
  });

  test("a request with expect: 100-continue is answered by nginx, and arrives whole", async () => {
    await using server = await startServer(routes);
    await using nginx = await proxyTo(server);
    await using client = await connectTo(nginx.port, { expectContinueTimeoutMs: 60_000 });
    const informational: number[] = [];
    const headers = { ...client.host, expect: "100-continue" };
    const response = await client.sender.send(HttpRequest.put("/size", full(content(mebibyte)), headers), {
      onInformational: (status) => void informational.push(status),
    });
    expect(JSON.parse(await textOf(response))).toMatchObject({ method: "PUT", bytes: mebibyte });
    expect(informational).toEqual([100]);
  });

  test("a proxy that speaks HTTP/1.0 to the server, which is nginx's default", async () => {
    await using server = await startServer(routes);
    await using nginx = await proxyTo(server);
    await using old = await startNginx({
      server: `location / { proxy_pass http://127.0.0.1:${server.port}; proxy_http_version 1.0; }`,
    });
    for (const [port, version] of [[nginx.port, "HTTP/1.1"] as const, [old.port, "HTTP/1.0"] as const]) {
      await using client = await connectTo(port);
      const size = await client.sender.send(HttpRequest.post("/size", full("some content"), client.host));
      expect(JSON.parse(await textOf(size))).toMatchObject({ version, bytes: 12 });
      const stream = await client.sender.send(HttpRequest.get(`/stream?${mebibyte}`, client.host));
      expect(await measured(stream.body)).toEqual({ bytes: mebibyte, sha256: sha256(content(mebibyte)) });
    }
    expect(server.failures).toEqual([]);
  });

  test("an upgrade goes through, and bytes go both ways until the end", async () => {
    await using server = await startServer(routes);
    const upgrade = 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";';
    await using nginx = await startNginx({
      server: `location / { proxy_pass http://127.0.0.1:${server.port}; proxy_http_version 1.1; ${upgrade} }`,
    });
    await using client = await connectTo(nginx.port);
    const response = await client.sender.send(HttpRequest.get("/upgrade", { ...client.host, upgrade: "echo" }));
    expect([response.status, response.headers.get("upgrade")]).toEqual([101, "echo"]);
    const io = await upgradeOn(response);
    io.write([Buffer.from("ping")]);
    expect(await readText(io)).toBe("ping");
    // nginx ends both sides as soon as one has ended.
    await shutdown(io);
    expect(await readToEnd(io)).toBe("");
    expect(server.exchanges).toEqual(["GET /upgrade 101"]);
  });

  test("a server that shuts down gracefully: nginx opens another connection", async () => {
    await using server = await startServer(routes);
    await using nginx = await proxyTo(server);
    await using client = await connectTo(nginx.port);
    for (let i = 0; i < 3; i++) {
      const response = await client.sender.send(HttpRequest.get("/hello", client.host));
      expect([response.status, await textOf(response)]).toEqual([200, hello]);
      server.connections[i]?.gracefulShutdown();
      await server.connections[i]?.closed;
    }
    expect(server.connections.length).toBe(3);
    expect(server.endings).toEqual(["clean", "clean", "clean"]);
  });

  test("twenty clients at once", async () => {
    await using server = await startServer(routes);
    await using nginx = await proxyTo(server);
    const { port } = nginx;
    const bytes = content(100_000);
    const results = await Promise.all(
      Array.from({ length: 20 }, async () => {
        await using client = await connectTo(port);
        const digests: string[] = [];
        for (let i = 0; i < 5; i++) {
          const response = await client.sender.send(HttpRequest.post("/echo", full(bytes), client.host));
          digests.push((await measured(response.body)).sha256);
        }
        return digests;
      }),
    );
    expect(new Set(results.flat())).toEqual(new Set([sha256(bytes)]));
    expect(results.flat().length).toBe(100);
    expect(server.failures).toEqual([]);
  });
});
