/**
 * Exchanges that end before they are whole, on a client (RFC 9113 sections 5.4.2, 8.1): given up by the program, turned
 * down by the server, or cut off with the connection.
 */
import { channel, fromIterable, full } from "@sluice/body";
import { HttpError, HttpRequest } from "@sluice/core";
import { describe, expect, test } from "vitest";
import {
  type ClientUnderTest,
  connectH2,
  expectSent,
  outcomeOf,
  readResponse,
  type Sent,
  send,
} from "./support/client.ts";
import { expectAborted, expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { getText, status } from "./support/messages.ts";
import { errorNumber } from "./support/names.ts";

const postText = ":method=POST :scheme=http :authority=a.test :path=/";

function request(): HttpRequest {
  return HttpRequest.get("http://a.test/");
}

/** A GET on stream 1, of which the head of the response has come. */
async function answered(): Promise<{ readonly client: ClientUnderTest; readonly sent: Sent }> {
  const client = await connectH2();
  const sent = send(client, request());
  await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
  client.peer.headers(1, status(200));
  await expectSent(client, sent, "200");
  return { client, sent };
}

/** A POST on stream 1 whose content the test sends. */
async function uploading(settings = {}) {
  const client = await connectH2({}, { settings });
  const { body, sender } = channel(1);
  const sent = send(client, HttpRequest.post("http://a.test/", body));
  await expectFrames(client, [`HEADERS 1 ${postText}`]);
  return { client, sent, sender };
}

describe("[h2-295] what the program gives up is reset with CANCEL, and nothing else is touched", () => {
  test("before the response", async () => {
    const client = await connectH2();
    const controller = new AbortController();
    const sent = send(client, request(), { signal: controller.signal });
    const other = send(client, request());
    await client.run();
    client.peer.take();
    controller.abort(new Error("enough"));
    await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
    await expectSent(client, sent, "canceled CANCELED");
    expect(sent.error?.cause).toMatchObject({ message: "enough" });
    client.peer.headers(1, status(200));
    client.peer.headers(3, status(204), { endStream: true });
    await expectSent(client, other, "204");
    await expectQuiet(client);
  });

  test("by the signal, within the response: the reader is told, what waits is dropped", async () => {
    const client = await connectH2();
    const controller = new AbortController();
    const sent = send(client, request(), { signal: controller.signal });
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    client.peer.headers(1, status(200));
    client.peer.data(1, "unread");
    await expectSent(client, sent, "200");
    controller.abort();
    await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
    const seen = readResponse(sent);
    await expectQuiet(client);
    expect(seen).toEqual({ pieces: [], trailers: undefined, outcome: "canceled CANCELED" });
  });

  test("by the signal while a reader waits", async () => {
    const client = await connectH2();
    const controller = new AbortController();
    const sent = send(client, request(), { signal: controller.signal });
    await client.run();
    client.peer.take();
    client.peer.headers(1, status(200));
    await expectSent(client, sent, "200");
    const seen = readResponse(sent);
    await client.run();
    controller.abort();
    await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
    expect(seen.outcome).toBe("canceled CANCELED");
  });

  test("by the body of the response", async () => {
    const { client, sent } = await answered();
    client.peer.data(1, "unread");
    await expectQuiet(client);
    sent.response?.body.cancel();
    sent.response?.body.cancel();
    await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
  });

  test("not once the exchange is whole", async () => {
    const client = await connectH2();
    const controller = new AbortController();
    const sent = send(client, request(), { signal: controller.signal });
    await client.run();
    client.peer.take();
    client.peer.headers(1, status(200));
    client.peer.data(1, "whole", { endStream: true });
    await expectSent(client, sent, "200");
    controller.abort();
    await expectQuiet(client);
    const seen = readResponse(sent);
    await expectQuiet(client);
    expect(seen).toEqual({ pieces: ["whole"], trailers: undefined, outcome: "ended" });
  });

  test("a response whose unread rest is dropped when all of it has come needs no reset", async () => {
    const { client, sent } = await answered();
    client.peer.data(1, "whole", { endStream: true });
    await expectQuiet(client);
    sent.response?.body.cancel();
    await expectQuiet(client);
  });

  test("nor does one of which nothing but the end is to come; the end completes the exchange", async () => {
    const client = await connectH2();
    const sent = send(client, request());
    await client.run();
    client.peer.take();
    client.peer.headers(1, status(200, ["content-length", "5"]));
    client.peer.data(1, "whole");
    await expectQuiet(client);
    sent.response?.body.cancel();
    await expectQuiet(client);
    expect(client.connection.streams.local).toBe(1);
    client.peer.data(1, "", { endStream: true });
    await expectQuiet(client);
    expect(client.connection.streams.local).toBe(0);
  });

  test("with a request under way: its body is given up too", async () => {
    const client = await connectH2();
    const { body, sender } = channel(1);
    const controller = new AbortController();
    const sent = send(client, HttpRequest.post("http://a.test/", body), { signal: controller.signal });
    await expectFrames(client, [`HEADERS 1 ${postText}`]);
    controller.abort();
    await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
    await expectSent(client, sent, "canceled CANCELED");
    expect(sender.isClosed).toBe(true);
  });
});

describe("[h2-302] a request that is given up before it is written", () => {
  test("writes nothing, and uses no stream", async () => {
    const client = await connectH2();
    const controller = new AbortController();
    controller.abort();
    const given = HttpRequest.post("http://a.test/", full("content"));
    const outcome = await client.sender.trySend(given, { signal: controller.signal });
    expect(outcome).toMatchObject({ error: { kind: "canceled", code: "CANCELED" }, request: given });
    await expectQuiet(client);
    send(client, request());
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
  });

  test("in the same turn in which it was sent: its head was written, so its stream is reset", async () => {
    const client = await connectH2();
    const controller = new AbortController();
    const sent = send(client, request(), { signal: controller.signal });
    controller.abort();
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`, "RST_STREAM 1 CANCEL"]);
    await expectSent(client, sent, "canceled CANCELED");
    send(client, request());
    await expectFrames(client, [`HEADERS 3 END_STREAM ${getText}`]);
  });
});

describe("[h2-305] a final response before the request has ended", () => {
  for (const code of [413, 400, 500]) {
    test(`${code}: no more of the request is sent, its body is given up, and the response is read`, async () => {
      const { client, sent, sender } = await uploading();
      await sender.sendData("so far");
      await expectFrames(client, ['DATA 1 6 "so far"']);
      client.peer.headers(1, status(code));
      client.peer.data(1, "too ");
      await expectSent(client, sent, `${code}`);
      expect(sender.isClosed).toBe(true);
      const seen = readResponse(sent);
      client.peer.data(1, "large", { endStream: true });
      await expectFrames(client, ["RST_STREAM 1 NO_ERROR"]);
      expect([seen.pieces.join(""), seen.outcome]).toEqual(["too large", "ended"]);
    });
  }

  test("content that waits for window is dropped as well", async () => {
    const client = await connectH2({}, { settings: { INITIAL_WINDOW_SIZE: 3 } });
    const sent = send(client, HttpRequest.post("http://a.test/", full("content")));
    await expectFrames(client, [`HEADERS 1 ${postText} content-length=7`, "DATA 1 3 con"]);
    client.peer.headers(1, status(413), { endStream: true });
    await expectSent(client, sent, "413");
    await expectFrames(client, ["RST_STREAM 1 NO_ERROR"]);
    client.peer.windowUpdate(1, 100);
    await expectQuiet(client);
  });

  test("[h2-308] 2xx stops nothing: both ways go on at once", async () => {
    const { client, sent, sender } = await uploading();
    client.peer.headers(1, status(200));
    await expectSent(client, sent, "200");
    const seen = readResponse(sent);
    for (const piece of ["one", "two"]) {
      await sender.sendData(piece);
      await expectFrames(client, [`DATA 1 3 ${piece}`]);
      client.peer.data(1, piece);
      await expectQuiet(client);
    }
    expect(seen).toMatchObject({ pieces: ["one", "two"], outcome: "open" });
    client.peer.data(1, 0, { endStream: true });
    await expectQuiet(client);
    expect(seen.outcome).toBe("ended");
    await sender.sendData("three");
    sender.close();
    await expectFrames(client, ["DATA 1 5 three", "DATA 1 END_STREAM 0"]);
  });
});

describe("[h2-306] a whole response and NO_ERROR: the server needs no more of the request", () => {
  for (const code of ["NO_ERROR", "CANCEL"] as const) {
    test(`the request stops, the response stays (${code})`, async () => {
      const { client, sent, sender } = await uploading({ INITIAL_WINDOW_SIZE: 3 });
      await sender.sendData("content");
      await expectFrames(client, ["DATA 1 3 con"]);
      client.peer.batch(() => {
        client.peer.headers(1, status(200));
        client.peer.data(1, "answer", { endStream: true });
        client.peer.rst(1, code);
      });
      await expectSent(client, sent, "200");
      expect(sender.isClosed).toBe(true);
      const seen = readResponse(sent);
      await expectQuiet(client);
      expect(seen).toEqual({ pieces: ["answer"], trailers: undefined, outcome: "ended" });
      client.peer.windowUpdate(1, 100);
      await expectQuiet(client);
    });
  }

  test("NO_ERROR before the response has ended cuts it off", async () => {
    const { client, sent } = await uploading();
    client.peer.headers(1, status(200));
    client.peer.data(1, "half");
    client.peer.rst(1, "NO_ERROR");
    await expectSent(client, sent, "200");
    const seen = readResponse(sent);
    await expectQuiet(client);
    expect(seen).toEqual({ pieces: ["half"], trailers: undefined, outcome: "incomplete STREAM_RESET NO_ERROR" });
  });
});

describe("[h2-307] a body that fails", () => {
  test("resets the stream with CANCEL, and the request fails with the program's error", async () => {
    const { client, sent, sender } = await uploading();
    await sender.sendData("so far");
    sender.abort(new Error("broken"));
    await expectFrames(client, ['DATA 1 6 "so far"', "RST_STREAM 1 CANCEL"]);
    await expectSent(client, sent, "user BODY_FAILED");
    expect(HttpError.is(sent.error) && sent.error.cause).toBeDefined();
    client.peer.headers(1, status(200), { endStream: true });
    await expectQuiet(client);
  });

  test("[h2-298] with the code that its error names", async () => {
    const { client, sent, sender } = await uploading();
    sender.abort(new HttpError("user", "MINE", "no", { reason: errorNumber("INTERNAL_ERROR") }));
    await expectFrames(client, ["RST_STREAM 1 INTERNAL_ERROR"]);
    expect(outcomeOf(sent)).toMatch(/^user /);
  });

  test("with a response under way: its reader is told", async () => {
    const { client, sent, sender } = await uploading();
    client.peer.headers(1, status(200));
    await expectSent(client, sent, "200");
    const seen = readResponse(sent);
    await client.run();
    sender.abort(new Error("broken"));
    await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
    expect(seen.outcome).toBe("user BODY_FAILED");
  });
});

describe("[h2-300] a reset of the server's wakes those who wait", () => {
  test("for the response", async () => {
    const client = await connectH2();
    const sent = send(client, request());
    await client.run();
    client.peer.take();
    client.peer.rst(1, "ENHANCE_YOUR_CALM");
    await expectSent(client, sent, "incomplete STREAM_RESET ENHANCE_YOUR_CALM");
    await expectQuiet(client);
  });

  test("for content, and for trailers", async () => {
    const { client, sent } = await answered();
    const seen = readResponse(sent);
    client.peer.data(1, "half");
    await expectQuiet(client);
    client.peer.rst(1, "INTERNAL_ERROR");
    await expectQuiet(client);
    expect(seen).toEqual({ pieces: ["half"], trailers: undefined, outcome: "incomplete STREAM_RESET INTERNAL_ERROR" });
  });

  test("for window: the request's body is given up", async () => {
    const { client, sent, sender } = await uploading({ INITIAL_WINDOW_SIZE: 0 });
    await sender.sendData("content");
    await expectQuiet(client);
    client.peer.rst(1, "CANCEL");
    await expectSent(client, sent, "incomplete STREAM_RESET CANCEL");
    expect(sender.isClosed).toBe(true);
  });
});

describe("[h2-301] the end of the connection wakes those who wait", () => {
  const settings = { MAX_CONCURRENT_STREAMS: 2 } as const;

  async function busy() {
    const client = await connectH2({}, { settings });
    const first = send(client, request());
    const second = send(client, request());
    const queued = send(client, request());
    const ready: { error?: HttpError } = {};
    client.sender.ready().catch((error: HttpError) => {
      ready.error = error;
    });
    await client.run();
    client.peer.take();
    client.peer.headers(1, status(200));
    await expectSent(client, first, "200");
    const seen = readResponse(first);
    await client.run();
    return { client, second, queued, ready, seen };
  }

  test("by an error of the server's", async () => {
    const { client, second, queued, ready, seen } = await busy();
    client.peer.windowUpdate(0, 0);
    await expectGoAway(client, 0, "PROTOCOL_ERROR", "WINDOW_UPDATE: increment", "protocol", "WINDOW_UPDATE_ZERO");
    expect(seen.outcome).toBe("protocol WINDOW_UPDATE_ZERO PROTOCOL_ERROR");
    expect(outcomeOf(second)).toBe("protocol WINDOW_UPDATE_ZERO PROTOCOL_ERROR");
    expect(outcomeOf(queued)).toBe("canceled UNSENT");
    expect(ready.error).toMatchObject({ kind: "closed", cause: client.outcome });
    expect([client.sender.isReady, client.sender.isClosed]).toEqual([false, true]);
    const later = send(client, request());
    await client.run();
    expect(outcomeOf(later)).toBe("closed CLOSED");
    expect(later.error?.cause).toBe(client.outcome);
    await expect(client.sender.ready()).rejects.toMatchObject({ kind: "closed", cause: client.outcome });
    expect(client.peer.take()).toEqual([]);
  });

  test("by the transport's end", async () => {
    const { client, second, queued, seen } = await busy();
    client.peer.end();
    await client.run();
    expect(client.outcome).toMatchObject({ kind: "incomplete", code: "CONNECTION_LOST" });
    expect([seen.outcome, outcomeOf(second), outcomeOf(queued)]).toEqual([
      "incomplete CONNECTION_LOST",
      "incomplete CONNECTION_LOST",
      "canceled UNSENT",
    ]);
    expect(client.timer.pending).toBe(0);
  });

  test("by the transport's failure", async () => {
    const { client, second, queued, seen } = await busy();
    client.io.fail(new Error("gone"));
    await expectAborted(client, [], "io", "TRANSPORT_FAILED");
    expect([seen.outcome, outcomeOf(second), outcomeOf(queued)]).toEqual([
      "io TRANSPORT_FAILED",
      "io TRANSPORT_FAILED",
      "canceled UNSENT",
    ]);
  });

  test("by the program", async () => {
    const { client, second, queued, seen } = await busy();
    client.connection.abort(new Error("enough"));
    await expectAborted(client, [], "canceled", "ABORTED");
    expect([seen.outcome, outcomeOf(second), outcomeOf(queued)]).toEqual([
      "canceled ABORTED",
      "canceled ABORTED",
      "canceled UNSENT",
    ]);
  });
});

describe("[h2-309] what the server has not processed can be sent again", () => {
  test("a refused request whose body was not touched is handed back as it was", async () => {
    const client = await connectH2();
    const given = request();
    const tried = client.sender.trySend(given);
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    client.peer.rst(1, "REFUSED_STREAM");
    await client.run();
    expect(await tried).toMatchObject({ error: { kind: "closed", code: "REFUSED_STREAM", reason: 7 }, request: given });
  });

  test("one whose body was begun is not: nobody can rewind it", async () => {
    const client = await connectH2();
    const tried = client.sender.trySend(HttpRequest.post("http://a.test/", fromIterable([Uint8Array.of(1)])));
    await client.run();
    client.peer.take();
    client.peer.rst(1, "REFUSED_STREAM");
    await client.run();
    const outcome = await tried;
    expect(outcome).toMatchObject({ error: { kind: "closed", code: "REFUSED_STREAM", reason: 7 } });
    expect("request" in outcome).toBe(false);
  });

  test("one that waits for 100 (Continue) has not begun its body", async () => {
    const client = await connectH2();
    const given = HttpRequest.post("http://a.test/", full("content"), { expect: "100-continue" });
    const tried = client.sender.trySend(given);
    await expectFrames(client, [`HEADERS 1 ${postText} expect=100-continue content-length=7`]);
    client.peer.rst(1, "REFUSED_STREAM");
    await client.run();
    expect(await tried).toMatchObject({ request: given });
    expect(given.body.isEndStream()).toBe(false);
  });

  test("the end of the connection says nothing of that either, and nothing is sent again by itself (RFC 9113 8.7)", async () => {
    const client = await connectH2();
    const tried = client.sender.trySend(request());
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    client.peer.end();
    await client.run();
    const outcome = await tried;
    expect(outcome).toMatchObject({ error: { kind: "incomplete", code: "CONNECTION_LOST" } });
    expect("request" in outcome).toBe(false);
    expect(client.peer.take()).toEqual([]);
  });

  test("any other reset says nothing of that", async () => {
    const client = await connectH2();
    const tried = client.sender.trySend(request());
    await client.run();
    client.peer.rst(1, "CANCEL");
    await client.run();
    expect("request" in (await tried)).toBe(false);
  });
});
