/** The limits on the size of a head: field lines, bytes, and what is buffered of it. */
import { HttpRequest } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import { scriptedIo } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { expectFailedAfter, expectOpen, get, head, ok, okText, refusal } from "../support/server.ts";
import { connectOn, latin1, rejection, serveOn } from "../support/wire.ts";

const tooLarge = refusal("431 Request Header Fields Too Large");

function seen(options: http1.ServerOptions = {}): { requests: HttpRequest[]; server: ReturnType<typeof serveOn> } {
  const requests: HttpRequest[] = [];
  const server = serveOn((request) => {
    requests.push(request);
    return ok();
  }, options);
  return { requests, server };
}

describe("the size of a head", () => {
  /** A request with `count` field lines; 0 only HTTP/1.0 allows. */
  function fields(count: number): string {
    const others = Array.from({ length: Math.max(0, count - 1) }, (_, i) => `x-${i}: ${i}\r\n`).join("");
    return count === 0 ? "GET / HTTP/1.0\r\n\r\n" : `GET / HTTP/1.1\r\nhost: a\r\n${others}\r\n`;
  }

  async function expectFields(count: number, passes: boolean, options: http1.ServerOptions): Promise<void> {
    const { requests, server } = seen(options);
    server.io.push(fields(count));
    if (passes) {
      expect([count, requests[0]?.headers.size]).toEqual([count, count]);
    } else {
      await expectFailedAfter(server, tooLarge, "limit", "TOO_MANY_HEADERS");
      expect(requests).toEqual([]);
    }
  }

  async function expectResponseFields(count: number, passes: boolean, options: http1.ClientOptions): Promise<void> {
    const client = await connectOn(options);
    const sent = client.sender.send(HttpRequest.get("/", { host: "a" }));
    const others = Array.from({ length: count }, (_, i) => `x-${i}: ${i}\r\n`).join("");
    client.io.push(`HTTP/1.1 200 OK\r\n${others}\r\n`);
    if (passes) expect((await sent).headers.size).toBe(count);
    else expect((await rejection(sent)).code).toBe("TOO_MANY_HEADERS");
  }

  test("[hyper-011] 100 field lines by default: 0, 1, 50, 99, 100 pass, 101, 102, 200 do not, in both roles", async () => {
    for (const count of [0, 1, 50, 99, 100]) {
      await expectFields(count, true, {});
      await expectResponseFields(count, true, {});
    }
    for (const count of [101, 102, 200]) {
      await expectFields(count, false, {});
      await expectResponseFields(count, false, {});
    }
  });

  test("[hyper-012] maxHeaders 0 allows none; 200 allows 200 and not 201", async () => {
    await expectFields(0, true, { maxHeaders: 0 });
    await expectFields(1, false, { maxHeaders: 0 });
    await expectFields(200, true, { maxHeaders: 200 });
    await expectFields(201, false, { maxHeaders: 200 });
    await expectResponseFields(0, true, { maxHeaders: 0 });
    await expectResponseFields(1, false, { maxHeaders: 0 });
    await expectResponseFields(200, true, { maxHeaders: 200 });
    await expectResponseFields(201, false, { maxHeaders: 200 });
  });

  test("[hyper-010] a name of 64 KiB: 431", async () => {
    const { server } = seen();
    server.io.push(head("GET / HTTP/1.1", `${"x".repeat(65_536)}: 1`));
    await expectFailedAfter(server, tooLarge, "limit", "HEAD_TOO_LARGE");
  });

  test("maxHeadBytes: a head of that many bytes passes, one more does not: 431", async () => {
    const longer = get.replace("\r\n\r\n", `\r\nx: ${"y".repeat(64)}\r\n\r\n`);
    const at = seen({ maxHeadBytes: longer.length });
    at.server.io.push(longer);
    expect(at.server.io.takeWritten()).toBe(okText);
    const over = seen({ maxHeadBytes: longer.length - 1 });
    over.server.io.push(longer);
    await expectFailedAfter(over.server, tooLarge, "limit", "HEAD_TOO_LARGE");
    const whole = seen({ maxHeadBytes: longer.length });
    for (const char of longer) whole.server.io.push(char);
    whole.server.timer.advance(0);
    expect(whole.server.io.takeWritten()).toBe(okText);
  });

  test("[hyper-013] maxBufferBytes 8191 is refused when the connection is made, 8193 works", () => {
    const serve = (maxBufferBytes: number): http1.ServerOptions => ({ maxBufferBytes, timer: null });
    const message = "http1.serve: maxBufferBytes must be a whole number from 8192 to Infinity, got 8191";
    const io = scriptedIo();
    expect(() => http1.serve(io, { call: ok }, serve(8191))).toThrow(new RangeError(message));
    expect([io.isReading, io.isAborted]).toEqual([false, false]);
    expect(() => http1.serve(io, { call: ok }, serve(8193))).not.toThrow();
    const { server } = seen({ maxBufferBytes: 8193 });
    server.io.push(get);
    expect(server.io.takeWritten()).toBe(okText);
  });

  test("[hyper-014] a head larger than maxBufferBytes: 431", async () => {
    const at = seen({ maxBufferBytes: 16_000 });
    const start = "GET / HTTP/1.1\r\nhost: a\r\nx: ";
    at.server.io.push(`${start}${"y".repeat(16_000 - start.length - 4)}\r\n\r\n`);
    expect(at.server.io.takeWritten()).toBe(okText);
    const over = seen({ maxBufferBytes: 16_000 });
    over.server.io.push(`${start}${"y".repeat(16_001 - start.length - 4)}\r\n\r\n`);
    await expectFailedAfter(over.server, tooLarge, "limit", "HEAD_TOO_LARGE");
  });

  test("[hyper-015] the limit holds inside a field that is split over two reads: 431", async () => {
    const { server } = seen({ maxBufferBytes: 8192 });
    server.io.push(`GET / HTTP/1.1\r\nhost: a\r\nx-one: ${"y".repeat(8_000)}\r\nx-tw`);
    expectOpen(server);
    server.io.push(`o: ${"z".repeat(300)}\r\n\r\n`);
    await expectFailedAfter(server, tooLarge, "limit", "HEAD_TOO_LARGE");
  });

  test("a value with obs-text arrives byte for byte", () => {
    const { requests, server } = seen();
    server.io.push(head("GET / HTTP/1.1", "x: \x80\xff"));
    expect(requests[0]?.headers.get("x")).toBe("\x80\xff");
    expect(latin1(server.io.written)).toBe(okText);
  });
});
