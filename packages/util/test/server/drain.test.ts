/**
 * Shutting a busy server down on real sockets: no request that a client sent is left without its answer, unless the client was
 * told before that there will be none.
 */
import { once } from "node:events";
import { type ClientHttp2Session, connect as connectH2 } from "node:http2";
import { connect } from "node:net";
import { full } from "@sluice/body";
import { HttpResponse, serviceFn } from "@sluice/core";
import { listen } from "@sluice/util/node";
import { type Serving, serveAll } from "@sluice/util/server";
import { expect, test } from "vitest";

const content = "x".repeat(1_000);
/** Answers given, each of which takes a turn. */
let answered = 0;
const service = serviceFn(async () => {
  await new Promise((resolve) => setImmediate(resolve));
  answered++;
  return new HttpResponse(200, {}, full(content));
});

interface Ending {
  /** Answers received whole. */
  answers: number;
  /** What went wrong; none if the connection ended in order with nothing unanswered. */
  failure: string | undefined;
}

/** Sends one request after another, until it is told that the connection ends; then it must end, and in order. */
async function keepAsking(port: number, limit: number): Promise<Ending> {
  const ending: Ending = { answers: 0, failure: undefined };
  const socket = connect({ port, host: "127.0.0.1" });
  let received = "";
  let waiting = false;
  let last = false;
  const ask = (): void => {
    waiting = true;
    socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  };
  socket.on("connect", () => limit > 0 && ask());
  socket.on("data", (chunk) => {
    received += chunk.toString("latin1");
    const head = received.indexOf("\r\n\r\n");
    if (head < 0 || received.length < head + 4 + content.length) return;
    waiting = false;
    ending.answers++;
    last = received.slice(0, head).includes("connection: close");
    received = received.slice(head + 4 + content.length);
    if (received !== "") ending.failure = "bytes behind the answer";
    if (!last && ending.answers < limit) ask();
  });
  socket.on("error", (error) => (ending.failure ??= `the connection broke: ${error.message}`));
  socket.on("end", () => {
    if (waiting) ending.failure ??= "a request was not answered";
  });
  await once(socket, "close").catch(() => {});
  return ending;
}

async function start(): Promise<{ port: number; server: Serving; failures: unknown[] }> {
  const failures: unknown[] = [];
  const listener = listen({ host: "127.0.0.1" });
  const server = serveAll(listener, service, { onError: (error) => failures.push(error) });
  const { port } = await listener.ready;
  return { port, server, failures };
}

test("200 HTTP/1 clients that never rest: every request is answered, and every connection ends in order", async () => {
  const { port, server, failures } = await start();
  const before = answered;
  const busy = Array.from({ length: 200 }, () => keepAsking(port, 100_000));
  // Clients that rest: some after an answer, some that have sent nothing yet.
  const idle = Array.from({ length: 20 }, (_, i) => keepAsking(port, i % 2));
  await expect.poll(() => answered - before >= 2_000 && server.count === 220, { timeout: 30_000 }).toBe(true);
  const outcome = await server.shutdown();
  await server.done;
  const endings = await Promise.all([...busy, ...idle]);
  expect(endings.filter(({ failure }) => failure !== undefined)).toEqual([]);
  expect(endings.reduce((sum, { answers }) => sum + answers, 0)).toBe(answered - before);
  expect(outcome).toEqual({ clean: 220, failed: 0, aborted: 0 });
  expect([failures, server.count]).toEqual([[], 0]);
});

/** Keeps 5 requests under way until GOAWAY; those that were sent must be answered, or be known not to have been served. */
async function keepAsking2(port: number): Promise<Ending & { refused: number }> {
  const ending = { answers: 0, refused: 0, failure: undefined as string | undefined };
  const session: ClientHttp2Session = connectH2(`http://127.0.0.1:${port}`);
  let going = true;
  session.on("goaway", () => (going = false));
  session.on("error", (error) => (ending.failure ??= error.message));
  const loop = async (): Promise<void> => {
    while (going && !session.closed && !session.destroyed) {
      let size = 0;
      const stream = session.request({ ":path": "/" });
      try {
        for await (const chunk of stream) size += chunk.length;
        if (size === content.length) ending.answers++;
        else ending.failure ??= `an answer of ${size} bytes`;
      } catch (error) {
        // REFUSED_STREAM: RFC 9113 8.7 lets it be sent again.
        if (stream.rstCode === 7) ending.refused++;
        else ending.failure ??= String(error);
      }
    }
  };
  const closed = once(session, "close");
  await Promise.all([loop(), loop(), loop(), loop(), loop()]);
  await closed;
  return ending;
}

test("HTTP/2 clients that never rest: every request is answered or known not to have been served", async () => {
  const { port, server, failures } = await start();
  const before = answered;
  const busy = Array.from({ length: 10 }, () => keepAsking2(port));
  await expect.poll(() => answered - before >= 500, { timeout: 30_000 }).toBe(true);
  const outcome = await server.shutdown();
  const endings = await Promise.all(busy);
  expect(endings.filter(({ failure }) => failure !== undefined)).toEqual([]);
  expect(endings.reduce((sum, { answers }) => sum + answers, 0)).toBe(answered - before);
  expect(outcome).toEqual({ clean: 10, failed: 0, aborted: 0 });
  expect([failures, server.count]).toEqual([[], 0]);
});
