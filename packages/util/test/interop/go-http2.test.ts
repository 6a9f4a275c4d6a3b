/** HTTP/2 of Go's net/http, as client and as server. */
import { full, HeaderMap, Trailers } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { certificateFile, keyFile } from "./support/certificate.ts";
import { buildLimitMs, goPeer, type Program, programOf } from "./support/compiled.ts";
import { content, inPieces, measured, mebibyte, sha256 } from "./support/content.ts";
import { connectTo2 } from "./support/h2-client.ts";
import { startServer2 } from "./support/h2-server.ts";
import { hello, routes } from "./support/routes.ts";

const peer = goPeer();
const modes = [
  ["in the clear", false],
  ["over TLS", true],
] as const;

describe.skipIf(peer.skipped)("net/http of Go", () => {
  let built: Program | undefined;
  beforeAll(async () => {
    built = await peer.build();
  }, buildLimitMs);
  beforeEach(({ skip }) => skip(built === undefined, "cannot be compiled here"));

  test.each(modes)("as client %s", async (_, tls) => {
    await using server = await startServer2(routes, { tls });
    const { code, stdout, stderr } = await programOf(built).run([
      "client",
      server.origin,
      ...(tls ? [certificateFile] : []),
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout.toString())).toEqual({
      Hello: `HTTP/2.0 ${hello}`,
      Missing: 404,
      Echo: sha256(content(8 * mebibyte)),
      Trailers: "content 1",
      Parallel: 100,
      Early: ["103 </style.css>; rel=preload", "late\n"],
      Expect: "content",
      Refused: "413 too much\n",
      Canceled: "context canceled",
      Next: hello,
    });
    expect(server.failures).toEqual([]);
    expect(server.connections.length).toBe(1);
    await expect.poll(() => server.endings.length).toBe(1);
    expect(server.exchanges.filter((exchange) => !exchange.endsWith("200"))).toEqual([
      "GET /nowhere 404",
      "POST /refuse 413",
      `GET /stream?${64 * mebibyte} 200 STREAM_RESET`,
    ]);
  });

  test.each(modes)("as server %s", async (_, tls) => {
    await using server = await programOf(built).serve(tls ? [certificateFile, keyFile] : []);
    await using client = await connectTo2(server.port, { tls });
    expect(await (await client.get("/hello")).text()).toBe("hello from HTTP/2.0");
    expect((await client.get("/nowhere")).response.status).toBe(404);
    const head = await client.sender.send(HttpRequest.head(`${client.origin}/hello`));
    expect([head.status, head.body.isEndStream()]).toEqual([200, true]);

    const large = content(16 * mebibyte);
    const post = HttpRequest.post(`${client.origin}/echo`, inPieces(large, { length: large.length }));
    expect(await measured((await client.sender.send(post)).body)).toEqual({
      bytes: large.length,
      sha256: sha256(large),
    });

    const sizes = Array.from({ length: 100 }, (_value, i) => 1 + i * 1499);
    const sums = sizes.map(async (size) => sha256(await (await client.get(`/bytes?${size}`)).bytes()));
    expect(await Promise.all(sums)).toEqual(sizes.map((size) => sha256(content(size))));
  });

  test("as server: trailers both ways, 103 and 100", async () => {
    await using server = await programOf(built).serve();
    await using client = await connectTo2(server.port);
    const trailers = new Trailers(new HeaderMap({ "x-sum": "1" }));
    const body = inPieces(Buffer.from("content"), { trailers });
    const post = HttpRequest.post(`${client.origin}/echo`, body, { trailer: "x-sum", expect: "100-continue" });
    const informed: unknown[] = [];
    const onInformational = (status: number, headers: HeaderMap): void =>
      void informed.push([status, headers.get("link")]);
    const timeouts = { expectContinueTimeoutMs: 20_000 };
    const response = await client.sender.send(post, { onInformational, timeouts });
    const fields: [string, string][] = [];
    let bytes = "";
    for await (const frame of response.body) {
      if (frame instanceof Uint8Array) bytes += Buffer.from(frame).toString();
      else fields.push(...frame.fields);
    }
    expect([bytes, fields]).toEqual(["content", [["x-sum", "1"]]]);
    const early = await client.sender.send(HttpRequest.get(`${client.origin}/early`), { onInformational });
    expect((await measured(early.body)).bytes).toBe(4);
    expect(informed).toEqual([
      [100, undefined],
      [103, "</a>; rel=preload"],
    ]);
  });

  test("as server: an answer before the content was sent, a handler that breaks off, a response that is given up", async () => {
    await using server = await programOf(built).serve();
    await using client = await connectTo2(server.port);
    const refused = await client.sender.send(
      HttpRequest.post(`${client.origin}/refuse`, inPieces(content(64 * mebibyte))),
    );
    expect([refused.status, (await measured(refused.body)).bytes]).toEqual([413, 8]);
    const broken = await client.get("/break");
    await expect(broken.text()).rejects.toMatchObject({ code: "STREAM_RESET" });
    const { response } = await client.get(`/bytes?${64 * mebibyte}`);
    response.body.cancel();
    const small = await client.sender.send(HttpRequest.post(`${client.origin}/echo`, full("next")));
    expect((await measured(small.body)).bytes).toBe(4);
  });
});
