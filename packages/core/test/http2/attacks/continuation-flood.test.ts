/**
 * Field blocks without end (CVE-2024-27316, CVE-2024-28182, CVE-2023-45288, RUSTSEC-2024-0332), and connections that
 * die in the middle of one (CVE-2024-27983).
 */
import { HttpRequest as Requests } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { attackClient, attackServer, type Defence, expectDefended, times } from "../support/attack.ts";
import { outcomeOf, send } from "../support/client.ts";
import { expectClosed, expectFailed, expectFrames, expectQuiet } from "../support/expectations.ts";
import { get, literalBlock, status } from "../support/messages.ts";
import { ok, okText } from "../support/server.ts";
import { pass } from "../support/under-test.ts";

const empty = new Uint8Array(0);
const octet = literalBlock([["a", "b"]]);

const tooMany = {
  lastStreamId: 0,
  code: "ENHANCE_YOUR_CALM",
  errorCode: "TOO_MANY_CONTINUATIONS",
} as const;

function atMost(count: number): string {
  return `too_many_continuations: a field block must take at most ${count} of them`;
}

describe("a flood of CONTINUATION", () => {
  test("CVE-2024-28182: the eighth that does not end the block is too many for a server", async () => {
    const server = await attackServer(ok);
    const { peer } = server;
    peer.headers(1, get(), { endHeaders: false, endStream: true });
    times(7, () => peer.continuation(1, octet, { endHeaders: false }));
    peer.continuation(1, octet);
    await expectFrames(server, [okText(1)]);
    expect(server.requests[0]?.headers.getAll("a")).toEqual(new Array(8).fill("b"));
    peer.headers(3, get(), { endHeaders: false, endStream: true });
    times(8, () => peer.continuation(3, octet, { endHeaders: false }));
    const answers = await expectDefended(server, { ...tooMany, lastStreamId: 1, debug: atMost(8) });
    expect([answers, server.requests.length]).toEqual([[], 1]);
  });

  test("CVE-2024-28182: a client takes as many as four header lists of the size it allows fill", async () => {
    const client = await attackClient();
    const sent = send(client, Requests.get("http://a.test/"));
    await client.run();
    client.peer.take();
    client.peer.headers(1, status(200), { endHeaders: false });
    times(16, () => client.peer.continuation(1, octet, { endHeaders: false }));
    await expectQuiet(client);
    client.peer.continuation(1, octet, { endHeaders: false });
    await expectDefended(client, { ...tooMany, debug: atMost(17) });
    expect(outcomeOf(sent)).toBe("limit TOO_MANY_CONTINUATIONS ENHANCE_YOUR_CALM");
  });

  test("CVE-2024-27316: octets without end are given up once they are four times what is allowed", async () => {
    const server = await attackServer(ok);
    const fields = literalBlock(Array.from({ length: 400 }, (_, index) => [`name-${index}`, "v".repeat(20)]));
    server.peer.headers(1, get(), { endHeaders: false });
    times(3, () => server.peer.continuation(1, fields, { endHeaders: false }));
    const answers = await expectDefended(server, {
      lastStreamId: 0,
      code: "ENHANCE_YOUR_CALM",
      debug:
        "header_list_way_too_large: a header list must not exceed 16384 octets, and ends the connection above 65536, got at least 65541",
      errorCode: "HEADER_LIST_WAY_TOO_LARGE",
    });
    expect([answers, server.requests]).toEqual([[], []]);
  });

  test("CVE-2023-45288: one field that never ends: no more is kept than its hard limit", async () => {
    const server = await attackServer(ok);
    const { peer } = server;
    // A literal whose value is said to be as long as is allowed at most, and comes frame by frame.
    peer.headers(1, Uint8Array.of(0x00, 0x01, 0x61, 0x7f, 0xff, 0xff, 0x7f), { endHeaders: false });
    const answers = await expectDefended(server, {
      lastStreamId: 0,
      code: "ENHANCE_YOUR_CALM",
      debug:
        "header_list_way_too_large: a field name or value exceeds the 65535 octets left of the header list's hard limit",
      errorCode: "HEADER_LIST_WAY_TOO_LARGE",
    });
    expect(answers).toEqual([]);
  });

  test("CVE-2019-9518: two empty fragments in a row", async () => {
    const server = await attackServer(ok);
    const { peer } = server;
    peer.headers(1, get(), { endHeaders: false, endStream: true });
    peer.continuation(1, empty, { endHeaders: false });
    peer.continuation(1, octet, { endHeaders: false });
    peer.continuation(1, empty, { endHeaders: false });
    peer.continuation(1, empty);
    await expectFrames(server, [okText(1)]);
    expect(server.counts.get("emptyContinuation")).toBe(2);
    peer.headers(3, get(), { endHeaders: false });
    times(2, () => peer.continuation(3, empty, { endHeaders: false }));
    await expectDefended(server, {
      lastStreamId: 1,
      code: "ENHANCE_YOUR_CALM",
      debug: "too_many_continuations: two in a row were empty and ended nothing",
      errorCode: "EMPTY_CONTINUATIONS",
      counter: ["emptyContinuation", 3],
    });
  });
});

describe("CVE-2024-27983: the end comes in the middle of a field block", () => {
  const halves = [
    ["behind HEADERS", octet],
    ["in the middle of a string", Uint8Array.of(0x00, 0x05, 0x61, 0x62)],
    ["in the middle of an integer", Uint8Array.of(0x00, 0x7f)],
  ] as const;

  for (const [where, fragment] of halves) {
    test(`CVE-2024-27983: the client ends its side ${where}`, async () => {
      const server = await attackServer(ok);
      server.peer.headers(1, fragment, { endHeaders: false });
      server.peer.end();
      await expectFailed(server, [], "incomplete", "CONNECTION_LOST");
      expect([server.outcome?.message, server.requests.length]).toEqual([
        "the peer ended the connection in the middle of a frame",
        0,
      ]);
      await server.bystander.expectUnharmed();
    });

    test(`CVE-2024-27983: the transport fails ${where}`, async () => {
      const server = await attackServer(ok);
      server.peer.headers(1, fragment, { endHeaders: false });
      await expectQuiet(server);
      server.io.fail(new Error("reset by peer"));
      await server.run();
      expect([server.outcome?.kind, server.outcome?.message, server.timer.pending]).toEqual([
        "io",
        "the transport failed: reset by peer",
        0,
      ]);
      await server.bystander.expectUnharmed();
    });

    test(`CVE-2024-27983: the program aborts ${where}`, async () => {
      const server = await attackServer(ok);
      server.peer.headers(1, fragment, { endHeaders: false });
      await expectQuiet(server);
      server.connection.abort("enough");
      await server.run();
      expect([server.peer.take(), server.io.isAborted, server.timer.pending]).toEqual([[], true, 0]);
      await server.bystander.expectUnharmed();
    });

    test(`CVE-2024-27983: the connection is shut down ${where}`, async () => {
      const server = await attackServer(ok);
      server.peer.headers(1, fragment, { endHeaders: false });
      await expectQuiet(server);
      server.connection.gracefulShutdown();
      await expectFrames(server, ["GOAWAY 2147483647 NO_ERROR", "PING 736c756963650002"]);
      await pass(server, 1000);
      await expectClosed(server, ["GOAWAY 0 NO_ERROR"]);
      await server.bystander.expectUnharmed();
    });
  }

  test("CVE-2024-27983: a shutdown begins, and the block that was begun is completed and served", async () => {
    const server = await attackServer(ok);
    server.peer.headers(1, get(), { endHeaders: false, endStream: true });
    await expectQuiet(server);
    server.connection.gracefulShutdown();
    await expectFrames(server, ["GOAWAY 2147483647 NO_ERROR", "PING 736c756963650002"]);
    server.peer.continuation(1, octet);
    await expectFrames(server, [okText(1)]);
    await pass(server, 1000);
    await expectClosed(server, ["GOAWAY 1 NO_ERROR"]);
  });

  test("CVE-2024-27983: on a client, the response that was begun fails", async () => {
    const client = await attackClient();
    const sent = send(client, Requests.get("http://a.test/"));
    await client.run();
    client.peer.take();
    client.peer.headers(1, status(200), { endHeaders: false });
    client.peer.end();
    await expectFailed(client, [], "incomplete", "CONNECTION_LOST");
    expect(outcomeOf(sent)).toBe("incomplete CONNECTION_LOST");
    await client.bystander.expectUnharmed();
  });

  test("CVE-2024-27983: the stream is reset by our own side while its trailers are on their way", async () => {
    const client = await attackClient();
    const aborted = new AbortController();
    const sent = send(client, Requests.get("http://a.test/"), { signal: aborted.signal });
    await client.run();
    client.peer.take();
    client.peer.headers(1, status(200), { endHeaders: false });
    await expectQuiet(client);
    aborted.abort();
    await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
    client.peer.continuation(1, octet);
    await expectQuiet(client);
    expect(outcomeOf(sent)).toBe("canceled CANCELED");
    // The table of the decoder is where it should be.
    const next = send(client, Requests.get("http://a.test/"));
    await client.run();
    client.peer.take();
    client.peer.headers(3, status(204), { endStream: true });
    await expectQuiet(client);
    expect(outcomeOf(next)).toBe("204");
  });
});

test("what a field block is interrupted by ends the connection, and is not looked at", async () => {
  const server = await attackServer(ok);
  server.peer.headers(1, get(), { endHeaders: false });
  server.peer.ping();
  const defence: Defence = {
    lastStreamId: 0,
    code: "PROTOCOL_ERROR",
    debug: "a field block on stream 1 must be continued by CONTINUATION, got PING on stream 0 (RFC 9113 6.10)",
    kind: "protocol",
    errorCode: "FIELD_BLOCK_INTERRUPTED",
  };
  expect(await expectDefended(server, defence)).toEqual([]);
});
