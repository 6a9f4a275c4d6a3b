import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { parseProxy } from "./proxy-url.ts";

/** Everything there is to a proxy. */
function parts(text: string | URL): unknown {
  const { scheme, host, port, auth } = parseProxy(text);
  return { scheme, host, port, ...(auth === undefined ? {} : { user: auth.username, password: auth.password }) };
}

function refusal(text: unknown): string {
  try {
    parseProxy(text as string, "tunnel: proxy");
  } catch (error) {
    if (error instanceof TypeError) return error.message;
    throw error;
  }
  throw new Error("it was taken");
}

describe("parseProxy", () => {
  test.each([
    ["http://proxy.example", { scheme: "http", host: "proxy.example", port: 80 }],
    ["https://proxy.example", { scheme: "https", host: "proxy.example", port: 443 }],
    ["socks4://proxy.example", { scheme: "socks4", host: "proxy.example", port: 1080 }],
    ["socks4a://proxy.example", { scheme: "socks4a", host: "proxy.example", port: 1080 }],
    ["socks5://proxy.example", { scheme: "socks5", host: "proxy.example", port: 1080 }],
    ["socks5h://proxy.example", { scheme: "socks5h", host: "proxy.example", port: 1080 }],
    ["SOCKS5H://Proxy.Example:9050", { scheme: "socks5h", host: "proxy.example", port: 9050 }],
  ])("scheme and default port: %s", (text, expected) => {
    expect(parts(text)).toEqual(expected);
  });

  test.each([
    ["socks5://h:80", 80],
    ["socks5://h:443", 443],
    ["https://h:80", 80],
    ["http://h:443", 443],
    ["http://h:65535", 65_535],
  ])("a port that is another scheme's default is kept: %s", (text, port) => {
    expect(parseProxy(text).port).toBe(port);
  });

  test.each([
    ["proxy.example:3128", { scheme: "http", host: "proxy.example", port: 3128 }],
    ["proxy.example", { scheme: "http", host: "proxy.example", port: 80 }],
    ["localhost:3128", { scheme: "http", host: "localhost", port: 3128 }],
    ["127.0.0.1:3128", { scheme: "http", host: "127.0.0.1", port: 3128 }],
    ["[::1]:3128", { scheme: "http", host: "::1", port: 3128 }],
    ["u:p@proxy.example:3128", { scheme: "http", host: "proxy.example", port: 3128, user: "u", password: "p" }],
  ])("[hyper-230] without a scheme it is http: %s", (text, expected) => {
    expect(parts(text)).toEqual(expected);
  });

  test.each([
    ["http://u:p@h", "u", "p"],
    ["http://u@h", "u", ""],
    ["http://u:@h", "u", ""],
    ["http://:p@h", "", "p"],
    ["http://us%65r:p%40ss%2Fw%3Ard@h", "user", "p@ss/w:rd"],
    ["http://u:100%25@h", "u", "100%"],
    ["http://u:100%@h", "u", "100%"],
    ["http://u:%ff%41@h", "u", "%ff%41"],
    ["http://us%C3%A9r:w\u00f6rd@h", "us\u00e9r", "w\u00f6rd"],
    ["http://u:p@q@h", "u", "p@q"],
  ])("[hyper-230] user information, percent-decoded: %s", (text, user, password) => {
    expect(parts(text)).toEqual({ scheme: "http", host: "h", port: 80, user, password });
  });

  test("[hyper-230] Proxy-Authorization is there only with credentials, and has them in UTF-8", () => {
    expect(parseProxy("http://h").basicAuth).toBeUndefined();
    expect(parseProxy("http://Aladdin:open%20sesame@h").basicAuth).toBe("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    expect(parseProxy("http://u@h").basicAuth).toBe(`Basic ${Buffer.from("u:").toString("base64")}`);
    expect(parseProxy("http://%C3%A9:p@h").basicAuth).toBe(
      `Basic ${Buffer.from("\u00e9:p", "utf8").toString("base64")}`,
    );
  });

  test("path, query and fragment are dropped; blanks around it too; a URL object will do", () => {
    const expected = { scheme: "http", host: "h", port: 8080 };
    expect(parts("http://h:8080/a/b?c=d#e")).toEqual(expected);
    expect(parts(" h:8080/ ")).toEqual(expected);
    expect(parts(new URL("http://h:8080/x"))).toEqual(expected);
    expect(parts(new URL("socks5://u:p@[2001:DB8::1]"))).toEqual({
      scheme: "socks5",
      host: "2001:db8::1",
      port: 1080,
      user: "u",
      password: "p",
    });
  });

  test("credentials that are given beside the URL win over those in it", () => {
    const proxy = parseProxy("http://u:p@h", "proxy", { username: "v", password: "q" });
    expect(proxy.auth).toEqual({ username: "v", password: "q" });
    expect(parseProxy(proxy)).toBe(proxy);
    expect(parseProxy(proxy, "proxy", { username: "w", password: "" }).auth).toEqual({ username: "w", password: "" });
  });

  test.each([
    [
      "ftp://h",
      'tunnel: proxy must be a URL with one of the schemes http, https, socks4, socks4a, socks5, socks5h, but has "ftp"',
    ],
    ["", "tunnel: proxy must be the URL of a proxy, as a string or a URL"],
    [17, "tunnel: proxy must be the URL of a proxy, as a string or a URL"],
    ["http://h:0", "tunnel: proxy: the port of a proxy must be 1 to 65535, but is 0"],
    ["http://a%3Ab:c@h", "tunnel: proxy: the user must not contain a colon (RFC 7617 2)"],
    ["http://a:b%0ac@h", "tunnel: proxy: user and password must not contain control characters (RFC 7617 2)"],
    ["socks5://:secret@h", "tunnel: proxy: the user must be 1 to 255 octets of UTF-8, but is 0"],
    ["socks4://a%00b@h", "tunnel: proxy: the user must not contain NUL with SOCKS4"],
  ])("refused, and said why: %j", (text, message) => {
    expect(refusal(text)).toBe(message);
  });

  test.each([
    "http://",
    "http:///path",
    "http://h:99999",
    "http://h:x",
    "http://u:secret@",
    "http://u:se cret@h h/",
    "u:p/x:1@h",
  ])("no URL, and not shown, for it may hold a secret: %s", (text) => {
    expect(refusal(text)).toBe(
      "tunnel: proxy must be a URL such as http://proxy.example:3128, with credentials percent-encoded",
    );
  });

  test("SOCKS5: user and password of 255 octets pass, 256 do not", () => {
    const long = "\u00e9".repeat(127);
    expect(parseProxy(`socks5://${long}x:${long}y@h`).auth?.username).toBe(`${long}x`);
    expect(refusal(`socks5://${long}xy:p@h`)).toBe(
      "tunnel: proxy: the user must be 1 to 255 octets of UTF-8, but is 256",
    );
    expect(refusal(`socks5h://u:${long}xy@h`)).toBe(
      "tunnel: proxy: the password must be 0 to 255 octets of UTF-8, but is 256",
    );
    expect(refusal(`socks4a://${long}xy@h`)).toContain("the user must be 0 to 255 octets");
  });

  test("[pool-31] printed in whatever way, it shows that there are credentials and not which", () => {
    const proxy = parseProxy("socks5://Aladdin:sesame@[::1]");
    expect(`${proxy}`).toBe("socks5://***@[::1]:1080");
    expect(inspect(proxy)).toBe("ProxyUse <socks5://***@[::1]:1080>");
    expect(JSON.stringify({ proxy })).toBe('{"proxy":"socks5://***@[::1]:1080"}');
    expect(inspect(proxy.auth)).toBe("[credentials]");
    expect(JSON.stringify(proxy.auth)).toBe('"[credentials]"');
    expect(inspect(proxy, { showHidden: true, depth: 9 })).not.toMatch(/Aladdin|sesame/);
    expect(`${parseProxy("http://h:3128")}`).toBe("http://h:3128");
  });
});
