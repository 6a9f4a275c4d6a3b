/**
 * Content and trailers survive every framing on every transport that keeps the order of its bytes.
 */
import { type Body, isData, type Trailers } from "@sluice/body";
import { type HttpError, HttpRequest, HttpResponse, type HttpVersion } from "@sluice/core";
import type { ServerOptions } from "@sluice/core/http1";
import { manualTurns, microtaskTurns, syncTurns } from "@sluice/util/memory";
import fc from "fast-check";
import { expect, test } from "vitest";
import { join } from "../support/joined.ts";
import {
  announcement,
  type BodyPlan,
  bodyOf,
  bodyPlan,
  contentOf,
  type Field,
  headerMap,
  sentTrailers,
  spelled,
} from "../support/random.ts";
import { propertyTimeoutMs, runs } from "../support/runs.ts";
import { latin1 } from "../support/wire.ts";

const turns = { sync: syncTurns, microtask: microtaskTurns, manual: manualTurns } as const;

const link = fc.record({
  turns: fc.constantFrom("sync" as const, "microtask" as const, "manual" as const),
  tear: fc.option(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 6 }), { nil: undefined }),
  capacityBytes: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.constant(65_536)),
});

const options: fc.Arbitrary<ServerOptions & { readonly requireHost?: never }> = fc.record({
  writeStrategy: fc.constantFrom("auto" as const, "flatten" as const, "queue" as const),
  maxBufferBytes: fc.constantFrom(8192, 417_792),
});

/** Data in one piece, and the trailers behind it. */
interface Content {
  readonly bytes: string;
  readonly trailers: readonly Field[];
}

/** Reads frame by frame: no empty data, nothing behind the trailers, an end that stays one. */
async function read(body: Body): Promise<Content> {
  const chunks: Uint8Array[] = [];
  let trailers: Trailers | undefined;
  for (;;) {
    const hint = body.sizeHint();
    const frame = await body.frame();
    if (frame === null) break;
    expect(trailers).toBeUndefined();
    if (isData(frame)) {
      expect(frame.length).toBeGreaterThan(0);
      expect(frame.length).toBeLessThanOrEqual(hint.upper ?? Number.POSITIVE_INFINITY);
      chunks.push(frame);
    } else {
      trailers = frame;
    }
  }
  expect(body.isEndStream()).toBe(true);
  expect(body.sizeHint().exact).toBe(0);
  expect(body.frame()).toBe(null);
  return { bytes: latin1(Buffer.concat(chunks)), trailers: trailers === undefined ? [] : spelled(trailers.fields) };
}

function sent(plan: BodyPlan, trailers: boolean): Content {
  return { bytes: latin1(contentOf(plan)), trailers: trailers ? lower(sentTrailers(plan)) : [] };
}

function lower(lines: readonly Field[]): Field[] {
  return lines.map(([name, value]) => [name.toLowerCase(), value]);
}

function headersFor(plan: BodyPlan, more: readonly Field[]): ReturnType<typeof headerMap> {
  const names = announcement(plan);
  return headerMap(names === undefined ? more : [...more, ["Trailer", names]]);
}

/** Large enough to meet every buffer on the way, at times. */
const content = fc.oneof({ weight: 5, arbitrary: bodyPlan(400) }, { weight: 1, arbitrary: bodyPlan(20_000) });

test(
  "bytes and trailers arrive whole and in order through any framing, any tearing and any backpressure",
  async () => {
    const scenario = fc.record({
      link,
      client: options,
      server: options,
      upload: content,
      download: content,
      version: fc.constantFrom<HttpVersion>("HTTP/1.1", "HTTP/1.1", "HTTP/1.0"),
      /** The response is sent while the request is still being received. */
      answerEarly: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async (plan) => {
        const old = plan.version === "HTTP/1.0";
        // HTTP/1.0 cannot send a request of unknown length.
        const upload = old ? { ...plan.upload, known: true } : plan.upload;
        const { tear, capacityBytes } = plan.link;
        let uploaded: Promise<Content> | undefined;
        const joined = await join(
          async (request) => {
            uploaded = read(request.body);
            uploaded.catch(() => {});
            if (!plan.answerEarly || old) await uploaded;
            return new HttpResponse(200, headersFor(plan.download, []), bodyOf(plan.download));
          },
          {
            client: plan.client,
            server: plan.server,
            link: { turns: turns[plan.link.turns](), capacityBytes, ...(tear !== undefined && { tear }) },
          },
        );
        const headers = headersFor(upload, [
          ["host", "a"],
          ["te", "trailers"],
          ["connection", "te, keep-alive"],
        ]);
        const request = new HttpRequest("POST", "/", headers, bodyOf(upload)).withVersion(plan.version);
        let downloaded: Content | HttpError | undefined;
        joined.sender
          .send(request)
          .then((response) => read(response.body))
          .then(
            (result) => {
              downloaded = result;
            },
            (error: HttpError) => {
              downloaded = error;
            },
          );
        await joined.run();
        expect(downloaded).toEqual(sent(plan.download, !old));
        expect(await uploaded).toEqual(sent(upload, !old));
        // Until-close framing and nothing else ends the connection.
        expect(joined.sender.isReady).toBe(!(old && !plan.download.known));
        joined.client.abort();
        joined.server.abort();
      }),
      runs(1000),
    );
  },
  propertyTimeoutMs,
);
