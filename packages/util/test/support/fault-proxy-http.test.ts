/** What the proxy does between HTTP messages, and what it records of them. */
import { collect, full } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { nodeIo } from "../../src/node/index.ts";
import { withLine } from "./fault-line.ts";
import {
  afterClientBytes,
  afterServerBytes,
  closeWhenIdle,
  type FaultPlan,
  type FaultProxy,
  startFaultProxy,
} from "./fault-proxy.ts";
import { settle } from "./io.ts";
import { startOrigin } from "./origin.ts";
import { type PlainPeer, plainClient } from "./plain-peer.ts";
import { rawResponse, startRawOrigin } from "./raw-origin.ts";

/** Turns enough for anything that is going to happen on idle sockets of this machine. */
const quiet = 20;

describe("closeWhenIdle", () => {
  const get = (id: string): string => `GET /${id} HTTP/1.1\r\nhost: a\r\nx-id: ${id}\r\n\r\n`;

  async function exchange(plan: FaultPlan, run: (client: PlainPeer, proxy: FaultProxy) => Promise<void>) {
    await using origin = await startRawOrigin(({ id }) => rawResponse(`for ${id}`));
    await using proxy = await startFaultProxy({ port: origin.port, plans: [plan] });
    using client = await plainClient(proxy.port);
    client.send(get("1"));
    await client.bytes(rawResponse("for 1").length);
    await run(client, proxy);
    expect(origin.requests.map(({ id }) => id)).toEqual(["1"]);
  }

  test("at reuse: the connection stays until bytes of the next request come, and none of them is forwarded", async () => {
    for (const [how, seen] of [
      ["fin", "FIN"],
      ["rst", "ECONNRESET"],
    ] as const) {
      await exchange(closeWhenIdle({ how }), async (client, proxy) => {
        await settle(quiet);
        expect(client.ended).toBeUndefined();
        client.send(get("2"));
        expect(await client.outcome()).toBe(seen);
        expect(client.received).toBe(rawResponse("for 1"));
        const bytes = get("1").length;
        expect(proxy.requests).toEqual([
          { connectionIndex: 0, line: "GET /1 HTTP/1.1", id: "1", bytes, isComplete: true },
        ]);
        expect(proxy.connections[0]?.clientBytes).toEqual({ received: 2 * bytes, forwarded: bytes });
      });
    }
  });

  test("at the response: closed after its last byte, without a further request", async () => {
    for (const turns of [0, 3]) {
      await exchange(closeWhenIdle({ at: "response", turns }), async (client) => {
        expect(await client.outcome()).toBe("FIN");
        expect(client.received).toBe(rawResponse("for 1"));
      });
    }
    await exchange(closeWhenIdle({ at: "response", how: "rst", turns: 2 }), async (client) => {
      expect(await client.outcome()).toBe("ECONNRESET");
      expect(client.received).toBe(rawResponse("for 1"));
    });
  });

  test("a request that comes while another is under way is forwarded", async () => {
    await using origin = await startRawOrigin(({ id }) => rawResponse(id ?? ""));
    await using proxy = await startFaultProxy({ port: origin.port, plans: [closeWhenIdle()] });
    using client = await plainClient(proxy.port);
    const both = rawResponse("1") + rawResponse("2");
    expect(await client.send(get("1") + get("2")).bytes(both.length)).toBe(both);
    expect(client.ended).toBeUndefined();
  });

  test("after several responses, interim ones not counted", async () => {
    await using origin = await startRawOrigin(({ id }) => `HTTP/1.1 103 Early Hints\r\n\r\n${rawResponse(id ?? "")}`);
    await using proxy = await startFaultProxy({ port: origin.port, plans: [closeWhenIdle({ afterResponses: 2 })] });
    using client = await plainClient(proxy.port);
    for (const id of ["1", "2"]) {
      client.send(get(id));
      while (!client.received.endsWith(`\r\n\r\n${id}`)) await settle(1);
    }
    expect(client.ended).toBeUndefined();
    client.send(get("3"));
    expect(await client.outcome()).toBe("FIN");
    expect(origin.requests.map(({ id }) => id)).toEqual(["1", "2"]);
  });
});

describe("the record of requests", () => {
  test("a request that was forwarded in part", () =>
    withLine(afterClientBytes(9, "rst"), async ({ proxy, client }) => {
      client.send("POST /abcdef HTTP/1.1\r\n\r\n");
      await client.outcome();
      expect(proxy.requests).toEqual([
        { connectionIndex: 0, line: "POST /abc", id: undefined, bytes: 9, isComplete: false },
      ]);
    }));

  test("content is counted, and pipelined requests are told apart", () =>
    withLine("pass", async ({ proxy, client, server }) => {
      const post = "POST /p HTTP/1.1\r\nX-Id: 7\r\ncontent-length: 3\r\n\r\nabc";
      const chunked = "PUT /c HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\n";
      client.send(post + chunked);
      await server.bytes(post.length + chunked.length);
      const first = { connectionIndex: 0, line: "POST /p HTTP/1.1", id: "7", bytes: post.length, isComplete: true };
      const second = { connectionIndex: 0, line: "PUT /c HTTP/1.1", id: undefined, bytes: chunked.length };
      expect(proxy.requests).toEqual([first, { ...second, isComplete: false }]);
      client.send("a: b\r\n\r\n");
      await server.bytes(post.length + chunked.length + 8);
      expect(proxy.requests).toEqual([first, { ...second, bytes: chunked.length + 8, isComplete: true }]);
    }));

  test("bytes that are not HTTP/1 pass", () =>
    withLine("pass", async ({ client, server }) => {
      client.send("\x16\x03\x01\r\n\r\n\0");
      server.send("\0\0\x12\x04\0\0\0\0\0");
      expect(await server.bytes(8)).toBe("\x16\x03\x01\r\n\r\n\0");
      expect(await client.bytes(9)).toBe("\0\0\x12\x04\0\0\0\0\0");
    }));
});

test.each(["http1", "http2"] as const)("%s passes whole, torn to single bytes both ways", async (protocol) => {
  await using origin = await startOrigin({ protocol });
  await using proxy = await startFaultProxy({
    port: origin.port,
    plans: [[afterClientBytes(0, "tear"), afterServerBytes(0, "tear")]],
  });
  const { socket } = await plainClient(proxy.port);
  socket.removeAllListeners();
  socket.pause();
  const handshake = protocol === "http1" ? http1.handshake : http2.handshake;
  const { sender, connection } = await handshake(nodeIo(socket));
  const fields = { host: `127.0.0.1:${proxy.port}`, "x-id": "a" };
  const request = new HttpRequest("POST", `${proxy.url}/echo`, fields, full("content"));
  expect(await collect((await sender.send(request)).body).text()).toBe("content");
  expect(origin.requests).toMatchObject([{ id: "a", bodyBytes: 7 }]);
  expect(proxy.requests.map(({ id }) => id)).toEqual(protocol === "http1" ? ["a"] : [undefined]);
  connection.abort();
});
