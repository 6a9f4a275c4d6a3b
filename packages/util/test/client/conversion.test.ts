/**
 * A response of HTTP/2 passed on over HTTP/1 by a proxy of a few lines: nothing of its content is lost, however the frames fall.
 *
 * What HTTP/1 drops: trailers, unless the request says `te: trailers` (RFC 9110 6.5.1) and the response announces them in `trailer`.
 */
import { type Body, collect, type Frame, fromIterable, HeaderMap, Trailers } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import type { Client } from "@sluice/util/client";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Origin, startOrigin } from "../support/origin.ts";
import { raceTimeoutMs, rounds } from "./rounds.ts";
import { newClient } from "./support.ts";

/** What the origin answers next: its frames, and field lines. */
interface Answer {
  readonly frames: readonly Frame[];
  readonly fields: Readonly<Record<string, string>>;
}

interface Chain {
  readonly client: Client;
  readonly proxy: Origin;
  answer: Answer;
}

/** Client, HTTP/1; proxy; HTTP/2, origin. */
async function withChain(run: (chain: Chain) => Promise<void>): Promise<void> {
  const chain = { answer: { frames: [], fields: {} } as Answer };
  await using origin = await startOrigin({
    protocol: "http2",
    service: () => new HttpResponse(200, chain.answer.fields, fromIterable(chain.answer.frames)),
  });
  await using inner = newClient({ version: "http2" });
  await using proxy = await startOrigin({
    service: async ({ target, headers }) => {
      const te = headers.get("te");
      const request = HttpRequest.get(`${origin.url}${target.path}`, te === undefined ? {} : { te });
      const { status, headers: fields, body } = await inner.request(request);
      return new HttpResponse(status, fields, body);
    },
  });
  await using client = newClient();
  await run(Object.assign(chain, { client, proxy }));
  expect([client.underWay, inner.underWay]).toEqual([0, 0]);
  expect([origin.connectionCount, proxy.connectionCount]).toEqual([1, 1]);
}

interface Received {
  readonly bytes: Uint8Array;
  readonly trailers: readonly (readonly [string, string])[] | undefined;
  readonly fields: HeaderMap;
}

async function receive({ client, proxy }: Chain, te = true): Promise<Received> {
  const response = await client.request(HttpRequest.get(`${proxy.url}/`, te ? { te: "trailers" } : {}));
  const { bytes, trailers } = await read(response.body);
  return { bytes, trailers, fields: response.headers };
}

async function read(body: Body): Promise<{ bytes: Uint8Array; trailers: [string, string][] | undefined }> {
  const collected = collect(body);
  const trailers = await collected.trailers();
  return { bytes: await collected.bytes(), trailers: trailers === undefined ? undefined : [...trailers] };
}

const trailing: readonly (readonly [string, string])[] = [
  ["x-checksum", "abc"],
  ["x-more", "1"],
];

describe("[pool-14] DATA frames become chunks", () => {
  test(
    "[pool-14] property: any split, empty frames, with trailers announced, in part or not",
    async () => {
      await withChain(async (chain) => {
        const piece = fc.oneof(
          { weight: 5, arbitrary: fc.uint8Array({ maxLength: 200 }) },
          { weight: 1, arbitrary: fc.nat(70_000).map((size) => new Uint8Array(size).fill(size)) },
        );
        const announced = fc.constantFrom(undefined, "x-checksum", "x-more, x-checksum", "x-other");
        await fc.assert(
          fc.asyncProperty(
            fc.array(piece, { maxLength: 12 }),
            fc.boolean(),
            announced,
            fc.boolean(),
            async (pieces, hasTrailers, trailer, te) => {
              const frames: Frame[] = pieces.map((it) => it.slice());
              if (hasTrailers) frames.push(new Trailers(new HeaderMap(trailing)));
              chain.answer = { frames, fields: trailer === undefined ? {} : { trailer } };
              const { bytes, trailers } = await receive(chain, te);
              expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
              const kept = trailing.filter(([name]) => hasTrailers && te && trailer?.split(", ").includes(name));
              expect(trailers ?? []).toEqual(kept);
            },
          ),
          { numRuns: rounds(150) },
        );
      });
    },
    raceTimeoutMs,
  );

  test("[pool-14] 10 MiB", async () => {
    await withChain(async (chain) => {
      const content = Uint8Array.from({ length: 10 * 1024 * 1024 }, (_, i) => (i * 31 + (i >> 10)) & 0xff);
      const frames: Frame[] = [];
      for (let at = 0, size = 1; at < content.length; at += size, size = (size * 7 + 11) % 100_003) {
        frames.push(content.slice(at, at + size), new Uint8Array(0));
      }
      chain.answer = {
        frames: [...frames, new Trailers(new HeaderMap(trailing))],
        fields: { trailer: "x-checksum, x-more" },
      };
      const { bytes, trailers } = await receive(chain);
      expect(Buffer.compare(bytes, content)).toBe(0);
      expect(trailers).toEqual(trailing);
    });
  });

  test("[pool-14] a length that HTTP/2 tells is kept, and then there are no chunks and no trailers", async () => {
    await withChain(async (chain) => {
      chain.answer = {
        frames: [new Uint8Array(5), new Uint8Array(0), new Uint8Array(7)],
        fields: { "content-length": "12" },
      };
      const { bytes, fields, trailers } = await receive(chain);
      expect([bytes.length, fields.get("content-length"), fields.get("transfer-encoding"), trailers]).toEqual([
        12,
        "12",
        undefined,
        undefined,
      ]);
    });
  });
});
