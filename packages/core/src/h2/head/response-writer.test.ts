import { type Body, empty, fromIterable, full, HeaderMap } from "@sluice/body";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { listSize, writtenLines } from "../../../test/http2/support/heads.ts";
import type { Line } from "../../../test/http2/support/hpack.ts";
import { toHex } from "../../../test/http2/support/octets.ts";
import { HttpError } from "../../error.ts";
import { HttpResponse } from "../../message/response.ts";
import { HpackEncoder } from "../hpack/encoder.ts";
import { OctetWriter } from "../octet-writer.ts";
import { ResponseHeadWriter, type ResponseHeadWriterOptions } from "./response-writer.ts";

interface Written {
  readonly lines: readonly Line[];
  readonly length: number;
  readonly noContent: boolean;
  readonly closes: boolean;
}

const plain: ResponseHeadWriterOptions = { autoDateHeader: false, hopByHop: "strip" };

/** What is written of a response, which must take as much of a header list as was said. */
function write(response: HttpResponse, method = "GET", options = plain): Written {
  const writer = new ResponseHeadWriter(options);
  writer.prepare(response, method);
  const { length, noContent, closes, listBytes } = writer;
  const { lines } = writtenLines(writer);
  expect(listBytes).toBe(listSize(lines));
  return { lines, length, noContent, closes };
}

function userError(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    if (!HttpError.is(error)) throw error;
    return [error.kind, error.code, error.message];
  }
  return undefined;
}

/** A body of a length that is not known. */
const unknown = (): Body => fromIterable([Uint8Array.of(1)]);

describe("response heads", () => {
  test("octet by octet: :status, the program's lines, content-length", () => {
    const writer = new ResponseHeadWriter(plain);
    writer.prepare(new HttpResponse(200, { "content-type": "text/html", "x-a": "1" }, full("hello")), "GET");
    const octets = new OctetWriter();
    const encoder = new HpackEncoder();
    encoder.begin(octets);
    writer.write(octets, encoder);
    // 200; content-type with a new value; a new name; content-length 5, not put into the table.
    expect(toHex(octets.take())).toBe(`88${"5f87497ca589d34d1f"}${"4003782d61"}${"0131"}${"0f0d0135"}`);
  });

  test("any status from 200 to 999", () => {
    for (const status of [200, 404, 599, 999, 200]) {
      expect(write(new HttpResponse(status)).lines).toEqual([
        [":status", String(status)],
        ["content-length", "0"],
      ]);
    }
  });

  test("a status that is no final one is refused", () => {
    for (const status of [100, 101, 103, 199, 0, 1000, 200.5, Number.NaN, "200" as never]) {
      const response = new HttpResponse(200);
      response.status = status;
      const message = `a service cannot answer with ${status}; use sendInformational for 1xx`;
      expect(userError(() => write(response))).toEqual(["user", "UNSUPPORTED_STATUS", message]);
    }
  });

  test("sensitive lines are marked", () => {
    const headers = new HeaderMap().append("x", "1").append("x", "2", { sensitive: true });
    const writer = new ResponseHeadWriter(plain);
    writer.prepare(new HttpResponse(200, headers), "GET");
    expect(writtenLines(writer).sensitive).toEqual([false, false, true, false]);
  });

  test("what was written is forgotten, the next one starts anew", () => {
    const writer = new ResponseHeadWriter(plain);
    writer.prepare(
      new HttpResponse(200, { connection: "close, x", x: "1", "content-length": "5" }, full("12345")),
      "GET",
    );
    writtenLines(writer);
    writer.prepare(new HttpResponse(204, { x: "1", "content-length": "0" }), "GET");
    expect([writer.length, writer.noContent, writer.closes]).toEqual([0, true, false]);
    expect(writtenLines(writer).lines).toEqual([
      [":status", "204"],
      ["x", "1"],
    ]);
  });

  test("a head that is refused leaves nothing in the encoder's table", () => {
    const writer = new ResponseHeadWriter({ autoDateHeader: true, hopByHop: "refuse" });
    const encoder = new HpackEncoder();
    const octets = new OctetWriter();
    encoder.begin(octets);
    const headers = new HeaderMap({ "x-new": "1", upgrade: "x" });
    expect(userError(() => writer.prepare(new HttpResponse(200, headers), "GET"))).toBeDefined();
    expect([octets.length, encoder.table.count]).toEqual([0, 0]);
  });
});

describe("the length of the content", () => {
  test("is what the body knows exactly, else unknown and not said", () => {
    expect(write(new HttpResponse(200, undefined, full("abc")))).toEqual({
      lines: [
        [":status", "200"],
        ["content-length", "3"],
      ],
      length: 3,
      noContent: false,
      closes: false,
    });
    expect(write(new HttpResponse(200, undefined, unknown()))).toEqual({
      lines: [[":status", "200"]],
      length: -1,
      noContent: false,
      closes: false,
    });
  });

  test("as the program declared it, once, behind its other fields", () => {
    const headers = { "content-length": "0003", b: "1" };
    for (const body of [full("abc"), unknown()]) {
      const { lines, length } = write(new HttpResponse(200, headers, body));
      expect(length).toBe(3);
      expect(lines).toEqual([
        [":status", "200"],
        ["b", "1"],
        ["content-length", "3"],
      ]);
    }
  });

  test("a declared one that is not the body's, or is no number, is refused", () => {
    const mismatch = new HttpResponse(200, { "content-length": "4" }, full("abc"));
    expect(userError(() => write(mismatch))).toEqual([
      ...["user", "CONTENT_LENGTH_MISMATCH", "content-length says 4, the body has 3 bytes"],
    ]);
    for (const [values, first] of [
      [["x"], "x"],
      [["3", "3"], "3"],
      [["-1"], "-1"],
      [["9007199254740992"], "9007199254740992"],
    ] as const) {
      const response = new HttpResponse(200, { "content-length": values }, full("abc"));
      const message = `content-length to be sent is not one number: "${first}"`;
      expect(userError(() => write(response))).toEqual(["user", "CONTENT_LENGTH_INVALID", message]);
    }
  });

  test("[h2-115] HEAD: as declared, or as GET would have had it; nothing is sent", () => {
    const cases: [HttpResponse, number][] = [
      [new HttpResponse(200, { "content-length": "9" }), 9],
      [new HttpResponse(200, { "content-length": "9" }, full("abc")), 9],
      [new HttpResponse(200, undefined, full("abc")), 3],
      [new HttpResponse(200, undefined, empty()), -1],
      [new HttpResponse(200, undefined, unknown()), -1],
      [new HttpResponse(304, undefined, full("abc")), -1],
    ];
    for (const [response, length] of cases) {
      const { lines, ...rest } = write(response, "HEAD");
      expect(rest).toEqual({ length, noContent: true, closes: false });
      expect(lines.slice(1)).toEqual(length < 0 ? [] : [["content-length", String(length)]]);
    }
  });

  test("204 has none and says nothing of any, 205 says 0, 304 only what was declared", () => {
    const lengthOf = (status: number, headers: Record<string, string>): unknown[] => {
      const { lines, length, noContent } = write(new HttpResponse(status, headers, full("abc")));
      return [length, noContent, ...lines.slice(1)];
    };
    const declared = { "content-length": "9" };
    expect(lengthOf(204, {})).toEqual([0, true]);
    expect(lengthOf(204, declared)).toEqual([0, true]);
    expect(lengthOf(205, {})).toEqual([0, true, ["content-length", "0"]]);
    expect(lengthOf(205, declared)).toEqual([0, true, ["content-length", "0"]]);
    expect(lengthOf(304, {})).toEqual([-1, true]);
    expect(lengthOf(304, declared)).toEqual([9, true, ["content-length", "9"]]);
  });

  test("a 2xx to CONNECT says nothing of it, and what follows is sent; others are as ever", () => {
    for (const status of [200, 204, 299]) {
      const response = new HttpResponse(status, { "content-length": "9", x: "1" }, full("abc"));
      expect(write(response, "CONNECT")).toEqual({
        lines: [
          [":status", String(status)],
          ["x", "1"],
        ],
        length: -1,
        noContent: false,
        closes: false,
      });
    }
    expect(write(new HttpResponse(403, undefined, full("abc")), "CONNECT").length).toBe(3);
  });
});

describe("Date", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2035, 0, 1, 12) });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const dated: ResponseHeadWriterOptions = { autoDateHeader: true, hopByHop: "strip" };

  test("comes last, unless the program has set one", () => {
    expect(write(new HttpResponse(200, { a: "1" }), "GET", dated).lines).toEqual([
      [":status", "200"],
      ["a", "1"],
      ["content-length", "0"],
      ["date", "Mon, 01 Jan 2035 12:00:00 GMT"],
    ]);
    expect(write(new HttpResponse(204, { date: "x" }), "GET", dated).lines).toEqual([
      [":status", "204"],
      ["date", "x"],
    ]);
    expect(write(new HttpResponse(204)).lines).toEqual([[":status", "204"]]);
    const writer = new ResponseHeadWriter(dated);
    for (const headers of [{ date: "x" }, {}]) {
      writer.prepare(new HttpResponse(204, headers), "GET");
      expect(writtenLines(writer).lines.filter(([name]) => name === "date")).toHaveLength(1);
    }
  });
});

describe("connection-specific fields", () => {
  const strip = (headers: Record<string, string | string[]>): Written => write(new HttpResponse(204, headers));

  test("are left out with those that Connection names, but for those with rules of their own", () => {
    expect(
      strip({
        a: "1",
        connection: ["keep-alive, X-Named", " date,, host, via"],
        via: "x",
        "x-named": "1",
        "x-other": "1",
        "keep-alive": "5",
        "proxy-connection": "x",
        "transfer-encoding": "chunked",
        upgrade: "h2c",
        date: "x",
        host: "y",
      }),
    ).toEqual({
      lines: [
        [":status", "204"],
        ["a", "1"],
        ["x-other", "1"],
        ["date", "x"],
        ["host", "y"],
      ],
      length: 0,
      noContent: true,
      closes: false,
    });
  });

  test("connection: close ends the connection behind the response", () => {
    for (const connection of ["close", "Close", "x, close", ["x", "close"]]) {
      expect(strip({ connection })).toEqual({ lines: [[":status", "204"]], length: 0, noContent: true, closes: true });
    }
    for (const connection of ["keep-alive", "closed", ""]) expect(strip({ connection }).closes).toBe(false);
  });

  test("are refused where the program has to know", () => {
    for (const name of ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te"]) {
      const response = new HttpResponse(200, { a: "1", [name]: "close" });
      const message = `connection-specific fields cannot be sent (RFC 9113 8.2.2), got "${name}"`;
      expect(userError(() => write(response, "GET", { autoDateHeader: false, hopByHop: "refuse" }))).toEqual([
        ...["user", "CONNECTION_SPECIFIC_FIELD", message],
      ]);
    }
  });
});

describe("informational responses", () => {
  test("have fields, but no content and no date", () => {
    const writer = new ResponseHeadWriter({ autoDateHeader: true, hopByHop: "strip" });
    const headers = new HeaderMap({ link: "</a>", "content-length": "5", connection: "close", via: "x" });
    writer.prepareInformational(103, headers);
    expect([writer.length, writer.noContent, writer.closes]).toEqual([-1, true, false]);
    const { listBytes } = writer;
    const { lines } = writtenLines(writer);
    expect(lines).toEqual([
      [":status", "103"],
      ["link", "</a>"],
      ["via", "x"],
    ]);
    expect(listBytes).toBe(listSize(lines));
  });

  test("take nothing over from a final one", () => {
    const writer = new ResponseHeadWriter({ autoDateHeader: true, hopByHop: "strip" });
    writer.prepare(new HttpResponse(200, undefined, full("abc")), "GET");
    writtenLines(writer);
    writer.prepareInformational(100, new HeaderMap());
    expect(writtenLines(writer).lines).toEqual([[":status", "100"]]);
  });
});
