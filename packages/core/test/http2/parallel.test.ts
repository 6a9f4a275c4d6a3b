/**
 * Many exchanges at a time between a client and a server, and through a proxy made of both.
 */
import { type Body, collect, fromIterable, full } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { contentOf } from "../support/wire.ts";
import { type Joined, join } from "./support/joined.ts";

const text = "hello, world; ".repeat(1_000);

/** Answers with what was asked: method, path, the content's length as said, and the content. */
async function tell(request: HttpRequest): Promise<HttpResponse> {
  const said = request.headers.get("content-length") ?? "none";
  const content = await collect(request.body).bytes();
  const start = new TextEncoder().encode(`${request.method} ${request.target.pathAndQuery} ${said}\n`);
  return new HttpResponse(200, {}, fromIterable([start, content]));
}

/** A proxy: a server whose service sends each request on, and gives the response back. */
async function throughProxy(): Promise<{ readonly front: Joined; run(): Promise<void> }> {
  const back = await join(tell);
  const front = await join((request) => {
    const { method, target, headers, body } = request;
    return back.sender.send(new HttpRequest(method, target, headers.clone(), body));
  });
  const run = async (): Promise<void> => {
    for (let round = 0; round < 20; round++) {
      await front.run();
      await back.run();
    }
  };
  return { front, run };
}

async function direct(): Promise<{ readonly front: Joined; run(): Promise<void> }> {
  const front = await join(tell);
  return { front, run: front.run };
}

describe.each([
  ["directly", direct],
  ["through a proxy", throughProxy],
])("%s", (_, make) => {
  test.each<[string, string, () => Body | undefined, string]>([
    ["GET", "GET", () => undefined, "none"],
    ["POST with a length", "POST", () => full(text), String(text.length)],
    ["POST without one", "POST", () => fromIterable([text.slice(0, 5_000), text.slice(5_000)]), "none"],
  ])("[hyper-200] ten at a time: %s", async (_name, method, body, said) => {
    const { front, run } = await make();
    const responses = Array.from({ length: 10 }, (_value, at) =>
      front.sender.send(new HttpRequest(method, `http://a.test/${at}`, {}, body())),
    );
    const contents = responses.map(async (response) => contentOf((await response).body));
    await run();
    const expected = responses.map((_value, at) => `${method} /${at} ${said}\n${method === "GET" ? "" : text}`);
    expect(await Promise.all(contents)).toEqual(expected);
    front.client.gracefulShutdown();
    await run();
    await Promise.all([front.client.closed, front.server.closed]);
  });
});
