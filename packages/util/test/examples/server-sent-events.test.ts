/** server-sent-events.mjs: what subscribers get, what they missed, and how they go. */
import { type Body, collect, isData } from "@sluice/body";
import { HttpRequest, type HttpResponse } from "@sluice/core";
import { expect, test } from "vitest";
import { ask, versions } from "./exchange.ts";
import { type Program, startExample } from "./program.ts";
import { newClient } from "./support.ts";

const publish = async (program: Program, content: string): Promise<unknown[]> => {
  const { status, text } = await ask(program.port, "/events", { method: "POST", content });
  return [status, text];
};

/** Reads on until `text` has come in all. */
async function reads(body: Body, text: string): Promise<void> {
  let all = "";
  while (all.length < text.length) {
    const frame = await body.frame();
    if (frame === null) break;
    if (isData(frame)) all += Buffer.from(frame).toString();
  }
  expect(all).toBe(text);
}

test.each(versions)("server-sent-events.mjs over %s: events as they come, and what was missed", async (version) => {
  await using program = await startExample("server-sent-events.mjs");
  const url = `http://127.0.0.1:${program.port}/events`;
  // Of what is canceled nothing is waited for.
  await using client = newClient({ version, maxDrainBytes: 0 });
  const subscribe = (fields = {}): Promise<HttpResponse> => client.request(HttpRequest.get(url, fields));
  const first = await subscribe();
  expect([first.status, first.headers.get("content-type"), first.headers.get("cache-control")]).toEqual([
    200,
    "text/event-stream",
    "no-store",
  ]);
  await reads(first.body, "retry: 1000\n\n");
  expect(await publish(program, "one")).toEqual([202, "event 1\n"]);
  expect(await publish(program, "two\r\nlines")).toEqual([202, "event 2\n"]);
  await reads(first.body, "id: 1\ndata: one\n\nid: 2\ndata: two\ndata: lines\n\n");
  // One that was here before, one that was not, and one that says what makes no sense.
  const again = await subscribe({ "last-event-id": "1" });
  await reads(again.body, "retry: 1000\n\nid: 2\ndata: two\ndata: lines\n\n");
  await reads((await subscribe()).body, "retry: 1000\n\n");
  await reads((await subscribe({ "last-event-id": "-1e9" })).body, "retry: 1000\n\n");
  expect(await program.printed(4)).toEqual(["joined: 1", "joined: 2", "joined: 3", "joined: 4"]);
  // One leaves, and is forgotten at once: the others are not.
  first.body.cancel();
  expect((await program.printed(5))[4]).toBe("left: 3");
  await publish(program, "three");
  await reads(again.body, "id: 3\ndata: three\n\n");
  // The end of the server is the end of the events.
  const stopped = program.stop();
  expect(await again.body.frame()).toBe(null);
  expect(await stopped).toBe(0);
});

test("server-sent-events.mjs: something is said from time to time", async () => {
  await using program = await startExample("server-sent-events.mjs", "--heartbeat", "20");
  await using client = newClient();
  const { body } = await client.get(`http://127.0.0.1:${program.port}/events`);
  await reads(body, "retry: 1000\n\n: \n\n: \n\n: \n\n");
});

test("server-sent-events.mjs: who does not keep up is cut off, and the others are not", async () => {
  await using program = await startExample("server-sent-events.mjs");
  await using client = newClient();
  const { body } = await client.get(`http://127.0.0.1:${program.port}/events`);
  await reads(body, "retry: 1000\n\n");
  // What it does not read soon stays with the server.
  await using slow = newClient({ version: "http2", http2: { initialWindowBytes: 65_535, adaptiveWindow: false } });
  const unread = await slow.get(`http://127.0.0.1:${program.port}/events`);
  await program.printed(2);
  const text = "x".repeat(10_000);
  let count = 0;
  while (program.lines.length < 3) {
    await publish(program, text);
    count += 1;
    await reads(body, `id: ${count}\ndata: ${text}\n\n`);
    if (count > 300) throw new Error("it was never cut off");
  }
  expect(program.lines).toEqual(["joined: 1", "joined: 2", "left: 1"]);
  // The window, what may wait, and a little that is on its way.
  expect(count).toBeGreaterThan(64);
  expect(count).toBeLessThan(64 + 16);
  await expect(collect(unread.body).bytes()).rejects.toThrow();
  await publish(program, "last");
  await reads(body, `id: ${count + 1}\ndata: last\n\n`);
});

test("server-sent-events.mjs: what else it is asked", async () => {
  await using program = await startExample("server-sent-events.mjs");
  expect((await ask(program.port, "/")).status).toBe(404);
  expect((await ask(program.port, "/events", { method: "PUT" })).fields["allow"]).toBe("GET, POST");
});
