/**
 * Frames that no table of handlers may lack, and input behind the end of a connection, which no parser may go on with.
 */
import { describe, expect, test } from "vitest";
import { attackClient, attackServer, blockedService, expectDefended, expectEndured, times } from "../support/attack.ts";
import { expectFrames, expectQuiet } from "../support/expectations.ts";
import { get, post } from "../support/messages.ts";
import { ok, okText, serveH2 } from "../support/server.ts";
import { pass } from "../support/under-test.ts";

describe("CVE-2026-27141: types of frames that are not used", () => {
  for (const [role, make] of [
    ["server", () => attackServer(ok)],
    ["client", () => attackClient()],
  ] as const) {
    test(`CVE-2026-27141: a ${role} ignores all of them, on any stream, with any flags and any payload`, async () => {
      const target = await make();
      const { peer } = target;
      let sent = 0;
      for (let type = 0x0a; type <= 0xff; type++) {
        // PRIORITY_UPDATE (RFC 9218) is one that is used.
        if (type === 0x10) continue;
        for (const flagBits of [0, 0xff]) {
          for (const id of [0, 1, 2]) {
            for (const payload of ["", "00", "00000000", "0011223344556677"]) {
              peer.raw(type, flagBits, id, payload);
              sent++;
            }
          }
        }
      }
      await expectQuiet(target);
      expect(target.counts.get("unknownFrame")).toBe(sent);
      peer.ping();
      await expectEndured(target, ["PING ACK 0011223344556677"]);
    });
  }

  test("CVE-2026-27141: within a field block they end the connection like any other frame", async () => {
    const server = await attackServer(ok);
    server.peer.headers(1, get(), { endHeaders: false });
    server.peer.raw(0x0b, 0, 1, "00");
    await expectDefended(server, {
      lastStreamId: 0,
      code: "PROTOCOL_ERROR",
      debug: "a field block on stream 1 must be continued by CONTINUATION, got 0xb on stream 1 (RFC 9113 6.10)",
      kind: "protocol",
      errorCode: "FIELD_BLOCK_INTERRUPTED",
    });
  });

  test("CVE-2026-27141: a length beyond MAX_FRAME_SIZE is an error for them too", async () => {
    const server = await attackServer(ok);
    server.peer.raw(0x0c, 0, 0, new Uint8Array(16_385));
    await expectDefended(server, {
      lastStreamId: 0,
      code: "FRAME_SIZE_ERROR",
      debug: "ORIGIN: length must be at most 16384, got 16385 (RFC 9113 4.2)",
      kind: "protocol",
      errorCode: "FRAME_TOO_LARGE",
    });
  });
});

describe("CVE-2026-27135: input behind the error that ended the connection", () => {
  test("CVE-2026-27135: in the same chunk: no frame of it is looked at, no request served, no second GOAWAY", async () => {
    const server = await attackServer(ok);
    const { peer } = server;
    peer.batch(() => {
      peer.headers(1, get(), { endStream: true });
      peer.raw(0x6, 0, 0, "00");
      peer.headers(3, get(), { endStream: true });
      peer.ping();
      times(20_000, () => peer.priority(1, { dependency: 3 }));
      peer.raw(0x6, 0, 0, "00");
    });
    const answers = await expectDefended(server, {
      lastStreamId: 1,
      code: "FRAME_SIZE_ERROR",
      debug: "PING: length must be 8, got 1 (RFC 9113 6.7)",
      kind: "protocol",
      errorCode: "PING_LENGTH",
    });
    expect([answers, server.requests.length, server.counts.get("priority")]).toEqual([[okText(1)], 1, undefined]);
  });

  test("CVE-2026-27135: the same behind an error in what a frame says, not in its form", async () => {
    const server = await attackServer(ok);
    const { peer } = server;
    peer.batch(() => {
      peer.headers(1, get(), { endStream: true });
      peer.windowUpdate(0, 0);
      peer.headers(3, get(), { endStream: true });
      times(20_000, () => peer.priority(1, { dependency: 3 }));
    });
    const answers = await expectDefended(server, {
      lastStreamId: 1,
      code: "PROTOCOL_ERROR",
      debug: "WINDOW_UPDATE: increment must be from 1 to 2^31-1, got 0 (RFC 9113 6.9)",
      kind: "protocol",
      errorCode: "WINDOW_UPDATE_ZERO",
    });
    expect([answers, server.requests.length, server.counts.get("priority")]).toEqual([[okText(1)], 1, undefined]);
  });

  test("CVE-2026-27135: while the end of the transport is waited for, in many chunks, for lingerTimeoutMs", async () => {
    const server = await attackServer(ok);
    const { peer } = server;
    peer.raw(0x6, 0, 0, "00");
    await server.run();
    expect(peer.take()).toEqual(["GOAWAY 0 FRAME_SIZE_ERROR: PING: length must be 8, got 1 (RFC 9113 6.7)"]);
    for (let tenth = 0; tenth < 9; tenth++) {
      times(50, (index) => peer.headers(1 + 2 * (50 * tenth + index), get(), { endStream: true }));
      peer.octets(new Uint8Array(100_000).fill(0xff));
      await pass(server, 100);
      expect([server.io.remaining, server.io.isAborted]).toEqual([0, false]);
    }
    await pass(server, 99);
    expect(server.io.isAborted).toBe(false);
    await pass(server, 1);
    expect([server.io.isAborted, peer.take(), server.requests, server.timer.pending]).toEqual([true, [], [], 0]);
    await server.bystander.expectUnharmed();
  });

  test("CVE-2026-27135: answers of services come too late and are dropped", async () => {
    const service = blockedService();
    const server = await attackServer(service.call);
    const { peer } = server;
    peer.headers(1, post());
    peer.data(1, "content");
    await expectQuiet(server);
    peer.raw(0x6, 0, 0, "00");
    await server.run();
    expect(peer.take()).toEqual(["GOAWAY 1 FRAME_SIZE_ERROR: PING: length must be 8, got 1 (RFC 9113 6.7)"]);
    service.release();
    await server.run();
    expect(peer.take()).toEqual([]);
    peer.end();
    await server.run();
    expect([peer.take(), server.io.isAborted, server.outcome?.code]).toEqual([[], true, "PING_LENGTH"]);
  });

  test("CVE-2026-27135: behind a wrong preface nothing is taken for HTTP/2", async () => {
    const server = await attackServer(ok, {}, { handshake: false });
    const { peer } = server;
    await server.run();
    peer.take();
    peer.octets("GET / HTTP/1.1\r\nhost: a.test\r\n\r\n");
    const answers = await expectDefended(server, {
      lastStreamId: 0,
      code: "PROTOCOL_ERROR",
      debug: 'the connection must start with the client preface, got "GET / HTTP/1.1\\x0d\\x0ahost: a." (RFC 9113 3.4)',
      kind: "protocol",
      errorCode: "PREFACE_INVALID",
    });
    expect(answers).toEqual([]);
  });
});

describe("[h2-357] TLS that HTTP/2 must not be used with", () => {
  const bad = [
    [{ tlsVersion: "TLSv1.1" }, "TLS: version must be TLSv1.2 or higher, got TLSv1.1 (RFC 9113 9.2)"],
    [
      { tlsVersion: "TLSv1.2", cipherSuite: "TLS_RSA_WITH_AES_128_CBC_SHA" },
      "TLS: cipher suite TLS_RSA_WITH_AES_128_CBC_SHA is prohibited (RFC 9113 9.2.2, appendix A)",
    ],
  ] as const;

  for (const [info, debug] of bad) {
    test(`[h2-357] ${info.tlsVersion} ${"cipherSuite" in info ? info.cipherSuite : ""}`, async () => {
      const server = await attackServer(ok, {}, { handshake: false, info: { secure: true, ...info } });
      server.peer.preface();
      const [first, second, ...rest] = await expectDefended(server, {
        lastStreamId: 0,
        code: "INADEQUATE_SECURITY",
        debug,
        kind: "protocol",
        errorCode: "INADEQUATE_SECURITY",
      });
      expect([first?.split(" ")[0], second?.split(" ")[0], rest]).toEqual(["SETTINGS", "WINDOW_UPDATE", []]);
    });

    test(`[h2-357] ${info.tlsVersion} is let pass with allowInadequateSecurity`, async () => {
      const options = { allowInadequateSecurity: true };
      const server = await serveH2(ok, options, { info: { secure: true, ...info } });
      server.peer.headers(1, get(), { endStream: true });
      await expectFrames(server, [okText(1)]);
    });
  }

  test("[h2-357] an adequate suite of TLS 1.2, and TLS 1.3, are used", async () => {
    for (const info of [
      { tlsVersion: "TLSv1.2", cipherSuite: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" },
      { tlsVersion: "TLSv1.3", cipherSuite: "TLS_AES_128_GCM_SHA256" },
    ]) {
      const server = await serveH2(ok, {}, { info: { secure: true, ...info } });
      server.peer.headers(1, get(), { endStream: true });
      await expectFrames(server, [okText(1)]);
    }
  });
});
