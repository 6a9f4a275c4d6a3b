/** Where redirects lead, what goes along, and what stays behind. */
import { collect, fromIterable, full } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import {
  type FollowRedirectsOptions,
  followRedirects,
  redirectsKey,
  replayableBody,
  signalKey,
} from "@sluice/util/middleware";
import { describe, expect, test, vi } from "vitest";
import { answering, bytes, call, expectError, failure, SpyBody } from "../../test/middleware/support.ts";

const to = (location: string | string[], status = 302): HttpResponse => new HttpResponse(status, { location });
const ok = (): HttpResponse => new HttpResponse(200);

/** What is asked after one redirect of `request`. */
async function second(
  request: HttpRequest,
  redirect: HttpResponse,
  options?: FollowRedirectsOptions,
): Promise<HttpRequest> {
  const inner = answering(redirect, ok());
  expect((await call(followRedirects(options)(inner), request)).status).toBe(200);
  const [, hop] = inner.requests;
  if (hop === undefined) throw new Error("nothing was followed");
  return hop;
}

const fieldsOf = ({ headers }: HttpRequest): Record<string, string> => Object.fromEntries(headers);

describe("method and body", () => {
  test.each([
    [301, "GET", "GET", false],
    [301, "HEAD", "HEAD", false],
    [301, "POST", "GET", false],
    [301, "PUT", "PUT", true],
    [302, "POST", "GET", false],
    [302, "PATCH", "PATCH", true],
    [302, "DELETE", "DELETE", true],
    [303, "POST", "GET", false],
    [303, "PUT", "GET", false],
    [303, "DELETE", "GET", false],
    [303, "HEAD", "HEAD", false],
    [307, "POST", "POST", true],
    [307, "PUT", "PUT", true],
    [308, "POST", "POST", true],
    [308, "GET", "GET", true],
  ])("%i: %s becomes %s; with its body: %s", async (status, method, expected, keepsBody) => {
    const hasBody = method !== "GET" && method !== "HEAD";
    const headers = { "content-type": "text/plain", "content-encoding": "x", "content-length": "4", "x-a": "1" };
    const request = new HttpRequest(method, "http://a.test/", headers, hasBody ? full("text") : undefined);
    const hop = await second(request, to("/next", status));
    expect([hop.method, hop.target.toString()]).toEqual([expected, "http://a.test/next"]);
    expect(await collect(hop.body).text()).toBe(keepsBody && hasBody ? "text" : "");
    const dropsBody = status === 303 || expected !== method;
    expect(fieldsOf(hop)).toEqual(dropsBody ? { "x-a": "1" } : headers);
  });

  test.each(["307", "308", "302"])("%s with a body that streams: the redirect is returned as it is", async (status) => {
    const body = new SpyBody([bytes("moved")]);
    const redirect = new HttpResponse(Number(status), { location: "/next" }, body);
    const inner = answering(redirect);
    const request = HttpRequest.put("http://a.test/", fromIterable(["x"]));
    const response = await call(followRedirects()(inner), request);
    expect([response, body.cancels, inner.requests.length]).toEqual([redirect, [], 1]);
    expect(response.extensions.get(redirectsKey)).toEqual({ target: request.target, history: [] });
  });

  test("303 with a body that streams is followed: the body is not needed", async () => {
    const request = HttpRequest.post("http://a.test/", fromIterable(["x"]));
    expect((await second(request, to("/next", 303))).method).toBe("GET");
  });

  test("a body that can be made goes along, hop for hop; behind a dropped one it does not come back", async () => {
    const request = replayableBody(HttpRequest.put("http://a.test/"), () => fromIterable(["a", "b"]));
    const sent: [string, string][] = [];
    const answers = [to("/1", 307), to("/2", 308), to("/3", 303), to("/4", 307), ok()];
    const taking = answers.map((answer) => async ({ method, body }: HttpRequest) => {
      sent.push([method, await collect(body).text()]);
      return answer;
    });
    await call(followRedirects()(answering(...taking)), request);
    expect(sent).toEqual([
      ["PUT", "ab"],
      ["PUT", "ab"],
      ["PUT", "ab"],
      ["GET", ""],
      ["GET", ""],
    ]);
  });
});

describe("to another origin", () => {
  const secrets = {
    authorization: "Basic c2VjcmV0",
    cookie: "a=b",
    cookie2: "x",
    "proxy-authorization": "Basic c2VjcmV0",
    "www-authenticate": "x",
    host: "a.test",
  };
  const request = (url = "http://a.test/"): HttpRequest => {
    const made = HttpRequest.get(url, { ...secrets, accept: "*/*" });
    made.headers.append("x-api-key", "k", { sensitive: true });
    return made;
  };

  test.each(["http://b.test/", "http://a.test:8080/", "https://a.test/", "//sub.a.test/", "http://a.test.b.test/"])(
    "%s: no secret goes along",
    async (location) => {
      expect(fieldsOf(await second(request(), to(location)))).toEqual({ accept: "*/*" });
    },
  );

  test.each(["/other", "http://a.test/", "http://A.TEST:80/", "//a.test/x"])(
    "%s is the same one: all go along",
    async (location) => {
      expect(fieldsOf(await second(request(), to(location)))).toEqual({ ...secrets, accept: "*/*", "x-api-key": "k" });
    },
  );

  test("what was left behind does not come back on the way home", async () => {
    const inner = answering(to("http://b.test/"), to("http://a.test/home"), ok());
    await call(followRedirects()(inner), request());
    expect(inner.requests.map((hop) => hop.headers.has("authorization"))).toEqual([true, false, false]);
  });

  test("the request that was given keeps its fields", async () => {
    const given = request();
    await second(given, to("http://b.test/"));
    expect(given.headers.get("authorization")).toBe(secrets.authorization);
  });
});

describe("Referer", () => {
  test("with `referer`: the URI that led on, without its fragment; else nothing is added", async () => {
    const request = HttpRequest.get("https://a.test/x?y#z");
    expect((await second(request, to("https://b.test/"), { referer: true })).headers.get("referer")).toBe(
      "https://a.test/x?y",
    );
    expect((await second(request, to("https://b.test/"))).headers.has("referer")).toBe(false);
  });

  test("never from https to http, be it one of the program's or of the hop before", async () => {
    const own = HttpRequest.get("https://a.test/", { referer: "https://a.test/secret" });
    expect((await second(own, to("http://a.test/"))).headers.has("referer")).toBe(false);
    const inner = answering(to("https://b.test/"), to("http://c.test/"), to("http://d.test/"), ok());
    await call(followRedirects({ referer: true })(inner), HttpRequest.get("https://a.test/"));
    expect(inner.requests.map((hop) => hop.headers.get("referer"))).toEqual([
      undefined,
      "https://a.test/",
      undefined,
      "http://c.test/",
    ]);
  });
});

describe("Location", () => {
  test.each([
    ["/a/b?c=d", "http://a.test/a/b?c=d"],
    ["x", "http://a.test/dir/x"],
    ["../x", "http://a.test/x"],
    ["?q", "http://a.test/dir/page?q"],
    ["https://b.test", "https://b.test/"],
    ["/x#part", "http://a.test/x"],
    ["/a b", "http://a.test/a%20b"],
    ["/\xc3\xa9", "http://a.test/%C3%A9"],
    ["http://[::1]:8080/", "http://[::1]:8080/"],
  ])("%j leads to %s", async (location, expected) => {
    const hop = await second(HttpRequest.get("http://a.test/dir/page?x"), to(location));
    expect(hop.target.toString()).toBe(expected);
  });

  test.each([
    ["missing"],
    [""],
    ["http://"],
    ["http://a.test:99999/"],
    ['http://a"b/'],
    ["//user:secret@b.test/"],
    ["/\xff"],
  ])("%j: the redirect is returned as it is", async (location) => {
    const redirect = location === "missing" ? new HttpResponse(302) : to(location);
    expect(await call(followRedirects()(answering(redirect)))).toBe(redirect);
  });

  test("several: returned as it is", async () => {
    const redirect = to(["/a", "/b"]);
    expect(await call(followRedirects()(answering(redirect)))).toBe(redirect);
  });

  test.each([200, 201, 300, 304, 305, 306])("%i is not followed", async (status) => {
    const response = to("/next", status);
    expect(await call(followRedirects()(answering(response)))).toBe(response);
  });

  test.each(["ftp://b.test/", "javascript:alert(1)", "data:,x", "file:///etc/passwd"])(
    "%s is an error",
    async (location) => {
      const body = new SpyBody();
      const redirect = new HttpResponse(302, { location }, body);
      const error = await failure(call(followRedirects()(answering(redirect))));
      expectError(error, "protocol", "REDIRECT_SCHEME");
      expect(body.cancels).toEqual([error]);
    },
  );

  test("a target that is no absolute URI cannot be followed from", async () => {
    const redirect = to("http://b.test/");
    expect(await call(followRedirects()(answering(redirect)), HttpRequest.get("/x"))).toBe(redirect);
  });
});

describe("limit and policy", () => {
  const chain = (count: number): HttpResponse[] => Array.from({ length: count }, (_, index) => to(`/${index + 1}`));

  test("ten redirects are followed, an eleventh is an error", async () => {
    expect((await call(followRedirects()(answering(...chain(10), ok())))).status).toBe(200);
    const last = new SpyBody();
    const eleven = [...chain(10), new HttpResponse(302, { location: "/" }, last)];
    const error = await failure(call(followRedirects()(answering(...eleven))));
    expectError(error, "limit", "TOO_MANY_REDIRECTS");
    expect([error.message, last.cancels]).toEqual(["more redirects than limit = 10 allows", [error]]);
  });

  test("limit 0: the first one is an error", async () => {
    expectError(await failure(call(followRedirects({ limit: 0 })(answering(to("/1"))))), "limit", "TOO_MANY_REDIRECTS");
  });

  test("the policy sees status, next and previous, and can stop or fail", async () => {
    const seen: unknown[] = [];
    const verdicts = ["follow", "follow", "stop"] as const;
    const inner = answering(to("/1", 301), to("/2", 308), to("ftp://b.test/", 302));
    const response = await call(
      followRedirects({
        policy: ({ status, next, previous }) => {
          seen.push([status, next.href, previous.map(String)]);
          return verdicts[seen.length - 1] ?? "error";
        },
      })(inner),
    );
    expect(response.status).toBe(302);
    expect(seen).toEqual([
      [301, "http://a.test/1", ["http://a.test/"]],
      [308, "http://a.test/2", ["http://a.test/", "http://a.test/1"]],
      [302, "ftp://b.test/", ["http://a.test/", "http://a.test/1", "http://a.test/2"]],
    ]);
    expectError(
      await failure(call(followRedirects({ policy: () => "error" })(answering(to("/"))))),
      "canceled",
      "REDIRECT_REFUSED",
    );
  });

  test("a policy that throws, or says nothing, ends the call", async () => {
    const policy = vi.fn().mockImplementationOnce(() => {
      throw new Error("oops");
    });
    for (let i = 0; i < 2; i++) {
      const body = new SpyBody();
      const inner = answering(new HttpResponse(302, { location: "/" }, body));
      expectError(await failure(call(followRedirects({ policy })(inner))), "user", "CALLBACK_FAILED");
      expect(body.cancels).toHaveLength(1);
    }
  });

  test("httpsOnly: neither the first nor a redirected request goes to http", async () => {
    const service = (...answers: HttpResponse[]) => followRedirects({ httpsOnly: true })(answering(...answers));
    expectError(await failure(call(service(), HttpRequest.get("http://a.test/"))), "user", "NOT_HTTPS");
    const https = HttpRequest.get("https://a.test/");
    expectError(await failure(call(service(to("http://a.test/")), https)), "protocol", "NOT_HTTPS");
    expect((await call(service(to("https://b.test/"), ok()), https)).status).toBe(200);
  });

  test("the response tells where it came from", async () => {
    const response = await call(followRedirects()(answering(to("/1", 301), to("http://b.test/2", 307), ok())));
    const redirects = response.extensions.get(redirectsKey);
    expect(redirects?.target.toString()).toBe("http://b.test/2");
    expect(redirects?.history.map(({ target, status }) => [target.toString(), status])).toEqual([
      ["http://a.test/", 301],
      ["http://a.test/1", 307],
    ]);
  });

  test("the bodies of redirects are cancelled, that of the last response is not", async () => {
    const bodies = [new SpyBody([], "open"), new SpyBody([], "open"), new SpyBody([], "open")];
    const answers = bodies.map((body, index) =>
      index < 2 ? new HttpResponse(302, { location: "/" }, body) : new HttpResponse(200, undefined, body),
    );
    await call(followRedirects()(answering(...answers)));
    expect(bodies.map(({ cancels }) => cancels.length)).toEqual([1, 1, 0]);
  });

  test("a body that was not read before the redirect is cancelled", async () => {
    const made: SpyBody[] = [];
    const request = replayableBody(HttpRequest.put("http://a.test/"), () => {
      const body = new SpyBody([bytes("x")]);
      made.push(body);
      return body;
    });
    await call(followRedirects()(answering(to("/1", 307), ok())), request);
    expect(made.map(({ cancels }) => cancels.length)).toEqual([1, 0]);
  });

  test("given up between two hops: no further request", async () => {
    const controller = new AbortController();
    const inner = answering(() => {
      controller.abort();
      return to("/1");
    });
    const request = HttpRequest.get("http://a.test/").extension(signalKey, controller.signal);
    expectError(await failure(call(followRedirects()(inner), request)), "canceled", "CANCELED");
    expect(inner.requests).toHaveLength(1);
  });
});

test("a synchronous answer that is no redirect stays one", () => {
  const response = ok();
  expect(followRedirects()(answering(response)).call(HttpRequest.get("http://a.test/"))).toBe(response);
});

test("options that make no sense are refused at once", () => {
  expect(() => followRedirects({ limit: -1 })).toThrow(
    "followRedirects: limit must be a whole number from 0 to 1000, got -1",
  );
  expect(() => followRedirects({ policy: "follow" as never })).toThrow(TypeError);
  expect(() => followRedirects({ max: 1 } as never)).toThrow(new TypeError("followRedirects: unknown option max"));
});
