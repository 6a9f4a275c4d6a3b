/**
 * Whatever a peer sends: nothing is thrown, nothing hangs, nobody is answered more than was asked, and no more is held
 * than the options allow.
 */
import { collect, fromIterable, full } from "@sluice/body";
import { HttpError, HttpRequest, HttpResponse } from "@sluice/core";
import type { ClientOptions, ServerOptions } from "@sluice/core/http1";
import type { ScriptedIo } from "@sluice/util/memory";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cuts, cutUp, readingOptions, requestBytes, responseBytes } from "../support/fragments.ts";
import { quiet } from "../support/joined.ts";
import { propertyTimeoutMs, runs } from "../support/runs.ts";
import { type ClientUnderTest, connectOn, lines, recorder, type ServerUnderTest, serveOn } from "../support/wire.ts";

const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);

beforeAll(() => void process.on("unhandledRejection", note).on("uncaughtException", note));
afterAll(() => void process.off("unhandledRejection", note).off("uncaughtException", note));

/** Lets promises and what is due now have their say. */
async function turn(under: ServerUnderTest | ClientUnderTest): Promise<void> {
  await quiet(() => false);
  under.timer.advance(0);
  await quiet(() => false);
}

/** The peer ends its stream, or just falls silent; then time passes until nothing more can happen. */
async function finish(under: ServerUnderTest | ClientUnderTest, ended: boolean): Promise<void> {
  if (ended) under.io.push(null);
  await turn(under);
  for (let rounds = 0; under.timer.pending > 0; rounds++) {
    expect(rounds).toBeLessThan(50);
    under.timer.advance(Math.max(1, under.timer.nextDelayMs));
    await quiet(() => false);
  }
  expect(under.outcome).not.toBe(undefined);
  expect(under.io.isAborted).toBe(true);
  expect(unhandled.splice(0)).toEqual([]);
}

/** The statuses of the responses on a wire whose contents hold no status line. */
function statusesOf(io: ScriptedIo): number[] {
  return [...io.writtenText.matchAll(/HTTP\/1\.[01] ([0-9]{3}) /g)].map((match) => Number(match[1]));
}

describe("a server", () => {
  test(
    "is not brought down, held up or made to talk too much by anything a client sends",
    async () => {
      const options: fc.Arbitrary<ServerOptions> = fc
        .tuple(
          readingOptions,
          fc.boolean(),
          fc.constantFrom(0, 5, 65_536),
          fc.constantFrom(4, Number.POSITIVE_INFINITY),
        )
        .map(([reading, halfClose, maxDrainBytes, maxBodyBytes]) => ({
          ...reading,
          halfClose,
          maxDrainBytes,
          maxBodyBytes,
        }));
      const reading = fc.constantFrom("all", "none", "cancel");
      const scenario = fc.tuple(requestBytes, cuts, options, reading, fc.boolean(), fc.boolean());
      await fc.assert(
        fc.asyncProperty(scenario, async ([input, sizes, given, reads, ended, later]) => {
          const told = recorder();
          const server = serveOn(
            (request) => {
              if (reads === "cancel") request.body.cancel();
              const read = reads === "all" ? collect(request.body).bytes() : Promise.resolve();
              const answer = (): HttpResponse => new HttpResponse(200, {}, full("x"));
              return later || reads === "all" ? read.then(answer) : answer();
            },
            { ...given, observer: told },
          );
          for (const piece of cutUp(input, sizes)) {
            server.io.push(piece);
            await turn(server);
          }
          await finish(server, ended);
          const asked = told.events.filter((event) => event.startsWith("request ")).length;
          const statuses = statusesOf(server.io).filter((status) => status >= 200);
          const answers = statuses.filter((status) => status === 200).length;
          expect(answers).toBeLessThanOrEqual(asked);
          // Besides answers there is at most one refusal, which is the last word.
          expect(statuses.length - answers).toBeLessThanOrEqual(1);
          expect(statuses.slice(0, answers)).toEqual(Array.from({ length: answers }, () => 200));
          expect(told.events.filter((event) => event.startsWith("closed")).length).toBe(1);
          const over = told.events.filter((event) => event === "complete" || event.startsWith("failed")).length;
          expect(over).toBe(asked);
        }),
        runs(4000),
      );
    },
    propertyTimeoutMs,
  );

  test("a head takes no more than its limit and one read, however it goes on", async () => {
    const head = "GET / HTTP/1.1\r\nhost: a\r\n";
    const kinds = [
      ["", "\r\n"],
      ["", "a"],
      ["GET /", "a"],
      [head, "a"],
      [head, "a: b\r\n"],
      [`${head}a: `, "b"],
    ] as const;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...kinds), fc.integer({ min: 1, max: 3000 }), async ([start, more], size) => {
        const maxHeadBytes = 2000;
        const server = serveOn(() => new HttpResponse(204), { maxHeadBytes, maxHeaders: 32_768 });
        if (start !== "") server.io.push(start);
        let sent = 0;
        const chunk = more.repeat(Math.ceil(size / more.length));
        while (server.io.isReading && !server.io.isShutdown && sent < 20 * maxHeadBytes) {
          server.io.push(chunk);
          server.timer.advance(0);
          sent += chunk.length;
        }
        expect(server.io.isShutdown).toBe(true);
        expect(sent).toBeLessThanOrEqual(maxHeadBytes + chunk.length);
        expect(statusesOf(server.io)).toEqual([start.endsWith("\n") || start.endsWith(" ") ? 431 : 414]);
        server.connection.abort();
      }),
      runs(200),
    );
  });

  test("content that nobody reads stays in the transport, but for one read", async () => {
    const server = serveOn(() => new Promise<HttpResponse>(() => {}));
    server.io.push("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n");
    for (let i = 0; i < 100; i++) server.io.push(new Uint8Array(1000));
    await turn(server);
    expect(server.io.remaining).toBe(99);
    expect(server.io.isReading).toBe(false);
    server.connection.abort();
  });

  test("a client that takes no answers gets no more than a buffer's worth of requests served", async () => {
    for (const maxBufferBytes of [8192, 417_792]) {
      let served = 0;
      const call = (): HttpResponse => {
        served++;
        return new HttpResponse(204);
      };
      const server = serveOn(call, { maxBufferBytes }, { capacityBytes: 1 });
      const batch = "GET / HTTP/1.1\r\nhost: a\r\n\r\n".repeat(50);
      const answer = "HTTP/1.1 204 No Content\r\n\r\n";
      for (let i = 0; i < 300; i++) {
        server.io.push(batch);
        server.timer.advance(0);
      }
      const first = server.io.written.length;
      const held = served * answer.length - first;
      const limit = Math.min(maxBufferBytes, 65_536);
      expect(held).toBeGreaterThanOrEqual(limit);
      expect(held).toBeLessThan(limit + answer.length);
      expect(server.io.isReading).toBe(false);
      // Once the client takes them, everything is served, in order and completely.
      for (let i = 0; i < 100; i++) {
        server.io.drain();
        server.timer.advance(0);
      }
      expect(served).toBe(300 * 50);
      expect(server.io.writtenText).toBe(answer.repeat(300 * 50));
      expect(server.io.remaining).toBe(0);
      server.connection.abort();
    }
  });

  test("a small buffer without a clock: a long answer leaves in pieces of that size", () => {
    const chunks = Array.from({ length: 100 }, () => new Uint8Array(1000));
    const call = (): HttpResponse => new HttpResponse(200, {}, fromIterable(chunks, { length: 100_000 }));
    const server = serveOn(call, { maxBufferBytes: 8192, timer: null });
    server.io.push("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    const head = lines("HTTP/1.1 200 OK", "content-length: 100000", "", "");
    expect(server.io.written.length).toBe(head.length + 100_000);
    for (const write of server.io.writes) expect(write.length).toBeLessThan(8192 + 1000);
    server.connection.abort();
  });
});

describe("a client", () => {
  test(
    "is not brought down, held up or fooled by anything a server sends",
    async () => {
      const methods = fc.array(fc.constantFrom("GET", "GET", "HEAD", "OPTIONS", "POST"), {
        minLength: 1,
        maxLength: 3,
      });
      const options: fc.Arbitrary<ClientOptions> = fc
        .tuple(readingOptions, fc.boolean(), fc.constantFrom(4, Number.POSITIVE_INFINITY), fc.constantFrom(0, 32))
        .map(([reading, http09Responses, maxBodyBytes, maxInformational]) => {
          return { ...reading, http09Responses, maxBodyBytes, maxInformational };
        });
      const reading = fc.constantFrom("all", "none", "cancel");
      const scenario = fc.tuple(responseBytes, cuts, options, methods, reading, fc.boolean());
      await fc.assert(
        fc.asyncProperty(scenario, async ([input, sizes, given, asked, reads, ended]) => {
          const told = recorder();
          const client = await connectOn({ ...given, pipelining: 4, observer: told });
          let settled = 0;
          const wrong: unknown[] = [];
          const failed = (error: unknown): void => {
            if (!HttpError.is(error)) wrong.push(error);
          };
          for (const method of asked) {
            const sending = client.sender.send(new HttpRequest(method, "/", { host: "a" }));
            sending.then(
              async (response) => {
                settled++;
                if (reads === "cancel") response.body.cancel();
                if (reads === "all") await collect(response.body).bytes().catch(failed);
              },
              (error: unknown) => {
                settled++;
                failed(error);
              },
            );
          }
          for (const piece of cutUp(input, sizes)) {
            client.io.push(piece);
            await turn(client);
          }
          await finish(client, ended);
          expect(settled).toBe(asked.length);
          expect(wrong).toEqual([]);
          const started = told.events.filter((event) => event.startsWith("request ")).length;
          expect(told.events.filter((event) => event.startsWith("response ")).length).toBeLessThanOrEqual(started);
          const over = told.events.filter((event) => event === "complete" || event.startsWith("failed")).length;
          expect(over).toBe(started);
        }),
        runs(4000),
      );
    },
    propertyTimeoutMs,
  );

  test("content that nobody reads stays in the transport, but for one read", async () => {
    const client = await connectOn();
    const sending = client.sender.send(new HttpRequest("GET", "/", { host: "a" }));
    client.io.push("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n");
    for (let i = 0; i < 100; i++) client.io.push(new Uint8Array(1000));
    await sending;
    await turn(client);
    expect(client.io.remaining).toBe(100);
    expect(client.io.isReading).toBe(false);
    client.connection.abort();
  });
});
