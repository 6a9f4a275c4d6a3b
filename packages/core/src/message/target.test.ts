import { describe, expect, test } from "vitest";
import { RequestTarget, type TargetForm } from "./target.ts";

interface Parts {
  readonly form: TargetForm;
  readonly path: string;
  readonly query?: string;
  readonly scheme?: string;
  readonly authority?: string;
  readonly pathAndQuery: string;
}

describe("RequestTarget", () => {
  const valid: readonly (readonly [method: string, text: string, parts: Parts])[] = [
    ["GET", "/", { form: "origin", path: "/", pathAndQuery: "/" }],
    ["GET", "/a/b?c=d?e", { form: "origin", path: "/a/b", query: "c=d?e", pathAndQuery: "/a/b?c=d?e" }],
    ["GET", "/?", { form: "origin", path: "/", query: "", pathAndQuery: "/?" }],
    ["GET", "//host/path", { form: "origin", path: "//host/path", pathAndQuery: "//host/path" }],
    [
      "GET",
      "/a:b@c/%7e;x=1,[]\\^{|}`!$&'()*+",
      { form: "origin", path: "/a:b@c/%7e;x=1,[]\\^{|}`!$&'()*+", pathAndQuery: "/a:b@c/%7e;x=1,[]\\^{|}`!$&'()*+" },
    ],
    [
      "GET",
      "http://a.test/x?y",
      { form: "absolute", scheme: "http", authority: "a.test", path: "/x", query: "y", pathAndQuery: "/x?y" },
    ],
    [
      "GET",
      "HTTPS://A.test:443",
      { form: "absolute", scheme: "https", authority: "A.test:443", path: "/", pathAndQuery: "/" },
    ],
    [
      "GET",
      "http://a.test?q",
      { form: "absolute", scheme: "http", authority: "a.test", path: "/", query: "q", pathAndQuery: "/?q" },
    ],
    [
      "GET",
      "ws+unix.1-x://[::1]:1/",
      { form: "absolute", scheme: "ws+unix.1-x", authority: "[::1]:1", path: "/", pathAndQuery: "/" },
    ],
    ["CONNECT", "a.test:443", { form: "authority", authority: "a.test:443", path: "", pathAndQuery: "" }],
    ["CONNECT", "[::1]:65535", { form: "authority", authority: "[::1]:65535", path: "", pathAndQuery: "" }],
    ["OPTIONS", "*", { form: "asterisk", path: "*", pathAndQuery: "*" }],
    ["OPTIONS", "/x", { form: "origin", path: "/x", pathAndQuery: "/x" }],
  ];

  test.each(valid)("%s %s: form and parts, and the text comes back as it was", (method, text, parts) => {
    const target = RequestTarget.parse(text, method);
    expect({
      form: target.form,
      path: target.path,
      query: target.query,
      scheme: target.scheme,
      authority: target.authority,
      pathAndQuery: target.pathAndQuery,
    }).toEqual({ query: undefined, scheme: undefined, authority: undefined, ...parts });
    expect(target.toString()).toBe(text);
    expect(RequestTarget.parse(target.toString(), method).form).toBe(target.form);
  });

  const invalid: readonly (readonly [method: string, text: string])[] = [
    ["GET", ""],
    ["GET", "*"],
    ["GET", "a.test:443"],
    ["GET", "path"],
    ["GET", "?query"],
    ["GET", "/a b"],
    ["GET", "/a\tb"],
    ["GET", "/a\r\nx: y"],
    ["GET", "/\0"],
    ["GET", "/\x7f"],
    ["GET", '/"'],
    ["GET", "/<>"],
    ["GET", "/\x80"],
    ["GET", "/\u00fc"],
    ["GET", "/\u0120"],
    ["GET", "htt:p//a.test/"],
    ["GET", "http:/a.test/"],
    ["GET", "http://"],
    ["GET", "http:///x"],
    ["GET", "http://:80/"],
    ["GET", "http://user@a.test/"],
    ["GET", "http://user:secret@a.test/"],
    ["GET", "http://a.test:65536/"],
    ["GET", "http://a.test:x/"],
    ["GET", "http://[::1/"],
    ["GET", "http://a test/"],
    ["GET", "http://a.test/a b"],
    ["GET", "1http://a.test/"],
    ["GET", `${"s".repeat(65)}://a.test/`],
    ["CONNECT", ""],
    ["CONNECT", "/"],
    ["CONNECT", "*"],
    ["CONNECT", "a.test"],
    ["CONNECT", "a.test:"],
    ["CONNECT", "a.test:0"],
    ["CONNECT", "a.test:65536"],
    ["CONNECT", ":443"],
    ["CONNECT", "http://a.test:443/"],
    ["CONNECT", "user@a.test:443"],
    ["CONNECT", "a.test:443/"],
    ["POST", "*"],
    ["OPTIONS", "**"],
  ];

  test.each(invalid)("%s %j is refused", (method, text) => {
    expect(RequestTarget.tryParse(text, method)).toBeUndefined();
    expect(() => RequestTarget.parse(text, method)).toThrow(TypeError);
  });

  test("made of parts, with and without an authority, a target is what its text would be", () => {
    for (const [authority, pathAndQuery] of [
      ["A.test:1", "/p?q"],
      ["a.test", "//x"],
      [undefined, "/p?q"],
    ] as const) {
      const made = RequestTarget.ofParts("Https", authority, pathAndQuery);
      const read = RequestTarget.parse(authority === undefined ? pathAndQuery : `Https://${authority}${pathAndQuery}`);
      const partsOf = ({ form, path, query, scheme, authority, pathAndQuery }: RequestTarget): unknown[] => [
        ...[form, path, query, scheme, authority, pathAndQuery],
      ];
      expect([...partsOf(made), made.toString()]).toEqual([...partsOf(read), read.toString()]);
    }
  });

  test("a scheme has up to 64 characters", () => {
    expect(RequestTarget.tryParse(`${"s".repeat(64)}://a.test/`, "GET")?.scheme).toBe("s".repeat(64));
  });

  test("a fragment is dropped from what is sent, and refused in what is received", () => {
    expect(RequestTarget.parse("/a?b#c").toString()).toBe("/a?b");
    expect(RequestTarget.parse("http://a.test#c").toString()).toBe("http://a.test");
    expect(RequestTarget.parse("/a#b#c").toString()).toBe("/a");
    expect(() => RequestTarget.parse("#c")).toThrow(TypeError);
    expect(RequestTarget.tryParse("/a#b", "GET")).toBeUndefined();
    expect(RequestTarget.tryParseLoosely("/a#b", "GET")).toBeUndefined();
  });

  test("the message says what was expected and quotes what was given", () => {
    expect(() => RequestTarget.parse("a\n")).toThrow(/"GET" must be a path .*, got "a\\x0a"$/);
    expect(() => RequestTarget.parse("/", "CONNECT")).toThrow(/"CONNECT" must be host:port .*, got "\/"$/);
  });

  test("loosely, bytes above 0x7F pass in paths and queries; hosts and control bytes are as strict as ever", () => {
    expect(RequestTarget.tryParseLoosely("/\xc3\xbc?\xff", "GET")?.toString()).toBe("/\xc3\xbc?\xff");
    expect(RequestTarget.tryParseLoosely("http://a.test/\xc3\xbc", "GET")?.path).toBe("/\xc3\xbc");
    for (const text of ["/a b", "/\x7f", "/\0", "http://\xfc.test/", "/<"]) {
      expect(RequestTarget.tryParseLoosely(text, "GET")).toBeUndefined();
    }
    expect(RequestTarget.tryParseLoosely("\xfc:443", "CONNECT")).toBeUndefined();
  });
});
