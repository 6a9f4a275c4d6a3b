/**
 * Tunnels of CONNECT under flow control (RFC 9113 section 5.2): who writes waits for the client's window, and is told of
 * all that may happen meanwhile.
 */
import { HttpRequest, HttpResponse, upgradeOn } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { expectFrames, expectQuiet } from "./support/expectations.ts";
import type { Line } from "./support/hpack.ts";
import { join } from "./support/joined.ts";
import { expectServes } from "./support/recorded.ts";
import type { ServerUnderTest } from "./support/server.ts";
import { completion, readTunnel, serveTunnels, type TunnelEnd, writeTunnel } from "./support/tunnels.ts";

const connecting: Line[] = [
  [":method", "CONNECT"],
  [":authority", "a.test:443"],
];

/** A server with a tunnel on stream 1 that may send `window` octets, and keeps up to `maxSendBufferBytes` of them. */
async function tunnelling(
  window: number,
  maxSendBufferBytes = 4,
): Promise<{ readonly server: ServerUnderTest; readonly tunnel: TunnelEnd }> {
  const setup = { settings: { INITIAL_WINDOW_SIZE: window } };
  const server = await serveTunnels({ maxSendBufferBytes }, setup);
  server.peer.headers(1, connecting);
  await expectFrames(server, ["HEADERS 1 :status=200"]);
  return { server, tunnel: server.tunnels[0] as TunnelEnd };
}

describe("writing with a window of zero", () => {
  test("[hyper-194] what is written is kept, the writer waits, and both go on with the window", async () => {
    const { server, tunnel } = await tunnelling(0);
    expect(writeTunnel(tunnel, "ab")).toBe(true);
    expect(writeTunnel(tunnel, "cd")).toBe(false);
    const drained = completion((done) => tunnel.io.drained(done));
    await expectQuiet(server);
    expect(drained.state).toBe("pending");
    server.peer.windowUpdate(1, 3);
    await expectFrames(server, ["DATA 1 2 ab", "DATA 1 1 c"]);
    server.peer.windowUpdate(1, 10);
    await expectFrames(server, ["DATA 1 1 d"]);
    expect(drained.state).toBe("done");
    expect(writeTunnel(tunnel, "e")).toBe(true);
    await expectFrames(server, ["DATA 1 1 e"]);
  });

  test("[hyper-194] a shutdown meanwhile comes behind what was written", async () => {
    const { server, tunnel } = await tunnelling(0);
    writeTunnel(tunnel, "abc");
    const shut = completion((done) => tunnel.io.shutdown(done));
    await expectQuiet(server);
    expect(shut.state).toBe("pending");
    expect(writeTunnel(tunnel, "late")).toBe(false);
    server.peer.windowUpdate(1, 2);
    await expectFrames(server, ["DATA 1 2 ab"]);
    expect(shut.state).toBe("pending");
    server.peer.windowUpdate(1, 2);
    await expectFrames(server, ["DATA 1 END_STREAM 1 c"]);
    expect(shut.state).toBe("done");
    server.peer.data(1, "", { endStream: true });
    await expectQuiet(server);
    await expectServes(server, 3);
  });

  test("[hyper-194] a shutdown with nothing before it needs no window", async () => {
    const { server, tunnel } = await tunnelling(0);
    const shut = completion((done) => tunnel.io.shutdown(done));
    await expectFrames(server, ["DATA 1 END_STREAM 0"]);
    expect(shut.state).toBe("done");
  });

  test("[hyper-194] a reset meanwhile is noticed by who waits to write, to end and to read", async () => {
    const error = "incomplete STREAM_RESET CANCEL";
    const writing = await tunnelling(0);
    writeTunnel(writing.tunnel, "abcdef");
    const drained = completion((done) => writing.tunnel.io.drained(done));
    writing.server.peer.rst(1, "CANCEL");
    await expectQuiet(writing.server);
    expect([drained.state, writing.tunnel.outcome]).toEqual([error, error]);
    await expectServes(writing.server, 3);

    const ending = await tunnelling(0);
    writeTunnel(ending.tunnel, "abc");
    const shut = completion((done) => ending.tunnel.io.shutdown(done));
    ending.server.peer.rst(1, "CANCEL");
    await expectQuiet(ending.server);
    expect([shut.state, ending.tunnel.outcome]).toEqual([error, error]);
    await expectServes(ending.server, 3);
  });

  test("[hyper-194] the client's window is no matter for what it sends itself", async () => {
    const { server, tunnel } = await tunnelling(0);
    writeTunnel(tunnel, "abcdef");
    server.peer.data(1, "in");
    server.peer.data(1, "", { endStream: true });
    await expectQuiet(server);
    expect([tunnel.pieces, tunnel.outcome]).toEqual([["in"], "ended"]);
    server.peer.windowUpdate(1, 100);
    await expectFrames(server, ["DATA 1 6 abcdef"]);
  });
});

describe("reading", () => {
  test("gives credit back as it reads, and none before", async () => {
    const server = await serveTunnels({ initialWindowBytes: 40_000, connectionWindowBytes: 65_535 });
    server.peer.headers(1, connecting);
    await expectFrames(server, ["HEADERS 1 :status=200"]);
    server.peer.data(1, 16_000);
    server.peer.data(1, 16_000);
    await expectFrames(server, ["WINDOW_UPDATE 1 +32000"]);
    expect(server.tunnels[0]?.pieces.join("").length).toBe(32_000);
  });
});

describe("both ends", () => {
  test.each([
    ["small windows", { initialWindowBytes: 1_000 }],
    ["the windows there are by default", {}],
  ])("[hyper-193, hyper-194] a megabyte each way at once through %s", async (_, options) => {
    const total = 1_048_576;
    const ends: TunnelEnd[] = [];
    const joined = await join(
      (request) => {
        void upgradeOn(request).then((io) => {
          ends.push(readTunnel(io));
          feed(ends.at(-1) as TunnelEnd, "s", total);
        });
        return new HttpResponse(200);
      },
      { client: options, server: options },
    );
    const sending = joined.sender.send(HttpRequest.connect("a.test:443"));
    await joined.run();
    const mine = readTunnel(await upgradeOn(await sending));
    feed(mine, "c", total);
    await joined.run();
    const theirs = ends[0] as TunnelEnd;
    for (const [end, char] of [
      [mine, "s"],
      [theirs, "c"],
    ] as const) {
      const content = end.pieces.join("");
      expect([content.length, content === char.repeat(total), end.outcome]).toEqual([total, true, "ended"]);
    }
  });
});

/** Writes `total` octets, as there is room for them, and ends. */
function feed(end: TunnelEnd, char: string, total: number): void {
  let left = total;
  const more = (error?: unknown): void => {
    if (error !== undefined) throw error;
    while (left > 0) {
      const count = Math.min(left, 30_000);
      left -= count;
      if (!writeTunnel(end, char.repeat(count))) {
        end.io.drained(more);
        return;
      }
    }
    end.io.shutdown(() => {});
  };
  more();
}
