/** gRPC calls written by hand on a Sluice client, and the server of @grpc/grpc-js. */
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { type Body, channel, collect, empty, fromIterable, type HeaderMap, isData } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { certificate } from "./support/certificate.ts";
import { content, mebibyte, sha256 } from "./support/content.ts";
import { deferred } from "./support/deferred.ts";
import { definition, framed, messages, serviceName } from "./support/grpc.ts";
import { connectTo2, type TestClient2 } from "./support/h2-client.ts";

type Unary = ServerUnaryCall<Buffer, Buffer>;
type Done = sendUnaryData<Buffer>;

interface GrpcServer extends AsyncDisposable {
  readonly port: number;
  /** The calls that wait for ever. */
  readonly waiting: Promise<Unary>;
}

async function startGrpc(tls = false): Promise<GrpcServer> {
  const server = new Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  const waiting = deferred<Unary>();
  server.addService(definition, {
    Echo: ({ request }: Unary, done: Done) => done(null, request),
    Repeat: (call: ServerWritableStream<Buffer, Buffer>) => {
      const [, times, text] = /^(\d+) (.*)$/s.exec(call.request.toString()) ?? [];
      for (let i = 0; i < Number(times); i++) call.write(Buffer.from(text ?? ""));
      call.end();
    },
    Join: async (call: ServerReadableStream<Buffer, Buffer>, done: Done) => {
      const parts: Buffer[] = [];
      for await (const message of call) parts.push(message as Buffer);
      done(null, Buffer.concat(parts));
    },
    Shout: (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on("data", (message: Buffer) => call.write(Buffer.from(message.toString().toUpperCase())));
      call.on("end", () => call.end());
    },
    Fail: (_call: Unary, done: Done) => done({ code: status.NOT_FOUND, details: "no such thing: 100% ü" }),
    Break: (call: ServerWritableStream<Buffer, Buffer>) => {
      const metadata = new Metadata();
      metadata.set("x-why", "test");
      call.write(Buffer.from("one"));
      call.write(Buffer.from("two"));
      call.emit("error", { code: status.ABORTED, details: "broken off", metadata });
    },
    Wait: (call: Unary) => waiting.resolve(call),
    Tell: (call: Unary, done: Done) => {
      call.sendMetadata(call.metadata.clone());
      done(null, Buffer.from("told"), call.metadata.clone());
    },
  });
  const { cert, key } = certificate();
  const pair = { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) };
  const secured = tls ? ServerCredentials.createSsl(null, [pair]) : ServerCredentials.createInsecure();
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", secured, (error, bound) => (error === null ? resolve(bound) : reject(error))),
  );
  return { port, waiting: waiting.promise, [Symbol.asyncDispose]: async () => server.forceShutdown() };
}

/** A request for a call, with the messages of `body`. */
function call(client: TestClient2, method: string, body: Body, headers: { readonly [name: string]: string } = {}) {
  return HttpRequest.post(`${client.origin}/${serviceName}/${method}`, body, {
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
}

function sending(...texts: readonly (string | Uint8Array)[]): Body {
  return fromIterable(texts.map(framed));
}

interface Outcome {
  readonly head: HeaderMap;
  readonly messages: readonly Buffer[];
  /** From the trailers, or from the head if there is nothing else. */
  readonly status: string | undefined;
  readonly trailers: HeaderMap | undefined;
}

async function outcome(client: TestClient2, request: HttpRequest): Promise<Outcome> {
  const response = await client.sender.send(request);
  const collected = collect(response.body);
  const received: Buffer[] = [];
  for await (const message of messages(await collected.replay())) received.push(message);
  const trailers = await collected.trailers();
  const status = (trailers ?? response.headers).get("grpc-status");
  return { head: response.headers, messages: received, status, trailers };
}

describe("@grpc/grpc-js as server", () => {
  test.each([
    ["in the clear", false],
    ["over TLS", true],
  ])("unary calls %s, a hundred at once", async (_, tls) => {
    await using server = await startGrpc(tls);
    await using client = await connectTo2(server.port, { tls });
    const texts = Array.from({ length: 100 }, (_value, i) => `message ${i}`);
    const outcomes = await Promise.all(texts.map((text) => outcome(client, call(client, "Echo", sending(text)))));
    expect(outcomes.map((each) => [each.status, ...each.messages.map(String)])).toEqual(
      texts.map((text) => ["0", text]),
    );
  });

  test("large messages: 8 MiB each way", async () => {
    await using server = await startGrpc();
    await using client = await connectTo2(server.port);
    const message = content(8 * mebibyte);
    const echoed = await outcome(client, call(client, "Echo", sending(message)));
    expect([echoed.status, echoed.messages.map(sha256)]).toEqual(["0", [sha256(message)]]);
  });

  test("server streaming: a thousand messages, then the status", async () => {
    await using server = await startGrpc();
    await using client = await connectTo2(server.port);
    const repeated = await outcome(client, call(client, "Repeat", sending("1000 again")));
    expect([repeated.status, repeated.messages.map(String)]).toEqual([
      "0",
      Array.from({ length: 1000 }, () => "again"),
    ]);
  });

  test("client streaming: a thousand messages, one answer", async () => {
    await using server = await startGrpc();
    await using client = await connectTo2(server.port);
    const texts = Array.from({ length: 1000 }, (_, i) => `${i} `);
    const joined = await outcome(client, call(client, "Join", sending(...texts)));
    expect([joined.status, joined.messages.map(String)]).toEqual(["0", [texts.join("")]]);
  });

  test("bidirectional streaming: each answer comes before the next message is sent", async () => {
    await using server = await startGrpc();
    await using client = await connectTo2(server.port);
    const { sender, body } = channel(1);
    const answered = client.sender.send(call(client, "Shout", body));
    await sender.sendData(framed("one"));
    const response = await answered;
    let trailers: HeaderMap | undefined;
    const data = (async function* () {
      for await (const frame of response.body) {
        if (isData(frame)) yield frame;
        else trailers = frame.fields;
      }
    })();
    const shouted = messages(fromIterable(data));
    expect(String((await shouted.next()).value)).toBe("ONE");
    for (const word of ["two", "three"]) {
      await sender.sendData(framed(word));
      expect(String((await shouted.next()).value)).toBe(word.toUpperCase());
    }
    sender.close();
    expect(await shouted.next()).toEqual({ value: undefined, done: true });
    expect(trailers?.get("grpc-status")).toBe("0");
  });

  test("an error without messages, in the head alone", async () => {
    await using server = await startGrpc();
    await using client = await connectTo2(server.port);
    const failed = await outcome(client, call(client, "Fail", sending("x")));
    expect([failed.status, failed.messages, failed.trailers]).toEqual([`${status.NOT_FOUND}`, [], undefined]);
    expect(failed.head.get("grpc-message")).toBe("no%20such%20thing:%20100%25%20%C3%BC");
  });

  test("an error behind messages, in the trailers", async () => {
    await using server = await startGrpc();
    await using client = await connectTo2(server.port);
    const broken = await outcome(client, call(client, "Break", sending("x")));
    expect([broken.status, broken.messages.map(String)]).toEqual([`${status.ABORTED}`, ["one", "two"]]);
    expect([broken.trailers?.get("x-why"), broken.head.has("grpc-status")]).toEqual(["test", false]);
  });

  test("metadata both ways, text and bytes", async () => {
    await using server = await startGrpc();
    await using client = await connectTo2(server.port);
    const metadata = {
      "x-text": "some text, with commas",
      "x-data-bin": Buffer.from([0, 1, 2, 255]).toString("base64"),
    };
    const told = await outcome(client, call(client, "Tell", sending("x"), metadata));
    expect([told.status, told.messages.map(String)]).toEqual(["0", ["told"]]);
    for (const fields of [told.head, told.trailers]) {
      expect([fields?.get("x-text"), fields?.get("x-data-bin")]).toEqual(Object.values(metadata));
    }
  });

  test("a deadline that the server keeps", async () => {
    await using server = await startGrpc();
    await using client = await connectTo2(server.port);
    const late = await outcome(client, call(client, "Wait", sending("x"), { "grpc-timeout": "100m" }));
    expect(late.status).toBe(`${status.DEADLINE_EXCEEDED}`);
    expect((await outcome(client, call(client, "Echo", sending("next")))).status).toBe("0");
  });

  test("a call that is canceled: the server is told", async () => {
    await using server = await startGrpc();
    await using client = await connectTo2(server.port);
    const controller = new AbortController();
    const request = call(client, "Wait", sending("x"));
    const sent = client.sender.send(request, { signal: controller.signal });
    const rejected = expect(sent).rejects.toMatchObject({ code: "CANCELED" });
    const waiting = await server.waiting;
    const canceled = new Promise((resolve) => waiting.on("cancelled", resolve));
    controller.abort();
    await rejected;
    await canceled;
    expect((await outcome(client, call(client, "Echo", sending("next")))).status).toBe("0");
  });

  test("a method that is not there, and content that is no gRPC", async () => {
    await using server = await startGrpc();
    await using client = await connectTo2(server.port);
    expect((await outcome(client, call(client, "Nothing", sending("x")))).status).toBe(`${status.UNIMPLEMENTED}`);
    const plain = HttpRequest.post(`${client.origin}/${serviceName}/Echo`, empty(), { "content-type": "text/plain" });
    expect((await client.sender.send(plain)).status).toBe(415);
  });
});
