/** grpc-js as client of the service, and as server of the gRPC transport. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import {
  Client,
  credentials,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { type Ping, PingSchema, type Pong, PongSchema } from "./schema.ts";
import { all, errorOf, failure, pong, routes, Seen, sluiceClient, sluiceServer } from "./support.ts";

const packPing = (ping: Ping): Buffer => Buffer.from(toBinary(PingSchema, ping));
const packPong = (answer: Pong): Buffer => Buffer.from(toBinary(PongSchema, answer));
const unpackPing = (bytes: Buffer): Ping => fromBinary(PingSchema, new Uint8Array(bytes));
const unpackPong = (bytes: Buffer): Pong => fromBinary(PongSchema, new Uint8Array(bytes));
const ping = (text: string, count = 0): Ping => create(PingSchema, { text, count });
const path = (method: string): string => `/sluice.test.Kinds/${method}`;

describe("grpc-js to Sluice", () => {
  async function connected(seen = new Seen()) {
    const server = await sluiceServer({ routes: routes(seen) });
    const client = new Client(server.baseUrl.slice("http://".length), credentials.createInsecure());
    const unary = (text: string, metadata = new Metadata(), options = {}) =>
      new Promise<{ answer: Pong; header: Metadata; trailer: Metadata }>((resolve, reject) => {
        let header = new Metadata();
        let answer: Pong | undefined;
        const call = client.makeUnaryRequest(
          path("Unary"),
          packPing,
          unpackPong,
          ping(text),
          metadata,
          options,
          (error, value) => (error === null ? (answer = value) : reject(error)),
        );
        call.on("metadata", (given) => (header = given));
        call.on("status", ({ metadata: trailer }) => {
          if (answer !== undefined) resolve({ answer, header, trailer });
        });
      });
    return {
      client,
      unary,
      async [Symbol.asyncDispose]() {
        client.close();
        await server[Symbol.asyncDispose]();
      },
    };
  }

  test("unary, with metadata", async () => {
    await using peer = await connected();
    const metadata = new Metadata();
    metadata.set("x-asked", "aloud");
    const { answer, header, trailer } = await peer.unary("hello", metadata);
    expect(answer).toEqual(pong({ text: "hello" }));
    expect([header.get("x-header"), trailer.get("x-trailer")]).toEqual([["aloud"], ["aloud"]]);
  });

  test("an error with its message and metadata", async () => {
    await using peer = await connected();
    const error = (await peer.unary("fail").catch((reason: unknown) => reason)) as ServiceError;
    expect([error.code, error.details]).toEqual([status.NOT_FOUND, failure.message]);
    expect([error.metadata.get("x-why"), error.metadata.get("x-data-bin")]).toEqual([
      ["test"],
      [Buffer.from([0, 1, 2])],
    ]);
    expect(error.metadata.get("grpc-status-details-bin")).toHaveLength(1);
  });

  test("server streaming", async () => {
    await using peer = await connected();
    const call = peer.client.makeServerStreamRequest(path("Server"), packPing, unpackPong, ping("again", 3));
    expect(await all<Pong>(call)).toEqual([0, 1, 2].map((count) => pong({ text: "again", count })));
  });

  test("client streaming", async () => {
    await using peer = await connected();
    const answer = await new Promise<Pong | undefined>((resolve, reject) => {
      const call = peer.client.makeClientStreamRequest(path("Client"), packPing, unpackPong, (error, value) =>
        error === null ? resolve(value) : reject(error),
      );
      for (const text of ["a", "b", "c"]) call.write(ping(text));
      call.end();
    });
    expect(answer).toEqual(pong({ text: "abc", count: 3 }));
  });

  test("bidi streaming, turn by turn", async () => {
    await using peer = await connected();
    const call = peer.client.makeBidiStreamRequest(path("Bidi"), packPing, unpackPong);
    const texts: string[] = [];
    call.write(ping("a"));
    for await (const { text } of call as AsyncIterable<Pong>) {
      texts.push(text);
      if (texts.length < 3) call.write(ping("abc".charAt(texts.length)));
      else call.end();
    }
    expect(texts).toEqual(["A", "B", "C"]);
  });

  test("a deadline, and a call that is canceled", async () => {
    await using peer = await connected();
    const late = (await peer
      .unary("wait", undefined, { deadline: Date.now() + 60 })
      .catch((reason) => reason)) as ServiceError;
    expect(late.code).toBe(status.DEADLINE_EXCEEDED);
    const others = new Seen();
    await using other = await connected(others);
    const call = other.client.makeServerStreamRequest(path("Server"), packPing, unpackPong, ping("wait", 1));
    const failed = all<Pong>(call).catch((reason: ServiceError) => reason.code);
    await others.started();
    call.cancel();
    expect(await failed).toBe(status.CANCELLED);
    expect((await others.reason()).code).toBe(Code.Canceled);
  });
});

describe("Sluice to grpc-js", () => {
  const unary: handleUnaryCall<Ping, Pong> = ({ request, metadata }, respond) => {
    const trailer = new Metadata();
    const [asked] = metadata.get("x-asked");
    if (asked !== undefined) trailer.set("x-trailer", asked);
    if (request.text === "fail") respond({ code: status.NOT_FOUND, details: failure.message, metadata: trailer });
    // Others wait for ever.
    else if (request.text !== "wait") respond(null, create(PongSchema, { text: request.text }), trailer);
  };
  const streamed: handleServerStreamingCall<Ping, Pong> = (call) => {
    for (let count = 0; count < call.request.count; count++) call.write(create(PongSchema, { count }));
    if (call.request.text === "fail") call.emit("error", { code: status.DATA_LOSS, details: "lost" });
    else call.end();
  };
  const joined: handleClientStreamingCall<Ping, Pong> = (call, respond) => {
    let text = "";
    call.on("data", (given: Ping) => (text += given.text));
    call.on("end", () => respond(null, create(PongSchema, { text })));
  };
  const shouted: handleBidiStreamingCall<Ping, Pong> = (call) => {
    call.on("data", ({ text }: Ping) => call.write(create(PongSchema, { text: text.toUpperCase() })));
    call.on("end", () => call.end());
  };

  async function started() {
    const server = new Server();
    const common = {
      requestSerialize: packPing,
      requestDeserialize: unpackPing,
      responseSerialize: packPong,
      responseDeserialize: unpackPong,
    };
    const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
      ...{ path: path(name), requestStream, responseStream },
      ...common,
    });
    server.addService(
      {
        Unary: method("Unary", false, false),
        Server: method("Server", false, true),
        Client: method("Client", true, false),
        Bidi: method("Bidi", true, true),
      },
      { Unary: unary, Server: streamed, Client: joined, Bidi: shouted },
    );
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    const made = sluiceClient("grpc", "2", `http://127.0.0.1:${port}`);
    return {
      call: made.call,
      async [Symbol.asyncDispose]() {
        await made[Symbol.asyncDispose]();
        server.forceShutdown();
      },
    };
  }

  async function* given(...texts: string[]): AsyncIterable<{ text: string }> {
    for (const text of texts) yield { text };
  }

  test("all four kinds", async () => {
    await using peer = await started();
    const trailers: (string | null)[] = [];
    const onTrailer = (trailer: Headers): void => void trailers.push(trailer.get("x-trailer"));
    const asked = { headers: { "x-asked": "aloud" }, onTrailer };
    expect(await peer.call.unary({ text: "hello" }, asked)).toEqual(pong({ text: "hello" }));
    expect(trailers).toEqual(["aloud"]);
    expect(await all(peer.call.server({ count: 3 }))).toEqual([0, 1, 2].map((count) => pong({ count })));
    expect(await peer.call.client(given("a", "b", "c"))).toEqual(pong({ text: "abc" }));
    expect((await all(peer.call.bidi(given("a", "b")))).map(({ text }) => text)).toEqual(["A", "B"]);
  });

  test("errors before and behind messages, with their metadata; a method that is not there; a deadline", async () => {
    await using peer = await started();
    const early = await errorOf(peer.call.unary({ text: "fail" }, { headers: { "x-asked": "aloud" } }));
    expect([early.code, early.rawMessage, early.metadata.get("x-trailer")]).toEqual([
      Code.NotFound,
      failure.message,
      "aloud",
    ]);
    const late = await errorOf(all(peer.call.server({ text: "fail", count: 2 })));
    expect([late.code, late.rawMessage]).toEqual([Code.DataLoss, "lost"]);
    expect((await errorOf(peer.call.look({}))).code).toBe(Code.Unimplemented);
    expect((await errorOf(peer.call.unary({ text: "wait" }, { timeoutMs: 50 }))).code).toBe(Code.DeadlineExceeded);
  });
});
