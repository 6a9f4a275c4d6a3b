/**
 * What a pool needs of a client connection: targets in origin-form with Host, cancelled responses that are drained, the end of
 * an exchange told, and failures that say whether the request may be repeated.
 */
import { collect, full } from "@sluice/body";
import { HttpRequest, isUnanswered, isUnsent } from "@sluice/core";
import type * as http1 from "@sluice/core/http1";
import { describe, expect, test } from "vitest";
import { exchange, gaveUp, get, okWire, open, post, stateOf } from "../support/client.ts";
import { connectOn, rejection, settle } from "../support/wire.ts";

describe("originForm", () => {
  async function startOf(request: HttpRequest, options: http1.ClientOptions = { originForm: true }): Promise<string> {
    const client = await connectOn(options);
    client.sender.send(request).catch(() => {});
    await settle();
    client.connection.abort();
    return client.io.writtenText;
  }

  test("an absolute target becomes path and query, its authority Host, in front of the other fields", async () => {
    expect(await startOf(HttpRequest.get("http://a.test:8080/x?y=z", { accept: "*/*" }))).toBe(
      "GET /x?y=z HTTP/1.1\r\nhost: a.test:8080\r\naccept: */*\r\n\r\n",
    );
    expect(await startOf(HttpRequest.get("http://[::1]:81"))).toBe("GET / HTTP/1.1\r\nhost: [::1]:81\r\n\r\n");
    expect(await startOf(HttpRequest.get("http://a.test?q"))).toBe("GET /?q HTTP/1.1\r\nhost: a.test\r\n\r\n");
  });

  test.each([
    ["http://a.test:80/", "a.test"],
    ["https://a.test:443/", "a.test"],
    ["HTTP://a.test:80/", "a.test"],
    ["http://a.test:/", "a.test"],
    ["http://a.test:443/", "a.test:443"],
    ["https://a.test:80/", "a.test:80"],
    ["http://[::1]:80/", "[::1]"],
    ["http://[::80]/", "[::80]"],
    ["http://a.test:8080/", "a.test:8080"],
  ])("a port that the scheme implies is left out of Host: %s gives %s", async (target, host) => {
    expect(await startOf(HttpRequest.get(target))).toBe(`GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
  });

  test("a Host of the request's own is sent in its place, and is checked", async () => {
    expect(await startOf(HttpRequest.get("http://a.test/", { host: "b.test" }))).toBe(
      "GET / HTTP/1.1\r\nhost: b.test\r\n\r\n",
    );
    const client = await connectOn({ originForm: true });
    const error = await rejection(client.sender.send(HttpRequest.get("http://a.test/", { host: ["b", "c"] })));
    expect([error.code, client.io.writtenText]).toEqual(["INVALID_HOST", ""]);
  });

  test("OPTIONS of a URI without path and query is asterisk-form (RFC 9112 3.2.4)", async () => {
    expect(await startOf(HttpRequest.options("http://a.test"))).toBe("OPTIONS * HTTP/1.1\r\nhost: a.test\r\n\r\n");
    expect(await startOf(HttpRequest.options("http://a.test/"))).toBe("OPTIONS / HTTP/1.1\r\nhost: a.test\r\n\r\n");
    expect(await startOf(HttpRequest.options("http://a.test?q"))).toBe("OPTIONS /?q HTTP/1.1\r\nhost: a.test\r\n\r\n");
  });

  test("CONNECT keeps its authority-form, which Host repeats with its port", async () => {
    expect(await startOf(HttpRequest.connect("a.test:443"))).toBe(
      "CONNECT a.test:443 HTTP/1.1\r\nhost: a.test:443\r\n\r\n",
    );
  });

  test("a target in origin-form needs a Host as ever; the request is not changed by any of this", async () => {
    const client = await connectOn({ originForm: true });
    expect((await rejection(client.sender.send(HttpRequest.get("/")))).code).toBe("INVALID_HOST");
    const request = HttpRequest.get("http://a.test/");
    client.sender.send(request).catch(() => {});
    expect([request.target.toString(), request.headers.size]).toEqual(["http://a.test/", 0]);
    client.connection.abort();
  });

  test("the field that is added follows titleCaseHeaders", async () => {
    const wire = await startOf(HttpRequest.get("http://a.test/"), { originForm: true, titleCaseHeaders: true });
    expect(wire).toBe("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  });
});

describe("maxDrainBytes", () => {
  const sized = (length: number, sent: string): string => `HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n${sent}`;

  test("the rest of a cancelled response is read and dropped, and the connection goes on", async () => {
    const client = await connectOn({ maxDrainBytes: 10 });
    const { body } = await exchange(client, get(), sized(10, "12345"));
    body.cancel();
    expect(stateOf(client)).toEqual({ ...open, ready: false });
    client.io.push("678");
    await settle();
    expect(stateOf(client).ready).toBe(false);
    client.io.push("90");
    await settle();
    expect(stateOf(client)).toEqual(open);
    const next = await exchange(client, get(), sized(2, "ok"));
    expect(await collect(next.body).text()).toBe("ok");
  });

  test("one byte more than the limit closes the connection at once", async () => {
    const client = await connectOn({ maxDrainBytes: 10 });
    const { body } = await exchange(client, get(), sized(11, "12345"));
    body.cancel();
    await settle();
    expect(stateOf(client)).toEqual(gaveUp("canceled BODY_CANCELED"));
  });

  test("chunked: counted as it comes; the end within the limit keeps the connection, more closes it", async () => {
    for (const [rest, state] of [
      ["5\r\n67890\r\n0\r\n\r\n", open],
      ["6\r\n67890a\r\n0\r\n\r\n", gaveUp("canceled BODY_CANCELED")],
    ] as const) {
      const client = await connectOn({ maxDrainBytes: 10 });
      const { body } = await exchange(
        client,
        get(),
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n",
      );
      body.cancel();
      client.io.push(rest);
      await settle();
      expect(stateOf(client)).toEqual(state);
    }
  });

  test("content that ends with the connection is dropped up to its end, or to the limit", async () => {
    const client = await connectOn({ maxDrainBytes: 10 });
    const { body } = await exchange(client, get(), "HTTP/1.1 200 OK\r\n\r\n12345");
    body.cancel();
    client.io.push(null);
    await settle();
    expect(stateOf(client)).toEqual(gaveUp("canceled BODY_CANCELED"));
  });

  test("malformed content behind a cancelled response closes the connection", async () => {
    const client = await connectOn({ maxDrainBytes: 100 });
    const { body } = await exchange(
      client,
      get(),
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n",
    );
    body.cancel();
    client.io.push("x\r\n");
    await settle();
    expect(stateOf(client)).toEqual(gaveUp("canceled BODY_CANCELED"));
  });

  test("a rest that does not come in drainTimeoutMs closes the connection", async () => {
    const client = await connectOn({ maxDrainBytes: 100, bodyTimeoutMs: 0, drainTimeoutMs: 1_000 });
    const { body } = await exchange(client, get(), sized(10, "12345"));
    body.cancel();
    client.timer.advance(999);
    expect(stateOf(client).closed).toBe(false);
    client.timer.advance(1);
    await settle();
    expect(stateOf(client)).toEqual(gaveUp("timeout bodyTimeoutMs"));
  });
});

describe("onEnd", () => {
  test("is called once both directions are through, when the connection takes the next request", async () => {
    const client = await connectOn();
    const ends: unknown[] = [];
    const onEnd = (error?: Error): void => void ends.push(error, client.sender.isReady);
    const { body } = await exchange(client, post(full("hi")), "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", {
      onEnd,
    });
    expect(ends).toEqual([]);
    client.io.push("ok");
    expect(ends).toEqual([]);
    expect(await collect(body).text()).toBe("ok");
    expect(ends).toEqual([undefined, true]);
  });

  test("comes before the response where there is no content", async () => {
    const client = await connectOn();
    const order: string[] = [];
    const response = client.sender.send(get(), { onEnd: () => void order.push("end") });
    void response.then(() => order.push("response"));
    client.io.push(okWire);
    await settle();
    expect(order).toEqual(["end", "response"]);
  });

  test("is told what ended the exchange, once", async () => {
    const client = await connectOn();
    const ends: unknown[] = [];
    const response = client.sender.send(get(), { onEnd: (error) => void ends.push(error?.code) });
    client.io.push(null);
    const error = await rejection(response);
    expect([ends, error.code]).toEqual([["INCOMPLETE_MESSAGE"], "INCOMPLETE_MESSAGE"]);
  });

  test("what it throws is dropped, and a request that is refused at once has no end", async () => {
    const client = await connectOn();
    const onEnd = (): void => {
      throw new Error("mine");
    };
    expect((await exchange(client, get(), okWire, { onEnd })).status).toBe(200);
    const ends: unknown[] = [];
    await rejection(client.sender.send(HttpRequest.get("/"), { onEnd: () => void ends.push(1) }));
    expect([ends, stateOf(client)]).toEqual([[], open]);
  });
});

describe("isUnsent, isUnanswered", () => {
  async function failure(reply: string | null, after?: string): Promise<readonly [boolean, boolean]> {
    const client = await connectOn();
    const response = client.sender.send(get());
    await settle();
    if (reply !== null) client.io.push(reply);
    if (after === "reset") client.io.fail(new Error("reset"));
    else client.io.push(null);
    const error = await rejection(response);
    return [isUnsent(error), isUnanswered(error)];
  }

  test("lost before a byte of the response came: unanswered, be it by an end or a reset", async () => {
    expect(await failure(null)).toEqual([false, true]);
    expect(await failure(null, "reset")).toEqual([false, true]);
  });

  test("not once the server has shown that it has the request: a part of a head, or an informational response", async () => {
    expect(await failure("H")).toEqual([false, false]);
    expect(await failure("HTTP/1.1 200 OK\r\n")).toEqual([false, false]);
    expect(await failure("HTTP/1.1 103 Early Hints\r\n\r\n")).toEqual([false, false]);
  });

  test("not what the client itself gave up", async () => {
    const client = await connectOn({ headTimeoutMs: 1_000 });
    const late = client.sender.send(get());
    await settle();
    client.timer.advance(1_000);
    expect(isUnanswered(await rejection(late))).toBe(false);
    const other = await connectOn();
    const aborted = other.sender.send(get());
    other.connection.abort();
    expect(isUnanswered(await rejection(aborted))).toBe(false);
  });

  test("a closed connection takes nothing: unsent", async () => {
    const client = await connectOn();
    client.connection.abort();
    const error = await rejection(client.sender.send(get()));
    expect([isUnsent(error), isUnanswered(error)]).toEqual([true, false]);
    expect([isUnsent(new Error("x")), isUnanswered(undefined)]).toEqual([false, false]);
  });
});
