/** What becomes of streams whose reader is slow, whose peer leaves, or whose maker fails. */

import { once } from "node:events";
import { createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { full } from "@sluice/body";
import { HttpResponse, serviceFn } from "@sluice/core";
import { Client } from "@sluice/util/client";
import { describe, expect, test } from "vitest";
import { deferred } from "../interop/support/deferred.ts";
import { Kinds } from "./schema.ts";
import {
  all,
  errorOf,
  nodeClient,
  nodeServer,
  pong,
  protocols,
  routes,
  Seen,
  sluiceClient,
  sluiceServer,
} from "./support.ts";

interface RawServer extends AsyncDisposable {
  readonly baseUrl: string;
}

/** A server of Node that does with streams what it is told. */
async function rawServer(onStream: (stream: ServerHttp2Stream) => void): Promise<RawServer> {
  const server: Http2Server = createServer();
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    onStream(stream);
  });
  server.on("sessionError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

const chunkBytes = 65_536;
const data = new Uint8Array(chunkBytes);

describe.each(protocols)("%s", (protocol) => {
  test("a slow reader holds the method back", async () => {
    const seen = new Seen();
    await using server = await sluiceServer({ routes: routes(seen) });
    await using made = sluiceClient(protocol, "2", server.baseUrl);
    const stream = made.call.server({ count: 200, data })[Symbol.asyncIterator]();
    await stream.next();
    // On the same connection, so that all that can arrive has arrived.
    for (let i = 0; i < 20; i++) await made.call.unary({});
    // A window of 2 MiB is 32 messages; some more are in the hands of those on the way.
    expect(seen.pulled).toBeLessThan(48);
    let count = 1;
    while ((await stream.next()).done !== true) count++;
    expect([count, seen.pulled]).toEqual([200, 200]);
  });

  test("a slow method holds the client back", async () => {
    let resume: () => void = () => {};
    const resumed = new Promise<void>((resolve) => {
      resume = resolve;
    });
    await using server = await sluiceServer({
      routes: (router) =>
        void router.service(Kinds, {
          unary: () => ({}),
          async client(pings) {
            let count = 0;
            for await (const _ping of pings) {
              count++;
              await resumed;
            }
            return { count };
          },
        }),
    });
    await using made = sluiceClient(protocol, "2", server.baseUrl);
    let pulled = 0;
    async function* pings(): AsyncIterable<{ data: Uint8Array }> {
      for (; pulled < 100; pulled++) yield { data };
    }
    const answer = made.call.client(pings());
    for (let i = 0; i < 20; i++) await made.call.unary({});
    // A window of 256 KiB is 4 messages.
    expect(pulled).toBeLessThan(20);
    resume();
    expect(await answer).toEqual(pong({ count: 100 }));
    expect(pulled).toBe(100);
  });

  test.each(["abort", "deadline"])("a call that is given up (%s) is reset with CANCEL", async (how) => {
    const closed = deferred<number>();
    const begun = deferred<undefined>();
    let streams = 0;
    await using server = await rawServer((stream) => {
      if (++streams === 1) return stream.close(0x8);
      stream.on("close", () => closed.resolve(stream.rstCode));
      begun.resolve(undefined);
    });
    await using made = sluiceClient(protocol, "2", server.baseUrl);
    // So that the connection is there before the time begins to run.
    await errorOf(made.call.unary({}));
    const controller = new AbortController();
    const options = how === "abort" ? { signal: controller.signal } : { timeoutMs: 100 };
    const call = errorOf(made.call.unary({}, options));
    await begun.promise;
    controller.abort();
    expect((await call).code).toBe(how === "abort" ? Code.Canceled : Code.DeadlineExceeded);
    expect(await closed.promise).toBe(0x8);
  });

  test.each([
    [0x2, Code.Internal],
    [0x7, Code.Unavailable],
    [0x8, Code.Canceled],
    [0xb, Code.ResourceExhausted],
    [0xc, Code.PermissionDenied],
    [0xd, Code.PermissionDenied],
  ])("a reset with code %i is an error of code %i", async (reset, code) => {
    await using server = await rawServer((stream) => stream.close(reset));
    await using made = sluiceClient(protocol, "2", server.baseUrl);
    expect((await errorOf(made.call.unary({}))).code).toBe(code);
    expect((await errorOf(all(made.call.server({})))).code).toBe(code);
  });

  test("a connection that is lost in the middle of a stream is unavailable, and the next call finds another", async () => {
    const seen = new Seen();
    const server = await sluiceServer({ routes: routes(seen) });
    await using made = sluiceClient(protocol, "2", server.baseUrl);
    const stream = made.call.server({ text: "wait", count: 1 })[Symbol.asyncIterator]();
    expect(await stream.next()).toEqual({ done: false, value: pong({ text: "wait" }) });
    await server[Symbol.asyncDispose]();
    expect((await errorOf(stream.next())).code).toBe(Code.Unavailable);
    const refused = await errorOf(made.call.unary({}));
    expect(refused.code).toBe(Code.Unavailable);
    await using _next = await sluiceServer({ routes: routes() }, Number(new URL(server.baseUrl).port));
    expect(await made.call.unary({ text: "again" })).toEqual(pong({ text: "again" }));
  });

  test("a client that is gone without a word aborts the call", async () => {
    const seen = new Seen();
    await using server = await sluiceServer({ routes: routes(seen) });
    const client = new Client();
    const made = sluiceClient(protocol, "2", server.baseUrl, {}, client);
    const call = errorOf(made.call.unary({ text: "wait" }));
    await seen.started();
    await client.destroy();
    expect((await call).code).toBe(Code.Canceled);
    const reason = await seen.reason();
    expect(reason).toBeInstanceOf(ConnectError);
    expect(reason.code).toBe(Code.Aborted);
  });

  test("a client of connect-node that gives up cancels the call", async () => {
    const seen = new Seen();
    await using server = await sluiceServer({ routes: routes(seen) });
    await using made = nodeClient(protocol, "2", server.baseUrl);
    const controller = new AbortController();
    const call = errorOf(made.call.unary({ text: "wait" }, { signal: controller.signal }));
    await seen.started();
    controller.abort();
    expect((await call).code).toBe(Code.Canceled);
    expect((await seen.reason()).code).toBe(Code.Canceled);
  });

  test("messages that cannot be made end the call with their error, here and at the server", async () => {
    const told = deferred<ConnectError>();
    await using server = await sluiceServer({
      routes: (router) =>
        void router.service(Kinds, {
          async client(pings, { signal }) {
            signal.addEventListener("abort", () => told.resolve(signal.reason as ConnectError));
            for await (const _ping of pings);
            return {};
          },
        }),
    });
    await using made = sluiceClient(protocol, "2", server.baseUrl);
    async function* pings(): AsyncIterable<{ text: string }> {
      yield { text: "a" };
      throw new ConnectError("no more", Code.DataLoss);
    }
    const error = await errorOf(made.call.client(pings()));
    expect([error.code, error.rawMessage]).toEqual([Code.DataLoss, "no more"]);
    expect((await told.promise).code).toBe(Code.Canceled);
  });

  test("a server that answers early ends the stream to it", async () => {
    await using server = await sluiceServer({ routes: routes() });
    await using made = sluiceClient(protocol, "2", server.baseUrl);
    const over = deferred<undefined>();
    async function* pings(): AsyncIterable<{ text: string }> {
      try {
        for (;;) yield { text: "fail" };
      } finally {
        over.resolve(undefined);
      }
    }
    expect((await errorOf(made.call.client(pings()))).code).toBe(Code.NotFound);
    await over.promise;
  });

  test("a stream that is let go without a word is canceled once it is forgotten", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const seen = new Seen();
    await using server = await sluiceServer({ routes: routes(seen) });
    await using made = sluiceClient(protocol, "2", server.baseUrl);
    await (async () => {
      for await (const { text } of made.call.server({ text: "wait", count: 2 })) {
        expect(text).toBe("wait");
        break;
      }
    })();
    await seen.started();
    for (let i = 0; i < 500 && seen.reasons.length === 0; i++) {
      collect();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await seen.reason()).code).toBe(Code.Canceled);
  });

  test("responses that nobody reads do not use up the window of their connection", async () => {
    // Small enough to be there whole when the head is looked at.
    const content = new Uint8Array(12_000);
    let streams = 0;
    const fallback = serviceFn(() => {
      streams++;
      return new HttpResponse(404, { "content-type": "text/html" }, full(content));
    });
    const routes = (router: ConnectRouter) => router.rpc(Kinds.method.unary, ({ data }) => ({ data }));
    await using server = await sluiceServer({ routes, fallback });
    const connections = new Set<unknown>();
    const client = new Client({
      http2: { connectionWindowBytes: 65_535 },
      observer: { connectSucceeded: (_origin, connected) => void connections.add(connected) },
    });
    await using made = sluiceClient(protocol, "2", server.baseUrl, {}, client);
    for (let i = 0; i < 20; i++) expect((await errorOf(made.call.look({}))).code).toBe(Code.Unimplemented);
    expect(await made.call.unary({ data })).toEqual(pong({ data }));
    expect([streams, connections.size]).toEqual([20, 1]);
  });
});

test("streams that are let go by a client of connect-node release the method", async () => {
  const seen = new Seen();
  await using server = await sluiceServer({ routes: routes(seen) });
  await using made = nodeClient("grpc", "2", server.baseUrl);
  const controller = new AbortController();
  const stream = made.call.server({ text: "wait", count: 1 }, { signal: controller.signal })[Symbol.asyncIterator]();
  await stream.next();
  controller.abort();
  expect((await seen.reason()).code).toBe(Code.Canceled);
});

test("over HTTP/1.1 a method is told that its client has left", async () => {
  const seen = new Seen();
  await using server = await sluiceServer({ routes: routes(seen) });
  await using made = nodeClient("connect", "1.1", server.baseUrl);
  const controller = new AbortController();
  const call = errorOf(made.call.unary({ text: "wait" }, { signal: controller.signal }));
  await seen.started();
  controller.abort();
  expect((await call).code).toBe(Code.Canceled);
  expect((await seen.reason()).code).toBe(Code.Aborted);
});

test("a server of connect-node that is cut off in the middle of a stream over HTTP/1.1 is unavailable", async () => {
  const seen = new Seen();
  await using server = await nodeServer("1.1", { routes: routes(seen) });
  await using made = sluiceClient("connect", "1.1", server.baseUrl);
  const call = errorOf(all(made.call.server({ text: "wait", count: 1 })));
  await seen.started();
  server.cut();
  expect((await call).code).toBe(Code.Unavailable);
});
