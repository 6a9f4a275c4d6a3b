/**
 * Every time limit of a request on a server: its default, what it does, and that it does it exactly then, to one stream
 * and no other.
 */
import { channel } from "@sluice/body";
import { type ExchangeTimeouts, type HttpRequest, HttpResponse, setTimeouts } from "@sluice/core";
import type * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { expectFrames, expectQuiet } from "./support/expectations.ts";
import { get, post } from "./support/messages.ts";
import { errorText, read } from "./support/reading.ts";
import { ok, okText, type ServerUnderTest, serveH2 } from "./support/server.ts";
import { pass } from "./support/under-test.ts";

const timedOut = ["HEADERS 1 END_STREAM :status=408 content-length=0", "RST_STREAM 1 NO_ERROR"];
const never = (): Promise<HttpResponse> => new Promise(() => {});

interface Receiving extends ServerUnderTest {
  readonly requests: HttpRequest[];
}

/** A service that reads the request and does not answer: stream 1 is open. */
async function receive(
  options: http2.ServerOptions = {},
  begin: (request: HttpRequest) => void = (request) => void read(request.body),
): Promise<Receiving> {
  const requests: HttpRequest[] = [];
  const server = await serveH2((request) => {
    if (request.method === "GET") return ok();
    requests.push(request);
    begin(request);
    return never();
  }, options);
  server.peer.headers(1, post());
  await expectQuiet(server);
  return Object.assign(server, { requests });
}

/** Nothing happens for `ms` but the last one, and then stream 1 ends in this way, and no other. */
async function expectAfter(server: Receiving, ms: number, frames: readonly string[]): Promise<void> {
  await pass(server, ms - 1);
  await expectQuiet(server);
  await pass(server, 1);
  await expectFrames(server, frames);
  server.peer.data(1, "late", { endStream: true });
  server.peer.headers(3, get(), { endStream: true });
  await expectFrames(server, [okText(3)]);
}

function expectReason({ requests }: Receiving, name: string, message: string): void {
  expect(requests[0]?.signal.reason).toMatchObject({ kind: "timeout", code: name, message });
}

describe("bodyTimeoutMs", () => {
  test("30 s by default in which nothing of a body comes that is waited for: 408, and the service is told", async () => {
    const server = await receive();
    await expectAfter(server, 30_000, timedOut);
    expectReason(server, "bodyTimeoutMs", "no bytes of the body came within bodyTimeoutMs = 30000 ms");
  });

  test("starts anew with each octet", async () => {
    const server = await receive({ bodyTimeoutMs: 100 });
    for (let times = 0; times < 5; times++) {
      await pass(server, 99);
      server.peer.data(1, "x");
      await expectQuiet(server);
    }
    await expectAfter(server, 100, timedOut);
  });

  test("is the error of the reader", async () => {
    const outcomes: string[] = [];
    const server = await receive({ bodyTimeoutMs: 100 }, (request) => {
      void Promise.resolve(request.body.frame()).catch((error) => outcomes.push(errorText(error)));
    });
    await expectAfter(server, 100, timedOut);
    expect(outcomes).toEqual(["timeout bodyTimeoutMs"]);
  });

  test("does not run while nobody waits", async () => {
    const server = await receive({ bodyTimeoutMs: 100, requestTimeoutMs: 0 }, () => {});
    await pass(server, 3_600_000);
    await expectQuiet(server);
  });

  test("when the response has begun, the stream is reset with CANCEL", async () => {
    const { body } = channel(1);
    const server = await serveH2(
      (request) => {
        void read(request.body);
        return new HttpResponse(200, {}, body);
      },
      { bodyTimeoutMs: 100 },
    );
    server.peer.headers(1, post());
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    await pass(server, 99);
    await expectQuiet(server);
    await pass(server, 1);
    await expectFrames(server, ["RST_STREAM 1 CANCEL"]);
  });

  test("behind the response, the rest is not waited for any longer", async () => {
    const server = await serveH2(
      (request) => {
        void read(request.body);
        return ok();
      },
      { bodyTimeoutMs: 100 },
    );
    server.peer.headers(1, post());
    await expectFrames(server, [okText(1)]);
    await pass(server, 99);
    await expectQuiet(server);
    await pass(server, 1);
    await expectFrames(server, ["RST_STREAM 1 NO_ERROR"]);
  });

  test("0 is no limit", async () => {
    const server = await receive({ bodyTimeoutMs: 0, requestTimeoutMs: 0 });
    await pass(server, 3_600_000);
    await expectQuiet(server);
  });
});

describe("requestTimeoutMs", () => {
  test("300 s by default until a request has been received whole, however it trickles", async () => {
    const server = await receive();
    for (let at = 0; at < 280_000; at += 20_000) {
      await pass(server, 20_000);
      server.peer.data(1, "x");
    }
    await expectAfter(server, 20_000, timedOut);
    expectReason(server, "requestTimeoutMs", "the request was not received whole within requestTimeoutMs = 300000 ms");
  });

  test("runs when nobody reads, too", async () => {
    const server = await receive({ requestTimeoutMs: 100 }, () => {});
    await expectAfter(server, 100, timedOut);
  });

  test("ends with the request, not with the response", async () => {
    const server = await receive({ requestTimeoutMs: 100 });
    await pass(server, 99);
    server.peer.data(1, "x", { endStream: true });
    await pass(server, 3_600_000);
    await expectQuiet(server);
  });

  test("does not run for a request without content", async () => {
    const server = await serveH2(never, { requestTimeoutMs: 100 });
    server.peer.headers(1, get(), { endStream: true });
    await pass(server, 3_600_000);
    await expectQuiet(server);
  });

  test("0 is no limit", async () => {
    const server = await receive({ requestTimeoutMs: 0 }, () => {});
    await pass(server, 3_600_000);
    await expectQuiet(server);
  });
});

describe("setTimeouts", () => {
  const limited = (timeouts: ExchangeTimeouts, options: http2.ServerOptions, reads = true): Promise<Receiving> =>
    receive(options, (request) => {
      if (reads) void read(request.body);
      setTimeouts(request, timeouts);
    });

  test("bodyTimeoutMs of one request, the others have that of the options", async () => {
    const server = await limited({ bodyTimeoutMs: 50 }, { bodyTimeoutMs: 1000 });
    await expectAfter(server, 50, timedOut);
    expectReason(server, "bodyTimeoutMs", "no bytes of the body came within bodyTimeoutMs = 50 ms");
    const other = await receive({ bodyTimeoutMs: 1000 });
    await expectAfter(other, 1000, timedOut);
  });

  test("applies to a read that is waiting, longer or shorter", async () => {
    await expectAfter(await limited({ bodyTimeoutMs: 2000 }, { bodyTimeoutMs: 100 }), 2000, timedOut);
  });

  test("0 switches a limit off", async () => {
    const server = await limited({ bodyTimeoutMs: 0, requestTimeoutMs: 0 }, {});
    await pass(server, 3_600_000);
    await expectQuiet(server);
  });

  test("requestTimeoutMs counts from the call, and the limit of the body stays", async () => {
    const server = await limited({ requestTimeoutMs: 500 }, { requestTimeoutMs: 100, bodyTimeoutMs: 0 });
    await expectAfter(server, 500, timedOut);
    expectReason(server, "requestTimeoutMs", "the request was not received whole within requestTimeoutMs = 500 ms");
    const waiting = await limited({ requestTimeoutMs: 5000 }, { bodyTimeoutMs: 100 });
    await expectAfter(waiting, 100, timedOut);
  });

  test("refuses limits that make no sense", async () => {
    const errors: unknown[] = [];
    await receive({}, (request) => {
      try {
        setTimeouts(request, { bodyTimeoutMs: -1 });
      } catch (error) {
        errors.push(error);
      }
    });
    expect(errors).toEqual([
      new RangeError("bodyTimeoutMs must be a whole number of milliseconds, or 0 for no limit, got -1"),
    ]);
  });
});
