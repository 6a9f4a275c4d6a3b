/**
 * Informational responses (RFC 9113 section 8.1, RFC 9110 section 15.2): sent by a server, received by a client, and the
 * use of 100 (Continue) in both (RFC 9110 section 10.1.1).
 */
import { fromIterable, full } from "@sluice/body";
import { HttpRequest, HttpResponse, sendInformational } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { recorder } from "../support/wire.ts";
import { type ClientUnderTest, connectH2, expectSent, outcomeOf, type Sent, send } from "./support/client.ts";
import { expectMalformedResponse, expectWorks, sentGet } from "./support/exchanges.ts";
import { expectFrames, expectQuiet } from "./support/expectations.ts";
import type { Line } from "./support/hpack.ts";
import { get, post, status } from "./support/messages.ts";
import { read } from "./support/reading.ts";
import { serveRecorded } from "./support/recorded.ts";
import { ok, okText, serveH2 } from "./support/server.ts";
import { pass } from "./support/under-test.ts";

describe("a server", () => {
  test("[h2-310] sends 100, 103 with fields, the same again, and then the final response", async () => {
    const told: boolean[] = [];
    const observer = recorder();
    const server = await serveH2(
      (request) => {
        told.push(sendInformational(request, 100));
        told.push(sendInformational(request, 103, { link: "</a>; rel=preload" }));
        told.push(
          sendInformational(request, 103, [
            ["link", "b"],
            ["link", "c"],
          ]),
        );
        told.push(sendInformational(request, 199));
        return ok();
      },
      { observer },
    );
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, [
      "HEADERS 1 :status=100",
      'HEADERS 1 :status=103 link="</a>; rel=preload"',
      "HEADERS 1 :status=103 link=b link=c",
      "HEADERS 1 :status=199",
      okText(1),
    ]);
    expect(told).toEqual([true, true, true, true]);
    expect(observer.events).toEqual([
      "request GET http://a.test/",
      "informational 100",
      "informational 103",
      "informational 103",
      "informational 199",
      "response 200",
      "complete",
    ]);
  });

  test("[h2-310] each is written when it is sent, be the final response far away", async () => {
    const server = await serveRecorded(() => new Promise(() => {}));
    server.peer.headers(1, get(), { endStream: true });
    await expectQuiet(server);
    const request = server.requests[0] as HttpRequest;
    expect(sendInformational(request, 103, { x: "1" })).toBe(true);
    await expectFrames(server, ["HEADERS 1 :status=103 x=1"]);
  });

  test("[h2-311] the program is refused 101, final statuses and what is no status, and nothing is written", async () => {
    const server = await serveRecorded(() => new Promise(() => {}));
    server.peer.headers(1, get(), { endStream: true });
    await expectQuiet(server);
    const request = server.requests[0] as HttpRequest;
    for (const code of [0, 99, 101, 200, 204, 404, 1000, 100.5, Number.NaN]) {
      expect(() => sendInformational(request, code)).toThrow(
        new RangeError(`an informational status is from 100 to 199 and not 101, got ${code}`),
      );
    }
    await expectQuiet(server);
  });

  test("[h2-311] a service cannot answer with an informational status", async () => {
    const server = await serveH2((request) => new HttpResponse(request.target.path === "/" ? 200 : 103));
    server.peer.headers(1, get("/a"), { endStream: true });
    await expectFrames(server, ["RST_STREAM 1 INTERNAL_ERROR"]);
    server.peer.headers(3, get("/"), { endStream: true });
    await expectFrames(server, [okText(3)]);
  });

  test("[h2-315] once the final response has begun, or the stream is over, none is sent any more", async () => {
    const server = await serveRecorded((request) =>
      request.target.path === "/" ? new HttpResponse(200, {}, fromIterable(never())) : new Promise(() => {}),
    );
    server.peer.headers(1, get(), { endStream: true });
    server.peer.headers(3, get("/a"), { endStream: true });
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    server.peer.rst(3, "CANCEL");
    await expectQuiet(server);
    for (const request of server.requests) expect(sendInformational(request, 103)).toBe(false);
    await expectQuiet(server);
  });

  test("fields of HTTP/1 alone and content-length are left out", async () => {
    const server = await serveH2((request) => {
      sendInformational(request, 103, { connection: "close", "content-length": "5", link: "a" });
      return ok();
    });
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, ["HEADERS 1 :status=103 link=a", okText(1)]);
  });
});

describe("a server whose client expects 100 (Continue)", () => {
  const expecting = post("/", ["expect", "100-continue"]);

  test("[h2-318] sends 100 when the content is first asked for, and not again", async () => {
    const server = await serveRecorded(() => new Promise(() => {}));
    server.peer.headers(1, expecting);
    await expectQuiet(server);
    const reading = read((server.requests[0] as HttpRequest).body);
    await expectFrames(server, ["HEADERS 1 :status=100"]);
    server.peer.data(1, "abc");
    await expectQuiet(server);
    server.peer.data(1, "", { endStream: true });
    await expectQuiet(server);
    expect(reading).toEqual({ pieces: ["abc"], trailers: undefined, outcome: "ended" });
  });

  test("[h2-318] not if the service answers without it; the client is told that it need not go on", async () => {
    const server = await serveH2(ok);
    server.peer.headers(1, expecting);
    await expectFrames(server, [okText(1), "RST_STREAM 1 NO_ERROR"]);
  });

  test("[h2-318] not if the final response has begun when the content is asked for", async () => {
    const server = await serveRecorded((request) => {
      return new HttpResponse(
        200,
        {},
        fromIterable(
          never(() => {
            void read(request.body);
            return undefined;
          }),
        ),
      );
    });
    server.peer.headers(1, expecting);
    await expectFrames(server, ["HEADERS 1 :status=200"]);
  });

  test("[h2-318] not if content has come already, nor without content", async () => {
    const server = await serveRecorded(() => new Promise(() => {}));
    server.peer.headers(1, expecting);
    server.peer.data(1, "abc", { endStream: true });
    server.peer.headers(3, expecting, { endStream: true });
    await expectQuiet(server);
    const readings = server.requests.map(({ body }) => read(body));
    await expectQuiet(server);
    expect(readings.map(({ outcome }) => outcome)).toEqual(["ended", "ended"]);
  });

  test("[h2-318] not by itself if the program has sent it", async () => {
    const server = await serveRecorded(() => new Promise(() => {}));
    server.peer.headers(1, expecting);
    await expectQuiet(server);
    const request = server.requests[0] as HttpRequest;
    sendInformational(request, 103);
    sendInformational(request, 100);
    void read(request.body);
    await expectFrames(server, ["HEADERS 1 :status=103", "HEADERS 1 :status=100"]);
  });

  test("an echo asks for the content before its head is written", async () => {
    const server = await serveH2((request) => new HttpResponse(200, {}, request.body));
    server.peer.headers(1, expecting);
    await expectFrames(server, ["HEADERS 1 :status=100", "HEADERS 1 :status=200"]);
    server.peer.data(1, "abc", { endStream: true });
    await expectFrames(server, ["DATA 1 3 abc", "DATA 1 END_STREAM 0"]);
  });
});

describe("a client", () => {
  interface Surfaced {
    readonly client: ClientUnderTest;
    readonly sent: Sent;
    readonly seen: [number, ...Line[]][];
  }

  async function surfacing(request: HttpRequest = HttpRequest.get("http://a.test/")): Promise<Surfaced> {
    const seen: [number, ...Line[]][] = [];
    const client = await connectH2();
    const sent = send(client, request, { onInformational: (code, headers) => void seen.push([code, ...headers]) });
    await client.run();
    client.peer.take();
    return { client, sent, seen };
  }

  test("[h2-312] surfaces each, in order, and goes on waiting", async () => {
    const { client, sent, seen } = await surfacing();
    expect([outcomeOf(sent), seen]).toEqual(["pending", []]);
    client.peer.headers(1, status(100));
    await expectSent(client, sent, "pending");
    client.peer.headers(1, status(103, ["link", "a"], ["x", "1"]));
    client.peer.headers(1, status(103, ["link", "b"]));
    await expectSent(client, sent, "pending");
    client.peer.headers(1, status(200), { endStream: true });
    await expectSent(client, sent, "200");
    expect(seen).toEqual([[100], [103, ["link", "a"], ["x", "1"]], [103, ["link", "b"]]]);
    await expectQuiet(client);
  });

  test("[h2-313] also while its content is still being sent", async () => {
    const { client, sent, seen } = await surfacing(
      HttpRequest.post("http://a.test/", fromIterable(never(() => new Uint8Array(3)))),
    );
    client.peer.headers(1, status(103, ["link", "a"]));
    await expectSent(client, sent, "pending");
    expect(seen).toEqual([[103, ["link", "a"]]]);
    client.peer.headers(1, status(200), { endStream: true });
    await expectSent(client, sent, "200");
  });

  test("[h2-314] unknown ones change nothing, nor does it need to be looked at", async () => {
    const { client, sent } = await sentGet();
    for (const code of [102, 110, 199]) client.peer.headers(1, status(code, ["x", "1"]));
    await expectQuiet(client);
    expect(outcomeOf(sent)).toBe("pending");
    client.peer.headers(1, status(200), { endStream: true });
    await expectSent(client, sent, "200");
    await expectWorks(client, 3);
  });

  test("[h2-315] one with END_STREAM is malformed", async () => {
    for (const code of [100, 103, 110]) await expectMalformedResponse(status(code), "INFORMATIONAL_WITH_END_STREAM");
  });

  test("[h2-315] one behind the final response is malformed", async () => {
    for (const [endStream, code] of [
      [false, "TRAILERS_WITHOUT_END_STREAM"],
      [true, "PSEUDO_FIELD_FORBIDDEN"],
    ] as const) {
      const { client, sent } = await sentGet();
      client.peer.headers(1, status(200));
      await expectSent(client, sent, "200");
      const reading = read((sent.response as HttpResponse).body);
      client.peer.headers(1, status(103), { endStream });
      await expectFrames(client, ["RST_STREAM 1 PROTOCOL_ERROR"]);
      expect(reading.outcome).toBe(`protocol ${code} PROTOCOL_ERROR`);
      await expectWorks(client, 3);
    }
  });

  test("[h2-316] DATA directly behind one", async () => {
    const { client, sent } = await sentGet();
    client.peer.headers(1, status(103));
    client.peer.data(1, "abc", { endStream: true });
    await expectFrames(client, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    await expectSent(client, sent, "protocol DATA_BEFORE_HEADERS PROTOCOL_ERROR");
    await expectWorks(client, 3);
  });

  test("[h2-317] all of them together may be as large as one header list, one octet more is too much", async () => {
    // 42 octets for :status, 33 for the field, 25 for its value: ten of them make 1000.
    const interim = status(103, ["x", "v".repeat(25)]);
    for (const maxHeaderListBytes of [1000, 999]) {
      const { client, sent } = await sentGet({ maxHeaderListBytes });
      for (let count = 0; count < 10; count++) client.peer.headers(1, interim);
      await client.run();
      if (maxHeaderListBytes === 1000) {
        await expectQuiet(client);
        client.peer.headers(1, status(200), { endStream: true });
        await expectSent(client, sent, "200");
      } else {
        await expectFrames(client, ["RST_STREAM 1 PROTOCOL_ERROR"]);
        await expectSent(client, sent, "protocol TOO_MANY_INFORMATIONAL PROTOCOL_ERROR");
      }
      await expectWorks(client, 3);
    }
  });

  test("[h2-317] as many as maxInformational are accepted, whatever is in them", async () => {
    const { client, sent } = await sentGet({ maxInformational: 3 });
    for (let count = 0; count < 3; count++) client.peer.headers(1, status(103));
    await expectQuiet(client);
    expect(outcomeOf(sent)).toBe("pending");
    client.peer.headers(1, status(103));
    await expectFrames(client, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    await expectSent(client, sent, "protocol TOO_MANY_INFORMATIONAL PROTOCOL_ERROR");
    await expectWorks(client, 3);
  });

  test("what is malformed in a final response is so in an informational one", async () => {
    await expectMalformedResponse(status(103, ["X", "1"]), "FIELD_NAME_INVALID", false);
    await expectMalformedResponse(status(103, ["connection", "close"]), "CONNECTION_SPECIFIC_FIELD", false);
  });

  test("a callback that throws ends the exchange, and no other", async () => {
    const { client, sent } = await sentGet(
      {},
      {
        onInformational: () => {
          throw new Error("no");
        },
      },
    );
    client.peer.headers(1, status(103));
    await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
    await expectSent(client, sent, "user CALLBACK_FAILED");
    await expectWorks(client, 3);
  });
});

describe("a client that expects 100 (Continue)", () => {
  const head = "HEADERS 1 :method=POST :scheme=http :authority=a.test :path=/ expect=100-continue content-length=3";

  async function expecting(timeoutMs?: number): Promise<{ readonly client: ClientUnderTest; readonly sent: Sent }> {
    const client = await connectH2(timeoutMs === undefined ? {} : { expectContinueTimeoutMs: timeoutMs });
    const sent = send(client, HttpRequest.post("http://a.test/", full("abc"), { expect: "100-continue" }));
    await expectFrames(client, [head]);
    return { client, sent };
  }

  test("[h2-318] sends its content when 100 comes, and not for another informational response", async () => {
    const { client, sent } = await expecting();
    client.peer.headers(1, status(103));
    await expectQuiet(client);
    client.peer.headers(1, status(100));
    await expectFrames(client, ["DATA 1 END_STREAM 3 abc"]);
    client.peer.headers(1, status(200), { endStream: true });
    await expectSent(client, sent, "200");
    await expectQuiet(client);
  });

  test("[h2-318] waits for at most expectContinueTimeoutMs, and then sends it all the same", async () => {
    const { client, sent } = await expecting(500);
    await pass(client, 499);
    await expectQuiet(client);
    await pass(client, 1);
    await expectFrames(client, ["DATA 1 END_STREAM 3 abc"]);
    client.peer.headers(1, status(100));
    client.peer.headers(1, status(200), { endStream: true });
    await expectSent(client, sent, "200");
    await expectQuiet(client);
  });

  test("[h2-318] never sends it if the final response comes first", async () => {
    const { client, sent } = await expecting();
    client.peer.headers(1, status(417), { endStream: true });
    await client.run();
    expect(client.peer.take()).toEqual(["RST_STREAM 1 NO_ERROR"]);
    await expectSent(client, sent, "417");
    await pass(client, 5_000);
    await expectQuiet(client);
    await expectWorks(client, 3);
  });

  test("without content there is nothing to wait for", async () => {
    const client = await connectH2();
    send(client, HttpRequest.get("http://a.test/", { expect: "100-continue" }));
    const text = ":method=GET :scheme=http :authority=a.test :path=/ expect=100-continue";
    await expectFrames(client, [`HEADERS 1 END_STREAM ${text}`]);
  });
});

/** Content that gives what `first` returns, if anything, and then nothing for ever. */
async function* never(first?: () => Uint8Array | undefined): AsyncGenerator<Uint8Array> {
  const chunk = first?.();
  if (chunk !== undefined) yield chunk;
  await new Promise(() => {});
}
