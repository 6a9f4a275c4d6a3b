/**
 * The sender: what it takes and when, what it hands back, giving up by signal, and pipelining.
 */
import { getEventListeners } from "node:events";
import { channel, collect, fromIterable, full } from "@sluice/body";
import { type HttpError, HttpRequest } from "@sluice/core";
import type * as http1 from "@sluice/core/http1";
import { describe, expect, test } from "vitest";
import {
  closedCleanly,
  counted,
  exchange,
  gaveUp,
  get,
  getWire,
  okWire,
  open,
  post,
  stateOf,
  stateOfPromise,
} from "../support/client.ts";
import { bytes, connectOn, contentOf, rejection, settle } from "../support/wire.ts";

const long = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello";

/** What `trySend` made of a request: the error, and whether the request came back. */
async function tried(sender: http1.Sender, request: HttpRequest, options?: http1.SendOptions): Promise<string> {
  const outcome = await sender.trySend(request, options);
  if ("response" in outcome) return `${outcome.response.status}`;
  const back = outcome.request === undefined ? "gone" : outcome.request === request ? "back" : "another";
  return `${outcome.error.kind} ${outcome.error.code}, ${back}`;
}

describe("one request at a time", () => {
  test("[hyper-172] a second request while one is under way is refused as canceled; the first goes on undisturbed", async () => {
    const client = await connectOn();
    const first = client.sender.send(get());
    const error = await rejection(client.sender.send(get("/2")));
    expect([error.kind, error.code]).toEqual(["canceled", "NOT_READY"]);
    client.io.push(okWire);
    expect((await first).status).toBe(200);
    expect(client.io.writtenText).toBe(getWire);
    expect(stateOf(client)).toEqual(open);
  });

  test("not before the response was read to its end, and the request sent to its end", async () => {
    const client = await connectOn();
    const { sender: upload, body } = channel(1);
    const { body: content } = await exchange(client, post(body), long);
    expect(client.sender.isReady).toBe(false);
    client.io.push("world");
    await collect(content).bytes();
    expect(client.sender.isReady).toBe(false);
    upload.close();
    await settle();
    expect(stateOf(client)).toEqual(open);
  });

  test("[hyper-175] not ready while the last request still waits to leave; ready when the transport took it", async () => {
    const client = await connectOn({}, { capacityBytes: 1 });
    await exchange(client, get(), okWire);
    expect([client.sender.isReady, client.sender.isClosed]).toEqual([false, false]);
    const ready = client.sender.ready();
    expect(await tried(client.sender, get("/2"))).toBe("canceled NOT_READY, back");
    expect(await stateOfPromise(ready)).toBe("pending");
    client.io.drain();
    expect(await stateOfPromise(ready)).toBe("resolved");
    expect(client.sender.isReady).toBe(true);
    expect(client.io.writtenText).toBe(getWire);
  });

  test("[hyper-175] who waited during the exchange is told when the transport has room, not before", async () => {
    const client = await connectOn({}, { capacityBytes: 1 });
    const response = client.sender.send(get());
    const ready = client.sender.ready();
    client.io.push(okWire);
    await response;
    expect(await stateOfPromise(ready)).toBe("pending");
    client.io.drain();
    expect(await stateOfPromise(ready)).toBe("resolved");
  });

  test("ready() resolves at once, when the exchange is over, or rejects when there will be no other", async () => {
    const client = await connectOn();
    await client.sender.ready();
    const response = client.sender.send(get());
    const ready = client.sender.ready();
    expect(await stateOfPromise(ready)).toBe("pending");
    client.io.push(okWire);
    await response;
    await ready;
    void client.sender.send(get());
    const never = client.sender.ready();
    client.io.push(okWire.replace("200 OK", "200 OK\r\nconnection: close"));
    expect((await rejection(never)).kind).toBe("closed");
    expect((await rejection(client.sender.ready())).code).toBe("CLOSED");
  });

  test("ready() rejects when the connection fails, with the reason as cause", async () => {
    const client = await connectOn();
    const response = client.sender.send(get());
    const ready = client.sender.ready();
    client.io.push("garbage\r\n");
    const reason = await rejection(response);
    expect((await rejection(ready)).cause).toBe(reason);
  });
});

describe("trySend", () => {
  test("[hyper-173] a connection that is dead hands the request back, its body untouched", async () => {
    const client = await connectOn();
    client.io.push(null);
    const body = counted(full("x"));
    expect(await tried(client.sender, post(body))).toBe("closed CLOSED, back");
    expect([body.asked, body.canceled]).toEqual([0, 0]);
  });

  test("[hyper-174] a request that was not taken comes back: connection busy, signal aborted, nothing to be sent", async () => {
    const client = await connectOn();
    const aborted = AbortSignal.abort(new Error("early"));
    const body = counted(full("x"));
    expect(await tried(client.sender, post(body), { signal: aborted })).toBe("canceled CANCELED, back");
    expect(await tried(client.sender, HttpRequest.get("/"))).toBe("user INVALID_HOST, back");
    expect(stateOf(client)).toEqual(open);
    void client.sender.send(get()).catch(() => {});
    expect(await tried(client.sender, post(body))).toBe("canceled NOT_READY, back");
    expect([body.asked, body.canceled]).toEqual([0, 0]);
    expect(client.io.writtenText).toBe(getWire);
    expect(getEventListeners(aborted, "abort").length).toBe(0);
  });

  test("a request of which anything was written does not come back", async () => {
    for (const end of [null, "garbage\r\n", new Error("cut")]) {
      const client = await connectOn();
      const outcome = tried(client.sender, get());
      client.io.push(end);
      expect(await outcome).toMatch(/, gone$/);
    }
  });

  test("nor one whose body was asked, though nothing was written", async () => {
    const client = await connectOn();
    const body = counted(full("x"));
    body.frame = () => {
      throw new Error("panic");
    };
    expect(await tried(client.sender, post(body))).toBe("user BODY_FAILED, gone");
    expect(client.io.writtenText).toBe("");
  });

  test("a response is handed out as it is", async () => {
    const client = await connectOn();
    const outcome = tried(client.sender, get());
    client.io.push(okWire);
    expect(await outcome).toBe("200");
  });

  test("time limits that make no sense are a RangeError for both ways of sending; nothing is written", async () => {
    const client = await connectOn();
    const options = { timeouts: { headTimeoutMs: -1 } };
    await expect(client.sender.send(get(), options)).rejects.toThrow(RangeError);
    await expect(client.sender.trySend(get(), options)).rejects.toThrow(/^headTimeoutMs must be/);
    expect(client.io.writtenText).toBe("");
    expect(stateOf(client)).toEqual(open);
  });

  test("[hyper-171] server bytes before a request was written are no answer to it: the connection ends, the request comes back", async () => {
    let second: Promise<string> | undefined;
    const client = await connectOn({
      observer: {
        exchangeEnded: () => {
          second ??= tried(client.sender, get("/2"));
        },
      },
    });
    const first = await exchange(client, get(), `${okWire}HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n`);
    expect(first.status).toBe(200);
    expect(await second).toBe("canceled UNSENT, back");
    expect(client.io.writtenText).toBe(getWire);
    expect(stateOf(client)).toEqual(gaveUp("protocol UNEXPECTED_MESSAGE"));
  });

  test("content that waits for 100 comes back untouched with a request that was not written", async () => {
    const body = counted(full("x"));
    let second: Promise<string> | undefined;
    const client = await connectOn({
      observer: {
        exchangeEnded: () => {
          second ??= tried(client.sender, post(body, { expect: "100-continue" }));
        },
      },
    });
    await exchange(client, get(), `${okWire}HTTP/1.1 100 Continue\r\n\r\n`);
    expect(await second).toBe("canceled UNSENT, back");
    expect([body.asked, body.canceled]).toEqual([0, 0]);
  });

  test("an observer that aborts at the sight of a request: it comes back, its body untouched", async () => {
    const body = counted(fromIterable([bytes("x")]));
    const client = await connectOn({ observer: { requestStarted: () => client.connection.abort() } });
    expect(await tried(client.sender, post(body))).toBe("canceled UNSENT, back");
    expect([body.asked, body.canceled, client.io.writtenText]).toEqual([0, 0, ""]);
    expect(client.timer.pending).toBe(0);
  });
});

describe("bytes that belong to no request", () => {
  test("[hyper-171] on an idle connection they poison it: nothing is sent on it any more", async () => {
    const client = await connectOn();
    client.io.push("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    expect(await tried(client.sender, get())).toBe("closed CLOSED, back");
    await settle();
    expect(stateOf(client)).toEqual(gaveUp("protocol UNEXPECTED_MESSAGE"));
    expect(client.io.writtenText).toBe("");
  });

  test("[hyper-109] behind the answer they do not disturb it, and are never taken for the next", async () => {
    for (const [reply, content] of [
      [`HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello`, "hello"],
      [`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`, "hello"],
      [okWire, ""],
    ] as const) {
      const client = await connectOn();
      const response = await exchange(client, get(), `${reply}HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n`);
      expect([response.status, await contentOf(response.body)]).toEqual([200, content]);
      expect((await rejection(client.sender.send(get()))).kind).toBe("closed");
      await settle();
      expect(stateOf(client)).toEqual(gaveUp("protocol UNEXPECTED_MESSAGE"));
    }
  });

  test("an answer that is whole before the request is: what follows is not taken for another answer", async () => {
    const client = await connectOn();
    const { body } = channel(1);
    const response = await exchange(client, post(body), `${okWire}HTTP/1.1 201 Created\r\n`);
    expect(response.status).toBe(200);
    await settle();
    expect(stateOf(client)).toEqual(gaveUp("protocol UNEXPECTED_MESSAGE"));
  });

  test("content behind an answer to HEAD poisons the connection", async () => {
    const client = await connectOn();
    const request = HttpRequest.head("/", { host: "a.test" });
    await exchange(client, request, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
    await settle();
    expect(stateOf(client)).toEqual(gaveUp("protocol UNEXPECTED_MESSAGE"));
  });
});

describe("an AbortSignal", () => {
  test("before: nothing is written, the reason is the cause, the connection stays as it was", async () => {
    const client = await connectOn();
    const reason = new Error("never mind");
    const error = await rejection(client.sender.send(get(), { signal: AbortSignal.abort(reason) }));
    expect([error.kind, error.code, error.cause]).toEqual(["canceled", "CANCELED", reason]);
    expect(client.io.writtenText).toBe("");
    expect(stateOf(client)).toEqual(open);
  });

  test("while the answer is awaited: the request rejects and the connection is given up; the body is cancelled", async () => {
    const client = await connectOn();
    const controller = new AbortController();
    const body = counted(channel(1).body);
    const response = client.sender.send(post(body), { signal: controller.signal });
    expect(getEventListeners(controller.signal, "abort").length).toBe(1);
    controller.abort(new Error("never mind"));
    expect((await rejection(response)).code).toBe("CANCELED");
    await settle();
    expect(stateOf(client)).toEqual(gaveUp("canceled CANCELED"));
    expect(body.canceled).toBe(1);
    expect(getEventListeners(controller.signal, "abort").length).toBe(0);
  });

  test("while the content is read: the reader gets the error", async () => {
    const client = await connectOn();
    const controller = new AbortController();
    const { body } = await exchange(client, get(), long, { signal: controller.signal });
    await body.frame();
    const next = body.frame() as Promise<unknown>;
    controller.abort();
    expect((await rejection(next)).code).toBe("CANCELED");
    await settle();
    expect(stateOf(client)).toEqual(gaveUp("canceled CANCELED"));
    expect(getEventListeners(controller.signal, "abort").length).toBe(0);
  });

  test("after: nobody listens any more, and nothing happens", async () => {
    const client = await connectOn();
    const controller = new AbortController();
    await exchange(client, get(), okWire, { signal: controller.signal });
    expect(getEventListeners(controller.signal, "abort").length).toBe(0);
    controller.abort();
    await settle();
    expect(stateOf(client)).toEqual(open);
  });

  test("one signal for many requests: each listens only while it is under way", async () => {
    const client = await connectOn({ pipelining: 3 });
    const { signal } = new AbortController();
    const responses = [1, 2, 3].map(() => client.sender.send(get(), { signal }));
    expect(getEventListeners(signal, "abort").length).toBe(3);
    client.io.push(okWire + okWire);
    await Promise.all(responses.slice(0, 2));
    expect(getEventListeners(signal, "abort").length).toBe(1);
    client.io.push(null);
    await rejection(responses[2] as Promise<unknown>);
    expect(getEventListeners(signal, "abort").length).toBe(0);
  });
});

describe("pipelining", () => {
  const reply = (content: string, ...fields: string[]) =>
    ["HTTP/1.1 200 OK", `content-length: ${content.length}`, ...fields, "", content].join("\r\n");

  test("requests leave without waiting, and are answered in their order", async () => {
    const client = await connectOn({ pipelining: 3 });
    const [a, b, c] = ["/a", "/b", "/c"].map((path) => client.sender.send(get(path)));
    expect(client.io.writes.length).toBe(3);
    expect(client.io.writtenText).toBe(["/a", "/b", "/c"].map((path) => getWire.replace("/ ", `${path} `)).join(""));
    expect(client.sender.isReady).toBe(false);
    client.io.push(reply("A") + reply("B") + reply("C"));
    expect(await contentOf((await (a as NonNullable<typeof a>)).body)).toBe("A");
    expect(await contentOf((await (b as NonNullable<typeof b>)).body)).toBe("B");
    expect(await contentOf((await (c as NonNullable<typeof c>)).body)).toBe("C");
    expect(stateOf(client)).toEqual(open);
  });

  test("the later answer is not handed out before the content of the earlier was read", async () => {
    const client = await connectOn({ pipelining: 2 });
    const [a, b] = [client.sender.send(get("/a")), client.sender.send(get("/b"))];
    client.io.push(reply("A") + reply("B"));
    const first = await a;
    expect(await stateOfPromise(b)).toBe("pending");
    await contentOf(first.body);
    expect((await b).status).toBe(200);
  });

  test("not beyond the limit, nor with content, nor methods that may not be repeated, nor behind such", async () => {
    const client = await connectOn({ pipelining: 2 });
    void client.sender.send(get()).catch(() => {});
    const put = new HttpRequest("PUT", "/", { host: "a.test" }, full("x"));
    expect(await tried(client.sender, put)).toBe("canceled NOT_READY, back");
    expect(await tried(client.sender, new HttpRequest("POST", "/", { host: "a.test" }))).toBe(
      "canceled NOT_READY, back",
    );
    void client.sender.send(get()).catch(() => {});
    expect(await tried(client.sender, get())).toBe("canceled NOT_READY, back");

    const behind = await connectOn({ pipelining: 2 });
    void behind.sender.send(post(full("x"))).catch(() => {});
    expect(behind.sender.isReady).toBe(false);
    expect(await tried(behind.sender, get())).toBe("canceled NOT_READY, back");
    const upgrading = await connectOn({ pipelining: 2 });
    void upgrading.sender.send(get("/", { upgrade: "x" })).catch(() => {});
    expect(await tried(upgrading.sender, get())).toBe("canceled NOT_READY, back");
  });

  test("`connection: close` in the middle: that answer stands, the later requests go unanswered", async () => {
    const client = await connectOn({ pipelining: 3 });
    const [a, b, c] = ["/a", "/b", "/c"].map((path) => client.sender.trySend(get(path)));
    client.io.push(reply("A") + reply("B", "connection: close") + reply("C"));
    const first = await a;
    if (first === undefined || !("response" in first)) throw new Error("the first was refused");
    await contentOf(first.response.body);
    const second = await b;
    if (second === undefined || !("response" in second)) throw new Error("the second was refused");
    expect(await contentOf(second.response.body)).toBe("B");
    const third = await c;
    expect(third).toMatchObject({ error: { kind: "incomplete", code: "UNANSWERED" } });
    expect(third !== undefined && "request" in third).toBe(false);
    expect(client.io.isShutdown).toBe(true);
    expect(client.io.isAborted).toBe(false);
    client.io.push(null);
    await settle();
    expect(stateOf(client)).toEqual(closedCleanly);
  });

  test("one that is malformed fails itself and those behind; those before are untouched", async () => {
    const client = await connectOn({ pipelining: 3 });
    const [a, b, c] = ["/a", "/b", "/c"].map((path) => client.sender.send(get(path)));
    client.io.push(`${okWire}garbage\r\n`);
    expect((await (a as NonNullable<typeof a>)).status).toBe(200);
    expect((await rejection(b as NonNullable<typeof b>)).kind).toBe("parse");
    const behind = await rejection(c as NonNullable<typeof c>);
    expect(behind.code).toBe("CONNECTION_LOST");
    expect((behind.cause as HttpError).kind).toBe("parse");
  });

  test("the head timer of a later request begins when it is its turn", async () => {
    const client = await connectOn({ pipelining: 2, headTimeoutMs: 100 });
    const [a, b] = [client.sender.send(get("/a")), client.sender.send(get("/b"))];
    client.timer.advance(90);
    client.io.push(okWire);
    await a;
    client.timer.advance(99);
    expect(await stateOfPromise(b)).toBe("pending");
    client.timer.advance(1);
    expect((await rejection(b)).code).toBe("headTimeoutMs");
  });

  test("a graceful end lets those under way finish and takes no more", async () => {
    const client = await connectOn({ pipelining: 3 });
    const [a, b] = [client.sender.send(get("/a")), client.sender.send(get("/b"))];
    client.connection.gracefulShutdown();
    expect(await tried(client.sender, get())).toBe("closed CLOSED, back");
    client.io.push(okWire + okWire, null);
    expect([(await a).status, (await b).status]).toEqual([200, 200]);
    await settle();
    expect(stateOf(client)).toEqual(closedCleanly);
  });
});
