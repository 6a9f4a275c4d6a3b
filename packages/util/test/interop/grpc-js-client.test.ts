/** The client of @grpc/grpc-js and a gRPC service written by hand on a Sluice server. */
import { once } from "node:events";
import {
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  credentials,
  Metadata,
  makeGenericClientConstructor,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { channel, fromIterable, full, HeaderMap, Trailers } from "@sluice/body";
import { HttpError, type HttpRequest, HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { certificate } from "./support/certificate.ts";
import { content, mebibyte, sha256 } from "./support/content.ts";
import { deferred } from "./support/deferred.ts";
import { definition, framed, messages, serviceName } from "./support/grpc.ts";
import { startServer2, type TestServer2 } from "./support/h2-server.ts";

const head = { "content-type": "application/grpc" } as const;
const ok = new Trailers(new HeaderMap({ "grpc-status": "0" }));

/** The service, by hand. `given` is told of calls that were given up. */
function service(given: (request: HttpRequest) => void = () => {}) {
  return async (request: HttpRequest): Promise<HttpResponse> => {
    switch (request.target.path.slice(serviceName.length + 2)) {
      case "Echo":
        return unary(await one(request));
      case "Repeat": {
        const [, times, text] = /^(\d+) (.*)$/s.exec((await one(request)).toString()) ?? [];
        return new HttpResponse(200, head, fromIterable(repeat(text ?? "", Number(times))));
      }
      case "Join": {
        const parts: Buffer[] = [];
        for await (const message of messages(request.body)) parts.push(message);
        return unary(Buffer.concat(parts));
      }
      case "Shout":
        return new HttpResponse(200, head, shout(request));
      case "Fail":
        return new HttpResponse(200, { ...head, "grpc-status": "5", "grpc-message": "no such thing: 100%25 %C3%BC" });
      case "Break": {
        const aborted = new Trailers(
          new HeaderMap({ "grpc-status": "10", "grpc-message": "broken off", "x-why": "test" }),
        );
        return new HttpResponse(200, head, fromIterable([framed("one"), framed("two"), aborted]));
      }
      case "Wait":
        given(request);
        return new Promise<HttpResponse>(() => {});
      case "Tell": {
        const asked = ["x-text", "x-data-bin"].map((name): [string, string] => [name, request.headers.get(name) ?? ""]);
        const trailers = new Trailers(new HeaderMap([...asked, ["grpc-status", "0"]]));
        return new HttpResponse(200, [...Object.entries(head), ...asked], fromIterable([framed("told"), trailers]));
      }
      default:
        return new HttpResponse(404, {}, full("not found"));
    }
  };
}

async function one(request: HttpRequest): Promise<Buffer> {
  for await (const message of messages(request.body)) return message;
  throw new Error("there was no message");
}

function unary(message: Uint8Array): HttpResponse {
  return new HttpResponse(200, head, fromIterable([framed(message), ok]));
}

function* repeat(text: string, times: number) {
  for (let i = 0; i < times; i++) yield framed(text);
  yield ok;
}

/** Answers each message while others are still to come. */
function shout(request: HttpRequest) {
  const { sender, body } = channel(1);
  (async () => {
    for await (const message of messages(request.body)) await sender.sendData(framed(message.toString().toUpperCase()));
    await sender.sendTrailers(ok);
    sender.close();
  })().catch((error) => sender.abort(error));
  return body;
}

type Answered<T> = (error: ServiceError | null, value?: T) => void;

/** What `makeGenericClientConstructor` makes of the service. */
interface Peer extends Client {
  Echo(message: Buffer, options: object, done: Answered<Buffer>): ClientUnaryCall;
  Fail(message: Buffer, options: object, done: Answered<Buffer>): ClientUnaryCall;
  Wait(message: Buffer, options: object, done: Answered<Buffer>): ClientUnaryCall;
  Tell(message: Buffer, metadata: Metadata, done: Answered<Buffer>): ClientUnaryCall;
  Join(done: Answered<Buffer>): ClientWritableStream<Buffer>;
  Repeat(message: Buffer): ClientReadableStream<Buffer>;
  Break(message: Buffer): ClientReadableStream<Buffer>;
  Shout(): ClientDuplexStream<Buffer, Buffer>;
}

const unlimited = {
  "grpc.enable_http_proxy": 0,
  "grpc.ssl_target_name_override": "localhost",
  "grpc.max_receive_message_length": -1,
  "grpc.max_send_message_length": -1,
};

function connect(server: TestServer2, tls = false): Peer & Disposable {
  const Constructor = makeGenericClientConstructor(definition, serviceName);
  const secured = tls ? credentials.createSsl(Buffer.from(certificate().cert)) : credentials.createInsecure();
  const client = new Constructor(`127.0.0.1:${server.port}`, secured, unlimited) as unknown as Peer;
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}

/** The outcome of a call with one answer: the message, or the error. */
function answer<T>(call: (done: Answered<T>) => void): Promise<T | ServiceError> {
  return new Promise((resolve) => call((error, value) => resolve(error ?? (value as T))));
}

/** All messages of a stream, and the status at its end. */
async function all(call: ClientReadableStream<Buffer> | ClientDuplexStream<Buffer, Buffer>) {
  const received: string[] = [];
  let error: ServiceError | undefined;
  call.on("data", (message: Buffer) => received.push(message.toString()));
  call.on("error", (failure: ServiceError) => (error = failure));
  const ended = await new Promise<{ code: number }>((resolve) => call.once("status", resolve));
  // The error comes with the status, a turn later.
  await new Promise(setImmediate);
  return { received, code: ended.code, error };
}

describe("@grpc/grpc-js as client", () => {
  test.each([
    ["in the clear", false],
    ["over TLS", true],
  ])("unary calls %s, a hundred at once on one connection", async (_, tls) => {
    await using server = await startServer2(service(), { tls });
    using client = connect(server, tls);
    const texts = Array.from({ length: 100 }, (_value, i) => `message ${i}`);
    const answers = await Promise.all(
      texts.map((text) => answer<Buffer>((done) => client.Echo(Buffer.from(text), {}, done))),
    );
    expect(answers.map(String)).toEqual(texts);
    expect(server.connections.length).toBe(1);
    expect(server.failures).toEqual([]);
  });

  test("large messages: 8 MiB each way", async () => {
    await using server = await startServer2(service());
    using client = connect(server);
    const message = content(8 * mebibyte);
    const echoed = await answer<Buffer>((done) => client.Echo(message, {}, done));
    expect(sha256(echoed as Buffer)).toBe(sha256(message));
  });

  test("an empty message is a message", async () => {
    await using server = await startServer2(service());
    using client = connect(server);
    expect(await answer<Buffer>((done) => client.Echo(Buffer.alloc(0), {}, done))).toEqual(Buffer.alloc(0));
  });

  test("server streaming: a thousand messages, then the status", async () => {
    await using server = await startServer2(service());
    using client = connect(server);
    const { received, code } = await all(client.Repeat(Buffer.from("1000 again")));
    expect([received, code]).toEqual([Array.from({ length: 1000 }, () => "again"), status.OK]);
  });

  test("client streaming: a thousand messages, one answer", async () => {
    await using server = await startServer2(service());
    using client = connect(server);
    const joined = await answer<Buffer>((done) => {
      const call = client.Join(done);
      for (let i = 0; i < 1000; i++) call.write(Buffer.from(`${i} `));
      call.end();
    });
    expect(String(joined)).toBe(Array.from({ length: 1000 }, (_, i) => `${i} `).join(""));
  });

  test("bidirectional streaming: each answer comes before the next message is sent", async () => {
    await using server = await startServer2(service());
    using client = connect(server);
    const call = client.Shout();
    for (const word of ["one", "two", "three"]) {
      call.write(Buffer.from(word));
      const [shouted] = (await once(call, "data")) as [Buffer];
      expect(shouted.toString()).toBe(word.toUpperCase());
    }
    call.end();
    const { received, code } = await all(call);
    expect([received, code]).toEqual([[], status.OK]);
  });

  test("an error without messages, in the head alone", async () => {
    await using server = await startServer2(service(), { frames: true });
    using client = connect(server);
    const error = await answer<Buffer>((done) => client.Fail(Buffer.from("x"), {}, done));
    expect(error).toMatchObject({ code: status.NOT_FOUND, details: "no such thing: 100% ü" });
    const answered = server.sent.filter(({ type }) => type === "HEADERS" || type === "DATA");
    expect(answered).toMatchObject([{ type: "HEADERS", flags: ["END_STREAM", "END_HEADERS"] }]);
  });

  test("an error behind messages, in the trailers", async () => {
    await using server = await startServer2(service());
    using client = connect(server);
    const { received, code, error } = await all(client.Break(Buffer.from("x")));
    expect([received, code]).toEqual([["one", "two"], status.ABORTED]);
    expect([error?.details, error?.metadata.get("x-why")]).toEqual(["broken off", ["test"]]);
  });

  test("metadata both ways, text and bytes", async () => {
    await using server = await startServer2(service());
    using client = connect(server);
    const metadata = new Metadata();
    const bytes = Buffer.from([0, 1, 2, 255, 254, 10, 13]);
    metadata.set("x-text", "some text, with commas");
    metadata.set("x-data-bin", bytes);
    const heard: Metadata[] = [];
    const told = await answer<Buffer>((done) => {
      const call = client.Tell(Buffer.from("x"), metadata, done);
      call.on("metadata", (received: Metadata) => heard.push(received));
      call.on("status", ({ metadata: received }) => heard.push(received));
    });
    expect(String(told)).toBe("told");
    await expect.poll(() => heard.length).toBe(2);
    for (const received of heard) {
      expect([received.get("x-text"), received.get("x-data-bin")]).toEqual([["some text, with commas"], [bytes]]);
    }
  });

  test("a deadline: the service hears of it and is told to stop", async () => {
    const given = deferred<HttpRequest>();
    await using server = await startServer2(service(given.resolve));
    using client = connect(server);
    const deadline = new Date(Date.now() + 500);
    const error = answer<Buffer>((done) => client.Wait(Buffer.from("x"), { deadline }, done));
    const request = await given.promise;
    expect(request.headers.get("grpc-timeout")).toMatch(/^\d{1,8}[HMSmun]$/);
    const stopped = once(request.signal, "abort");
    expect(await error).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    await stopped;
    expect(request.signal.reason).toMatchObject({ code: "STREAM_RESET" });
    const echoed = await answer<Buffer>((done) => client.Echo(Buffer.from("next"), {}, done));
    expect(String(echoed)).toBe("next");
  });

  test("a call that the client cancels", async () => {
    const given = deferred<HttpRequest>();
    await using server = await startServer2(service(given.resolve));
    using client = connect(server);
    let cancel = (): void => {};
    const error = answer<Buffer>((done) => {
      const call = client.Wait(Buffer.from("x"), {}, done);
      cancel = () => call.cancel();
    });
    const request = await given.promise;
    const stopped = once(request.signal, "abort");
    cancel();
    expect(await error).toMatchObject({ code: status.CANCELLED });
    await stopped;
    expect(HttpError.is(request.signal.reason) && request.signal.reason.code).toBe("STREAM_RESET");
  });

  test("a service that throws: the stream is reset, which is INTERNAL to the client", async () => {
    await using server = await startServer2(() => Promise.reject(new Error("no")));
    using client = connect(server);
    const error = await answer<Buffer>((done) => client.Echo(Buffer.from("x"), {}, done));
    expect(error).toMatchObject({ code: status.INTERNAL });
    expect(server.failures.length).toBe(1);
  });

  test("a method that is not there, as plain HTTP tells it", async () => {
    await using server = await startServer2(() => new HttpResponse(404, {}, full("not found")));
    using client = connect(server);
    const error = await answer<Buffer>((done) => client.Echo(Buffer.from("x"), {}, done));
    expect(error).toMatchObject({ code: status.UNIMPLEMENTED });
  });

  test("a graceful shutdown: the call under way is answered, the next one goes over a new connection", async () => {
    await using server = await startServer2(service());
    using client = connect(server);
    const call = client.Shout();
    call.write(Buffer.from("one"));
    expect(String((await once(call, "data"))[0])).toBe("ONE");
    server.connections[0]?.gracefulShutdown();
    call.write(Buffer.from("two"));
    expect(String((await once(call, "data"))[0])).toBe("TWO");
    call.end();
    expect((await all(call)).code).toBe(status.OK);
    await expect.poll(() => server.endings, { timeout: 10_000 }).toEqual(["clean"]);
    const echoed = await answer<Buffer>((done) => client.Echo(Buffer.from("next"), {}, done));
    expect([String(echoed), server.connections.length]).toEqual(["next", 2]);
  });
});
