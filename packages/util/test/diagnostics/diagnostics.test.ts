/** What is published on channels, and that nothing is while nobody listens. */
import { channel, subscribe, unsubscribe } from "node:diagnostics_channel";
import { full, type HeaderMap } from "@sluice/body";
import { HttpError, HttpRequest, HttpResponse, sendInformational } from "@sluice/core";
import { clientDiagnostics, serverDiagnostics } from "@sluice/util/diagnostics";
import { observeAll } from "@sluice/util/observe";
import { describe, expect, test } from "vitest";
import { fetchText, newClient, rejection, text, until } from "../client/support.ts";
import { serve } from "../otel/support.ts";

const connectionNames = [
  ...["request:start", "request:informational", "response:start", "request:end", "connection:end"],
  ...["h2:stream", "h2:stalled", "h2:defence", "h2:ping", "h2:frame:received", "h2:frame:sent"],
];
const serverNames = [...connectionNames, "service:error"];
const clientNames = [
  ...connectionNames,
  ...["connect:start", "connect:end", "connect:error", "pool:queued", "pool:assigned", "pool:retried", "pool:lost"],
];

interface Heard extends Disposable {
  /** Names of channels, without `sluice:http:`, and messages. */
  readonly messages: (readonly [name: string, message: Record<string, unknown>])[];
  readonly names: string[];
}

/** Listens to `names`, all of them unless told otherwise, until it is disposed of. */
function listening(side: "server" | "client", names = side === "server" ? serverNames : clientNames): Heard {
  const messages: [string, Record<string, unknown>][] = [];
  const hear = (message: unknown, name: string | symbol): void =>
    void messages.push([String(name).replace("sluice:http:", ""), message as Record<string, unknown>]);
  for (const name of names) subscribe(`sluice:http:${side}:${name}`, hear);
  return {
    messages,
    get names() {
      return messages.map(([name]) => name);
    },
    [Symbol.dispose]: () => {
      for (const name of names) unsubscribe(`sluice:http:${side}:${name}`, hear);
    },
  };
}

describe.each(["http1", "http2"] as const)("%s", (version) => {
  test("an exchange, seen from both sides, and the pool", async () => {
    const h2 = (names: readonly string[]): string[] => names.filter((name) => !name.includes("h2:"));
    using server = listening("server");
    using client = listening("client");
    await using served = await serve(
      (request) => {
        sendInformational(request, 103, { link: "</a>" });
        return new HttpResponse(200, {}, full("hello"));
      },
      { observer: serverDiagnostics() },
    );
    const own = newClient({ version, observer: clientDiagnostics() });
    expect(await fetchText(own, served.url)).toBe("hello");
    expect(await fetchText(own, served.url)).toBe("hello");
    await own.close();
    await until(() => server.names.includes("server:connection:end"));
    const exchange = ["request:start", "request:informational", "response:start", "request:end"];
    expect(h2(server.names)).toEqual([...exchange, ...exchange, "connection:end"].map((name) => `server:${name}`));
    expect(h2(client.names)).toEqual(
      [
        ...["pool:queued", "connect:start", "connect:end", "pool:assigned", ...exchange],
        ...["pool:assigned", ...exchange, "connection:end", "pool:lost"],
      ].map((name) => `client:${name}`),
    );
    expect(server.names.includes("server:h2:stream")).toBe(version === "http2");

    const [, started] = client.messages.find(([name]) => name === "client:request:start") ?? [];
    expect(started?.["request"]).toBeInstanceOf(HttpRequest);
    const assigned = client.messages.filter(([name]) => name === "client:pool:assigned").map(([, message]) => message);
    expect(assigned.map(({ origin, isReused }) => [origin, isReused])).toEqual([
      [served.url, false],
      [served.url, true],
    ]);
    const [, interim] = server.messages.find(([name]) => name === "server:request:informational") ?? [];
    const fields = interim?.["headers"] as HeaderMap | undefined;
    expect([interim?.["status"], fields?.get("link")]).toEqual([103, "</a>"]);
    const [, end] = server.messages.find(([name]) => name === "server:request:end") ?? [];
    expect(end).toEqual({ request: expect.any(HttpRequest), error: undefined });
  });

  test("a service that fails, and a connection that cannot be made", async () => {
    using server = listening("server", ["service:error", "request:end"]);
    using client = listening("client", ["connect:error", "request:end"]);
    const failure = new Error("broken");
    await using served = await serve(
      () => {
        throw failure;
      },
      { observer: serverDiagnostics() },
    );
    await using own = newClient({ version, observer: clientDiagnostics(), maxRetries: 0 });
    if (version === "http1") await text(await own.get(served.url));
    else await rejection(own.get(served.url));
    await until(() => server.names.length === 2);
    expect(server.messages[0]).toEqual(["server:service:error", { request: expect.any(HttpRequest), error: failure }]);
    expect(server.messages[1]?.[1]["error"]).toMatchObject({ code: "SERVICE_FAILED" });

    const refused = new HttpError("connect", "ECONNREFUSED", "refused");
    await using other = newClient({ version, observer: clientDiagnostics(), connector: () => Promise.reject(refused) });
    await rejection(other.get("http://example.org/"));
    expect(client.messages.at(-1)).toEqual([
      "client:connect:error",
      { origin: "http://example.org:80", error: refused },
    ]);
  });
});

test("stalls, defences, pings and lost streams of HTTP/2", () => {
  using server = listening("server");
  using client = listening("client");
  for (const observer of [serverDiagnostics(), clientDiagnostics()]) {
    observer.stalled?.(3, "stream window");
    observer.defenceCounted?.("resets", 2);
    observer.pingAnswered?.(1.5);
    observer.streamChanged?.(3, "open", "closed");
  }
  for (const [side, { messages }] of [
    ["server", server],
    ["client", client],
  ] as const) {
    expect(messages).toEqual([
      [`${side}:h2:stalled`, { streamId: 3, by: "stream window" }],
      [`${side}:h2:defence`, { name: "resets", count: 2 }],
      [`${side}:h2:ping`, { rttMs: 1.5 }],
      [`${side}:h2:stream`, { streamId: 3, from: "open", to: "closed" }],
    ]);
  }
});

test("frames are read only for those who ask", async () => {
  expect(serverDiagnostics().frameReceived).toBeUndefined();
  expect(clientDiagnostics().frameSent).toBeUndefined();
  using server = listening("server", ["h2:frame:received", "h2:frame:sent"]);
  await using served = await serve(() => new HttpResponse(204), { observer: serverDiagnostics({ frames: true }) });
  await using own = newClient({ version: "http2" });
  await fetchText(own, served.url);
  const types = server.messages.map(([name, { frame }]) => `${name} ${(frame as { type: string }).type}`);
  expect(types).toContain("server:h2:frame:received HEADERS");
  expect(types).toContain("server:h2:frame:sent HEADERS");
});

test("channels without subscribers are asked, and given nothing", () => {
  const asked: string[] = [];
  const all = ["server", "client"].flatMap((side) =>
    (side === "server" ? serverNames : clientNames).map((name) => channel(`sluice:http:${side}:${name}`)),
  );
  for (const one of all) {
    Object.defineProperty(one, "publish", { configurable: true, value: () => asked.push(String(one.name)) });
  }
  const touchy = new Proxy({}, { get: () => expect.unreachable("looked into what nobody wants to see") });
  for (const observer of [serverDiagnostics({ frames: true }), clientDiagnostics({ frames: true })]) {
    for (const method of Object.values(observer)) (method as (...facts: unknown[]) => void)(touchy, touchy, touchy);
  }
  for (const one of all) Reflect.deleteProperty(one, "publish");
  expect(asked).toEqual([]);
});

test("a subscriber that comes later hears what happens from then on", () => {
  const observer = serverDiagnostics();
  observer.pingAnswered?.(1);
  using heard = listening("server", ["h2:ping"]);
  observer.pingAnswered?.(2);
  expect(heard.messages).toEqual([["server:h2:ping", { rttMs: 2 }]]);
});

test("senseless options throw at once", () => {
  expect(() => serverDiagnostics({ frames: 1 } as never)).toThrow(
    new TypeError("serverDiagnostics: frames must be true or false, got 1"),
  );
  expect(() => clientDiagnostics({ pool: true } as never)).toThrow(
    new TypeError("clientDiagnostics: unknown option pool"),
  );
});

describe("observeAll", () => {
  test("tells each in turn, also behind one that throws; has only what one of them has", () => {
    const heard: string[] = [];
    class Counting {
      count = 0;
      bytesRead(count: number): void {
        this.count += count;
      }
    }
    const counting = new Counting();
    const both = observeAll(
      {
        bytesRead: () => {
          throw new Error("broken");
        },
        connectStarted: (origin) => void heard.push(origin),
      },
      counting,
      { bytesRead: (count) => void heard.push(`${count} bytes`) },
    );
    both.bytesRead?.(3);
    both.connectStarted?.("http://example.org:80");
    expect([heard, counting.count]).toEqual([["3 bytes", "http://example.org:80"], 3]);
    expect(Object.keys(both).sort()).toEqual(["bytesRead", "connectStarted"]);
  });

  test("takes observers and nothing else", () => {
    expect(() => observeAll({}, null as never)).toThrow(
      new TypeError("observeAll: argument 2 must be an observer, got null"),
    );
    expect(observeAll()).toEqual({});
  });
});
