/**
 * What comes on a stream that the peer has ended or that is closed (RFC 9113 section 5.1), by how it was closed: let pass
 * for as long as the peer may not know, an error of the stream otherwise, and never the end of the connection.
 */
import { channel } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { type ClientUnderTest, connectH2, expectSent, readResponse, send } from "./support/client.ts";
import { expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { serveHeld } from "./support/held.ts";
import { get, getText, literalBlock, post, status } from "./support/messages.ts";
import type { Peer } from "./support/peer.ts";
import { read } from "./support/reading.ts";
import { expectServes, serveRecorded } from "./support/recorded.ts";
import { roles } from "./support/roles.ts";
import { okText } from "./support/server.ts";
import { pass, type UnderTest } from "./support/under-test.ts";

type Act = (peer: Peer, streamId: number) => void;
type Sending = readonly [name: string, act: Act];

/** Frames that a closed side may not send. */
const content: readonly Sending[] = [
  ["DATA", (peer, id) => peer.data(id, "x")],
  ["DATA with END_STREAM", (peer, id) => peer.data(id, 0, { endStream: true })],
  ["HEADERS", (peer, id) => peer.headers(id, [["x", "1"]])],
  ["trailers", (peer, id) => peer.headers(id, [["x", "1"]], { endStream: true })],
  [
    "HEADERS with CONTINUATION",
    (peer, id) => {
      const block = literalBlock([["x", "1"]]);
      peer.headers(id, block.subarray(0, 2), { endStream: true, endHeaders: false });
      peer.continuation(id, block.subarray(2));
    },
  ],
];

/** Frames that may come late on any stream. */
const control: readonly Sending[] = [
  ["WINDOW_UPDATE", (peer, id) => peer.windowUpdate(id, 10)],
  ["RST_STREAM", (peer, id) => peer.rst(id, "CANCEL")],
  ["PRIORITY", (peer, id) => peer.priority(id, { dependency: 0 })],
];

/** A request is answered on the next stream, with the field tables of both sides as they should be. */
async function expectWorks(target: UnderTest, streamId: number): Promise<void> {
  if (target.peer.role === "client") {
    target.peer.headers(streamId, get("/ok"), { endStream: true });
    await expectFrames(target, [okText(streamId)]);
  } else {
    const client = target as ClientUnderTest;
    const sent = send(client, HttpRequest.get("http://a.test/"));
    await expectFrames(client, [`HEADERS ${streamId} END_STREAM ${getText}`]);
    client.peer.headers(streamId, status(204), { endStream: true });
    await expectSent(client, sent, "204");
  }
}

/** Stream 1 ended by the peer and not by us, by role; what led there was looked at. */
const halfClosed: readonly (readonly [what: string, make: () => Promise<UnderTest>])[] = [
  [
    "server",
    async () => {
      const held = await serveHeld();
      held.server.peer.headers(1, post(), { endStream: true });
      await expectQuiet(held.server);
      return held.server;
    },
  ],
  [
    "client",
    async () => {
      const client = await connectH2();
      const request = HttpRequest.post("http://a.test/", channel(1).body);
      send(client, request);
      await expectFrames(client, ["HEADERS 1 :method=POST :scheme=http :authority=a.test :path=/"]);
      client.peer.headers(1, status(200), { endStream: true });
      await expectQuiet(client);
      return client;
    },
  ],
];

describe("a stream that the peer has ended", () => {
  for (const [role, make] of halfClosed) {
    for (const [name, act] of content) {
      test(`[h2-138] ${role}: ${name} resets it, and nothing else`, async () => {
        const target = await make();
        act(target.peer, 1);
        await expectFrames(target, ["RST_STREAM 1 STREAM_CLOSED"]);
        await expectWorks(target, 3);
      });
    }
    test(`[h2-138] ${role}: WINDOW_UPDATE and PRIORITY are fine, and so is RST_STREAM, which has no answer`, async () => {
      const target = await make();
      for (const [, act] of control) act(target.peer, 1);
      await expectQuiet(target);
      await expectWorks(target, 3);
    });
  }
});

describe("a stream that both sides have ended", () => {
  const made: Record<string, () => Promise<UnderTest>> = {
    server: async () => {
      const { server } = await serveHeld();
      await expectWorks(server, 1);
      return server;
    },
    client: async () => {
      const client = await connectH2();
      await expectWorks(client, 1);
      return client;
    },
  };
  for (const role of roles) {
    const make = made[role] as () => Promise<UnderTest>;
    for (const [name, act] of content) {
      test(`[h2-139] ${role}: ${name} is answered with STREAM_CLOSED, once; more of it is let pass`, async () => {
        const target = await make();
        act(target.peer, 1);
        await expectFrames(target, ["RST_STREAM 1 STREAM_CLOSED"]);
        act(target.peer, 1);
        await expectQuiet(target);
        await expectWorks(target, 3);
      });
    }
    for (const [name, act] of control) {
      test(`[h2-139, h2-213] ${role}: ${name} is let pass`, async () => {
        const target = await make();
        act(target.peer, 1);
        act(target.peer, 1);
        await expectQuiet(target);
        await expectWorks(target, 3);
      });
    }
  }
});

describe("a stream that the peer has reset", () => {
  const made: Record<string, () => Promise<UnderTest>> = {
    server: async () => {
      const held = await serveHeld();
      held.server.peer.headers(1, post());
      held.server.peer.rst(1, "CANCEL");
      await expectQuiet(held.server);
      return held.server;
    },
    client: async () => {
      const client = await connectH2();
      const sent = send(client, HttpRequest.get("http://a.test/"));
      await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
      client.peer.rst(1, "INTERNAL_ERROR");
      await expectSent(client, sent, "incomplete STREAM_RESET INTERNAL_ERROR");
      return client;
    },
  };
  for (const role of roles) {
    const make = made[role] as () => Promise<UnderTest>;
    for (const [name, act] of content) {
      test(`[h2-140] ${role}: ${name} is answered with STREAM_CLOSED`, async () => {
        const target = await make();
        act(target.peer, 1);
        await expectFrames(target, ["RST_STREAM 1 STREAM_CLOSED"]);
        await expectWorks(target, 3);
      });
    }
    test(`[h2-144, h2-145] ${role}: nothing answers RST_STREAM, nor a second one, nor WINDOW_UPDATE or PRIORITY`, async () => {
      const target = await make();
      for (const [, act] of control) act(target.peer, 1);
      for (const [, act] of control) act(target.peer, 1);
      await expectQuiet(target);
      await expectWorks(target, 3);
    });
  }
});

describe("a stream that we have reset", () => {
  const made: Record<string, (options: object) => Promise<UnderTest>> = {
    server: async (options) => {
      const held = await serveHeld(options);
      held.server.peer.headers(1, post());
      await held.server.run();
      held.call(0).fail(new Error("no"));
      await expectFrames(held.server, ["RST_STREAM 1 INTERNAL_ERROR"]);
      return held.server;
    },
    client: async (options) => {
      const client = await connectH2(options);
      const controller = new AbortController();
      const sent = send(client, HttpRequest.get("http://a.test/"), { signal: controller.signal });
      await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
      controller.abort();
      await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
      await expectSent(client, sent, "canceled CANCELED");
      return client;
    },
  };
  for (const role of roles) {
    const make = made[role] as (options?: object) => Promise<UnderTest>;
    const all = [...content, ...control];
    for (const [name, act] of all) {
      test(`[h2-141, h2-145] ${role}: ${name} is let pass, as it may have been under way`, async () => {
        const target = await make();
        act(target.peer, 1);
        await expectQuiet(target);
        await pass(target, 999);
        act(target.peer, 1);
        await expectQuiet(target);
        await expectWorks(target, 3);
      });
    }
    for (const [name, act] of content) {
      test(`[h2-142] ${role}: ${name} is answered with STREAM_CLOSED once the reset is forgotten`, async () => {
        const target = await make();
        await pass(target, 1_000);
        act(target.peer, 1);
        await expectFrames(target, ["RST_STREAM 1 STREAM_CLOSED"]);
        await expectWorks(target, 3);
      });
    }
    for (const [name, act] of control) {
      test(`[h2-142] ${role}: ${name} is let pass for ever`, async () => {
        const target = await make();
        await pass(target, 5_000);
        act(target.peer, 1);
        await expectQuiet(target);
        await expectWorks(target, 3);
      });
    }
    test(`[h2-142] ${role}: how long a reset is remembered is an option`, async () => {
      const target = await make({ rememberResetsMs: 20 });
      await pass(target, 19);
      target.peer.data(1, "x");
      await expectQuiet(target);
      await pass(target, 1);
      target.peer.data(1, "x");
      await expectFrames(target, ["RST_STREAM 1 STREAM_CLOSED"]);
    });
  }

  test("[h2-141] client: PUSH_PROMISE on it is no reason to spare a server that was told not to push", async () => {
    const client = await (made["client"] as (options?: object) => Promise<UnderTest>)();
    client.peer.pushPromise(1, 2, get());
    const message = "PUSH_PROMISE: push was disabled by SETTINGS_ENABLE_PUSH = 0 (RFC 9113 6.6)";
    await expectGoAway(client, 0, "PROTOCOL_ERROR", message, "protocol", "PUSH_DISABLED");
  });

  for (const role of roles) {
    test(`[h2-143] ${role}: no more resets are remembered than allowed; the oldest is forgotten first`, async () => {
      const options = { maxRememberedResets: 1 };
      let target: UnderTest;
      if (role === "server") {
        const held = await serveHeld(options);
        target = held.server;
        target.peer.headers(1, post());
        target.peer.headers(3, post());
        await target.run();
        held.call(0).fail(new Error("no"));
        held.call(1).fail(new Error("no"));
        await expectFrames(target, ["RST_STREAM 1 INTERNAL_ERROR", "RST_STREAM 3 INTERNAL_ERROR"]);
      } else {
        const client = await connectH2(options);
        target = client;
        const controller = new AbortController();
        for (let i = 0; i < 2; i++) send(client, HttpRequest.get("http://a.test/"), { signal: controller.signal });
        await client.run();
        client.peer.take();
        controller.abort();
        await expectFrames(target, ["RST_STREAM 1 CANCEL", "RST_STREAM 3 CANCEL"]);
      }
      target.peer.data(3, "x");
      await expectQuiet(target);
      target.peer.data(1, "x");
      await expectFrames(target, ["RST_STREAM 1 STREAM_CLOSED"]);
      await expectWorks(target, 5);
    });
  }

  test("[h2-143] that none is remembered is an option", async () => {
    const held = await serveHeld({ maxRememberedResets: 0 });
    held.server.peer.headers(1, post());
    await held.server.run();
    held.call(0).fail(new Error("no"));
    await expectFrames(held.server, ["RST_STREAM 1 INTERNAL_ERROR"]);
    held.server.peer.data(1, "x");
    await expectFrames(held.server, ["RST_STREAM 1 STREAM_CLOSED"]);
  });
});

describe("field blocks on closed streams", () => {
  test("[h2-141] are decoded all the same: the next one refers to what they have put in the table", async () => {
    const server = await serveRecorded();
    server.peer.headers(1, [[":method", "GET"]]);
    await expectFrames(server, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    // Literal with incremental indexing: x: y, the first entry of the dynamic table, index 62.
    server.peer.headers(1, Uint8Array.of(0x40, 1, 0x78, 1, 0x79), { endStream: true });
    await expectQuiet(server);
    server.peer.headers(3, Uint8Array.of(0x82, 0x86, 0x84, 0x41, 1, 0x61, 0xbf), { endStream: true });
    await expectFrames(server, [okText(3)]);
    expect(server.requests[0]?.headers.get("x")).toBe("y");
  });

  test("[h2-182] on those beyond the last that GOAWAY named are decoded too, in fragments as well", async () => {
    const { server, call, calls } = await serveHeld();
    server.peer.headers(1, post());
    await server.run();
    server.connection.gracefulShutdown(Number.POSITIVE_INFINITY);
    await expectFrames(server, ["GOAWAY 2147483647 NO_ERROR", "PING 736c756963650002"]);
    server.peer.pingAck("736c756963650002");
    await expectFrames(server, ["GOAWAY 1 NO_ERROR"]);
    const block = Uint8Array.of(0x82, 0x86, 0x84, 0x41, 1, 0x61, 0x40, 1, 0x78, 1, 0x79);
    server.peer.headers(3, block.subarray(0, 7), { endHeaders: false });
    server.peer.continuation(3, block.subarray(7));
    server.peer.windowUpdate(3, 1);
    server.peer.rst(3, "CANCEL");
    await expectQuiet(server);
    expect(calls.length).toBe(1);
    // The trailers of stream 1 refer to x: y, which came on stream 3.
    const reading = read(call(0).request.body);
    server.peer.headers(1, Uint8Array.of(0xbe), { endStream: true });
    await expectQuiet(server);
    expect(reading).toMatchObject({ trailers: [["x", "y"]], outcome: "ended" });
  });

  test("[h2-140] on one that the client has reset are decoded before the answer", async () => {
    const server = await serveRecorded(() => new Promise(() => {}));
    server.peer.headers(1, post());
    server.peer.rst(1, "CANCEL");
    server.peer.headers(1, Uint8Array.of(0x40, 1, 0x78, 1, 0x79), { endStream: true });
    await expectFrames(server, ["RST_STREAM 1 STREAM_CLOSED"]);
    server.peer.headers(3, Uint8Array.of(0x82, 0x86, 0x84, 0x41, 1, 0x61, 0xbf), { endStream: true });
    await expectQuiet(server);
    expect(server.requests[1]?.headers.get("x")).toBe("y");
  });
});

describe("behind the end of the peer's side", () => {
  for (const code of ["NO_ERROR", "INTERNAL_ERROR"] as const) {
    test(`[h2-148] client: a whole response stays readable though the server resets the stream with ${code}`, async () => {
      const client = await connectH2();
      const sent = send(client, HttpRequest.get("http://a.test/"));
      await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
      client.peer.batch(() => {
        client.peer.headers(1, status(200));
        client.peer.data(1, "all of it");
        client.peer.headers(1, [["sum", "1"]], { endStream: true });
        client.peer.rst(1, code);
      });
      await expectSent(client, sent, "200");
      const reading = readResponse(sent);
      await expectQuiet(client);
      expect(reading).toEqual({ pieces: ["all of it"], trailers: [["sum", "1"]], outcome: "ended" });
    });

    test(`[h2-148] server: the content of a request that the client resets with ${code} is let go, and never passes for whole`, async () => {
      const { server, call } = await serveHeld();
      server.peer.batch(() => {
        server.peer.headers(1, post());
        server.peer.data(1, "all of it", { endStream: true });
        server.peer.rst(1, code);
      });
      await expectQuiet(server);
      const { request } = call(0);
      // What it says of the response is another matter.
      expect(request.signal.reason).toMatchObject({ kind: "incomplete", code: "STREAM_RESET" });
      const reading = read(request.body);
      await expectQuiet(server);
      expect(reading).toEqual({ pieces: [], trailers: undefined, outcome: `incomplete STREAM_RESET ${code}` });
      call(0).respond(new HttpResponse(200));
      await expectQuiet(server);
    });
  }
});

test("[h2-142] the next request is served whatever came late", async () => {
  const server = await serveRecorded();
  server.peer.headers(1, [[":method", "GET"]], { endStream: true });
  await expectFrames(server, ["RST_STREAM 1 PROTOCOL_ERROR"]);
  server.peer.data(1, "x");
  await expectServes(server, 3);
});
