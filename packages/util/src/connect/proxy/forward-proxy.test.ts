import { inspect } from "node:util";
import { scriptedIo } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { failure } from "../../../test/support/io.ts";
import { Connected, type Connector, type ConnectTarget } from "../connector.ts";
import { forwardProxy } from "./forward-proxy.ts";

const target: ConnectTarget = { scheme: "http", host: "origin.example", port: 80 };

describe("forwardProxy", () => {
  test("connects to the proxy, whatever the target, and says nothing", async () => {
    const io = scriptedIo();
    const asked: ConnectTarget[] = [];
    const inner: Connector = async (to) => {
      asked.push(to);
      return new Connected(io, { timings: { tcpMs: 3 } });
    };
    const connected = await forwardProxy({ proxy: "http://proxy.example:3128", inner })(target);
    expect(asked).toEqual([{ scheme: "http", host: "proxy.example", port: 3128 }]);
    expect([connected.io, connected.proxied, connected.timings]).toEqual([io, true, { tcpMs: 3 }]);
    expect(connected.proxyFields).toEqual([]);
    expect([io.writtenText, io.isReading]).toEqual(["", false]);
  });

  test("credentials and fields are for each request; [pool-31] they do not show when the connection is printed", async () => {
    const inner: Connector = async () => new Connected(scriptedIo());
    const headers = { "x-tenant": "confidential" };
    const connected = await forwardProxy({ proxy: "http://Aladdin:sesame@p", inner, headers })(target);
    expect([...connected.proxyFields].map(([name, value]) => `${name}: ${value}`)).toEqual([
      "proxy-authorization: Basic QWxhZGRpbjpzZXNhbWU=",
      "x-tenant: confidential",
    ]);
    expect(inspect(connected.proxyFields)).toBe("[ [ 'proxy-authorization', hidden ], [ 'x-tenant', hidden ] ]");
    for (const shown of [inspect(connected, { depth: 9 }), JSON.stringify(connected.proxyFields)]) {
      expect(shown).not.toMatch(/QWxhZGRpbjpzZXNhbWU|sesame|confidential/);
    }
  });

  test("with any scheme but http the proxy would read what is not meant for it", async () => {
    let asked = 0;
    const inner: Connector = async () => {
      asked++;
      return new Connected(scriptedIo());
    };
    const connect = forwardProxy({ proxy: "p", inner });
    for (const scheme of ["https", "wss", ""]) {
      expect(await failure(connect({ ...target, scheme }))).toMatchObject({ kind: "user", code: "PROXY_SCHEME" });
    }
    expect(asked).toBe(0);
  });

  test("options that make no sense throw at once", () => {
    expect(() => forwardProxy({ proxy: "socks5://h" })).toThrow(
      new TypeError("forwardProxy: proxy must be one of http or https, but is one of socks5"),
    );
    expect(() => forwardProxy({ proxy: "h", timeoutMs: 1 } as never)).toThrow(
      new TypeError("forwardProxy: unknown option timeoutMs"),
    );
    expect(() => forwardProxy({ proxy: "h", headers: { connection: "close" } })).toThrow(
      new TypeError("forwardProxy: headers must not have connection"),
    );
  });
});
