/**
 * The end of a client, and its beginning: connections made beforehand.
 */
import { full } from "@sluice/body";
import { type HttpError, HttpRequest } from "@sluice/core";
import { Client } from "@sluice/util/client";
import { type Connector, httpConnector } from "@sluice/util/connect";
import { describe, expect, test } from "vitest";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { settle } from "../support/io.ts";
import { startOrigin } from "../support/origin.ts";
import { codeOf, watch } from "../support/workshop.ts";
import { Counted } from "./connectors.ts";
import { fetchText, newClient, rejection, text, until } from "./support.ts";

const protocols = ["http1", "http2"] as const;

describe("close", () => {
  for (const protocol of protocols) {
    test(`${protocol}: waits for what is under way, and for what waits in line; refuses what comes later`, async () => {
      await using origin = await startOrigin({ protocol });
      await using client = newClient({ version: protocol, maxConnectionsPerHost: 1 });
      await fetchText(client, `${origin.url}/`);
      const unread = await client.get(`${origin.url}/slow-body`);
      const waiting = client.get(`${origin.url}/`);
      const closed = watch(client.close());
      const refused = [
        await rejection(client.get(`${origin.url}/`)),
        await rejection(client.request(HttpRequest.post(`${origin.url}/`, full("x")))),
        await rejection(client.warm(origin.url)),
      ];
      expect(refused.map(({ kind, code }) => `${kind} ${code}`)).toEqual(Array(3).fill("closed CLIENT_CLOSED"));
      await settle(10);
      expect(closed.state).toBe("pending");
      await origin.slow.arrived();
      origin.slow.release();
      expect(await text(unread)).toBe("slow\n");
      expect(await text(await waiting)).toBe("ok\n");
      await until(() => closed.state === "fulfilled");
      expect([client.underWay, client.stats.size]).toEqual([0, 0]);
      await until(() => origin.openConnections === 0);
      expect(origin.connectionCount).toBe(1);
    });
  }

  test("waits for a connection that is being made for a request", async () => {
    await using origin = await startOrigin();
    let open: () => void = () => {};
    const connector: Connector = async (target, signal) => {
      await new Promise<void>((resolve) => (open = resolve));
      return await httpConnector()(target, signal);
    };
    await using client = newClient({ connector });
    const request = fetchText(client, `${origin.url}/`);
    await settle(2);
    const closed = watch(client.close());
    await settle(5);
    expect(closed.state).toBe("pending");
    open();
    expect(await request).toBe("ok\n");
    await until(() => closed.state === "fulfilled");
    await until(() => origin.openConnections === 0);
  });

  test("a connection that is ready only after the end is closed at once", async () => {
    await using origin = await startOrigin();
    const opens: (() => void)[] = [];
    const connector: Connector = async (target) => {
      await new Promise<void>((resolve) => opens.push(resolve));
      // It does not heed its signal.
      return await httpConnector()(target);
    };
    const client = new Client({ connector });
    const warm = watch(client.warm(origin.url, 2));
    await settle(2);
    await client.close();
    for (const open of opens) open();
    await until(() => warm.state !== "pending");
    expect(codeOf(warm)).toBe("closed POOL_CLOSED");
    await until(() => origin.connectionCount === 1 && origin.openConnections === 0);
    await client.close();
    expect(client.stats.size).toBe(0);
  });

  test("a client that was never used, or is closed twice", async () => {
    const client = new Client();
    await Promise.all([client.close(), client.close()]);
    await client.destroy();
    {
      await using _ = new Client();
    }
  });

  test("Symbol.asyncDispose is close: what is under way ends first", async () => {
    await using origin = await startOrigin();
    const client = new Client();
    const slow = client.get(`${origin.url}/slow`);
    await origin.slow.arrived();
    const disposed = watch(client[Symbol.asyncDispose]());
    await settle(5);
    expect(disposed.state).toBe("pending");
    origin.slow.release();
    expect(await text(await slow)).toBe("slow\n");
    await until(() => disposed.state === "fulfilled");
    await until(() => origin.openConnections === 0);
  });
});

describe("destroy", () => {
  for (const protocol of protocols) {
    test(`[pool-10] ${protocol}: gives everything up at once, and every request settles`, async () => {
      await using origin = await startOrigin({ protocol });
      await using proxy = await startFaultProxy({ port: origin.port });
      const client = new Client({ version: protocol, maxConnectionsPerHost: 2 });
      await fetchText(client, `${proxy.url}/`);
      const half = await client.get(`${proxy.url}/slow-body`);
      const content = watch(text(half));
      const requests = Array.from({ length: 10 }, () => watch(client.get(`${proxy.url}/hang`)));
      await until(() => origin.requests.length >= (protocol === "http1" ? 3 : 12));
      await client.destroy(new Error("enough"));
      await until(() => [content, ...requests].every(({ state }) => state !== "pending"));
      expect(content.state).toBe("rejected");
      for (const request of requests) {
        expect(request.state).toBe("rejected");
        expect(["canceled ABORTED", "canceled UNSENT", "closed POOL_CLOSED", "closed CLOSED"]).toContain(
          codeOf(request),
        );
      }
      expect([client.underWay, client.stats.size]).toEqual([0, 0]);
      await until(() => proxy.openSockets === 0);
      expect((await rejection(client.get(`${proxy.url}/`))).code).toBe("CLIENT_CLOSED");
      await client.destroy();
    });
  }

  test("the reason is in the chain of causes", async () => {
    await using origin = await startOrigin();
    const client = new Client();
    const request = watch(client.get(`${origin.url}/hang`));
    await until(() => origin.requests.length === 1);
    await client.destroy(new Error("enough"));
    await until(() => request.state !== "pending");
    const messages: string[] = [];
    for (let error = request.error; error instanceof Error; error = error.cause) messages.push(error.message);
    expect(messages).toEqual(["the connection was aborted", "the client was destroyed", "enough"]);
  });

  test("no retry: a request whose used connection was destroyed is not sent elsewhere", async () => {
    await using origin = await startOrigin();
    const client = new Client();
    await fetchText(client, `${origin.url}/`);
    const request = watch(client.get(`${origin.url}/hang`));
    await until(() => origin.requests.length === 2);
    await client.destroy();
    await until(() => request.state !== "pending");
    await settle(10);
    expect([origin.connectionCount, origin.requests.length]).toEqual([1, 2]);
  });

  test("while a connection is being made, also by a connector that does not heed its signal", async () => {
    await using origin = await startOrigin();
    let open: () => void = () => {};
    const connector: Connector = async (target) => {
      await new Promise<void>((resolve) => (open = resolve));
      return await httpConnector()(target);
    };
    const client = new Client({ connector });
    const request = watch(client.get(`${origin.url}/`));
    await settle(2);
    await client.destroy();
    await settle(2);
    expect([request.state, (request.error as HttpError).code]).toEqual(["rejected", "POOL_CLOSED"]);
    open();
    await until(() => origin.connectionCount === 1 && origin.openConnections === 0);
    expect([client.underWay, client.stats.size]).toEqual([0, 0]);
  });
});

describe("connections made beforehand", () => {
  test("warm: as many as are missing, and requests use them", async () => {
    await using origin = await startOrigin();
    const counted = new Counted();
    await using client = newClient({ connector: counted.connector });
    await client.warm(origin.url, 3);
    expect([counted.calls, client.stats.get(origin.url)?.idle]).toEqual([3, 3]);
    await client.warm(`${origin.url}/x`, 2);
    await client.warm(new URL(origin.url), 4);
    expect([counted.calls, client.stats.get(origin.url)?.idle]).toEqual([4, 4]);
    await Promise.all(Array.from({ length: 4 }, () => fetchText(client, `${origin.url}/`)));
    expect([counted.calls, client.underWay]).toEqual([4, 0]);
    await client.warm(origin.url, 0);
    await expect(client.warm(origin.url, -1)).rejects.toThrow(RangeError);
  });

  test("warm: of HTTP/2 one, and no stream on it", async () => {
    await using origin = await startOrigin({ protocol: "http2" });
    const counted = new Counted();
    await using client = newClient({ version: "http2", connector: counted.connector });
    await client.warm(origin.url, 5);
    await client.warm(origin.url, 5);
    expect(counted.calls).toBe(1);
    expect([...client.stats.values()]).toMatchObject([{ http2: 1, streams: 0 }]);
    await fetchText(client, `${origin.url}/`);
    expect(origin.connectionCount).toBe(1);
  });

  test("warm: its failure, and its signal", async () => {
    await using origin = await startOrigin();
    await using proxy = await startFaultProxy({ port: origin.port, plans: ["refuse"] });
    await using client = newClient();
    const error = await rejection(client.warm(proxy.url, 3));
    expect([error.kind, error.code]).toEqual(["connect", "ECONNREFUSED"]);
    const late: Connector = (_, signal) =>
      new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    await using slow = newClient({ connector: late });
    const controller = new AbortController();
    const warm = watch(slow.warm(origin.url, 1, { signal: controller.signal }));
    controller.abort();
    await settle(2);
    expect(codeOf(warm)).toBe("canceled CANCELED");
    expect([client.stats.size, slow.stats.size]).toEqual([0, 0]);
  });

  test("retain closes what is idle, and nothing that is used; of HTTP/2 too", async () => {
    for (const protocol of protocols) {
      await using origin = await startOrigin({ protocol });
      await using client = newClient({ version: protocol });
      const slow = client.get(`${origin.url}/slow`);
      await origin.slow.arrived();
      if (protocol === "http1") await fetchText(client, `${origin.url}/`);
      client.retain(() => false);
      await until(() => origin.openConnections === 1);
      origin.slow.release();
      expect(await text(await slow)).toBe("slow\n");
      await until(() => [...client.stats.values()].every(({ inUse, streams }) => inUse + streams === 0));
      client.retain(() => true);
      expect(client.stats.size).toBe(1);
      client.retain(() => false);
      expect(client.stats.size).toBe(0);
      await until(() => origin.openConnections === 0);
    }
  });
});
