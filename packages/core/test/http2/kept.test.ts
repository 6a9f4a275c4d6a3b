/**
 * What is over is not kept: objects of streams that have ended can be collected while their connection goes on.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { full } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { expect, test } from "vitest";
import { accepted, acceptH2, awaiting, connectByHand, received, textOf } from "./support/by-hand.ts";
import { connectH2, send } from "./support/client.ts";
import { getRequest } from "./support/exchanges.ts";
import { serveHeld } from "./support/held.ts";
import { get, post, status } from "./support/messages.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Those that are still there once the collector has run. */
async function remaining(objects: Readonly<Record<string, WeakRef<object>>>): Promise<string[]> {
  for (let times = 0; times < 5; times++) {
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
  }
  return Object.keys(objects).filter((name) => objects[name]?.deref() !== undefined);
}

test("by hand on a server: requests that were answered, reset, and never accepted; promises that were reset", async () => {
  const target = await acceptH2({}, { settings: { MAX_CONCURRENT_STREAMS: 1, INITIAL_WINDOW_SIZE: 0 } });
  const objects = await (async () => {
    target.peer.headers(1, post());
    target.peer.data(1, "content", { endStream: true });
    target.peer.headers(3, post());
    target.peer.data(3, "content");
    const [one, three] = [await accepted(target), await accepted(target)];
    await textOf(one.body);
    const holder = three.respond.pushRequest(getRequest()).sendResponse(new HttpResponse(200));
    const pushed = three.respond.pushRequest(getRequest());
    const ready = awaiting(pushed.ready());
    const send = one.respond.sendResponse(new HttpResponse(200));
    const wanted = awaiting(send.reserveCapacity(10));
    target.peer.headers(5, get("/never-accepted"), { endStream: true });
    await target.run();
    for (const id of [1, 3, 4, 5]) target.peer.rst(id, "CANCEL");
    await target.run();
    expect([ready.now, wanted.now, holder.state]).toEqual([
      "incomplete STREAM_RESET CANCEL",
      "incomplete STREAM_RESET CANCEL",
      "half-closed (remote)",
    ]);
    return {
      request: new WeakRef(one.request),
      body: new WeakRef(one.body),
      respond: new WeakRef(one.respond),
      send: new WeakRef(send),
      reset: new WeakRef(three),
      pushed: new WeakRef(pushed),
    };
  })();
  target.peer.take();
  expect(await remaining(objects)).toEqual([]);
  expect(target.connection.streams).toMatchObject({ local: 1, remote: 0 });
});

test("by hand on a client: requests and their responses", async () => {
  const target = await connectByHand({}, { settings: { INITIAL_WINDOW_SIZE: 0 } });
  const objects = await (async () => {
    const request = HttpRequest.post("http://a.test/");
    const sent = target.client.sendRequest(request);
    const wanted = awaiting(sent.send.reserveCapacity(10));
    target.peer.headers(1, status(200));
    target.peer.data(1, "content");
    const { head, body } = await received(target, sent.response);
    sent.send.onReset(() => {});
    sent.send.sendData(new Uint8Array(10));
    sent.send.sendReset();
    await target.run();
    expect(wanted.now).toBe("canceled STREAM_CANCELED CANCEL");
    return {
      request: new WeakRef(request),
      sent: new WeakRef(sent),
      send: new WeakRef(sent.send),
      head: new WeakRef(head),
      body: new WeakRef(body),
    };
  })();
  target.peer.take();
  expect(await remaining(objects)).toEqual([]);
});

test("pushes of a service that wait for a stream and are reset", async () => {
  const { server, call, calls } = await serveHeld(
    {},
    { settings: { MAX_CONCURRENT_STREAMS: 1, INITIAL_WINDOW_SIZE: 0 } },
  );
  server.peer.headers(1, get(), { endStream: true });
  await server.run();
  const objects = await (async () => {
    const pusher = call(0).request.extensions.get(http2.pusherKey);
    pusher?.push(getRequest()).respond(new HttpResponse(200, {}, full("holds the one stream there is")));
    const pushed = pusher?.push(getRequest());
    const response = new HttpResponse(200, {}, full("waits"));
    pushed?.respond(response);
    await server.run();
    server.peer.rst(4, "CANCEL");
    await server.run();
    if (pushed === undefined) throw new Error("the request has no pusher");
    return { pushed: new WeakRef(pushed), response: new WeakRef(response) };
  })();
  server.peer.take();
  expect(await remaining(objects)).toEqual([]);
  expect([server.connection.streams.local, calls.length]).toEqual([1, 1]);
});

test("pushes that a client took, and the request they belong to", async () => {
  const pushes: http2.PushPromise[] = [];
  const client = await connectH2({
    onPush: (promise) => {
      promise.response();
      pushes.push(promise);
    },
  });
  const objects = await (async () => {
    const sent = send(client, getRequest());
    await client.run();
    client.peer.pushPromise(1, 2, get("/style.css"));
    client.peer.headers(2, status(200), { endStream: true });
    client.peer.headers(1, status(200), { endStream: true });
    await client.run();
    const promise = pushes.pop();
    if (promise === undefined || sent.response === undefined) throw new Error("nothing was pushed");
    return {
      promise: new WeakRef(promise),
      request: new WeakRef(promise.request),
      response: new WeakRef(sent.response),
    };
  })();
  client.peer.take();
  expect(await remaining(objects)).toEqual([]);
});
