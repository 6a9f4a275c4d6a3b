/**
 * CONNECT (RFC 9113 section 8.5): a stream becomes a tunnel, in both roles.
 */
import { fromIterable, full } from "@sluice/body";
import { HttpRequest, HttpResponse, upgradeOn } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { rejection } from "../support/wire.ts";
import { type ClientUnderTest, connectH2, expectSent, type Sent, send } from "./support/client.ts";
import { expectWorks } from "./support/exchanges.ts";
import { expectClosed, expectFrames, expectQuiet } from "./support/expectations.ts";
import type { Line } from "./support/hpack.ts";
import { get, status } from "./support/messages.ts";
import { read } from "./support/reading.ts";
import { expectMalformed, expectServes, serveRecorded } from "./support/recorded.ts";
import { okText, serveH2 } from "./support/server.ts";
import { completion, readTunnel, serveTunnels, type TunnelEnd, writeTunnel } from "./support/tunnels.ts";

const connecting: Line[] = [
  [":method", "CONNECT"],
  [":authority", "a.test:443"],
];
const connectText = ":method=CONNECT :authority=a.test:443";

/** A client, and the CONNECT on its stream 1. */
async function sentConnect(): Promise<{ readonly client: ClientUnderTest; readonly sent: Sent }> {
  const client = await connectH2();
  const sent = send(client, HttpRequest.connect("a.test:443"));
  await expectFrames(client, [`HEADERS 1 ${connectText}`]);
  return { client, sent };
}

/** The same, granted, and its tunnel. */
async function tunnelling(): Promise<{ readonly client: ClientUnderTest; readonly tunnel: TunnelEnd }> {
  const { client, sent } = await sentConnect();
  client.peer.headers(1, status(200));
  await expectSent(client, sent, "200");
  const tunnel = readTunnel(await upgradeOn(sent.response as HttpResponse));
  await expectQuiet(client);
  return { client, tunnel };
}

describe("the request at a server", () => {
  test("[h2-319] without :scheme and :path: the service sees the method and an authority-form", async () => {
    const server = await serveRecorded();
    server.peer.headers(1, connecting);
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    const [seen] = server.requests;
    expect([seen?.method, seen?.target.form, seen?.target.toString(), seen?.authority]).toEqual([
      "CONNECT",
      "authority",
      "a.test:443",
      "a.test:443",
    ]);
  });

  test("[h2-319] with :scheme or :path, or both", async () => {
    for (const endStream of [false, true]) {
      await expectMalformed([...connecting, [":scheme", "http"]], endStream);
      await expectMalformed([...connecting, [":path", "/"]], endStream);
      await expectMalformed([...connecting, [":scheme", "http"], [":path", "/"]], endStream);
    }
  });

  test("[h2-319] without :authority, or with one that is not host and port", async () => {
    await expectMalformed([[":method", "CONNECT"]], false);
    await expectMalformed(
      [
        [":method", "CONNECT"],
        ["host", "a.test:443"],
      ],
      false,
    );
    for (const authority of ["", "a.test", "a.test:", ":443", "a.test:0", "u@a.test:443", "a.test:443/"]) {
      await expectMalformed(
        [
          [":method", "CONNECT"],
          [":authority", authority],
        ],
        false,
      );
    }
  });
});

describe("the tunnel at a server", () => {
  test("[h2-320, hyper-193] octets flow both ways, and each side ends by END_STREAM on its own", async () => {
    const server = await serveTunnels();
    server.peer.headers(1, connecting);
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    const tunnel = server.tunnels[0] as TunnelEnd;
    server.peer.data(1, "ping");
    await expectQuiet(server);
    expect([tunnel.pieces, tunnel.outcome]).toEqual([["ping"], "open"]);
    expect(writeTunnel(tunnel, "pong")).toBe(true);
    await expectFrames(server, ["DATA 1 4 pong"]);

    server.peer.data(1, "", { endStream: true });
    await expectQuiet(server);
    expect(tunnel.outcome).toBe("ended");
    writeTunnel(tunnel, "more");
    const shut = completion((done) => tunnel.io.shutdown(done));
    await expectFrames(server, ["DATA 1 4 more", "DATA 1 END_STREAM 0"]);
    expect(shut.state).toBe("done");
    await expectServes(server, 3);
  });

  test("[h2-320] our side ends first, and the client's goes on", async () => {
    const server = await serveTunnels();
    server.peer.headers(1, connecting);
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    const tunnel = server.tunnels[0] as TunnelEnd;
    tunnel.io.shutdown(() => {});
    await expectFrames(server, ["DATA 1 END_STREAM 0"]);
    server.peer.data(1, "late");
    server.peer.data(1, "last", { endStream: true });
    await expectQuiet(server);
    expect([tunnel.pieces, tunnel.outcome]).toEqual([["late", "last"], "ended"]);
    await expectServes(server, 3);
  });

  test("what came before the answer is in the tunnel", async () => {
    let grant: (response: HttpResponse) => void = () => {};
    const server = await serveRecorded(() => new Promise((resolve) => (grant = resolve)));
    server.peer.headers(1, connecting);
    server.peer.data(1, "early");
    await expectQuiet(server);
    const upgraded = upgradeOn(server.requests[0] as HttpRequest);
    grant(new HttpResponse(200));
    const tunnel = readTunnel(await upgraded);
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    expect([tunnel.pieces, tunnel.outcome]).toEqual([["early"], "open"]);
  });

  test("giving it up is a reset with CONNECT_ERROR (RFC 9113 8.5), and no other stream is touched", async () => {
    const server = await serveTunnels();
    server.peer.headers(1, connecting);
    server.peer.headers(3, connecting);
    await expectFrames(server, ["HEADERS 1 :status=200", "HEADERS 3 :status=200"]);
    const [first, second] = server.tunnels as [TunnelEnd, TunnelEnd];
    first.io.abort();
    await expectFrames(server, ["RST_STREAM 1 CONNECT_ERROR"]);
    expect(first.outcome).toBe("canceled ABORTED");
    server.peer.data(1, "late");
    server.peer.data(3, "x");
    await expectQuiet(server);
    expect([first.pieces, second.pieces, second.outcome]).toEqual([[], ["x"], "open"]);
    await expectServes(server, 5);
  });

  test("a reset of the client's is an error at the tunnel", async () => {
    const server = await serveTunnels();
    server.peer.headers(1, connecting);
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    const tunnel = server.tunnels[0] as TunnelEnd;
    server.peer.rst(1, "CONNECT_ERROR");
    await expectQuiet(server);
    expect(tunnel.outcome).toBe("incomplete STREAM_RESET CONNECT_ERROR");
    expect(writeTunnel(tunnel, "x")).toBe(false);
    expect(completion((done) => tunnel.io.drained(done)).state).toBe("incomplete STREAM_RESET CONNECT_ERROR");
    expect(completion((done) => tunnel.io.shutdown(done)).state).toBe("incomplete STREAM_RESET CONNECT_ERROR");
    await expectServes(server, 3);
  });

  test("HEADERS in a tunnel are a stream error, trailers too (RFC 9113 8.5); WINDOW_UPDATE and PRIORITY are fine", async () => {
    for (const endStream of [false, true]) {
      const server = await serveTunnels();
      server.peer.headers(1, connecting);
      await expectFrames(server, ["HEADERS 1 :status=200"]);
      server.peer.windowUpdate(1, 1);
      server.peer.priority(1);
      await expectQuiet(server);
      server.peer.headers(1, [["t", "1"]], { endStream });
      await expectFrames(server, ["RST_STREAM 1 PROTOCOL_ERROR"]);
      expect(server.tunnels[0]?.outcome).toBe("protocol HEADERS_IN_TUNNEL PROTOCOL_ERROR");
      await expectServes(server, 3);
    }
  });

  test("[hyper-193] empty DATA frames are nothing", async () => {
    const server = await serveTunnels();
    server.peer.headers(1, connecting);
    for (const content of ["", "a", "", "", "b", ""]) server.peer.data(1, content);
    server.peer.data(1, "", { padding: 10 });
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    expect([server.tunnels[0]?.pieces.join(""), server.tunnels[0]?.outcome]).toEqual(["ab", "open"]);
    expect(writeTunnel(server.tunnels[0] as TunnelEnd, "")).toBe(true);
    await expectQuiet(server);
  });

  test("[hyper-193] a refusal with content is an ordinary response; the rest of the stream is given up", async () => {
    const server = await serveH2((request) => {
      if (request.method !== "CONNECT") return new HttpResponse(200);
      return new HttpResponse(403, {}, full("no"));
    });
    server.peer.headers(1, connecting);
    await expectFrames(server, [
      "HEADERS 1 :status=403 content-length=2",
      "DATA 1 END_STREAM 2 no",
      "RST_STREAM 1 NO_ERROR",
    ]);
    server.peer.data(1, "late", { endStream: true });
    await expectQuiet(server);
    await expectServes(server, 3);
  });

  test("a refusal of a client that has ended its side already needs no reset", async () => {
    const server = await serveH2(() => new HttpResponse(403));
    server.peer.headers(1, connecting, { endStream: true });
    await expectFrames(server, ["HEADERS 1 END_STREAM :status=403 content-length=0"]);
  });

  test("what came before a refusal is thrown away, and goes back to the connection's window", async () => {
    let refuse: (response: HttpResponse) => void = () => {};
    const call = (): Promise<HttpResponse> => new Promise((resolve) => (refuse = resolve));
    const server = await serveRecorded(call, { connectionWindowBytes: 65_535 });
    for (const endStream of [false, true]) {
      const id = endStream ? 3 : 1;
      server.peer.headers(id, connecting);
      for (let frame = 0; frame < 3; frame++) server.peer.data(id, 16_384, { endStream: endStream && frame === 2 });
      await expectQuiet(server);
      expect(server.peer.allowance(0)).toBe(65_535 - 3 * 16_384);
      refuse(new HttpResponse(403));
      await expectFrames(server, [
        `HEADERS ${id} END_STREAM :status=403 content-length=0`,
        ...(endStream ? [] : ["RST_STREAM 1 NO_ERROR"]),
        `WINDOW_UPDATE 0 +${3 * 16_384}`,
      ]);
    }
  });

  test("upgradeOn for a refused CONNECT, and for another method", async () => {
    const server = await serveRecorded((request) => new HttpResponse(request.method === "CONNECT" ? 403 : 200));
    server.peer.headers(1, connecting, { endStream: true });
    server.peer.headers(3, get(), { endStream: true });
    await expectFrames(server, ["HEADERS 1 END_STREAM :status=403 content-length=0", okText(3)]);
    for (const request of server.requests) {
      expect(await rejection(upgradeOn(request))).toMatchObject({ kind: "user", code: "NO_UPGRADE" });
    }
  });

  test("upgradeOn asked for before a refusal", async () => {
    const asked: Promise<unknown>[] = [];
    const server = await serveH2((request) => {
      asked.push(rejection(upgradeOn(request)));
      return new HttpResponse(403);
    });
    server.peer.headers(1, connecting, { endStream: true });
    await expectFrames(server, ["HEADERS 1 END_STREAM :status=403 content-length=0"]);
    expect(await asked[0]).toMatchObject({ kind: "user", code: "NO_UPGRADE" });
  });

  test("a tunnel that nobody takes is given up after idleTimeoutMs", async () => {
    const server = await serveH2(() => new HttpResponse(200), { idleTimeoutMs: 1_000 });
    server.peer.headers(1, connecting);
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    server.timer.advance(999);
    await expectQuiet(server);
    server.timer.advance(1);
    await expectFrames(server, ["RST_STREAM 1 CONNECT_ERROR"]);
  });

  test("content of the response to a granted CONNECT is not sent, and its body is cancelled", async () => {
    let returned = 0;
    const body = fromIterable({
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<IteratorResult<Uint8Array>>(() => {}),
        return: () => {
          returned++;
          return Promise.resolve({ done: true as const, value: undefined });
        },
      }),
    });
    const server = await serveH2(() => new HttpResponse(200, { "content-length": "3" }, body));
    server.peer.headers(1, connecting);
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    expect(returned).toBe(1);
  });
});

describe("the tunnel at a client", () => {
  test("[h2-320, hyper-193] octets flow both ways, and each side ends by END_STREAM on its own", async () => {
    const { client, tunnel } = await tunnelling();
    writeTunnel(tunnel, "ping");
    await expectFrames(client, ["DATA 1 4 ping"]);
    client.peer.data(1, "pong");
    await expectQuiet(client);
    expect([tunnel.pieces, tunnel.outcome]).toEqual([["pong"], "open"]);

    const shut = completion((done) => tunnel.io.shutdown(done));
    await expectFrames(client, ["DATA 1 END_STREAM 0"]);
    expect(shut.state).toBe("done");
    client.peer.data(1, "late");
    client.peer.data(1, "", { endStream: true });
    await expectQuiet(client);
    expect([tunnel.pieces, tunnel.outcome]).toEqual([["pong", "late"], "ended"]);
    await expectWorks(client, 3);
  });

  test("any 2xx grants it; what stands in its way is nothing that a head says of content", async () => {
    for (const [code, fields] of [
      [200, [["content-length", "0"]]],
      [201, [["content-length", "5"]]],
      [299, []],
    ] as const) {
      const { client, sent } = await sentConnect();
      client.peer.headers(1, status(code, ...fields));
      client.peer.data(1, "hello, world");
      await expectSent(client, sent, String(code));
      const tunnel = readTunnel(await upgradeOn(sent.response as HttpResponse));
      await expectQuiet(client);
      expect([tunnel.pieces, tunnel.outcome]).toEqual([["hello, world"], "open"]);
    }
  });

  test("giving it up is a reset with CONNECT_ERROR; a reset of the server's is an error at the tunnel", async () => {
    const aborted = await tunnelling();
    aborted.tunnel.io.abort();
    await expectFrames(aborted.client, ["RST_STREAM 1 CONNECT_ERROR"]);
    expect(aborted.tunnel.outcome).toBe("canceled ABORTED");
    await expectWorks(aborted.client, 3);

    const reset = await tunnelling();
    reset.client.peer.rst(1, "CONNECT_ERROR");
    await expectQuiet(reset.client);
    expect(reset.tunnel.outcome).toBe("incomplete STREAM_RESET CONNECT_ERROR");
    await expectWorks(reset.client, 3);
  });

  test("HEADERS in a tunnel are a stream error, trailers too (RFC 9113 8.5)", async () => {
    for (const endStream of [false, true]) {
      const { client, tunnel } = await tunnelling();
      client.peer.headers(1, [["t", "1"]], { endStream });
      await expectFrames(client, ["RST_STREAM 1 PROTOCOL_ERROR"]);
      expect(tunnel.outcome).toBe("protocol HEADERS_IN_TUNNEL PROTOCOL_ERROR");
      await expectWorks(client, 3);
    }
  });

  test("[hyper-193] a refusal with content is an ordinary response, and leaves no stream behind", async () => {
    const { client, sent } = await sentConnect();
    client.peer.headers(1, status(403));
    await expectFrames(client, ["DATA 1 END_STREAM 0"]);
    await expectSent(client, sent, "403");
    const reading = read((sent.response as HttpResponse).body);
    client.peer.data(1, "no", { endStream: true });
    await expectQuiet(client);
    expect(reading).toEqual({ pieces: ["no"], trailers: undefined, outcome: "ended" });
    expect(await rejection(upgradeOn(sent.response as HttpResponse))).toMatchObject({
      kind: "user",
      code: "NO_UPGRADE",
    });
    client.connection.gracefulShutdown();
    await expectClosed(client, ["GOAWAY 0 NO_ERROR"]);
  });

  test("a refusal that ends the stream at once leaves none behind either", async () => {
    const { client, sent } = await sentConnect();
    client.peer.headers(1, status(403), { endStream: true });
    await expectFrames(client, ["DATA 1 END_STREAM 0"]);
    await expectSent(client, sent, "403");
    client.connection.gracefulShutdown();
    await expectClosed(client, ["GOAWAY 0 NO_ERROR"]);
  });

  test("a connection that ends takes the tunnel with it, and a shutdown waits for it", async () => {
    const { client, tunnel } = await tunnelling();
    client.connection.gracefulShutdown();
    await expectFrames(client, ["GOAWAY 0 NO_ERROR"]);
    tunnel.io.shutdown(() => {});
    await expectFrames(client, ["DATA 1 END_STREAM 0"]);
    client.peer.data(1, "bye", { endStream: true });
    await expectClosed(client);
    expect([tunnel.pieces, tunnel.outcome]).toEqual([["bye"], "ended"]);

    const lost = await tunnelling();
    lost.client.connection.abort();
    await lost.client.run();
    expect(lost.tunnel.outcome).toBe("canceled ABORTED");
  });
});

describe("many tunnels on one connection", () => {
  test("[h2-326, hyper-193] at a server, 80 of them: each has its own octets", async () => {
    const server = await serveTunnels();
    const ids = Array.from({ length: 80 }, (_, at) => 2 * at + 1);
    for (const id of ids) server.peer.headers(id, connecting);
    await expectFrames(
      server,
      ids.map((id) => `HEADERS ${id} :status=200`),
    );
    for (const id of ids) server.peer.data(id, `to ${id}`);
    await expectQuiet(server);
    expect(server.tunnels.map(({ pieces }) => pieces)).toEqual(ids.map((id) => [`to ${id}`]));
    for (const tunnel of server.tunnels.toReversed()) writeTunnel(tunnel, "x");
    await expectFrames(
      server,
      ids.toReversed().map((id) => `DATA ${id} 1 x`),
    );
  });

  test("[h2-326] at a client", async () => {
    const client = await connectH2();
    const all = ["a.test:1", "b.test:2", "c.test:3"].map((authority) => send(client, HttpRequest.connect(authority)));
    await expectFrames(client, [
      "HEADERS 1 :method=CONNECT :authority=a.test:1",
      "HEADERS 3 :method=CONNECT :authority=b.test:2",
      "HEADERS 5 :method=CONNECT :authority=c.test:3",
    ]);
    for (const id of [5, 1, 3]) client.peer.headers(id, status(200));
    for (const sent of all) await expectSent(client, sent, "200");
    const tunnels = await Promise.all(
      all.map(async ({ response }) => readTunnel(await upgradeOn(response as HttpResponse))),
    );
    for (const id of [1, 3, 5]) client.peer.data(id, `on ${id}`);
    client.peer.rst(3, "CANCEL");
    await expectQuiet(client);
    expect(tunnels.map(({ pieces, outcome }) => [...pieces, outcome])).toEqual([
      ["on 1", "open"],
      ["on 3", "incomplete STREAM_RESET CANCEL"],
      ["on 5", "open"],
    ]);
  });
});
