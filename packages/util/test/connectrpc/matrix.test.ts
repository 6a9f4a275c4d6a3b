/** All kinds of calls in all protocols, between clients and servers of Sluice and of connect-node. */

import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { PongSchema } from "./schema.ts";
import {
  all,
  errorOf,
  failure,
  nodeClient,
  nodeServer,
  type ProtocolName,
  pong,
  protocols,
  routes,
  Seen,
  sluiceClient,
  sluiceServer,
  type TestClient,
  type TestServer,
} from "./support.ts";

type Version = "1.1" | "2";

interface Pair {
  readonly name: string;
  readonly versions: readonly Version[];
  readonly serve: (version: Version, seen: Seen) => Promise<TestServer>;
  readonly client: (protocol: ProtocolName, version: Version, baseUrl: string) => TestClient;
}

const onSluice = (_version: Version, seen: Seen): Promise<TestServer> => sluiceServer({ routes: routes(seen) });
const onNode = (version: Version, seen: Seen): Promise<TestServer> => nodeServer(version, { routes: routes(seen) });

const pairs: readonly Pair[] = [
  { name: "Sluice to Sluice", versions: ["1.1", "2"], serve: onSluice, client: sluiceClient },
  { name: "connect-node to Sluice", versions: ["1.1", "2"], serve: onSluice, client: nodeClient },
  { name: "Sluice to connect-node", versions: ["1.1", "2"], serve: onNode, client: sluiceClient },
];

const cases = pairs.flatMap(({ versions, ...pair }) =>
  protocols.flatMap((protocol) =>
    versions
      .filter((version) => protocol !== "grpc" || version === "2")
      .map((version) => ({ ...pair, protocol, version })),
  ),
);

async function* given<T>(...items: T[]): AsyncIterable<T> {
  yield* items;
}

describe.each(cases)("$name, $protocol over HTTP/$version", ({ serve, client, protocol, version }) => {
  test("unary, with headers and trailers", async () => {
    await using server = await serve(version, new Seen());
    await using made = client(protocol, version, server.baseUrl);
    const told: (string | null)[] = [];
    const answer = await made.call.unary(
      { text: "hello", count: 3, data: new Uint8Array([1, 2, 3]) },
      {
        headers: { "x-asked": "aloud" },
        onHeader: (headers) => told.push(headers.get("x-header")),
        onTrailer: (trailers) => told.push(trailers.get("x-trailer")),
      },
    );
    expect(answer).toEqual(pong({ text: "hello", count: 3, data: new Uint8Array([1, 2, 3]) }));
    expect(told).toEqual(["aloud", "aloud"]);
    // An empty message is no bytes at all.
    expect(await made.call.unary({})).toEqual(pong({}));
  });

  test("server streaming, with headers and trailers", async () => {
    await using server = await serve(version, new Seen());
    await using made = client(protocol, version, server.baseUrl);
    const told: (string | null)[] = [];
    const options = {
      headers: { "x-asked": "aloud" },
      onHeader: (headers: Headers) => void told.push(headers.get("x-header")),
      onTrailer: (trailers: Headers) => void told.push(trailers.get("x-trailer")),
    };
    const answers = await all(made.call.server({ text: "again", count: 3 }, options));
    expect(answers).toEqual([0, 1, 2].map((count) => pong({ text: "again", count })));
    expect(told).toEqual(["aloud", "aloud"]);
    expect(await all(made.call.server({ count: 0 }))).toEqual([]);
  });

  test("client streaming", async () => {
    await using server = await serve(version, new Seen());
    await using made = client(protocol, version, server.baseUrl);
    const answer = await made.call.client(given({ text: "a" }, { text: "b" }, { text: "c" }));
    expect(answer).toEqual(pong({ text: "abc", count: 3 }));
    expect(await made.call.client(given())).toEqual(pong({}));
  });

  test("bidi streaming: each message is answered before the next is sent; over HTTP/1.1 it is refused", async () => {
    await using server = await serve(version, new Seen());
    await using made = client(protocol, version, server.baseUrl);
    const log: string[] = [];
    let release: () => void = () => {};
    async function* pings(): AsyncIterable<{ text: string }> {
      for (const text of ["a", "b", "c"]) {
        const answered = new Promise<void>((resolve) => {
          release = resolve;
        });
        log.push(text);
        yield { text };
        await answered;
      }
    }
    const talk = async (): Promise<void> => {
      for await (const { text } of made.call.bidi(pings())) {
        log.push(text);
        release();
      }
    };
    if (version === "2") {
      await talk();
      expect(log).toEqual(["a", "A", "b", "B", "c", "C"]);
    } else {
      const error = await errorOf(talk());
      expect([error.code, error.rawMessage]).toEqual([Code.Unknown, "HTTP 505"]);
    }
  });

  test("an error arrives with its code, message, metadata and details", async () => {
    await using server = await serve(version, new Seen());
    await using made = client(protocol, version, server.baseUrl);
    const calls = [
      made.call.unary({ text: "fail" }),
      all(made.call.server({ text: "fail" })),
      all(made.call.server({ text: "fail", count: 2 })),
      made.call.client(given({ text: "a" }, { text: "fail" })),
    ];
    for (const error of await Promise.all(calls.map(errorOf))) {
      expect([error.code, error.rawMessage]).toEqual([Code.NotFound, failure.message]);
      expect([error.metadata.get("x-why"), error.metadata.get("x-data-bin")]).toEqual(["test", "AAEC"]);
      expect(error.findDetails(PongSchema)).toEqual([pong(failure.detail)]);
    }
    const internal = await errorOf(made.call.unary({ text: "throw" }));
    expect([internal.code, internal.rawMessage]).toEqual([Code.Internal, "internal error"]);
  });

  test("a deadline ends the call, and no other", async () => {
    await using server = await serve(version, new Seen());
    await using made = client(protocol, version, server.baseUrl);
    const late = errorOf(made.call.unary({ text: "wait" }, { timeoutMs: 60 }));
    expect(await made.call.unary({ text: "other" })).toEqual(pong({ text: "other" }));
    const error = await late;
    expect([error.code, error.rawMessage]).toEqual([Code.DeadlineExceeded, "the operation timed out"]);
    expect(await made.call.unary({ text: "next" })).toEqual(pong({ text: "next" }));
  });

  test("a client that gives up is canceled, and the method is told", async () => {
    const seen = new Seen();
    await using server = await serve(version, seen);
    await using made = client(protocol, version, server.baseUrl);
    const controller = new AbortController();
    const call = errorOf(all(made.call.server({ text: "wait", count: 1 }, { signal: controller.signal })));
    await seen.started();
    controller.abort();
    expect((await call).code).toBe(Code.Canceled);
    const reason = await seen.reason();
    if (version === "2") expect(reason.code).toBe(Code.Canceled);
    // The next call finds everything in order.
    expect(await made.call.unary({ text: "next" })).toEqual(pong({ text: "next" }));
  });
});
