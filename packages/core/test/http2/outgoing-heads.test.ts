/**
 * Heads as they are sent (RFC 9113 sections 8.2, 8.3): what of a message goes out, and what is refused before anything is
 * written.
 */
import { fromIterable, full } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { recorder } from "../support/wire.ts";
import { connectH2, expectSent, outcomeOf, send } from "./support/client.ts";
import { expectWorks } from "./support/exchanges.ts";
import { expectFrames, expectQuiet } from "./support/expectations.ts";
import { get, getText, request } from "./support/messages.ts";
import { expectServes, serveRecorded } from "./support/recorded.ts";
import { okText, serveH2 } from "./support/server.ts";

/** What a client writes for `sent`, its first request. */
async function expectWritten(sent: HttpRequest, text: string): Promise<void> {
  const client = await connectH2();
  send(client, sent);
  await expectFrames(client, [`HEADERS 1 END_STREAM ${text}`]);
}

/** A request fails with `user <code>` before anything is written; the connection goes on as if it had not been. */
async function expectRefused(refused: HttpRequest, code: string): Promise<void> {
  const client = await connectH2();
  const sent = send(client, refused);
  await expectQuiet(client);
  await expectSent(client, sent, `user ${code}`);
  await expectWorks(client, 1);
}

describe("requests", () => {
  test.each([
    ["http://a.test", "/"],
    ["http://a.test?q", "/?q"],
    ["http://a.test/", "/"],
    ["http://a.test//foo", "//foo"],
    ["http://a.test/a?b", "/a?b"],
  ])("[h2-107, h2-109] the target %s has the path %s", (target, path) =>
    expectWritten(HttpRequest.get(target), `:method=GET :scheme=http :authority=a.test :path=${path}`),
  );

  test("[h2-109] OPTIONS of a URI without a path, and OPTIONS *: the path is * (RFC 9113 8.3.1)", async () => {
    const text = ":method=OPTIONS :scheme=http :authority=a.test :path=*";
    await expectWritten(HttpRequest.options("http://a.test"), text);
    await expectWritten(HttpRequest.options("*", { host: "a.test" }), text);
  });

  test("[h2-107] CONNECT has neither :scheme nor :path, and leaves its side open", async () => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.connect("a.test:443"));
    await expectFrames(client, ["HEADERS 1 :method=CONNECT :authority=a.test:443"]);
    expect(outcomeOf(sent)).toBe("pending");
  });

  test("[h2-108] an origin-form takes its authority from Host, and its scheme from the connection", async () => {
    await expectWritten(HttpRequest.get("/", { host: "a.test" }), getText);
    const client = await connectH2({}, { info: { secure: true } });
    send(client, HttpRequest.get("/", { host: "a.test" }));
    await expectFrames(client, ["HEADERS 1 END_STREAM :method=GET :scheme=https :authority=a.test :path=/"]);
  });

  test("[h2-108] without any authority a request is refused", async () => {
    await expectRefused(HttpRequest.get("/"), "INVALID_HOST");
    await expectRefused(HttpRequest.get("/", { host: "" }), "INVALID_HOST");
    await expectRefused(
      HttpRequest.get("/", [
        ["host", "a.test"],
        ["host", "a.test"],
      ]),
      "INVALID_HOST",
    );
  });

  test("Host is not sent beside :authority, and one that differs is refused (RFC 9113 8.3.1)", async () => {
    await expectWritten(HttpRequest.get("http://a.test/", { host: "a.test" }), getText);
    await expectWritten(HttpRequest.get("http://a.test/", { host: "A.TEST" }), getText);
    await expectRefused(HttpRequest.get("http://a.test/", { host: "b.test" }), "INVALID_HOST");
  });

  test("[h2-106, hyper-199] fields of HTTP/1 alone are left out, those that Connection names as well", async () => {
    const fields = [
      ["connection", "close, x-hop"],
      ["x-hop", "1"],
      ["keep-alive", "timeout=5"],
      ["proxy-connection", "keep-alive"],
      ["transfer-encoding", "chunked"],
      ["upgrade", "h2c"],
      ["x", "1"],
    ] as const;
    await expectWritten(HttpRequest.get("http://a.test/", fields), `${getText} x=1`);
  });

  test("[hyper-199] te: trailers is kept, any other te is left out", async () => {
    await expectWritten(HttpRequest.get("http://a.test/", { te: "trailers" }), `${getText} te=trailers`);
    await expectWritten(HttpRequest.get("http://a.test/", { te: "gzip, Trailers" }), `${getText} te=trailers`);
    await expectWritten(HttpRequest.get("http://a.test/", { te: "gzip" }), getText);
  });

  test("[h2-110] names and values that cannot be sent never get into a request", async () => {
    const client = await connectH2();
    for (const [name, value] of [
      ["a b", "1"],
      ["", "1"],
      ["a:", "1"],
      [":path", "/"],
      ["x", "a\nb"],
      ["x", "a\0"],
      ["x", "\u0100"],
    ] as const) {
      expect(() => HttpRequest.get("http://a.test/").header(name, value)).toThrow(TypeError);
    }
    await expectQuiet(client);
    await expectWorks(client, 1);
  });

  test("[h2-110] what was replaced by something that cannot be sent is refused before anything is written", async () => {
    const method = HttpRequest.get("http://a.test/");
    method.method = "G T";
    await expectRefused(method, "INVALID_METHOD");
    const target = HttpRequest.connect("a.test:443");
    target.method = "GET";
    await expectRefused(target, "INVALID_TARGET");
    const length = HttpRequest.post("http://a.test/", full("abc"), { "content-length": "4" });
    await expectRefused(length, "CONTENT_LENGTH_MISMATCH");
  });

  test("[h2-111] a cookie is sent in crumbs, and odd spacing is kept so that joining gives the same again", async () => {
    const cookie = HttpRequest.get("http://a.test/", { cookie: "a=b; c=d;; e" });
    await expectWritten(cookie, `${getText} cookie=a=b cookie=c=d; cookie=e`);
    const odd = HttpRequest.get("http://a.test/", { cookie: "a=b;c=d;  e;" });
    await expectWritten(odd, `${getText} cookie="a=b;c=d;  e;"`);

    const server = await serveRecorded();
    const crumbs = ["a=b", "c=d;", "e"].map((crumb) => ["cookie", crumb] as const);
    server.peer.headers(1, get("/", ...crumbs), { endStream: true });
    await expectFrames(server, [okText(1)]);
    expect(server.requests[0]?.headers.get("cookie")).toBe("a=b; c=d;; e");
  });

  test("[h2-112] a header list as large as the server takes is sent, one octet more is refused and costs nothing", async () => {
    // What `getText` and `x` take, by RFC 9113 6.5.2.
    const size = 4 * 32 + ":method:scheme:authority:pathGEThttpa.test/".length + 33;
    for (const more of [-1, 0, 1]) {
      const client = await connectH2({}, { settings: { MAX_HEADER_LIST_SIZE: size + 10 } });
      const value = "v".repeat(10 + more);
      const sent = send(client, HttpRequest.get("http://a.test/", { x: value }));
      if (more <= 0) {
        await expectFrames(client, [`HEADERS 1 END_STREAM ${getText} x=${value}`]);
      } else {
        await expectQuiet(client);
        await expectSent(client, sent, "user HEADER_LIST_TOO_LARGE");
        await expectWorks(client, 1);
      }
    }
  });

  test("[h2-112] the server's limit counts from its SETTINGS on; what waits for a stream is judged by it", async () => {
    const client = await connectH2({ initialMaxStreams: 1 }, { handshake: false });
    const first = send(client, HttpRequest.get("http://a.test/"));
    const second = send(client, HttpRequest.get("http://a.test/", { x: "v".repeat(200) }));
    const third = send(client, HttpRequest.get("http://a.test/"));
    await client.run();
    expect(client.peer.take().slice(3)).toEqual([`HEADERS 1 END_STREAM ${getText}`]);
    client.peer.settings({ MAX_HEADER_LIST_SIZE: 250, MAX_CONCURRENT_STREAMS: 2 });
    await expectFrames(client, ["SETTINGS ACK", `HEADERS 3 END_STREAM ${getText}`]);
    expect([first, second, third].map(outcomeOf)).toEqual(["pending", "user HEADER_LIST_TOO_LARGE", "pending"]);
  });
});

describe("responses", () => {
  test("[h2-114] names and values that cannot be sent never get into a response: the service fails instead", async () => {
    const observer = recorder();
    const server = await serveH2(
      (seen) => {
        if (seen.target.path === "/") return new HttpResponse(200);
        return new HttpResponse(200).header("x", "a\r\nset-cookie: b");
      },
      { observer },
    );
    server.peer.headers(1, get("/bad"), { endStream: true });
    await expectFrames(server, ["RST_STREAM 1 INTERNAL_ERROR"]);
    expect(observer.events.filter((event) => /^(?:service )?failed/.test(event))).toEqual([
      expect.stringMatching(/^service failed TypeError: /),
      "failed SERVICE_FAILED",
    ]);
    await expectServes(server, 3);
  });

  test("[hyper-199] fields of HTTP/1 alone are left out, those that Connection names as well", async () => {
    const server = await serveH2(
      () =>
        new HttpResponse(200, [
          ["connection", "keep-alive, x-hop"],
          ["keep-alive", "timeout=5"],
          ["x-hop", "1"],
          ["transfer-encoding", "chunked"],
          ["upgrade", "h2c"],
          ["proxy-connection", "close"],
          ["x", "1"],
        ]),
    );
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, ["HEADERS 1 END_STREAM :status=200 x=1 content-length=0"]);
  });

  test("there is no reason phrase and no chunked coding (RFC 9113 8.1, 8.3.2)", async () => {
    const server = await serveH2(() =>
      new HttpResponse(200, { "transfer-encoding": "chunked" }, fromIterable(["a"])).withReason("Fine"),
    );
    server.peer.headers(1, get(), { endStream: true });
    await expectFrames(server, ["HEADERS 1 :status=200", "DATA 1 1 a", "DATA 1 END_STREAM 0"]);
  });

  test("[h2-115] HEAD: content-length as it would be with GET, and no content", async () => {
    for (const [headers, body, text] of [
      [{}, full("hello"), "content-length=5"],
      [{ "content-length": "7" }, undefined, "content-length=7"],
      [{ "content-length": "0" }, undefined, "content-length=0"],
    ] as const) {
      const server = await serveH2(() => new HttpResponse(200, headers, body));
      server.peer.headers(1, request("HEAD", "/"), { endStream: true });
      await expectFrames(server, [`HEADERS 1 END_STREAM :status=200 ${text}`]);
    }
  });

  test("204 and 304 have no content, 205 says so", async () => {
    for (const [code, text] of [
      [204, ""],
      [205, " content-length=0"],
      [304, ""],
    ] as const) {
      const server = await serveH2(() => new HttpResponse(code, {}, full("hello")));
      server.peer.headers(1, get(), { endStream: true });
      await expectFrames(server, [`HEADERS 1 END_STREAM :status=${code}${text}`]);
    }
  });

  test("101 cannot be answered with in HTTP/2 (RFC 9113 8.6)", async () => {
    const server = await serveH2((seen) => new HttpResponse(seen.target.path === "/" ? 200 : 101));
    server.peer.headers(1, get("/switch"), { endStream: true });
    await expectFrames(server, ["RST_STREAM 1 INTERNAL_ERROR"]);
    await expectServes(server, 3);
  });

  test("[h2-117, hyper-192] date is added once, not to a response that has one, and not at all without autoDateHeader", async () => {
    for (const [autoDateHeader, headers, text] of [
      [true, {}, expect.stringMatching(/^HEADERS 1 END_STREAM :status=200 content-length=0 date="[A-Z][^"]* GMT"$/)],
      [true, { date: "x" }, "HEADERS 1 END_STREAM :status=200 date=x content-length=0"],
      [false, {}, "HEADERS 1 END_STREAM :status=200 content-length=0"],
      [false, { date: "x" }, "HEADERS 1 END_STREAM :status=200 date=x content-length=0"],
    ] as const) {
      const server = await serveH2(() => new HttpResponse(200, headers), { autoDateHeader });
      server.peer.headers(1, get(), { endStream: true });
      await expectFrames(server, [text]);
    }
  });

  test("[h2-112] a header list as large as the client takes is sent, with one octet more the service has failed", async () => {
    const size = 3 * 32 + ":status200xcontent-length0".length;
    for (const more of [0, 1]) {
      const observer = recorder();
      const call = (): HttpResponse => new HttpResponse(200, { x: "v".repeat(10 + more) });
      const server = await serveH2(call, { observer }, { settings: { MAX_HEADER_LIST_SIZE: size + 10 } });
      server.peer.headers(1, get(), { endStream: true });
      const sent = "HEADERS 1 END_STREAM :status=200 x=vvvvvvvvvv content-length=0";
      await expectFrames(server, more === 0 ? [sent] : ["RST_STREAM 1 INTERNAL_ERROR"]);
      expect(observer.events.at(-1)).toBe(more === 0 ? "complete" : "failed HEADER_LIST_TOO_LARGE");
    }
  });

  test("what a client says in SETTINGS between request and response counts", async () => {
    let answer: (response: HttpResponse) => void = () => {};
    const server = await serveH2(() => new Promise((resolve) => (answer = resolve)));
    server.peer.headers(1, get(), { endStream: true });
    server.peer.settings({ MAX_HEADER_LIST_SIZE: 50 });
    await expectFrames(server, ["SETTINGS ACK"]);
    answer(new HttpResponse(200));
    await expectFrames(server, ["RST_STREAM 1 INTERNAL_ERROR"]);
  });
});
