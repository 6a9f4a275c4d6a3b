/** json-api: what it takes, and every refusal with its status and its reason. */
import { expect, test } from "vitest";
import { plainClient } from "../support/plain-peer.ts";
import { type Ask, ask, versions } from "./exchange.ts";
import { startExample } from "./program.ts";

test.each(versions)("json-api over %s", async (version) => {
  await using program = await startExample("json-api/main.mjs");
  const say = async (method: string, path: string, options: Ask = {}): Promise<unknown[]> => {
    const { status, fields, text } = await ask(program.port, path, { method, version, ...options });
    const { "content-length": _, "content-type": type, ...others } = fields;
    if (status >= 400) {
      const { detail, ...rest } = JSON.parse(text || "{}") as { detail?: string };
      expect([type, rest]).toEqual(["application/problem+json", { status }]);
      return [status, detail, others];
    }
    return [status, text, others];
  };
  const post = (content: string | Uint8Array, fields = { "content-type": "application/json; charset=utf-8" }) =>
    say("POST", "/notes", { content, fields });

  expect(await post('{"text":"buy milk"}')).toEqual([201, '{"id":1,"text":"buy milk"}', { location: "/notes/1" }]);
  expect(await say("GET", "/notes")).toEqual([200, '[{"id":1,"text":"buy milk"}]', {}]);
  expect(await say("GET", "/notes/1")).toEqual([200, '{"id":1,"text":"buy milk"}', {}]);
  const head = await ask(program.port, "/notes/1", { method: "HEAD", version });
  expect(head).toEqual({
    status: 200,
    fields: { "content-type": "application/json", "content-length": "26" },
    text: "",
  });

  expect(await post("{")).toEqual([400, "content is not JSON", {}]);
  expect(await post(Uint8Array.of(0x22, 0xff, 0x22))).toEqual([400, "content is not JSON", {}]);
  expect(await post("")).toEqual([400, "content is not JSON", {}]);
  expect(await post("[]")).toEqual([422, "must be an object", {}]);
  expect(await post('{"text":""}')).toEqual([422, "text: 1 to 200 characters", {}]);
  expect(await post('{"text":"a","__proto__":1}')).toEqual([422, '"__proto__" is not a property', {}]);
  expect(await post("a", { "content-type": "text/plain" })).toEqual([
    415,
    "content must be application/json",
    { accept: "application/json" },
  ]);
  expect(await say("POST", "/notes", { content: "x", fields: { "content-encoding": "gzip" } })).toEqual([
    415,
    "must not be compressed",
    { "accept-encoding": "identity" },
  ]);
  const long = await post(JSON.stringify({ text: "x".repeat(5_000) }));
  expect(long.slice(0, 2)).toEqual([413, "content must have at most 4096 bytes"]);

  expect(await say("PATCH", "/notes")).toEqual([405, "not with PATCH", { allow: "HEAD, OPTIONS, GET, POST" }]);
  expect(await say("OPTIONS", "/notes/1")).toEqual([204, "", { allow: "HEAD, OPTIONS, GET, DELETE" }]);
  expect(await say("GET", "/notes/2")).toEqual([404, "there is no such thing", {}]);
  expect(await say("GET", "/notes/01")).toEqual([404, "there is no such thing", {}]);
  expect(await say("DELETE", "/notes/1")).toEqual([204, "", {}]);
  expect(await say("DELETE", "/notes/1")).toEqual([404, "there is no such thing", {}]);
  expect(await program.stop()).toBe(0);
  expect(program.lines).toEqual([]);
});

test("json-api: content that never ends is cut off at the limit", async () => {
  await using program = await startExample("json-api/main.mjs");
  using peer = await plainClient(program.port);
  peer.send(
    "POST /notes HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n" +
      `1001\r\n${" ".repeat(0x1001)}\r\n`,
  );
  expect(await peer.bytes(1)).toMatch(/^HTTP\/1\.1 413 /);
});
