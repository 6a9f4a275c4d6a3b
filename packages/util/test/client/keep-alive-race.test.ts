/**
 * The server closes an idle connection at the moment it is used again: the one race that every HTTP/1 client with a pool has
 * (RFC 9112 9.3.1). Nothing that may be repeated fails, nothing is processed twice, and what may not be repeated fails in so
 * many words.
 */
import { empty, full } from "@sluice/body";
import { HttpError, HttpRequest } from "@sluice/core";
import type { Client } from "@sluice/util/client";
import { describe, expect, test } from "vitest";
import { closeWhenIdle, startFaultProxy } from "../support/fault-proxy.ts";
import { settle } from "../support/io.ts";
import { startOrigin } from "../support/origin.ts";
import { type RawAnswer, rawResponse, startRawOrigin } from "../support/raw-origin.ts";
import { raceTimeoutMs, rounds } from "./rounds.ts";
import { newClient, text, until } from "./support.ts";

const methods = ["GET", "HEAD", "PUT", "DELETE", "POST", "OPTIONS"] as const;

/** What became of requests, told by method; the errors told by kind and code. */
class Outcome {
  readonly answered = new Set<string>();
  /** Ids of the requests that failed, and why. */
  readonly failed = new Map<string, string>();
  sent = 0;

  /** Sends one request after another; the methods take turns. */
  async run(client: Client, url: string, name: string, count: number): Promise<void> {
    for (let round = 0; round < count; round++) {
      const method = methods[round % methods.length] ?? "GET";
      const id = `${method} ${name} ${round}`;
      const body = method === "POST" && round % 4 === 0 ? full("some content") : empty();
      this.sent++;
      try {
        const response = await client.request(new HttpRequest(method, url, { "x-id": id }, body));
        await text(response);
        this.answered.add(id);
      } catch (error) {
        this.failed.set(id, HttpError.is(error) ? `${error.kind} ${error.code}` : String(error));
      }
    }
  }

  /** Only what was written and may not be repeated has failed, and it was told that the connection was lost. */
  expectOnlyLostPosts(): void {
    const others = [...this.failed].filter(([id]) => !id.startsWith("POST"));
    expect(others).toEqual([]);
    const reasons = new Set(this.failed.values());
    for (const known of ["incomplete INCOMPLETE_MESSAGE", "io ECONNRESET", "io EPIPE"]) reasons.delete(known);
    expect([...reasons]).toEqual([]);
    expect(this.answered.size + this.failed.size).toBe(this.sent);
  }
}

const workers = 10;

describe("10,000 requests on connections that the server closes when they are idle", () => {
  for (const at of ["reuse", "response"] as const) {
    for (const how of ["fin", "rst"] as const) {
      test(
        `[pool-7] [pool-10] [pool-20] ${how.toUpperCase()} ${at === "reuse" ? "as the next request arrives" : "behind a response"}`,
        async () => {
          await using origin = await startOrigin();
          await using proxy = await startFaultProxy({
            port: origin.port,
            plans: (index) => closeWhenIdle({ at, how, afterResponses: 1 + (index % 3), turns: (index >> 2) % 4 }),
          });
          const outcome = new Outcome();
          const count = rounds(1500 / workers);
          await Promise.all(
            Array.from({ length: workers }, async (_, worker) => {
              await using client = newClient();
              await outcome.run(client, `${proxy.url}/`, String(worker), count);
              expect(client.underWay).toBe(0);
            }),
          );
          outcome.expectOnlyLostPosts();
          // A proxy that closes behind a response may have passed on the request after it: that alone may come again, if idempotent.
          const mayRepeat = (id: string): boolean => at === "response" && !id.startsWith("POST");
          expect(origin.repeatedIds.filter((id) => !mayRepeat(id))).toEqual([]);
          // What failed was not processed, and what was answered was.
          const seen = new Set(origin.requests.map(({ id }) => id));
          expect(outcome.answered.size).toBe([...outcome.answered].filter((id) => seen.has(id)).length);
          expect(origin.connectionCount).toBeGreaterThan(workers * 10);
          if (at === "reuse") {
            expect(seen.size).toBe(outcome.answered.size);
            expect(outcome.failed.size).toBeGreaterThan(0);
          }
          await until(() => proxy.openSockets === 0);
        },
        raceTimeoutMs,
      );
    }
  }

  for (const how of ["fin", "rst"] as const) {
    test(
      `[pool-20] ${how.toUpperCase()} on each of many idle connections of one client, as it is used again`,
      async () => {
        await using origin = await startOrigin();
        await using proxy = await startFaultProxy({
          port: origin.port,
          plans: (index) => closeWhenIdle({ how, afterResponses: 1 + (index % 3), turns: (index >> 2) % 4 }),
        });
        await using client = newClient();
        const outcome = new Outcome();
        const count = rounds(1000 / workers);
        const work = async (worker: number): Promise<void> => {
          // Workers fall out of step, so that connections lie idle.
          for (let at = 0; at < count; at += 10) {
            await outcome.run(client, `${proxy.url}/`, `${worker} ${at}`, Math.min(10, count - at));
            await settle(worker);
          }
        };
        await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
        outcome.expectOnlyLostPosts();
        expect(origin.repeatedIds).toEqual([]);
        expect(new Set(origin.requests.map(({ id }) => id))).toEqual(outcome.answered);
        expect(client.underWay).toBe(0);
      },
      raceTimeoutMs,
    );
  }

  const ends: readonly RawAnswer["afterwards"][] = [
    "close",
    "reset",
    ...[0, 1, 2, 3].map((closeAfterIdleTurns) => ({ closeAfterIdleTurns })),
  ];

  test(
    "[pool-7] [pool-10] a server that does not say that it closes, each time in another way",
    async () => {
      const limit = 2;
      await using origin = await startRawOrigin((request) => {
        const answer = request.method === "HEAD" ? "HTTP/1.1 200 OK\r\n\r\n" : rawResponse("ok");
        const afterwards = ends[request.connectionIndex % ends.length] ?? "close";
        return request.number < limit ? answer : { bytes: answer, afterwards };
      });
      const outcome = new Outcome();
      const count = rounds(2000 / workers);
      await Promise.all(
        Array.from({ length: workers }, async (_, worker) => {
          await using client = newClient();
          await outcome.run(client, `${origin.url}/`, String(worker), count);
        }),
      );
      outcome.expectOnlyLostPosts();
      // On a connection that it has ended the server reads what it will never answer; that alone may come again.
      const served = origin.requests.filter(({ number }) => number <= limit).map(({ id }) => id);
      expect(new Set(served).size).toBe(served.length);
      const posts = origin.requests.filter(({ method }) => method === "POST").map(({ id }) => id);
      expect(new Set(posts).size).toBe(posts.length);
      await until(() => origin.openConnections === 0);
    },
    raceTimeoutMs,
  );
});
