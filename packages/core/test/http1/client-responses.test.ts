/**
 * Responses as they come: what the caller sees, where each ends, and what becomes of the connection.
 */
import { collect, isData } from "@sluice/body";
import { HttpRequest, reasonPhraseKey } from "@sluice/core";
import type * as http1 from "@sluice/core/http1";
import { describe, expect, test } from "vitest";
import { closedCleanly, exchange, gaveUp, get, okWire, open, stateOf, stateOfPromise } from "../support/client.ts";
import { connectOn, contentOf, lines, rejection, settle } from "../support/wire.ts";

/** Status and content, or the code of the error, of `reply` to a GET; and the state of the connection afterwards. */
async function outcomeOf(
  reply: string,
  options: http1.ClientOptions = {},
  { method = "GET", eof = false }: { readonly method?: string; readonly eof?: boolean } = {},
): Promise<{ readonly seen: string; readonly state: ReturnType<typeof stateOf> }> {
  const client = await connectOn(options);
  const response = exchange(client, new HttpRequest(method, "/", { host: "a.test" }), reply);
  if (eof) client.io.push(null);
  const seen = await response.then(
    async ({ status, body }) => `${status} ${await contentOf(body).catch((error) => error.code)}`,
    (error) => `${error.kind} ${error.code}`,
  );
  await settle();
  return { seen, state: stateOf(client) };
}

const head = (...fields: readonly string[]): string => lines("HTTP/1.1 200 OK", ...fields, "", "");
/** Taken from the caller's view: the response is whole; the server has been told that nothing follows. */
const ending = { ready: false, closed: true, shutdown: true, aborted: false, outcome: undefined };

describe("where content ends", () => {
  test("[hyper-151] answers to HEAD have no content, whatever they announce", async () => {
    for (const reply of [head("content-length: 5"), head("transfer-encoding: chunked")]) {
      expect(await outcomeOf(reply, {}, { method: "HEAD" })).toEqual({ seen: "200 ", state: open });
    }
  });

  test("[hyper-152] 204 and 304 have no content, whatever they announce", async () => {
    for (const status of ["204 No Content", "304 Not Modified"]) {
      for (const field of ["content-length: 5", "transfer-encoding: chunked", "x: y"]) {
        const { seen, state } = await outcomeOf(`HTTP/1.1 ${status}\r\n${field}\r\n\r\n`);
        expect([seen, state]).toEqual([`${status.slice(0, 3)} `, open]);
      }
    }
  });

  test("[hyper-153] a length of eight is eight bytes", async () => {
    expect(await outcomeOf(`${head("content-length: 8")}12345678`)).toEqual({ seen: "200 12345678", state: open });
  });

  test("[hyper-153] the same length twice is refused; by the option it counts once", async () => {
    const reply = `${head("content-length: 8", "content-length: 8")}12345678`;
    expect(await outcomeOf(reply)).toMatchObject({ seen: "parse CONTENT_LENGTH_INVALID", state: { aborted: true } });
    expect(await outcomeOf(reply, { allowRepeatedContentLength: true })).toEqual({ seen: "200 12345678", state: open });
  });

  test("[hyper-153] lengths that differ, and anything but digits, are refused, also by the option", async () => {
    for (const fields of [
      ["content-length: 8", "content-length: 9"],
      ["content-length: +8"],
      ["content-length: -1"],
      ["content-length: 8,9"],
      ["content-length:"],
      ["content-length: 0x8"],
    ]) {
      for (const options of [{}, { allowRepeatedContentLength: true }]) {
        expect((await outcomeOf(`${head(...fields)}12345678`, options)).seen).toBe("parse CONTENT_LENGTH_INVALID");
      }
    }
    expect((await outcomeOf(head("content-length: 9007199254740992"))).seen).toBe("limit CONTENT_LENGTH_TOO_LARGE");
  });

  test("[hyper-154] a list of equal lengths on one line is refused; by the option it is one length", async () => {
    const reply = `${head("content-length: 3, 3,3")}abc`;
    expect((await outcomeOf(reply)).seen).toBe("parse CONTENT_LENGTH_INVALID");
    expect(await outcomeOf(reply, { allowRepeatedContentLength: true })).toEqual({ seen: "200 abc", state: open });
  });

  test("[hyper-155] chunked ends with its last chunk, behind other codings too", async () => {
    const content = "3\r\nabc\r\n0\r\n\r\n";
    expect(await outcomeOf(head("transfer-encoding: chunked") + content)).toEqual({ seen: "200 abc", state: open });
    expect((await outcomeOf(head("transfer-encoding: gzip, Chunked") + content)).seen).toBe("200 abc");
    expect((await outcomeOf(head("transfer-encoding: gzip", "transfer-encoding: chunked") + content)).seen).toBe(
      "200 abc",
    );
  });

  test("[hyper-155] codings that do not end in chunked: content until the end of the connection", async () => {
    const reply = `${head("transfer-encoding: yolo")}hello`;
    expect(await outcomeOf(reply, {}, { eof: true })).toEqual({ seen: "200 hello", state: closedCleanly });
    const early = `${head("transfer-encoding: chunked, gzip")}hello`;
    expect(await outcomeOf(early, {}, { eof: true })).toEqual({ seen: "200 hello", state: closedCleanly });
  });

  test("[hyper-155] chunked with a length is refused; by the option chunked wins, the length is removed, no reuse", async () => {
    const reply = `${head("content-length: 5", "transfer-encoding: chunked")}3\r\nabc\r\n0\r\n\r\n`;
    expect((await outcomeOf(reply)).seen).toBe("parse TRANSFER_ENCODING_WITH_CONTENT_LENGTH");
    const client = await connectOn({ allowTransferEncodingWithContentLength: true });
    const response = await exchange(client, get(), reply);
    expect(response.headers.has("content-length")).toBe(false);
    expect(await contentOf(response.body)).toBe("abc");
    expect(stateOf(client)).toEqual(ending);
  });

  test("[hyper-156] without framing content goes on until the end of the connection, in 1.1 and 1.0", async () => {
    expect(await outcomeOf(`${head()}hello`, {}, { eof: true })).toEqual({ seen: "200 hello", state: closedCleanly });
    const old = "HTTP/1.0 200 OK\r\n\r\nhello";
    expect(await outcomeOf(old, {}, { eof: true })).toEqual({ seen: "200 hello", state: closedCleanly });
  });

  test("[hyper-157] transfer-encoding in HTTP/1.0 is an error", async () => {
    const reply = "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    expect(await outcomeOf(reply)).toEqual({
      seen: "parse TRANSFER_ENCODING_UNEXPECTED",
      state: gaveUp("parse TRANSFER_ENCODING_UNEXPECTED"),
    });
  });

  test("[hyper-158] 1.1 goes on by default and ends with `connection: close`; 1.0 the other way round", async () => {
    const of = async (version: string, connection?: string) => {
      const field = connection === undefined ? "" : `connection: ${connection}\r\n`;
      return (await outcomeOf(`HTTP/${version} 200 OK\r\ncontent-length: 0\r\n${field}\r\n`)).state;
    };
    expect(await of("1.1")).toEqual(open);
    expect(await of("1.1", "keep-alive")).toEqual(open);
    expect(await of("1.1", "foo, Close")).toEqual(ending);
    expect(await of("1.1", "close, keep-alive")).toEqual(ending);
    expect(await of("1.0")).toEqual(ending);
    expect(await of("1.0", "Keep-Alive")).toEqual(open);
    expect(await of("1.0", "keep-alive, close")).toEqual(ending);
  });

  test("a minor version above 1 counts as 1.1; another major version is refused", async () => {
    expect(await outcomeOf("HTTP/1.7 200 OK\r\ncontent-length: 0\r\n\r\n")).toEqual({ seen: "200 ", state: open });
    expect((await outcomeOf("HTTP/2.0 200 OK\r\n\r\n")).seen).toBe("parse VERSION");
  });
});

describe("the end of the stream", () => {
  test("[hyper-159] before any answer: incomplete", async () => {
    expect(await outcomeOf("HTTP/1.1 100 Continue\r\n\r\n", {}, { eof: true })).toEqual({
      seen: "incomplete INCOMPLETE_MESSAGE",
      state: gaveUp("incomplete INCOMPLETE_MESSAGE"),
    });
    const client = await connectOn();
    const response = client.sender.send(get());
    client.io.push(null);
    expect((await rejection(response)).kind).toBe("incomplete");
  });

  test("[hyper-006] on a busy client the end of the stream is an error: incomplete, in every part of a head", async () => {
    const reply = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    for (let at = 1; at < reply.length; at++) {
      expect((await outcomeOf(reply.slice(0, at), {}, { eof: true })).seen).toBe("incomplete INCOMPLETE_MESSAGE");
    }
  });

  test("[hyper-170, hyper-186] in the middle of content: the body fails as incomplete, never a silent end", async () => {
    for (const reply of [`${head("content-length: 10")}hello`, `${head("transfer-encoding: chunked")}9\r\nhello`]) {
      const client = await connectOn();
      const { body } = await exchange(client, get(), reply);
      const first = await body.frame();
      expect(first !== null && isData(first) && Buffer.from(first).toString()).toBe("hello");
      const next = Promise.resolve(body.frame());
      client.io.push(null);
      expect((await rejection(next)).kind).toBe("incomplete");
      await settle();
      expect(stateOf(client)).toEqual(gaveUp("incomplete INCOMPLETE_MESSAGE"));
    }
  });

  test("[hyper-170] content that was at hand when the connection ended can still be read; then comes the error", async () => {
    const client = await connectOn();
    const { body } = await exchange(client, get(), `${head("content-length: 10")}hello`);
    client.io.push(null);
    const first = body.frame();
    expect(first instanceof Uint8Array && first.length).toBe(5);
    const late = new Promise((resolve) => resolve(body.frame()));
    expect((await rejection(late)).code).toBe("INCOMPLETE_MESSAGE");
  });

  test("[hyper-186] content of length zero, or complete, ends cleanly though the connection ends with it", async () => {
    const state = { ready: false, closed: true, shutdown: true, aborted: true, outcome: null };
    expect(await outcomeOf(okWire, {}, { eof: true })).toEqual({ seen: "200 ", state });
    expect(await outcomeOf(`${head("content-length: 3")}abc`, {}, { eof: true })).toEqual({ seen: "200 abc", state });
  });

  test("on an idle connection it is a clean end, and no request is taken any more", async () => {
    const client = await connectOn();
    client.io.push(null);
    await settle();
    expect(stateOf(client)).toEqual(closedCleanly);
    expect((await rejection(client.sender.send(get()))).kind).toBe("closed");
  });

  test("a transport that fails is an io error for everybody, with its error as the cause", async () => {
    const client = await connectOn();
    const { body } = await exchange(client, get(), `${head("content-length: 10")}hello`);
    const content = collect(body).bytes();
    await settle();
    client.io.fail(new Error("cable cut"));
    const error = await rejection(content);
    expect(error.kind).toBe("io");
    await settle();
    expect(client.outcome).toBe(error);
  });
});

describe("heads", () => {
  test.each([
    ["HEAT/1.1 200 OK\r\n\r\n", "parse INVALID_STATUS_LINE"],
    ["HTTP/1.1  200 OK\r\n\r\n", "parse INVALID_STATUS"],
    ["HTTP/1 200 OK\r\n\r\n", "parse INVALID_STATUS_LINE"],
    ["HTTP/1.1 001 OK\r\n\r\n", "parse INVALID_STATUS"],
    ["HTTP/1.1 1 OK\r\n\r\n", "parse INVALID_STATUS"],
    ["HTTP/1.1 2000 OK\r\n\r\n", "parse INVALID_STATUS"],
    ["HTTP/1.1 200OK\r\n\r\n", "parse INVALID_STATUS"],
    ["http/1.1 200 OK\r\n\r\n", "parse INVALID_STATUS_LINE"],
    ["\r\nHTTP/1.1 200 OK\r\n\r\n", "parse INVALID_STATUS_LINE"],
  ])("[hyper-160] %j is refused, and the connection given up", async (reply, error) => {
    expect(await outcomeOf(reply)).toEqual({ seen: error, state: gaveUp(error) });
  });

  test("[hyper-160] the message quotes what was received", async () => {
    const client = await connectOn();
    const error = await rejection(exchange(client, get(), "HTTP/1.1 0x1 \x01\r\n\r\n".replace("\x01", "\xff")));
    expect(error.message).toContain('got "HTTP/1.1 0x1 \\xff"');
  });

  test("[hyper-161] 500 KiB of fields are too large", async () => {
    const { seen } = await outcomeOf(head(`x: ${"y".repeat(500 * 1024)}`, "content-length: 0"));
    expect(seen).toBe("limit HEAD_TOO_LARGE");
  });

  test("[hyper-161] a head of exactly maxHeadBytes is fine, one byte more is not", async () => {
    const reply = head("content-length: 0");
    expect((await outcomeOf(reply, { maxHeadBytes: reply.length })).seen).toBe("200 ");
    expect((await outcomeOf(reply, { maxHeadBytes: reply.length - 1 })).seen).toBe("limit HEAD_TOO_LARGE");
  });

  test("[hyper-011] responses of up to maxHeaders field lines, 100 by default, and not one more", async () => {
    const reply = (count: number) => head(...Array.from({ length: count }, (_, i) => `x${i}: y`));
    for (const count of [0, 1, 50, 99, 100]) {
      expect((await outcomeOf(reply(count), {}, { eof: true })).seen).toBe("200 ");
    }
    for (const count of [101, 102, 200]) expect((await outcomeOf(reply(count))).seen).toBe("limit TOO_MANY_HEADERS");
    expect((await outcomeOf(reply(0), { maxHeaders: 0 }, { eof: true })).seen).toBe("200 ");
    expect((await outcomeOf(reply(1), { maxHeaders: 0 })).seen).toBe("limit TOO_MANY_HEADERS");
  });

  test("[hyper-166] folded lines are joined by one space, any mix of folds; refused when the option is off", async () => {
    const reply = head("content-length: 0", "x: a", " b", "\t c \t ", " \t", "y: z");
    const client = await connectOn();
    const { headers } = await exchange(client, get(), reply);
    expect([headers.get("x"), headers.get("y")]).toEqual(["a b c", "z"]);
    expect((await outcomeOf(reply, { allowObsoleteFolding: false })).seen).toBe("parse OBSOLETE_FOLDING");
  });

  test("[hyper-167] blanks before a colon are refused; accepted by the option", async () => {
    const reply = head("content-length : 0", "x \t: y");
    expect((await outcomeOf(reply)).seen).toBe("parse INVALID_HEADER");
    expect((await outcomeOf(reply, { allowSpaceBeforeColon: true })).seen).toBe("200 ");
  });

  test("bare LF is refused; accepted by the option", async () => {
    const reply = "HTTP/1.1 200 OK\ncontent-length: 0\n\n";
    expect((await outcomeOf(reply)).seen).toBe("parse BARE_LF");
    expect(await outcomeOf(reply, { allowBareLineFeed: true })).toEqual({ seen: "200 ", state: open });
  });

  test("malformed field lines are refused; skipped by the option", async () => {
    const reply = head("content-length: 0", "bad name: x", "x: \x01", "good: y");
    expect((await outcomeOf(reply)).seen).toBe("parse INVALID_HEADER");
    expect((await outcomeOf(head("x: \x01"))).seen).toBe("parse INVALID_BYTE");
    const client = await connectOn({ ignoreInvalidHeaders: true });
    const { headers } = await exchange(client, get(), reply);
    expect([...headers.keys()]).toEqual(["content-length", "good"]);
  });

  test("[hyper-168] a custom reason phrase is an extension; the registered one is not", async () => {
    const client = await connectOn();
    const custom = await exchange(client, get(), "HTTP/1.1 200 Alright \xfc\r\ncontent-length: 0\r\n\r\n");
    expect([custom.reason, custom.extensions.get(reasonPhraseKey)]).toEqual(["Alright \xfc", "Alright \xfc"]);
    const canonical = await exchange(client, get(), okWire);
    expect([canonical.reason, canonical.extensionsIfAny]).toEqual(["OK", undefined]);
    const none = await exchange(client, get(), "HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n");
    expect(none.extensions.get(reasonPhraseKey)).toBe("");
    const unregistered = await exchange(client, get(), "HTTP/1.1 299 \r\ncontent-length: 0\r\n\r\n");
    expect([unregistered.reason, unregistered.extensionsIfAny]).toEqual(["", undefined]);
  });

  test("preserveHeaderCase keeps the received spelling; without it there is none", async () => {
    const reply = head("Content-Length: 0", "X-FOO: 1");
    const keeping = await connectOn({ preserveHeaderCase: true });
    const { headers } = await exchange(keeping, get(), reply);
    expect([headers.nameAt(1), headers.originalNameAt(1)]).toEqual(["x-foo", "X-FOO"]);
    const plain = await exchange(await connectOn(), get(), reply);
    expect(plain.headers.originalNameAt(1)).toBeUndefined();
  });

  test("[hyper-169, hyper-188] the size is known with the head, and falls as chunks are read", async () => {
    const client = await connectOn();
    const { body } = await exchange(client, get(), `${head("content-length: 9")}abc`);
    expect(body.sizeHint().exact).toBe(9);
    body.frame();
    expect(body.sizeHint().exact).toBe(6);
    client.io.push("defg");
    const next = body.frame();
    await next;
    expect(body.sizeHint().exact).toBe(2);
  });

  test("[hyper-188] sizes: nothing is 0, chunked is open and stays so", async () => {
    const client = await connectOn();
    const none = await exchange(client, get(), okWire);
    expect([none.body.sizeHint().exact, none.body.isEndStream()]).toEqual([0, true]);
    const { body } = await exchange(client, get(), `${head("transfer-encoding: chunked")}3\r\nabc\r\n`);
    expect([body.sizeHint().lower, body.sizeHint().upper]).toEqual([0, undefined]);
    await body.frame();
    expect([body.sizeHint().lower, body.sizeHint().upper]).toEqual([0, undefined]);
  });
});

describe("trailers", () => {
  const chunked = (trailers: string, ...fields: readonly string[]) =>
    `${head("transfer-encoding: chunked", ...fields)}5\r\nhello\r\n0\r\n${trailers}\r\n`;

  test("[hyper-131] a trailer comes as a frame behind the data, in whatever case it was sent; the connection goes on", async () => {
    for (const name of ["chunky-trailer", "Chunky-Trailer"]) {
      const client = await connectOn();
      const reply = chunked(`${name}: header data\r\n`, "trailer: chunky-trailer");
      const collected = collect((await exchange(client, get(), reply)).body);
      expect(await collected.text()).toBe("hello");
      expect([...((await collected.trailers()) ?? [])]).toEqual([["chunky-trailer", "header data"]]);
      expect(stateOf(client)).toEqual(open);
    }
  });

  test("[hyper-132] undeclared and odd names, framing names included, are data and nothing else", async () => {
    const client = await connectOn();
    const odd = "content-length: 99\r\ntransfer-encoding: gzip\r\nconnection: close\r\nhost: x\r\n!#$: 1\r\n";
    const collected = collect((await exchange(client, get(), chunked(odd))).body);
    expect([...((await collected.trailers()) ?? [])]).toEqual([
      ["content-length", "99"],
      ["transfer-encoding", "gzip"],
      ["connection", "close"],
      ["host", "x"],
      ["!#$", "1"],
    ]);
    expect(stateOf(client)).toEqual(open);
    expect((await exchange(client, get(), okWire)).status).toBe(200);
  });

  test("malformed trailers fail the body and the connection", async () => {
    const client = await connectOn();
    const { body } = await exchange(client, get(), chunked("bad name: x\r\n"));
    expect((await rejection(collect(body).bytes())).code).toBe("INVALID_HEADER");
    await settle();
    expect(stateOf(client)).toEqual(gaveUp("parse INVALID_HEADER"));
  });
});

describe("HTTP/0.9", () => {
  const allowed = { http09Responses: true } as const;

  test("[hyper-165] an answer without a head is refused by default, as soon as its first line is there", async () => {
    expect((await outcomeOf("Mmmmh, baguettes.\r\n")).seen).toBe("parse INVALID_STATUS_LINE");
    expect((await outcomeOf("Mmmmh, baguettes.", {}, { eof: true })).seen).toBe("incomplete INCOMPLETE_MESSAGE");
  });

  test("[hyper-165] by the option it is a 200 whose content is everything, until the end of the connection", async () => {
    const client = await connectOn(allowed);
    const response = await exchange(client, get(), "Mmmmh, baguettes.\r\n\0");
    expect([response.status, response.version, response.reason, response.headers.size]).toEqual([
      200,
      "HTTP/0.9",
      "OK",
      0,
    ]);
    client.io.push("more", null);
    expect(await contentOf(response.body)).toBe("Mmmmh, baguettes.\r\n\0more");
    await settle();
    expect(stateOf(client)).toEqual(closedCleanly);
  });

  test("[hyper-165] by the option a status line is still one, however it is cut", async () => {
    const client = await connectOn(allowed);
    const response = client.sender.send(get());
    client.io.push(..."HTTP/1.1 204 No Content\r\n\r\n");
    expect((await response).status).toBe(204);
    expect(stateOf(client)).toEqual(open);
  });

  test("[hyper-165] an answer that begins like a version and goes on otherwise is content, however it is cut", async () => {
    for (const pieces of [["HTTQ is not"], ["H", "ello"], ["HT", "ML"]]) {
      const client = await connectOn(allowed);
      const response = client.sender.send(get());
      client.io.push(...pieces, null);
      expect(await contentOf((await response).body)).toBe(pieces.join(""));
    }
  });

  test("[hyper-165] only the first response of a connection can be one", async () => {
    const client = await connectOn(allowed);
    await exchange(client, get(), okWire);
    expect((await rejection(exchange(client, get(), "Mmmmh\r\n"))).code).toBe("INVALID_STATUS_LINE");
  });

  test("[hyper-163] a 100 in pieces before a headless answer: the request succeeds", async () => {
    const client = await connectOn(allowed);
    const response = client.sender.send(get());
    client.io.push("HTTP/1.1 100 Cont", "inue\r\n", "\r\n", "Mmmmh", null);
    expect((await response).status).toBe(200);
    expect(await contentOf((await response).body)).toBe("Mmmmh");
  });
});

test("[hyper-187] the connection reads for a body only while somebody reads that body", async () => {
  const client = await connectOn();
  const { body } = await exchange(client, get(), `${head("content-length: 6")}ab`);
  expect(client.io.isReading).toBe(false);
  await body.frame();
  expect(client.io.isReading).toBe(false);
  const waiting = body.frame() as Promise<unknown>;
  expect(client.io.isReading).toBe(true);
  client.io.push("cd");
  await waiting;
  expect(client.io.isReading).toBe(false);
});

test("[hyper-184] one chunk is held for a reader who has not asked; the transport keeps the next", async () => {
  const client = await connectOn();
  const response = client.sender.send(get());
  client.io.push(`${head("content-length: 9")}abc`, "def", "ghi");
  const { body } = await response;
  expect(client.io.remaining).toBe(2);
  await body.frame();
  expect(client.io.remaining).toBe(2);
  expect(await stateOfPromise(Promise.resolve(body.frame()))).toBe("resolved");
  expect(client.io.remaining).toBe(1);
});

test("[hyper-185] a connection aborted while content is held: the reader gets the error and not the content", async () => {
  const client = await connectOn();
  const { body } = await exchange(client, get(), `${head("content-length: 9")}abc`);
  client.connection.abort(new Error("enough"));
  const error = await rejection(new Promise((resolve) => resolve(body.frame())));
  expect([error.kind, error.code, (error.cause as Error).message]).toEqual(["canceled", "ABORTED", "enough"]);
});
