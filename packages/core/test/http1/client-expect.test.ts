/**
 * Informational responses, and content that waits for one of them.
 */
import { channel, full } from "@sluice/body";
import type * as http1 from "@sluice/core/http1";
import { describe, expect, test } from "vitest";
import { counted, exchange, gaveUp, get, okWire, open, post, stateOf, stateOfPromise } from "../support/client.ts";
import { connectOn, lines, recorder, rejection, settle } from "../support/wire.ts";

const head = lines("POST / HTTP/1.1", "host: a.test", "expect: 100-continue", "content-length: 5", "", "");
const proceed = "HTTP/1.1 100 Continue\r\n\r\n";

/** A request whose content waits, on its way. */
async function expecting(options: http1.ClientOptions = {}, sendOptions: http1.SendOptions = {}) {
  const client = await connectOn(options);
  const body = counted(full("hello"));
  const response = client.sender.send(post(body, { expect: "100-continue" }), sendOptions);
  response.catch(() => {});
  return { ...client, client, body, response };
}

describe("informational responses", () => {
  test("[hyper-162] 100 and then the final response: the caller sees only the final one", async () => {
    const client = await connectOn();
    const response = await exchange(client, post(full("hello")), proceed + okWire);
    expect(response.status).toBe(200);
    expect(stateOf(client)).toEqual(open);
  });

  test("[hyper-164] 103 is ignored by default, its fields are not those of the final response", async () => {
    const client = await connectOn();
    const early = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\nconnection: close\r\ncontent-length: 5\r\n\r\n";
    const response = await exchange(client, get(), early + okWire);
    expect([...response.headers]).toEqual([["content-length", "0"]]);
    expect(stateOf(client)).toEqual(open);
  });

  test("[hyper-164] the callback sees each, in order, before the final response", async () => {
    const observer = recorder();
    const client = await connectOn({ observer });
    const seen: string[] = [];
    const onInformational: http1.SendOptions["onInformational"] = (status, headers) =>
      seen.push(`${status} ${[...headers].join()}`);
    const replies = [
      "100 Continue\r\n",
      "102 Processing\r\n",
      "103 Early Hints\r\nlink: a\r\nlink: b\r\n",
      "199 x\r\n",
    ];
    const wire = replies.map((reply) => `HTTP/1.1 ${reply}\r\n`).join("") + okWire;
    await exchange(client, get(), wire, { onInformational });
    expect(seen).toEqual(["100 ", "102 ", "103 link,a,link,b", "199 "]);
    expect(observer.events).toEqual([
      "request GET /",
      "informational 100",
      "informational 102",
      "informational 103",
      "informational 199",
      "response 200",
      "complete",
    ]);
  });

  test("as many as maxInformational, 32 by default, and not one more", async () => {
    const hint = "HTTP/1.1 103 Early Hints\r\n\r\n";
    expect((await exchange(await connectOn(), get(), hint.repeat(32) + okWire)).status).toBe(200);
    const client = await connectOn();
    const error = await rejection(exchange(client, get(), hint.repeat(33) + okWire));
    expect([error.kind, error.code]).toEqual(["limit", "TOO_MANY_INFORMATIONAL"]);
    expect(error.message).toBe("more than 32 informational responses");
    await settle();
    expect(stateOf(client)).toEqual(gaveUp("limit TOO_MANY_INFORMATIONAL"));
    const none = await connectOn({ maxInformational: 0 });
    expect((await rejection(exchange(none, get(), hint))).code).toBe("TOO_MANY_INFORMATIONAL");
  });

  test("they are counted per response", async () => {
    const client = await connectOn({ maxInformational: 1 });
    for (let i = 0; i < 3; i++) expect((await exchange(client, get(), proceed + okWire)).status).toBe(200);
  });

  test("a callback that throws gives the exchange up, with what it threw as the cause", async () => {
    const client = await connectOn();
    const reason = new Error("no hints please");
    const onInformational = () => {
      throw reason;
    };
    const error = await rejection(exchange(client, get(), proceed + okWire, { onInformational }));
    expect([error.kind, error.code, error.cause]).toEqual(["user", "ABORTED_BY_CALLBACK", reason]);
    await settle();
    expect(stateOf(client)).toEqual(gaveUp("user ABORTED_BY_CALLBACK"));
  });

  test("a callback that aborts the connection: nothing of what follows is looked at", async () => {
    const client = await connectOn();
    const onInformational = () => client.connection.abort();
    const error = await rejection(exchange(client, get(), proceed + okWire, { onInformational }));
    expect(error.code).toBe("ABORTED");
    expect(client.timer.pending).toBe(0);
  });
});

describe("expect: 100-continue", () => {
  test("the content waits for 100 and then follows at once", async () => {
    const { client, body, io, response } = await expecting();
    expect([io.writtenText, body.asked]).toEqual([head, 0]);
    io.push(proceed);
    expect(io.writtenText).toBe(`${head}hello`);
    io.push(okWire);
    expect((await response).status).toBe(200);
    expect(stateOf(client)).toEqual(open);
  });

  test("the value is recognised in any case", async () => {
    const client = await connectOn();
    void client.sender.send(post(full("hello"), { expect: "100-Continue" })).catch(() => {});
    expect(client.io.writtenText).not.toContain("hello");
  });

  test("other informational responses do not release it", async () => {
    const { io } = await expecting();
    io.push("HTTP/1.1 103 Early Hints\r\n\r\n");
    expect(io.writtenText).toBe(head);
  });

  test("when the wait limit passes the content is sent all the same, 1 s by default", async () => {
    const { client, io, timer, response } = await expecting();
    timer.advance(999);
    expect(io.writtenText).toBe(head);
    timer.advance(1);
    expect(io.writtenText).toBe(`${head}hello`);
    io.push(proceed + okWire);
    expect((await response).status).toBe(200);
    expect(stateOf(client)).toEqual(open);
  });

  test("the wait limit of the connection, of one request, and none at all", async () => {
    const of = await expecting({ expectContinueTimeoutMs: 10 });
    of.timer.advance(10);
    expect(of.io.writtenText).toBe(`${head}hello`);
    const own = await expecting({ expectContinueTimeoutMs: 10 }, { timeouts: { expectContinueTimeoutMs: 20 } });
    own.timer.advance(19);
    expect(own.io.writtenText).toBe(head);
    own.timer.advance(1);
    expect(own.io.writtenText).toBe(`${head}hello`);
    const forever = await expecting({ expectContinueTimeoutMs: 0 });
    forever.timer.advance(200_000);
    expect(forever.io.writtenText).toBe(head);
  });

  test("a final response instead: the content is not sent but let go, and the connection ends with the response", async () => {
    const { client, io, body, response } = await expecting();
    io.push("HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n");
    expect((await response).status).toBe(417);
    expect(io.writtenText).toBe(head);
    expect([body.asked, body.canceled]).toEqual([0, 1]);
    expect(stateOf(client)).toMatchObject({ ready: false, closed: true, shutdown: true, aborted: false });
    client.timer.advance(1000);
    expect(io.writtenText).toBe(head);
  });

  test("the wait counts as sending: no other request is taken, and the head timer does not run", async () => {
    const { client, io, timer, response } = await expecting({
      expectContinueTimeoutMs: 0,
      headTimeoutMs: 50,
      pipelining: 2,
    });
    expect(client.sender.isReady).toBe(false);
    timer.advance(100);
    expect(await stateOfPromise(response)).toBe("pending");
    io.push(proceed);
    timer.advance(49);
    expect(await stateOfPromise(response)).toBe("pending");
    timer.advance(1);
    expect((await rejection(response)).code).toBe("headTimeoutMs");
  });

  test("the connection ends meanwhile: the request fails, its content is let go unread", async () => {
    const { io, body, response } = await expecting();
    io.push(null);
    expect((await rejection(response)).code).toBe("INCOMPLETE_MESSAGE");
    expect([body.asked, body.canceled]).toEqual([0, 1]);
  });

  test("without content, or in HTTP/1.0, there is nothing to wait for", async () => {
    const client = await connectOn();
    const response = client.sender.send(post(full(""), { expect: "100-continue" }));
    client.timer.advance(0);
    client.io.push(okWire);
    expect((await response).status).toBe(200);
    expect(stateOf(client)).toEqual(open);
    const old = await connectOn();
    void old.sender.send(post(full("hello"), { expect: "100-continue" }).withVersion("HTTP/1.0")).catch(() => {});
    expect(old.io.writtenText).toMatch(/\r\n\r\nhello$/);
  });

  test("a body that fails after 100 fails the exchange", async () => {
    const client = await connectOn();
    const { sender, body } = channel(1);
    const response = client.sender.send(post(body, { expect: "100-continue" }));
    sender.abort(new Error("gone"));
    client.io.push(proceed);
    expect((await rejection(response)).code).toBe("BODY_FAILED");
  });

  test("a second 100 is merely informational", async () => {
    const { client, io, response } = await expecting();
    io.push(proceed + proceed + okWire);
    expect((await response).status).toBe(200);
    expect(io.writtenText).toBe(`${head}hello`);
    expect(stateOf(client)).toEqual(open);
  });
});
