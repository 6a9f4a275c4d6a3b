/** The light request against a native one that says the same. */
import { type Body, empty, fromIterable, full, HeaderMap } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import { fromFetchHandler, nativeRequest } from "@sluice/util/fetch";
import { describe, expect, test } from "vitest";
import { echoOrigin } from "./echo-origin.ts";

/** The request that a handler gets for these. */
async function light(method = "GET", body: Body = empty(), fields: [string, string][] = []): Promise<Request> {
  let seen: Request | undefined;
  const service = fromFetchHandler((request) => {
    seen = request;
    return new Response();
  });
  const headers = new HeaderMap([["host", "a.test"], ...fields]);
  await service.call(new HttpRequest(method, "/path?q", headers, body));
  return seen as Request;
}

/** Newer than the types of the oldest Node that is supported. */
function bytesOf(request: Request): Promise<Uint8Array> {
  return (request as unknown as { bytes(): Promise<Uint8Array> }).bytes();
}

const json: [string, string] = ["content-type", "application/json"];

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield new TextEncoder().encode(text);
}

describe("what it says", () => {
  test("is what a native one says", async () => {
    const given = await light("POST", full("abc"), [json]);
    const native = new Request("http://a.test/path?q", {
      method: "POST",
      body: "abc",
      headers: [["host", "a.test"], json],
    });
    const names = Object.getOwnPropertyNames(Request.prototype) as (keyof Request)[];
    const plain = names.filter((name) => !["headers", "signal", "body", "attribute"].includes(name));
    const say = (request: Request): unknown =>
      plain.map((name) => [name, typeof request[name] === "function" || request[name]]);
    expect(say(given)).toEqual(say(native));
    expect([...given.headers]).toEqual([...native.headers]);
    expect([given instanceof Request, given.headers instanceof Headers, String(given), String(given.headers)]).toEqual([
      true,
      true,
      "[object Request]",
      "[object Headers]",
    ]);
    expect([given.signal instanceof AbortSignal, given.signal.aborted, given.body instanceof ReadableStream]).toEqual([
      true,
      false,
      true,
    ]);
  });

  test("the method is the one that was sent", async () => {
    expect((await light("PURGE")).method).toBe("PURGE");
    expect((await light("get")).method).toBe("get");
  });

  test("parts are the same each time they are asked for", async () => {
    const request = await light("POST", full("abc"));
    expect(request.headers).toBe(request.headers);
    expect(request.signal).toBe(request.signal);
    expect(request.body).toBe(request.body);
  });

  test("it prints what it is", async () => {
    const { inspect } = await import("node:util");
    expect(inspect(await light())).toBe(
      "Request {\n  method: 'GET',\n  url: 'http://a.test/path?q',\n  headers: Headers { host: 'a.test' },\n  bodyUsed: false\n}",
    );
  });
});

describe("content", () => {
  const kinds: Readonly<Record<string, () => Body>> = {
    "at hand": () => full('{"a":"\u00fc"}'),
    "in pieces": () => fromIterable(pieces('{"a":', '"\u00fc"}')),
    "in a part of a larger buffer": () => full(Buffer.from('xx{"a":"\u00fc"}yy').subarray(2, 12)),
  };

  describe.each(Object.entries(kinds))("%s", (_name, body) => {
    test.each([
      ["text", async (request: Request) => await request.text(), '{"a":"\u00fc"}'],
      ["json", async (request: Request) => await request.json(), { a: "\u00fc" }],
      [
        "arrayBuffer",
        async (request: Request) => Buffer.from(await request.arrayBuffer()).toString(),
        '{"a":"\u00fc"}',
      ],
      ["bytes", async (request: Request) => Buffer.from(await bytesOf(request)).toString(), '{"a":"\u00fc"}'],
      [
        "blob",
        async (request: Request) => [(await request.blob()).type, await (await request.clone().blob()).text()],
        null,
      ],
      ["stream", async (request: Request) => await new Response(request.body).text(), '{"a":"\u00fc"}'],
    ] as const)("%s, once and no more", async (name, read, expected) => {
      const request = await light("POST", body(), [json]);
      if (name === "blob") {
        const blob = await request.blob();
        expect([blob.type, await blob.text()]).toEqual(["application/json", '{"a":"\u00fc"}']);
      } else {
        expect(await read(request)).toEqual(expected);
      }
      expect(request.bodyUsed).toBe(true);
      await expect(bytesOf(request)).rejects.toThrow(TypeError);
      for (const again of ["text", "json", "arrayBuffer", "blob", "formData"] as const) {
        await expect(request[again]()).rejects.toThrow(TypeError);
      }
      expect(() => request.clone()).toThrow(TypeError);
      expect(() => new Request(request)).toThrow(TypeError);
      expect(request.body?.locked).toBe(true);
    });
  });

  test("arrayBuffer() is as long as the content, whatever it was a part of", async () => {
    const request = await light("POST", full(Buffer.from("xxabcyy").subarray(2, 5)));
    expect((await request.arrayBuffer()).byteLength).toBe(3);
  });

  test("the memory a chunk is part of stays whole when it is streamed", async () => {
    const memory = Buffer.from("xxabcyy");
    const request = await light("POST", full(memory.subarray(2, 5)));
    expect(await new Response(request.body).text()).toBe("abc");
    expect(memory.toString()).toBe("xxabcyy");
  });

  test("formData() of both kinds", async () => {
    const urlencoded = await light("POST", full("a=1&b=%26"), [["content-type", "application/x-www-form-urlencoded"]]);
    expect([...(await urlencoded.formData())]).toEqual([
      ["a", "1"],
      ["b", "&"],
    ]);
    const parts = '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n';
    const multipart = await light("POST", full(parts), [["content-type", "multipart/form-data; boundary=x"]]);
    expect([...(await multipart.formData())]).toEqual([["a", "1"]]);
    await expect((await light("POST", full("a"))).formData()).rejects.toThrow(TypeError);
  });

  test.each(["GET", "HEAD", "POST"])(
    "%s without content has no body, and may be read any number of times",
    async (method) => {
      const request = await light(method);
      expect([request.body, request.bodyUsed, await request.text(), await request.text(), request.bodyUsed]).toEqual([
        null,
        false,
        "",
        "",
        false,
      ]);
      expect(await new Request(request).text()).toBe("");
    },
  );

  test("GET has no body even where content was sent", async () => {
    expect((await light("GET", full("abc"))).body).toBeNull();
  });

  test("what the body fails with is what reading rejects with", async () => {
    const failing = fromIterable(
      (async function* () {
        yield new Uint8Array(1);
        throw new Error("mine");
      })(),
    );
    await expect((await light("POST", failing)).text()).rejects.toThrow("mine");
  });

  test("JSON that is none is a SyntaxError", async () => {
    await expect((await light("POST", full("{"))).json()).rejects.toThrow(SyntaxError);
  });

  test("a byte order mark is no text", async () => {
    expect(await (await light("POST", full(new Uint8Array([0xef, 0xbb, 0xbf, 0x61])))).text()).toBe("a");
  });

  test("a reader with its own buffer gets bytes and the end", async () => {
    const request = await light("POST", fromIterable(pieces("abc", "d")));
    const reader = request.body?.getReader({ mode: "byob" });
    const seen: string[] = [];
    for (;;) {
      const result = await reader?.read(new Uint8Array(2));
      if (result === undefined || result.done) break;
      seen.push(Buffer.from(result.value as Uint8Array).toString());
    }
    expect(seen.join("")).toBe("abcd");
  });
});

describe("in the hands of the platform", () => {
  test("new Request(light) takes method, URL, fields and content over", async () => {
    const request = await light("POST", full("abc"), [["x-a", "1"]]);
    request.headers.set("x-b", "2");
    const copy = new Request(request, { headers: undefined as never });
    expect([copy.method, copy.url, copy.headers.get("x-a"), copy.headers.get("x-b")]).toEqual([
      "POST",
      "http://a.test/path?q",
      "1",
      "2",
    ]);
    expect(await copy.text()).toBe("abc");
    expect(request.bodyUsed).toBe(true);
  });

  test("each new Request(light) has the fields as they are then", async () => {
    const request = await light();
    expect(new Request(request).headers.get("x-a")).toBeNull();
    request.headers.set("x-a", "1");
    expect(new Request(request).headers.get("x-a")).toBe("1");
    request.headers.delete("x-a");
    expect(new Request(request).headers.get("x-a")).toBeNull();
  });

  test("new Request(light, init) changes what init says", async () => {
    const request = await light("POST", full("abc"), [["x-a", "1"]]);
    const copy = new Request(request, { method: "PUT", body: "other", headers: { "x-b": "2" } });
    expect([copy.method, await copy.text(), copy.headers.get("x-a"), copy.headers.get("x-b")]).toEqual([
      "PUT",
      "other",
      null,
      "2",
    ]);
  });

  test("new Request(url, light) reads it as a dictionary", async () => {
    const request = await light("PUT", full("abc"), [["x-a", "1"]]);
    const copy = new Request("http://b.test/", request);
    expect([copy.method, copy.headers.get("x-a"), await copy.text()]).toEqual(["PUT", "1", "abc"]);
  });

  test("fetch(light) sends it", async () => {
    await using origin = await echoOrigin();
    let seen: Request | undefined;
    const service = fromFetchHandler((request) => {
      seen = request;
      return new Response();
    });
    const target = new URL("/echo", origin.origin);
    await service.call(new HttpRequest("PUT", target.href, [["x-a", "1"]], full("abc")));
    const told = (await (await fetch(seen as Request)).json()) as { method: string; body: string; fields: string[][] };
    expect([told.method, told.body, told.fields.find(([name]) => name === "x-a")]).toEqual([
      "PUT",
      "abc",
      ["x-a", "1"],
    ]);
  });

  test("nativeRequest() is a real one, with the same content", async () => {
    const request = await light("POST", full("abc"));
    const native = nativeRequest(request);
    expect(Object.getPrototypeOf(native)).toBe(Request.prototype);
    expect(await native.text()).toBe("abc");
    expect(request.bodyUsed).toBe(true);
    const own = new Request("http://a/");
    expect(nativeRequest(own)).toBe(own);
  });

  test("clones are read each for itself, and their fields are their own", async () => {
    for (const body of [full("abc"), fromIterable(pieces("a", "bc"))]) {
      const request = await light("POST", body, [["x-a", "1"]]);
      const copy = request.clone();
      copy.headers.set("x-a", "2");
      expect([await copy.text(), await request.text(), copy.url, copy.method]).toEqual([
        "abc",
        "abc",
        request.url,
        "POST",
      ]);
      expect([request.headers.get("x-a"), copy.headers.get("x-a")]).toEqual(["1", "2"]);
    }
  });
});

describe("fields", () => {
  test("behave as native ones", async () => {
    const lines: [string, string][] = [
      ["b", "2"],
      ["accept", "x"],
      ["b", "3"],
      ["cookie", "c=1"],
      ["set-cookie", "d=1"],
      ["set-cookie", "e=2"],
    ];
    const given = (await light("GET", empty(), lines)).headers;
    const native = new Headers([["host", "a.test"], ...lines]);
    const same = (look: (headers: Headers) => unknown): void => {
      const outcome = (headers: Headers): unknown => {
        try {
          return look(headers);
        } catch (error) {
          return (error as Error).name;
        }
      };
      expect(outcome(given)).toEqual(outcome(native));
    };
    const looks: ((headers: Headers) => unknown)[] = [
      (headers) => [...headers],
      (headers) => [...headers.keys()],
      (headers) => [...headers.values()],
      (headers) => [...headers.entries()],
      (headers) => headers.getSetCookie(),
      (headers) =>
        ["B", "ACCEPT", "missing", "cookie", "set-cookie"].map((name) => [headers.get(name), headers.has(name)]),
      (headers) => headers.get("not a name"),
      (headers) => headers.has(""),
      (headers) => headers.set("a b", "c"),
      (headers) => headers.append("a", "b\0c"),
      (headers) => headers.append("a", "\u0100"),
      (headers) => {
        const seen: unknown[] = [];
        headers.forEach((value, name, all) => void seen.push([value, name, all === headers]));
        return seen;
      },
      (headers) => new Headers(headers).get("b"),
      (headers) => Object.fromEntries(headers),
    ];
    for (const look of looks) same(look);
    const changes: ((headers: Headers) => void)[] = [
      (headers) => headers.set("B", " 4 \n"),
      (headers) => headers.append("new", "5"),
      (headers) => headers.append("new", 6 as unknown as string),
      (headers) => headers.delete("accept"),
      (headers) => headers.delete("missing"),
      (headers) => headers.delete("a b"),
    ];
    for (const change of changes) {
      same(change);
      for (const look of looks) same(look);
    }
  });
});
