/** Every time limit of the server, by a clock that moves when told to: what it counts, what it does, and its name. */
import { channel } from "@sluice/body";
import { HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import {
  deferred,
  expectAborted,
  expectClosedAfter,
  expectFailedAfter,
  expectOpen,
  get,
  head,
  lastOkText,
  ok,
  okText,
  refusal,
} from "../support/server.ts";
import { contentOf, serveOn, settle } from "../support/wire.ts";

const timeout = refusal("408 Request Timeout");
const never = (): Promise<HttpResponse> => new Promise(() => {});

describe("headTimeoutMs", () => {
  test("[hyper-110] a head that drips in: 408 when the limit has passed, not a millisecond before", async () => {
    const server = serveOn(ok, { headTimeoutMs: 1_000 });
    for (const char of "GET / HTT") {
      server.io.push(char);
      server.timer.advance(111);
    }
    expectOpen(server);
    server.timer.advance(1);
    expect(server.io.isShutdown).toBe(true);
    await expectFailedAfter(server, timeout, "timeout", "headTimeoutMs");
    expect(server.outcome?.message).toBe("no whole head came within headTimeoutMs = 1000 ms");
  });

  test("[hyper-111] counts from the start, before any byte; then nothing is answered", async () => {
    const server = serveOn(ok, { headTimeoutMs: 1_000 });
    server.timer.advance(999);
    expectOpen(server);
    server.timer.advance(1);
    await expectFailedAfter(server, "", "timeout", "headTimeoutMs");
    expect(server.outcome?.message).toBe("no request came within headTimeoutMs = 1000 ms");
  });

  test("[hyper-111] empty lines are no request: they do not move it", async () => {
    const server = serveOn(ok, { headTimeoutMs: 1_000 });
    server.timer.advance(900);
    server.io.push("\r\n\r\n");
    server.timer.advance(100);
    await expectFailedAfter(server, "", "timeout", "headTimeoutMs");
  });

  test("counts again from the first byte", async () => {
    const server = serveOn(ok, { headTimeoutMs: 1_000 });
    server.timer.advance(900);
    server.io.push("G");
    server.timer.advance(999);
    expectOpen(server);
    server.timer.advance(1);
    await expectFailedAfter(server, timeout, "timeout", "headTimeoutMs");
  });

  test("[hyper-112] starts anew for each request on a kept connection", async () => {
    const server = serveOn(ok, { headTimeoutMs: 1_000 });
    for (const _ of [1, 2, 3]) {
      server.io.push("GET / HT");
      server.timer.advance(900);
      server.io.push("TP/1.1\r\nhost: a\r\n\r\n");
      expect(server.io.takeWritten()).toBe(okText);
    }
    server.io.push("GET / HT");
    server.timer.advance(1_000);
    await expectFailedAfter(server, timeout, "timeout", "headTimeoutMs");
  });

  test("[hyper-114] is not counted while the service works, content comes in, or a response goes out", async () => {
    const answer = deferred<HttpResponse>();
    const { sender, body } = channel(1);
    const server = serveOn(() => answer.promise, { headTimeoutMs: 1_000, idleTimeoutMs: 1_000 });
    server.io.push(get);
    server.timer.advance(20_000);
    expectOpen(server);
    answer.resolve(new HttpResponse(200, {}, body));
    await settle();
    server.timer.advance(20_000);
    expect(server.io.takeWritten()).toBe("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    expectOpen(server);
    sender.close();
    await settle();
    expect(server.io.takeWritten()).toBe("0\r\n\r\n");
    server.timer.advance(999);
    expectOpen(server);
    server.timer.advance(1);
    await expectClosedAfter(server, "");
  });

  test("defaults to 30 s, and 0 switches it off", async () => {
    const server = serveOn(ok);
    server.timer.advance(29_999);
    expectOpen(server);
    server.timer.advance(1);
    await expectFailedAfter(server, "", "timeout", "headTimeoutMs");
    const patient = serveOn(ok, { headTimeoutMs: 0, requestTimeoutMs: 0 });
    patient.timer.advance(1e9);
    patient.io.push("GET /");
    patient.timer.advance(1e9);
    expectOpen(patient);
    expect(patient.timer.pending).toBe(0);
  });
});

describe("idleTimeoutMs", () => {
  test("[hyper-113] closes a kept connection between requests, without an error and without an answer", async () => {
    const server = serveOn(ok, { idleTimeoutMs: 1_000 });
    server.io.push(get);
    expect(server.io.takeWritten()).toBe(okText);
    server.timer.advance(500);
    server.io.push(get);
    expect(server.io.takeWritten()).toBe(okText);
    server.timer.advance(999);
    expectOpen(server);
    server.timer.advance(1);
    await expectClosedAfter(server, "");
  });

  test("defaults to 65 s", async () => {
    const server = serveOn(ok);
    server.io.push(get);
    server.io.takeWritten();
    server.timer.advance(64_999);
    expectOpen(server);
    server.timer.advance(1);
    await expectClosedAfter(server, "");
  });
});

describe("requestTimeoutMs", () => {
  test("counts from the first byte of the head to the last of the content: 408", async () => {
    const server = serveOn((request) => contentOf(request.body).then(ok), { requestTimeoutMs: 1_000, minBodyRate: 0 });
    server.io.push("POST / HTTP/1.1\r\n");
    server.timer.advance(400);
    server.io.push("host: a\r\ncontent-length: 10\r\n\r\n12345");
    for (const char of "6789") {
      server.timer.advance(149);
      server.io.push(char);
    }
    server.timer.advance(3);
    await settle();
    expectOpen(server);
    server.timer.advance(1);
    await expectFailedAfter(server, timeout, "timeout", "requestTimeoutMs");
    expect(server.outcome?.message).toBe("no whole request came within requestTimeoutMs = 1000 ms");
  });

  test("a head alone meets it too", async () => {
    const server = serveOn(ok, { requestTimeoutMs: 500 });
    server.io.push("GET /");
    server.timer.advance(500);
    await expectFailedAfter(server, timeout, "timeout", "requestTimeoutMs");
  });

  test("once the request is whole it has no say", async () => {
    for (const input of [get, `${head("POST / HTTP/1.1", "content-length: 1")}a`]) {
      const server = serveOn((request) => contentOf(request.body).then(never), { requestTimeoutMs: 1_000 });
      server.io.push(input);
      await settle();
      server.timer.advance(100_000);
      await settle();
      expectOpen(server);
      expect(server.timer.pending).toBe(0);
    }
  });

  test("cuts a response that has begun, without a second answer", async () => {
    const { sender, body } = channel(1);
    const server = serveOn(() => new HttpResponse(200, {}, body), { requestTimeoutMs: 1_000 });
    server.io.push(head("POST / HTTP/1.1", "content-length: 10"));
    server.timer.advance(1_000);
    const start = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    await expectFailedAfter(server, start, "timeout", "requestTimeoutMs");
    expect(sender.isClosed).toBe(true);
  });
});

describe("bodyTimeoutMs", () => {
  test("counts while the service waits for content: 408, and the reading fails", async () => {
    const failures: unknown[] = [];
    const server = serveOn(
      (request) => contentOf(request.body).then(ok, (error) => Promise.reject(failures.push(error))),
      {
        bodyTimeoutMs: 1_000,
        minBodyRate: 0,
      },
    );
    server.io.push(head("POST / HTTP/1.1", "content-length: 10"));
    for (const char of "123") {
      server.timer.advance(999);
      server.io.push(char);
      await settle();
    }
    server.timer.advance(999);
    expectOpen(server);
    server.timer.advance(1);
    await expectFailedAfter(server, timeout, "timeout", "bodyTimeoutMs");
    expect(server.outcome?.message).toBe("no bytes of the body came within bodyTimeoutMs = 1000 ms");
    expect(failures).toEqual([server.outcome]);
  });

  test("does not count while nobody reads", async () => {
    const server = serveOn(never, { bodyTimeoutMs: 1_000, requestTimeoutMs: 0 });
    server.io.push(head("POST / HTTP/1.1", "content-length: 10"));
    server.timer.advance(100_000);
    expectOpen(server);
    expect(server.timer.pending).toBe(0);
  });

  test("counts while what nobody read is dropped; the response is out, so the connection only ends", async () => {
    const server = serveOn(ok, { bodyTimeoutMs: 1_000, minBodyRate: 0 });
    server.io.push(head("POST / HTTP/1.1", "content-length: 10"));
    expect(server.io.takeWritten()).toBe(okText);
    server.timer.advance(999);
    server.io.push("1");
    server.timer.advance(999);
    expectOpen(server);
    server.timer.advance(1);
    await expectFailedAfter(server, "", "timeout", "bodyTimeoutMs");
  });
});

describe("minBodyRate", () => {
  test("content slower than that, beyond the grace: 408", async () => {
    const options = { minBodyRate: 100, minBodyRateGraceMs: 1_000 };
    const server = serveOn((request) => contentOf(request.body).then(ok), options);
    server.io.push(head("POST / HTTP/1.1", "content-length: 10000"));
    // Within the grace anything goes.
    server.timer.advance(1_000);
    server.io.push("x");
    await settle();
    expectOpen(server);
    // 100 bytes in the second after it are just enough.
    server.timer.advance(1_000);
    server.io.push("x".repeat(99));
    await settle();
    expectOpen(server);
    server.timer.advance(1_000);
    server.io.push("x".repeat(99));
    await expectFailedAfter(server, timeout, "timeout", "minBodyRate");
    expect(server.outcome?.message).toBe("the body comes more slowly than minBodyRate = 100 bytes per second");
  });

  test("the time a service takes between reads does not count", async () => {
    const steps: (() => void)[] = [];
    const server = serveOn(
      async (request) => {
        for (let i = 0; i < 4; i++) {
          await request.body.frame();
          await new Promise<void>((resolve) => steps.push(resolve));
        }
        return ok();
      },
      { minBodyRate: 1_000, minBodyRateGraceMs: 0, requestTimeoutMs: 0 },
    );
    server.io.push(head("POST / HTTP/1.1", "content-length: 4"));
    for (const char of "1234") {
      await settle();
      server.io.push(char);
      await settle();
      server.timer.advance(60_000);
      steps.pop()?.();
    }
    await settle();
    expect(server.io.takeWritten()).toBe(okText);
  });
});

describe("writeTimeoutMs", () => {
  test("a transport that takes nothing for so long is given up", async () => {
    const { sender, body } = channel(1);
    const server = serveOn(() => new HttpResponse(200, {}, body), { writeTimeoutMs: 1_000 }, { capacityBytes: 1 });
    server.io.push(get);
    expect(server.io.takeWritten()).toContain("HTTP/1.1 200 OK");
    await sender.sendData("a");
    await settle();
    server.timer.advance(999);
    server.io.drain();
    await settle();
    expect(server.io.takeWritten()).toBe("1\r\na\r\n");
    server.timer.advance(999);
    expectOpen(server);
    server.timer.advance(1);
    await expectAborted(server, "", "timeout", "writeTimeoutMs");
    expect(server.outcome?.message).toBe("the transport took no more bytes within writeTimeoutMs = 1000 ms");
    expect(sender.isClosed).toBe(true);
  });

  test("does not count while a service or a body takes its time", async () => {
    const { body } = channel(1);
    const server = serveOn(() => new HttpResponse(200, {}, body), { writeTimeoutMs: 1_000 });
    server.io.push(get);
    server.io.takeWritten();
    server.timer.advance(100_000);
    expectOpen(server);
  });

  test("counts for the end of the stream as well", async () => {
    const server = serveOn(ok, { writeTimeoutMs: 1_000 }, { turns: { post: () => {} } });
    server.connection.gracefulShutdown();
    server.timer.advance(999);
    expect([server.io.isShutdown, server.io.isAborted]).toEqual([true, false]);
    server.timer.advance(1);
    await settle();
    expect([server.io.isAborted, server.outcome?.code, server.timer.pending]).toEqual([true, "writeTimeoutMs", 0]);
    expect(server.outcome?.message).toBe("the last bytes could not be sent within writeTimeoutMs = 1000 ms");
  });
});

describe("maxConnectionAgeMs", () => {
  test("shuts an idle connection down", async () => {
    const server = serveOn(ok, { maxConnectionAgeMs: 1_000 });
    server.io.push(get);
    server.io.takeWritten();
    server.timer.advance(999);
    expectOpen(server);
    server.timer.advance(1);
    await expectClosedAfter(server, "");
  });

  test("lets what is under way end, with connection: close, within the grace", async () => {
    const answer = deferred<HttpResponse>();
    const server = serveOn(() => answer.promise, { maxConnectionAgeMs: 1_000, maxConnectionAgeGraceMs: 500 });
    server.io.push(get);
    server.timer.advance(1_499);
    expectOpen(server);
    answer.resolve(ok());
    await expectClosedAfter(server, lastOkText);
  });

  test("aborts what is under way after the grace; a grace of 0 has no end", async () => {
    const server = serveOn(never, { maxConnectionAgeMs: 1_000, maxConnectionAgeGraceMs: 500 });
    server.io.push(get);
    server.timer.advance(1_499);
    expectOpen(server);
    server.timer.advance(1);
    await expectAborted(server, "", "canceled", "SHUTDOWN");
    const patient = serveOn(never, { maxConnectionAgeMs: 1_000, maxConnectionAgeGraceMs: 0 });
    patient.io.push(get);
    patient.timer.advance(1e9);
    expectOpen(patient);
  });
});
