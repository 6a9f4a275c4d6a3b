/** HTTP/2 of hyper, as client and as server. */
import { HeaderMap, Trailers } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { buildLimitMs, hyperPeer, type Program, programOf } from "./support/compiled.ts";
import { content, inPieces, measured, mebibyte, sha256 } from "./support/content.ts";
import { connectTo2 } from "./support/h2-client.ts";
import { startServer2 } from "./support/h2-server.ts";
import { routes } from "./support/routes.ts";

const peer = hyperPeer();

describe.skipIf(peer.skipped)("hyper", () => {
  let built: Program | undefined;
  beforeAll(async () => {
    built = await peer.build();
  }, buildLimitMs);
  beforeEach(({ skip }) => skip(built === undefined, "cannot be compiled here"));

  test("as client", async () => {
    await using server = await startServer2(routes);
    const { code, stdout, stderr } = await programOf(built).run(["client", `127.0.0.1:${server.port}`]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.toString().split("\n")).toEqual([
      'hello: Some("13") b"hello, world\\n"',
      'head: Some("13") b""',
      "missing: 404 Not Found",
      "echo: true",
      'trailers: b"content" Some("1")',
      "parallel: 100",
      'refused: 413 b"too much\\n"',
      'next: b"hello, world\\n"',
      "closed",
      "",
    ]);
    expect(server.failures).toEqual([]);
    expect(server.connections.length).toBe(1);
    await expect.poll(() => server.endings).toEqual(["clean"]);
  });

  test("as server", async () => {
    await using server = await programOf(built).serve();
    await using client = await connectTo2(server.port);
    expect(await (await client.get("/hello")).text()).toBe("hello from HTTP/2.0");
    expect((await client.get("/nowhere")).response.status).toBe(404);
    const head = await client.sender.send(HttpRequest.head(`${client.origin}/hello`));
    expect([head.status, head.headers.get("content-length"), head.body.isEndStream()]).toEqual([200, "19", true]);

    const large = content(16 * mebibyte);
    const post = HttpRequest.post(`${client.origin}/echo`, inPieces(large, { length: large.length }));
    expect(await measured((await client.sender.send(post)).body)).toEqual({
      bytes: large.length,
      sha256: sha256(large),
    });

    const sizes = Array.from({ length: 100 }, (_value, i) => 1 + i * 1499);
    const sums = sizes.map(async (size) => sha256(await (await client.get(`/bytes?${size}`)).bytes()));
    expect(await Promise.all(sums)).toEqual(sizes.map((size) => sha256(content(size))));

    const trailers = new Trailers(new HeaderMap({ "x-sum": "1" }));
    const body = inPieces(Buffer.from("content"), { trailers });
    const echoed = await client.sender.send(HttpRequest.post(`${client.origin}/echo`, body));
    const fields: [string, string][] = [];
    for await (const frame of echoed.body) if (!(frame instanceof Uint8Array)) fields.push(...frame.fields);
    expect(fields).toEqual([["x-sum", "1"]]);
  });

  test("as server: an answer before the content was sent, a body that breaks off, a response that is given up", async () => {
    await using server = await programOf(built).serve();
    await using client = await connectTo2(server.port);
    const refused = await client.sender.send(
      HttpRequest.post(`${client.origin}/refuse`, inPieces(content(64 * mebibyte))),
    );
    expect([refused.status, (await measured(refused.body)).bytes]).toEqual([413, 8]);
    // hyper may drop a head that is still to be sent when the body behind it fails.
    const broken = client.get("/break").then(({ text }) => text());
    await expect(broken).rejects.toMatchObject({ code: "STREAM_RESET" });
    const { response } = await client.get(`/bytes?${64 * mebibyte}`);
    response.body.cancel();
    expect(await (await client.get("/hello")).text()).toBe("hello from HTTP/2.0");
  });
});
