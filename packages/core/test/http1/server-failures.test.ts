/** Services and bodies that fail, and services that do everything at once: one answer at most, and nothing left over. */
import { BaseBody, type Body, channel, type Frame, fromIterable } from "@sluice/body";
import { type Connection, HttpError, HttpResponse, sendInformational } from "@sluice/core";
import { describe, expect, test } from "vitest";
import {
  deferred,
  expectAborted,
  expectFailedAfter,
  expectOpen,
  get,
  head,
  ok,
  okText,
  refusal,
} from "../support/server.ts";
import { recorder, serveOn, settle } from "../support/wire.ts";

const failed = refusal("500 Internal Server Error");
const chunkedStart = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/** A body that does `act` when asked for its first frame, and gives what that gives. */
class Acting extends BaseBody {
  canceled = 0;
  readonly #act: () => Frame | null | Promise<Frame | null>;

  constructor(act: () => Frame | null | Promise<Frame | null>) {
    super();
    this.#act = act;
  }

  override frame(): Frame | null | Promise<Frame | null> {
    return this.#act();
  }

  override cancel(): void {
    this.canceled++;
  }
}

describe("a service that fails", () => {
  const trouble = new Error("trouble");
  const services: readonly (readonly [string, () => HttpResponse | Promise<HttpResponse>, string])[] = [
    [
      "throws",
      () => {
        throw trouble;
      },
      "SERVICE_FAILED",
    ],
    ["rejects", () => Promise.reject(trouble), "SERVICE_FAILED"],
    [
      "throws an error of a program",
      () => {
        throw new HttpError("user", "MINE", "mine");
      },
      "MINE",
    ],
    ["gives something that is no response", () => "hello" as never, "SERVICE_FAILED"],
    ["gives nothing", async () => undefined as never, "SERVICE_FAILED"],
    [
      "gives a response that cannot be sent",
      () => new HttpResponse(200, { "content-length": "x" }),
      "CONTENT_LENGTH_INVALID",
    ],
    ["gives a response with a broken body", () => Object.assign(ok(), { body: {} }), "SERVICE_FAILED"],
    ["answers with 1xx", async () => new HttpResponse(103), "UNSUPPORTED_STATUS"],
  ];

  for (const [what, service, code] of services) {
    test(`${what}: 500, connection: close`, async () => {
      const observer = recorder();
      const server = serveOn(service, { observer });
      server.io.push(get + get);
      await settle();
      await expectFailedAfter(server, failed, "user", code);
      expect(server.outcome?.status).toBe(500);
      expect(observer.events[0]).toBe("request GET /");
      expect(observer.events[1]).toContain("service failed");
      expect(observer.events.slice(2)).toEqual([`failed ${code}`, `closed ${code}`]);
    });

    test(`${what}, with abortOnServiceError: the connection is reset without an answer`, async () => {
      const server = serveOn(service, { abortOnServiceError: true });
      server.io.push(get);
      await expectAborted(server, "", "user", code);
    });
  }

  test("keeps its error as the cause, and aborts the signal with it", async () => {
    let signal: AbortSignal | undefined;
    const server = serveOn((request) => {
      signal = request.signal;
      throw trouble;
    });
    server.io.push(get);
    await expectFailedAfter(server, failed, "user", "SERVICE_FAILED");
    expect(server.outcome?.cause).toBe(trouble);
    expect(signal?.reason).toBe(server.outcome);
  });

  test("behind a pipelined answer: both leave, in order", async () => {
    let calls = 0;
    const server = serveOn(() => {
      if (++calls === 2) throw trouble;
      return ok();
    });
    server.io.push(get + get + get);
    await expectFailedAfter(server, okText + failed, "user", "SERVICE_FAILED");
    expect(calls).toBe(2);
  });

  test("after the connection has ended: nothing happens, and nothing is unhandled", async () => {
    const answer = deferred<HttpResponse>();
    const observer = recorder();
    const server = serveOn(() => answer.promise, { observer });
    server.io.push(get);
    server.connection.abort();
    answer.reject(trouble);
    await expectAborted(server, "", "canceled", "ABORTED");
    expect(observer.events).toEqual(["request GET /", "failed ABORTED", "closed ABORTED"]);
  });
});

describe("a body that fails", () => {
  const trouble = new Error("trouble");
  const bodies: readonly (readonly [string, () => Body])[] = [
    [
      "throws",
      () =>
        new Acting(() => {
          throw trouble;
        }),
    ],
    ["rejects", () => new Acting(() => Promise.reject(trouble))],
    ["gives something that is no frame", () => new Acting(() => "hello" as never)],
    ["resolves to something that is no frame", () => new Acting(async () => 5 as never)],
  ];

  for (const [what, body] of bodies) {
    test(`${what}: a chunked response ends without its last chunk`, async () => {
      const observer = recorder();
      const server = serveOn(() => new HttpResponse(200, {}, body()), { observer });
      server.io.push(get);
      await expectFailedAfter(server, chunkedStart, "user", "BODY_FAILED");
      expect(observer.events).toEqual(["request GET /", "response 200", "failed BODY_FAILED", "closed BODY_FAILED"]);
    });
  }

  test("with content-length: the missing bytes are not made up", async () => {
    const body = fromIterable(
      (async function* () {
        yield "he";
        throw trouble;
      })(),
    );
    const server = serveOn(() => new HttpResponse(200, { "content-length": "5" }, body));
    server.io.push(get);
    await expectFailedAfter(server, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe", "user", "BODY_FAILED");
    expect(server.outcome?.cause).toBe(trouble);
  });

  test("where the end of the stream ends the content: the transport is reset, an orderly end would complete it", async () => {
    const { sender, body } = channel(1);
    const server = serveOn(() => new HttpResponse(200, {}, body));
    server.io.push("GET / HTTP/1.0\r\n\r\n");
    await sender.sendData("he");
    await settle();
    expect(server.io.takeWritten()).toBe("HTTP/1.0 200 OK\r\nconnection: close\r\n\r\nhe");
    sender.abort(trouble);
    await expectAborted(server, "", "user", "BODY_FAILED");
  });

  test("when it is canceled, or asked whether it is at its end, harms nobody", async () => {
    class Broken extends Acting {
      override isEndStream(): boolean {
        throw trouble;
      }
      override cancel(): void {
        throw trouble;
      }
    }
    const server = serveOn(
      () => new HttpResponse(200, { "content-length": "1" }, new Broken(() => Uint8Array.of(0x61))),
    );
    server.io.push(get + head("HEAD / HTTP/1.1"));
    const start = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n";
    expect(server.io.takeWritten()).toBe(`${start}a${start}`);
    expectOpen(server);
  });
});

describe("a service that gives the connection up within its call", () => {
  test("and answers all the same: nothing is written, the body is canceled", async () => {
    let connection: Connection | undefined;
    const observer = recorder();
    const body = new Acting(() => null);
    const server = serveOn(
      () => {
        connection?.abort();
        return new HttpResponse(200, {}, body);
      },
      { observer },
    );
    connection = server.connection;
    server.io.push(get + get);
    await expectAborted(server, "", "canceled", "ABORTED");
    expect(body.canceled).toBe(1);
    expect(observer.events).toEqual(["request GET /", "failed ABORTED", "closed ABORTED"]);
  });

  test("through its body, when that is asked for a frame: nothing more is written or asked", async () => {
    let connection: Connection | undefined;
    let asked = 0;
    const observer = recorder();
    const body = new Acting(() => {
      asked++;
      connection?.abort();
      return Uint8Array.of(0x61);
    });
    const server = serveOn(() => new HttpResponse(200, { "content-length": "1" }, body), { observer });
    connection = server.connection;
    server.io.push(get);
    await expectAborted(server, "", "canceled", "ABORTED");
    expect([asked, body.canceled]).toEqual([1, 1]);
    expect(observer.events).toEqual(["request GET /", "response 200", "failed ABORTED", "closed ABORTED"]);
  });

  test("through its body, when that is canceled at its end", async () => {
    let connection: Connection | undefined;
    class Rude extends Acting {
      override cancel(): void {
        connection?.abort();
      }
    }
    const server = serveOn(() => new HttpResponse(200, { "content-length": "1" }, new Rude(() => Uint8Array.of(0x61))));
    connection = server.connection;
    server.io.push(get);
    await expectAborted(server, "", "canceled", "ABORTED");
  });

  for (const event of [
    "requestStarted",
    "responseStarted",
    "exchangeEnded",
    "informational",
    "serviceFailed",
  ] as const) {
    test(`through an observer, told of ${event}`, async () => {
      let connection: Connection | undefined;
      let calls = 0;
      const server = serveOn(
        (request) => {
          calls++;
          if (event === "informational") sendInformational(request, 103);
          if (event === "serviceFailed") throw new Error("trouble");
          return ok();
        },
        { observer: { [event]: () => connection?.abort() } },
      );
      connection = server.connection;
      server.io.push(get + get);
      await expectAborted(server, "", "canceled", "ABORTED");
      expect(calls).toBe(event === "requestStarted" ? 0 : 1);
    });
  }
});

describe("a service that does everything within its call", () => {
  test("reads a frame, cancels, sends 103, and answers", async () => {
    const server = serveOn((request) => {
      const frame = request.body.frame();
      expect(frame).toEqual(Uint8Array.of(0x61));
      request.body.cancel();
      sendInformational(request, 103);
      return ok();
    });
    server.io.push(`${head("POST / HTTP/1.1", "content-length: 3")}a`);
    server.io.push(`bc${get.replace("GET", "PUT")}`);
    await settle();
    const early = "HTTP/1.1 103 Early Hints\r\n\r\n";
    expect(server.io.takeWritten().startsWith(early + okText)).toBe(true);
  });

  test("waits for a frame, cancels, and answers: the wait fails, and the connection goes on", async () => {
    const waits: unknown[] = [];
    const server = serveOn((request) => {
      if (request.method === "GET") return ok();
      Promise.resolve(request.body.frame()).catch((error) => waits.push(error));
      request.body.cancel("no interest");
      return ok();
    });
    server.io.push(head("POST / HTTP/1.1", "content-length: 3"), `abc${get}`);
    await settle();
    expect(waits).toEqual(["no interest"]);
    expect(server.io.takeWritten()).toBe(okText + okText);
    expectOpen(server);
  });

  test("reads content that is malformed, and answers: 400 is the only answer", async () => {
    const observer = recorder();
    const server = serveOn(
      (request) => {
        expect(() => request.body.frame()).toThrow(HttpError);
        return ok();
      },
      { observer },
    );
    server.io.push(`${head("POST / HTTP/1.1", "transfer-encoding: chunked")}x\r\n`);
    await expectFailedAfter(server, refusal("400 Bad Request"), "parse", "INVALID_CHUNK");
    expect(observer.events).toEqual(["request POST /", "failed INVALID_CHUNK", "closed INVALID_CHUNK"]);
  });

  test("reads content that comes too slowly, and answers later: 408 is the only answer", async () => {
    const server = serveOn(async (request) => {
      await Promise.resolve(request.body.frame()).catch(() => {});
      return ok();
    });
    server.io.push(head("POST / HTTP/1.1", "content-length: 3"));
    server.timer.advance(30_000);
    await expectFailedAfter(server, refusal("408 Request Timeout"), "timeout", "bodyTimeoutMs");
  });
});
