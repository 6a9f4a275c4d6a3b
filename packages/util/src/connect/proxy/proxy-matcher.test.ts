import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { ProxyMatcher, proxyFromEnv } from "./proxy-matcher.ts";
import { parseProxy } from "./proxy-url.ts";

/** The proxy for a URI, as text; "direct" without one. */
function route(matcher: ProxyMatcher, uri: string): string {
  const { protocol, hostname, port } = new URL(uri);
  const scheme = protocol.slice(0, -1);
  const host = hostname.replace(/^\[|\]$/g, "");
  return `${matcher.intercept({ scheme, host, port: Number(port) || (scheme === "http" ? 80 : 443) }) ?? "direct"}`;
}

const everything = { HTTP_PROXY: "h:1", HTTPS_PROXY: "s:2", ALL_PROXY: "a:3" };

describe("[hyper-230] ProxyMatcher", () => {
  test("http and https have their own proxies, all is for what has none, and for other schemes", () => {
    const both = new ProxyMatcher({ http: "h:1", https: "s:2", all: "a:3" });
    expect(["http://x/", "https://x/", "ftp://x/"].map((uri) => route(both, uri))).toEqual([
      "http://h:1",
      "http://s:2",
      "http://a:3",
    ]);
    const one = new ProxyMatcher({ https: "s:2", all: "a:3" });
    expect([route(one, "http://x/"), route(one, "https://x/")]).toEqual(["http://a:3", "http://s:2"]);
    const only = new ProxyMatcher({ http: "h:1" });
    expect([route(only, "http://x/"), route(only, "https://x/")]).toEqual(["http://h:1", "direct"]);
    expect(route(new ProxyMatcher(), "http://x/")).toBe("direct");
  });

  test("what noProxy names is reached directly, whatever the scheme; it may be an array", () => {
    for (const noProxy of ["x.example, 10.0.0.0/8", ["x.example", "10.0.0.0/8"]]) {
      const matcher = new ProxyMatcher({ all: "a:3", noProxy });
      expect(route(matcher, "http://www.x.example/")).toBe("direct");
      expect(route(matcher, "https://10.1.1.1/")).toBe("direct");
      expect(route(matcher, "https://y.example/")).toBe("http://a:3");
    }
    expect(route(new ProxyMatcher({ all: "a:3", noProxy: "x:8080" }), "http://x:8080/")).toBe("direct");
    expect(route(new ProxyMatcher({ all: "a:3", noProxy: "x:8080" }), "http://x/")).toBe("http://a:3");
  });

  test("set by hand, targets on this machine get a proxy too, unless told otherwise", () => {
    expect(route(new ProxyMatcher({ all: "a:3" }), "http://localhost/")).toBe("http://a:3");
    expect(route(new ProxyMatcher({ all: "a:3", loopback: false }), "http://localhost/")).toBe("direct");
  });

  test("a proxy that was read already is given as it is, with its credentials", () => {
    const proxy = parseProxy("socks5h://u:p@h");
    expect(new ProxyMatcher({ all: proxy }).intercept({ scheme: "http", host: "x", port: 80 })).toBe(proxy);
  });

  test("options that make no sense throw, and name what is wrong", () => {
    expect(() => new ProxyMatcher({ http: "gopher://h" })).toThrow(
      new TypeError(
        'ProxyMatcher: http must be a URL with one of the schemes http, https, socks4, socks4a, socks5, socks5h, but has "gopher"',
      ),
    );
    expect(() => new ProxyMatcher({ noProxy: 7 as never })).toThrow(
      new TypeError("ProxyMatcher: noProxy must be a string, or an array of strings"),
    );
    expect(() => new ProxyMatcher({ ftp: "h" } as never)).toThrow(new TypeError("ProxyMatcher: unknown option ftp"));
  });
});

describe("[hyper-230] ProxyMatcher.fromEnv", () => {
  test("HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, and the specific one beats ALL", () => {
    const matcher = ProxyMatcher.fromEnv(everything);
    expect(route(matcher, "http://x/")).toBe("http://h:1");
    expect(route(matcher, "https://x/")).toBe("http://s:2");
    expect(route(ProxyMatcher.fromEnv({ ALL_PROXY: "a:3" }), "http://x/")).toBe("http://a:3");
    expect(route(ProxyMatcher.fromEnv({ ALL_PROXY: "a:3", HTTPS_PROXY: "s:2" }), "https://x/")).toBe("http://s:2");
    expect(route(ProxyMatcher.fromEnv({}), "http://x/")).toBe("direct");
  });

  test("upper case first, then lower case; set to nothing is not set", () => {
    expect(route(ProxyMatcher.fromEnv({ HTTP_PROXY: "up:1", http_proxy: "low:1" }), "http://x/")).toBe("http://up:1");
    expect(route(ProxyMatcher.fromEnv({ HTTP_PROXY: "", http_proxy: "low:1" }), "http://x/")).toBe("http://low:1");
    expect(route(ProxyMatcher.fromEnv({ https_proxy: "low:2" }), "https://x/")).toBe("http://low:2");
    expect(route(ProxyMatcher.fromEnv({ all_proxy: "low:3" }), "https://x/")).toBe("http://low:3");
    const no = { ALL_PROXY: "a:3", NO_PROXY: "x", no_proxy: "y" };
    expect([route(ProxyMatcher.fromEnv(no), "http://x/"), route(ProxyMatcher.fromEnv(no), "http://y/")]).toEqual([
      "direct",
      "http://a:3",
    ]);
    expect(route(ProxyMatcher.fromEnv({ ALL_PROXY: "a:3", no_proxy: "y" }), "http://y/")).toBe("direct");
  });

  test("REQUEST_METHOD is set: this is a CGI program, and nothing is believed", () => {
    for (const method of ["GET", ""]) {
      const matcher = ProxyMatcher.fromEnv({ ...everything, http_proxy: "h:1", REQUEST_METHOD: method });
      expect([route(matcher, "http://x/"), route(matcher, "https://x/"), route(matcher, "ftp://x/")]).toEqual([
        "direct",
        "direct",
        "direct",
      ]);
    }
  });

  test("a proxy that cannot be read is ignored, as if it were not set", () => {
    for (const HTTP_PROXY of ["gopher://h", "http://", "http://h:99999", "socks5://:p@h"]) {
      expect(route(ProxyMatcher.fromEnv({ HTTP_PROXY }), "http://x/")).toBe("direct");
      expect(route(ProxyMatcher.fromEnv({ HTTP_PROXY, ALL_PROXY: "a:3" }), "http://x/")).toBe("http://a:3");
    }
  });

  test("all schemes, with credentials", () => {
    for (const scheme of ["http", "https", "socks4", "socks4a", "socks5", "socks5h"]) {
      const matcher = ProxyMatcher.fromEnv({ ALL_PROXY: `${scheme}://us%65r:p%40ss@h:1/path` });
      const proxy = matcher.intercept({ scheme: "https", host: "x", port: 443 });
      expect(proxy).toMatchObject({ scheme, host: "h", port: 1, auth: { username: "user", password: "p@ss" } });
    }
  });

  test("targets on this machine never get a proxy", () => {
    const matcher = ProxyMatcher.fromEnv(everything);
    for (const host of ["localhost", "a.localhost", "127.0.0.1", "127.1.2.3", "[::1]"]) {
      expect(route(matcher, `http://${host}:8080/`)).toBe("direct");
    }
    expect(route(matcher, "http://localhost.example/")).toBe("http://h:1");
  });

  test("by default it is the environment of the process, as it is when it is asked for", () => {
    const kept = process.env["ALL_PROXY"];
    process.env["ALL_PROXY"] = "only-here:3";
    try {
      expect(route(ProxyMatcher.fromEnv(), "gopher://x/")).toBe("http://only-here:3");
      expect(route(proxyFromEnv(), "gopher://x/")).toBe("http://only-here:3");
    } finally {
      if (kept === undefined) delete process.env["ALL_PROXY"];
      else process.env["ALL_PROXY"] = kept;
    }
    expect(route(proxyFromEnv(everything), "http://x/")).toBe("http://h:1");
  });
});

test("[pool-31] a matcher prints without credentials", () => {
  const matcher = new ProxyMatcher({ http: "http://Aladdin:sesame@h", all: "socks5://Ali:baba@s", noProxy: "x, y" });
  const shown = "ProxyMatcher <http: http://***@h:80; all: socks5://***@s:1080; noProxy: x, y>";
  expect([`${matcher}`, inspect(matcher), JSON.stringify(matcher)]).toEqual([shown, shown, "{}"]);
});
