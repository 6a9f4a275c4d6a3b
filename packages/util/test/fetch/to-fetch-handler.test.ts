/** Services as fetch handlers. */
import { collect, empty, fromIterable, full, HeaderMap, withTrailers } from "@sluice/body";
import { HttpResponse, sendInformational, serviceFn, upgradeOn } from "@sluice/core";
import { fromFetchHandler, toFetchHandler } from "@sluice/util/fetch";
import { expect, test } from "vitest";
import { recording } from "./support.ts";

test("the service is asked for the absolute URI, with method, fields and content", async () => {
  const service = recording();
  const headers: [string, string][] = [
    ["x-a", "1"],
    ["content-type", "text/x-a"],
  ];
  const request = new Request("https://a.test:8443/b?c#d", { method: "PUT", body: "abc", headers });
  await toFetchHandler(service)(request);
  const [asked] = service.requests;
  expect([asked?.method, asked?.target.toString(), asked?.authority]).toEqual([
    "PUT",
    "https://a.test:8443/b?c",
    "a.test:8443",
  ]);
  expect([...(asked?.headers ?? [])]).toEqual([
    ["content-type", "text/x-a"],
    ["x-a", "1"],
  ]);
  expect(asked?.body.sizeHint().exact).toBe(3);
  expect(await collect(asked?.body ?? empty()).text()).toBe("abc");
});

test("a request without content has an empty body", async () => {
  const service = recording();
  await toFetchHandler(service)(new Request("http://a/"));
  expect(service.requests[0]?.body.isEndStream()).toBe(true);
});

test("the signal is that of the request", async () => {
  const controller = new AbortController();
  const service = recording();
  await toFetchHandler(service)(new Request("http://a/", { signal: controller.signal }));
  const signal = service.requests[0]?.signal;
  expect(signal?.aborted).toBe(false);
  controller.abort("why");
  expect([signal?.aborted, signal?.reason]).toEqual([true, "why"]);
});

test("status, phrase, fields and cookies come back; fields about the connection do not", async () => {
  const headers: [string, string][] = [
    ["x-a", "1"],
    ["x-a", "2"],
    ["set-cookie", "b=1"],
    ["set-cookie", "c=2"],
    ["connection", "close"],
    ["transfer-encoding", "chunked"],
    ["keep-alive", "timeout=5"],
  ];
  const handler = toFetchHandler(serviceFn(() => new HttpResponse(404, headers).withReason("Nowhere")));
  const response = await handler(new Request("http://a/"));
  expect([response.status, response.statusText, response.body]).toEqual([404, "Nowhere", null]);
  expect([...response.headers]).toEqual([
    ["set-cookie", "b=1"],
    ["set-cookie", "c=2"],
    ["x-a", "1, 2"],
  ]);
  expect(Object.getPrototypeOf(response)).toBe(Response.prototype);
});

test("content at hand and content in pieces, with its length where it is known", async () => {
  const bodies = [
    full("abc"),
    fromIterable([Buffer.from("a"), Buffer.from("bc")], { length: 3 }),
    fromIterable(["ab", "c"]),
  ];
  const lengths: (string | null)[] = [];
  for (const body of bodies) {
    const response = await toFetchHandler(serviceFn(async () => new HttpResponse(200, {}, body)))(
      new Request("http://a/"),
    );
    lengths.push(response.headers.get("content-length"));
    expect(await response.text()).toBe("abc");
  }
  expect(lengths).toEqual(["3", "3", null]);
});

test("HEAD, 204 and 304 have no content, and their bodies are cancelled", async () => {
  let canceled = 0;
  const body = () =>
    fromIterable(
      (function* () {
        try {
          yield "abc";
          yield "d";
        } finally {
          canceled++;
        }
      })(),
    );
  for (const [method, status] of [
    ["HEAD", 200],
    ["GET", 204],
    ["GET", 304],
  ] as const) {
    const source = body();
    await source.frame();
    const handler = toFetchHandler(serviceFn(() => new HttpResponse(status, {}, source)));
    const response = await handler(new Request("http://a/", { method }));
    expect([response.status, response.body]).toEqual([status, null]);
  }
  expect(canceled).toBe(3);
});

test("HEAD says the length that GET would have had", async () => {
  const handler = toFetchHandler(serviceFn(() => new HttpResponse(200, {}, full("abc"))));
  const response = await handler(new Request("http://a/", { method: "HEAD" }));
  expect([response.headers.get("content-length"), await response.text()]).toEqual(["3", ""]);
});

test("a reader that leaves cancels the body with its reason", async () => {
  const reasons: unknown[] = [];
  const body = fromIterable(["abc", "d"]);
  const cancel = body.cancel.bind(body);
  body.cancel = (reason) => {
    reasons.push(reason);
    cancel(reason);
  };
  const response = await toFetchHandler(serviceFn(() => new HttpResponse(200, {}, body)))(new Request("http://a/"));
  await response.body?.cancel("enough");
  expect(reasons).toEqual(["enough"]);
});

test("what has no way out: 1xx, trailers, upgrades, 101", async () => {
  const handler = toFetchHandler(
    serviceFn(async (request) => {
      const upgrade = await upgradeOn(request).catch((error: { code: string }) => error.code);
      const informed = sendInformational(request, 103);
      return new HttpResponse(200, {}, withTrailers(full(`${informed} ${String(upgrade)}`), new HeaderMap({ a: "1" })));
    }),
  );
  expect(await (await handler(new Request("http://a/"))).text()).toBe("false NO_UPGRADE");
  await expect(toFetchHandler(serviceFn(() => new HttpResponse(101)))(new Request("http://a/"))).rejects.toThrow(
    RangeError,
  );
});

test("a service that fails rejects with its own error", async () => {
  const error = new Error("mine");
  const handler = toFetchHandler({
    call() {
      throw error;
    },
  });
  await expect(handler(new Request("http://a/"))).rejects.toBe(error);
});

test("there and back again", async () => {
  const service = fromFetchHandler(
    async (request) => new Response(`${request.url} ${await request.text()}`, { status: 201 }),
  );
  const response = await toFetchHandler(service)(new Request("http://a.test/b", { method: "POST", body: "c" }));
  expect([response.status, await response.text()]).toEqual([201, "http://a.test/b c"]);
});
