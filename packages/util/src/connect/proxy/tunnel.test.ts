import { getEventListeners } from "node:events";
import { inspect } from "node:util";
import type { Io } from "@sluice/core";
import { HttpError } from "@sluice/core";
import {
  block,
  fakeTimer,
  memoryPair,
  type ScriptedIo,
  type ScriptedIoOptions,
  type ScriptStep,
  scriptedIo,
} from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { bytes, failure, readText, readToEnd, settle } from "../../../test/support/io.ts";
import { Connected, type Connector, type ConnectTarget } from "../connector.ts";
import { type TunnelOptions, tunnel } from "./tunnel.ts";

const target: ConnectTarget = { scheme: "https", host: "origin.example", port: 443 };
const request = "CONNECT origin.example:443 HTTP/1.1\r\nhost: origin.example:443\r\n\r\n";

/** A connector that gives `io` whatever is asked, and notes what was. */
function giving(io: Io, asked: ConnectTarget[] = []): Connector {
  return async (to) => {
    asked.push(to);
    return new Connected(io, { timings: { tcpMs: 3 } });
  };
}

/** A tunnel through a proxy that says `answer` once the request was written. */
async function through(
  answer: readonly ScriptStep[],
  options: Partial<TunnelOptions> = {},
  ioOptions: ScriptedIoOptions = {},
  to = target,
): Promise<{ readonly io: ScriptedIo; readonly outcome: Promise<Connected> }> {
  const io = scriptedIo([block, ...answer], { timer: fakeTimer(), ...ioOptions });
  const outcome = tunnel({ proxy: "http://proxy.example:3128", inner: giving(io), ...options })(to);
  outcome.catch(() => {});
  await settle();
  io.resume();
  await settle();
  return { io, outcome };
}

/** What becomes of the tunnel if the proxy says `answer`. */
async function refusal(answer: readonly ScriptStep[], options: Partial<TunnelOptions> = {}): Promise<HttpError> {
  const { io, outcome } = await through(answer, options);
  const error = await failure(outcome);
  expect(io.isAborted).toBe(true);
  if (!HttpError.is(error)) throw error;
  return error;
}

describe("[hyper-226] a tunnel through an HTTP proxy: the request", () => {
  test("CONNECT to host and port, Host the same, and nothing else; the proxy is who is connected to", async () => {
    const asked: ConnectTarget[] = [];
    const io = scriptedIo([block, "HTTP/1.1 200 OK\r\n\r\n"], { timer: fakeTimer() });
    const outcome = tunnel({ proxy: "proxy.example:3128", inner: giving(io, asked) })(target);
    await settle();
    expect(io.writtenText).toBe(request);
    expect(asked).toEqual([{ scheme: "http", host: "proxy.example", port: 3128 }]);
    io.resume();
    await outcome;
  });

  test.each([
    ["an IPv6 address is in brackets", { host: "2001:db8::1", port: 443 }, "[2001:db8::1]:443"],
    ["the port stands there although it is the default", { host: "a.example", port: 80 }, "a.example:80"],
    ["IPv4", { host: "192.0.2.1", port: 8443 }, "192.0.2.1:8443"],
  ])("%s", async (_, to, authority) => {
    const { io, outcome } = await through(["HTTP/1.1 200 OK\r\n\r\n"], {}, {}, { scheme: "http", ...to });
    await outcome;
    expect(io.writtenText).toBe(`CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n\r\n`);
  });

  test("credentials by the Basic scheme, of the URL or of auth, and further fields", async () => {
    const line = "proxy-authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n";
    for (const options of [
      { proxy: "http://Aladdin:open%20sesame@proxy.example" },
      { auth: { username: "Aladdin", password: "open sesame" } },
      { proxy: "http://other:one@proxy.example", auth: { username: "Aladdin", password: "open sesame" } },
      { headers: { "proxy-authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" } },
    ]) {
      const { io, outcome } = await through(["HTTP/1.1 200 OK\r\n\r\n"], options);
      await outcome;
      expect(io.writtenText).toBe(`${request.slice(0, -2)}${line}\r\n`);
    }
    const { io, outcome } = await through(["HTTP/1.1 200 OK\r\n\r\n"], {
      headers: [
        ["user-agent", "sluice"],
        ["x-a", "1"],
        ["x-a", "2"],
      ],
    });
    await outcome;
    expect(io.writtenText).toBe(`${request.slice(0, -2)}user-agent: sluice\r\nx-a: 1\r\nx-a: 2\r\n\r\n`);
  });

  test("a target that cannot be named is refused before anybody is asked", async () => {
    const asked: ConnectTarget[] = [];
    const connect = tunnel({ proxy: "proxy.example", inner: giving(scriptedIo(), asked) });
    for (const [host, port, code] of [
      ["", 443, "HOST_MISSING"],
      ["a\r\nx: y", 443, "HOST_INVALID"],
      ["fe80::1%eth0", 443, "HOST_INVALID"],
      ["a.example", 0, "PORT_INVALID"],
      ["a.example", 65_536, "PORT_INVALID"],
    ] as const) {
      expect(await failure(connect({ scheme: "https", host, port }))).toMatchObject({ kind: "user", code });
    }
    expect(asked).toEqual([]);
  });
});

describe("[hyper-226] a tunnel through an HTTP proxy: the answer", () => {
  test.each([
    "HTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.0 200 Connection established\r\n\r\n",
    "HTTP/1.1 200\r\n\r\n",
    "HTTP/1.1 299 Whatever\r\nvia: 1.1 proxy\r\nx: y\r\n\r\n",
    // RFC 9110 9.3.6: these mean nothing in a 2xx to CONNECT.
    "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
  ])("every 2xx opens it: %j", async (head) => {
    for (const tear of [undefined, 1, 2, 5]) {
      const options: ScriptedIoOptions = tear === undefined ? {} : { tear: [tear] };
      const { io, outcome } = await through([`${head}early`, " bytes", null], {}, options);
      const connected = await outcome;
      expect(await readToEnd(connected.io)).toBe("early bytes");
      io.takeWritten();
      connected.io.write([bytes("hello")]);
      expect([io.writtenText, io.isAborted]).toEqual(["hello", false]);
    }
  });

  test("what the connection is: not a proxied one any more, with the facts of the connection to the proxy", async () => {
    const timer = fakeTimer();
    const io = scriptedIo([block, "HTTP/1.1 200 OK\r\n\r\n"], {
      timer,
      info: { remoteAddress: "192.0.2.7", remotePort: 3128 },
    });
    const outcome = tunnel({ proxy: "http://u:p@proxy.example", inner: giving(io) })(target);
    await settle();
    timer.advance(40);
    io.resume();
    const connected = await outcome;
    expect(connected.timings).toEqual({ tcpMs: 3, proxyMs: 40 });
    expect([connected.proxied, connected.proxyFields, connected.alpn]).toEqual([false, [], undefined]);
    expect(connected.io.info).toEqual({ remoteAddress: "192.0.2.7", remotePort: 3128 });
    expect(timer.pending).toBe(0);
  });

  test("407: it wants credentials, or others", async () => {
    const head =
      'HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="r"\r\ncontent-length: 9\r\n\r\n';
    expect(await refusal([head])).toMatchObject({
      kind: "connect",
      code: "PROXY_AUTH_REQUIRED",
      message: "the proxy http://proxy.example:3128 wants credentials (407)",
    });
    expect(await refusal([head], { proxy: "http://Aladdin:sesame@proxy.example" })).toMatchObject({
      code: "PROXY_AUTH_REQUIRED",
      message: "the proxy http://***@proxy.example:80 does not take these credentials (407)",
    });
  });

  test.each([
    ["HTTP/1.1 403 Forbidden\r\ncontent-length: 9\r\n\r\n", 403],
    ["HTTP/1.1 502 Bad Gateway\r\n\r\nsome text", 502],
    ["HTTP/1.1 301 Moved\r\nlocation: http://elsewhere/\r\ntransfer-encoding: chunked\r\n\r\n", 301],
    ["HTTP/1.0 404 Not Found\r\n\r\n", 404],
  ])("any other status refuses, and its content is not waited for: %j", async (head, status) => {
    expect(await refusal([head])).toMatchObject({
      kind: "connect",
      code: "PROXY_REFUSED",
      message: `the proxy http://proxy.example:3128 answered with ${status}`,
    });
  });

  test("a head of maxHeadBytes passes, one byte more does not; 8,192 by default", async () => {
    const head = (length: number): string => `HTTP/1.1 200 OK\r\nx: ${"y".repeat(length - 24)}\r\n\r\n`;
    expect(head(100).length).toBe(100);
    for (const [options, limit] of [
      [{}, 8192],
      [{ maxHeadBytes: 100 }, 100],
    ] as const) {
      const { outcome } = await through([`${head(limit)}tunnelled`], options);
      expect(await readText((await outcome).io)).toBe("tunnelled");
      expect(await refusal([head(limit + 1)], options)).toMatchObject({
        kind: "connect",
        code: "PROXY_HEAD_TOO_LARGE",
      });
    }
    // Bytes are the only bound: many short lines pass.
    const lines = await through([`HTTP/1.1 200 OK\r\n${"a:\r\n".repeat(2000)}\r\ntunnelled`]);
    expect(await readText((await lines.outcome).io)).toBe("tunnelled");
    // Before the end of it, too.
    expect(await refusal(["HTTP/1.1 200 ".padEnd(9000, "y")])).toMatchObject({ code: "PROXY_HEAD_TOO_LARGE" });
    expect(await refusal([`HTTP/1.1 200 OK\r\n${"a:\r\n".repeat(2100)}`])).toMatchObject({
      code: "PROXY_HEAD_TOO_LARGE",
    });
  });

  test.each([
    "",
    "H",
    "HTTP/1.1 200 OK",
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 200 OK\r\nx: y\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
  ])("the end of the stream before the end of the head: %j", async (head) => {
    for (const pieces of [head === "" ? [] : [head], [...head]]) {
      expect(await refusal([...pieces, null])).toMatchObject({ kind: "connect", code: "PROXY_CLOSED" });
    }
  });

  test("a reset keeps its errno", async () => {
    const reset = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    expect(await refusal([reset])).toMatchObject({ kind: "connect", code: "ECONNRESET" });
    expect(await refusal(["HTTP/1.1 2", reset])).toMatchObject({ kind: "connect", code: "ECONNRESET" });
  });

  test.each([
    ["\x05\x00", undefined],
    ["SSH-2.0-OpenSSH\r\n", "INVALID_STATUS_LINE"],
    ["HTTP/1.1 2x0 OK\r\n", "INVALID_STATUS"],
    ["HTTP/2.0 200 OK\r\n", "VERSION"],
    ["HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "UNEXPECTED_UPGRADE"],
    ["HTTP/1.1 103 Early Hints\r\n\r\n".repeat(9), "TOO_MANY_INFORMATIONAL"],
  ])("what is not HTTP/1: %j", async (answer, code) => {
    const error = await refusal([answer]);
    expect(error).toMatchObject({ kind: "connect", code: "PROXY_PROTOCOL" });
    expect(error.message).toContain(code ?? "");
  });

  test("a proxy that speaks unasked, or goes before it is asked", async () => {
    const io = scriptedIo(["HTTP/1.1 200 OK\r\n\r\n"], { timer: fakeTimer() });
    const error = await failure(tunnel({ proxy: "proxy.example", inner: giving(io) })(target));
    expect(error).toMatchObject({ kind: "connect", code: "PROXY_PROTOCOL" });
    expect([io.writtenText, io.isAborted]).toEqual(["", true]);
    const ended = scriptedIo([null], { timer: fakeTimer() });
    expect(await failure(tunnel({ proxy: "proxy.example", inner: giving(ended) })(target))).toMatchObject({
      kind: "connect",
      code: "PROXY_CLOSED",
    });
  });
});

describe("a tunnel that is given up", () => {
  test("timeoutMs, 10,000 by default, from the connection to the end of the head", async () => {
    for (const [options, limit] of [
      [{}, 10_000],
      [{ timeoutMs: 70 }, 70],
    ] as const) {
      const timer = fakeTimer();
      const { io, outcome } = await through(["HTTP/1.1 200 OK\r\n"], options, { timer });
      timer.advance(limit - 1);
      expect(io.isAborted).toBe(false);
      timer.advance(1);
      expect(io.isAborted).toBe(true);
      expect(await failure(outcome)).toMatchObject({
        kind: "timeout",
        message: `asking the proxy http://proxy.example:3128 for a tunnel took longer than timeoutMs allows (${limit} ms)`,
      });
      expect(timer.pending).toBe(0);
    }
  });

  test("0 is no limit, and the time of the tunnel itself has none", async () => {
    const timer = fakeTimer();
    const { outcome } = await through([block, "HTTP/1.1 200 OK\r\n\r\n"], { timeoutMs: 0 }, { timer });
    expect(timer.pending).toBe(0);
    outcome.catch(() => {});
    const opened = await through(["HTTP/1.1 200 OK\r\n\r\n"], {}, { timer });
    await opened.outcome;
    timer.advance(1e9);
    expect(opened.io.isAborted).toBe(false);
  });

  test("by its signal: before, while the proxy is connected to, while it is asked; not afterwards", async () => {
    const reason = new Error("enough");
    const canceled = { kind: "canceled", code: "CANCELED", cause: reason };
    const controller = new AbortController();
    const io = scriptedIo([block, "HTTP/1.1 200 OK\r\n\r\n"], { timer: fakeTimer() });
    const connect = tunnel({ proxy: "proxy.example", inner: giving(io) });
    const outcome = failure(connect(target, controller.signal));
    await settle();
    expect(io.writtenText).toBe(request);
    controller.abort(reason);
    expect(io.isAborted).toBe(true);
    expect(await outcome).toMatchObject(canceled);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);

    const late = scriptedIo([], { timer: fakeTimer() });
    expect(await failure(tunnel({ proxy: "p", inner: giving(late) })(target, controller.signal))).toMatchObject(
      canceled,
    );
    expect([late.isAborted, late.writtenText]).toEqual([true, ""]);

    const used = new AbortController();
    const opened = scriptedIo([block, "HTTP/1.1 200 OK\r\n\r\n"], { timer: fakeTimer() });
    const connected = tunnel({ proxy: "p", inner: giving(opened) })(target, used.signal);
    await settle();
    opened.resume();
    await connected;
    expect(getEventListeners(used.signal, "abort")).toEqual([]);
    used.abort(reason);
    expect(opened.isAborted).toBe(false);
  });

  test("an inner connector that fails is heard; it is given the signal", async () => {
    const refusedBy = new HttpError("connect", "ECONNREFUSED", "no");
    let given: AbortSignal | undefined;
    const inner: Connector = (_, signal) => {
      given = signal;
      return Promise.reject(refusedBy);
    };
    const { signal } = new AbortController();
    expect(await failure(tunnel({ proxy: "p", inner })(target, signal))).toBe(refusedBy);
    expect(given).toBe(signal);
    const other = tunnel({ proxy: "http://u:secret@p", inner: () => Promise.reject(new Error("odd")) });
    expect(await failure(other(target))).toMatchObject({
      kind: "connect",
      code: "CONNECT_FAILED",
      message: "connecting to the proxy http://***@p:80 failed: odd",
    });
  });
});

test("tunnels stand in one another: the times of the proxies are added", async () => {
  const timer = fakeTimer();
  const [client, proxy] = memoryPair({ timer });
  const first = tunnel({ proxy: "http://a:1", inner: giving(client) });
  const outcome = tunnel({ proxy: "http://b:2", inner: first })(target);
  expect(await readText(proxy)).toBe("CONNECT b:2 HTTP/1.1\r\nhost: b:2\r\n\r\n");
  timer.advance(5);
  proxy.write([bytes("HTTP/1.1 200 OK\r\n\r\n")]);
  expect(await readText(proxy)).toBe(request);
  timer.advance(7);
  proxy.write([bytes("HTTP/1.1 200 OK\r\n\r\nhello")]);
  const connected = await outcome;
  expect(await readText(connected.io)).toBe("hello");
  expect(connected.timings.proxyMs).toBe(12);
});

test("options that make no sense throw at once", () => {
  const refused = (options: object): unknown => {
    try {
      tunnel(options as TunnelOptions);
    } catch (error) {
      return `${error}`;
    }
    return "taken";
  };
  expect(refused({ proxy: "h", retries: 1 })).toBe("TypeError: tunnel: unknown option retries");
  expect(refused({})).toBe("TypeError: tunnel: proxy must be the URL of a proxy, as a string or a URL");
  expect(refused({ proxy: "socks5://h" })).toBe(
    "TypeError: tunnel: proxy must be one of http or https, but is one of socks5",
  );
  expect(refused({ proxy: "h", timeoutMs: -1 })).toMatch(/^RangeError: tunnel: timeoutMs /);
  expect(refused({ proxy: "h", maxHeadBytes: 0 })).toMatch(
    /^RangeError: tunnel: maxHeadBytes .* from 1 to 65536, got 0$/,
  );
  expect(refused({ proxy: "h", tls: { alpn: ["h2"] } })).toBe("TypeError: tunnel: tls must not have alpn");
  expect(refused({ proxy: "h", tls: { cafile: "x" } })).toMatch(/^TypeError: .*cafile/);
  expect(refused({ proxy: "h", headers: { Host: "x" } })).toBe("TypeError: tunnel: headers must not have host");
  expect(refused({ proxy: "h", headers: { "content-length": "1" } })).toBe(
    "TypeError: tunnel: headers must not have content-length",
  );
  expect(refused({ proxy: "u:p@h", headers: { "Proxy-Authorization": "x" } })).toBe(
    "TypeError: tunnel: headers must not have proxy-authorization beside credentials in auth or in the URL",
  );
});

describe("[pool-31] credentials appear nowhere but on the wire", () => {
  const basic = "Basic QWxhZGRpbjpzZXNhbWU=";
  const secret = /Aladdin|sesame|QWxhZGRpbjpzZXNhbWU=/;

  test.each([
    ["an echo in the reason", [`HTTP/1.1 407 ${basic}\r\n\r\n`]],
    ["an echo in a status line that is none", [`${basic}\r\n\r\n`]],
    ["an echo in a field that is none", [`HTTP/1.1 200 OK\r\n${basic}\x01\r\n\r\n`]],
    ["an echo instead of content-length", [`HTTP/1.1 200 OK\r\ncontent-length: ${basic}\r\n\r\n`]],
    ["an echo that is too long", [`HTTP/1.1 200 ${`${basic} `.repeat(500)}`]],
    ["an end", [null]],
    ["a reset", [Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" })]],
  ])("an error after %s does not show them, however deep one looks", async (_, answer) => {
    const error = await refusal(answer, { proxy: "http://Aladdin:sesame@proxy.example" });
    expect(inspect(error, { depth: 20, showHidden: true })).not.toMatch(secret);
    expect(`${error.stack}`).not.toMatch(secret);
  });

  test("options that are refused do not show them", () => {
    for (const options of [
      { proxy: "ftp://Aladdin:sesame@h" },
      { proxy: "http://Aladdin:sesame@h:x" },
      { proxy: "h", auth: { username: "Aladdin:", password: "sesame" } },
      { proxy: "h", auth: { username: "Aladdin", password: "sesame\n" } },
      { proxy: "h", headers: { "proxy-authorization": "Basic QWxhZGRpbjpzZXNhbWU=\n" } },
      { proxy: "http://Aladdin:sesame@h", timeoutMs: -1 },
    ]) {
      expect(() => tunnel(options)).toThrow();
      try {
        tunnel(options);
      } catch (error) {
        expect(inspect(error)).not.toMatch(secret);
      }
    }
  });
});
