/** Trailer sections in both directions (RFC 9110 6.5, RFC 9112 7.1.2). */
import { collect, fromIterable, HeaderMap, Trailers } from "@sluice/body";
import { HttpResponse } from "@sluice/core";
import type * as http1 from "@sluice/core/http1";
import { describe, expect, test } from "vitest";
import { expectFailedAfter, expectOpen, get, head, ok, okText, refusal } from "../support/server.ts";
import { type ServerUnderTest, serveOn, settle } from "../support/wire.ts";

type Fields = readonly (readonly [string, string])[];

/** Sends "hello" and trailers. */
function sending(trailers: Fields, announced: Fields, options: http1.ServerOptions = {}): ServerUnderTest {
  const map = (fields: Fields): HeaderMap =>
    fields.reduce((into, [name, value]) => into.append(name, value), new HeaderMap());
  return serveOn(
    () => new HttpResponse(200, map(announced), fromIterable(["hello", new Trailers(map(trailers))])),
    options,
  );
}

const accepting = head("GET / HTTP/1.1", "te: trailers");
const start = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n";

describe("trailers of a response", () => {
  test("[hyper-124] are sent when they are announced and allowed", () => {
    const server = sending(
      [
        ["x-one", "1"],
        ["x-two", "2"],
        ["x-not-announced", "3"],
        ["content-length", "4"],
      ],
      [["trailer", "x-one, x-two, content-length"]],
    );
    server.io.push(accepting);
    const trailer = "trailer: x-one, x-two, content-length\r\n\r\n";
    expect(server.io.takeWritten()).toBe(`${start}${trailer}5\r\nhello\r\n0\r\nx-one: 1\r\nx-two: 2\r\n\r\n`);
    expectOpen(server);
  });

  test("[hyper-125] follow titleCaseHeaders", () => {
    const server = sending([["x-one", "1"]], [["trailer", "x-one"]], { titleCaseHeaders: true });
    server.io.push(accepting);
    expect(server.io.takeWritten()).toBe(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-one\r\n\r\n5\r\nhello\r\n0\r\nX-One: 1\r\n\r\n",
    );
  });

  test("[hyper-126] are not sent to a client that does not say te: trailers", () => {
    const server = sending([["x-one", "1"]], [["trailer", "x-one"]]);
    server.io.push(get);
    expect(server.io.takeWritten()).toBe(`${start}trailer: x-one\r\n\r\n5\r\nhello\r\n0\r\n\r\n`);
    expectOpen(server);
  });

  for (const [fields, sent] of [
    [["te: trailers, deflate"], true],
    [["te: deflate;q=0.5,Trailers"], true],
    [["te: gzip", "te: trailers"], true],
    [["te: gzip", "te: deflate"], false],
    [["te: x-trailers"], false],
    [["te: "], false],
  ] as const) {
    test(`[hyper-127] te is a list, over any number of lines: ${fields.join(" and ")}: ${sent ? "sent" : "not sent"}`, () => {
      const server = sending([["x-one", "1"]], [["trailer", "x-one"]]);
      server.io.push(head("GET / HTTP/1.1", ...fields));
      const trailers = sent ? "x-one: 1\r\n" : "";
      expect(server.io.takeWritten()).toBe(`${start}trailer: x-one\r\n\r\n5\r\nhello\r\n0\r\n${trailers}\r\n`);
    });
  }

  test("never hold what belongs before the content, whatever is announced", () => {
    const names = [
      "authorization",
      "cache-control",
      "content-encoding",
      "content-length",
      "content-range",
      "content-type",
      "host",
      "max-forwards",
      "set-cookie",
      "te",
      "trailer",
      "transfer-encoding",
    ];
    const server = sending(
      names.map((name) => [name, "1"] as const),
      [["trailer", names.join(",")]],
    );
    server.io.push(accepting);
    expect(server.io.takeWritten()).toBe(`${start}trailer: ${names.join(",")}\r\n\r\n5\r\nhello\r\n0\r\n\r\n`);
  });

  test("are dropped where the content is not chunked", () => {
    const fields: Fields = [
      ["trailer", "x-one"],
      ["content-length", "5"],
    ];
    const server = sending([["x-one", "1"]], fields);
    server.io.push(accepting);
    expect(server.io.takeWritten()).toBe("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
    expectOpen(server);
  });
});

describe("trailers of a request", () => {
  function receiving(options: http1.ServerOptions = {}): { server: ServerUnderTest; got: (string | undefined)[] } {
    const got: (string | undefined)[] = [];
    const server = serveOn(async (request) => {
      const collected = collect(request.body);
      const text = await collected.text().catch((error: unknown) => `${(error as { code: string }).code}`);
      const trailers = await collected.trailers().catch(() => undefined);
      got.push(text, trailers === undefined ? undefined : JSON.stringify([...trailers]));
      return ok();
    }, options);
    return { server, got };
  }

  const chunked = head("POST / HTTP/1.1", "transfer-encoding: chunked");

  test("[hyper-128] come as a frame behind the content, announced or not, and mean nothing to the connection", async () => {
    const { server, got } = receiving();
    server.io.push(
      `${chunked}5\r\nhello\r\n0\r\nx-one: 1\r\nconnection: close\r\ncontent-length: 3\r\nx-one:2\r\n\r\n`,
    );
    await settle();
    expect(got).toEqual(["hello", '[["x-one","1"],["connection","close"],["content-length","3"],["x-one","2"]]']);
    expect(server.io.takeWritten()).toBe(okText);
    expectOpen(server);
  });

  test("[hyper-129] leave the connection usable, wherever they are cut", async () => {
    const input = `${chunked}5\r\nhello\r\n0\r\nx-one: 1\r\n\r\n`;
    for (let cut = chunked.length; cut < input.length; cut++) {
      const { server, got } = receiving();
      server.io.push(input.slice(0, cut));
      await settle();
      server.io.push(input.slice(cut) + get);
      await settle();
      expect(got).toEqual(["hello", '[["x-one","1"]]', "", undefined]);
      expect(server.io.takeWritten()).toBe(okText + okText);
      expectOpen(server);
    }
  });

  test("of maxTrailerBytes pass, one byte more: 431", async () => {
    const section = "x-one: 1\r\n\r\n";
    const at = receiving({ maxTrailerBytes: section.length });
    at.server.io.push(`${chunked}0\r\n${section}`);
    await settle();
    expect(at.got).toEqual(["", '[["x-one","1"]]']);
    const over = receiving({ maxTrailerBytes: section.length - 1 });
    over.server.io.push(`${chunked}0\r\n${section}`);
    const answer = refusal("431 Request Header Fields Too Large");
    await expectFailedAfter(over.server, answer, "limit", "TRAILERS_TOO_LARGE");
    expect(over.got).toEqual(["TRAILERS_TOO_LARGE", undefined]);
  });

  test("of maxHeaders lines pass, one more: 431", async () => {
    const lines = (count: number): string => "x: 1\r\n".repeat(count);
    const at = receiving({ maxHeaders: 3 });
    at.server.io.push(`${chunked}0\r\n${lines(3)}\r\n`);
    await settle();
    expect(at.server.io.takeWritten()).toBe(okText);
    const over = receiving({ maxHeaders: 3 });
    over.server.io.push(`${chunked}0\r\n${lines(4)}\r\n`);
    const answer = refusal("431 Request Header Fields Too Large");
    await expectFailedAfter(over.server, answer, "limit", "TOO_MANY_TRAILERS");
  });

  test("that are malformed: 400", async () => {
    for (const [section, code] of [
      ["x one: 1\r\n\r\n", "INVALID_HEADER"],
      ["x: 1\r\n 2\r\n\r\n", "OBSOLETE_FOLDING"],
      ["x: \x00\r\n\r\n", "INVALID_BYTE"],
    ] as const) {
      const { server, got } = receiving();
      server.io.push(`${chunked}0\r\n${section}`);
      await expectFailedAfter(server, refusal("400 Bad Request"), "parse", code);
      expect(got).toEqual([code, undefined]);
    }
  });
});
