/**
 * Requests on the wire: exactly these bytes, and whether the connection goes on afterwards.
 */
import { channel, empty, fromIterable, full, HeaderMap, Trailers, withTrailers } from "@sluice/body";
import { HttpRequest, RequestTarget } from "@sluice/core";
import type * as http1 from "@sluice/core/http1";
import { describe, expect, test } from "vitest";
import {
  closedCleanly,
  counted,
  exchange,
  gaveUp,
  get,
  getWire,
  okWire,
  open,
  post,
  stateOf,
} from "../support/client.ts";
import { bytes, connectOn, lines, rejection, settle } from "../support/wire.ts";

const unknownLength = (...chunks: readonly string[]) => fromIterable(chunks.map(bytes));
const sized = (...chunks: readonly string[]) => fromIterable(chunks.map(bytes), { length: chunks.join("").length });

/** What a request is on the wire, in full. */
async function wireOf(request: HttpRequest, options?: http1.ClientOptions): Promise<string> {
  const client = await connectOn(options);
  const response = client.sender.send(request);
  response.catch(() => {});
  await settle();
  client.connection.abort();
  return client.io.writtenText;
}

/** A fresh request of any method with any body, for `a.test`. */
function make(method: string, body = empty() as HttpRequest["body"], fields: Record<string, string> = {}): HttpRequest {
  return new HttpRequest(method, "/", { host: "a.test", ...fields }, body);
}

describe("heads", () => {
  test("[hyper-134] GET: request line and host, no framing; the fragment is removed, the query kept", async () => {
    expect(await wireOf(get("/path?key=val#fragment"))).toBe("GET /path?key=val HTTP/1.1\r\nhost: a.test\r\n\r\n");
  });

  test("[hyper-135] GET without a body: no framing fields", async () => {
    expect(await wireOf(get())).toBe(getWire);
  });

  test("[hyper-142] an absolute-form is written as given", async () => {
    expect(await wireOf(get("http://b.test:81?x=y#z"))).toBe(
      "GET http://b.test:81?x=y HTTP/1.1\r\nhost: a.test\r\n\r\n",
    );
  });

  test("[hyper-141] a relative reference is no target: refused before there is a request", () => {
    for (const target of ["path", "", "../x", "?q", "a.test"]) expect(() => get(target)).toThrow(TypeError);
  });

  test("[hyper-143] CONNECT: authority-form; an absolute URI is no target for it", async () => {
    const wire = await wireOf(HttpRequest.connect("b.test:443", { host: "b.test:443" }));
    expect(wire).toBe("CONNECT b.test:443 HTTP/1.1\r\nhost: b.test:443\r\n\r\n");
    expect(() => HttpRequest.connect("http://b.test:443/")).toThrow(TypeError);
  });

  test("asterisk-form for OPTIONS", async () => {
    expect(await wireOf(HttpRequest.options("*", { host: "a.test" }))).toBe(
      "OPTIONS * HTTP/1.1\r\nhost: a.test\r\n\r\n",
    );
  });

  test("[hyper-144] no Host is added; a request without one is refused unless the option lets it pass", async () => {
    const client = await connectOn();
    const error = await rejection(client.sender.send(HttpRequest.get("/")));
    expect([error.kind, error.code, client.io.writtenText]).toEqual(["user", "INVALID_HOST", ""]);
    expect(stateOf(client)).toEqual(open);
    expect(await wireOf(HttpRequest.get("/"), { requireHost: false })).toBe("GET / HTTP/1.1\r\n\r\n");
  });

  test.each([
    ["two lines", ["a.test", "a.test"]],
    ["a list", ["a.test, b.test"]],
    ["user information", ["u@a.test"]],
    ["a path", ["a.test/x"]],
    ["a port out of range", ["a.test:65536"]],
  ])("a Host of %s is refused; written as it is when the option lets it pass", async (_, hosts) => {
    const client = await connectOn();
    expect((await rejection(client.sender.send(HttpRequest.get("/", { host: hosts })))).code).toBe("INVALID_HOST");
    expect(client.io.writtenText).toBe("");
    const wire = await wireOf(HttpRequest.get("/", { host: hosts }), { requireHost: false });
    expect(wire).toBe(`GET / HTTP/1.1\r\n${hosts.map((host) => `host: ${host}\r\n`).join("")}\r\n`);
  });

  test("an empty Host is valid, and HTTP/1.0 needs none", async () => {
    expect(await wireOf(HttpRequest.get("/", { host: "" }))).toBe("GET / HTTP/1.1\r\nhost:\r\n\r\n");
    expect(await wireOf(HttpRequest.get("/").withVersion("HTTP/1.0"))).toBe("GET / HTTP/1.0\r\n\r\n");
  });

  test("[hyper-145] titleCaseHeaders: all names are written in title case, those of our own too", async () => {
    const request = post(full("hi"), { "x-foo-bar": "1", accept: "*/*" });
    expect(await wireOf(request, { titleCaseHeaders: true })).toBe(
      lines("POST / HTTP/1.1", "Host: a.test", "X-Foo-Bar: 1", "Accept: */*", "Content-Length: 2", "", "hi"),
    );
  });

  test("preserveHeaderCase: a field is written as it was spelled, others as usual", async () => {
    const headers = new HeaderMap();
    headers.append("host", "a.test", { originalName: "hOST" });
    headers.append("x-foo", "1");
    expect(await wireOf(HttpRequest.get("/", headers), { preserveHeaderCase: true })).toBe(
      "GET / HTTP/1.1\r\nhOST: a.test\r\nx-foo: 1\r\n\r\n",
    );
    expect(await wireOf(HttpRequest.get("/", headers))).toBe("GET / HTTP/1.1\r\nhost: a.test\r\nx-foo: 1\r\n\r\n");
  });

  test("[hyper-146] HTTP/0.9 is refused; a request made for HTTP/2 goes out as 1.1", async () => {
    const client = await connectOn();
    const error = await rejection(client.sender.send(get().withVersion("HTTP/0.9")));
    expect([error.kind, error.code, client.io.writtenText]).toEqual(["user", "UNSUPPORTED_VERSION", ""]);
    expect(stateOf(client)).toEqual(open);
    expect(await wireOf(get().withVersion("HTTP/2"))).toBe(getWire);
  });

  test("TE and Upgrade are named in Connection, unless they already are", async () => {
    expect(await wireOf(get("/", { te: "trailers" }))).toBe(
      "GET / HTTP/1.1\r\nhost: a.test\r\nte: trailers\r\nconnection: te\r\n\r\n",
    );
    expect(await wireOf(get("/", { te: "trailers", connection: "keep-alive, TE" }))).toBe(
      "GET / HTTP/1.1\r\nhost: a.test\r\nte: trailers\r\nconnection: keep-alive, TE\r\n\r\n",
    );
    expect(await wireOf(get("/", { upgrade: "x" }))).toBe(
      "GET / HTTP/1.1\r\nhost: a.test\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    );
  });

  test("a method or target put in later is checked again: nothing can be smuggled into the request line", async () => {
    const client = await connectOn();
    const evil = get();
    evil.method = "GET / HTTP/1.1\r\nx: y\r\n\r\nGET";
    const unfit = get();
    unfit.target = RequestTarget.parse("b.test:1", "CONNECT");
    const star = get();
    star.target = RequestTarget.asterisk;
    const path = HttpRequest.connect("b.test:1", { host: "b.test:1" });
    path.target = RequestTarget.parse("/");
    const codes = [];
    for (const request of [evil, unfit, star, path]) codes.push((await rejection(client.sender.send(request))).code);
    expect(codes).toEqual(["INVALID_METHOD", "INVALID_TARGET", "INVALID_TARGET", "INVALID_TARGET"]);
    expect(client.io.writtenText).toBe("");
    expect(stateOf(client)).toEqual(open);
  });
});

describe("framing of content", () => {
  test("[hyper-136] GET with explicit chunked: sent chunked, also when there is nothing", async () => {
    const fields = { "transfer-encoding": "chunked" };
    expect(await wireOf(make("GET", full("hello"), fields))).toBe(
      lines("GET / HTTP/1.1", "host: a.test", "transfer-encoding: chunked", "", "5", "hello", "0", "", ""),
    );
    expect(await wireOf(make("GET", empty(), fields))).toBe(
      lines("GET / HTTP/1.1", "host: a.test", "transfer-encoding: chunked", "", "0", "", ""),
    );
  });

  test("[hyper-137] transfer codings that lack chunked get it, over one line or several", async () => {
    expect(await wireOf(make("POST", full("hello"), { "transfer-encoding": "foo" }))).toBe(
      lines("POST / HTTP/1.1", "host: a.test", "transfer-encoding: foo, chunked", "", "5", "hello", "0", "", ""),
    );
    const request = make("POST", full("x")).header("transfer-encoding", "a").header("transfer-encoding", "b");
    expect(await wireOf(request)).toContain("\r\ntransfer-encoding: a, b, chunked\r\n");
  });

  test("[hyper-138] HTTP/1.0: transfer-encoding is dropped, a known length said, an unknown body not sent", async () => {
    const coded = { "transfer-encoding": "chunked" };
    expect(await wireOf(make("POST", full("hello"), coded).withVersion("HTTP/1.0"))).toBe(
      lines("POST / HTTP/1.0", "host: a.test", "content-length: 5", "", "hello"),
    );
    const body = counted(unknownLength("hello"));
    expect(await wireOf(make("POST", body, coded).withVersion("HTTP/1.0"))).toBe(
      "POST / HTTP/1.0\r\nhost: a.test\r\n\r\n",
    );
    expect([body.asked, body.canceled]).toEqual([0, 1]);
  });

  test("[hyper-139] GET with a stream of known length: content-length", async () => {
    expect(await wireOf(make("GET", sized("hel", "lo")))).toBe(
      lines("GET / HTTP/1.1", "host: a.test", "content-length: 5", "", "hello"),
    );
  });

  test("[hyper-140] GET and HEAD with a body of unknown length: it is not sent, and let go", async () => {
    for (const method of ["GET", "HEAD"]) {
      const body = counted(unknownLength("hello"));
      expect(await wireOf(make(method, body))).toBe(`${method} / HTTP/1.1\r\nhost: a.test\r\n\r\n`);
      expect([body.asked, body.canceled]).toEqual([0, 1]);
    }
  });

  test("[hyper-140] POST: unknown length chunked, known length said, and an empty body said to be empty", async () => {
    const head = ["POST / HTTP/1.1", "host: a.test"] as const;
    expect(await wireOf(post(unknownLength("hel", "lo")))).toBe(
      lines(...head, "transfer-encoding: chunked", "", "3", "hel", "2", "lo", "0", "", ""),
    );
    expect(await wireOf(post(sized("hello")))).toBe(lines(...head, "content-length: 5", "", "hello"));
    expect(await wireOf(post(empty()))).toBe(lines(...head, "content-length: 0", "", ""));
    expect(await wireOf(make("DELETE"))).toBe("DELETE / HTTP/1.1\r\nhost: a.test\r\n\r\n");
  });

  test("a length of the user's is kept; it stands once, behind the other fields", async () => {
    expect(await wireOf(make("POST", unknownLength("hello"), { "content-length": "5", x: "y" }))).toBe(
      lines("POST / HTTP/1.1", "host: a.test", "x: y", "content-length: 5", "", "hello"),
    );
  });

  test("what contradicts itself is refused, and nothing of it written", async () => {
    const client = await connectOn();
    const codes = [];
    for (const request of [
      make("POST", full("hello"), { "content-length": "4" }),
      make("POST", full("hello"), { "content-length": "+5" }),
      make("POST", full("hello"), { "content-length": "5", "transfer-encoding": "chunked" }),
      make("POST", full("hello")).header("content-length", "5").header("content-length", "5"),
    ]) {
      codes.push((await rejection(client.sender.send(request))).code);
    }
    expect(codes).toEqual([
      "CONTENT_LENGTH_MISMATCH",
      "CONTENT_LENGTH_INVALID",
      "UNEXPECTED_HEADER",
      "CONTENT_LENGTH_INVALID",
    ]);
    expect(client.io.writtenText).toBe("");
  });

  test("[hyper-087] a head that cannot be made leaves nothing behind: the next request goes out clean", async () => {
    const client = await connectOn();
    await rejection(client.sender.send(make("POST", full("hello"), { "content-length": "4", secret: "x" })));
    await exchange(client, get(), okWire);
    expect(client.io.writtenText).toBe(getWire);
    expect(stateOf(client)).toEqual(open);
  });

  test("[hyper-147] a body that is aborted leaves the message incomplete: no terminator, the connection given up", async () => {
    const client = await connectOn();
    const { sender, body } = channel(4);
    const response = client.sender.send(post(body));
    await sender.sendData("hello");
    await settle();
    sender.abort(new Error("changed my mind"));
    const error = await rejection(response);
    expect([error.kind, error.code]).toEqual(["user", "BODY_FAILED"]);
    expect((error.cause as Error).message).toBe("changed my mind");
    expect(client.io.writtenText).toBe(
      lines("POST / HTTP/1.1", "host: a.test", "transfer-encoding: chunked", "", "5", "hello", ""),
    );
    expect(stateOf(client)).toEqual(gaveUp("user BODY_FAILED"));
  });

  test("[hyper-149] a body that throws when asked: a user error for the caller, the connection given up", async () => {
    const client = await connectOn();
    const body = counted(unknownLength("x"));
    body.frame = () => {
      throw new Error("panic");
    };
    const error = await rejection(client.sender.send(post(body)));
    expect([error.kind, error.code, (error.cause as Error).message]).toEqual(["user", "BODY_FAILED", "panic"]);
    expect(client.io.writtenText).toBe("");
    expect(stateOf(client)).toEqual(gaveUp("user BODY_FAILED"));
  });

  test("a body shorter than its length is a user error, and the connection given up", async () => {
    const client = await connectOn();
    const error = await rejection(client.sender.send(make("POST", unknownLength("abc"), { "content-length": "5" })));
    expect([error.kind, error.code]).toEqual(["user", "BODY_TOO_SHORT"]);
    expect(stateOf(client)).toEqual(gaveUp("user BODY_TOO_SHORT"));
  });

  test("[hyper-150] a server that has ended its stream while the body goes on: one error, no further write", async () => {
    const client = await connectOn();
    const { sender, body } = channel(4);
    const response = client.sender.send(post(body));
    await sender.sendData("hello");
    await settle();
    client.io.push(null);
    expect((await rejection(response)).code).toBe("INCOMPLETE_MESSAGE");
    expect(client.io.writes.length).toBeLessThan(4);
    const before = client.io.writes.length;
    await expect(sender.sendData("more")).rejects.toMatchObject({ code: "closed" });
    await settle();
    expect(client.io.writes.length).toBe(before);
    expect(client.timer.pending).toBe(0);
  });
});

describe("trailers", () => {
  const trailers = (...of: readonly (readonly [string, string])[]) => new Trailers(new HeaderMap(of));

  test("[hyper-130] a single trailer, several, and in title case", async () => {
    const one = withTrailers(unknownLength("hello"), trailers(["chunky-trailer", "header data"]));
    expect(await wireOf(post(one, { trailer: "chunky-trailer" }))).toBe(
      lines(
        ...["POST / HTTP/1.1", "host: a.test", "transfer-encoding: chunked", "trailer: chunky-trailer", ""],
        ...["5", "hello", "0", "chunky-trailer: header data", "", ""],
      ),
    );
    const two = withTrailers(
      unknownLength("hello"),
      trailers(["a-one", "1"], ["b-two", "2"], ["a-one", "3"], ["c", "x"]),
    );
    expect(await wireOf(post(two, { trailer: "a-one, b-two" }), { titleCaseHeaders: true })).toBe(
      lines(
        ...["POST / HTTP/1.1", "Host: a.test", "Transfer-Encoding: chunked", "Trailer: a-one, b-two", ""],
        ...["5", "hello", "0", "A-One: 1", "B-Two: 2", "A-One: 3", "", ""],
      ),
    );
  });

  test("[hyper-130] without `Trailer`, or when their name is not allowed there, none are sent", async () => {
    const body = () => withTrailers(unknownLength("x"), trailers(["a", "1"], ["content-length", "5"], ["host", "b"]));
    expect(await wireOf(post(body()))).toMatch(/\r\n\r\n1\r\nx\r\n0\r\n\r\n$/);
    expect(await wireOf(post(body(), { trailer: "content-length, host" }))).toMatch(/\r\n\r\n1\r\nx\r\n0\r\n\r\n$/);
  });

  test("trailers that are announced are sent chunked, also where the length of the content is known", async () => {
    const body = withTrailers(full("x"), trailers(["a", "1"]));
    expect(await wireOf(post(body, { trailer: "a" }))).toBe(
      lines(
        "POST / HTTP/1.1",
        "host: a.test",
        "transfer-encoding: chunked",
        "trailer: a",
        "",
        "1",
        "x",
        "0",
        "a: 1",
        "",
        "",
      ),
    );
  });

  test("behind a content-length that was set there is no place for trailers: they and `Trailer` are dropped", async () => {
    const body = withTrailers(full("x"), trailers(["a", "1"]));
    expect(await wireOf(post(body, { trailer: "a", "content-length": "1" }))).toBe(
      lines("POST / HTTP/1.1", "host: a.test", "content-length: 1", "", "x"),
    );
  });
});

describe("reuse as the request decides", () => {
  test.each([
    ["alone", ["close"]],
    ["in capitals in a list", ["foo, Close ,bar"]],
    ["on a second line", ["keep-alive", "close"]],
  ])("[hyper-148] `Connection: close` %s: the connection ends after the response", async (_, connection) => {
    const client = await connectOn();
    const response = await exchange(client, get("/", { connection }), okWire);
    expect(response.status).toBe(200);
    expect(stateOf(client)).toMatchObject({ ready: false, closed: true, shutdown: true, aborted: false });
    client.io.push(null);
    await settle();
    expect(stateOf(client)).toEqual(closedCleanly);
  });

  test("[hyper-148] while such a request is under way none is taken after it", async () => {
    const client = await connectOn({ pipelining: 4 });
    void client.sender.send(get("/", { connection: "close" })).catch(() => {});
    expect([client.sender.isReady, client.sender.isClosed]).toEqual([false, true]);
    expect((await rejection(client.sender.send(get()))).code).toBe("CLOSED");
    expect((await rejection(client.sender.ready())).code).toBe("CLOSED");
  });

  test("HTTP/1.0 ends the connection unless both sides ask to keep it", async () => {
    const keep = { connection: "keep-alive" };
    const ended = await connectOn();
    await exchange(
      ended,
      get().withVersion("HTTP/1.0"),
      "HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n",
    );
    expect(stateOf(ended)).toMatchObject({ closed: true, shutdown: true });
    const kept = await connectOn();
    const request = get("/", keep).withVersion("HTTP/1.0");
    await exchange(kept, request, "HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n");
    expect(stateOf(kept)).toEqual(open);
  });
});
