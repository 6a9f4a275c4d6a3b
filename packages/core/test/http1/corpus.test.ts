/**
 * Every message of the HTTP/1 corpus through a connection: as one chunk, byte by byte, and cut in two at every place.
 */
import { collect } from "@sluice/body";
import { type HttpError, HttpRequest, HttpResponse, upgradeOn } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { corpora, readCorpus } from "../support/corpus.ts";
import { connectOn, latin1, serveOn } from "../support/wire.ts";

interface Message {
  readonly method?: string;
  readonly target?: string;
  readonly status?: number;
  readonly reason?: string;
  readonly version: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
  readonly trailers: readonly (readonly [string, string])[];
  readonly open?: boolean;
}

interface Case {
  readonly id: string;
  readonly type: "request" | "response";
  readonly input: string;
  readonly eof?: boolean;
  readonly requestMethod?: string;
  readonly expected: {
    readonly verdict: "accept" | "reject" | "either" | "incomplete";
    readonly serverVerdict?: "accept" | "reject" | "either" | "incomplete";
    readonly rejectMessage?: number;
    readonly reasons: readonly { readonly prefer?: string }[];
    readonly serverReasons?: readonly { readonly fatal?: boolean; readonly message?: number }[];
    readonly messages: readonly Message[];
    readonly keepAlive?: boolean;
    readonly stop?: "close" | "upgrade" | "tunnel";
  };
}

/** The corpus is about syntax and framing, not about sizes. */
const unlimited = { maxHeaders: 32_768, maxHeadBytes: 1_000_000, maxBufferBytes: 1_000_000 } as const;

/** What came of feeding a case to a connection, in a form that can be compared. */
interface Outcome {
  readonly messages: readonly string[];
  readonly refused: boolean;
}

const cases = readCorpus<{ readonly cases: readonly Case[] }>("h1").flatMap((file) => file.cases);

describe.skipIf(corpora === undefined)("the HTTP/1 corpus", () => {
  test("is there", () => {
    expect(cases.length).toBeGreaterThan(1000);
  });

  for (const type of ["request", "response"] as const) {
    const feed = type === "request" ? feedServer : feedClient;
    const some = cases.filter((c) => c.type === type);
    for (const verdict of ["accept", "reject", "either", "incomplete"] as const) {
      const chosen = some.filter((c) => (c.expected.serverVerdict ?? c.expected.verdict) === verdict);
      test(`${type}s to ${verdict}: ${chosen.length} cases`, async () => {
        const wrong: string[] = [];
        for (const c of chosen) {
          const input = Buffer.from(c.input, "base64");
          const outcome = await feed(c, [input]);
          const problem = judge(c, verdict, outcome);
          if (problem !== undefined) wrong.push(`${c.id}: ${problem}\n${JSON.stringify(latin1(input).slice(0, 300))}`);
        }
        expect(wrong).toEqual([]);
      });
    }

    test(`${type}s arrive byte by byte, and cut in two at every place, with the same outcome`, async () => {
      const wrong: string[] = [];
      for (const c of some) {
        const input = Buffer.from(c.input, "base64");
        const whole = await feed(c, [input]);
        const single = await feed(
          c,
          Array.from(input, (byte) => Uint8Array.of(byte)),
        );
        if (!same(whole, single)) wrong.push(`${c.id}, byte by byte: ${show(single)} instead of ${show(whole)}`);
        for (let at = 1; at < input.length; at++) {
          const cut = await feed(c, [input.subarray(0, at), input.subarray(at)]);
          if (same(whole, cut)) continue;
          wrong.push(`${c.id}, cut at ${at}: ${show(cut)} instead of ${show(whole)}`);
          break;
        }
      }
      expect(wrong).toEqual([]);
    }, 300_000);
  }
});

/** Lets every promise that can settle do so. */
function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What is wrong with an outcome, if anything. */
function judge(c: Case, verdict: string, outcome: Outcome): string | undefined {
  const expected = c.expected.messages.filter((message) => message.open !== true || c.eof === true).map(canonical);
  switch (verdict) {
    case "accept":
      if (outcome.refused) return `refused, got ${show(outcome)}`;
      break;
    case "reject": {
      if (!outcome.refused) return `not refused, got ${show(outcome)}`;
      // Messages before the bad one are good and are taken, unless they hold something else that may be refused.
      const before = expected.slice(0, badMessage(c));
      const lenient = c.expected.reasons.some((reason) => reason.prefer === "reject");
      const taken = startsWith(before, outcome.messages) && (lenient || before.length <= outcome.messages.length);
      return taken ? undefined : `before the refusal: ${show(outcome)}`;
    }
    case "either":
      if (outcome.refused) return undefined;
      break;
    default:
      break;
  }
  if (c.expected.messages.some((message) => message.open)) return undefined;
  const equal = JSON.stringify(outcome.messages) === JSON.stringify(expected);
  return equal ? undefined : `got ${show(outcome)}\nexpected ${JSON.stringify(expected)}`;
}

/** Which of the pipelined messages must be refused. */
function badMessage(c: Case): number {
  const server = (c.expected.serverReasons ?? []).filter((reason) => reason.fatal).map((reason) => reason.message ?? 0);
  const indexes = c.expected.rejectMessage === undefined ? server : [c.expected.rejectMessage, ...server];
  return indexes.length === 0 ? 0 : Math.min(...indexes);
}

function startsWith(all: readonly string[], start: readonly string[]): boolean {
  return start.every((message, index) => all[index] === message);
}

function canonical(message: Message): string {
  if (message.status !== undefined && message.status < 200 && message.status !== 101) return interim(message);
  const body = latin1(Buffer.from(message.body, "base64"));
  const lower = (fields: Message["headers"]): (readonly [string, string])[] =>
    fields.map(([name, value]) => [name.toLowerCase(), value] as const);
  const { method, target, status, reason } = message;
  // RFC 9110 2.5: a higher minor version is handled as the highest known one.
  const version = /^1\.[1-9]$/.test(message.version) ? "1.1" : message.version;
  return JSON.stringify({
    start: method === undefined ? [version, status, reason] : [method, target, version],
    headers: lower(message.headers),
    body,
    trailers: lower(message.trailers),
  });
}

function interim(message: { readonly status?: number | undefined; readonly headers: Message["headers"] }): string {
  const headers = message.headers.map(([name, value]) => [name.toLowerCase(), value]);
  return JSON.stringify({ status: message.status, headers });
}

function same(a: Outcome, b: Outcome): boolean {
  return a.refused === b.refused && JSON.stringify(a.messages) === JSON.stringify(b.messages);
}

function show(outcome: Outcome): string {
  return `${outcome.refused ? "refused after " : ""}${JSON.stringify(outcome.messages)}`;
}

async function feedServer(c: Case, chunks: readonly Uint8Array[]): Promise<Outcome> {
  const messages: string[] = [];
  const server = serveOn(
    async (request) => {
      const collected = collect(request.body);
      const body = latin1(await collected.bytes());
      const trailers = await collected.trailers();
      const start = [request.method, request.target.toString(), request.version.slice(5)];
      messages.push(JSON.stringify({ start, headers: [...request.headers], body, trailers: [...(trailers ?? [])] }));
      const upgrade = c.expected.stop === "upgrade" && request.version === "HTTP/1.1";
      if (!upgrade && request.method !== "CONNECT") return new HttpResponse(200);
      upgradeOn(request).then(
        (io) => io.abort(),
        () => {},
      );
      return new HttpResponse(request.method === "CONNECT" ? 200 : 101);
    },
    { ...unlimited, halfClose: true },
  );
  for (const chunk of chunks) {
    server.io.push(chunk);
    // The connection lets others have their turn after a number of chunks.
    server.timer.advance(0);
  }
  if (c.eof === true) server.io.push(null);
  for (let before = -1; before !== server.io.remaining + messages.length; ) {
    before = server.io.remaining + messages.length;
    server.timer.advance(0);
    await quiet();
  }
  // A refused connection lingers for the peer's end; the clock lets it go.
  server.timer.advance(2_500);
  await quiet();
  const error = server.outcome ?? undefined;
  server.connection.abort();
  return { messages, refused: error !== undefined && error.kind !== "incomplete" };
}

async function feedClient(c: Case, chunks: readonly Uint8Array[]): Promise<Outcome> {
  const answers = c.expected.messages.filter(
    (message) => (message.status ?? 0) >= 200 || message.status === 101,
  ).length;
  const count = Math.max(1, answers, (c.expected.rejectMessage ?? 0) + 1);
  const client = await connectOn({ ...unlimited, pipelining: count });
  const exchanges: string[][] = [];
  let refused = false;
  const method = c.requestMethod ?? "GET";
  const headers = { host: "a", ...(c.expected.stop === "tunnel" ? { connection: "upgrade", upgrade: "x" } : {}) };
  const target = method === "CONNECT" ? "a:1" : "/";
  for (let i = 0; i < count; i++) {
    const messages: string[] = [];
    exchanges.push(messages);
    const sent = client.sender.send(new HttpRequest(method, target, headers), {
      onInformational: (status, fields) => void messages.push(interim({ status, headers: [...fields] })),
    });
    sent
      .then(async (answer) => {
        const collected = collect(answer.body);
        const body = latin1(await collected.bytes());
        const trailers = await collected.trailers();
        const start = [answer.version.slice(5), answer.status, answer.reason];
        messages.push(JSON.stringify({ start, headers: [...answer.headers], body, trailers: [...(trailers ?? [])] }));
      })
      .catch((error: HttpError) => {
        if (error.kind === "parse" || error.kind === "protocol" || error.kind === "limit") refused = true;
      });
    await quiet();
  }
  for (const chunk of chunks) {
    client.io.push(chunk);
    client.timer.advance(0);
    await quiet();
  }
  if (c.eof === true) client.io.push(null);
  await quiet();
  client.connection.abort();
  return { messages: exchanges.flat(), refused };
}
