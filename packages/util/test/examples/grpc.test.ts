/** grpc, called by grpc-js. */
import * as grpc from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { ask, askForTrailers } from "./exchange.ts";
import { type Program, startExample } from "./program.ts";

const serialize = (value: unknown): Buffer => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
const deserialize = (bytes: Buffer): unknown => JSON.parse(bytes.toString());

function connected(program: Program): grpc.Client & Disposable {
  const client = new grpc.Client(`127.0.0.1:${program.port}`, grpc.credentials.createInsecure());
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}

function unary(client: grpc.Client, name: string, message: unknown, options: grpc.CallOptions = {}): Promise<unknown> {
  return new Promise((resolve) => {
    const path = `/example.Greeter/${name}`;
    const done = (error: grpc.ServiceError | null, value?: unknown): void =>
      resolve(error === null ? value : [error.code, error.details]);
    client.makeUnaryRequest(path, serialize, deserialize, message, new grpc.Metadata(), options, done);
  });
}

const counting = (client: grpc.Client, to: number, options: grpc.CallOptions = {}) =>
  client.makeServerStreamRequest(
    "/example.Greeter/Count",
    serialize,
    deserialize,
    { to },
    new grpc.Metadata(),
    options,
  );

test("grpc: a unary call, and every way it can fail", async () => {
  await using program = await startExample("grpc/main.mjs");
  using client = connected(program);
  expect(await unary(client, "Hello", { name: "world" })).toEqual({ text: "Hello, world" });
  expect(await unary(client, "Hello", {})).toEqual([grpc.status.INVALID_ARGUMENT, "name: must be a string"]);
  expect(await unary(client, "Hello", "{")).toEqual([grpc.status.INVALID_ARGUMENT, "the message cannot be read"]);
  expect(await unary(client, "Other", {})).toEqual([grpc.status.UNIMPLEMENTED, "no such method"]);
  const long = { name: "x".repeat(70_000) };
  expect(await unary(client, "Hello", long)).toEqual([grpc.status.RESOURCE_EXHAUSTED, "message too long"]);
  // The client serializes null as `null`, of which nothing can be taken.
  expect(await unary(client, "Hello", null)).toEqual([grpc.status.INTERNAL, ""]);
  expect(await program.printed(1)).toEqual([expect.stringMatching(/^\/example\.Greeter\/Hello failed: .+/)]);
});

test("grpc: a stream, to its end, canceled, and cut off by its deadline", async () => {
  await using program = await startExample("grpc/main.mjs");
  using client = connected(program);
  const numbers: unknown[] = [];
  for await (const message of counting(client, 1_000)) numbers.push((message as { number: number }).number);
  expect(numbers).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 1));
  expect(await program.printed(1)).toEqual(["counted to 1000"]);

  const endless = counting(client, 1e12);
  await new Promise((resolve) => endless.once("data", resolve));
  const canceled = new Promise<grpc.ServiceError>((resolve) => endless.once("error", resolve));
  endless.cancel();
  expect((await canceled).code).toBe(grpc.status.CANCELLED);

  const late = counting(client, 1e12, { deadline: Date.now() + 300 });
  late.resume();
  const expired = await new Promise<grpc.ServiceError>((resolve) => late.once("error", resolve));
  expect(expired.code).toBe(grpc.status.DEADLINE_EXCEEDED);
  // It is still there for others.
  expect(await unary(client, "Hello", { name: "you" })).toEqual({ text: "Hello, you" });
  expect(program.lines).toEqual(["counted to 1000"]);
});

test("grpc: by its own clock, and what is no call", async () => {
  await using program = await startExample("grpc/main.mjs");
  const message = '{"to":1000000000}';
  const content = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), Buffer.from(message)]);
  const call = (fields: Record<string, string>, bytes: Uint8Array = content, path = "/example.Greeter/Count") =>
    askForTrailers(program.port, path, { version: "http2", method: "POST", content: bytes, fields });
  const type = { "content-type": "application/grpc" };
  const answer = await call({ ...type, "grpc-timeout": "50m", te: "trailers" });
  expect(answer.status).toBe(200);
  expect(answer.trailers).toEqual({ "grpc-status": "4", "grpc-message": "too%20late" });
  const compressed = Buffer.from([1, 0, 0, 0, 0]);
  expect((await call(type, compressed)).trailers["grpc-status"]).toBe("12");
  expect((await call(type, Buffer.from([0, 0]))).trailers["grpc-status"]).toBe("13");
  expect((await call({ "content-type": "application/json" })).status).toBe(415);
  expect((await ask(program.port, "/", { version: "http2", fields: type })).status).toBe(405);
});
