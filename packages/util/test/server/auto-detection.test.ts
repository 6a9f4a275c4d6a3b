/** Which version of HTTP `auto.serve` finds in the first octets, or is told by ALPN; whatever they are cut into. */
import { full } from "@sluice/body";
import { HttpResponse, serviceFn, type Upgraded, upgradeOn } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import * as http2 from "@sluice/core/http2";
import { scriptedIo } from "@sluice/util/memory";
import { auto } from "@sluice/util/server";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bytes,
  expectOpen,
  get,
  getH2,
  lastOkText,
  ok,
  okText,
  outcomeOf,
  plain,
  played,
  preface,
  serveAuto,
  settings,
  settle,
} from "./support.ts";

const echoPath = serviceFn((request) => new HttpResponse(200, {}, full(`${request.method} ${request.target.path}`)));
const direct1 = (io: Parameters<typeof http1.serve>[0]) => http1.serve(io, echoPath, plain.http1);
const direct2 = (io: Parameters<typeof http2.serve>[0]) => http2.serve(io, echoPath, plain.http2);
const either = (io: Parameters<typeof auto.serve>[0]) => auto.serve(io, echoPath, plain);

function cut(text: string, ...at: readonly number[]): string[] {
  const ends = [...new Set(at), text.length].sort((a, b) => a - b);
  return ends.map((end, i) => text.slice(i === 0 ? 0 : ends[i - 1], end)).filter((chunk) => chunk !== "");
}

/** Requests and refuse that begin like the preface, or do not. */
const http1Texts = [
  get,
  "POST /p HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc",
  "P / HTTP/1.1\r\nhost: a\r\n\r\n",
  "PR / HTTP/1.1\r\nhost: a\r\n\r\n",
  "PRI / HTTP/1.1\r\nhost: a\r\n\r\n",
  "PRI * HTTP/1.1\r\nhost: a\r\n\r\n",
  "PRI * HTTP/2.1\r\n\r\n",
  "PRI * HTTP/2.0\r\nhost: a\r\n\r\nSM\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r",
  "PRI * HTTP/2.0\r\n\r\nXM\r\n\r\n",
  "PUT /x HTTP/1.1\r\nhost: a\r\n\r\n",
  "\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n",
  "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
  "nonsense\r\n\r\n",
];

describe("by the first octets", () => {
  test.each(http1Texts)(
    "[hyper-238] %j is HTTP/1 at every cut: what is answered is what http1.serve answers",
    async (text) => {
      const expected = await played(direct1, [text]);
      for (let at = 0; at <= Math.min(text.length, 30); at++) {
        expect(await played(either, cut(text, at))).toEqual(expected);
      }
      expect(await played(either, [...text])).toEqual(expected);
    },
  );

  test("[hyper-238] the preface is HTTP/2 at every cut: what is answered is what http2.serve answers", async () => {
    const expected = await played(direct2, [getH2]);
    expect(expected.outcome).toBeUndefined();
    expect(expected.written).toContain("GET /");
    for (let at = 0; at <= preface.length + 9; at++) expect(await played(either, cut(getH2, at))).toEqual(expected);
    expect(await played(either, [...getH2])).toEqual(expected);
  });

  test("what is answered does not depend on the cuts, however many", async () => {
    const expected = new Map<string, Awaited<ReturnType<typeof played>>>();
    for (const text of http1Texts) expected.set(text, await played(direct1, [text]));
    expected.set(getH2, await played(direct2, [getH2]));
    const cuts = fc.array(fc.nat(60), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...expected.keys()), cuts, async (text, at) => {
        expect(await played(either, cut(text, ...at.filter((position) => position < text.length)))).toEqual(
          expected.get(text),
        );
      }),
      { numRuns: 200 },
    );
  });

  test("it is decided at the first octet that differs, and at the last of the preface", () => {
    const one = serveAuto();
    one.io.push("P");
    expect(one.connection.protocol).toBeUndefined();
    expect(one.connection.connection).toBeUndefined();
    one.io.push("O");
    expect(one.connection.protocol).toBe("http1");

    const two = serveAuto();
    two.io.push(preface.slice(0, -1));
    expect(two.connection.protocol).toBeUndefined();
    expectOpen(two);
    two.io.push("\n");
    expect(two.connection.protocol).toBe("http2");
  });

  test("the connection underneath is at hand once it is known, for what only HTTP/2 can do", async () => {
    const { io, connection } = serveAuto();
    io.push(getH2);
    io.takeWritten();
    const inner = connection.connection;
    if (inner === undefined || !("ping" in inner)) throw new Error("expected an HTTP/2 connection");
    const pong = inner.ping();
    const ping = io.takeWritten();
    expect(ping.slice(0, 9)).toBe("\0\0\x08\x06\0\0\0\0\0");
    io.push(`\0\0\x08\x06\x01\0\0\0\0${ping.slice(9)}`);
    expect(await pong).toBe(0);
  });

  test("bytes that are at hand already are served before serve returns", () => {
    const io = scriptedIo([get], { timer: serveAuto().timer });
    const connection = auto.serve(io, ok, plain);
    expect([connection.protocol, io.writtenText]).toEqual(["http1", okText]);
  });

  test("TLS without ALPN, or with a protocol that says nothing about HTTP: the octets tell", () => {
    for (const info of [{ secure: true }, { secure: true, alpnProtocol: "grpc-exp" }]) {
      const one = serveAuto({}, { info });
      one.io.push(get);
      expect([one.connection.protocol, one.io.takeWritten()]).toEqual(["http1", okText]);
      const two = serveAuto({ http2: { allowInadequateSecurity: true } }, { info });
      two.io.push(getH2);
      expect(two.connection.protocol).toBe("http2");
      expect(two.requests).toHaveLength(1);
    }
  });
});

describe("by ALPN", () => {
  for (const alpnProtocol of ["http/1.1", "http/1.0"]) {
    test(`${alpnProtocol} is HTTP/1, and nothing is looked at: a preface is refused as http1.serve does it`, async () => {
      const under = serveAuto({}, { info: { secure: true, alpnProtocol } });
      expect(under.connection.protocol).toBe("http1");
      under.io.push(get);
      expect(under.io.takeWritten()).toBe(okText);
      under.io.push(preface);
      await settle();
      expect([under.io.takeWritten(), under.io.isShutdown]).toEqual(["", true]);
    });
  }

  test("h2 is HTTP/2, which speaks first", () => {
    const info = { secure: true, alpnProtocol: "h2", tlsVersion: "TLSv1.3" };
    const under = serveAuto({}, { info });
    expect(under.connection.protocol).toBe("http2");
    expect(under.io.takeWritten().charCodeAt(3)).toBe(4);
    under.io.push(getH2);
    expect(under.requests).toHaveLength(1);
  });
});

describe("one version only", () => {
  test("[hyper-238] http1: serves HTTP/1 without looking, and ends a connection that begins with the preface", async () => {
    const one = serveAuto({ protocol: "http1" });
    expect(one.connection.protocol).toBe("http1");
    one.io.push(get);
    expect(one.io.takeWritten()).toBe(okText);

    const two = serveAuto({ protocol: "http1" });
    two.io.push(getH2);
    await settle();
    // RFC 9113 3.4: a response of HTTP/1 would tell such a client nothing.
    expect([two.io.takeWritten(), two.io.isShutdown, two.requests.length]).toEqual(["", true, 0]);
    two.io.push(null);
    await settle();
    expect([two.outcome.is, two.io.isAborted, two.timer.pending]).toEqual(["parse VERSION_H2", true, 0]);
  });

  test("[hyper-238] http1, and ALPN has chosen h2: GOAWAY with HTTP_1_1_REQUIRED", async () => {
    const info = { secure: true, alpnProtocol: "h2", tlsVersion: "TLSv1.3" };
    const under = serveAuto({ protocol: "http1" }, { info });
    await settle();
    // GOAWAY of 21 octets: the last stream 0, the error 0xd, and a word for whoever reads a trace.
    expect(under.io.takeWritten().endsWith("\0\0\x15\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0dHTTP/1.1 only")).toBe(true);
    under.io.push(getH2, null);
    await settle();
    expect([under.outcome.is, under.outcome.error?.reason]).toEqual(["protocol HTTP2_REFUSED", 0xd]);
    expect([under.io.isAborted, under.timer.pending, under.requests.length]).toEqual([true, 0, 0]);
  });

  test("[hyper-238] http2: serves the preface, and answers a request of HTTP/1 with 505, at every cut", async () => {
    const text =
      "HTTP/1.1 505 HTTP Version Not Supported\r\ncontent-type: text/plain\r\nconnection: close\r\n" +
      "content-length: 32\r\n\r\nThis server speaks HTTP/2 only.\n";
    const only2 = { ...plain, protocol: "http2" } as const;
    for (const request of [get, "PRI / HTTP/1.1\r\nhost: a\r\n\r\n", "\r\nPUT / HTTP/1.1\r\nhost: a\r\n\r\n"]) {
      for (let at = 0; at < request.length; at++) {
        const under = serveAuto(only2);
        for (const chunk of cut(request, at)) under.io.push(chunk);
        expect([under.io.takeWritten(), under.io.isShutdown]).toEqual([text, true]);
        under.io.push(null);
        await settle();
        expect([under.outcome.is, under.io.isAborted, under.timer.pending]).toEqual([
          "protocol HTTP1_REFUSED",
          true,
          0,
        ]);
        expect(under.requests).toHaveLength(0);
      }
    }
    const two = serveAuto(only2);
    two.io.push(getH2);
    expect([two.connection.protocol, two.requests.length]).toEqual(["http2", 1]);
  });

  test("[hyper-238] http2, and ALPN has chosen HTTP/1: the same 505", async () => {
    const under = serveAuto({ protocol: "http2" }, { info: { secure: true, alpnProtocol: "http/1.1" } });
    under.io.push(get);
    expect(under.io.takeWritten().slice(0, 13)).toBe("HTTP/1.1 505 ");
    under.io.push(null);
    await settle();
    expect([under.outcome.is, under.outcome.error?.status]).toEqual(["protocol HTTP1_REFUSED", 505]);
  });

  test("http2: what is neither a preface nor a request is answered as http2.serve does it", async () => {
    for (const text of ["\x16\x03\x01", settings, " GET"]) {
      const expected = await played((io) => http2.serve(io, ok, plain.http2), [text]);
      const got = await played((io) => auto.serve(io, ok, { ...plain, protocol: "http2" }), [text]);
      expect(got).toEqual(expected);
      expect(got.written).toContain("the connection must start with the client preface");
    }
  });
});

describe("upgrades", () => {
  for (const protocol of ["auto", "http1"] as const) {
    test(`with protocol ${protocol}, upgradeOn gives the very transport, with what came behind the request`, async () => {
      let taken: Promise<Upgraded> | undefined;
      const under = serveAuto({ protocol }, {}, (request) => {
        taken = upgradeOn(request);
        return new HttpResponse(101, { upgrade: "x" });
      });
      const request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nearly";
      under.io.push(...cut(request, 1, 10));
      await settle();
      const parts = (await taken)?.intoParts();
      expect(parts?.io).toBe(under.io);
      expect(Array.from(parts?.readBuffer ?? [])).toEqual(Array.from(bytes("early")));
      expect([under.outcome.is, under.timer.pending]).toEqual(["clean", 0]);
    });
  }

  test("a transport that nobody asked for is given by intoParts; there is none before, nor on HTTP/2", async () => {
    const under = serveAuto({}, {}, () => new HttpResponse(101, { upgrade: "x" }));
    expect(() => under.connection.intoParts()).toThrow(expect.objectContaining({ kind: "user", code: "NO_UPGRADE" }));
    under.io.push("GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n");
    await settle();
    expect(under.connection.intoParts().io).toBe(under.io);

    const two = serveAuto();
    two.io.push(getH2);
    expect(() => two.connection.intoParts()).toThrow(expect.objectContaining({ kind: "user", code: "NO_UPGRADE" }));
  });

  for (const protocol of ["auto", "http2"] as const) {
    test(`with protocol ${protocol}, CONNECT over HTTP/2 gives a tunnel`, async () => {
      let tunnel: Promise<Upgraded> | undefined;
      const under = serveAuto({ protocol }, {}, (request) => {
        tunnel = upgradeOn(request);
        return new HttpResponse(200);
      });
      // HEADERS of stream 1: :method CONNECT as a literal, :authority a:1.
      const connect = "\0\0\x0e\x01\x04\0\0\0\x01\x02\x07CONNECT\x41\x03a:1";
      under.io.push(preface + settings + connect);
      await settle();
      under.io.takeWritten();
      (await tunnel)?.write([bytes("hi")]);
      await settle();
      expect(under.io.takeWritten()).toBe("\0\0\x02\0\0\0\0\0\x01hi");
    });
  }

  test("an Upgrade: h2c field is ignored", () => {
    const under = serveAuto();
    under.io.push(
      "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAAA\r\n\r\n",
    );
    expect(under.io.takeWritten()).toBe(okText);
    under.io.push(get);
    expect(under.io.takeWritten()).toBe(okText);
  });
});

test("the end of the peer's stream counts as it does for the version that is spoken", async () => {
  const under = serveAuto();
  const outcome = outcomeOf(under.connection);
  under.io.push(get);
  under.io.takeWritten();
  under.connection.gracefulShutdown(undefined, 100);
  under.io.push(get);
  expect(under.io.takeWritten()).toBe(lastOkText);
  under.io.push(null);
  await settle();
  expect([outcome.is, under.outcome.is, under.timer.pending]).toEqual(["clean", "clean", 0]);
  await expect(under.connection.closed).resolves.toBeUndefined();
});
