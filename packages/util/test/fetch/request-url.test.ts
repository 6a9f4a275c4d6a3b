/** The URL a handler sees, for all a client may say of host and path. */
import { HeaderMap } from "@sluice/body";
import { HttpRequest, type HttpVersion, RequestTarget } from "@sluice/core";
import { type FromFetchHandlerOptions, fromFetchHandler } from "@sluice/util/fetch";
import { describe, expect, test } from "vitest";

interface Said {
  readonly method?: string;
  readonly target?: string;
  readonly host?: string | undefined;
  readonly version?: HttpVersion;
  readonly fields?: Readonly<Record<string, string>>;
}

/** The URL, or the status of the refusal. */
async function urlFor(said: Said, options?: FromFetchHandlerOptions): Promise<string | number> {
  const { method = "GET", target = "/", version = "HTTP/1.1", fields = {} } = said;
  let url: string | undefined;
  const service = fromFetchHandler((request) => {
    url = request.url;
    return new Response();
  }, options);
  const headers = new HeaderMap(fields);
  const host = "host" in said ? said.host : "a.test";
  if (host !== undefined) headers.append("host", host);
  const request = new HttpRequest(method, RequestTarget.parse(target, method), headers).withVersion(version);
  const response = await service.call(request);
  return url ?? response.status;
}

describe("paths", () => {
  test.each([
    ["/", "/"],
    ["/a/b?c=d&e", "/a/b?c=d&e"],
    ["//b.test/x", "//b.test/x"],
    ["/a//b", "/a//b"],
    ["/a/../b", "/b"],
    ["/a/./b", "/a/b"],
    ["/%2e%2E/b", "/b"],
    ["/..", "/"],
    ["/.well-known/x", "/.well-known/x"],
    ["/a?b=../c", "/a?b=../c"],
    ["/a\\b", "/a/b"],
    ["/a?b\\c", "/a?b\\c"],
    ["/a'b?c'd", "/a'b?c%27d"],
    ["/a|b", "/a|b"],
    ["/%zz", "/%zz"],
    ["/a:b@c", "/a:b@c"],
    ["/:80/", "/:80/"],
    ["/@b.test/", "/@b.test/"],
    ["/?", "/?"],
  ])("%s", async (target, expected) => {
    const url = await urlFor({ target });
    expect(url).toBe(`http://a.test${expected}`);
    // As the platform spells it.
    expect(new URL(url).href).toBe(url);
  });
});

describe("hosts", () => {
  test.each([
    ["A.Test", "http://a.test/"],
    ["a.test:80", "http://a.test/"],
    ["a.test:443", "http://a.test:443/"],
    ["a.test:", "http://a.test/"],
    ["a_b.test:8080", "http://a_b.test:8080/"],
    ["127.1", "http://127.0.0.1/"],
    ["0x7f.0.0.1", "http://127.0.0.1/"],
    ["[::0001]:81", "http://[::1]:81/"],
    ["x.%41", "http://x.a/"],
    ["xn--bcher-kva.test", "http://xn--bcher-kva.test/"],
    ["256.256.256.256", 400],
    ["1.2.3.4.5", 400],
    ["[v1.a]", 400],
    ["a%2fb", 400],
    ["a%00", 400],
    ["", "http://localhost/"],
  ])("%s", async (host, expected) => {
    expect(await urlFor({ host })).toBe(expected);
  });

  test("a request that names no host is for defaultHost", async () => {
    expect(await urlFor({ host: undefined, version: "HTTP/1.0" })).toBe("http://localhost/");
    expect(await urlFor({ host: undefined }, { defaultHost: "B.test:81" })).toBe("http://b.test:81/");
  });

  test("an absolute target is heard before Host; what it says of the scheme is not", async () => {
    expect(await urlFor({ target: "https://b.test/x?y", host: "c.test" })).toBe("http://b.test/x?y");
    expect(await urlFor({ target: "http://b.test" })).toBe("http://b.test/");
    expect(await urlFor({ target: "http://b.test?x" })).toBe("http://b.test/?x");
  });

  test("targets without a path", async () => {
    expect(await urlFor({ target: "*", method: "OPTIONS" })).toBe("http://a.test/");
    expect(await urlFor({ target: "b.test:443", method: "CONNECT" })).toBe("http://b.test:443/");
  });

  test("more hosts than are remembered are all right", async () => {
    const service = fromFetchHandler((request) => new Response(null, { headers: { url: request.url } }));
    for (let i = 0; i < 600; i++) {
      const response = await service.call(new HttpRequest("GET", "/", [["host", `H${i % 300}.test`]]));
      expect(response.headers.get("url")).toBe(`http://h${i % 300}.test/`);
    }
  });
});

describe("schemes", () => {
  const https2: Said = { target: "https://a.test/", version: "HTTP/2" };

  test("the connection's, the option's, or on HTTP/2 the client's", async () => {
    expect(await urlFor({})).toBe("http://a.test/");
    expect(await urlFor({}, { io: { info: { secure: true } } })).toBe("https://a.test/");
    expect(await urlFor({}, { io: { info: {} } })).toBe("http://a.test/");
    expect(await urlFor({}, { io: {} })).toBe("http://a.test/");
    expect(await urlFor({}, { scheme: "https", io: {} })).toBe("https://a.test/");
    expect(await urlFor(https2)).toBe("https://a.test/");
    expect(await urlFor(https2, { io: { info: { secure: false } } })).toBe("http://a.test/");
    expect(await urlFor({ ...https2, target: "ftp://a.test/" })).toBe("http://a.test/");
  });

  test("what proxies say counts only when it is trusted, and then the last of it", async () => {
    const fields = { "x-forwarded-proto": "http, https", "x-forwarded-host": "evil.test, b.test" };
    expect(await urlFor({ fields })).toBe("http://a.test/");
    expect(await urlFor({ fields }, { trustProxy: true })).toBe("https://b.test/");
    expect(await urlFor({}, { trustProxy: true })).toBe("http://a.test/");
    expect(await urlFor({ fields: { "x-forwarded-proto": "javascript" } }, { trustProxy: true })).toBe(
      "http://a.test/",
    );
    for (const host of ["a b", "a/b", "a?b", "a#b", "a@b", ":a@b", "a\\\\b", "a:x"]) {
      expect(await urlFor({ fields: { "x-forwarded-host": host } }, { trustProxy: true })).toBe(400);
    }
  });
});
