/** What is asked for, what is decoded, and what is not. */
import zlib from "node:zlib";
import { collect, full, HeaderMap, isTrailers, Trailers, toFrames } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import { decompress, supportedCodings } from "@sluice/util/middleware";
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { propertyTimeoutMs, runs } from "../../../core/test/support/runs.ts";
import { codingOf, encoded, encoders, join, torn } from "../../test/middleware/encodings.ts";
import { answering, bytes, call, expectError, failure, SpyBody, settle } from "../../test/middleware/support.ts";
import { crc32, crc32ByTable } from "./crc32.ts";

afterEach(() => void vi.restoreAllMocks());

const get = HttpRequest.get("http://a.test/");
const text = "the quick brown fox ".repeat(500);

async function decoded(response: HttpResponse, options = {}): Promise<HttpResponse> {
  return call(decompress(options)(answering(response)), get);
}
async function textOf(response: HttpResponse): Promise<string> {
  return collect((await decoded(response)).body).text();
}

describe("asking", () => {
  test("for what the runtime has, in a copy of the request", async () => {
    const inner = answering(new HttpResponse());
    const request = HttpRequest.post("http://a.test/", full("x"), { accept: "*/*" });
    await call(decompress()(inner), request);
    expect(inner.requests[0]?.headers.get("accept-encoding")).toBe(supportedCodings.join(", "));
    expect(await collect(inner.requests[0]?.body ?? full("")).text()).toBe("x");
    expect(request.headers.has("accept-encoding")).toBe(false);
    expect(supportedCodings.slice(0, 3)).toEqual(["gzip", "deflate", "br"]);
  });

  test.each([{ "accept-encoding": "identity" }, { "accept-encoding": "" }, { range: "bytes=0-1" }])(
    "not with %j",
    async (headers: Record<string, string>) => {
      const inner = answering(new HttpResponse());
      const request = HttpRequest.get("http://a.test/", headers);
      await call(decompress()(inner), request);
      expect(inner.requests[0]).toBe(request);
    },
  );

  test("for those that were chosen, in their order; for none with none", async () => {
    const inner = answering(new HttpResponse(), new HttpResponse());
    await call(decompress({ codings: ["br", "gzip"] })(inner));
    await call(decompress({ codings: [] })(inner));
    expect(inner.requests.map(({ headers }) => headers.get("accept-encoding"))).toEqual(["br, gzip", undefined]);
  });
});

describe.each(Object.entries(encoders))("%s", (name, encode) => {
  const coding = codingOf(name);

  test("is decoded, without content-encoding and content-length", async () => {
    const response = encoded(coding, encode(bytes(text)));
    response.headers.append("content-length", "123").append("etag", '"x"');
    const result = await decoded(response);
    expect([...result.headers]).toEqual([["etag", '"x"']]);
    expect(result.body.sizeHint().exact).toBeUndefined();
    expect(await collect(result.body).text()).toBe(text);
  });

  test("byte by byte, and with empty chunks", async () => {
    const pieces = torn(encode(bytes(text)), 1).flatMap((piece) => [piece, new Uint8Array(0)]);
    expect(await textOf(encoded(coding, ...pieces))).toBe(text);
  });

  test("of nothing, and of no body at all", async () => {
    expect(await textOf(encoded(coding, encode(bytes(""))))).toBe("");
    expect(await textOf(encoded(coding))).toBe("");
    const bodiless = await decoded(new HttpResponse(200, { "content-encoding": coding, "content-length": "0" }));
    expect([bodiless.headers.size, bodiless.body.isEndStream()]).toEqual([0, true]);
  });

  test.each(["PPPP", "\x1f", "\x1fx", "\0\0\0\0\0\0", "P"])("what follows the end is dropped: %j", async (rest) => {
    const data = encode(bytes(text));
    for (const frames of [[join(data, rest)], [data, bytes(rest)], torn(join(data, rest), 1)]) {
      expect(await textOf(encoded(coding, ...frames))).toBe(text);
    }
  });

  test("more than 64 KiB behind the end are an error", async () => {
    const data = encode(bytes(text));
    expect(await textOf(encoded(coding, data, new Uint8Array(65_536)))).toBe(text);
    const response = encoded(coding, data, new Uint8Array(65_537), bytes("x"));
    const { body } = response;
    const error = await failure(textOf(response));
    expectError(error, "limit", "TRAILING_BYTES");
    expect(body.cancels).toEqual([error]);
  });

  test("cut anywhere: an error, and the body is cancelled no more than once", async () => {
    const data = encode(bytes("some text that is short"));
    for (let length = 1; length < data.byteLength; length++) {
      const error = await failure(textOf(encoded(coding, data.subarray(0, length))));
      expectError(error, "parse", "CONTENT_CODING_INVALID");
      expect(error.message).toContain(`not valid ${coding}:`);
    }
  });

  test("what is no such coding: an error, and the rest is not wanted", async () => {
    const response = encoded(coding, join(Uint8Array.of(0x11, 0xff, 0xff, 0xff, 0xff), "plain text"), bytes("more"));
    const { body } = response;
    const error = await failure(textOf(response));
    expectError(error, "parse", "CONTENT_CODING_INVALID");
    expect(body.cancels).toEqual([error]);
  });

  test("trailers come behind the data", async () => {
    const trailers = new Trailers(new HeaderMap({ "x-sum": "1" }));
    const frames = toFrames((await decoded(encoded(coding, encode(bytes("abc")), trailers))).body);
    const seen: unknown[] = [];
    for await (const frame of frames) seen.push(isTrailers(frame) ? frame : String(Buffer.from(frame)));
    expect(seen).toEqual(["abc", trailers]);
  });

  test("a body that is cancelled cancels the one inside with the same reason, and frees the decoder", async () => {
    const spies = [
      vi.spyOn(zlib, "createInflate"),
      vi.spyOn(zlib, "createInflateRaw"),
      vi.spyOn(zlib, "createBrotliDecompress"),
    ];
    const inside = new SpyBody([encode(bytes(text)).subarray(0, 20)], "open");
    const result = await decoded(new HttpResponse(200, { "content-encoding": coding }, inside));
    const pending = Promise.resolve(result.body.frame()).then(() => result.body.frame());
    await new Promise((resolve) => setTimeout(resolve, 20));
    const reason = new Error("enough");
    result.body.cancel(reason);
    await expect(pending.then(() => result.body.frame())).rejects.toBe(reason);
    await settle();
    const streams = spies.flatMap(({ mock }) => mock.results.map((made) => made.value as { destroyed: boolean }));
    expect([inside.cancels, streams.map(({ destroyed }) => destroyed)]).toEqual([[reason], [true]]);
  });
});

describe("gzip", () => {
  const member = (content: string, ...flags: number[]): Uint8Array => {
    const plain = zlib.gzipSync(content);
    const [flag = 0, ...extra] = flags;
    return join(
      plain.subarray(0, 3),
      Uint8Array.of(flag),
      plain.subarray(4, 10),
      Uint8Array.from(extra),
      plain.subarray(10),
    );
  };

  test("of several members, torn anywhere", async () => {
    const data = join(member("one,"), member(""), member("two"));
    for (let at = 0; at <= data.byteLength; at++) {
      expect(await textOf(encoded("gzip", data.subarray(0, at), data.subarray(at)))).toBe("one,two");
    }
  });

  test("with everything a head may have", async () => {
    const data = member("text", 31, 2, 0, 7, 7, 0x61, 0, 0x62, 0x63, 0, 9, 9);
    expect(await textOf(encoded("gzip", ...torn(data, 1)))).toBe("text");
  });

  test.each([
    ["checksum", -8, "incorrect data check"],
    ["length", -1, "incorrect length check"],
    ["method", 2, "unknown compression method"],
    ["flags", 3, "unknown header flags set"],
    ["magic", 1, "incorrect header check"],
  ])("a wrong %s", async (_, at, problem) => {
    const data = Buffer.from(member("text"));
    data.writeUInt8(data.readUInt8(at < 0 ? data.length + at : at) ^ 0xff, at < 0 ? data.length + at : at);
    const error = await failure(textOf(encoded("gzip", data)));
    expect(error.message).toBe(`the content is not valid gzip: ${problem}`);
  });

  test("a text in a head without end, and members without content, are bounded", async () => {
    const head = member("x", 8).subarray(0, 10);
    const endless = await failure(textOf(encoded("gzip", head, new Uint8Array(131_073).fill(1))));
    expect(endless.message).toContain("longer than 131072 bytes");
    const empty = member("");
    expect(await textOf(encoded("gzip", ...Array.from({ length: 256 }, () => empty)))).toBe("");
    const error = await failure(textOf(encoded("gzip", ...Array.from({ length: 257 }, () => empty))));
    expect(error.message).toContain("more than 256 members in a row are empty");
  });

  test("x-gzip is another name, upper case too", async () => {
    expect(await textOf(encoded("X-GZip", zlib.gzipSync(text)))).toBe(text);
  });

  test("its checksum is the same by table", () => {
    const data = bytes(text);
    expect([crc32(data, 7), crc32ByTable(bytes("123456789"), 0)]).toEqual([crc32ByTable(data, 7), 0xcbf43926]);
  });
});

describe("what is decoded", () => {
  test("several codings, the last one first", async () => {
    const twice = zlib.brotliCompressSync(zlib.gzipSync(text));
    expect(await textOf(encoded("gzip, identity, br", ...torn(twice, 7)))).toBe(text);
    const lines = new HttpResponse(200, { "content-encoding": ["gzip", "br"] }, full(twice));
    expect(await textOf(lines)).toBe(text);
  });

  test("more than maxCodings are an error", async () => {
    const response = encoded("gzip, gzip, gzip", bytes("x"));
    const error = await failure(decoded(response));
    expectError(error, "limit", "TOO_MANY_CODINGS");
    expect(response.body.cancels).toEqual([error]);
    const thrice = zlib.gzipSync(zlib.gzipSync(zlib.gzipSync("x")));
    expect(await collect((await decoded(encoded("gzip, gzip, gzip", thrice), { maxCodings: 3 })).body).text()).toBe(
      "x",
    );
  });

  test.each(["identity", "", "compress", "gzip, compress", "gzip;q=1", "gzip br"])(
    "%s is left as it is",
    async (coding) => {
      const response = encoded(coding, bytes("x"));
      const { body } = response;
      const result = await decoded(response);
      expect([result.headers.get("content-encoding"), result.body]).toEqual([coding, body]);
    },
  );

  test("a coding that was not chosen is left as it is", async () => {
    const response = encoded("gzip", zlib.gzipSync("x"));
    expect((await decoded(response, { codings: ["br"] })).headers.get("content-encoding")).toBe("gzip");
  });

  test.each([
    ["HEAD", 200],
    ["GET", 204],
    ["GET", 206],
    ["GET", 304],
  ])("%s %i is left as it is", async (method, status) => {
    const body = new SpyBody([bytes("x")]);
    const response = new HttpResponse(status, { "content-encoding": "gzip", "content-length": "9" }, body);
    const result = await call(decompress()(answering(response)), new HttpRequest(method, "http://a.test/"));
    expect([result.headers.size, result.body, body.asked]).toEqual([2, body, 0]);
  });

  test("the error of the body inside comes through", async () => {
    const lost = new Error("lost");
    const body = new SpyBody([zlib.gzipSync(text).subarray(0, 15)], "open");
    const result = decoded(new HttpResponse(200, { "content-encoding": "gzip" }, body)).then((r) =>
      collect(r.body).text(),
    );
    await settle();
    body.cancel(lost);
    await expect(result).rejects.toBe(lost);
  });
});

describe("limits", () => {
  const zeros = (mib: number): Uint8Array => zlib.gzipSync(new Uint8Array(mib * 1_048_576));

  test("maxBytes: that much passes, one byte more does not", async () => {
    const data = zlib.gzipSync(bytes("x".repeat(1000)));
    expect((await collect((await decoded(encoded("gzip", data), { maxBytes: 1000 })).body).bytes()).byteLength).toBe(
      1000,
    );
    const response = encoded("gzip", data, bytes("more"));
    const { body } = response;
    const error = await failure(decoded(response, { maxBytes: 999 }).then((result) => collect(result.body).bytes()));
    expectError(error, "limit", "DECODED_TOO_LONG");
    expect([error.message, body.cancels]).toEqual([
      "the decoded content is longer than maxBytes = 999 allows",
      [error],
    ]);
  });

  test("maxRatio: not looked at up to 1 MiB, then it stops a bomb long before its end", async () => {
    expect((await collect((await decoded(encoded("gzip", zeros(1)))).body).bytes()).byteLength).toBe(1_048_576);
    const result = await decoded(encoded("gzip", zeros(64)));
    let seen = 0;
    const read = async (): Promise<void> => {
      for await (const frame of toFrames(result.body)) if (!isTrailers(frame)) seen += frame.byteLength;
    };
    expectError(await failure(read()), "limit", "DECODED_RATIO");
    expect(seen).toBeLessThan(64 * 1024 * 200 + 1_048_576);
  });

  test("a bomb in a bomb: the ratio counts against what was received", async () => {
    const double = zlib.gzipSync(zeros(64));
    const error = await failure(decoded(encoded("gzip, gzip", double)).then((result) => collect(result.body).bytes()));
    expectError(error, "limit", "DECODED_RATIO");
  });

  test("backpressure: what is not asked for is not decoded, nor is more read", async () => {
    const data = torn(zeros(8), 64);
    const response = encoded("gzip", ...data);
    const { body } = response;
    const result = await decoded(response, { maxRatio: Infinity });
    await settle();
    expect(body.asked).toBe(0);
    const first = await result.body.frame();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(first !== null && !isTrailers(first) && first.byteLength).toBeLessThanOrEqual(65_536);
    expect(body.asked).toBeLessThan(5);
    result.body.cancel();
    expect(body.cancels).toHaveLength(1);
  });
});

test("whatever is torn wherever: the same bytes", { timeout: propertyTimeoutMs }, async () => {
  const data = fc.oneof(
    fc.uint8Array({ maxLength: 2000 }),
    fc
      .record({ unit: fc.uint8Array({ minLength: 1, maxLength: 20 }), times: fc.integer({ min: 1, max: 5000 }) })
      .map(({ unit, times }) => join(...Array.from({ length: times }, () => unit))),
  );
  const coding = fc.constantFrom(...Object.keys(encoders));
  const sizes = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(
      data,
      coding,
      sizes,
      fc.boolean(),
      fc.uint8Array({ maxLength: 30 }),
      async (raw, name, cuts, isDouble, rest) => {
        const encode = encoders[name] ?? ((same: Uint8Array) => same);
        // What follows must not begin as another member does.
        const tail = rest[0] === 0x1f ? new Uint8Array(0) : rest;
        const once = join(encode(raw), isDouble ? "" : tail);
        const wire = isDouble ? join(zlib.gzipSync(once), tail) : once;
        const frames: Uint8Array[] = [];
        for (let at = 0, cut = 0; at < wire.byteLength; cut++) {
          const size = cuts[cut % cuts.length] ?? 1;
          frames.push(wire.subarray(at, at + size));
          at += size;
        }
        const codings = isDouble ? `${codingOf(name)}, gzip` : codingOf(name);
        const result = await decoded(encoded(codings, ...frames), { maxRatio: Infinity });
        expect(Buffer.compare(await collect(result.body).bytes(), raw)).toBe(0);
      },
    ),
    runs(60),
  );
});

test("options that make no sense are refused at once", () => {
  expect(() => decompress({ codings: ["lzma" as never] })).toThrow("decompress: codings must be of gzip, deflate, br");
  expect(() => decompress({ maxRatio: 0.5 })).toThrow(RangeError);
  expect(() => decompress({ maxCodings: 11 })).toThrow(
    "decompress: maxCodings must be a whole number from 1 to 10, got 11",
  );
});
