import { type Body, empty, fromIterable, full, HeaderMap, Trailers } from "@sluice/body";
import { describe, expect, test } from "vitest";
import { lines, listSize, writtenLines } from "../../../test/http2/support/heads.ts";
import type { Line } from "../../../test/http2/support/hpack.ts";
import { toHex } from "../../../test/http2/support/octets.ts";
import { HttpError } from "../../error.ts";
import { HttpRequest } from "../../message/request.ts";
import { RequestTarget } from "../../message/target.ts";
import { HpackEncoder } from "../hpack/encoder.ts";
import { OctetWriter } from "../octet-writer.ts";
import { protocolKey } from "./protocol.ts";
import { RequestHeadWriter, type RequestHeadWriterOptions } from "./request-writer.ts";

const strip: RequestHeadWriterOptions = { hopByHop: "strip", scheme: "http" };
const refuse: RequestHeadWriterOptions = { hopByHop: "refuse", scheme: "https" };

interface Written {
  readonly lines: readonly Line[];
  readonly length: number;
  readonly noContent: boolean;
  readonly expectsContinue: boolean;
  readonly isConnect: boolean;
}

/** What is written of a request, which must take as much of a header list as was said. */
function write(request: HttpRequest, options = strip): Written {
  const writer = new RequestHeadWriter(options);
  writer.prepare(request);
  const { length, noContent, expectsContinue, isConnect, listBytes } = writer;
  const { lines: found } = writtenLines(writer);
  expect(listBytes).toBe(listSize(found));
  return { lines: found, length, noContent, expectsContinue, isConnect };
}

function refused(request: HttpRequest, options = strip): unknown {
  try {
    write(request, options);
  } catch (error) {
    if (!HttpError.is(error)) throw error;
    return [error.kind, error.code, error.message];
  }
  return undefined;
}

/** The lines behind the pseudo-header fields of a request with these fields. */
function fieldsOf(headers: HeaderMap | Record<string, string | string[]>, options = strip): Line[] {
  return write(HttpRequest.get("https://a.test/", headers), options).lines.slice(4);
}

const unknown = (): Body => fromIterable([Uint8Array.of(1)]);

describe("pseudo-header fields", () => {
  test("octet by octet: method, scheme, authority, path, fields", () => {
    const writer = new RequestHeadWriter(strip);
    writer.prepare(HttpRequest.get("https://a.test/", { "x-a": "1" }));
    const octets = new OctetWriter();
    const encoder = new HpackEncoder();
    encoder.begin(octets);
    writer.write(octets, encoder);
    // GET, https, :authority with a new value, /, and a new name.
    expect(toHex(octets.take())).toBe("8287" + "41841ae92a13" + "84" + "4003782d610131");
  });

  test("[h2-107] an absolute target gives scheme, authority and path, which is / if there is none", () => {
    expect(write(HttpRequest.get("HTTPS://A.test:1"))).toEqual({
      lines: lines(":method: GET\n:scheme: https\n:authority: A.test:1\n:path: /"),
      length: 0,
      noContent: true,
      expectsContinue: false,
      isConnect: false,
    });
    expect(write(HttpRequest.get("ftp://a.test?q")).lines).toEqual(
      lines(":method: GET\n:scheme: ftp\n:authority: a.test\n:path: /?q"),
    );
  });

  test("[h2-107] CONNECT has method and authority alone", () => {
    const request = HttpRequest.connect("a.test:443", { host: "A.test:443", "content-length": "5", x: "1" });
    expect(write(request)).toEqual({
      lines: lines(":method: CONNECT\n:authority: a.test:443\nx: 1"),
      length: -1,
      noContent: false,
      expectsContinue: false,
      isConnect: true,
    });
  });

  test("[h2-108] an origin-form takes the authority from Host and the scheme from the connection", () => {
    for (const options of [strip, refuse]) {
      const request = HttpRequest.get("/x?y", { a: "1", host: "a.test:1", b: "2" });
      expect(write(request, options).lines).toEqual([
        ...lines(`:method: GET\n:scheme: ${options.scheme}\n:authority: a.test:1\n:path: /x?y`),
        ["a", "1"],
        ["b", "2"],
      ]);
    }
  });

  test("[h2-108] without any authority, or with a Host that is none, it is refused", () => {
    const message = "a target without an authority needs exactly one valid Host (RFC 9113 8.3.1), got";
    const hosts: string[][] = [[], ["a", "a"], [""], ["a b"], ["me@a"], [":80"]];
    for (const host of hosts) {
      for (const request of [HttpRequest.get("/", { host }), HttpRequest.options("*", { host })]) {
        expect(refused(request)).toEqual(["user", "INVALID_HOST", `${message} ${host.length}`]);
      }
    }
  });

  test("Host that is the target's authority, in any case, is not sent; a differing one is refused", () => {
    for (const host of ["a.test", "A.Test"]) expect(fieldsOf({ host, x: "1" })).toEqual([["x", "1"]]);
    const message = 'Host must not differ from the target\'s "a.test" (RFC 9113 8.3.1)';
    for (const host of [["b.test"], ["a.test", "a.test"], [""]]) {
      expect(refused(HttpRequest.get("https://a.test/", { host }))).toEqual(["user", "INVALID_HOST", message]);
    }
    expect(refused(HttpRequest.connect("a.test:1", { host: "a.test" }))).toMatchObject(["user", "INVALID_HOST", {}]);
  });

  test("the Host of one request is nothing to the next", () => {
    const writer = new RequestHeadWriter(strip);
    const linesFor = (request: HttpRequest): readonly Line[] => {
      writer.prepare(request);
      return writtenLines(writer).lines;
    };
    expect(linesFor(HttpRequest.get("/", { host: "a.test" }))[2]).toEqual([":authority", "a.test"]);
    expect(linesFor(HttpRequest.get("http://b.test/"))[2]).toEqual([":authority", "b.test"]);
    expect(linesFor(HttpRequest.get("/", { host: "c.test" }))[2]).toEqual([":authority", "c.test"]);
    expect(() => writer.prepare(HttpRequest.get("/"))).toThrow(HttpError);
  });

  test("[h2-109] paths: *, an absolute URI without one, and one of two slashes", () => {
    const pathOf = (method: string, target: string): string | undefined =>
      write(new HttpRequest(method, target, { host: "a.test" })).lines.find(([name]) => name === ":path")?.[1];
    expect(pathOf("OPTIONS", "*")).toBe("*");
    expect(pathOf("OPTIONS", "https://a.test")).toBe("*");
    expect(pathOf("OPTIONS", "https://a.test/")).toBe("/");
    expect(pathOf("OPTIONS", "https://a.test?q")).toBe("/?q");
    expect(pathOf("GET", "https://a.test")).toBe("/");
    expect(pathOf("GET", "//foo")).toBe("//foo");
    expect(pathOf("GET", "https://a.test//foo")).toBe("//foo");
    expect(write(HttpRequest.options("*", { host: "a.test" }), refuse).lines).toEqual(
      lines(":method: OPTIONS\n:scheme: https\n:authority: a.test\n:path: *"),
    );
  });

  test("an extended CONNECT", () => {
    const request = new HttpRequest("CONNECT", RequestTarget.parse("wss://a.test/chat?x")).extension(
      protocolKey,
      "websocket",
    );
    expect(write(request)).toEqual({
      lines: lines(":method: CONNECT\n:protocol: websocket\n:scheme: wss\n:authority: a.test\n:path: /chat?x"),
      length: -1,
      noContent: false,
      expectsContinue: false,
      isConnect: true,
    });
  });

  test("a target, method, protocol or version that does not fit is refused", () => {
    const absolute = RequestTarget.parse("https://a.test/");
    const tunnel = RequestTarget.parse("a.test:1", "CONNECT");
    const form = (name: string, method: string): unknown => [
      ...["user", "INVALID_TARGET", `a target in ${name}-form is not for "${method}" (RFC 9113 8.3.1, 8.5)`],
    ];
    expect(refused(new HttpRequest("CONNECT", absolute))).toEqual(form("absolute", "CONNECT"));
    expect(refused(new HttpRequest("GET", tunnel))).toEqual(form("authority", "GET"));
    expect(refused(new HttpRequest("GET", RequestTarget.asterisk))).toEqual(form("asterisk", "GET"));
    const connect = HttpRequest.connect(tunnel).extension(protocolKey, "websocket");
    expect(refused(connect)).toEqual(form("authority", "CONNECT"));
    expect(refused(HttpRequest.get(absolute).extension(protocolKey, "x"))).toEqual([
      ...["user", "INVALID_PROTOCOL", 'a request for another protocol must be CONNECT (RFC 8441 4), got "GET"'],
    ]);
    for (const protocol of ["", "a b", "\u0100"]) {
      const request = new HttpRequest("CONNECT", absolute).extension(protocolKey, protocol);
      expect(refused(request)).toMatchObject(["user", "INVALID_PROTOCOL", {}]);
    }
    const old = HttpRequest.get(absolute).withVersion("HTTP/0.9");
    expect(refused(old)).toEqual(["user", "UNSUPPORTED_VERSION", "a request cannot be sent as HTTP/0.9"]);
  });
});

describe("fields", () => {
  test("[h2-110] names and values that cannot be sent never get into a request", () => {
    const wrong: [string, string][] = [
      ["a b", "1"],
      ["", "1"],
      [":path", "1"],
      ["\u0100", "1"],
      ["a", "\u0100"],
      ["a", "1\n"],
      ["a", "\0"],
    ];
    for (const [name, value] of wrong) {
      expect(() => HttpRequest.get("/", { [name]: value })).toThrow(TypeError);
      expect(() => new HeaderMap({ a: "1" }).append(name, value)).toThrow(TypeError);
      expect(() => new HeaderMap({ a: "1" }).insert(name, value)).toThrow(TypeError);
    }
    expect(() => new HeaderMap({ a: "1" }).setValueAt(0, "\u0100")).toThrow(TypeError);
    for (const target of ["https://me:pw@a.test/", "/\u0100", "/a b", "/\r\n"]) {
      expect(() => HttpRequest.get(target)).toThrow(TypeError);
    }
    const request = HttpRequest.get("https://a.test/");
    request.method = "G T";
    expect(refused(request)).toEqual(["user", "INVALID_METHOD", 'a method must be a token (RFC 9110 9.1), got "G T"']);
  });

  test("[h2-111] a cookie is split into crumbs, which are counted as what they are", () => {
    expect(fieldsOf({ a: "1", cookie: "a=b; c=d;; e", b: "2" })).toEqual([
      ["a", "1"],
      ["cookie", "a=b"],
      ["cookie", "c=d;"],
      ["cookie", "e"],
      ["b", "2"],
    ]);
    expect(fieldsOf({ cookie: ["a", "b;  c; d"] })).toEqual([
      ["cookie", "a"],
      ["cookie", "b;  c"],
      ["cookie", "d"],
    ]);
    expect(fieldsOf({ cookie: "" })).toEqual([["cookie", ""]]);
  });

  test("sensitive lines are marked, and so are all crumbs of one", () => {
    const long = "0123456789abcdefghij";
    const headers = new HeaderMap()
      .append("x", "1", { sensitive: true })
      .append("x", "1")
      .append("cookie", `a=${long}; b=${long}`, { sensitive: true })
      .append("cookie", `c=${long}`);
    const writer = new RequestHeadWriter(strip);
    writer.prepare(HttpRequest.get("https://a.test/", headers));
    expect(writtenLines(writer).sensitive.slice(4)).toEqual([true, false, true, true, false]);
  });

  test("connection-specific ones are left out with those that Connection names; te stays if it takes trailers", () => {
    expect(
      fieldsOf({
        connection: "TE, x-named, close",
        "x-named": "1",
        "keep-alive": "1",
        "proxy-connection": "1",
        "transfer-encoding": "chunked",
        upgrade: "h2c",
        te: "trailers",
        a: "1",
      }),
    ).toEqual([
      ["te", "trailers"],
      ["a", "1"],
    ]);
    expect(fieldsOf({ te: "gzip, Trailers" })).toEqual([["te", "trailers"]]);
    for (const te of ["gzip", "", "trailers2"]) expect(fieldsOf({ te })).toEqual([]);
  });

  test("[h2-106] connection-specific ones are refused where the program has to know; te: trailers is fine", () => {
    for (const name of ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te"]) {
      const request = HttpRequest.get("https://a.test/", { [name]: "x" });
      const message = `connection-specific fields cannot be sent (RFC 9113 8.2.2), got "${name}"`;
      expect(refused(request, refuse)).toEqual(["user", "CONNECTION_SPECIFIC_FIELD", message]);
    }
    for (const te of ["trailers", "Trailers"]) expect(fieldsOf({ te }, refuse)).toEqual([["te", "trailers"]]);
  });

  test("[h2-106, h2-110] a head that is refused leaves nothing in the encoder's table, and the writer goes on", () => {
    const writer = new RequestHeadWriter(refuse);
    const encoder = new HpackEncoder();
    const octets = new OctetWriter();
    expect(() => writer.prepare(HttpRequest.get("https://a.test/", { "x-new": "1", upgrade: "x" }))).toThrow(HttpError);
    expect([octets.length, encoder.table.count]).toEqual([0, 0]);
    writer.prepare(HttpRequest.get("https://b.test/", { y: "2" }));
    expect(writtenLines(writer).lines).toEqual(
      lines(":method: GET\n:scheme: https\n:authority: b.test\n:path: /\ny: 2"),
    );
  });
});

describe("content", () => {
  function framed(method: string, body: Body, headers: Record<string, string> = {}): unknown[] {
    const { lines: found, length, noContent } = write(new HttpRequest(method, "https://a.test/", headers, body));
    return [length, noContent, ...found.slice(4)];
  }
  const said = (length: number): Line => ["content-length", String(length)];

  test("its length is said if it is known and not 0, or if the method anticipates content", () => {
    for (const method of ["GET", "POST", "DELETE"]) {
      expect(framed(method, full("abc"))).toEqual([3, false, said(3)]);
      expect(framed(method, unknown())).toEqual([-1, false]);
    }
    for (const method of ["GET", "HEAD", "DELETE", "OPTIONS"]) expect(framed(method, empty())).toEqual([0, true]);
    for (const method of ["POST", "PUT", "PATCH"]) expect(framed(method, empty())).toEqual([0, true, said(0)]);
  });

  test("as the program declared it", () => {
    expect(framed("GET", unknown(), { "content-length": "007" })).toEqual([7, false, said(7)]);
    expect(framed("GET", empty(), { "content-length": "0" })).toEqual([0, true, said(0)]);
    expect(framed("POST", full("abc"), { "content-length": "3" })).toEqual([3, false, said(3)]);
  });

  test("a declared one that is not the body's, or is no number, is refused", () => {
    const request = (length: string): HttpRequest =>
      HttpRequest.post("https://a.test/", full("abc"), { "content-length": length });
    expect(refused(request("2"))).toEqual([
      ...["user", "CONTENT_LENGTH_MISMATCH", "content-length says 2, the body has 3 bytes"],
    ]);
    expect(refused(request("+3"))).toEqual([
      ...["user", "CONTENT_LENGTH_INVALID", 'content-length to be sent is not one number: "+3"'],
    ]);
  });

  test("a body of trailers alone is something to send", () => {
    const trailers = fromIterable([new Trailers(new HeaderMap({ a: "1" }))], { length: 0 });
    expect(framed("POST", trailers)).toEqual([0, false, said(0)]);
  });

  test("100-continue is waited for where there is content", () => {
    const expects = (method: string, body: Body): boolean =>
      write(new HttpRequest(method, "https://a.test/", { expect: "100-Continue" }, body)).expectsContinue;
    expect(expects("POST", full("abc"))).toBe(true);
    expect(expects("POST", unknown())).toBe(true);
    expect(expects("POST", empty())).toBe(false);
    const connect = HttpRequest.connect("a.test:1", { expect: "100-continue" });
    expect(write(connect).expectsContinue).toBe(false);
    const other = HttpRequest.post("https://a.test/", full("a"), { expect: "x" });
    expect(write(other).expectsContinue).toBe(false);
  });
});
