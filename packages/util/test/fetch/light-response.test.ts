/** `LightResponse` against the platform's `Response`: the same arguments must come to the same. */
import { installLightResponse, LightResponse } from "@sluice/util/fetch";
import { describe, expect, test } from "vitest";

const Native = globalThis.Response;
type Case = (Made: typeof Response) => unknown;

async function outcome(look: Case, Made: typeof Response): Promise<unknown> {
  try {
    const value = await look(Made);
    if (!(value instanceof Native)) return value;
    const { status, statusText, ok, type, url, redirected, bodyUsed } = value;
    const hasStream = value.body !== null;
    const fields = [...value.headers];
    return { status, statusText, ok, type, url, redirected, bodyUsed, hasStream, fields, text: await value.text() };
  } catch (error) {
    return { error: (error as Error).name };
  }
}

const bytes = new Uint8Array([104, 105, 33]);

function streamOf(...chunks: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
      controller.close();
    },
  });
}

const cases: Readonly<Record<string, Case>> = {
  nothing: (Made) => new Made(),
  null: (Made) => new Made(null),
  text: (Made) => new Made("Hello \u20ac"),
  "the empty text": (Made) => new Made(""),
  "text with a byte order mark": (Made) => new Made("\ufeffHello"),
  "text with half a character": (Made) => new Made("a\ud800b"),
  bytes: (Made) => new Made(bytes),
  "a window": (Made) => new Made(bytes.subarray(1)),
  "an ArrayBuffer": (Made) => new Made(bytes.slice().buffer),
  "a DataView": (Made) => new Made(new DataView(bytes.slice().buffer, 1)),
  "a Blob": (Made) => new Made(new Blob(["x"], { type: "text/x-a" })),
  URLSearchParams: (Made) => new Made(new URLSearchParams({ a: "&" })),
  "a stream": (Made) => new Made(new Blob(["from a stream"]).stream()),
  "a number": (Made) => new Made(12 as unknown as string),
  "a status and a phrase": (Made) => new Made("x", { status: 404, statusText: "Nowhere" }),
  "status 204 with text": (Made) => new Made("x", { status: 204 }),
  "status 204": (Made) => new Made(null, { status: 204 }),
  "status 101": (Made) => new Made(null, { status: 101 }),
  "status 199": (Made) => new Made(null, { status: 199 }),
  "status 600": (Made) => new Made(null, { status: 600 }),
  "a status as text": (Made) => new Made(null, { status: "201" as unknown as number }),
  "a phrase with a line end": (Made) => new Made(null, { statusText: "a\r\nb" }),
  "fields as a record": (Made) => new Made("x", { headers: { "X-A": " 1 ", "content-type": "text/x-a" } }),
  "fields as pairs": (Made) =>
    new Made("x", {
      headers: [
        ["a", "1"],
        ["a", "2"],
        ["set-cookie", "b"],
        ["set-cookie", "c"],
      ],
    }),
  "fields as a Headers": (Made) => new Made(null, { headers: new Headers({ a: "1" }) }),
  "fields that are no pairs": (Made) => new Made(null, { headers: [["a"]] as unknown as [string, string][] }),
  "a field value that is a number": (Made) => new Made(null, { headers: { a: 1 as unknown as string } }),
  "a field name that is none": (Made) => new Made(null, { headers: { "a b": "1" } }),
  "a field value with a line end": (Made) => new Made(null, { headers: { a: "1\r\nb: 2" } }),
  "another response in the place of init": (Made) => new Made("x", new Made("y", { status: 202, headers: { a: "1" } })),
  "the body of another": (Made) => new Made(new Made("y").body),
  "json()": (Made) => Made.json({ a: 1 }),
  "json() with a type": (Made) => Made.json([1], { status: 201, headers: { "content-type": "application/x-a" } }),
  "json() of what is none": (Made) => Made.json(undefined),
  "error()": (Made) => [Made.error().type, Made.error().status],
  "redirect()": (Made) => {
    const response = Made.redirect("http://a/b", 303);
    return [response.status, response.headers.get("location")];
  },
  "fields that were changed later": async (Made) => {
    const response = new Made("x", { headers: { a: "1" } });
    response.headers.set("a", "2");
    response.headers.append("set-cookie", "b");
    response.headers.delete("content-type");
    return response;
  },
  "bytes that were changed later": async (Made) => {
    const own = bytes.slice();
    const response = new Made(own);
    own.fill(0);
    return await response.text();
  },
  "a record of fields that was changed later": (Made) => {
    const headers = { a: "1" };
    const response = new Made(null, { headers });
    headers.a = "2";
    return response;
  },
  "read twice": async (Made) => {
    const response = new Made("x");
    await response.text();
    return [response.bodyUsed, await response.text()];
  },
  "read, and then its stream": async (Made) => {
    const response = new Made("x");
    await response.text();
    return [response.bodyUsed, response.body?.locked];
  },
  "the stream, and then read": async (Made) => {
    const response = new Made("x");
    const { body } = response;
    return [response.bodyUsed, await response.text(), body === response.body, response.bodyUsed];
  },
  cloned: async (Made) => {
    const response = new Made("x", { status: 202, statusText: "So", headers: { a: "1" } });
    const copy = response.clone();
    copy.headers.set("a", "2");
    return [
      await response.text(),
      response.headers.get("a"),
      copy.status,
      copy.statusText,
      copy.headers.get("a"),
      await copy.text(),
    ];
  },
  "a stream, cloned": async (Made) => {
    const response = new Made(new Blob(["from a stream"]).stream());
    const copy = response.clone();
    return [await response.text(), await copy.text()];
  },
  "a stream of pieces": (Made) => new Made(streamOf("from ", "a stream")),
  "a stream is its body": async (Made) => {
    const stream = streamOf("x");
    const response = new Made(stream as never);
    const seen = [response.body === stream, response.bodyUsed, stream.locked];
    return [...seen, await response.text(), response.body === stream, response.bodyUsed, stream.locked];
  },
  "a stream, its arrayBuffer()": async (Made) => [...new Uint8Array(await new Made(streamOf("ab")).arrayBuffer())],
  "a stream, its blob()": async (Made) => {
    const blob = await new Made(streamOf("x"), { headers: { "content-type": "text/x-a" } }).blob();
    return [blob.type, await blob.text()];
  },
  "a stream, its formData()": async (Made) => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return [...(await new Made(streamOf("a=1"), { headers }).formData())];
  },
  "the clone of a stream, read": async (Made) => {
    const copy = new Made(streamOf("x")).clone();
    const before = copy.bodyUsed;
    await copy.text();
    return [before, copy.bodyUsed];
  },
  "a stream, read twice": async (Made) => {
    const response = new Made(streamOf("x"));
    await response.text();
    return await response.text();
  },
  "a stream that is locked": (Made) => {
    const stream = streamOf("x");
    stream.getReader();
    return new Made(stream);
  },
  "a stream that was read": async (Made) => {
    const stream = streamOf("x");
    for await (const _chunk of stream);
    return new Made(stream);
  },
  "a stream that was cancelled": async (Made) => {
    const stream = streamOf("x");
    await stream.cancel();
    return new Made(stream);
  },
  "a stream that is locked later": (Made) => {
    const stream = streamOf("x");
    const response = new Made(stream);
    stream.getReader();
    return [response.bodyUsed, response.body?.locked];
  },
  "a stream that is locked later, then read": async (Made) => {
    const stream = streamOf("x");
    const response = new Made(stream);
    stream.getReader();
    return await response.text();
  },
  "a stream that is locked later, then cloned": (Made) => {
    const stream = streamOf("x");
    const response = new Made(stream);
    stream.getReader();
    return response.clone();
  },
  "a stream that is read later": async (Made) => {
    const stream = streamOf("x");
    const response = new Made(stream);
    const before = response.bodyUsed;
    for await (const _chunk of stream);
    return [before, response.bodyUsed, response.body === (stream as never)];
  },
  "a stream that is read later, then read": async (Made) => {
    const stream = streamOf("x");
    const response = new Made(stream);
    for await (const _chunk of stream);
    return await response.text();
  },
  "a stream of what are no bytes": async (Made) => {
    const stream = new ReadableStream({ start: (controller) => controller.enqueue("text") });
    return await new Made(stream).text();
  },
  "read, and then cloned": async (Made) => {
    const response = new Made("x");
    await response.text();
    return response.clone();
  },
  "arrayBuffer()": async (Made) => [...new Uint8Array(await new Made("\u20ac").arrayBuffer())],
  "blob()": async (Made) => {
    const blob = await new Made("x", { headers: { "content-type": "text/x-a" } }).blob();
    return [blob.type, await blob.text()];
  },
  "formData()": async (Made) => [...(await new Made(new URLSearchParams({ a: "1" })).formData())],
  "json() of its text": async (Made) => await new Made('{"a":1}').json(),
  "json() of what is none ": async (Made) => await new Made("{").json(),
  "what it is": (Made) => {
    const response = new Made("x");
    const { headers } = response;
    return [response instanceof Native, response instanceof Made, headers instanceof Headers, String(response)];
  },
};

test.each(Object.entries(cases))("%s", async (_name, look) => {
  expect(await outcome(look, LightResponse)).toEqual(await outcome(look, Native));
});

describe("in the hands of the platform", () => {
  test("methods of the platform's prototype work on it", async () => {
    const response = new LightResponse("abc", { status: 202 });
    expect(await Native.prototype.text.call(response)).toBe("abc");
  });

  test("in the place of the global it knows the platform's responses, and classes made from it know their own", () => {
    const native = new Response();
    const restore = installLightResponse();
    try {
      expect(globalThis.Response).toBe(LightResponse);
      expect([native instanceof Response, new Response() instanceof Response, {} instanceof Response]).toEqual([
        true,
        true,
        false,
      ]);
      class Own extends Response {}
      expect([new Own() instanceof Own, new Own() instanceof Response, native instanceof Own]).toEqual([
        true,
        true,
        false,
      ]);
      expect(Response.json({}) instanceof Response).toBe(true);
    } finally {
      restore();
    }
    expect(globalThis.Response).toBe(Native);
    restore();
    expect(globalThis.Response).toBe(Native);
  });

  test("it prints what it is", async () => {
    const { inspect } = await import("node:util");
    expect(inspect(new LightResponse("x", { status: 201 }))).toMatch(/^Response \{\n {2}status: 201,/);
  });
});
