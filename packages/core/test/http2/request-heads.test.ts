/**
 * Request heads as a server receives them (RFC 9113 sections 8.2, 8.3.1): what its service gets to see, and what becomes
 * of those that are malformed (section 8.1.1): a reset of their stream, and nothing else.
 */
import { full } from "@sluice/body";
import { HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { expectFrames, expectGoAway, expectQuiet } from "./support/expectations.ts";
import { blockOf, get, literalBlock, request } from "./support/messages.ts";
import { expectMalformed, expectServes, fieldsOf, serveReading, serveRecorded } from "./support/recorded.ts";
import { ok, okText } from "./support/server.ts";

const roomy = { settings: { INITIAL_WINDOW_SIZE: 100_000 } } as const;

/** A GET without one of its pseudo-header fields. */
function without(name: string): ReturnType<typeof get> {
  return get().filter(([other]) => other !== name);
}

/** A GET with another value of one of its pseudo-header fields. */
function having(name: string, value: string): ReturnType<typeof get> {
  return get().map((line) => (line[0] === name ? [name, value] : line));
}

describe("what a service gets to see", () => {
  test("[h2-072] a minimal GET: method, target, version, no fields, no content", async () => {
    const server = await serveRecorded();
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, [okText(1)]);
    const [seen] = server.requests;
    expect([seen?.method, seen?.target.toString(), seen?.version]).toEqual(["GET", "http://a.test/", "HTTP/2"]);
    expect(seen === undefined ? undefined : fieldsOf(seen)).toEqual([]);
    expect(seen?.body.isEndStream()).toBe(true);
  });

  test.each(["//x", "/a?b", "/a?b?c", "/%2f;x=1", "/?"])("[h2-072] the path %s is preserved", async (path) => {
    const server = await serveRecorded();
    server.peer.headers(1, get(path), { endStream: true });
    await expectFrames(server, [okText(1)]);
    expect(server.requests.map(({ target }) => target.pathAndQuery)).toEqual([path]);
  });

  test("[h2-073] :authority is the authority of the request; without it, Host is", async () => {
    const server = await serveRecorded();
    server.peer.headers(1, get(), { endStream: true });
    server.peer.headers(3, [...without(":authority"), ["host", "b.test:8080"]], { endStream: true });
    await expectFrames(server, [okText(1), okText(3)]);
    expect(server.requests.map((seen) => [seen.authority, seen.target.form, fieldsOf(seen)])).toEqual([
      ["a.test", "absolute", []],
      ["b.test:8080", "origin", [["host", "b.test:8080"]]],
    ]);
  });

  test("[h2-073] Host that differs from :authority is malformed", async () => {
    await expectMalformed(get("/", ["host", "b.test"]));
    await expectMalformed(get("/", ["host", "a.test:80"]));
    await expectMalformed(get("/", ["host", ""]));
    await expectMalformed(get("/", ["host", "a.test"], ["host", "a.test"]));
  });

  test("[h2-096] Host that equals :authority, in any case, passes unchanged", async () => {
    const server = await serveRecorded();
    server.peer.headers(1, get("/", ["host", "a.test"]), { endStream: true });
    server.peer.headers(3, get("/", ["host", "A.TEST"]), { endStream: true });
    await expectFrames(server, [okText(1), okText(3)]);
    expect(server.requests.map((seen) => [seen.authority, fieldsOf(seen)])).toEqual([
      ["a.test", [["host", "a.test"]]],
      ["a.test", [["host", "A.TEST"]]],
    ]);
  });

  test("[h2-074] a request with neither :authority nor Host is served, and has no authority", async () => {
    const server = await serveRecorded();
    server.peer.headers(1, without(":authority"), { endStream: true });
    await expectFrames(server, [okText(1)]);
    expect(server.requests.map((seen) => [seen.authority, seen.target.toString()])).toEqual([[undefined, "/"]]);
  });

  test("[h2-075] cookie crumbs are joined by '; ' to one line, in the place of the first", async () => {
    const server = await serveRecorded();
    const crumbs = get("/", ["cookie", "a=b"], ["x", "1"], ["cookie", "c=d"], ["cookie", "e=f; g=h"]);
    server.peer.headers(1, crumbs, { endStream: true });
    await expectFrames(server, [okText(1)]);
    expect(server.requests.map(fieldsOf)).toEqual([
      [
        ["cookie", "a=b; c=d; e=f; g=h"],
        ["x", "1"],
      ],
    ]);
  });

  test("[h2-088] te: trailers is kept", async () => {
    const server = await serveRecorded();
    server.peer.headers(1, get("/", ["te", "trailers"]), { endStream: true });
    await expectFrames(server, [okText(1)]);
    expect(server.requests.map(fieldsOf)).toEqual([[["te", "trailers"]]]);
  });

  test("[h2-089] any scheme passes that is one: :scheme is not restricted to http and https (RFC 9113 8.3.1)", async () => {
    const server = await serveRecorded();
    server.peer.headers(1, having(":scheme", "coap+tcp"), { endStream: true });
    await expectFrames(server, [okText(1)]);
    expect(server.requests.map(({ target }) => [target.scheme, target.toString()])).toEqual([
      ["coap+tcp", "coap+tcp://a.test/"],
    ]);
    for (const scheme of ["", "1a", "http:", "ht tp"]) await expectMalformed(having(":scheme", scheme));
  });

  test("[h2-090] :scheme is what the client says, and says nothing of the transport", async () => {
    for (const scheme of ["http", "https"]) {
      for (const secure of [false, true]) {
        const server = await serveRecorded(ok, { allowInadequateSecurity: true }, { info: { secure } });
        server.peer.headers(1, having(":scheme", scheme), { endStream: true });
        await expectFrames(server, [okText(1)]);
        expect(server.requests.map(({ target }) => target.scheme)).toEqual([scheme]);
      }
    }
  });

  test("[h2-093] OPTIONS with * is asterisk-form; Host keeps the authority", async () => {
    const server = await serveRecorded();
    server.peer.headers(1, request("OPTIONS", "*"), { endStream: true });
    await expectFrames(server, [okText(1)]);
    expect(server.requests.map((seen) => [seen.target.form, seen.target.toString(), fieldsOf(seen)])).toEqual([
      ["asterisk", "*", [["host", "a.test"]]],
    ]);
  });

  test("[h2-099] what has been forwarded is served as it is, and what it says of priority is not acted upon", async () => {
    for (const [forwarded, order] of [
      [[["via", "2 p"]], [1, 3, 1, 3, 1, 3]],
      [[["forwarded", "for=b"]], [1, 3, 1, 3, 1, 3]],
      [[], [3, 3, 3, 1, 1, 1]],
    ] as const) {
      const server = await serveRecorded(() => new HttpResponse(200, {}, full(new Uint8Array(40_000))), {}, roomy);
      server.peer.windowUpdate(0, 100_000);
      server.peer.batch(() => {
        server.peer.headers(1, get("/", ...forwarded, ["priority", "u=7"]), { endStream: true });
        server.peer.headers(3, get("/", ...forwarded, ["priority", "u=0"]), { endStream: true });
      });
      await server.run();
      const data = server.peer.takeFrames().filter(({ type }) => type === "DATA");
      expect(data.map((frame) => "streamId" in frame && frame.streamId)).toEqual(order);
      expect(server.requests.map(fieldsOf)).toEqual([
        [...forwarded, ["priority", "u=7"]],
        [...forwarded, ["priority", "u=0"]],
      ]);
    }
  });

  test("fields come in their order, repeated ones as lines of their own, values as their octets", async () => {
    const server = await serveRecorded();
    server.peer.headers(1, get("/", ["x", "1"], ["y", ""], ["x", "\x80\xff a"]), { endStream: true });
    await expectFrames(server, [okText(1)]);
    expect(server.requests.map(fieldsOf)).toEqual([
      [
        ["x", "1"],
        ["y", ""],
        ["x", "\x80\xff a"],
      ],
    ]);
  });
});

describe("malformed requests are reset, and the connection goes on", () => {
  test.each([":method", ":scheme", ":path"])("[h2-076] %s missing", (name) => expectMalformed(without(name)));

  test("[h2-076] no pseudo-header field at all, and no field at all", async () => {
    await expectMalformed([["x", "1"]]);
    await expectMalformed([]);
  });

  test.each(get())("[h2-077] %s twice, even with the same value", async (name, value) => {
    await expectMalformed([[name, value], ...get()]);
    await expectMalformed([...get(), [name, value]]);
  });

  test("[h2-078] an empty :path", () => expectMalformed(get("")));

  test.each(["a", "http://a.test/", "?a", "/ ", "/\x80", "/#", "*"])("a :path that is none: %j", (path) =>
    expectMalformed(get(path)),
  );

  test("[h2-079] a pseudo-header field behind a regular one", async () => {
    await expectMalformed([...without(":path"), ["x", "1"], [":path", "/"]]);
    await expectMalformed([["x", "1"], ...get()]);
  });

  test("[h2-080] an unknown pseudo-header field", async () => {
    await expectMalformed([...get(), [":x", "1"]]);
    await expectMalformed([[":", "1"], ...get()]);
  });

  test("[h2-081] :status in a request", () => expectMalformed([...get(), [":status", "200"]]));

  test("[h2-082] an informational :status in a request", async () => {
    await expectMalformed([...get(), [":status", "100"]]);
    await expectMalformed([[":status", "103"]]);
    await expectMalformed([[":status", "100"], ...get()], false);
  });

  test("[h2-083] a name in upper case, be it a single letter", async () => {
    await expectMalformed(get("/", ["X", "1"]));
    await expectMalformed(get("/", ["content-Type", "a"]));
    await expectMalformed([...without(":path"), [":Path", "/"]]);
  });

  test.each(["", "a:b", "a:", "a\0", "a b", " a", "a ", "a\tb", "a\r", "a\n", "a\x7f", "a\x80", "\xe4", "a(b", "a/b"])(
    "[h2-084] the name %j (RFC 9113 8.2.1)",
    (name) => expectMalformed(get("/", [name, "1"])),
  );

  test.each(["a\0b", "a\nb", "a\rb", "a\r\nb", "\0", "a\x7f", "a\x01"])("[h2-085] the value %j", (value) =>
    expectMalformed(get("/", ["x", value])),
  );

  test.each([" a", "a ", "\ta", "a\t", " ", "\t"])("[h2-086] the value %j, a blank at its start or end", (value) =>
    expectMalformed(get("/", ["x", value])),
  );

  test("[h2-085, h2-086] the same in values that mean something, and in those of pseudo-header fields", async () => {
    await expectMalformed(get("/", ["cookie", "a\nb"]));
    await expectMalformed(get("/", ["content-length", " 0"]));
    await expectMalformed(having(":method", "GET\r"));
    await expectMalformed(having(":method", " GET"));
    await expectMalformed(having(":authority", "a.test\0"));
    await expectMalformed(having(":authority", "a.test "));
    await expectMalformed(having(":scheme", "http\n"));
    await expectMalformed(having(":path", "/\t"));
  });

  test.each([
    ["connection", "close"],
    ["connection", "keep-alive"],
    ["proxy-connection", "keep-alive"],
    ["keep-alive", "timeout=5"],
    ["transfer-encoding", "chunked"],
    ["transfer-encoding", "identity"],
    ["upgrade", "websocket"],
  ])("[h2-087] the connection-specific field %s: %s", async (name, value) => {
    await expectMalformed(get("/", [name, value]));
    await expectMalformed(request("POST", "/", [name, value]), false);
  });

  test.each(["gzip", "trailers, deflate", "trailers;q=1", ""])("[h2-088] te: %j", (value) =>
    expectMalformed(get("/", ["te", value])),
  );

  test.each(["u@a.test", "u:p@a.test", "@a.test"])("[h2-091] :authority with user information: %s", (authority) =>
    expectMalformed(having(":authority", authority)),
  );

  test.each(["a b", "a/b", ":80", "a:b", "a:99999", "[::1", "::1", "a%zz", ""])(
    "[h2-092] an :authority that is none: %j",
    (authority) => expectMalformed(having(":authority", authority)),
  );

  test("[h2-093] * with another method than OPTIONS", async () => {
    for (const method of ["GET", "POST", "options"]) await expectMalformed(request(method, "*"));
  });

  test.each(["+1", "-1", "1a", "0x1", "1.0", "", "1,1", "9007199254740992", "9223372036854775808"])(
    "[h2-094] content-length: %s",
    async (value) => {
      await expectMalformed(request("POST", "/", ["content-length", value]), false);
      await expectMalformed(request("POST", "/", ["content-length", value]));
    },
  );

  test("[h2-095] content-length twice: the same is one, another one is malformed", async () => {
    await expectMalformed(request("POST", "/", ["content-length", "3"], ["content-length", "4"]), false);
    const server = await serveReading();
    server.peer.headers(1, request("POST", "/", ["content-length", "3"], ["content-length", "3"]));
    server.peer.data(1, "abc", { endStream: true });
    await expectQuiet(server);
    expect(server.requests.map(fieldsOf)).toEqual([[["content-length", "3"]]]);
    expect(server.readings).toEqual([{ pieces: ["abc"], trailers: undefined, outcome: "ended" }]);
  });

  test("a method that is no token", async () => {
    for (const method of ["", "G ET", "GET/"]) await expectMalformed(having(":method", method));
  });

  test("a client that goes on with the content of a request that was reset is let pass, to the end", async () => {
    const server = await serveRecorded();
    server.peer.headers(1, request("POST", "/", ["X", "1"]));
    await expectFrames(server, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    server.peer.data(1, "abc");
    server.peer.headers(1, [["t", "1"]], { endStream: true });
    await expectQuiet(server);
    expect(server.requests).toEqual([]);
    await expectServes(server, 3);
  });
});

describe("sizes and identifiers", () => {
  test("[h2-097] a name that alone exceeds the limit is not even kept: the answer is 431, and the connection goes on", async () => {
    const server = await serveRecorded(ok, { maxHeaderListBytes: 1000 });
    server.peer.headers(1, get("/", ["n".repeat(1000), ""]), { endStream: true });
    await expectFrames(server, ["HEADERS 1 END_STREAM :status=431 content-length=0"]);
    expect(server.requests).toEqual([]);
    await expectServes(server, 3);
  });

  test("[h2-097] one that exceeds it many times over ends the connection", async () => {
    const server = await serveRecorded(ok, { maxHeaderListBytes: 1000 });
    server.peer.headers(1, get("/", ["n".repeat(5000), ""]), { endStream: true });
    const message =
      "header_list_way_too_large: a field name or value exceeds the 3829 octets left of the header list's hard limit";
    await expectGoAway(server, 0, "ENHANCE_YOUR_CALM", message, "limit", "HEADER_LIST_WAY_TOO_LARGE");
    expect(server.requests).toEqual([]);
  });

  test("[h2-098] a malformed request has used its identifier: taking it again ends the connection", async () => {
    const server = await serveRecorded(ok, { rememberResetsMs: 0, maxRememberedResets: 0 });
    server.peer.headers(3, without(":path"), { endStream: true });
    await expectFrames(server, ["RST_STREAM 3 PROTOCOL_ERROR"]);
    server.peer.headers(1, get(), { endStream: true });
    const message = "HEADERS: stream 1 must be idle to be opened, is closed by a later stream (RFC 9113 5.1.1)";
    await expectGoAway(server, 0, "PROTOCOL_ERROR", message, "protocol", "STREAM_ID_USED");
    expect(server.requests).toEqual([]);
  });

  test("the table of the compression is kept up by malformed requests", async () => {
    const server = await serveRecorded();
    // A literal with incremental indexing of x: 1, within a request that has no pseudo-header fields.
    server.peer.headers(1, Uint8Array.of(0x40, 1, 0x78, 1, 0x31), { endStream: true });
    await expectFrames(server, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    server.peer.headers(3, Uint8Array.of(...blockOf(get()), 0xbe), { endStream: true });
    await expectFrames(server, [okText(3)]);
    expect(server.requests.map(fieldsOf)).toEqual([[["x", "1"]]]);
    expect(literalBlock([["x", "1"]]).length).toBe(5);
  });
});
