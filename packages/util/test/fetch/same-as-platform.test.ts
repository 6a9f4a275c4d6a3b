/** `createFetch` and the platform's own `fetch`, given the same, must come to the same. */
import { Client } from "@sluice/util/client";
import { createFetch, type Fetch } from "@sluice/util/fetch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EchoOrigin, echoOrigin } from "./echo-origin.ts";

let here: EchoOrigin;
let there: EchoOrigin;
let client: Client;
let ours: Fetch;

beforeAll(async () => {
  here = await echoOrigin();
  there = await echoOrigin();
  client = new Client();
  ours = createFetch(client);
});

afterAll(async () => {
  await client.destroy();
  await here[Symbol.asyncDispose]();
  await there[Symbol.asyncDispose]();
});

type Case = (fetch: Fetch) => Promise<unknown>;

/** All that can be told of a response. */
async function tell(response: Response): Promise<unknown> {
  const { status, statusText, ok, url, redirected, type, bodyUsed } = response;
  const fields = [...response.headers].filter(([name]) => !["date", "connection", "keep-alive"].includes(name));
  const hasStream = response.body !== null;
  const text = await response.text();
  const shown = text.startsWith('{"method"')
    ? JSON.parse(text)
    : text.length > 1_000
      ? `${text.length} characters`
      : text;
  return {
    ...{ status, statusText, ok, url, redirected, type, bodyUsed, fields, cookies: response.headers.getSetCookie() },
    ...{ hasStream, usedAfter: response.bodyUsed, text: shown },
  };
}

/** What a call came to: the value, or the error, by its class and message. */
async function outcome(call: Case, fetch: Fetch): Promise<unknown> {
  try {
    const value = await call(fetch);
    return value instanceof Response ? await tell(value) : value;
  } catch (error) {
    if (!(error instanceof Error)) return { thrown: error };
    const { name, message } = error;
    return { error: name, constructor: error.constructor.name, message };
  }
}

async function compare(call: Case): Promise<void> {
  const [theirs, own] = [await outcome(call, fetch), await outcome(call, ours)];
  // Boundaries are made up, each of its own length.
  const plain = (value: unknown): unknown =>
    JSON.parse(
      JSON.stringify(value ?? null).replace(/-{4,}formdata-[a-z]+-[-0-9a-f]+/g, "BOUNDARY"),
      (key, item: unknown) => (key === "fields" && Array.isArray(item) ? item.map(withoutFormLength) : item),
    );
  expect(plain(own)).toEqual(plain(theirs));
}

/** Boundaries differ in length, and so do forms. */
function withoutFormLength(field: unknown, _at: number, all: unknown[]): unknown {
  const isForm = all.some((other) => /BOUNDARY|application.json/.test(String(other)));
  return isForm && Array.isArray(field) && field[0] === "content-length" ? ["content-length", "n"] : field;
}

const table = (cases: Readonly<Record<string, Case>>): void => {
  test.each(Object.entries(cases))("%s", async (_name, call) => compare(call));
};

function streamOf(...chunks: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
      controller.close();
    },
  });
}

async function* iterate(...chunks: string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield new TextEncoder().encode(chunk);
}

const half = { duplex: "half" } as const;

function form(): FormData {
  const data = new FormData();
  data.append("a", "1");
  data.append('quo"te\r\nd', "line\nend");
  data.append("file", new Blob(["content"], { type: "text/x-a" }), "na me.txt");
  data.append("plain", new Blob(["more"]));
  return data;
}

describe("responses", () => {
  table({
    "a plain one": (fetch) => fetch(`${here.origin}/x?y#z`),
    "a URL object": (fetch) => fetch(new URL("/x", here.origin)),
    "200 with a phrase": (fetch) => fetch(`${here.origin}/status/200`),
    "204": (fetch) => fetch(`${here.origin}/status/204`),
    "304": (fetch) => fetch(`${here.origin}/status/304`),
    "404": (fetch) => fetch(`${here.origin}/status/404`),
    "599": (fetch) => fetch(`${here.origin}/status/599`),
    HEAD: (fetch) => fetch(`${here.origin}/status/200`, { method: "HEAD" }),
    "several lines of one name, and cookies": (fetch) => fetch(`${here.origin}/cookies`),
    "in pieces": (fetch) => fetch(`${here.origin}/chunks`),
    "fields cannot be changed": async (fetch) => (await fetch(here.origin)).headers.set("a", "b"),
    "json()": async (fetch) => (await fetch(`${here.origin}/echo`)).json(),
    "json() of what is none": async (fetch) => {
      try {
        await (await fetch(here.origin)).json();
        return "none";
      } catch (error) {
        return (error as Error).name;
      }
    },
    "bytes of arrayBuffer()": async (fetch) => (await (await fetch(here.origin)).arrayBuffer()).byteLength,
    "blob()": async (fetch) => {
      const blob = await (await fetch(`${here.origin}/echo`)).blob();
      return [blob.type, blob.size > 0];
    },
    "read twice": async (fetch) => {
      const response = await fetch(here.origin);
      await response.text();
      return await response.text();
    },
    "cloned, and both read": async (fetch) => {
      const response = await fetch(`${here.origin}/chunks`);
      const copy = response.clone();
      return [await copy.text(), await response.text(), copy.url, copy.type, copy.status];
    },
    "a stream that is read by hand": async (fetch) => {
      const response = await fetch(`${here.origin}/chunks`);
      let text = "";
      for await (const chunk of response.body as ReadableStream<Uint8Array>) text += new TextDecoder().decode(chunk);
      return [text, response.bodyUsed];
    },
    "a stream that is locked": async (fetch) => {
      const response = await fetch(`${here.origin}/chunks`);
      const reader = response.body?.getReader();
      const seen = [response.bodyUsed, response.body?.locked];
      await reader?.read();
      await reader?.cancel();
      return [...seen, response.bodyUsed];
    },
    "made anew of another": async (fetch) => {
      const response = await fetch(`${here.origin}/status/200`);
      const copy = new Response(response.body, response);
      return [await copy.text(), copy.status, copy.statusText, copy.headers.get("x-a")];
    },
    "what it is": async (fetch) => {
      const response = await fetch(here.origin);
      const { headers } = response;
      return [response instanceof Response, headers instanceof Headers, String(response), String(headers)];
    },
  });
});

describe("requests", () => {
  table({
    GET: (fetch) => fetch(`${here.origin}/echo`),
    "methods in small letters": (fetch) => fetch(`${here.origin}/echo`, { method: "post" }),
    "patch is not PATCH": (fetch) => fetch(`${here.origin}/echo`, { method: "patch" }),
    "a method of one's own": (fetch) => fetch(`${here.origin}/echo`, { method: "PURGE" }),
    "POST without content": (fetch) => fetch(`${here.origin}/echo`, { method: "POST" }),
    "PUT without content": (fetch) => fetch(`${here.origin}/echo`, { method: "PUT" }),
    "DELETE without content": (fetch) => fetch(`${here.origin}/echo`, { method: "DELETE" }),
    "an empty string": (fetch) => fetch(`${here.origin}/echo`, { method: "POST", body: "" }),
    "a string": (fetch) => fetch(`${here.origin}/echo`, { method: "POST", body: "text \u20ac" }),
    "a string with a type": (fetch) =>
      fetch(`${here.origin}/echo`, { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } }),
    URLSearchParams: (fetch) =>
      fetch(`${here.origin}/echo`, { method: "POST", body: new URLSearchParams({ a: "1 2", b: "&" }) }),
    FormData: (fetch) => fetch(`${here.origin}/echo`, { method: "POST", body: form() }),
    "a Blob": (fetch) =>
      fetch(`${here.origin}/echo`, { method: "POST", body: new Blob(["ab", "c"], { type: "text/x-a" }) }),
    "a Blob without a type": (fetch) => fetch(`${here.origin}/echo`, { method: "POST", body: new Blob(["abc"]) }),
    "an ArrayBuffer": (fetch) =>
      fetch(`${here.origin}/echo`, { method: "POST", body: new Uint8Array([1, 200]).buffer }),
    "a window of bytes": (fetch) =>
      fetch(`${here.origin}/echo`, { method: "POST", body: new Uint8Array([1, 2, 3, 4]).subarray(1, 3) }),
    "a DataView": (fetch) =>
      fetch(`${here.origin}/echo`, { method: "POST", body: new DataView(new ArrayBuffer(3), 1) }),
    "a stream": (fetch) => fetch(`${here.origin}/echo`, { method: "POST", body: streamOf("a", "bc"), ...half }),
    "an async iterable": (fetch) => fetch(`${here.origin}/echo`, { method: "POST", body: iterate("a", "bc"), ...half }),
    "a stream without duplex": (fetch) => fetch(`${here.origin}/echo`, { method: "POST", body: streamOf("a") }),
    "a number": (fetch) => fetch(`${here.origin}/echo`, { method: "POST", body: 12 as unknown as string }),
    "GET with content": (fetch) => fetch(`${here.origin}/echo`, { body: "x" }),
    CONNECT: (fetch) => fetch(`${here.origin}/echo`, { method: "CONNECT" }),
    "a method that is none": (fetch) => fetch(`${here.origin}/echo`, { method: "a b" }),
    "a URL that is none": (fetch) => fetch("/relative"),
    "a URL with credentials": (fetch) => fetch("http://a:b@127.0.0.1/"),
    "a redirect mode that is none": (fetch) => fetch(here.origin, { redirect: "no" as "follow" }),
    "a signal that is none": (fetch) => fetch(here.origin, { signal: {} as AbortSignal }),
    "fields as a record": (fetch) => fetch(`${here.origin}/echo`, { headers: { "X-A": "  1 ", cookie: "a=1" } }),
    "fields as pairs, twice the same": (fetch) =>
      fetch(`${here.origin}/echo`, {
        headers: [
          ["x-a", "1"],
          ["X-A", "2"],
        ],
      }),
    "fields as a Headers": (fetch) => fetch(`${here.origin}/echo`, { headers: new Headers({ accept: "text/x-a" }) }),
    "a field name that is none": (fetch) => fetch(here.origin, { headers: { "a b": "1" } }).catch((e) => e.name),
    "a field value with a line end": (fetch) =>
      fetch(here.origin, { headers: { a: "1\r\nb: 2" } }).catch((e) => e.name),
    "names a browser would keep for itself": (fetch) =>
      fetch(`${here.origin}/echo`, {
        headers: { origin: "http://a", referer: "http://b", date: "now", dnt: "1", via: "c" },
      }),
    "another Host": (fetch) => fetch(`${here.origin}/echo`, { headers: { host: "example.org" } }),
    "an accept-encoding of one's own": (fetch) =>
      fetch(`${here.origin}/echo`, { headers: { "accept-encoding": "br" } }),
    "a range": (fetch) => fetch(`${here.origin}/echo`, { headers: { range: "bytes=0-1" } }),
    "transfer-encoding": (fetch) => fetch(`${here.origin}/echo`, { headers: { "transfer-encoding": "chunked" } }),
    upgrade: (fetch) => fetch(`${here.origin}/echo`, { headers: { upgrade: "websocket" } }),
    expect: (fetch) => fetch(`${here.origin}/echo`, { method: "POST", body: "a", headers: { expect: "100-continue" } }),
    "keep-alive": (fetch) => fetch(`${here.origin}/echo`, { headers: { "keep-alive": "timeout=1" } }),
    "a content-length that is right": (fetch) =>
      fetch(`${here.origin}/echo`, { method: "POST", body: "abc", headers: { "content-length": "3" } }),
    "a content-length that is wrong": (fetch) =>
      fetch(`${here.origin}/echo`, { method: "POST", body: "abc", headers: { "content-length": "4" } }),
    "a Request": (fetch) =>
      fetch(new Request(`${here.origin}/echo`, { method: "PUT", body: "abc", headers: { a: "1" } })),
    "a Request with a form": (fetch) => fetch(new Request(`${here.origin}/echo`, { method: "POST", body: form() })),
    "a Request with a stream": (fetch) =>
      fetch(new Request(`${here.origin}/echo`, { method: "POST", body: streamOf("a", "b"), ...half })),
    "a Request, changed": (fetch) =>
      fetch(new Request(`${here.origin}/echo`, { method: "PUT", body: "abc" }), {
        method: "POST",
        headers: { b: "2" },
      }),
    "a Request that was read": async (fetch) => {
      const request = new Request(`${here.origin}/echo`, { method: "PUT", body: "abc" });
      await request.text();
      return await fetch(request);
    },
    "a Request is read by it": async (fetch) => {
      const request = new Request(`${here.origin}/echo`, { method: "PUT", body: "abc" });
      await (await fetch(request)).text();
      return request.bodyUsed;
    },
    "keepalive and credentials": (fetch) => fetch(`${here.origin}/echo`, { keepalive: true, credentials: "include" }),
    "cache no-store": (fetch) => fetch(`${here.origin}/echo`, { cache: "no-store" } as RequestInit),
    "cache no-cache": (fetch) => fetch(`${here.origin}/echo`, { cache: "no-cache" } as RequestInit),
    "mode navigate": (fetch) => fetch(here.origin, { mode: "navigate" }).catch((e) => e.name),
    "data:": (fetch) => fetch("data:text/x-a,hello%20there"),
    "about:blank": (fetch) => fetch("about:blank"),
    "blob:": async (fetch) => (await fetch(URL.createObjectURL(new Blob(["in a blob"])))).text(),
    "file:": (fetch) => fetch("file:///etc/hostname"),
    "ftp:": (fetch) => fetch("ftp://127.0.0.1/"),
  });
});

describe("redirects", () => {
  const to = (origin: EchoOrigin, path: string): string => encodeURIComponent(`${origin.origin}${path}`);
  const all = { authorization: "a", cookie: "b", "proxy-authorization": "c", "x-kept": "d", "content-language": "e" };
  const cases: Record<string, Case> = {
    "20 of them": (fetch) => fetch(`${here.origin}/loop/0`),
    "no location": (fetch) => fetch(`${here.origin}/redirect/302`),
    "a location that is none": (fetch) => fetch(`${here.origin}/redirect/302?to=${encodeURIComponent("http://[")}`),
    "another scheme": (fetch) => fetch(`${here.origin}/redirect/302?to=${encodeURIComponent("data:,x")}`),
    "credentials in a location here": (fetch) =>
      fetch(`${here.origin}/redirect/302?to=${encodeURIComponent(here.origin.replace("//", "//a:b@"))}`).catch(
        (e) => e.name,
      ),
    "credentials in a location there": (fetch) =>
      fetch(`${here.origin}/redirect/302?to=${encodeURIComponent(there.origin.replace("//", "//a:b@"))}`),
    "mode same-origin": (fetch) =>
      fetch(`${here.origin}/redirect/302?to=${to(there, "/echo")}`, { mode: "same-origin" }),
    manual: (fetch) => fetch(`${here.origin}/redirect/302?to=/echo`, { redirect: "manual" }),
    error: (fetch) => fetch(`${here.origin}/redirect/302?to=/echo`, { redirect: "error" }),
    "error, where there is none": (fetch) => fetch(`${here.origin}/echo`, { redirect: "error" }),
    "a fragment": (fetch) => fetch(`${here.origin}/redirect/302?to=/echo%23there#here`),
    "a form, again": (fetch) => fetch(`${here.origin}/redirect/302?to=/echo`, { method: "POST", body: form() }),
    "a Blob, again": (fetch) =>
      fetch(`${here.origin}/redirect/307?to=/echo`, { method: "POST", body: new Blob(["abc"]) }),
    "a stream that cannot be sent again": (fetch) =>
      fetch(`${here.origin}/redirect/307?to=/echo`, { method: "POST", body: streamOf("abc"), ...half }),
    "a stream that need not be": (fetch) =>
      fetch(`${here.origin}/redirect/303?to=/echo`, { method: "POST", body: streamOf("abc"), ...half }),
    "there and back": (fetch) => {
      const back = encodeURIComponent(`${here.origin}/echo`);
      const over = encodeURIComponent(`${there.origin}/redirect/302?to=${back}`);
      return fetch(`${here.origin}/redirect/302?to=${over}`, { headers: all });
    },
  };
  for (const status of [300, 301, 302, 303, 304, 305, 307, 308]) {
    for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE"]) {
      const init =
        method === "POST" || method === "PUT" ? { method, body: "abc", headers: all } : { method, headers: all };
      cases[`${status} for ${method}`] = (fetch) => fetch(`${here.origin}/redirect/${status}?to=/echo`, init);
      cases[`${status} for ${method} to another origin`] = (fetch) =>
        fetch(`${here.origin}/redirect/${status}?to=${to(there, "/echo")}`, init);
    }
  }
  table(cases);
});

describe("content codings", () => {
  const cases: Record<string, Case> = {
    HEAD: (fetch) => fetch(`${here.origin}/coded/gzip`, { method: "HEAD" }),
    "what is not what it says": (fetch) => fetch(`${here.origin}/broken-gzip`),
  };
  for (const coding of ["gzip", "x-gzip", "deflate", "rawdeflate", "br", "gzip, br", "unknown", "large"]) {
    cases[coding] = (fetch) => fetch(`${here.origin}/coded/${encodeURIComponent(coding)}`);
    cases[`${coding}, as a stream`] = async (fetch) => {
      const response = await fetch(`${here.origin}/coded/${encodeURIComponent(coding)}`);
      let text = "";
      for await (const chunk of response.body as ReadableStream<Uint8Array>) text += new TextDecoder().decode(chunk);
      return text;
    };
  }
  table(cases);
});

describe("failures", () => {
  table({
    "nobody listens": (fetch) => fetch("http://127.0.0.1:1/"),
    "no such host": (fetch) => fetch("http://no-such-host.invalid/"),
    "the connection is lost before the response": (fetch) =>
      fetch(`${here.origin}/reset`, { method: "POST", body: "a" }),
    "the connection is lost within the response": async (fetch) => await (await fetch(`${here.origin}/cut`)).text(),
    "the connection is lost within the stream": async (fetch) => {
      const reader = (await fetch(`${here.origin}/cut`)).body?.getReader();
      for (;;) if ((await reader?.read())?.done !== false) return "done";
    },
    "aborted before": (fetch) => fetch(here.origin, { signal: AbortSignal.abort() }),
    "aborted before, with a reason": (fetch) => fetch(here.origin, { signal: AbortSignal.abort("why") }),
    "aborted before, within a Request": (fetch) =>
      fetch(new Request(here.origin, { signal: AbortSignal.abort("why") })),
    "aborted while it waits": async (fetch) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 30);
      return await fetch(`${here.origin}/silent`, { signal: controller.signal });
    },
    "timed out": (fetch) => fetch(`${here.origin}/silent`, { signal: AbortSignal.timeout(30) }),
    "aborted within the response": async (fetch) => {
      const controller = new AbortController();
      const response = await fetch(`${here.origin}/slow`, { signal: controller.signal });
      setTimeout(() => controller.abort(new Error("mine")), 30);
      return await response.text();
    },
    "aborted within the stream": async (fetch) => {
      const controller = new AbortController();
      const response = await fetch(`${here.origin}/slow`, { signal: controller.signal });
      const reader = response.body?.getReader();
      const first = await reader?.read();
      setTimeout(() => controller.abort(), 30);
      try {
        await reader?.read();
        return "read";
      } catch (error) {
        return [new TextDecoder().decode(first?.value as Uint8Array), (error as Error).name];
      }
    },
    "aborted after the end": async (fetch) => {
      const controller = new AbortController();
      const response = await fetch(here.origin, { signal: controller.signal });
      const text = await response.text();
      controller.abort();
      return text;
    },
    "a stream that fails": async (fetch) => {
      const body = new ReadableStream({ pull: (controller) => controller.error(new Error("mine")) });
      return await fetch(`${here.origin}/echo`, { method: "POST", body, ...half });
    },
  });
});

describe("streaming both ways", () => {
  table({
    "what is sent comes back piece by piece": async (fetch) => {
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
      const writer = writable.getWriter();
      const answer = fetch(`${here.origin}/mirror`, { method: "POST", body: readable, ...half });
      void writer.write(new TextEncoder().encode("one"));
      const reader = (await answer).body?.getReader();
      const seen = [new TextDecoder().decode((await reader?.read())?.value as Uint8Array)];
      void writer.write(new TextEncoder().encode("two"));
      seen.push(new TextDecoder().decode((await reader?.read())?.value as Uint8Array));
      await writer.close();
      return [...seen, (await reader?.read())?.done];
    },
  });
});
