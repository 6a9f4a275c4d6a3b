import { block, fakeTimer, type ScriptedIo, scriptedIo } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { failure, readText, settle } from "../../../test/support/io.ts";
import { Connected, type Connector, type ConnectTarget } from "../connector.ts";
import { proxyConnector } from "./proxy-connector.ts";
import { ProxyMatcher, type ProxyRules } from "./proxy-matcher.ts";
import { parseProxy } from "./proxy-url.ts";
import type { ProxyUse } from "./proxy-use.ts";

const http: ConnectTarget = { scheme: "http", host: "origin.example", port: 80 };
const https: ConnectTarget = { scheme: "https", host: "origin.example", port: 443 };

interface Network {
  readonly inner: Connector;
  readonly asked: string[];
  readonly made: ScriptedIo[];
}

/** Connections whose peer says `answer` when it is resumed. */
function network(answer = "HTTP/1.1 200 OK\r\n\r\nhello"): Network {
  const asked: string[] = [];
  const made: ScriptedIo[] = [];
  const inner: Connector = async ({ scheme, host, port }) => {
    asked.push(`${scheme}://${host}:${port}`);
    const io = scriptedIo([block, answer], { timer: fakeTimer() });
    made.push(io);
    return new Connected(io);
  };
  return { inner, asked, made };
}

/** Connects, and lets the proxy answer. */
async function reach(connect: Connector, target: ConnectTarget, { made }: Network): Promise<Connected> {
  const outcome = connect(target);
  outcome.catch(() => {});
  await settle();
  made.at(-1)?.resume();
  return await outcome;
}

describe("proxyConnector", () => {
  test("no proxy: inner, with the very target", async () => {
    const net = network();
    const connect = proxyConnector({
      matcher: new ProxyMatcher({ all: "p", noProxy: "origin.example" }),
      inner: net.inner,
    });
    const connected = await connect(https);
    expect(net.asked).toEqual(["https://origin.example:443"]);
    expect([connected.proxied, net.made[0]?.writtenText]).toEqual([false, ""]);
  });

  test("an http target is forwarded, never tunnelled; another scheme is tunnelled, never forwarded", async () => {
    const net = network();
    const connect = proxyConnector({
      matcher: new ProxyMatcher({ all: "http://u:p@proxy.example:3128" }),
      inner: net.inner,
    });
    const forwarded = await connect(http);
    expect([forwarded.proxied, forwarded.proxyFields.length, net.made[0]?.writtenText]).toEqual([true, 1, ""]);

    for (const scheme of ["https", "wss"]) {
      const tunnelled = await reach(connect, { ...https, scheme }, net);
      expect([tunnelled.proxied, tunnelled.proxyFields, await readText(tunnelled.io)]).toEqual([false, [], "hello"]);
      expect(net.made.at(-1)?.writtenText).toBe(
        "CONNECT origin.example:443 HTTP/1.1\r\nhost: origin.example:443\r\nproxy-authorization: Basic dTpw\r\n\r\n",
      );
    }
    expect(net.asked).toEqual(Array(3).fill("http://proxy.example:3128"));
  });

  test("SOCKS carries any scheme", async () => {
    for (const target of [http, https]) {
      const net = network("\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00hello");
      const connect = proxyConnector({
        matcher: new ProxyMatcher({ all: "socks5h://proxy.example" }),
        inner: net.inner,
      });
      const connected = await reach(connect, target, net);
      expect([connected.proxied, await readText(connected.io)]).toEqual([false, "hello"]);
      expect(net.asked).toEqual(["http://proxy.example:1080"]);
    }
  });

  test("names are resolved by the resolver for socks5, and with no other", async () => {
    const asked: string[] = [];
    const resolver = {
      async *resolve(host: string) {
        asked.push(host);
        yield [{ address: "192.0.2.1", family: 4 as const }];
      },
    };
    const net = network("\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00");
    const matcher = new ProxyMatcher({ http: "socks5://p", https: "socks5h://p" });
    const connect = proxyConnector({ matcher, inner: net.inner, resolver });
    await reach(connect, http, net);
    await reach(connect, https, net);
    expect(asked).toEqual(["origin.example"]);
  });

  test("timeoutMs is for the answers of any proxy", async () => {
    for (const all of ["http://p", "socks5h://p"]) {
      const timer = fakeTimer();
      const inner: Connector = async () => new Connected(scriptedIo([], { timer }));
      const outcome = failure(proxyConnector({ matcher: new ProxyMatcher({ all }), inner, timeoutMs: 70 })(https));
      await settle();
      timer.advance(70);
      expect(await outcome).toMatchObject({ kind: "timeout" });
    }
  });

  test("the matcher is asked for each target, may be anything with intercept, and may give new objects each time", async () => {
    const net = network();
    const targets: ConnectTarget[] = [];
    const matcher: ProxyRules = {
      intercept(target): ProxyUse | undefined {
        targets.push(target as ConnectTarget);
        return target.port === 80 ? undefined : parseProxy(`http://u${target.port}:p@proxy.example`);
      },
    };
    const connect = proxyConnector({ matcher, inner: net.inner });
    await connect(http);
    for (let port = 1000; port < 1100; port++) {
      await reach(connect, { ...https, port }, net);
      const basic = Buffer.from(`u${port}:p`).toString("base64");
      expect(net.made.at(-1)?.writtenText).toContain(`\r\nproxy-authorization: Basic ${basic}\r\n`);
    }
    expect(targets.length).toBe(101);
  });

  test("a matcher that throws rejects", async () => {
    const broken = new Error("broken");
    const matcher: ProxyRules = {
      intercept: () => {
        throw broken;
      },
    };
    expect(await failure(proxyConnector({ matcher, inner: network().inner })(http))).toBe(broken);
  });

  test("options that make no sense throw at once", () => {
    expect(() => proxyConnector({} as never)).toThrow(new TypeError("proxyConnector: matcher is missing"));
    expect(() => proxyConnector({ matcher: {} as never })).toThrow(/^proxyConnector: matcher must be an object/);
    expect(() => proxyConnector({ matcher: new ProxyMatcher(), tls: { inner: 1 } as never })).toThrow(
      new TypeError("proxyConnector: tls must not have inner"),
    );
    expect(() => proxyConnector({ matcher: new ProxyMatcher(), proxy: "p" } as never)).toThrow(
      new TypeError("proxyConnector: unknown option proxy"),
    );
  });
});
