/** What `createFetch` does beside what the platform's `fetch` does: limits, connections, versions, options. */
import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { full } from "@sluice/body";
import { HttpError, HttpResponse, serviceFn } from "@sluice/core";
import { Client } from "@sluice/util/client";
import { createFetch, type Fetch, type FetchOptions } from "@sluice/util/fetch";
import { describe, expect, test } from "vitest";
import { echoOrigin } from "./echo-origin.ts";
import { recording, serveReal, serveService, until } from "./support.ts";

/** The cause of the TypeError that `promise` rejects with. */
async function causeOf(promise: Promise<unknown>, message = "fetch failed"): Promise<HttpError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TypeError);
  expect((error as Error).message).toBe(message);
  const cause = HttpError.find((error as Error).cause);
  if (cause === undefined) throw new Error(`no HttpError is the cause of ${String(error)}`);
  return cause;
}

async function withOrigin<T>(
  use: (fetch: Fetch, origin: string, client: Client) => Promise<T>,
  options?: FetchOptions,
): Promise<T> {
  await using origin = await echoOrigin();
  const client = new Client();
  try {
    return await use(createFetch(client, options), origin.origin, client);
  } finally {
    await client.destroy();
  }
}

describe("errors", () => {
  test("the cause names what happened", async () => {
    await withOrigin(async (fetch, origin) => {
      const code = async (path: string, init?: RequestInit): Promise<string> => (await causeOf(fetch(path, init))).code;
      expect(await code("http://127.0.0.1:1/")).toBe("ECONNREFUSED");
      expect(await code(`${origin}/loop/0`)).toBe("TOO_MANY_REDIRECTS");
      expect(await code(`${origin}/redirect/302?to=ftp://a/`)).toBe("REDIRECT_SCHEME");
      expect(await code(`${origin}/redirect/302?to=http://[`)).toBe("REDIRECT_INVALID");
      expect(await code(`${origin}/redirect/302?to=http://a:b@c/`)).toBe("REDIRECT_CREDENTIALS");
      expect(await code(`${origin}/redirect/302?to=/`, { redirect: "error" })).toBe("UNEXPECTED_REDIRECT");
      expect(await code(`${origin}/echo`, { headers: { upgrade: "x" } })).toBe("FIELD_REFUSED");
      const body = new ReadableStream({ start: (controller) => controller.close() });
      expect(await code(`${origin}/redirect/307?to=/`, { method: "POST", body, duplex: "half" })).toBe("REDIRECT_BODY");
    });
  });

  test("passwords in a location are in no message", async () => {
    await withOrigin(async (fetch, origin) => {
      const cause = await causeOf(fetch(`${origin}/redirect/302?to=http://user:secret@c/`));
      expect(cause.message).not.toMatch(/user|secret/);
    });
  });

  test("integrity is refused rather than ignored", async () => {
    await withOrigin(async (fetch, origin) => {
      await expect(fetch(origin, { integrity: "sha256-AAAA" })).rejects.toThrow(
        "integrity is not supported by this fetch",
      );
    });
  });

  test("a fetch never throws at once", async () => {
    const fetch = createFetch(new Client());
    const rejected = fetch(undefined as unknown as string);
    await expect(rejected).rejects.toBeInstanceOf(TypeError);
  });

  test("after the client was closed", async () => {
    const client = new Client();
    await client.close();
    expect((await causeOf(createFetch(client)("http://127.0.0.1:1/"))).code).toBe("CLIENT_CLOSED");
  });
});

describe("content codings", () => {
  const url = (origin: string, coding: string): string => `${origin}/coded/${coding}`;

  test("what becomes too much is cut off: as a multiple", async () => {
    await withOrigin(async (fetch, origin) => {
      const response = await fetch(url(origin, "bomb"));
      expect((await causeOf(response.text(), "terminated")).code).toBe("DECODED_TOO_LARGE");
    });
    await withOrigin(
      async (fetch, origin) =>
        expect((await (await fetch(url(origin, "bomb"))).arrayBuffer()).byteLength).toBe(4_194_304),
      { maxDecodedRatio: Number.POSITIVE_INFINITY },
    );
  });

  test("what becomes too much is cut off: in bytes, at the limit and one past it", async () => {
    const content = gzipSync("a".repeat(1_000));
    const service = serviceFn(() => new HttpResponse(200, { "content-encoding": "gzip" }, full(content)));
    await using served = await serveService(service, "http1");
    const read = async (maxDecodedBytes: number): Promise<string> =>
      await (await createFetch(served.client, { maxDecodedBytes })(served.origin)).text();
    expect(await read(1_000)).toBe("a".repeat(1_000));
    const cause = await causeOf(read(999), "terminated");
    expect([cause.kind, cause.code]).toEqual(["limit", "DECODED_TOO_LARGE"]);
    expect(cause.message).toMatch(/became at least 1000, more than maxDecodedBytes = 999 allows$/);
  });

  test("five upon one another are undone, six are refused", async () => {
    const served = (count: number): HttpResponse => {
      let content: Uint8Array = Buffer.from("Hello");
      for (let i = 0; i < count; i++) content = gzipSync(content);
      const value = Array.from({ length: count }, () => "gzip").join(", ");
      return new HttpResponse(200, { "content-encoding": value }, full(content));
    };
    await using origin = await serveService(
      serviceFn((request) => served(Number(request.target.path.slice(1)))),
      "http1",
    );
    expect(await (await origin.fetch(`${origin.origin}/5`)).text()).toBe("Hello");
    expect((await causeOf(origin.fetch(`${origin.origin}/6`))).code).toBe("TOO_MANY_CODINGS");
  });

  test("decompress: false neither asks for any nor undoes them", async () => {
    await withOrigin(
      async (fetch, origin) => {
        expect(Buffer.from(await (await fetch(url(origin, "gzip"))).arrayBuffer()).subarray(0, 2)).toEqual(
          Buffer.from([0x1f, 0x8b]),
        );
        const { fields } = (await (await fetch(`${origin}/echo`)).json()) as { fields: [string, string][] };
        expect(fields.some(([name]) => name === "accept-encoding")).toBe(false);
      },
      { decompress: false },
    );
  });

  test("a reader that leaves lets the connection go", async () => {
    await withOrigin(async (fetch, origin, client) => {
      const reader = (await fetch(url(origin, "large"))).body?.getReader();
      await reader?.read();
      await reader?.cancel();
      await until(() => client.underWay === 0);
    });
  });
});

describe("connections", () => {
  test("a response that came whole with its head frees its connection although nobody reads it", async () => {
    await withOrigin(async (fetch, origin, client) => {
      for (let i = 0; i < 5; i++) await fetch(`${origin}/x`);
      await until(() => client.underWay === 0);
      const [stats] = client.stats.values();
      expect(stats).toMatchObject({ idle: 1 });
    });
  });

  test("the connection of a redirect is used again", async () => {
    await withOrigin(async (fetch, origin, client) => {
      await (await fetch(`${origin}/redirect/302?to=/x`)).text();
      await until(() => client.underWay === 0);
      expect([...client.stats.values()]).toMatchObject([{ idle: 1 }]);
    });
  });

  test("cancelling the content, and aborting, end the exchange", async () => {
    await using origin = await echoOrigin();
    const client = new Client();
    const fetch = createFetch(client);
    const response = await fetch(`${origin.origin}/slow?1`);
    expect(client.underWay).toBe(1);
    await response.body?.cancel();
    await until(() => origin.abandoned.length === 1 && client.underWay === 0);
    const controller = new AbortController();
    await fetch(`${origin.origin}/slow?2`, { signal: controller.signal });
    controller.abort();
    await until(() => origin.abandoned.length === 2 && client.underWay === 0);
    expect(origin.abandoned).toEqual(["/slow?1", "/slow?2"]);
    await client.close();
  });

  test("content that is not sent is cancelled", async () => {
    const reasons: unknown[] = [];
    const body = new ReadableStream({ cancel: (reason) => void reasons.push(reason) });
    const fetch = createFetch(new Client());
    const init = { method: "POST", body, duplex: "half", signal: AbortSignal.abort("why") } as const;
    await expect(fetch("http://127.0.0.1:1/", init)).rejects.toBe("why");
    expect(reasons).toEqual(["why"]);
  });

  test("content of a request that fails before it is sent is cancelled", async () => {
    const reasons: unknown[] = [];
    const fetch = createFetch(new Client());
    for (const [url, headers] of [
      ["http://127.0.0.1:1/", {}],
      ["http://127.0.0.1:1/", { upgrade: "x" }],
    ] as const) {
      const body = new ReadableStream({ cancel: (reason) => void reasons.push(reason) });
      await causeOf(fetch(url, { method: "POST", body, headers, duplex: "half" }));
    }
    expect(reasons.map((reason) => HttpError.is(reason) && reason.code)).toEqual(["ECONNREFUSED", "FIELD_REFUSED"]);
  });

  test("a response that nobody holds any more gives its connection back", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    await withOrigin(async (fetch, origin, client) => {
      await (async () => {
        expect((await fetch(`${origin}/slow`)).status).toBe(200);
      })();
      expect(client.underWay).toBe(1);
      await until(() => {
        collect();
        return client.underWay === 0;
      });
    });
  });

  test("one whose stream is held goes on", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    await withOrigin(async (fetch, origin) => {
      const streamOf = async (): Promise<ReadableStream> =>
        (await fetch(`${origin}/chunks`)).body as unknown as ReadableStream;
      const stream = await streamOf();
      for (let i = 0; i < 5; i++) {
        collect();
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await new Response(stream as unknown as string).text()).toMatch(/three$/);
    });
  });

  test("nor is one cut off that is being passed on", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    await withOrigin(async (fetch, origin) => {
      await using served = await serveReal(() => fetch(`${origin}/chunks`), "http1");
      const timer = setInterval(collect, 1);
      try {
        for (let i = 0; i < 5; i++) expect(await (await served.fetch(served.origin)).text()).toBe("one two three");
      } finally {
        clearInterval(timer);
      }
    });
  });

  test("no listener is left on a signal that lives on", async () => {
    await withOrigin(async (fetch, origin) => {
      const { signal } = new AbortController();
      for (let i = 0; i < 3; i++) await (await fetch(`${origin}/chunks`, { signal })).text();
      await fetch("http://127.0.0.1:1/", { signal }).catch(() => {});
      expect(getEventListeners(signal, "abort")).toEqual([]);
    });
  });

  test("over HTTP/2 there is no phrase, and the rest is the same", async () => {
    await using served = await serveReal(
      async (request) => new Response(await request.text(), { status: 404 }),
      "http2",
    );
    const response = await served.fetch(served.origin, { method: "POST", body: "Hello" });
    expect([response.status, response.statusText, await response.text()]).toEqual([404, "", "Hello"]);
  });

  test("maxRedirects counts redirects, and content is sent with each", async () => {
    const asked: string[] = [];
    await using served = await serveService(
      serviceFn((request) => {
        asked.push(`${request.method} ${request.target.path} ${request.body.sizeHint().exact}`);
        return new HttpResponse(307, { location: request.target.path === "/a" ? "/b" : "/a" });
      }),
      "http1",
    );
    const fetch = createFetch(served.client, { maxRedirects: 2 });
    const cause = await causeOf(fetch(`${served.origin}/a`, { method: "PUT", body: new Blob(["abc"]) }));
    expect(cause.message).toBe("redirect count exceeded: maxRedirects = 2");
    expect(asked).toEqual(["PUT /a 3", "PUT /b 3", "PUT /a 3"]);
  });
});

describe("what is said", () => {
  test("user-agent is the option's unless the program says another", async () => {
    const service = recording();
    await using served = await serveService(service, "http1");
    await served.fetch(served.origin);
    await createFetch(served.client, { userAgent: "mine/1" })(served.origin);
    await served.fetch(served.origin, { headers: { "user-agent": "own" } });
    expect(service.requests.map((request) => request.headers.get("user-agent"))).toEqual(["sluice", "mine/1", "own"]);
  });

  test("the program's own fields are not changed by what is added", async () => {
    await withOrigin(async (fetch, origin) => {
      const headers = new Headers({ "x-a": "1" });
      await fetch(origin, { headers, method: "POST", body: "a" });
      expect([...headers]).toEqual([["x-a", "1"]]);
    });
  });

  test("fields of a response can go into a request", async () => {
    await withOrigin(async (fetch, origin) => {
      const { headers } = await fetch(`${origin}/status/200`);
      const { fields } = (await (
        await fetch(`${origin}/echo`, { headers: { "x-a": headers.get("x-a") ?? "" } })
      ).json()) as {
        fields: [string, string][];
      };
      expect(fields).toContainEqual(["x-a", "1"]);
    });
  });
});

describe("options", () => {
  test("otherSchemes gets what is not of HTTP; null refuses it", async () => {
    const seen: unknown[] = [];
    const other = (async (input: string) => {
      seen.push(input);
      return new Response("other");
    }) as typeof fetch;
    expect(await (await createFetch(new Client(), { otherSchemes: other })("custom:x")).text()).toBe("other");
    expect(seen).toEqual(["custom:x"]);
    const refusing = createFetch(new Client(), { otherSchemes: null });
    expect((await causeOf(refusing("data:,x"))).code).toBe("UNSUPPORTED_SCHEME");
  });

  test("time limits of a request", async () => {
    await withOrigin(
      async (fetch, origin) => {
        const cause = await causeOf(fetch(`${origin}/silent`));
        expect([cause.kind, cause.code]).toEqual(["timeout", "headTimeoutMs"]);
      },
      { request: { timeouts: { headTimeoutMs: 30 } } },
    );
  });

  test("senseless ones are refused by name", () => {
    const make = (options: object) => () => createFetch(new Client(), options as FetchOptions);
    expect(make({ agent: "x" })).toThrow("createFetch: unknown option agent");
    expect(make({ userAgent: "a\r\nb" })).toThrow("userAgent: must be printable ASCII and not empty");
    expect(make({ maxRedirects: -1 })).toThrow("maxRedirects: must be a whole number of at least 0, got -1");
    expect(make({ decompress: 1 })).toThrow("decompress: must be a boolean, got 1");
    expect(make({ maxDecodedBytes: 0.5 })).toThrow("maxDecodedBytes: must be a whole number of at least 0, got 0.5");
    expect(make({ maxDecodedRatio: 0 })).toThrow("maxDecodedRatio: must be a whole number of at least 1, got 0");
    expect(make({ otherSchemes: 1 })).toThrow("otherSchemes: must be a function or null, got 1");
    expect(make({ request: { signal: undefined } })).toThrow("request: signal is said by each fetch itself");
  });
});
