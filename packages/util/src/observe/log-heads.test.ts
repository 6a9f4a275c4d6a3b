import { full, HeaderMap } from "@sluice/body";
import { HttpRequest, HttpResponse, type Observer, sendInformational, serviceFn } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { memoryPair } from "@sluice/util/memory";
import { nodeTimer } from "@sluice/util/node";
import { describe, expect, test } from "vitest";
import { loggedFields } from "./log-heads.ts";
import { type WireLogOptions, wireLog } from "./wire-log.ts";

const secret = "hunter2";

function logging(options: WireLogOptions): { readonly lines: string[]; readonly observer: Observer } {
  const lines: string[] = [];
  return { lines, observer: wireLog((line) => lines.push(line), { now: () => 7, ...options }) };
}

describe("loggedFields", () => {
  test("secrets are redacted by name, or because they are marked; queries are left out of URIs", () => {
    const secrets = [
      "authorization",
      "proxy-authorization",
      "cookie",
      "set-cookie",
      "authentication-info",
      "x-api-key",
      "x-apikey",
      "x-csrf-token",
      "x-amz-security-token",
      "client-secret",
      "x-session-id",
      "x-goog-iam-credential",
      "sec-websocket-key-signature",
    ];
    const headers = new HeaderMap(secrets.map((name): [string, string] => [name, secret]));
    headers.append("x-plain", secret, { sensitive: true });
    headers.append("location", `https://a.example/path?code=${secret}#x`);
    headers.append("referer", `https://a.example/#${secret}`);
    headers.append("content-location", "/plain");
    headers.append("accept", "a?b");
    const fields = loggedFields(headers);
    expect(JSON.stringify(fields)).not.toContain(secret);
    expect(fields).toEqual([
      ...secrets.map((name) => [name, "[sensitive]"]),
      ["x-plain", "[sensitive]"],
      ["location", "https://a.example/path?[query]"],
      ["referer", "https://a.example/?[query]"],
      ["content-location", "/plain"],
      ["accept", "a?b"],
    ]);
  });
});

describe("wireLog with heads", () => {
  test("requests and responses have fields, a path without its query, and the number of the exchange", () => {
    const { lines, observer } = logging({ heads: true, connection: "c" });
    const request = new HttpRequest("GET", `https://a.example/path?${secret}`, { cookie: secret, accept: "text/html" });
    const response = new HttpResponse(200, { "set-cookie": secret, "content-type": "text/plain" }, full(secret));
    observer.requestStarted?.(request);
    observer.requestStarted?.(new HttpRequest("OPTIONS", "*"));
    observer.informational?.(request, 103, new HeaderMap({ link: "</a>" }));
    observer.responseStarted?.(request, response);
    observer.exchangeEnded?.(request);
    expect(lines).toEqual([
      '{"t":0,"c":"c","ev":"request","method":"GET","scheme":"https","exchange":1,"authority":"a.example","path":"/path?[query]","fields":[["cookie","[sensitive]"],["accept","text/html"]]}',
      '{"t":0,"c":"c","ev":"request","method":"OPTIONS","exchange":2,"path":"*","fields":[]}',
      '{"t":0,"c":"c","ev":"interim","status":103,"exchange":1,"fields":[["link","</a>"]]}',
      '{"t":0,"c":"c","ev":"response","status":200,"exchange":1,"fields":[["set-cookie","[sensitive]"],["content-type","text/plain"]]}',
      '{"t":0,"c":"c","ev":"end","exchange":1}',
    ]);
  });

  test("over HTTP/2 requests name their streams, also those that had to wait, on both sides", async () => {
    const [a, b] = memoryPair({ timer: nodeTimer });
    const [atServer, atClient] = [logging({ heads: true }), logging({ heads: true })];
    const release: (() => void)[] = [];
    const service = serviceFn(async (request) => {
      if (request.target.path === "/0") sendInformational(request, 103);
      await new Promise<void>((resolve) => release.push(resolve));
      return new HttpResponse(200, { "x-path": request.target.path });
    });
    const server = http2.serve(b, service, { observer: atServer.observer, maxConcurrentStreams: 2 });
    const { sender, connection } = await http2.handshake(a, { observer: atClient.observer, initialMaxStreams: 2 });
    const seen = (type: string, stream: number): boolean =>
      atServer.lines.some((line) => line.includes(`"ev":"in","type":"${type}","stream":${stream},`));
    const controllers = [0, 1, 2, 3, 4].map(() => new AbortController());
    const sent = controllers.map(async ({ signal }, index) =>
      sender.send(HttpRequest.get(`http://a.example/${index}`), { signal }).then(
        ({ status }) => status,
        () => "canceled",
      ),
    );
    await expect.poll(() => release.length).toBe(2);
    // Its service goes on, so that the next ones wait at the server.
    controllers[0]?.abort();
    await sent[0];
    await expect.poll(() => seen("HEADERS", 5)).toBe(true);
    // What waits is given up too, and is never told of.
    controllers[2]?.abort();
    await sent[2];
    await expect.poll(() => seen("RST_STREAM", 5)).toBe(true);
    for (let at = 0; at < 4; at++) {
      await expect.poll(() => release.length).toBeGreaterThan(at);
      release[at]?.();
    }
    expect(await Promise.all(sent)).toEqual(["canceled", 200, "canceled", 200, 200]);
    connection.gracefulShutdown();
    await Promise.all([connection.closed, server.closed]);
    const requests = (lines: string[]): unknown[] =>
      lines
        .map((line) => JSON.parse(line))
        .filter(({ ev }) => ev === "request")
        .map(({ exchange, stream, path }) => [exchange, stream, path]);
    expect(requests(atServer.lines)).toEqual([
      [1, 1, "/0"],
      [2, 3, "/1"],
      [3, 7, "/3"],
      [4, 9, "/4"],
    ]);
    expect(requests(atClient.lines)).toEqual([
      [1, 1, "/0"],
      [2, 3, "/1"],
      [3, 5, "/2"],
      [4, 7, "/3"],
      [5, 9, "/4"],
    ]);
  });
});

describe("wireLog with bytes and an origin", () => {
  test("bytes are those of the transport", () => {
    const { lines, observer } = logging({ bytes: true });
    observer.bytesRead?.(3);
    observer.bytesWritten?.(40);
    expect(lines).toEqual(['{"t":0,"ev":"read","bytes":3}', '{"t":0,"ev":"write","bytes":40}']);
  });

  test("times count from the origin", () => {
    const { lines, observer } = logging({ origin: 2.5 });
    observer.connectionClosed?.();
    expect(lines).toEqual(['{"t":4.5,"ev":"close"}']);
  });

  test("options are checked", () => {
    expect(() => wireLog(() => {}, { origin: Number.NaN })).toThrow("wireLog: origin must be a finite number, got NaN");
    const heads = "yes" as unknown as boolean;
    expect(() => wireLog(() => {}, { heads })).toThrow("wireLog: heads must be true or false, got yes");
  });

  test("without them there are no such methods, which would cost something", () => {
    expect(Object.keys(logging({}).observer)).not.toContain("bytesRead");
  });
});
