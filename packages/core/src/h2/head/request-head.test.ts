import { describe, expect, test } from "vitest";
import { feed, lines, linesOf, malformed, sensitiveLinesOf, shown } from "../../../test/http2/support/heads.ts";
import type { Line } from "../../../test/http2/support/hpack.ts";
import { hex } from "../../../test/http2/support/octets.ts";
import type { HttpRequest } from "../../message/request.ts";
import { HpackDecoder } from "../hpack/decoder.ts";
import { protocolKey } from "./protocol.ts";
import { RequestHead } from "./request-head.ts";

const get = lines(`
  :method: GET
  :scheme: https
  :authority: a.test
  :path: /x?y`);

interface Circumstances {
  readonly endStream?: boolean;
  readonly extendedConnect?: boolean;
  readonly maxHeaders?: number;
}

/** A head that has read `fields` and was checked for stream 3. */
function read(fields: readonly Line[], circumstances: Circumstances = {}): [RequestHead, error: unknown] {
  const head = new RequestHead({ maxHeaders: circumstances.maxHeaders ?? 100 });
  feed(head, fields);
  return [head, shown(head.check(3, circumstances.endStream ?? true, circumstances.extendedConnect ?? false))];
}

function good(fields: readonly Line[], circumstances: Circumstances = {}): RequestHead {
  const [head, error] = read(fields, circumstances);
  expect(error).toBeUndefined();
  return head;
}

function refused(fields: readonly Line[], code: string, message: string, circumstances: Circumstances = {}): void {
  expect(read(fields, circumstances)[1]).toEqual(malformed(3, code, message));
}

/** `get` with other pseudo-header fields; `undefined` leaves one out. */
function withPseudos(changes: Readonly<Record<string, string | undefined>>): Line[] {
  const all = new Map<string, string | undefined>([...get, ...Object.entries(changes)]);
  return [...all].flatMap(([name, value]): Line[] => (value === undefined ? [] : [[name, value]]));
}

const withFields = (...fields: Line[]): Line[] => [...get, ...fields];

function targetOf(request: HttpRequest): unknown[] {
  const { target } = request;
  return [
    target.form,
    target.toString(),
    target.scheme,
    target.authority,
    target.path,
    target.query,
    request.authority,
  ];
}

describe("requests", () => {
  test("[h2-072] a GET from octets: method, target in absolute-form, version, no fields, no content", () => {
    const head = new RequestHead({ maxHeaders: 100 });
    const decoder = new HpackDecoder();
    // :method GET, :scheme http, :path /, :authority www.example.com (RFC 7541 C.3.1).
    const block = hex("828684410f7777772e6578616d706c652e636f6d");
    head.begin();
    decoder.begin(head);
    decoder.decode(block, 0, block.length);
    decoder.end();
    expect(head.check(1, true, false)).toBeUndefined();
    const request = head.toRequest();
    expect([request.method, request.version]).toEqual(["GET", "HTTP/2"]);
    expect(targetOf(request)).toEqual([
      ...["absolute", "http://www.example.com/", "http", "www.example.com", "/", undefined, "www.example.com"],
    ]);
    expect([linesOf(request.headers), request.extensionsIfAny]).toEqual([[], undefined]);
    expect(request.body.isEndStream()).toBe(true);
    expect([head.contentLength, head.expectsContinue, head.priority, head.forwarded, head.tooMany]).toEqual([
      ...[-1, false, undefined, false, false],
    ]);
  });

  test("[h2-072] paths come as they were sent", () => {
    for (const [path, parts] of [
      ["//x", ["//x", undefined]],
      ["/a?b", ["/a", "b"]],
      ["/?", ["/", ""]],
      ["/%7e;x=1,[]\\^{|}`!$&'()*+", ["/%7e;x=1,[]\\^{|}`!$&'()*+", undefined]],
    ] as const) {
      const { target } = good(withPseudos({ ":path": path })).toRequest();
      expect([target.path, target.query]).toEqual(parts);
      expect(target.toString()).toBe(`https://a.test${path}`);
    }
  });

  test("[h2-073] without :authority the target is in origin-form and Host names the authority", () => {
    const request = good([...withPseudos({ ":authority": undefined }), ["host", "b.test:1"]]).toRequest();
    expect(targetOf(request)).toEqual(["origin", "/x?y", undefined, undefined, "/x", "y", "b.test:1"]);
    expect(linesOf(request.headers)).toEqual([["host", "b.test:1"]]);
  });

  test("[h2-073] Host that differs from :authority is refused", () => {
    refused(
      withFields(["host", "b.test"]),
      "HOST_MISMATCH",
      'host must not differ from :authority "a.test", got "b.test" (RFC 9113 8.3.1)',
    );
  });

  test("[h2-074] neither :authority nor Host is needed", () => {
    const request = good(withPseudos({ ":authority": undefined })).toRequest();
    expect(targetOf(request)).toEqual(["origin", "/x?y", undefined, undefined, "/x", "y", undefined]);
  });

  test("[h2-096] Host that equals :authority, in any case, passes unchanged", () => {
    for (const host of ["a.test", "A.Test"]) {
      const request = good(withFields(["host", host], ["x", "1"])).toRequest();
      expect(request.target.authority).toBe("a.test");
      expect(linesOf(request.headers)).toEqual([
        ["host", host],
        ["x", "1"],
      ]);
    }
  });

  test("more than one Host, and one that is none, are refused", () => {
    const twice = "a request must have at most one host field, got 2 (RFC 9110 7.2)";
    refused(withFields(["host", "a.test"], ["host", "a.test"]), "INVALID_HOST", twice);
    const alone = withPseudos({ ":authority": undefined });
    const message = "host must be a host and an optional port, got";
    refused([...alone, ["host", "a b"]], "INVALID_HOST", `${message} "a b" (RFC 9110 7.2)`);
    refused([...alone, ["host", "me:pw@a"]], "INVALID_HOST", `${message} one with user information (RFC 9110 7.2)`);
  });

  test("one head after another: nothing is left of the one before, and maps are not shared", () => {
    const head = new RequestHead({ maxHeaders: 1 });
    const extended = lines(`
      :method: CONNECT
      :protocol: websocket
      :scheme: https
      :authority: b.test
      :path: /chat
      expect: 100-continue
      priority: u=1
      via: 1.1 x
      content-length: 5`);
    feed(head, extended);
    expect(head.check(1, false, true)).toBeUndefined();
    const first = head.toRequest();
    expect(head.tooMany).toBe(true);
    feed(head, [...get, ["Bad", ""]]);
    expect(head.check(3, false, true)?.code).toBe("FIELD_NAME_INVALID");
    feed(head, withPseudos({ ":authority": undefined }));
    expect(head.check(5, false, true)).toBeUndefined();
    const { method, scheme, authority, path, protocol, contentLength, expectsContinue, priority, forwarded } = head;
    expect([method, scheme, authority, path, protocol]).toEqual(["GET", "https", undefined, "/x?y", undefined]);
    expect([contentLength, expectsContinue, priority, forwarded, head.tooMany]).toEqual([
      ...[-1, false, undefined, false, false],
    ]);
    const request = head.toRequest();
    expect([request.headers.size, request.target.form, request.extensionsIfAny]).toEqual([0, "origin", undefined]);
    expect(linesOf(first.headers)).toEqual([["expect", "100-continue"]]);
    // A plain CONNECT leaves no target behind either.
    feed(head, lines(":method: CONNECT\n:authority: c.test:1"));
    expect(head.check(7, false, true)).toBeUndefined();
    feed(head, get);
    expect(head.check(9, true, true)).toBeUndefined();
    expect(head.toRequest().target.toString()).toBe("https://a.test/x?y");
  });
});

describe("what a connection repeats", () => {
  test("a good path or authority makes only itself good", () => {
    const head = new RequestHead({ maxHeaders: 100 });
    const outcome = (changes: Record<string, string>): string | undefined => {
      feed(head, withPseudos(changes));
      return head.check(1, true, false)?.code;
    };
    for (const path of ["/a", "/a", "*", "/a b", "/b", "", "/a"]) {
      expect(outcome({ ":path": path })).toBe(path.startsWith("/") && path !== "/a b" ? undefined : "INVALID_PATH");
    }
    expect(outcome({ ":method": "OPTIONS", ":path": "*" })).toBeUndefined();
    expect(outcome({ ":path": "*" })).toBe("INVALID_PATH");
    for (const authority of ["b.test", "b.test", "me@b.test", "", "c.test", ":1", "c.test"]) {
      const expected = authority.endsWith(".test") && authority !== "me@b.test" ? undefined : "INVALID_AUTHORITY";
      expect(outcome({ ":authority": authority })).toBe(expected);
    }
  });
});

describe("cookies", () => {
  test("[h2-075] crumbs become one line in the place of the first", () => {
    const request = good(
      withFields(["a", "1"], ["cookie", "a=1"], ["b", "2"], ["cookie", "b=2"], ["cookie", "c=3"]),
    ).toRequest();
    expect(linesOf(request.headers)).toEqual([
      ["a", "1"],
      ["cookie", "a=1; b=2; c=3"],
      ["b", "2"],
    ]);
    expect(sensitiveLinesOf(request.headers)).toEqual([
      // Short crumbs come as literals that are never indexed.
      ["cookie", "a=1; b=2; c=3"],
    ]);
  });

  test("[h2-075] one crumb that must never be indexed makes the line one", () => {
    const long = "name=0123456789abcdefghij";
    for (const secret of [
      [true, false],
      [false, true],
      [false, false],
    ]) {
      const head = new RequestHead({ maxHeaders: 100 });
      feed(head, withFields(["cookie", long], ["cookie", `x${long}`]), [false, false, false, false, ...secret]);
      expect(head.check(3, true, false)).toBeUndefined();
      const { headers } = head;
      expect(linesOf(headers)).toEqual([["cookie", `${long}; x${long}`]]);
      expect(headers.sensitiveAt(0)).toBe(secret.includes(true));
    }
  });

  test("a line is not marked for the crumbs of the request before", () => {
    const crumbs: Line[] = [
      ["cookie", "name=0123456789abcdefghij"],
      ["cookie", "more=0123456789abcdefghij"],
    ];
    const head = new RequestHead({ maxHeaders: 100 });
    for (const secret of [true, false]) {
      feed(head, withFields(...crumbs), [false, false, false, false, secret, secret]);
      expect(head.check(3, true, false)).toBeUndefined();
      expect(head.headers.isSensitive("cookie")).toBe(secret);
    }
  });

  test("crumbs count as one line, and the first may be one too many", () => {
    const crumbs: Line[] = [
      ["cookie", "a=1"],
      ["cookie", "b=2"],
    ];
    expect(good(withFields(...crumbs), { maxHeaders: 1 }).tooMany).toBe(false);
    const head = good(withFields(["x", "1"], ...crumbs), { maxHeaders: 1 });
    expect([head.tooMany, linesOf(head.headers)]).toEqual([true, [["x", "1"]]]);
  });

  test("a cookie value is never in a message", () => {
    const [, error] = read(withFields(["cookie", "secret\0"]));
    const message = "a field value must not hold control characters or start or end with a blank";
    expect(error).toEqual(malformed(3, "FIELD_VALUE_INVALID", `${message}, got one in "cookie" (RFC 9113 8.2.1)`));
  });
});

describe("pseudo-header fields", () => {
  test("[h2-076] :method, :scheme or :path missing", () => {
    for (const name of [":method", ":scheme", ":path"]) {
      const message = `a request must have ${name}, got none (RFC 9113 8.3.1)`;
      refused(withPseudos({ [name]: undefined }), "PSEUDO_FIELD_MISSING", message);
    }
    refused([], "PSEUDO_FIELD_MISSING", "a request must have :method, got none (RFC 9113 8.3.1)");
  });

  test("[h2-077] each at most once, even with the same value", () => {
    for (const [name, value] of get) {
      const message = `${name} must come only once, got another (RFC 9113 8.3)`;
      refused([...get, [name, value]], "PSEUDO_FIELD_REPEATED", message);
      refused([[name, ""], ...get], "PSEUDO_FIELD_REPEATED", message);
    }
    const protocols: Line[] = [
      [":protocol", "a"],
      [":protocol", "a"],
    ];
    refused(protocols, "PSEUDO_FIELD_REPEATED", ":protocol must come only once, got another (RFC 9113 8.3)");
  });

  test("[h2-078] an empty :path", () => {
    const message = ':path must be a slash and URI characters, or "*" with OPTIONS, got "" (RFC 9113 8.3.1)';
    refused(withPseudos({ ":path": "" }), "INVALID_PATH", message);
  });

  test("a :path that does not start with a slash, or is no part of a URI", () => {
    for (const [path, quoted] of [
      ["x", '"x"'],
      ["?q", '"?q"'],
      ["http://a.test/", '"http://a.test/"'],
      ["/a b", '"/a b"'],
      ["/#", '"/#"'],
      ["/<", '"/<"'],
      ["/\x80", '"/\\x80"'],
      ["**", '"**"'],
    ] as const) {
      const message = `:path must be a slash and URI characters, or "*" with OPTIONS, got ${quoted} (RFC 9113 8.3.1)`;
      refused(withPseudos({ ":path": path }), "INVALID_PATH", message);
    }
  });

  test("[h2-079] one behind a regular field, even a field that is dropped", () => {
    const message = 'pseudo-header fields must precede all other fields, got ":path" behind one (RFC 9113 8.3)';
    refused([...get.slice(0, 3), ["x", "1"], [":path", "/"]], "PSEUDO_FIELD_MISPLACED", message);
    const late: Line[] = [["x", "1"], ...get.slice(3)];
    refused(late, "PSEUDO_FIELD_MISPLACED", message, { maxHeaders: 0 });
  });

  test("[h2-080] an unknown one", () => {
    const message = 'pseudo-header fields must be known ones, got ":foo" (RFC 9113 8.3)';
    refused([...get, [":foo", "1"]], "PSEUDO_FIELD_UNKNOWN", message);
  });

  test("[h2-081, h2-082] :status in a request, whatever it is", () => {
    const message = 'pseudo-header fields must be those of a request, got ":status" (RFC 9113 8.3)';
    for (const status of ["200", "100", "x"]) refused([...get, [":status", status]], "PSEUDO_FIELD_FORBIDDEN", message);
  });

  test("a :method that is not a token", () => {
    for (const [method, quoted] of [
      ["", '""'],
      ["A B", '"A B"'],
      ["G@T", '"G@T"'],
    ] as const) {
      const message = `:method must be a token, got ${quoted} (RFC 9113 8.3.1)`;
      refused(withPseudos({ ":method": method }), "INVALID_METHOD", message);
    }
    expect(good(withPseudos({ ":method": "M-SEARCH" })).toRequest().method).toBe("M-SEARCH");
  });

  test("[h2-089] any scheme passes that is one", () => {
    for (const scheme of ["http", "https", "ftp", "a+b-c.1"]) {
      expect(good(withPseudos({ ":scheme": scheme })).toRequest().target.scheme).toBe(scheme);
    }
    for (const [scheme, quoted] of [
      ["", '""'],
      ["1a", '"1a"'],
      ["a:", '"a:"'],
      ["a/b", '"a/b"'],
    ] as const) {
      const message = `:scheme must be a URI scheme, got ${quoted} (RFC 9113 8.3.1)`;
      refused(withPseudos({ ":scheme": scheme }), "INVALID_SCHEME", message);
    }
  });

  test("[h2-091] user information in :authority, which is not shown", () => {
    for (const authority of ["me@a.test", "me:secret@a.test", "@"]) {
      const message = ":authority must be a host and an optional port, got one with user information (RFC 9113 8.3.1)";
      refused(withPseudos({ ":authority": authority }), "INVALID_AUTHORITY", message);
    }
  });

  test("[h2-092] an :authority that is none", () => {
    for (const authority of ["", ":80", "a.test:65536", "a.test:x", "a/b", "[::1", "a b", "%zz"]) {
      const message = `:authority must be a host and an optional port, got "${authority}" (RFC 9113 8.3.1)`;
      refused(withPseudos({ ":authority": authority }), "INVALID_AUTHORITY", message);
    }
    for (const authority of ["a.test:443", "a.test:", "[::1]:1", "127.0.0.1"]) {
      expect(good(withPseudos({ ":authority": authority })).toRequest().authority).toBe(authority);
    }
  });

  test("[h2-093] OPTIONS with * is asterisk-form, and Host keeps the authority", () => {
    const options = withPseudos({ ":method": "OPTIONS", ":path": "*" });
    const request = good([...options, ["x", "1"]]).toRequest();
    expect(targetOf(request)).toEqual(["asterisk", "*", undefined, undefined, "*", undefined, "a.test"]);
    expect(linesOf(request.headers)).toEqual([
      ["x", "1"],
      ["host", "a.test"],
    ]);
    expect(linesOf(good([...options, ["host", "A.test"]]).toRequest().headers)).toEqual([["host", "A.test"]]);
    const nowhere = good(withPseudos({ ":method": "OPTIONS", ":path": "*", ":authority": undefined })).toRequest();
    expect([nowhere.target.form, nowhere.authority]).toEqual(["asterisk", undefined]);
  });

  test("[h2-093] * with another method", () => {
    const message = ':path must be a slash and URI characters, or "*" with OPTIONS, got "*" (RFC 9113 8.3.1)';
    for (const method of ["GET", "POST", "options"]) {
      refused(withPseudos({ ":method": method, ":path": "*" }), "INVALID_PATH", message);
    }
  });
});

describe("fields", () => {
  test("[h2-083] a name in upper case", () => {
    refused(
      withFields(["X-a", "1"]),
      "FIELD_NAME_INVALID",
      'a field name must be a token in lower case, got "X-a" (RFC 9113 8.2.1)',
    );
  });

  test("[h2-084] a name that is empty, or has a colon, NUL or a blank", () => {
    for (const [name, quoted] of [
      ["", '""'],
      ["a:b", '"a:b"'],
      ["a\0", '"a\\x00"'],
      ["a b", '"a b"'],
      [":", '":"'],
    ] as const) {
      const message = `a field name must be a token in lower case, got ${quoted} (RFC 9113 8.2.1)`;
      refused(withFields([name, "1"]), "FIELD_NAME_INVALID", message);
    }
  });

  test("[h2-085, h2-086] a value with control characters or blanks around it, which is not shown", () => {
    for (const value of ["a\nb", "a\rb", "a\0b", "a\x7f", " a", "a ", "\ta", "a\t"]) {
      for (const name of ["x", "authorization", ":path"]) {
        const message = "a field value must not hold control characters or start or end with a blank";
        const fields: Line[] = name === ":path" ? [[name, value]] : withFields([name, value]);
        refused(fields, "FIELD_VALUE_INVALID", `${message}, got one in "${name}" (RFC 9113 8.2.1)`);
      }
    }
  });

  test("[h2-087] connection-specific fields", () => {
    for (const name of ["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"]) {
      const message = `a field section must not hold connection-specific fields, got "${name}" (RFC 9113 8.2.2)`;
      refused(withFields([name, "x"]), "CONNECTION_SPECIFIC_FIELD", message);
    }
  });

  test("[h2-088] te: trailers and nothing else", () => {
    expect(linesOf(good(withFields(["te", "trailers"])).headers)).toEqual([["te", "trailers"]]);
    for (const te of ["gzip", "trailers, gzip", ""]) {
      refused(withFields(["te", te]), "INVALID_TE", `te must be "trailers", got "${te}" (RFC 9113 8.2.2)`);
    }
  });

  test("a sensitive line stays one, and only that line", () => {
    const head = new RequestHead({ maxHeaders: 100 });
    const fields = withFields(["x", "1"], ["x", "2"], ["x", "3"]);
    feed(head, fields, [false, false, false, false, false, true, false]);
    expect(sensitiveLinesOf(head.toRequest().headers)).toEqual([["x", "2"]]);
  });

  test("maxHeaders is exact: what is too many is not kept, and said", () => {
    const fields = withFields(["a", "1"], ["b", "2"], ["c", "3"]);
    expect(good(fields, { maxHeaders: 3 }).tooMany).toBe(false);
    const head = good(fields, { maxHeaders: 2 });
    expect([head.tooMany, linesOf(head.headers)]).toEqual([
      true,
      [
        ["a", "1"],
        ["b", "2"],
      ],
    ]);
  });

  test("the first problem is the one that is told, and nothing is kept behind it", () => {
    const fields = withFields(["a", "1"], ["te", "gzip"], ["b", "2"], ["upgrade", "x"], [":path", "/"]);
    const [head, error] = read(fields);
    expect(error).toEqual(malformed(3, "INVALID_TE", 'te must be "trailers", got "gzip" (RFC 9113 8.2.2)'));
    expect(linesOf(head.headers)).toEqual([["a", "1"]]);
  });

  test("100-continue is waited for where there is content", () => {
    expect(good(withFields(["expect", "100-Continue"]), { endStream: false }).expectsContinue).toBe(true);
    expect(good(withFields(["expect", "100-continue"]), { endStream: true }).expectsContinue).toBe(false);
    expect(good(withFields(["expect", "other"]), { endStream: false }).expectsContinue).toBe(false);
  });

  test("the lines of Priority are one value, and stay lines", () => {
    expect(good(withFields(["priority", "u=1"])).priority).toBe("u=1");
    const head = good(withFields(["priority", "u=1"], ["priority", "i"]));
    expect(head.priority).toBe("u=1, i");
    expect(head.headers.getAll("priority")).toEqual(["u=1", "i"]);
  });

  test("via, forwarded and x-forwarded-for tell of an intermediary, and are fields", () => {
    for (const name of ["via", "forwarded", "x-forwarded-for"]) {
      const head = good(withFields([name, "1"]));
      expect([head.forwarded, linesOf(head.headers)]).toEqual([true, [[name, "1"]]]);
    }
    expect(good(withFields(["x-forwarded-proto", "1"])).forwarded).toBe(false);
  });
});

describe("content-length", () => {
  test("[h2-094] anything but digits, and more than 2^53-1", () => {
    for (const value of ["", "+1", "-1", "0x1", "1,1", "1e3", "9007199254740992", "9".repeat(400)]) {
      const [, error] = read(withFields(["content-length", value]), { endStream: false });
      const quoted = value.length > 64 ? `"${"9".repeat(64)}"... (400 characters)` : `"${value}"`;
      const message = `content-length must be a number of at most 2^53-1, got ${quoted} (RFC 9113 8.1.1)`;
      expect(error).toEqual(malformed(3, "CONTENT_LENGTH_INVALID", message));
    }
    const head = good(withFields(["content-length", "9007199254740991"]), { endStream: false });
    expect(head.contentLength).toBe(Number.MAX_SAFE_INTEGER);
  });

  test("[h2-095] the same again is one value on one line, another one is refused", () => {
    const head = good(withFields(["content-length", "5"], ["a", "1"], ["content-length", "05"]), { endStream: false });
    expect([head.contentLength, linesOf(head.headers)]).toEqual([
      5,
      [
        ["content-length", "5"],
        ["a", "1"],
      ],
    ]);
    refused(
      withFields(["content-length", "5"], ["content-length", "6"]),
      "CONTENT_LENGTH_INVALID",
      "content-length must be one number, got 5 and 6 (RFC 9113 8.1.1)",
    );
  });

  test("[h2-122] more than 0 with END_STREAM", () => {
    const message = "content-length must be the length of the content, got 1 with END_STREAM (RFC 9113 8.1.1)";
    for (const method of ["GET", "HEAD", "POST"]) {
      const fields: Line[] = [...withPseudos({ ":method": method }), ["content-length", "1"]];
      refused(fields, "CONTENT_LENGTH_WITHOUT_CONTENT", message);
      expect(good(fields, { endStream: false }).contentLength).toBe(1);
    }
    expect(good(withFields(["content-length", "0"])).contentLength).toBe(0);
  });
});

describe("CONNECT", () => {
  const connect = lines(":method: CONNECT\n:authority: a.test:443");

  test("[h2-319] has method and authority", () => {
    const request = good(connect, { endStream: false }).toRequest();
    expect(request.method).toBe("CONNECT");
    expect(targetOf(request)).toEqual([
      "authority",
      "a.test:443",
      undefined,
      "a.test:443",
      "",
      undefined,
      "a.test:443",
    ]);
  });

  test("[h2-319] with :scheme or :path it is refused", () => {
    for (const line of [
      [":scheme", "https"],
      [":path", "/"],
    ] as const) {
      const message = `CONNECT must have no pseudo-header fields but :method and :authority, got "${line[0]}"`;
      refused([...connect, line], "PSEUDO_FIELD_FORBIDDEN", `${message} (RFC 9113 8.5)`, { endStream: false });
    }
  });

  test("[h2-319] without an authority, or with one that is not host and port", () => {
    const message = "a request must have :authority, got none (RFC 9113 8.5)";
    refused([[":method", "CONNECT"]], "PSEUDO_FIELD_MISSING", message);
    for (const authority of ["a.test", "a.test:0", "", ":443"]) {
      refused(
        lines(`:method: CONNECT\n:authority: ${authority}`),
        "INVALID_AUTHORITY",
        `:authority must be host and port, got "${authority}" (RFC 9113 8.5)`,
      );
    }
  });

  test("content-length says nothing of what follows", () => {
    expect(good([...connect, ["content-length", "5"]]).contentLength).toBe(-1);
  });

  const extended = lines(`
    :method: CONNECT
    :protocol: websocket
    :scheme: https
    :authority: a.test
    :path: /chat`);

  test("extended: absolute-form, and the protocol as an extension", () => {
    const request = good(extended, { endStream: false, extendedConnect: true }).toRequest();
    expect([request.method, request.extensions.get(protocolKey)]).toEqual(["CONNECT", "websocket"]);
    expect(targetOf(request)).toEqual([
      ...["absolute", "https://a.test/chat", "https", "a.test", "/chat", undefined, "a.test"],
    ]);
  });

  test("[h2-321] :protocol when it is not enabled", () => {
    const message = ":protocol must not come without our SETTINGS_ENABLE_CONNECT_PROTOCOL";
    refused(extended, "EXTENDED_CONNECT_DISABLED", `${message}, got "websocket" (RFC 8441 3)`);
  });

  test("[h2-322] :protocol with another method", () => {
    const fields = extended.map(([name, value]): Line => [name, name === ":method" ? "GET" : value]);
    const message = ':protocol must come with the method CONNECT, got "GET" (RFC 8441 4)';
    for (const extendedConnect of [true, false]) {
      refused(fields, "PSEUDO_FIELD_FORBIDDEN", message, { extendedConnect });
    }
  });

  test("[h2-323] extended without :scheme, :path or :authority", () => {
    for (const missing of [":scheme", ":path", ":authority"]) {
      const fields = extended.filter(([name]) => name !== missing);
      const message = `a request must have ${missing}, got none (RFC 8441 4)`;
      refused(fields, "PSEUDO_FIELD_MISSING", message, { extendedConnect: true });
    }
  });

  test("extended: its parts are checked as those of any request", () => {
    for (const [name, value, code, message] of [
      [":protocol", "", "INVALID_PROTOCOL", ':protocol must be a token, got "" (RFC 8441 4)'],
      [":protocol", "a b", "INVALID_PROTOCOL", ':protocol must be a token, got "a b" (RFC 8441 4)'],
      [":scheme", "1", "INVALID_SCHEME", ':scheme must be a URI scheme, got "1" (RFC 9113 8.3.1)'],
      [
        ":path",
        "*",
        "INVALID_PATH",
        ':path must be a slash and URI characters, or "*" with OPTIONS, got "*" (RFC 9113 8.3.1)',
      ],
      [
        ":authority",
        "",
        "INVALID_AUTHORITY",
        ':authority must be a host and an optional port, got "" (RFC 9113 8.3.1)',
      ],
    ] as const) {
      const fields = extended.map((line): Line => (line[0] === name ? [name, value] : line));
      refused(fields, code, message, { extendedConnect: true });
    }
  });
});
