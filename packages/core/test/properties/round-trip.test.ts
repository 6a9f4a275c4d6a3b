/**
 * What one end writes the other reads as the same message: every start line, field, body and trailer that can be sent.
 */
import { collect, type HeaderMap } from "@sluice/body";
import { HttpRequest, HttpResponse, type HttpVersion, upgradeOn } from "@sluice/core";
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
  fields,
  headerMap,
  hostField,
  lengthOf,
  method,
  phrase,
  sentTrailers,
  spelled,
  targetFor,
} from "../support/random.ts";
import { propertyTimeoutMs, runs } from "../support/runs.ts";

interface RequestPlan {
  readonly method: string;
  readonly target: string;
  readonly version: HttpVersion;
  readonly fields: readonly Field[];
  readonly body: BodyPlan;
  readonly keepAlive: boolean;
  readonly takesTrailers: boolean;
}

interface ResponsePlan {
  readonly status: number;
  readonly reason: string | undefined;
  readonly fields: readonly Field[];
  readonly body: BodyPlan;
}

const requestPlan: fc.Arbitrary<RequestPlan> = method.chain((name) =>
  fc.record({
    method: fc.constant(name),
    target: targetFor(name),
    version: fc.constantFrom<HttpVersion>("HTTP/1.1", "HTTP/1.1", "HTTP/1.0"),
    fields: fc
      .tuple(fields, fc.nat(8), fc.constantFrom("host", "Host", "HOST"), hostField)
      .map(([lines, at, spelling, value]) => [...lines.slice(0, at), [spelling, value] as const, ...lines.slice(at)]),
    body: bodyPlan(300),
    keepAlive: fc.boolean(),
    takesTrailers: fc.boolean(),
  }),
);

const responsePlan: fc.Arbitrary<ResponsePlan> = fc.record({
  status: fc.oneof(fc.constantFrom(200, 204, 205, 304, 404), fc.integer({ min: 200, max: 999 })),
  reason: fc.option(phrase, { nil: undefined }),
  fields,
  body: bodyPlan(300),
});

/** The message as one side meant it and as the other side got it. */
interface Message {
  readonly start: readonly unknown[];
  readonly fields: readonly Field[];
  readonly body: readonly number[];
  readonly trailers: readonly Field[];
}

function announced(plan: BodyPlan): Field[] {
  const names = announcement(plan);
  return names === undefined ? [] : [["trailer", names]];
}

/** The fields that go out: those of the plan, and behind them those that describe the framing. */
function sentRequest(plan: RequestPlan): Message {
  const old = plan.version === "HTTP/1.0";
  const length = plan.body.known ? lengthOf(plan.body) : undefined;
  const unsized = length === undefined && !["GET", "HEAD"].includes(plan.method);
  const trailing = length !== undefined && sentTrailers(plan.body).length > 0;
  const chunked = !old && plan.method !== "CONNECT" && (unsized || trailing);
  const sized = length !== undefined && plan.method !== "CONNECT" && !chunked;
  const framing: Field[] = chunked ? [["transfer-encoding", "chunked"], ...announced(plan.body)] : [];
  const said = length !== 0 || ["POST", "PUT", "PATCH"].includes(plan.method);
  if (sized && said) framing.push(["content-length", String(length)]);
  return {
    start: [plan.method, plan.target, plan.version],
    fields: [...extra(plan), ...plan.fields, ...framing],
    body: chunked || sized ? [...contentOf(plan.body)] : [],
    trailers: chunked ? sentTrailers(plan.body) : [],
  };
}

/** What the request asks of its connection. */
function extra(plan: RequestPlan): Field[] {
  const options = [...(plan.keepAlive ? ["keep-alive"] : []), ...(plan.takesTrailers ? ["te"] : [])];
  const lines: Field[] = options.length === 0 ? [] : [["connection", options.join(", ")]];
  if (plan.takesTrailers) lines.push(["te", "trailers"]);
  return lines;
}

function sentResponse(plan: ResponsePlan, request: RequestPlan): Message {
  const old = request.version === "HTTP/1.0";
  const { status } = plan;
  const length = plan.body.known ? lengthOf(plan.body) : undefined;
  const tunnel = request.method === "CONNECT" && status < 300;
  const silent = tunnel || status === 204;
  const bodyless = silent || status === 205 || status === 304 || request.method === "HEAD";
  const framing: Field[] = [];
  const trailing = request.takesTrailers && sentTrailers(plan.body).length > 0;
  const chunked = !bodyless && !old && (length === undefined || trailing);
  if (status === 205 && !silent) framing.push(["content-length", "0"]);
  else if (chunked) framing.push(["transfer-encoding", "chunked"], ...announced(plan.body));
  else if (length !== undefined && !silent && status !== 304 && !(bodyless && length === 0)) {
    framing.push(["content-length", String(length)]);
  }
  const untilClose = length === undefined && !bodyless && old;
  if (!tunnel) {
    if (old && (!request.keepAlive || untilClose)) framing.push(["connection", "close"]);
    else if (old) framing.push(["connection", "keep-alive"]);
  }
  return {
    start: [status, plan.reason ?? new HttpResponse(status).reason, request.version],
    fields: [...plan.fields, ...framing],
    body: bodyless ? [] : [...contentOf(plan.body)],
    trailers: chunked && request.takesTrailers ? sentTrailers(plan.body) : [],
  };
}

/** What is sent and what is received, in the spelling that the options make of it. */
function inSpelling(message: Message, kept: boolean): Message {
  const lower = (lines: readonly Field[]): Field[] =>
    lines.map(([name, value]) => [kept ? name : name.toLowerCase(), value]);
  return { ...message, fields: lower(message.fields), trailers: lower(message.trailers) };
}

async function received(
  start: readonly unknown[],
  headers: HeaderMap,
  body: Parameters<typeof collect>[0],
): Promise<Message> {
  const collected = collect(body);
  const bytes = [...(await collected.bytes())];
  const trailers = await collected.trailers();
  return { start, fields: spelled(headers), body: bytes, trailers: trailers === undefined ? [] : spelled(trailers) };
}

test(
  "a message that is sent is received as it was, in both directions, exchange after exchange",
  async () => {
    const exchanges = fc.array(fc.tuple(requestPlan, responsePlan), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(exchanges, fc.boolean(), async (plans, preserveHeaderCase) => {
        const seen: Promise<Message>[] = [];
        const answers = plans.map(([, plan]) => plan);
        const call = async (request: HttpRequest): Promise<HttpResponse> => {
          const start = [request.method, request.target.toString(), request.version];
          const message = received(start, request.headers, request.body);
          seen.push(message);
          await message;
          const plan = answers[seen.length - 1] as ResponsePlan;
          const headers = headerMap(plan.fields);
          for (const [name, value] of announced(plan.body)) headers.append(name, value);
          const response = new HttpResponse(plan.status, headers, bodyOf(plan.body));
          return plan.reason === undefined ? response : response.withReason(plan.reason);
        };
        const joined = await join(call, { client: { preserveHeaderCase }, server: { preserveHeaderCase } });
        for (const [index, [plan, answer]] of plans.entries()) {
          if (!joined.sender.isReady) break;
          const headers = headerMap([...extra(plan), ...plan.fields]);
          for (const [name, value] of announced(plan.body)) headers.append(name, value);
          const request = new HttpRequest(plan.method, plan.target, headers, bodyOf(plan.body));
          const sending = joined.sender.send(request.withVersion(plan.version));
          const got = sending.then((response) =>
            received([response.status, response.reason, response.version], response.headers, response.body),
          );
          got.catch(() => {});
          await joined.run();
          const response = await settled(got, "the response");
          expect(await settled(seen[index], "the request")).toEqual(inSpelling(sentRequest(plan), preserveHeaderCase));
          expect(response).toEqual(inSpelling(sentResponse(answer, plan), preserveHeaderCase));
          if (plan.method === "CONNECT" && answer.status < 300) {
            (await settled(sending.then(upgradeOn), "the tunnel")).abort();
          }
        }
        joined.client.abort();
        joined.server.abort();
        expect(joined.timer.pending).toBeLessThanOrEqual(1);
      }),
      runs(2500),
    );
  },
  propertyTimeoutMs,
);

/** The value of a promise that must have settled by now. */
async function settled<T>(promise: Promise<T> | undefined, what: string): Promise<T> {
  const open = Symbol("open");
  let value: T | typeof open | undefined = open;
  if (promise === undefined) throw new Error(`${what} never came`);
  const waiting = promise.then((result) => {
    value = result;
  });
  await Promise.race([waiting, turns(10)]);
  if (value === open) throw new Error(`${what} did not come`);
  return value as T;
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}
