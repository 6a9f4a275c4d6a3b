/**
 * What the peer may send (RFC 9113 sections 5.2, 6.9): when credit is given back, in which portions, and what happens to
 * those who send beyond it. The account of the connection's window over all is in `connection-credit.test.ts`.
 */
import { full } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { connectH2, expectSent, readResponse, send } from "./support/client.ts";
import { smallWindow } from "./support/credit.ts";
import { expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { serveHeld } from "./support/held.ts";
import { get, getText, post, status } from "./support/messages.ts";
import { read } from "./support/reading.ts";
import { lastOf, roles, start, startWithStream } from "./support/roles.ts";
import { ok, serveH2 } from "./support/server.ts";

const bothSmall = { ...smallWindow, initialWindowBytes: 65_535 } as const;

/** `total` octets in frames of at most 16,384. */
function sendData(peer: { data(streamId: number, count: number): void }, streamId: number, total: number): void {
  for (let rest = total; rest > 0; rest -= 16_384) peer.data(streamId, Math.min(rest, 16_384));
}

describe("credit is given back", () => {
  test("[h2-175] when half of a window was read, to both windows, and not an octet before", async () => {
    const { server, call } = await serveHeld(bothSmall);
    server.peer.headers(1, post());
    await server.run();
    const reading = read(call(0).request.body);
    sendData(server.peer, 1, 32_767);
    await expectQuiet(server);
    expect(reading.pieces.join("").length).toBe(32_767);
    server.peer.data(1, 1);
    await expectFrames(server, ["WINDOW_UPDATE 1 +32768", "WINDOW_UPDATE 0 +32768"]);
    sendData(server.peer, 1, 32_768);
    await expectFrames(server, ["WINDOW_UPDATE 1 +32768", "WINDOW_UPDATE 0 +32768"]);
  });

  test("[h2-175] on a client, and to each window by its own size", async () => {
    const client = await connectH2({ ...smallWindow, initialWindowBytes: 1000 });
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
    client.peer.headers(1, status(200));
    await expectSent(client, sent, "200");
    readResponse(sent);
    client.peer.data(1, 499);
    await expectQuiet(client);
    client.peer.data(1, 1);
    await expectFrames(client, ["WINDOW_UPDATE 1 +500"]);
    client.peer.data(1, 1000);
    await expectFrames(client, ["WINDOW_UPDATE 1 +1000"]);
  });

  test("[h2-176] for little only by and by, but a window of one octet is opened with every octet", async () => {
    const { server, call } = await serveHeld({ initialWindowBytes: 1 });
    server.peer.headers(1, post());
    await server.run();
    const { body } = call(0).request;
    server.peer.data(1, "a");
    await expectQuiet(server);
    await body.frame();
    await expectFrames(server, ["WINDOW_UPDATE 1 +1"]);
    server.peer.data(1, "b");
    await body.frame();
    await expectFrames(server, ["WINDOW_UPDATE 1 +1"]);
  });

  test("[h2-176] content that is not read gives nothing back, and a small read gives nothing yet", async () => {
    const { server, call } = await serveHeld(bothSmall);
    server.peer.headers(1, post());
    sendData(server.peer, 1, 65_535);
    await expectQuiet(server);
    expect([server.peer.allowance(0), server.peer.allowance(1)]).toEqual([0, 0]);
    const { body } = call(0).request;
    const first = await body.frame();
    expect(first instanceof Uint8Array && first.length).toBe(16_384);
    await expectQuiet(server);
    await body.frame();
    await expectFrames(server, ["WINDOW_UPDATE 1 +32768", "WINDOW_UPDATE 0 +32768"]);
  });

  test("[h2-190] in as much as was read, however large the chunks are that are read at once", async () => {
    const { server, call } = await serveHeld(bothSmall);
    server.peer.headers(1, post());
    // Small frames are joined where nobody waits for them.
    for (let i = 0; i < 1000; i++) server.peer.data(1, 40);
    await server.run();
    const { body } = call(0).request;
    const sizes: number[] = [];
    for (let total = 0; total < 40_000; total += sizes.at(-1) ?? 0) {
      const frame = await body.frame();
      if (frame instanceof Uint8Array) sizes.push(frame.length);
    }
    expect(sizes).toEqual([16_360, 16_360, 7280]);
    // The first two are 48 octets short of half a window.
    await expectFrames(server, ["WINDOW_UPDATE 1 +40000", "WINDOW_UPDATE 0 +40000"]);
  });

  test("[h2-178] for padding at once, with the octet that tells its length, though nothing is read", async () => {
    const { server } = await serveHeld(bothSmall);
    server.peer.headers(1, post());
    for (let i = 0; i < 127; i++) server.peer.data(1, 4, { padding: 255 });
    server.peer.data(1, 1, { padding: 254 });
    // 127 * 256 + 255 octets of padding, one less than half of the window.
    await expectQuiet(server);
    server.peer.data(1, 1, { padding: 0 });
    await expectFrames(server, ["WINDOW_UPDATE 1 +32768", "WINDOW_UPDATE 0 +32768"]);
    expect(server.peer.allowance(0)).toBe(65_535 - 127 * 4 - 2);
  });

  test("a stream gets none once the peer has ended it, or it is closed", async () => {
    const { server, call } = await serveHeld({ initialWindowBytes: 1000 });
    server.peer.headers(1, post());
    server.peer.data(1, 900, { endStream: true });
    await server.run();
    read(call(0).request.body);
    await expectQuiet(server);
  });
});

describe("[h2-185] DATA beyond the connection's window ends the connection", () => {
  for (const role of roles) {
    test(role, async () => {
      const options = { ...smallWindow, initialWindowBytes: 100_000 };
      const target = await startWithStream(role, options);
      if (role === "client") target.peer.headers(1, status(200));
      sendData(target.peer, 1, 65_535);
      await expectQuiet(target);
      target.peer.data(1, "x");
      const message = "DATA: window of the connection allows for 0 octets, got 1 (RFC 9113 6.9.1)";
      await expectGoAway(target, lastOf(role), "FLOW_CONTROL_ERROR", message, "protocol", "WINDOW_EXCEEDED");
    });
  }

  test("padding counts, and so does content on a stream that is closed", async () => {
    const { server, call } = await serveHeld({ ...smallWindow, initialWindowBytes: 100_000 });
    server.peer.headers(1, post());
    sendData(server.peer, 1, 65_535 - 10);
    server.peer.headers(3, post());
    server.peer.rst(3, "CANCEL");
    await expectQuiet(server);
    server.peer.data(3, 1, { padding: 9 });
    const message = "DATA: window of the connection allows for 10 octets, got 11 (RFC 9113 6.9.1)";
    await expectGoAway(server, 3, "FLOW_CONTROL_ERROR", message, "protocol", "WINDOW_EXCEEDED");
    expect(call(0).request.signal.reason).toMatchObject({ kind: "protocol", code: "WINDOW_EXCEEDED" });
  });

  test("an empty frame needs no window", async () => {
    const { server } = await serveHeld({ ...smallWindow, initialWindowBytes: 100_000 });
    server.peer.headers(1, post());
    sendData(server.peer, 1, 65_535);
    server.peer.data(1, 0, { endStream: true });
    await expectQuiet(server);
  });
});

describe("[h2-186] DATA beyond the window of its stream resets the stream alone", () => {
  test("server", async () => {
    const { server, call } = await serveHeld({ initialWindowBytes: 10 });
    server.peer.headers(1, post());
    server.peer.headers(3, post());
    server.peer.data(3, 10);
    server.peer.data(1, 11);
    await expectFrames(server, ["RST_STREAM 1 FLOW_CONTROL_ERROR"]);
    const { signal, body } = call(0).request;
    expect(signal.reason).toMatchObject({ kind: "protocol", code: "WINDOW_EXCEEDED", reason: 3 });
    await expect((async () => body.frame())()).rejects.toMatchObject({ code: "WINDOW_EXCEEDED" });
    expect(call(1).request.signal.aborted).toBe(false);
    call(1).respond(new HttpResponse(200, undefined, full("fine")));
    await expectFrames(server, [
      "HEADERS 3 :status=200 content-length=4",
      "DATA 3 END_STREAM 4 fine",
      "RST_STREAM 3 NO_ERROR",
    ]);
  });

  test("client", async () => {
    const client = await connectH2({ initialWindowBytes: 10 });
    const first = send(client, HttpRequest.get("http://a.test/"));
    const second = send(client, HttpRequest.get("http://a.test/"));
    await client.run();
    client.peer.take();
    client.peer.headers(1, status(200));
    client.peer.headers(3, status(200));
    client.peer.data(1, 8, { padding: 2 });
    await expectFrames(client, ["RST_STREAM 1 FLOW_CONTROL_ERROR"]);
    const failed = readResponse(first);
    const fine = readResponse(second);
    client.peer.data(3, "fine", { endStream: true });
    await expectQuiet(client);
    expect(failed.outcome).toBe("protocol WINDOW_EXCEEDED FLOW_CONTROL_ERROR");
    expect(fine).toMatchObject({ pieces: ["fine"], outcome: "ended" });
  });

  test("padding counts; an empty frame needs no window", async () => {
    const { server } = await serveHeld({ initialWindowBytes: 10 });
    server.peer.headers(1, post());
    server.peer.data(1, 10);
    server.peer.data(1, 0);
    await expectQuiet(server);
    server.peer.data(1, 0, { padding: 0 });
    await expectFrames(server, ["RST_STREAM 1 FLOW_CONTROL_ERROR"]);
  });
});

describe("[h2-189] a smaller INITIAL_WINDOW_SIZE of ours", () => {
  const options = { ...smallWindow, initialWindowBytes: 100 } as const;

  test("is in force once it is acknowledged; what was sent before is let pass and has to be earned back", async () => {
    const { server, call } = await serveHeld(options, { handshake: false });
    const { peer } = server;
    peer.preface();
    peer.settings();
    peer.headers(1, post());
    peer.data(1, 200);
    await server.run();
    peer.take();
    // From here on the stream's window is 100 - 200.
    peer.settingsAck();
    await expectQuiet(server);
    const { body } = call(0).request;
    await body.frame();
    // All of the 200 octets: back to 100.
    await expectFrames(server, ["WINDOW_UPDATE 1 +200"]);
    peer.data(1, 100);
    await expectQuiet(server);
    peer.data(1, 1);
    await expectFrames(server, ["RST_STREAM 1 FLOW_CONTROL_ERROR"]);
  });

  test("leaves a window below zero, in which nothing may be sent", async () => {
    const { server } = await serveHeld(options, { handshake: false });
    const { peer } = server;
    peer.preface();
    peer.settings();
    peer.headers(1, post());
    peer.data(1, 200);
    peer.settingsAck();
    await server.run();
    peer.take();
    peer.data(1, 0);
    await expectQuiet(server);
    peer.data(1, 1);
    await expectFrames(server, ["RST_STREAM 1 FLOW_CONTROL_ERROR"]);
  });
});

describe("[h2-191] the connection's window", () => {
  test("is announced right behind SETTINGS, in the same write", async () => {
    const server = await serveH2(ok, { connectionWindowBytes: 100_000 }, { handshake: false });
    const [first] = server.peer.takeWrites();
    expect(first?.length).toBe(2);
    expect(first?.[0]).toMatch(/^SETTINGS /);
    expect(first?.[1]).toBe(`WINDOW_UPDATE 0 +${100_000 - 65_535}`);
  });

  for (const role of roles) {
    test(`${role}: is as large as said, to the octet`, async () => {
      const target = await startWithStream(role, { connectionWindowBytes: 70_000, initialWindowBytes: 80_000 });
      if (role === "client") target.peer.headers(1, status(200));
      sendData(target.peer, 1, 70_000);
      await expectQuiet(target);
      target.peer.data(1, "x");
      const message = "DATA: window of the connection allows for 0 octets, got 1 (RFC 9113 6.9.1)";
      await expectGoAway(target, lastOf(role), "FLOW_CONTROL_ERROR", message, "protocol", "WINDOW_EXCEEDED");
    });
  }

  test("[h2-187] grows with the bandwidth in one WINDOW_UPDATE, and the streams' by SETTINGS", async () => {
    const server = await serveH2(
      (request) => {
        read(request.body);
        return new Promise(() => {});
      },
      { adaptiveWindow: true },
    );
    server.peer.headers(1, post());
    sendData(server.peer, 1, 60_000);
    await server.run();
    const lines = server.peer.take();
    const ping = lines.find((line) => line.startsWith("PING"));
    expect(ping).toBe("PING 736c756963650003");
    server.timer.advance(10);
    server.peer.pingAck("736c756963650003");
    await server.run();
    const grown = server.peer.take();
    expect(grown.map((line) => line.replace(/\d{4,}/, "N"))).toEqual([
      "WINDOW_UPDATE 0 +N",
      "SETTINGS INITIAL_WINDOW_SIZE=N",
    ]);
  });
});

describe("windows that the program changes", () => {
  test("[h2-187] a larger window of the connection is granted at once, and once", async () => {
    const { server } = await serveHeld(smallWindow);
    server.connection.setConnectionWindow(100_000);
    await expectFrames(server, [`WINDOW_UPDATE 0 +${100_000 - 65_535}`]);
    server.connection.setConnectionWindow(100_000);
    await expectQuiet(server);
    server.connection.setConnectionWindow(50_000);
    server.connection.setConnectionWindow(100_000);
    await expectQuiet(server);
    expect(server.peer.allowance(0)).toBe(100_000);
  });

  test("[h2-187] what was gathered is granted with it", async () => {
    const { server, call } = await serveHeld(smallWindow);
    server.peer.headers(1, post());
    await server.run();
    read(call(0).request.body);
    server.peer.data(1, 10_000);
    await expectQuiet(server);
    server.connection.setConnectionWindow(65_536);
    await expectFrames(server, ["WINDOW_UPDATE 0 +10001"]);
    expect(server.peer.allowance(0)).toBe(65_536);
  });

  test("[h2-188] a smaller one is reached by giving nothing back until so much was used", async () => {
    const { server, call } = await serveHeld({ connectionWindowBytes: 100_000, initialWindowBytes: 1_000_000 });
    server.peer.headers(1, post());
    await server.run();
    read(call(0).request.body);
    server.connection.setConnectionWindow(65_535);
    await expectQuiet(server);
    // The difference, 34,465, and one octet less than half of the new window.
    sendData(server.peer, 1, 34_465 + 32_767);
    await expectQuiet(server);
    server.peer.data(1, 1);
    await expectFrames(server, ["WINDOW_UPDATE 0 +32768"]);
    expect(server.peer.allowance(0)).toBe(65_535);
  });

  test("[h2-189] a smaller window of streams leaves them below zero until enough was read", async () => {
    const { server, call } = await serveHeld({ initialWindowBytes: 300 });
    server.peer.headers(1, post());
    server.peer.data(1, 200);
    await server.run();
    server.connection.setInitialWindow(100);
    await expectFrames(server, ["SETTINGS INITIAL_WINDOW_SIZE=100"]);
    // Not acknowledged: the old one is in force.
    server.peer.data(1, 100);
    await expectQuiet(server);
    server.peer.settingsAck();
    await expectQuiet(server);
    const { body } = call(0).request;
    server.peer.headers(3, post());
    server.peer.data(3, 101);
    await expectFrames(server, ["RST_STREAM 3 FLOW_CONTROL_ERROR"]);
    // 300 octets were received, so the window is -200; all of them are read.
    await body.frame();
    await expectFrames(server, ["WINDOW_UPDATE 1 +300"]);
    server.peer.data(1, 100);
    await expectQuiet(server);
    server.peer.data(1, 1);
    await expectFrames(server, ["RST_STREAM 1 FLOW_CONTROL_ERROR"]);
  });
});

test("responses to requests without content need no window at all", async () => {
  const target = await start("server", { initialWindowBytes: 0 });
  target.peer.headers(1, get(), { endStream: true });
  await expectFrames(target, ["HEADERS 1 END_STREAM :status=200 content-length=0"]);
});
