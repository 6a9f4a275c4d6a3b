import { empty, full, HeaderMap } from "@sluice/body";
import { describe, expect, test } from "vitest";
import { upgradeOn } from "../upgrade/upgrade.ts";
import { extensionKey } from "./extensions.ts";
import { sendInformational } from "./informational.ts";
import { abortRequest, HttpRequest } from "./request.ts";
import { HttpResponse } from "./response.ts";
import { RequestTarget } from "./target.ts";

describe("HttpRequest", () => {
  test("is HTTP/1.1, without fields and with an empty body unless told otherwise", () => {
    const request = new HttpRequest("GET", "/x");
    expect([request.method, request.target.toString(), request.version]).toEqual(["GET", "/x", "HTTP/1.1"]);
    expect(request.headers.size).toBe(0);
    expect(request.body.isEndStream()).toBe(true);
    expect(request.extensionsIfAny).toBeUndefined();
  });

  test("a HeaderMap and a RequestTarget are used as they are; other fields are copied", () => {
    const headers = new HeaderMap([["host", "a.test"]]);
    const target = RequestTarget.parse("/x");
    const request = new HttpRequest("GET", target, headers);
    expect(request.headers).toBe(headers);
    expect(request.target).toBe(target);
    expect([...HttpRequest.get("/", { Host: "a.test", accept: ["a", "b"] }).headers]).toEqual([
      ["host", "a.test"],
      ["accept", "a"],
      ["accept", "b"],
    ]);
  });

  test("shortcuts name their method", () => {
    const body = full("x");
    const made = [
      HttpRequest.get("/"),
      HttpRequest.head("/"),
      HttpRequest.post("/", body),
      HttpRequest.put("/", body),
      HttpRequest.patch("/", body),
      HttpRequest.delete("/"),
      HttpRequest.options("*"),
      HttpRequest.connect("a.test:1"),
    ];
    expect(made.map((request) => `${request.method} ${request.target.form}`)).toEqual([
      "GET origin",
      "HEAD origin",
      "POST origin",
      "PUT origin",
      "PATCH origin",
      "DELETE origin",
      "OPTIONS asterisk",
      "CONNECT authority",
    ]);
    expect(made.filter((request) => request.body === body).length).toBe(3);
  });

  test("the builder methods chain, and fields append", () => {
    const key = extensionKey<number>("key");
    const body = full("x");
    const request = HttpRequest.post("/")
      .header("A", "1")
      .header("a", "2")
      .withVersion("HTTP/1.0")
      .withBody(body)
      .extension(key, 7);
    expect(request.headers.getAll("a")).toEqual(["1", "2"]);
    expect([request.version, request.body, request.extensions.get(key)]).toEqual(["HTTP/1.0", body, 7]);
  });

  test("what cannot be sent is refused at once", () => {
    expect(() => new HttpRequest("G T", "/")).toThrow(TypeError);
    expect(() => new HttpRequest("GET", "no slash")).toThrow(TypeError);
    expect(() => HttpRequest.get("/").header("a b", "x")).toThrow(TypeError);
    expect(() => HttpRequest.get("/").header("a", "x\r\nb: y")).toThrow(TypeError);
    expect(() => HttpRequest.get("/", { a: "\0" })).toThrow(TypeError);
  });

  test("authority: of the target if it names one, else of Host", () => {
    expect(HttpRequest.get("http://a.test:1/", { host: "b.test" }).authority).toBe("a.test:1");
    expect(HttpRequest.connect("a.test:1", { host: "b.test" }).authority).toBe("a.test:1");
    expect(HttpRequest.get("/", { host: "b.test" }).authority).toBe("b.test");
    expect(HttpRequest.get("/").authority).toBeUndefined();
  });

  test("the signal aborts once, with the first reason, whether asked for before or after", () => {
    const before = HttpRequest.get("/");
    const { signal } = before;
    expect(before.signal).toBe(signal);
    expect(signal.aborted).toBe(false);
    const after = HttpRequest.get("/");
    const [first, second] = [new Error("first"), new Error("second")];
    for (const request of [before, after]) {
      abortRequest(request, first);
      abortRequest(request, second);
      expect(request.signal.aborted).toBe(true);
      expect(request.signal.reason).toBe(first);
    }
  });

  test("made by hand it belongs to no exchange: no upgrade, no informational response", async () => {
    await expect(upgradeOn(HttpRequest.get("/"))).rejects.toMatchObject({ kind: "user", code: "NO_UPGRADE" });
    await expect(upgradeOn(new HttpResponse(101))).rejects.toMatchObject({ kind: "user", code: "NO_UPGRADE" });
    expect(sendInformational(HttpRequest.get("/"), 103)).toBe(false);
  });

  test("an informational status is 1xx and not 101", () => {
    for (const status of [99, 101, 200, 100.5, Number.NaN]) {
      expect(() => sendInformational(HttpRequest.get("/"), status)).toThrow(RangeError);
    }
  });
});

describe("HttpResponse", () => {
  test("is 200 of HTTP/1.1, without fields and with an empty body unless told otherwise", () => {
    const response = new HttpResponse();
    expect([response.status, response.version, response.reason, response.headers.size]).toEqual([
      200,
      "HTTP/1.1",
      "OK",
      0,
    ]);
    expect(response.body.isEndStream()).toBe(true);
    expect(response.extensionsIfAny).toBeUndefined();
  });

  test("the builder methods chain", () => {
    const key = extensionKey<string>("key");
    const response = new HttpResponse(404, [["a", "1"]])
      .header("A", "2")
      .withVersion("HTTP/1.0")
      .withReason("Gone Fishing")
      .withBody(empty())
      .extension(key, "v");
    expect(response.headers.getAll("a")).toEqual(["1", "2"]);
    expect([response.status, response.version, response.reason]).toEqual([404, "HTTP/1.0", "Gone Fishing"]);
    expect(response.extensions.get(key)).toBe("v");
  });

  test("the reason is the one set, even an empty one, else the registered one, else empty", () => {
    expect(new HttpResponse(204).reason).toBe("No Content");
    expect(new HttpResponse(204).withReason("").reason).toBe("");
    expect(new HttpResponse(299).reason).toBe("");
  });

  test("what cannot be sent is refused at once", () => {
    expect(() => new HttpResponse(99)).toThrow(RangeError);
    expect(() => new HttpResponse(1000)).toThrow(RangeError);
    expect(() => new HttpResponse().withReason("a\r\nb")).toThrow(TypeError);
    expect(() => new HttpResponse(200, { "a\n": "b" })).toThrow(TypeError);
  });
});
