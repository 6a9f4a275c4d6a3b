/**
 * Exchanges that end before they are whole, on a server (RFC 9113 sections 5.4.2, 8.1): what the client is told, what the
 * service is told, and what goes on as if nothing had happened.
 */
import { BaseBody, channel, type Frame, full } from "@sluice/body";
import { HttpError, HttpResponse, type Observer } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { expectAborted, expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { serveHeld } from "./support/held.ts";
import { get, post } from "./support/messages.ts";
import { errorNumber } from "./support/names.ts";
import { read } from "./support/reading.ts";
import { okText, serveH2 } from "./support/server.ts";

function error(reason: number): HttpError {
  return new HttpError("user", "MINE", "the program says so", { reason });
}

describe("[h2-296] a service that answers without the request's content", () => {
  test("the response goes out whole, then NO_ERROR asks for no more of the request", async () => {
    const { server, call } = await serveHeld();
    server.peer.headers(1, post());
    await server.run();
    call(0).respond(new HttpResponse(403, undefined, full("no")));
    await expectFrames(server, [
      "HEADERS 1 :status=403 content-length=2",
      "DATA 1 END_STREAM 2 no",
      "RST_STREAM 1 NO_ERROR",
    ]);
    server.peer.data(1, "content", { endStream: true });
    await expectQuiet(server);
  });

  test("the same where the response waits for window: the reset comes behind its last octet", async () => {
    const { server, call } = await serveHeld({}, { settings: { INITIAL_WINDOW_SIZE: 3 } });
    server.peer.headers(1, post());
    await server.run();
    call(0).respond(new HttpResponse(403, undefined, full("forbidden")));
    await expectFrames(server, ["HEADERS 1 :status=403 content-length=9", "DATA 1 3 for"]);
    server.peer.data(1, "content");
    await expectQuiet(server);
    server.peer.windowUpdate(1, 5);
    await expectFrames(server, ["DATA 1 5 bidde"]);
    server.peer.windowUpdate(1, 5);
    await expectFrames(server, ["DATA 1 END_STREAM 1 n", "RST_STREAM 1 NO_ERROR"]);
  });

  test("no reset if the request ends before the response does", async () => {
    const { server, call } = await serveHeld({}, { settings: { INITIAL_WINDOW_SIZE: 3 } });
    server.peer.headers(1, post());
    await server.run();
    call(0).respond(new HttpResponse(200, undefined, full("fine")));
    server.peer.data(1, "content", { endStream: true });
    await expectFrames(server, ["HEADERS 1 :status=200 content-length=4", "DATA 1 3 fin"]);
    server.peer.windowUpdate(1, 1);
    await expectFrames(server, ["DATA 1 END_STREAM 1 e"]);
  });

  test("the body is over for those who come to read it later", async () => {
    const { server, call } = await serveHeld();
    server.peer.headers(1, post());
    server.peer.data(1, "content");
    await server.run();
    call(0).respond(new HttpResponse(200));
    await expectFrames(server, [okText(1), "RST_STREAM 1 NO_ERROR"]);
    const reading = read(call(0).request.body);
    await expectQuiet(server);
    expect(reading).toEqual({ pieces: [], trailers: undefined, outcome: "canceled BODY_DROPPED" });
    // The exchange is over, and well.
    expect(call(0).request.signal.aborted).toBe(false);
  });
});

describe("[h2-297] a service that fails", () => {
  test("by rejecting: INTERNAL_ERROR, and other streams go on", async () => {
    const { server, call } = await serveHeld();
    server.peer.headers(1, get(), { endStream: true });
    server.peer.headers(3, get(), { endStream: true });
    await server.run();
    call(0).fail(new Error("no"));
    await expectFrames(server, ["RST_STREAM 1 INTERNAL_ERROR"]);
    call(1).respond(new HttpResponse(200));
    await expectFrames(server, [okText(3)]);
  });

  test("by throwing", async () => {
    const failed: unknown[] = [];
    const observer: Observer = { serviceFailed: (_, cause) => void failed.push(cause) };
    const cause = new Error("no");
    const server = await serveH2(
      () => {
        throw cause;
      },
      { observer },
    );
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, ["RST_STREAM 1 INTERNAL_ERROR"]);
    expect(failed).toEqual([cause]);
  });

  test("within its response: what was sent stays sent, INTERNAL_ERROR follows", async () => {
    const { server, call } = await serveHeld();
    server.peer.headers(1, get(), { endStream: true });
    await server.run();
    const { body, sender } = channel(1);
    call(0).respond(new HttpResponse(200, undefined, body));
    await sender.sendData("so far");
    await expectFrames(server, ["HEADERS 1 :status=200", 'DATA 1 6 "so far"']);
    sender.abort(new Error("broken"));
    await expectFrames(server, ["RST_STREAM 1 INTERNAL_ERROR"]);
    expect(call(0).request.signal.reason).toMatchObject({ kind: "user", code: "BODY_FAILED" });
  });
});

describe("[h2-298] the code that the program names is sent as it is", () => {
  for (const code of ["CANCEL", "ENHANCE_YOUR_CALM", "HTTP_1_1_REQUIRED", "REFUSED_STREAM", 0x1234] as const) {
    test(`${code} by the service, or anywhere in the causes of what it threw`, async () => {
      const { server, call } = await serveHeld();
      const name = typeof code === "number" ? "0x1234" : code;
      server.peer.headers(1, get(), { endStream: true });
      server.peer.headers(3, get(), { endStream: true });
      await server.run();
      call(0).fail(error(errorNumber(code)));
      await expectFrames(server, [`RST_STREAM 1 ${name}`]);
      call(1).fail(new Error("outer", { cause: error(errorNumber(code)) }));
      await expectFrames(server, [`RST_STREAM 3 ${name}`]);
    });
  }

  test("by the response's body", async () => {
    const { server, call } = await serveHeld();
    server.peer.headers(1, get(), { endStream: true });
    await server.run();
    const { body, sender } = channel(1);
    call(0).respond(new HttpResponse(200, undefined, body));
    await server.run();
    sender.abort(error(errorNumber("ENHANCE_YOUR_CALM")));
    await expectFrames(server, ["HEADERS 1 :status=200", "RST_STREAM 1 ENHANCE_YOUR_CALM"]);
  });

  test("and never counts against the client", async () => {
    const { server, call } = await serveHeld({ provokedResetsBurst: 1, provokedResetsPerSecond: 0 });
    for (let i = 0; i < 20; i++) {
      server.peer.headers(1 + 2 * i, post());
      await server.run();
      call(i).fail(error(errorNumber("PROTOCOL_ERROR")));
      await expectFrames(server, [`RST_STREAM ${1 + 2 * i} PROTOCOL_ERROR`]);
      server.peer.data(1 + 2 * i, "content", { endStream: true });
      await expectQuiet(server);
    }
  });
});

describe("[h2-299] what the client gives up is told with its code", () => {
  for (const code of ["CANCEL", "INTERNAL_ERROR", "NO_ERROR", 0xabc] as const) {
    test(`${code}, before the response`, async () => {
      const { server, call } = await serveHeld();
      server.peer.headers(1, get(), { endStream: true });
      await server.run();
      const { signal } = call(0).request;
      expect(signal.aborted).toBe(false);
      server.peer.rst(1, code);
      await expectQuiet(server);
      expect(signal.reason).toMatchObject({ kind: "incomplete", code: "STREAM_RESET", reason: errorNumber(code) });
    });
  }

  test("while the response is sent", async () => {
    const { server, call } = await serveHeld();
    server.peer.headers(1, get(), { endStream: true });
    await server.run();
    call(0).respond(new HttpResponse(200, undefined, channel(1).body));
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    server.peer.rst(1, "CANCEL");
    await expectQuiet(server);
    expect(call(0).request.signal.reason).toMatchObject({ code: "STREAM_RESET", reason: 8 });
  });

  test("not behind the end of the response: the exchange was whole", async () => {
    const { server, call } = await serveHeld();
    server.peer.headers(1, post());
    await server.run();
    const { request } = call(0);
    const reading = read(request.body);
    await server.run();
    call(0).respond(new HttpResponse(200));
    await expectFrames(server, [okText(1)]);
    server.peer.rst(1, "CANCEL");
    await expectQuiet(server);
    expect(request.signal.aborted).toBe(false);
    expect(reading.outcome).toBe("incomplete STREAM_RESET CANCEL");
  });

  test("the failure of the transport is told as it is", async () => {
    const { server, call } = await serveHeld();
    server.peer.headers(1, get(), { endStream: true });
    await server.run();
    server.io.fail(new Error("gone"));
    await expectAborted(server, [], "io", "TRANSPORT_FAILED");
    expect(call(0).request.signal.reason).toMatchObject({ kind: "io", code: "TRANSPORT_FAILED" });
  });
});

describe("[h2-300] a reset wakes those who wait", () => {
  test("for content", async () => {
    const { server, call } = await serveHeld();
    server.peer.headers(1, post());
    await server.run();
    const reading = read(call(0).request.body);
    await expectQuiet(server);
    expect(reading.outcome).toBe("open");
    server.peer.rst(1, "CANCEL");
    await expectQuiet(server);
    expect(reading.outcome).toBe("incomplete STREAM_RESET CANCEL");
  });

  test("for trailers, with all content read", async () => {
    const { server, call } = await serveHeld();
    server.peer.headers(1, post("/", ["content-length", "7"]));
    server.peer.data(1, "content");
    await server.run();
    const reading = read(call(0).request.body);
    await expectQuiet(server);
    expect(reading).toMatchObject({ pieces: ["content"], outcome: "open" });
    server.peer.rst(1, "INTERNAL_ERROR");
    await expectQuiet(server);
    expect(reading.outcome).toBe("incomplete STREAM_RESET INTERNAL_ERROR");
  });

  test("for content that this side gives up itself", async () => {
    const { server, call } = await serveHeld();
    server.peer.headers(1, post());
    await server.run();
    const reading = read(call(0).request.body);
    await server.run();
    call(0).fail(new Error("no"));
    await expectFrames(server, ["RST_STREAM 1 INTERNAL_ERROR"]);
    expect(reading.outcome).toBe("user SERVICE_FAILED");
  });
});

describe("[h2-301, h2-304] the end of the connection", () => {
  test("is told to services that read and to those that do not", async () => {
    const { server, call } = await serveHeld();
    server.peer.headers(1, post());
    server.peer.headers(3, post());
    await server.run();
    const reading = read(call(0).request.body);
    await server.run();
    const signals = [0, 1].map((index) => call(index).request.signal);
    server.peer.windowUpdate(0, 0);
    await expectGoAway(server, 3, "PROTOCOL_ERROR", "WINDOW_UPDATE: increment", "protocol", "WINDOW_UPDATE_ZERO");
    expect(reading.outcome).toBe("protocol WINDOW_UPDATE_ZERO PROTOCOL_ERROR");
    for (const signal of signals) expect(signal.reason).toBe(server.outcome);
    // Their answers go nowhere, and hurt nobody.
    const { body, sender } = channel(1);
    call(0).respond(new HttpResponse(200, undefined, body));
    call(1).fail(new Error("no"));
    await server.run();
    expect(sender.isClosed).toBe(true);
    expect(server.peer.take()).toEqual([]);
  });

  test("[h2-304] an error of the client's in content that nobody reads is told as well", async () => {
    const { server, call } = await serveHeld();
    server.peer.headers(1, post("/", ["content-length", "3"]));
    await server.run();
    const { signal } = call(0).request;
    server.peer.data(1, "content");
    await expectFrames(server, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    expect(signal.reason).toMatchObject({ kind: "protocol", code: "CONTENT_LENGTH_MISMATCH", reason: 1 });
  });
});

describe("[h2-308] both ways at once", () => {
  test("an echo answers each piece as it comes", async () => {
    const server = await serveH2((request) => new HttpResponse(200, undefined, request.body));
    server.peer.headers(1, post());
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    for (const piece of ["one", "two", "three"]) {
      server.peer.data(1, piece);
      await expectFrames(server, [`DATA 1 ${piece.length} ${piece}`]);
    }
    server.peer.headers(1, [["sum", "1"]], { endStream: true });
    await expectFrames(server, ["HEADERS 1 END_STREAM sum=1"]);
  });

  test("an echo whose client stops reading and sends on is held back by its own window, and no octet is lost", async () => {
    const server = await serveH2((request) => new HttpResponse(200, undefined, request.body), {
      initialWindowBytes: 10,
    });
    server.peer.settings({ INITIAL_WINDOW_SIZE: 4 });
    server.peer.headers(1, post());
    server.peer.data(1, "0123456789");
    await expectFrames(server, ["SETTINGS ACK", "HEADERS 1 :status=200", "WINDOW_UPDATE 1 +10", "DATA 1 4 0123"]);
    server.peer.data(1, "abcdefghij");
    await expectQuiet(server);
    expect(server.peer.allowance(1)).toBe(0);
    server.peer.windowUpdate(1, 8);
    await expectFrames(server, ["DATA 1 6 456789", "WINDOW_UPDATE 1 +10", "DATA 1 2 ab"]);
  });
});

test("[h2-302] a body that resets its own stream while it is asked is asked no more", async () => {
  class Odd extends BaseBody {
    pulls = 0;
    readonly #act: () => void;
    constructor(act: () => void) {
      super();
      this.#act = act;
    }
    frame(): Frame | null {
      this.pulls++;
      this.#act();
      return new Uint8Array(3);
    }
    cancel(): void {}
  }
  const { server, call } = await serveHeld();
  server.peer.headers(1, get(), { endStream: true });
  await server.run();
  const body = new Odd(() => server.connection.abort(new Error("enough")));
  call(0).respond(new HttpResponse(200, undefined, body));
  await expectAborted(server, [], "canceled", "ABORTED");
  expect(body.pulls).toBe(1);
});
