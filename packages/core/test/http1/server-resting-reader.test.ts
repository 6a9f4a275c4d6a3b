/**
 * A service that has answered and holds on to the request's content: it may go on reading, but not rest for ever.
 */
import { type Body, full } from "@sluice/body";
import { HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { lines, rejection, serveOn, settle } from "../support/wire.ts";

const ok = lines("HTTP/1.1 200 OK", "content-length: 2", "", "ok");
const upload = lines("POST / HTTP/1.1", "host: a", "content-length: 10", "", "");
const get = lines("GET / HTTP/1.1", "host: a", "", "");

/** Serves; the first request's body is read once before the answer, and kept. */
async function answeredEarly(options = {}): Promise<ReturnType<typeof serveOn> & { readonly body: Body }> {
  let body: Body | undefined;
  const server = serveOn(async (request) => {
    if (request.method === "POST") {
      body = request.body;
      await body.frame();
    }
    return new HttpResponse(200, {}, full("ok"));
  }, options);
  server.io.push(`${upload}abc`);
  await settle();
  expect(server.io.takeWritten()).toBe(ok);
  return Object.assign(server, { body: body as unknown as Body });
}

describe("a service that has answered", () => {
  test("goes on reading as long as it reads; then the next request is served", async () => {
    const server = await answeredEarly({ bodyTimeoutMs: 100 });
    for (const piece of ["d", "e", "f"]) {
      server.timer.advance(99);
      server.io.push(piece);
      expect(await server.body.frame()).toEqual(new TextEncoder().encode(piece));
    }
    server.io.push(`ghij${get}`);
    expect(await server.body.frame()).toEqual(new TextEncoder().encode("ghij"));
    await settle();
    expect(server.io.takeWritten()).toBe(ok);
    expect(server.outcome).toBe(undefined);
  });

  test("and stops reading loses the body after bodyTimeoutMs; what is left is dropped, the next request served", async () => {
    const server = await answeredEarly({ bodyTimeoutMs: 100 });
    server.timer.advance(99);
    server.io.push(`defghij${get}`);
    await settle();
    expect(server.io.takeWritten()).toBe("");
    server.timer.advance(1);
    await settle();
    expect(server.io.takeWritten()).toBe(ok);
    const late = await rejection((async () => server.body.frame())());
    expect([late.kind, late.code]).toEqual(["canceled", "BODY_DROPPED"]);
    expect(server.outcome).toBe(undefined);
  });

  test("and waits for bytes that do not come: the time limit for those ends the connection", async () => {
    const server = await answeredEarly({ bodyTimeoutMs: 100 });
    const waiting = rejection((async () => server.body.frame())());
    server.timer.advance(100);
    expect((await waiting).code).toBe("bodyTimeoutMs");
    expect(server.io.takeWritten()).toBe("");
    server.io.push(null);
    await settle();
    expect(server.outcome?.code).toBe("bodyTimeoutMs");
  });
});

test("a reset while the connection lingers after its last response is no failure", async () => {
  const server = serveOn(() => new HttpResponse(200, { connection: "close" }, full("ok")));
  server.io.push(get);
  expect(server.io.isShutdown).toBe(true);
  server.io.fail(new Error("reset"));
  await settle();
  expect(server.outcome).toBe(null);
});

test("a negative deadline for a graceful shutdown is refused at once", () => {
  const server = serveOn(() => new HttpResponse(200));
  expect(() => server.connection.gracefulShutdown(-1)).toThrow(
    new RangeError("deadlineMs must be a number of milliseconds of at least 0, got -1"),
  );
  expect(() => server.connection.gracefulShutdown(Number.NaN)).toThrow(RangeError);
  expect(server.io.isShutdown).toBe(false);
});
