/**
 * The reverse proxy of docs/examples: what becomes of requests and responses on their way through.
 */
import { channel, collect, fromIterable, full, HeaderMap, Trailers } from "@sluice/body";
import { HttpRequest, HttpResponse, sendInformational } from "@sluice/core";
import { fakeTimer } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { content, inPieces, mebibyte, sha256 } from "../interop/support/content.ts";
import { connectTo2 } from "../interop/support/h2-client.ts";
import { type PlainPeer, plainClient, plainServer } from "../support/plain-peer.ts";
import { newClient, type RunningProxy, received, startProxy, startUpstream, until } from "./support.ts";

const encoder = new TextEncoder();

/** One exchange by hand: what the upstream reads of `request`, and what the client reads when it answers `answer`. */
async function exchanged(
  request: string,
  answer = "HTTP/1.1 204 No Content\r\n\r\n",
  config: Parameters<typeof startProxy>[0] | undefined = undefined,
): Promise<{ readonly asked: string; readonly answered: string; readonly proxy: RunningProxy }> {
  await using upstream = await plainServer();
  const own = `http://127.0.0.1:${upstream.port}`;
  const routes = [{ upstream: { url: own } }];
  await using proxy = await startProxy(typeof config === "object" ? { routes, ...config } : own);
  using client = await plainClient(proxy.port);
  client.send(request);
  const peer = await upstream.accepted();
  const asked = await quiet(peer);
  peer.send(answer);
  return { asked: asked.replaceAll(own.slice(7), "up"), answered: await quiet(client), proxy };
}

/** All bytes, once some have come and no more do. */
async function quiet(peer: PlainPeer): Promise<string> {
  await until(() => peer.received !== "");
  for (let length = 0; length < peer.received.length; ) {
    length = peer.received.length;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return peer.received;
}

const get = (...fields: readonly string[]): string => `GET / HTTP/1.1\r\nhost: a\r\n${lines(fields)}\r\n`;
const lines = (fields: readonly string[]): string => fields.map((field) => `${field}\r\n`).join("");

describe("a request is made anew", () => {
  test("[pool-24] method, path and query, all fields, the content with its length; Host is the upstream's", async () => {
    const { asked, answered } = await exchanged(
      "POST /a%20b/?q=1&q=2 HTTP/1.1\r\nHost: public.test\r\nX-One: 1\r\nAccept: */*\r\nx-one: 2\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 201 Made Just Now\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nContent-Length: 2\r\n\r\nok",
    );
    expect(asked).toBe(
      "POST /a%20b/?q=1&q=2 HTTP/1.1\r\nhost: up\r\nx-one: 1\r\naccept: */*\r\nx-one: 2\r\ncontent-length: 5\r\n\r\nhello",
    );
    expect(answered).toBe(
      "HTTP/1.1 201 Made Just Now\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\nset-cookie: a=1\r\nset-cookie: b=2\r\ncontent-length: 2\r\n\r\nok",
    );
  });

  test.each([
    ["GET http://b.test HTTP/1.1\r\nhost: b.test", "GET / HTTP/1.1"],
    ["GET http://b.test?q HTTP/1.1\r\nhost: b.test", "GET /?q HTTP/1.1"],
    ["GET http://b.test/x/?y HTTP/1.1\r\nhost: b.test", "GET /x/?y HTTP/1.1"],
    ["OPTIONS * HTTP/1.1\r\nhost: b.test", "OPTIONS * HTTP/1.1"],
    ["OPTIONS / HTTP/1.1\r\nhost: b.test", "OPTIONS / HTTP/1.1"],
    ["GET / HTTP/1.0", "GET / HTTP/1.1"],
    ["PROPFIND /x HTTP/1.1\r\nhost: b.test", "PROPFIND /x HTTP/1.1"],
  ])("[pool-24] the target of %j", async (request, line) => {
    const { asked } = await exchanged(`${request}\r\n\r\n`);
    expect(asked).toBe(`${line}\r\nhost: up\r\n\r\n`);
  });

  test("[pool-24] Host as the client said it, if that is wanted", async () => {
    await using upstream = await startUpstream(() => new HttpResponse());
    await using proxy = await startProxy({ routes: [{ upstream: { url: upstream.origin, keepHost: true } }] });
    using client = await plainClient(proxy.port);
    client.send("GET / HTTP/1.1\r\nhost: public.test:81\r\n\r\nGET / HTTP/1.0\r\n\r\n");
    await client.outcome();
    expect(upstream.asked.map(({ authority }) => authority)).toEqual(["public.test:81", `localhost:${upstream.port}`]);
  });

  test("[pool-24] GET with content of unknown length keeps it; without content it gets none", async () => {
    const { asked } = await exchanged(
      "GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    );
    expect(asked).toBe("GET / HTTP/1.1\r\nhost: up\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
    expect((await exchanged(get())).asked).toBe("GET / HTTP/1.1\r\nhost: up\r\n\r\n");
    expect((await exchanged("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n")).asked).toBe(
      "POST / HTTP/1.1\r\nhost: up\r\ncontent-length: 0\r\n\r\n",
    );
  });

  test("[pool-24] cookie crumbs of HTTP/2 are one field in HTTP/1, and what is sensitive stays so", async () => {
    await using upstream = await startUpstream((request) => {
      const { headers } = request;
      return new HttpResponse(200, {
        "x-sensitive": [...new Set(headers.keys())].filter(
          (name) => name.startsWith("x-") && headers.isSensitive(name),
        ),
      });
    });
    await using proxy = await startProxy({
      routes: [
        { upstream: { url: upstream.origin, headers: { "x-key": "secret" } } },
        { location: "/h2/", upstream: { url: upstream.origin, version: "http2", headers: { "x-key": "secret" } } },
      ],
    });
    await using client = await connectTo2(proxy.port);
    const ask = async (path: string) => {
      const request = HttpRequest.get(`${client.origin}${path}`, { cookie: "a=1; b=2" });
      request.headers.append("x-mine", "hidden", { sensitive: true });
      return await received(await client.sender.send(request));
    };
    await ask("/");
    expect(upstream.asked[0]?.fields).toEqual([
      ["host", `localhost:${upstream.port}`],
      ["cookie", "a=1; b=2"],
      ["x-mine", "hidden"],
      ["x-key", "secret"],
    ]);
    expect((await ask("/h2/")).fields).toEqual([
      ["x-sensitive", "x-mine"],
      ["x-sensitive", "x-key"],
      ["content-length", "0"],
    ]);
  });

  const versions = ["http1", "http2"] as const;
  const ways = versions.flatMap((from) =>
    versions.flatMap((to) => [false, true].map((tls) => ({ from, to, tls, over: tls ? "TLS" : "TCP" }))),
  );

  test.each(ways)(
    "[pool-24, pool-26] $from to $to over $over: 1 MiB each way, trailers both ways, 103",
    async (way) => {
      const { from, to, tls } = way;
      const bytes = content(mebibyte);
      await using upstream = await startUpstream(
        async (request) => {
          sendInformational(request, 103, { link: "</style.css>", connection: "x-hop", "x-hop": "1" });
          const collected = collect(request.body);
          const got = sha256(await collected.bytes());
          const sum = (await collected.trailers())?.get("x-sum") ?? "none";
          const trailers = new Trailers(new HeaderMap({ "x-end": "1", "x-forwarded-for": "forged" }));
          const body = inPieces(bytes, { trailers });
          return new HttpResponse(200, { trailer: "x-end, x-forwarded-for", "x-got": got, "x-sum": sum }, body);
        },
        { tls },
      );
      const routes = [{ upstream: { url: upstream.origin, version: to } }];
      await using proxy = await startProxy({ routes }, { tls });
      await using client = newClient({ version: from });
      const hints: unknown[] = [];
      const body = inPieces(bytes, { trailers: new Trailers(new HeaderMap({ "x-sum": "7" })) });
      const request = HttpRequest.post(`${proxy.origin}/big?x`, body, { te: "trailers", trailer: "x-sum", "x-a": "1" });
      const response = await client.request(request, {
        onInformational: (status, headers) => hints.push(status, headers.toJSON()),
      });
      const collected = collect(response.body);
      expect(sha256(await collected.bytes())).toBe(sha256(bytes));
      expect((await collected.trailers())?.toJSON()).toEqual([["x-end", "1"]]);
      expect(hints).toEqual([103, [["link", "</style.css>"]]]);
      expect(response.headers.get("x-got")).toBe(sha256(bytes));
      expect(response.headers.get("x-sum")).toBe("7");
      const [asked] = upstream.asked;
      expect([asked?.line, asked?.authority]).toEqual([
        `POST /big?x HTTP/${to === "http1" ? "1.1" : "2"}`,
        `localhost:${upstream.port}`,
      ]);
      const ofVersion: Readonly<Record<string, string[][]>> = {
        http1: [
          ["transfer-encoding", "chunked"],
          ["connection", "te"],
        ],
        http2: [],
      };
      const authority = [["host", `localhost:${upstream.port}`]];
      expect(sorted(asked?.fields ?? [])).toEqual(
        sorted([
          ["te", "trailers"],
          ["trailer", "x-sum"],
          ["x-a", "1"],
          ...(to === "http1" ? authority : []),
          ...(ofVersion[to] ?? []),
        ]),
      );
    },
  );

  function sorted(fields: readonly (readonly string[])[]): string[] {
    return fields.map((field) => field.join(": ")).sort();
  }

  test("[pool-24] content is passed on as it comes, in both directions at the same time", async () => {
    await using upstream = await startUpstream((request) => new HttpResponse(200, {}, request.body));
    await using proxy = await startProxy({ routes: [{ upstream: { url: upstream.origin, version: "http2" } }] });
    await using client = newClient();
    const { sender, body } = channel(1);
    const response = await client.request(HttpRequest.post(`${proxy.origin}/`, body));
    for (const word of ["one", "two", "three"]) {
      await sender.sendData(encoder.encode(word));
      const frame = await response.body.frame();
      expect(new TextDecoder().decode(frame as Uint8Array)).toBe(word);
    }
    sender.close();
    expect(await response.body.frame()).toBeNull();
  });

  test("[pool-24] a client that does not read holds the upstream up", async () => {
    const size = 65_536;
    const total = 64 * mebibyte;
    let made = 0;
    function* chunks() {
      for (; made < total; ) {
        made += size;
        yield new Uint8Array(size);
      }
    }
    await using upstream = await startUpstream(() => new HttpResponse(200, {}, fromIterable(chunks())));
    for (const version of ["http1", "http2"] as const) {
      made = 0;
      await using proxy = await startProxy({ routes: [{ upstream: { url: upstream.origin, version } }] });
      using client = await plainClient(proxy.port);
      client.socket.pause();
      client.send(get());
      await until(() => made > 0);
      let before = 0;
      while (made > before) {
        before = made;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(made).toBeLessThan(total / 2);
    }
  });
});

test("[pool-24] a stream of which little comes seldom, such as events, goes on", async () => {
  await using upstream = await plainServer();
  const timer = fakeTimer();
  const routes = [{ upstream: { url: `http://127.0.0.1:${upstream.port}`, idleMs: 1_000_000 } }];
  await using proxy = await startProxy({ routes, client: { timer } });
  using client = await plainClient(proxy.port);
  client.send(get());
  const peer = await upstream.accepted();
  peer.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
  for (let i = 0; i < 5; i++) {
    await until(() => client.received.split("data").length === i + 1 && client.received !== "");
    // The proxy waits for more.
    await new Promise((resolve) => setTimeout(resolve, 5));
    timer.advance(600_000);
    peer.send("7\r\ndata\n\n\n\r\n");
  }
  peer.send("0\r\n\r\n").end();
  await until(() => client.received.endsWith("0\r\n\r\n"));
  expect(proxy.log).toEqual([]);
});

describe("fields", () => {
  test("[pool-26] what is for one connection only goes no further, in either direction", async () => {
    const fields = ["Connection: keep-alive, X-Hop, upgrade", "X-Hop: 1", "Keep-Alive: 300", "Proxy-Connection: x"];
    const more = [
      "TE: gzip",
      "Upgrade: h2c",
      "HTTP2-Settings: AAMAAABkAAQAAP__",
      "Proxy-Authorization: Basic c2VjcmV0",
    ];
    const { asked, answered } = await exchanged(
      get(...fields, ...more, "X-Mine: 1"),
      `HTTP/1.1 200 OK\r\n${lines([...fields, "Proxy-Authenticate: Basic", "Upgrade: h2c", "X-Mine: 2"])}content-length: 0\r\n\r\n`,
    );
    expect(asked).toBe("GET / HTTP/1.1\r\nhost: up\r\nx-mine: 1\r\n\r\n");
    expect(answered).toBe("HTTP/1.1 200 OK\r\nx-mine: 2\r\ncontent-length: 0\r\n\r\n");
  });

  test("[pool-26] Connection takes away neither framing nor routing, credentials or what others have to see", async () => {
    const fields = ["Cookie: a=1", "Authorization: Basic eA==", "Content-Type: text/plain", "X-Forwarded-For: 9.9.9.9"];
    const named =
      "Connection: close, content-length, Host, cookie, AUTHORIZATION, content-type, transfer-encoding, x-forwarded-for, x-odd";
    const head = `POST / HTTP/1.1\r\nhost: a\r\n${lines([...fields, "X-Odd: 1", named])}`;
    const { asked } = await exchanged(`${head}content-length: 2\r\n\r\nhi`, undefined, { forwarded: "append" });
    expect(asked).toBe(
      `POST / HTTP/1.1\r\nhost: up\r\n${lines(fields).toLowerCase().replace("basic ea", "Basic eA").replace("9.9.9.9", "9.9.9.9, 127.0.0.1")}` +
        "x-forwarded-host: a\r\nx-forwarded-proto: http\r\ncontent-length: 2\r\n\r\nhi",
    );
    const coded =
      "POST / HTTP/1.1\r\nhost: a\r\nconnection: transfer-encoding\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    expect((await exchanged(coded)).asked).toBe(
      "POST / HTTP/1.1\r\nhost: up\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    );
  });

  test.each([
    [
      "append",
      [
        "x-forwarded-for: 9.9.9.9, 127.0.0.1",
        "x-real-ip: 8.8.8.8",
        "forwarded: for=x",
        "x_forwarded_host: y",
        "x-forwarded-host: pub.test",
        "x-forwarded-proto: http",
      ],
    ],
    ["replace", ["x-forwarded-for: 127.0.0.1", "x-forwarded-host: pub.test", "x-forwarded-proto: http"]],
    ["off", []],
  ])(
    "[pool-26] who came by which way, with the policy %s: a client makes up nothing unless it is believed",
    async (forwarded, expected) => {
      const forged = ["X-Forwarded-For: 9.9.9.9", "X-Real-IP: 8.8.8.8", "Forwarded: for=x", "X_Forwarded_Host: y"];
      const request = `GET / HTTP/1.1\r\nhost: pub.test\r\n${lines(forged)}\r\n`;
      const { asked } = await exchanged(request, undefined, { forwarded });
      expect(asked).toBe(`GET / HTTP/1.1\r\nhost: up\r\n${lines(expected)}\r\n`);
    },
  );

  test.each([
    ["append", "1.0 first, 1.1 sluice"],
    ["replace", "1.1 sluice"],
    ["off", "1.0 first"],
  ])("[pool-26] Via with the policy %s, in both directions", async (via, expected) => {
    const answer = "HTTP/1.1 200 OK\r\nvia: 1.0 first\r\ncontent-length: 0\r\n\r\n";
    const { asked, answered } = await exchanged(get("via: 1.0 first"), answer, { via });
    expect(asked).toBe(`GET / HTTP/1.1\r\nhost: up\r\nvia: ${expected}\r\n\r\n`);
    expect(answered).toBe(`HTTP/1.1 200 OK\r\nvia: ${expected}\r\ncontent-length: 0\r\n\r\n`);
  });

  test("[pool-26] Via names the version in which each message came; the scheme is that of the client's connection", async () => {
    await using upstream = await startUpstream(() => new HttpResponse());
    const routes = [{ upstream: { url: upstream.origin } }];
    await using proxy = await startProxy({ routes, via: "append", forwarded: "replace", name: "edge" }, { tls: true });
    await using client = newClient();
    const { fields } = await received(await client.get(`${proxy.origin}/`));
    expect(fields).toEqual([
      ["via", "1.1 edge"],
      ["content-length", "0"],
    ]);
    expect(upstream.asked[0]?.fields.slice(1)).toEqual([
      ["x-forwarded-for", "127.0.0.1"],
      ["x-forwarded-host", `localhost:${proxy.port}`],
      ["x-forwarded-proto", "https"],
      ["via", "2 edge"],
    ]);
  });

  test("[pool-26] trailers that were not announced get through wherever HTTP/2 takes them; where HTTP/1 does not, the loss is logged", async () => {
    const trailers = new Trailers(new HeaderMap({ "grpc-status": "0", connection: "x", te: "y" }));
    async function* late() {
      yield encoder.encode("x");
      await new Promise((resolve) => setTimeout(resolve, 20));
      yield trailers;
    }
    await using upstream = await startUpstream(() => new HttpResponse(200, {}, fromIterable(late())));
    await using proxy = await startProxy({ routes: [{ upstream: { url: upstream.origin, version: "http2" } }] });
    await using client = newClient();
    const ask = async (version: "http1" | "http2") => {
      const request = HttpRequest.get(`${proxy.origin}/t?secret`, { te: "trailers" });
      return (await received(await client.request(request, { version }))).trailers?.toJSON();
    };
    expect(await ask("http2")).toEqual([["grpc-status", "0"]]);
    expect(upstream.asked[0]?.fields).toEqual([["te", "trailers"]]);
    expect(proxy.log).toEqual([]);
    expect(await ask("http1")).toBeUndefined();
    expect(proxy.log).toEqual(["GET /t: lost trailers grpc-status"]);
  });

  test("[pool-26] announced trailers get from HTTP/2 to HTTP/1 although the length of the content is known", async () => {
    const fields = { "content-length": "2", trailer: "x-sum" };
    await using upstream = await startUpstream((request) => {
      const sum = collect(request.body).trailers();
      const body = () => inPieces(encoder.encode("hi"), { trailers: new Trailers(new HeaderMap({ "x-sum": "7" })) });
      return sum.then((got) => new HttpResponse(200, { ...fields, "x-got": got?.get("x-sum") ?? "none" }, body()));
    });
    await using to2 = await startProxy({ routes: [{ upstream: { url: upstream.origin, version: "http2" } }] });
    await using to1 = await startProxy({ routes: [{ upstream: { url: upstream.origin, version: "http1" } }] });
    await using client = newClient();
    const trailers = new Trailers(new HeaderMap({ "x-sum": "8" }));
    const up = HttpRequest.post(`${to1.origin}/`, inPieces(encoder.encode("hi"), { trailers }), fields);
    expect((await received(await client.request(up, { version: "http2" }))).fields).toContainEqual(["x-got", "8"]);
    const down = await received(await client.request(HttpRequest.get(`${to2.origin}/`, { te: "trailers" })));
    expect(down.trailers?.get("x-sum")).toBe("7");
  });

  test("[pool-26] a transfer coding that would have to be undone is refused, in both directions", async () => {
    await using upstream = await plainServer();
    await using proxy = await startProxy(`http://127.0.0.1:${upstream.port}`);
    using client = await plainClient(proxy.port);
    client.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n");
    expect(await quiet(client)).toMatch(/^HTTP\/1\.1 501 Not Implemented\r\n/);
    client.received = "";
    client.send(get());
    (await upstream.accepted()).send("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n");
    expect(await quiet(client)).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n/);
  });

  test.each([
    ["HEAD", "200 OK", "content-length: 5\r\n"],
    ["GET", "304 Not Modified", 'etag: "x"\r\ncontent-length: 5\r\n'],
    ["GET", "204 No Content", ""],
  ])("[pool-26] %s and %s: the head as it is, and nothing behind it", async (method, status, fields) => {
    const { answered } = await exchanged(
      `${method} / HTTP/1.1\r\nhost: a\r\n\r\n`,
      `HTTP/1.1 ${status}\r\n${fields}\r\n`,
    );
    expect(answered).toBe(`HTTP/1.1 ${status}\r\n${fields}\r\n`);
  });

  test("[pool-26] Expect goes to the upstream, its 100 comes back, and only then is the content sent", async () => {
    await using upstream = await plainServer();
    await using proxy = await startProxy(`http://127.0.0.1:${upstream.port}`);
    using client = await plainClient(proxy.port);
    client.send("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n");
    const peer = await upstream.accepted();
    expect(await quiet(peer)).toMatch(
      /^POST \/ HTTP\/1\.1\r\nhost: [^\r]*\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n$/,
    );
    expect(client.received).toBe("");
    peer.send("HTTP/1.1 100 Continue\r\n\r\n");
    expect(await quiet(client)).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hi");
    await until(() => peer.received.endsWith("\r\n\r\nhi"));
    peer.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    await until(() => client.received.endsWith("\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
  });

  test("[pool-26] Max-Forwards counts down, and at 0 the proxy is the last one (RFC 9110 7.6.2)", async () => {
    const { asked } = await exchanged("OPTIONS / HTTP/1.1\r\nhost: a\r\nmax-forwards: 2\r\n\r\n");
    expect(asked).toBe("OPTIONS / HTTP/1.1\r\nhost: up\r\nmax-forwards: 1\r\n\r\n");
    await using upstream = await startUpstream(() => new HttpResponse());
    await using proxy = await startProxy(upstream.origin);
    await using client = newClient();
    for (const [method, status] of [
      ["OPTIONS", 204],
      ["TRACE", 405],
    ] as const) {
      const request = new HttpRequest(method, `${proxy.origin}/`, { "max-forwards": "0" });
      expect((await received(await client.request(request))).status).toBe(status);
    }
    expect(upstream.asked).toEqual([]);
  });
});

test("[pool-24] two requests at once on a connection of HTTP/1: answered in order", async () => {
  await using upstream = await startUpstream(() => new HttpResponse(200, {}, full("x")));
  await using proxy = await startProxy(upstream.origin);
  using client = await plainClient(proxy.port);
  client.send(get() + get());
  const one = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx";
  expect(await quiet(client)).toBe(one + one);
});
