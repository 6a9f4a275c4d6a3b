/**
 * A graceful shutdown comes to an end in every phase of a connection, whatever the peer does or does not do.
 */
import { channel } from "@sluice/body";
import { HttpError, HttpRequest, type HttpResponse } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { scriptedIo } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { type ClientUnderTest, connectH2, expectSent, send } from "./support/client.ts";
import { expectAborted, expectClosed, expectFrames, expectQuiet } from "./support/expectations.ts";
import { get, getText, status } from "./support/messages.ts";
import { roles } from "./support/roles.ts";
import { ok, okText, type ServerUnderTest, serveH2 } from "./support/server.ts";
import { pass, type Setup } from "./support/under-test.ts";

type Under = ServerUnderTest | ClientUnderTest;

const announced = ["GOAWAY 2147483647 NO_ERROR", "PING 736c756963650002"];
const never = (): Promise<HttpResponse> => new Promise(() => {});
const unmet = { handshake: false } as const;

function start(role: "server" | "client", options: http2.CommonOptions = {}, setup: Setup = {}): Promise<Under> {
  return role === "server" ? serveH2(never, options, setup) : connectH2(options, setup);
}

/** Opens stream 1. */
async function busy(target: Under): Promise<void> {
  if ("sender" in target) send(target, HttpRequest.get("http://a.test/"));
  else target.peer.headers(1, get(), { endStream: true });
  await target.run();
  target.peer.take();
}

/** What either writes with stream 1 open, up to the GOAWAY that names the last stream. */
async function shutDown(target: Under, deadlineMs?: number): Promise<void> {
  target.connection.gracefulShutdown(deadlineMs);
  if ("sender" in target) return expectFrames(target, ["GOAWAY 0 NO_ERROR"]);
  target.peer.pingAck("736c756963650002");
  await expectFrames(target, [...announced, "GOAWAY 1 NO_ERROR"]);
}

for (const role of roles) {
  describe(`a ${role}`, () => {
    test("before the peer has said anything: GOAWAY and the end", async () => {
      const target = await start(role, {}, unmet);
      await target.run();
      target.peer.take();
      target.connection.gracefulShutdown();
      await expectClosed(target, ["GOAWAY 0 NO_ERROR"]);
    });

    test("between the preface and SETTINGS, or in the middle of them: GOAWAY and the end", async () => {
      for (const said of [
        role === "server" ? "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" : "\x00",
        role === "server" ? "PRI * HT" : "\x00\x00\x06\x04\x00\x00\x00\x00\x00",
      ]) {
        const target = await start(role, {}, unmet);
        await target.run();
        target.peer.take();
        target.peer.octets(said);
        target.connection.gracefulShutdown();
        await expectClosed(target, ["GOAWAY 0 NO_ERROR"]);
      }
    });

    test("with a stream: it is waited for", async () => {
      const target = await start(role);
      await busy(target);
      await shutDown(target);
      await pass(target, 29_999);
      await expectQuiet(target);
      target.peer.rst(1, "CANCEL");
      await expectClosed(target);
    });

    test("with a stream that never ends: 30 s by default", async () => {
      const target = await start(role);
      await busy(target);
      await shutDown(target);
      await pass(target, 29_999);
      await expectQuiet(target);
      await pass(target, 1);
      await expectAborted(target, [], "canceled", "SHUTDOWN");
    });

    test("with a stream that never ends: shutdownTimeoutMs, and the deadline that is given", async () => {
      const option = await start(role, { shutdownTimeoutMs: 700 });
      await busy(option);
      await shutDown(option);
      await pass(option, 699);
      await expectQuiet(option);
      await pass(option, 1);
      await expectAborted(option, [], "canceled", "SHUTDOWN");

      const given = await start(role, { shutdownTimeoutMs: 700 });
      await busy(given);
      await shutDown(given, 2000);
      await pass(given, 1999);
      await expectQuiet(given);
      await pass(given, 1);
      await expectAborted(given, [], "canceled", "SHUTDOWN");
    });

    test("no deadline with shutdownTimeoutMs 0 and with Infinity", async () => {
      for (const [shutdownTimeoutMs, deadlineMs] of [
        [0, undefined],
        [700, Number.POSITIVE_INFINITY],
      ] as const) {
        const options = { shutdownTimeoutMs, headTimeoutMs: 0, requestTimeoutMs: 0 };
        const target = role === "server" ? await serveH2(never, { shutdownTimeoutMs }) : await connectH2(options);
        await busy(target);
        await shutDown(target, deadlineMs);
        await pass(target, 3_600_000);
        await expectQuiet(target);
        target.peer.rst(1, "CANCEL");
        await expectClosed(target);
      }
    });

    test("called again: nothing is written twice, a deadline stays unless a new one is given", async () => {
      const target = await start(role);
      await busy(target);
      await shutDown(target, 1000);
      await pass(target, 500);
      target.connection.gracefulShutdown();
      await expectQuiet(target);
      await pass(target, 499);
      target.connection.gracefulShutdown(2000);
      await pass(target, 1999);
      await expectQuiet(target);
      await pass(target, 1);
      await expectAborted(target, [], "canceled", "SHUTDOWN");
      target.connection.gracefulShutdown();
      expect(target.timer.pending).toBe(0);
    });

    test("a deadline of 0 is at once", async () => {
      const target = await start(role);
      await busy(target);
      await shutDown(target, 0);
      await pass(target, 1);
      await expectAborted(target, [], "canceled", "SHUTDOWN");
    });

    test("a deadline that makes no sense is refused, and nothing is begun", async () => {
      const target = await start(role);
      for (const deadlineMs of [-1, Number.NaN]) {
        expect(() => target.connection.gracefulShutdown(deadlineMs)).toThrow(RangeError);
      }
      await expectQuiet(target);
    });

    test("a peer that never ends its own side: released after lingerTimeoutMs, 1 s by default", async () => {
      for (const [options, lingerMs] of [
        [{}, 1000],
        [{ lingerTimeoutMs: 20 }, 20],
      ] as const) {
        const target = await start(role, options, unmet);
        target.connection.gracefulShutdown();
        await target.run();
        expect([target.io.isShutdown, target.io.isAborted]).toEqual([true, false]);
        await pass(target, lingerMs - 1);
        expect([target.io.isAborted, target.outcome]).toEqual([false, undefined]);
        await pass(target, 1);
        expect([target.io.isAborted, target.outcome, target.timer.pending]).toEqual([true, null, 0]);
      }
    });

    test("lingerTimeoutMs 0: released at once", async () => {
      const target = await start(role, { lingerTimeoutMs: 0 }, unmet);
      target.connection.gracefulShutdown();
      await target.run();
      expect([target.io.isShutdown, target.io.isAborted, target.outcome]).toEqual([true, true, null]);
    });

    test("a peer that goes on sending meanwhile: what it sends is read and thrown away", async () => {
      const target = await start(role);
      target.peer.goAway(0);
      await target.run();
      expect(target.peer.take()).toEqual(["GOAWAY 0 NO_ERROR"]);
      for (let times = 0; times < 10; times++) target.peer.ping();
      await target.run();
      expect([target.io.remaining, target.peer.take()]).toEqual([0, []]);
      target.peer.end();
      await target.run();
      expect([target.io.isAborted, target.outcome]).toEqual([true, null]);
    });

    test("a transport that takes nothing: writeTimeoutMs, or the deadline if that is nearer", async () => {
      for (const [deadlineMs, endsAfter, kind, code] of [
        [Number.POSITIVE_INFINITY, 30_000, "timeout", "writeTimeoutMs"],
        [100, 100, "canceled", "SHUTDOWN"],
      ] as const) {
        const target = await start(role, {}, { ...unmet, capacityBytes: 1 });
        await target.run();
        target.peer.take();
        if (role === "server") target.peer.preface();
        target.peer.settings();
        target.peer.settingsAck();
        if ("sender" in target) send(target, HttpRequest.get("http://a.test/"));
        else target.peer.headers(1, get(), { endStream: true });
        await expectQuiet(target);
        target.connection.gracefulShutdown(deadlineMs);
        await pass(target, endsAfter - 1);
        await expectQuiet(target);
        await pass(target, 1);
        await expectAborted(target, [], kind, code);
      }
    });

    test("abort() while it waits ends it", async () => {
      const target = await start(role);
      await busy(target);
      await shutDown(target);
      target.connection.abort(new Error("enough"));
      await expectAborted(target, [], "canceled", "ABORTED");
    });

    test("disposing of it waits for the end", async () => {
      const target = await start(role, {}, unmet);
      let disposed = false;
      void target.connection[Symbol.asyncDispose]().then(() => {
        disposed = true;
      });
      await target.run();
      expect(disposed).toBe(false);
      target.peer.end();
      await target.run();
      expect(disposed).toBe(true);
    });

    test("without a timer: GOAWAY names the last stream at once, and an idle connection is released at once", async () => {
      const io = scriptedIo([]);
      const connection =
        role === "server"
          ? http2.serve(io, { call: never }, { timer: null })
          : (await http2.handshake(io, { timer: null })).connection;
      connection.gracefulShutdown();
      await connection.closed;
      expect([io.isShutdown, io.isAborted]).toEqual([true, true]);
      expect(Buffer.from(io.written.slice(-17)).toString("hex")).toBe("0000080700000000000000000000000000");
    });
  });
}

describe("a client", () => {
  test("[h2-291] sends GOAWAY and waits for its streams", async () => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    client.connection.gracefulShutdown();
    await expectFrames(client, ["GOAWAY 0 NO_ERROR"]);
    client.peer.headers(1, status(200));
    await expectSent(client, sent, "200");
    const body = sent.response?.body.frame();
    client.peer.data(1, "hello", { endStream: true });
    expect(await body).toEqual(new TextEncoder().encode("hello"));
    await expectClosed(client);
  });

  test("[h2-291] at the deadline, requests under way fail and are not handed back", async () => {
    const client = await connectH2();
    const tried = client.sender.trySend(HttpRequest.get("http://a.test/"));
    await client.run();
    client.peer.take();
    client.connection.gracefulShutdown(100);
    await pass(client, 100);
    const outcome = await tried;
    if ("response" in outcome) throw new Error("a response");
    expect([outcome.error.kind, outcome.error.code, outcome.request]).toEqual(["canceled", "SHUTDOWN", undefined]);
    await expectAborted(client, ["GOAWAY 0 NO_ERROR"], "canceled", "SHUTDOWN");
  });

  test("[h2-291] requests that wait for a stream, and later ones, are handed back", async () => {
    const client = await connectH2({}, { settings: { MAX_CONCURRENT_STREAMS: 1 } });
    const one = send(client, HttpRequest.get("http://a.test/"));
    const waits = HttpRequest.get("http://a.test/2");
    const tried = client.sender.trySend(waits);
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    client.connection.gracefulShutdown();
    await expectFrames(client, ["GOAWAY 0 NO_ERROR"]);
    const late = HttpRequest.get("http://a.test/3");
    for (const [outcome, request, code] of [
      [await tried, waits, "UNSENT"],
      [await client.sender.trySend(late), late, "CLOSED"],
    ] as const) {
      expect("error" in outcome && [outcome.error.code, outcome.request === request]).toEqual([code, true]);
    }
    expect([client.sender.isReady, client.sender.isClosed]).toEqual([false, true]);
    await expect(client.sender.ready()).rejects.toSatisfy((error) => HttpError.is(error) && error.kind === "closed");
    client.peer.headers(1, status(200), { endStream: true });
    await expectSent(client, one, "200");
    await expectClosed(client);
  });

  test("with requests that wait and nothing else, before SETTINGS and behind them", async () => {
    for (const setup of [{ settings: { MAX_CONCURRENT_STREAMS: 0 } }, unmet]) {
      const client = await connectH2({ initialMaxStreams: 0 }, setup);
      const sent = send(client, HttpRequest.get("http://a.test/"));
      await client.run();
      client.peer.take();
      client.connection.gracefulShutdown();
      await expectSent(client, sent, "canceled UNSENT");
      await expectClosed(client, ["GOAWAY 0 NO_ERROR"]);
    }
  });

  test("whose server has sent GOAWAY first", async () => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await client.run();
    client.peer.take();
    client.peer.goAway(1);
    await expectQuiet(client);
    client.connection.gracefulShutdown();
    await expectFrames(client, ["GOAWAY 0 NO_ERROR"]);
    client.peer.headers(1, status(200), { endStream: true });
    await expectSent(client, sent, "200");
    await expectClosed(client);
  });

  test("maxRequestsPerConnection: GOAWAY behind that request, the next is handed back", async () => {
    const client = await connectH2({ maxRequestsPerConnection: 2 });
    const sent = [send(client, HttpRequest.get("http://a.test/")), send(client, HttpRequest.get("http://a.test/"))];
    await expectFrames(client, [
      `HEADERS 1 END_STREAM ${getText}`,
      `HEADERS 3 END_STREAM ${getText}`,
      "GOAWAY 0 NO_ERROR",
    ]);
    await expectSent(client, send(client, HttpRequest.get("http://a.test/")), "closed CLOSED");
    for (const id of [1, 3]) client.peer.headers(id, status(200), { endStream: true });
    for (const one of sent) await expectSent(client, one, "200");
    await expectClosed(client);
  });

  test("maxConnectionAgeMs: GOAWAY, and its streams have their grace", async () => {
    const client = await connectH2({ maxConnectionAgeMs: 1000, maxConnectionAgeGraceMs: 300 });
    send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    await pass(client, 999);
    await expectQuiet(client);
    await pass(client, 1);
    await expectFrames(client, ["GOAWAY 0 NO_ERROR"]);
    await pass(client, 299);
    await expectQuiet(client);
    await pass(client, 1);
    await expectAborted(client, [], "canceled", "SHUTDOWN");
  });

  test("maxConnectionAgeMs refuses what waits for a stream", async () => {
    const client = await connectH2({ maxConnectionAgeMs: 1000 }, { settings: { MAX_CONCURRENT_STREAMS: 0 } });
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await pass(client, 1000);
    await expectSent(client, sent, "canceled UNSENT");
    await expectClosed(client, ["GOAWAY 0 NO_ERROR"]);
  });
});

describe("idleTimeoutMs of a client", () => {
  test("[h2-288] 90 s by default, from the end of the last stream", async () => {
    const client = await connectH2();
    await pass(client, 89_999);
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    await pass(client, 59_999);
    client.peer.headers(1, status(200), { endStream: true });
    await expectSent(client, sent, "200");
    await pass(client, 89_999);
    await expectQuiet(client);
    await pass(client, 1);
    await expectClosed(client, ["GOAWAY 0 NO_ERROR"]);
  });

  test("a request that waits for a stream keeps it open, and when it is given up the time runs again", async () => {
    const client = await connectH2({ idleTimeoutMs: 1000 }, { settings: { MAX_CONCURRENT_STREAMS: 0 } });
    const controller = new AbortController();
    const sent = send(client, HttpRequest.get("http://a.test/"), { signal: controller.signal });
    await pass(client, 1500);
    await expectQuiet(client);
    controller.abort();
    await expectSent(client, sent, "canceled CANCELED");
    await expectQuiet(client);
    await pass(client, 1000);
    await expectClosed(client, ["GOAWAY 0 NO_ERROR"]);
  });
});

describe("a server", () => {
  test("idle, and the client is dead: a second for the PING, and what it takes to release the transport", async () => {
    const server = await serveH2(ok);
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, [okText(1)]);
    server.connection.gracefulShutdown();
    await expectFrames(server, announced);
    await pass(server, 1000);
    expect(server.peer.take()).toEqual(["GOAWAY 1 NO_ERROR"]);
    await pass(server, 999);
    expect(server.outcome).toBe(undefined);
    await pass(server, 1);
    expect([server.outcome, server.timer.pending]).toEqual([null, 0]);
  });

  test("whose client goes on opening streams until it has seen the end coming", async () => {
    const server = await serveH2(ok);
    server.connection.gracefulShutdown();
    await expectFrames(server, announced);
    for (const id of [1, 3, 5]) {
      await pass(server, 300);
      server.peer.headers(id, get(), { endStream: true });
      await expectFrames(server, [okText(id)]);
    }
    await pass(server, 100);
    await expectClosed(server, ["GOAWAY 5 NO_ERROR"]);
  });

  test("a response that its body never ends is cut off at the deadline", async () => {
    const { body } = channel(1);
    const { HttpResponse } = await import("@sluice/core");
    const server = await serveH2(() => new HttpResponse(200, {}, body));
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    server.connection.gracefulShutdown(5000);
    await expectFrames(server, announced);
    await pass(server, 1000);
    await expectFrames(server, ["GOAWAY 1 NO_ERROR"]);
    await pass(server, 3999);
    await expectQuiet(server);
    await pass(server, 1);
    await expectAborted(server, [], "canceled", "SHUTDOWN");
  });
});
