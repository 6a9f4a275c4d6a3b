/**
 * What the properties of whole connections have found, one by one and in small.
 */
import { full } from "@sluice/body";
import { HttpRequest, HttpResponse, type Observer } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { latin1 } from "../support/wire.ts";
import { type ClientUnderTest, connectH2, expectSent, outcomeOf, type Sent, send } from "./support/client.ts";
import { expectClosed, expectFrames, expectQuiet } from "./support/expectations.ts";
import { serveHeld } from "./support/held.ts";
import { get, getText, post, status } from "./support/messages.ts";
import { machineOf } from "./support/scrutiny.ts";
import { shut } from "./support/sized.ts";
import { completion, serveTunnels, writeTunnel } from "./support/tunnels.ts";

const target = "http://a.test/";

describe("streams that GOAWAY excludes", () => {
  test("leave their places to nobody", async () => {
    const client = await connectH2({}, { settings: { MAX_CONCURRENT_STREAMS: 1 } });
    const [one, two] = [send(client, HttpRequest.get(target)), send(client, HttpRequest.get(target))];
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    client.peer.goAway(0);
    await client.run();
    expect([outcomeOf(one), outcomeOf(two)]).toEqual(["closed GOAWAY NO_ERROR", "closed GOAWAY NO_ERROR"]);
    await expectClosed(client, ["GOAWAY 0 NO_ERROR"]);
  });
});

describe("the record of a stream that is over", () => {
  test("goes with the last of its content, be the end looked at or not, on a client", async () => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.get(target));
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    client.peer.batch(() => {
      client.peer.headers(1, status(200));
      client.peer.data(1, "content", { endStream: true });
    });
    await expectSent(client, sent, "200");
    const { store } = machineOf(client.connection).streams;
    expect(store.size).toBe(1);
    expect(latin1(sent.response?.body.frame() as Uint8Array)).toBe("content");
    expect(store.size).toBe(0);
    expect(sent.response?.body.frame()).toBe(null);
    await expectQuiet(client);
  });

  test("and on a server whose service reads on behind its answer", async () => {
    const { server, call } = await serveHeld();
    server.peer.headers(1, post());
    await expectQuiet(server);
    const { body } = call(0).request;
    const first = body.frame();
    call(0).respond(new HttpResponse(200));
    await expectFrames(server, ["HEADERS 1 END_STREAM :status=200 content-length=0"]);
    server.peer.batch(() => {
      server.peer.data(1, "one");
      server.peer.data(1, "two", { endStream: true });
    });
    const { store } = machineOf(server.connection).streams;
    expect(store.size).toBe(1);
    expect(latin1((await first) as Uint8Array)).toBe("one");
    expect(latin1(body.frame() as Uint8Array)).toBe("two");
    expect(store.size).toBe(0);
    expect(body.frame()).toBe(null);
    await expectQuiet(server);
  });
});

describe("an observer", () => {
  /** A client whose observer does something when the `event` comes, once. */
  async function ambushed(
    event: "requestStarted" | "streamChanged",
    options: { readonly by: (client: ClientUnderTest) => void },
  ): Promise<{ readonly client: ClientUnderTest; readonly events: string[] }> {
    const events: string[] = [];
    let spring = false;
    const observer: Observer = {
      requestStarted: () => events.push("started"),
      exchangeEnded: (_request, error) => events.push(`ended ${error?.code}`),
    };
    const before = observer[event] as (() => void) | undefined;
    observer[event] = () => {
      before?.();
      if (!spring) return;
      spring = false;
      options.by(client);
    };
    const client: ClientUnderTest = await connectH2({ observer });
    spring = true;
    return { client, events };
  }

  for (const event of ["requestStarted", "streamChanged"] as const) {
    test(`may end the connection of a client when it is told of ${event}`, async () => {
      const { client, events } = await ambushed(event, { by: ({ connection }) => connection.abort() });
      const body = full("content");
      const sent = send(client, new HttpRequest("POST", target, undefined, body));
      await expectSent(client, sent, "canceled ABORTED");
      expect(events).toEqual(event === "requestStarted" ? ["started", "ended ABORTED"] : []);
      expect(machineOf(client.connection).streams.store.activeLocal).toBe(0);
      expect(client.timer.pending).toBe(0);
    });
  }

  test("may give a request up when it is told of it: the server has seen its head then", async () => {
    const controller = new AbortController();
    const { client, events } = await ambushed("requestStarted", { by: () => controller.abort() });
    const sent = send(client, HttpRequest.get(target), { signal: controller.signal });
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`, "RST_STREAM 1 CANCEL"]);
    await expectSent(client, sent, "canceled CANCELED");
    expect(events).toEqual(["started", "ended CANCELED"]);
  });

  test("may send another request when it is told of one: each has its own head", async () => {
    const sent: Sent[] = [];
    const { client } = await ambushed("requestStarted", {
      by: (client) => void sent.push(send(client, HttpRequest.get("http://b.test/"))),
    });
    sent.push(send(client, HttpRequest.get(target)));
    await expectFrames(client, [
      `HEADERS 1 END_STREAM ${getText}`,
      "HEADERS 3 END_STREAM :method=GET :scheme=http :authority=b.test :path=/",
    ]);
  });

  test("may end the connection of a server when a stream is opened: the service is not called", async () => {
    const observer: Observer = {
      streamChanged: () => held.server.connection.abort(),
      requestStarted: () => expect.unreachable(),
      exchangeEnded: () => expect.unreachable(),
    };
    const held = await serveHeld({ observer });
    held.server.peer.headers(1, post());
    await held.server.run();
    expect(held.calls).toEqual([]);
    expect(machineOf(held.server.connection).streams.store.activeRemote).toBe(0);
    expect(held.server.timer.pending).toBe(0);
  });

  test("is not told of the end of a request that it was not told of", async () => {
    const events: string[] = [];
    const observer: Observer = {
      requestStarted: ({ target: { path } }) => events.push(`started ${path}`),
      exchangeEnded: ({ target: { path } }) => events.push(`ended ${path}`),
    };
    const { server, call } = await serveHeld({ observer, maxConcurrentStreams: 1 });
    server.peer.headers(1, get("/one"), { endStream: true });
    server.peer.rst(1, "CANCEL");
    // Its service is still at work, so this one waits.
    server.peer.headers(3, get("/two"), { endStream: true });
    server.peer.rst(3, "CANCEL");
    await expectQuiet(server);
    call(0).respond(new HttpResponse(204));
    await expectQuiet(server);
    expect(events).toEqual(["started /one", "ended /one"]);
  });
});

describe("a tunnel", () => {
  test("has drained when the last of it leaves together with the end", async () => {
    const server = await serveTunnels({ maxSendBufferBytes: 1 }, shut);
    server.peer.headers(1, [
      [":method", "CONNECT"],
      [":authority", "b.test:1"],
    ]);
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    const [tunnel] = server.tunnels;
    if (tunnel === undefined) throw new Error("there is no tunnel");
    expect(writeTunnel(tunnel, "abc")).toBe(false);
    const drained = completion((done) => tunnel.io.drained(done));
    const ended = completion((done) => tunnel.io.shutdown(done));
    await expectQuiet(server);
    expect([drained.state, ended.state]).toEqual(["pending", "pending"]);
    server.peer.windowUpdate(1, 100);
    await expectFrames(server, ["DATA 1 END_STREAM 3 abc"]);
    expect([drained.state, ended.state]).toEqual(["done", "done"]);
  });
});
