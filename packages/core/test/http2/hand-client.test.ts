/**
 * A client whose requests are sent by hand: when a stream can be opened, and what becomes of the response.
 */
import { full } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { awaiting, connectByHand, getting, posting, received, textOf, thrownBy } from "./support/by-hand.ts";
import { getRequest } from "./support/exchanges.ts";
import { expectClosed, expectFrames, expectQuiet } from "./support/expectations.ts";
import { getText, status } from "./support/messages.ts";

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

describe("sending a request", () => {
  test("the head at once, content and trailers as they come", async () => {
    const target = await connectByHand();
    const { client } = target;
    const request = HttpRequest.post("http://a.test/up", full("not looked at"), { "content-length": "3", x: "1" });
    const { send } = client.sendRequest(request);
    expect([send.id, send.state]).toEqual([1, "open"]);
    await expectFrames(target, [
      "HEADERS 1 :method=POST :scheme=http :authority=a.test :path=/up x=1 content-length=3",
    ]);
    send.sendData(text("abc"));
    send.sendTrailers({ "x-sum": "3" });
    await expectFrames(target, ["DATA 1 3 abc", "HEADERS 1 END_STREAM x-sum=3"]);
    expect(send.state).toBe("half-closed (local)");
  });

  test("with END_STREAM it is all", async () => {
    const { send } = await getting();
    expect([send.state, send.capacity]).toEqual(["half-closed (local)", 0]);
    expect(thrownBy(() => send.sendData(text("x")))).toBe("user STREAM_STATE");
  });

  test("what cannot be sent is refused, no stream is opened, and the next gets the identifier", async () => {
    const target = await connectByHand({}, { settings: { MAX_HEADER_LIST_SIZE: 200 } });
    const { client } = target;
    for (const [request, error] of [
      [HttpRequest.get("/"), "user INVALID_HOST"],
      [HttpRequest.get("http://a.test/", { host: "b.test" }), "user INVALID_HOST"],
      [HttpRequest.get("http://a.test/", { upgrade: "x" }), "user CONNECTION_SPECIFIC_FIELD"],
      [HttpRequest.get("http://a.test/", { te: "gzip" }), "user CONNECTION_SPECIFIC_FIELD"],
      [HttpRequest.get("http://a.test/", { x: "y".repeat(200) }), "user HEADER_LIST_TOO_LARGE"],
    ] as const) {
      expect(thrownBy(() => client.sendRequest(request))).toBe(error);
    }
    await expectQuiet(target);
    client.sendRequest(getRequest(), { endStream: true });
    await expectFrames(target, [`HEADERS 1 END_STREAM ${getText}`]);
  });

  test("extended CONNECT where the server offers it, and once that is known", async () => {
    const websocket = (): HttpRequest => {
      const request = new HttpRequest("GET", "http://a.test/chat").extension(http2.protocolKey, "websocket");
      request.method = "CONNECT";
      return request;
    };
    const target = await connectByHand({}, { handshake: false });
    const { client } = target;
    expect(thrownBy(() => client.sendRequest(websocket()))).toBe("canceled NOT_READY");
    target.peer.settings();
    await target.run();
    expect(thrownBy(() => client.sendRequest(websocket()))).toBe("user EXTENDED_CONNECT_DISABLED");
    target.peer.settings({ ENABLE_CONNECT_PROTOCOL: 1 });
    await target.run();
    target.peer.take();
    const { response, send } = client.sendRequest(websocket());
    await expectFrames(target, [
      "HEADERS 1 :method=CONNECT :protocol=websocket :scheme=http :authority=a.test :path=/chat",
    ]);
    target.peer.headers(1, status(200));
    target.peer.data(1, "in");
    const { body } = await received(target, response);
    expect(await textOf(body)).toBe("in");
    send.sendData(text("out"), true);
    await expectFrames(target, ["DATA 1 END_STREAM 3 out"]);
    target.peer.headers(1, [["x", "1"]], { endStream: true });
    await expectFrames(target, ["RST_STREAM 1 PROTOCOL_ERROR"]);
  });
});

describe("[h2-245] waiting for a stream", () => {
  test("at the server's limit: not ready, a request is refused, and ready() waits for the next end", async () => {
    const target = await connectByHand({}, { settings: { MAX_CONCURRENT_STREAMS: 1 } });
    const { client, peer } = target;
    expect([client.isReady, await client.ready()]).toEqual([true, undefined]);
    const { send } = client.sendRequest(getRequest());
    expect(client.isReady).toBe(false);
    expect(thrownBy(() => client.sendRequest(getRequest()))).toBe("canceled NOT_READY");
    await expectFrames(target, [`HEADERS 1 ${getText}`]);
    const [first, second] = [awaiting(client.ready()), awaiting(client.ready())];
    await target.run();
    expect([first.now, second.now]).toEqual(["pending", "pending"]);
    send.sendReset();
    await expectFrames(target, ["RST_STREAM 1 CANCEL"]);
    expect([first.now, second.now, client.isReady]).toEqual([undefined, undefined, true]);
    client.sendRequest(getRequest(), { endStream: true });
    expect(thrownBy(() => client.sendRequest(getRequest()))).toBe("canceled NOT_READY");
    await expectFrames(target, [`HEADERS 3 END_STREAM ${getText}`]);
    peer.headers(3, status(204), { endStream: true });
    await expectQuiet(target);
    expect([client.isReady, target.connection.streams.queued]).toEqual([true, 0]);
  });

  test("a limit that is raised wakes who waits", async () => {
    const target = await connectByHand({}, { settings: { MAX_CONCURRENT_STREAMS: 0 } });
    const ready = awaiting(target.client.ready());
    await expectQuiet(target);
    expect(ready.now).toBe("pending");
    target.peer.settings({ MAX_CONCURRENT_STREAMS: 1 });
    await expectFrames(target, ["SETTINGS ACK"]);
    expect(ready.now).toBe(undefined);
  });

  test("when none can ever be had: the reason, at once and while waiting", async () => {
    const target = await connectByHand({}, { settings: { MAX_CONCURRENT_STREAMS: 1 } });
    const { client, peer } = target;
    const { response } = client.sendRequest(getRequest(), { endStream: true });
    await expectFrames(target, [`HEADERS 1 END_STREAM ${getText}`]);
    const waiting = awaiting(client.ready());
    peer.goAway(1);
    await expectQuiet(target);
    expect([waiting.now, awaiting(client.ready()).now]).toEqual(["closed GOAWAY NO_ERROR", "pending"]);
    expect(thrownBy(() => client.sendRequest(getRequest()))).toBe("closed GOAWAY NO_ERROR");
    peer.headers(1, status(200), { endStream: true });
    await expectClosed(target, ["GOAWAY 0 NO_ERROR"]);
    expect((await response).head.status).toBe(200);
    const late = awaiting(client.ready());
    await target.run();
    expect(late.now).toBe("closed GOAWAY NO_ERROR");
  });

  test("[h2-154] the last identifier is used, and then none is left", async () => {
    const target = await connectByHand({ initialStreamId: 2 ** 31 - 1 });
    const { response } = target.client.sendRequest(getRequest(), { endStream: true });
    await expectFrames(target, [`HEADERS 2147483647 END_STREAM ${getText}`]);
    const ready = awaiting(target.client.ready());
    await target.run();
    expect(ready.now).toBe("closed NO_STREAM_ID");
    expect(thrownBy(() => target.client.sendRequest(getRequest()))).toBe("closed NO_STREAM_ID");
    target.peer.headers(2_147_483_647, status(200), { endStream: true });
    expect((await received(target, response)).head.status).toBe(200);
  });
});

describe("the response", () => {
  test("head, content, trailers", async () => {
    const target = await getting();
    target.peer.headers(1, status(200, ["x", "1"]));
    target.peer.data(1, "content");
    target.peer.headers(1, [["x-sum", "7"]], { endStream: true });
    const { head, body } = await received(target, target.response);
    expect([head.status, [...head.headers], head.body.isEndStream(), body.id]).toEqual([200, [["x", "1"]], true, 1]);
    expect([await textOf(body), await textOf(body)]).toEqual(["content", null]);
    expect([...((await body.trailers()) ?? [])]).toEqual([["x-sum", "7"]]);
  });

  test("[h2-312] interim ones are told of as they come, and the response is the final one", async () => {
    const seen: unknown[] = [];
    const target = await connectByHand();
    const onInformational: NonNullable<http2.SendRequestOptions["onInformational"]> = (code, headers) =>
      seen.push([code, [...headers]]);
    const { response } = target.client.sendRequest(getRequest(), { endStream: true, onInformational });
    const answer = awaiting(response);
    target.peer.headers(1, status(100));
    target.peer.headers(1, status(103, ["link", "x"]));
    await target.run();
    expect([seen, answer.now]).toEqual([
      [
        [100, []],
        [103, [["link", "x"]]],
      ],
      "pending",
    ]);
    target.peer.headers(1, status(200), { endStream: true });
    expect((await received(target, response)).head.status).toBe(200);
  });

  test("[h2-317] interim ones without end reset the stream", async () => {
    const target = await getting({ maxInformational: 2 });
    const answer = awaiting(target.response);
    for (let times = 0; times < 3; times++) target.peer.headers(1, status(103));
    await expectFrames(target, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    expect(answer.now).toBe("protocol INFORMATIONAL_UNEXPECTED PROTOCOL_ERROR");
  });

  test("onInformational that throws resets its stream, and nothing else", async () => {
    const target = await connectByHand();
    const { response } = target.client.sendRequest(getRequest(), {
      endStream: true,
      onInformational: () => {
        throw new Error("no");
      },
    });
    const other = target.client.sendRequest(getRequest(), { endStream: true });
    await target.run();
    target.peer.take();
    const answer = awaiting(response);
    target.peer.headers(1, status(103));
    await expectFrames(target, ["RST_STREAM 1 CANCEL"]);
    expect(answer.now).toBe("user CALLBACK_FAILED");
    target.peer.headers(3, status(200), { endStream: true });
    expect((await received(target, other.response)).head.status).toBe(200);
  });

  test("a request sent from within onInformational, and from within onReset", async () => {
    const target = await connectByHand();
    const { client } = target;
    const { send } = client.sendRequest(getRequest(), {
      onInformational: () => void client.sendRequest(getRequest(), { endStream: true }),
    });
    send.onReset(() => {
      expect(thrownBy(() => send.sendData(text("x")))).toBe("incomplete STREAM_RESET CANCEL");
      send.sendReset();
      client.sendRequest(getRequest(), { endStream: true });
    });
    target.peer.headers(1, status(103));
    await expectFrames(target, [`HEADERS 1 ${getText}`, `HEADERS 3 END_STREAM ${getText}`]);
    target.peer.rst(1, "CANCEL");
    await expectFrames(target, [`HEADERS 5 END_STREAM ${getText}`]);
  });

  test.each([
    ["without END_STREAM, to HEAD", HttpRequest.head("http://a.test/"), 200, false],
    ["without END_STREAM, 204", getRequest(), 204, false],
    ["304", getRequest(), 304, true],
  ])("[h2-122] content-length of no content is fine: %s", async (_, request, code, endStream) => {
    const target = await connectByHand();
    const { response } = target.client.sendRequest(request, { endStream: true });
    target.peer.headers(1, status(code, ["content-length", "5"]), { endStream });
    if (!endStream) {
      target.peer.data(1, "wrong");
      target.peer.data(1, "", { endStream: true });
    }
    const { head, body } = await received(target, response);
    expect([head.headers.get("content-length"), await textOf(body), await body.trailers()]).toEqual([
      "5",
      null,
      undefined,
    ]);
    await target.run();
    expect(target.peer.take().length).toBe(1);
  });

  test("[h2-122] content-length that END_STREAM belies: no response, and a reset", async () => {
    const target = await getting();
    const answer = awaiting(target.response);
    target.peer.headers(1, status(200, ["content-length", "5"]), { endStream: true });
    await expectFrames(target, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    expect(answer.now).toBe("protocol CONTENT_LENGTH_WITHOUT_CONTENT PROTOCOL_ERROR");
  });

  test("[h2-125] content-length of a tunnel means nothing; of its refusal it does", async () => {
    for (const [code, length, frames] of [
      [200, "9", []],
      [502, "9", ["RST_STREAM 1 PROTOCOL_ERROR"]],
    ] as const) {
      const target = await connectByHand();
      target.client.sendRequest(HttpRequest.connect("b.test:443"));
      await expectFrames(target, ["HEADERS 1 :method=CONNECT :authority=b.test:443"]);
      target.peer.headers(1, status(code, ["content-length", length]));
      target.peer.data(1, "1234", { endStream: true });
      await expectFrames(target, frames);
    }
  });

  test("[h2-148] END_STREAM and then a reset: the response stays, and the sending side is told", async () => {
    for (const code of ["NO_ERROR", "INTERNAL_ERROR"] as const) {
      const target = await posting();
      let reset: number | undefined;
      target.send.onReset((error) => {
        reset = error.reason;
      });
      target.peer.batch(() => {
        target.peer.headers(1, status(200));
        target.peer.data(1, "all of it");
        target.peer.headers(1, [["x", "1"]], { endStream: true });
        target.peer.rst(1, code);
      });
      const { body } = await received(target, target.response);
      expect([await textOf(body), await textOf(body)]).toEqual(["all of it", null]);
      expect([...((await body.trailers()) ?? [])]).toEqual([["x", "1"]]);
      expect([reset, target.send.state]).toEqual([http2.errorCodes[code], "closed by the RST_STREAM received"]);
      expect(thrownBy(() => target.send.sendData(text("x")))).toBe(`incomplete STREAM_RESET ${code}`);
      await expectQuiet(target);
    }
  });

  test("a response that never comes: the error, which nobody has to look at", async () => {
    for (const [end, error] of [
      [
        (target: Awaited<ReturnType<typeof getting>>) => target.peer.rst(1, "REFUSED_STREAM"),
        "closed REFUSED_STREAM REFUSED_STREAM",
      ],
      [(target: Awaited<ReturnType<typeof getting>>) => target.peer.goAway(0, "NO_ERROR"), "closed GOAWAY NO_ERROR"],
      [(target: Awaited<ReturnType<typeof getting>>) => target.send.sendReset(), "canceled STREAM_CANCELED CANCEL"],
      [(target: Awaited<ReturnType<typeof getting>>) => target.peer.end(), "incomplete CONNECTION_LOST"],
    ] as const) {
      const target = await getting();
      end(target);
      await target.run();
      const answer = awaiting(target.response);
      await target.run();
      expect(answer.now).toBe(error);
      target.peer.take();
    }
  });
});

test("priorities: PRIORITY_UPDATE, while the stream is there", async () => {
  const target = await getting();
  target.send.setPriority("u=1, i");
  await expectFrames(target, ['PRIORITY_UPDATE 1 "u=1, i"']);
  for (const value of ["ü", "u=1\r\n", "x".repeat(257)]) {
    expect(thrownBy(() => target.send.setPriority(value))).toBe("TypeError");
  }
  target.send.sendReset();
  await expectFrames(target, ["RST_STREAM 1 CANCEL"]);
  target.send.setPriority("u=2");
  await expectQuiet(target);
});
