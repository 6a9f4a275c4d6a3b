/**
 * Graceful shutdown of a server (RFC 9113 section 6.8): a GOAWAY that names no stream and a PING, the last stream once the
 * client has seen that, the end when the streams are done. And the other ways in which a server says goodbye.
 */
import { channel, full } from "@sluice/body";
import { type HttpRequest, HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import {
  expectAborted,
  expectClosed,
  expectFailed,
  expectFrames,
  expectGoAway,
  expectQuiet,
} from "./support/expectations.ts";
import { get, post } from "./support/messages.ts";
import { ascii, hex } from "./support/octets.ts";
import { ok, okText, type ServerUnderTest, serveH2 } from "./support/server.ts";
import { pass } from "./support/under-test.ts";

const payload = "736c756963650002";
const announced = ["GOAWAY 2147483647 NO_ERROR", `PING ${payload}`];

/** A server that answers when it is told to. */
interface Waiting extends ServerUnderTest {
  readonly requests: HttpRequest[];
  readonly answers: ((response?: HttpResponse) => void)[];
}

async function serveWaiting(options: Parameters<typeof serveH2>[1] = {}): Promise<Waiting> {
  const requests: HttpRequest[] = [];
  const answers: Waiting["answers"] = [];
  const server = await serveH2(
    (request) =>
      new Promise((resolve) => {
        requests.push(request);
        answers.push((response = ok()) => resolve(response));
      }),
    options,
  );
  return Object.assign(server, { requests, answers });
}

describe("gracefulShutdown()", () => {
  test("[h2-282] names no stream at first, serves what is under way, and names the last one after the answer", async () => {
    const server = await serveWaiting();
    server.peer.headers(1, get(), { endStream: true });
    await expectQuiet(server);
    server.connection.gracefulShutdown();
    await expectFrames(server, announced);
    server.peer.headers(3, get(), { endStream: true });
    await expectQuiet(server);
    server.peer.pingAck(payload);
    await expectFrames(server, ["GOAWAY 3 NO_ERROR"]);
    server.peer.headers(5, get(), { endStream: true });
    await expectQuiet(server);
    expect(server.requests).toHaveLength(2);
    server.answers[1]?.();
    await expectFrames(server, [okText(3)]);
    server.answers[0]?.();
    await expectClosed(server, [okText(1)]);
  });

  test("[h2-282] without a stream: GOAWAY with the last one that was answered, and the end", async () => {
    const server = await serveH2(ok);
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, [okText(1)]);
    server.connection.gracefulShutdown();
    await expectFrames(server, announced);
    server.peer.pingAck(payload);
    await expectClosed(server, ["GOAWAY 1 NO_ERROR"]);
  });

  test("[h2-282] a client that does not answer the PING is waited for a second", async () => {
    const server = await serveH2(ok);
    server.connection.gracefulShutdown();
    await expectFrames(server, announced);
    await pass(server, 999);
    await expectQuiet(server);
    await pass(server, 1);
    await expectClosed(server, ["GOAWAY 0 NO_ERROR"]);
  });

  test("[h2-282] an answer to another PING is not the one", async () => {
    const server = await serveH2(ok);
    server.connection.gracefulShutdown();
    await expectFrames(server, announced);
    server.peer.pingAck("736c756963650001");
    await expectQuiet(server);
    server.peer.pingAck(payload);
    await expectClosed(server, ["GOAWAY 0 NO_ERROR"]);
    server.peer.pingAck(payload);
    await server.run();
    expect(server.peer.take()).toEqual([]);
  });

  test("[h2-282] content of requests under way is received to its end", async () => {
    const server = await serveH2((request) => new HttpResponse(200, {}, request.body));
    server.peer.headers(1, post());
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    server.connection.gracefulShutdown();
    await expectFrames(server, announced);
    server.peer.pingAck(payload);
    await expectFrames(server, ["GOAWAY 1 NO_ERROR"]);
    server.peer.data(1, "hello", { endStream: true });
    await expectClosed(server, ["DATA 1 5 hello", "DATA 1 END_STREAM 0"]);
  });

  test("[h2-286] what comes for later streams is ignored, but its fields and octets are kept account of", async () => {
    const server = await serveWaiting({ connectionWindowBytes: 65_535 });
    server.peer.headers(1, post());
    await expectQuiet(server);
    server.connection.gracefulShutdown();
    server.peer.pingAck(payload);
    await expectFrames(server, [...announced, "GOAWAY 1 NO_ERROR"]);
    // A request with a field that goes into the table: x: y.
    server.peer.headers(3, hex("4001780179"));
    server.peer.data(3, 16_384);
    await expectQuiet(server);
    server.peer.data(3, 16_383, { padding: 0 });
    await expectFrames(server, ["WINDOW_UPDATE 0 +32768"]);
    server.peer.windowUpdate(3, 1);
    server.peer.rst(3, "CANCEL");
    server.peer.priorityUpdate(7, "u=1");
    await expectQuiet(server);
    // The trailers of the first one are that field, by its index.
    server.peer.headers(1, hex("be"), { endStream: true });
    const body = server.requests[0]?.body;
    const trailers = await body?.frame();
    expect(trailers !== null && trailers !== undefined && "fields" in trailers && [...trailers.fields]).toEqual([
      ["x", "y"],
    ]);
    server.answers[0]?.();
    await expectClosed(server, [okText(1)]);
  });

  test("[h2-284] also when the client has sent GOAWAY first", async () => {
    const server = await serveWaiting();
    server.peer.headers(1, get(), { endStream: true });
    server.peer.goAway(0);
    await expectQuiet(server);
    server.connection.gracefulShutdown();
    await expectFrames(server, announced);
    server.peer.pingAck(payload);
    await expectFrames(server, ["GOAWAY 1 NO_ERROR"]);
    server.answers[0]?.();
    await expectClosed(server, [okText(1)]);
  });

  test("[h2-284] also when the client sends GOAWAY in answer, and ends before the PONG", async () => {
    const server = await serveH2(ok);
    server.connection.gracefulShutdown();
    await expectFrames(server, announced);
    server.peer.goAway(0);
    await expectClosed(server, ["GOAWAY 0 NO_ERROR"]);
  });

  test("[h2-285] requests that wait for the service are served all the same", async () => {
    const server = await serveWaiting({ maxConcurrentStreams: 1 });
    server.peer.headers(1, get(), { endStream: true });
    server.peer.rst(1, "CANCEL");
    server.peer.headers(3, get(), { endStream: true });
    await expectQuiet(server);
    expect(server.requests).toHaveLength(1);
    server.peer.goAway(0);
    server.connection.gracefulShutdown();
    server.peer.pingAck(payload);
    await expectFrames(server, [...announced, "GOAWAY 3 NO_ERROR"]);
    server.answers[0]?.();
    await expectQuiet(server);
    expect(server.requests).toHaveLength(2);
    server.answers[1]?.();
    await expectClosed(server, [okText(3)]);
  });

  test("[h2-287] an error of the protocol behind it ends the connection with a second GOAWAY", async () => {
    const server = await serveWaiting();
    server.peer.headers(1, get(), { endStream: true });
    await expectQuiet(server);
    server.connection.gracefulShutdown();
    await expectFrames(server, announced);
    server.peer.data(0, "x");
    await expectGoAway(server, 1, "PROTOCOL_ERROR", "DATA: must", "protocol", "DATA_STREAM_ZERO");
  });

  test("[h2-287] and behind the one that names the last stream", async () => {
    const server = await serveWaiting();
    server.peer.headers(1, get(), { endStream: true });
    server.connection.gracefulShutdown();
    server.peer.pingAck(payload);
    await expectFrames(server, [...announced, "GOAWAY 1 NO_ERROR"]);
    server.peer.headers(3, get(), { endStream: true });
    server.peer.data(0, "x");
    await expectGoAway(server, 1, "PROTOCOL_ERROR", "DATA: must", "protocol", "DATA_STREAM_ZERO");
  });
});

describe("an abrupt end", () => {
  test("[h2-283] GOAWAY names the last stream and the code, and every exchange fails with it", async () => {
    const server = await serveWaiting();
    server.peer.headers(1, get(), { endStream: true });
    server.peer.headers(3, post());
    await expectQuiet(server);
    const content = Promise.resolve(server.requests[1]?.body.frame()).catch((error: unknown) => error);
    server.peer.windowUpdate(0, 0);
    await expectGoAway(server, 3, "PROTOCOL_ERROR", "WINDOW_UPDATE: increment must", "protocol", "WINDOW_UPDATE_ZERO");
    for (const request of server.requests) expect(request.signal.reason).toBe(server.outcome);
    expect(await content).toBe(server.outcome);
    for (const answer of server.answers) answer();
    await server.run();
    expect(server.peer.take()).toEqual([]);
  });
});

describe("a response that says connection: close", () => {
  test("[h2-289] is followed by a graceful shutdown, and does not say it to the client", async () => {
    const server = await serveH2(() => new HttpResponse(200, { connection: "close" }));
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, [okText(1), ...announced]);
    server.peer.headers(3, get(), { endStream: true });
    await expectFrames(server, [okText(3)]);
    server.peer.pingAck(payload);
    await expectClosed(server, ["GOAWAY 3 NO_ERROR"]);
  });

  test("[h2-289] the response is sent whole", async () => {
    const { sender, body } = channel(1);
    const server = await serveH2(() => new HttpResponse(200, { connection: "close" }, body));
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, ["HEADERS 1 :status=200", ...announced]);
    server.peer.pingAck(payload);
    await expectFrames(server, ["GOAWAY 1 NO_ERROR"]);
    void sender.send(ascii("hello"));
    await expectFrames(server, ["DATA 1 5 hello"]);
    sender.close();
    await expectClosed(server, ["DATA 1 END_STREAM 0"]);
  });
});

describe("idleTimeoutMs", () => {
  test("[h2-288] 180 s by default: GOAWAY without an error, with no stream if there was none", async () => {
    const server = await serveH2(ok);
    await pass(server, 179_999);
    await expectQuiet(server);
    await pass(server, 1);
    await expectClosed(server, ["GOAWAY 0 NO_ERROR"]);
  });

  test("[h2-288] does not run during streams, and starts anew behind the last one", async () => {
    const server = await serveWaiting({ idleTimeoutMs: 1000 });
    await pass(server, 900);
    server.peer.headers(1, get(), { endStream: true });
    server.peer.headers(3, get(), { endStream: true });
    await pass(server, 5000);
    await expectQuiet(server);
    server.answers[0]?.();
    await expectFrames(server, [okText(1)]);
    await pass(server, 5000);
    server.answers[1]?.();
    await expectFrames(server, [okText(3)]);
    await pass(server, 999);
    await expectQuiet(server);
    await pass(server, 1);
    await expectClosed(server, ["GOAWAY 3 NO_ERROR"]);
  });

  test("[h2-288] PING and SETTINGS are no streams", async () => {
    const server = await serveH2(ok, { idleTimeoutMs: 1000 });
    await pass(server, 999);
    server.peer.ping();
    server.peer.settings();
    await expectFrames(server, ["PING ACK 0011223344556677", "SETTINGS ACK"]);
    await pass(server, 1);
    await expectClosed(server, ["GOAWAY 0 NO_ERROR"]);
  });

  test("0 is no limit", async () => {
    const server = await serveH2(ok, { idleTimeoutMs: 0 });
    await pass(server, 3_600_000);
    await expectQuiet(server);
    expect(server.timer.pending).toBe(0);
  });
});

describe("maxConnectionAgeMs", () => {
  test("is no limit by default", async () => {
    const server = await serveH2(ok, { idleTimeoutMs: 0 });
    await pass(server, 86_400_000);
    await expectQuiet(server);
  });

  test("shuts down gracefully, and streams have 30 s by default", async () => {
    const server = await serveWaiting({ maxConnectionAgeMs: 1000 });
    server.peer.headers(1, get(), { endStream: true });
    await pass(server, 999);
    await expectQuiet(server);
    await pass(server, 1);
    await expectFrames(server, announced);
    server.peer.pingAck(payload);
    await expectFrames(server, ["GOAWAY 1 NO_ERROR"]);
    await pass(server, 29_999);
    await expectQuiet(server);
    await pass(server, 1);
    await expectAborted(server, [], "canceled", "SHUTDOWN");
  });

  test("streams have maxConnectionAgeGraceMs, 0 for as long as they take", async () => {
    for (const maxConnectionAgeGraceMs of [500, 0]) {
      const server = await serveWaiting({ maxConnectionAgeMs: 1000, maxConnectionAgeGraceMs });
      server.peer.headers(1, get(), { endStream: true });
      await pass(server, 1000);
      server.peer.pingAck(payload);
      await expectFrames(server, [...announced, "GOAWAY 1 NO_ERROR"]);
      if (maxConnectionAgeGraceMs === 0) {
        await pass(server, 3_600_000);
        server.answers[0]?.();
        await expectClosed(server, [okText(1)]);
      } else {
        await pass(server, 499);
        await expectQuiet(server);
        await pass(server, 1);
        await expectAborted(server, [], "canceled", "SHUTDOWN");
      }
    }
  });

  test("does not move the deadline of a shutdown that has begun", async () => {
    for (const [deadlineMs, option] of [
      [5_000, 20_000],
      [60_000, 20],
    ] as const) {
      const server = await serveWaiting({ maxConnectionAgeMs: 1000, maxConnectionAgeGraceMs: option });
      server.peer.headers(1, get(), { endStream: true });
      await server.run();
      server.connection.gracefulShutdown(deadlineMs);
      server.peer.pingAck(payload);
      await expectFrames(server, [...announced, "GOAWAY 1 NO_ERROR"]);
      await pass(server, deadlineMs - 1);
      await expectQuiet(server);
      await pass(server, 1);
      await expectAborted(server, [], "canceled", "SHUTDOWN");
    }
  });

  test("an idle connection is gone a second later at most", async () => {
    const server = await serveH2(ok, { maxConnectionAgeMs: 1000 });
    await pass(server, 1000);
    await expectFrames(server, announced);
    await pass(server, 1000);
    await expectClosed(server, ["GOAWAY 0 NO_ERROR"]);
  });
});

describe("maxRequestsPerConnection", () => {
  test("shuts down gracefully with that request; those under way are served", async () => {
    const server = await serveH2(ok, { maxRequestsPerConnection: 2 });
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, [okText(1)]);
    server.peer.headers(3, get(), { endStream: true });
    await expectFrames(server, [okText(3), ...announced]);
    server.peer.headers(5, get(), { endStream: true });
    await expectFrames(server, [okText(5)]);
    server.peer.pingAck(payload);
    await expectClosed(server, ["GOAWAY 5 NO_ERROR"]);
  });

  test("no limit by default", async () => {
    const server = await serveH2(ok);
    for (let id = 1; id < 4000; id += 2) server.peer.headers(id, get(), { endStream: true });
    await server.run();
    expect(server.peer.take()).toHaveLength(2000);
    await expectQuiet(server);
  });
});

describe("the end of the transport", () => {
  test("[h2-290] without a stream is clean", async () => {
    const server = await serveH2(ok);
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, [okText(1)]);
    server.peer.end();
    await expectClosed(server);
  });

  test("[h2-290] before the client has said anything is clean", async () => {
    const server = await serveH2(ok, {}, { handshake: false });
    await server.run();
    server.peer.take();
    server.peer.end();
    await expectClosed(server);
  });

  test("[h2-290] with streams is an error of each of them, their services are told", async () => {
    const server = await serveWaiting();
    server.peer.headers(1, get(), { endStream: true });
    server.peer.headers(3, post());
    await expectQuiet(server);
    const content = Promise.resolve(server.requests[1]?.body.frame()).catch((error: unknown) => error);
    server.peer.end();
    await expectFailed(server, [], "incomplete", "CONNECTION_LOST");
    expect(server.outcome?.message).toBe("the peer ended the connection with streams open");
    await expect(content).resolves.toMatchObject({ kind: "incomplete", code: "CONNECTION_LOST" });
    for (const request of server.requests) {
      expect(request.signal.aborted).toBe(true);
      expect(request.signal.reason).toMatchObject({ code: "CONNECTION_LOST" });
    }
    for (const answer of server.answers) answer();
    await server.run();
    expect(server.peer.take()).toEqual([]);
  });

  test("[h2-290] within a frame is an error, without a stream too", async () => {
    const server = await serveH2(ok);
    server.peer.octets("\x00\x00");
    server.peer.end();
    await expectFailed(server, [], "incomplete", "CONNECTION_LOST");
    expect(server.outcome?.message).toBe("the peer ended the connection in the middle of a frame");
  });

  test("[h2-290] what was answered before it is sent to its end", async () => {
    const server = await serveH2(() => new HttpResponse(200, {}, full("hello")));
    server.peer.headers(1, get(), { endStream: true });
    server.peer.end();
    await expectClosed(server, ["HEADERS 1 :status=200 content-length=5", "DATA 1 END_STREAM 5 hello"]);
  });

  test("a reset of the transport is an error of its own", async () => {
    const server = await serveWaiting();
    server.peer.headers(1, get(), { endStream: true });
    await expectQuiet(server);
    server.io.fail(new Error("ECONNRESET"));
    await expectAborted(server, [], "io", "TRANSPORT_FAILED");
    expect(server.requests[0]?.signal.reason).toMatchObject({ kind: "io", code: "TRANSPORT_FAILED" });
  });
});
