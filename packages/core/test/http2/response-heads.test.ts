/**
 * Response heads as a client receives them (RFC 9113 sections 8.2, 8.3.2): what the program gets to see, and what becomes
 * of those that are malformed (section 8.1.1): a reset of their stream, the error for the program, and nothing else.
 */
import { HttpRequest } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { connectH2, expectSent, send } from "./support/client.ts";
import { expectMalformedResponse, expectWorks, sentGet } from "./support/exchanges.ts";
import { expectFrames, expectQuiet } from "./support/expectations.ts";
import { status } from "./support/messages.ts";
import { read } from "./support/reading.ts";

describe("what a program gets to see", () => {
  test("status, version and fields in their order; there is no reason phrase but the registered one", async () => {
    const { client, sent } = await sentGet();
    client.peer.headers(1, status(404, ["x", "1"], ["set-cookie", "a=b"], ["x", ""], ["set-cookie", "\xff"]), {
      endStream: true,
    });
    await expectQuiet(client);
    await expectSent(client, sent, "404");
    const { response } = sent;
    expect([response?.version, response?.reason, response?.body.isEndStream()]).toEqual(["HTTP/2", "Not Found", true]);
    expect([...(response?.headers ?? [])]).toEqual([
      ["x", "1"],
      ["set-cookie", "a=b"],
      ["x", ""],
      ["set-cookie", "\xff"],
    ]);
  });

  test.each([200, 299, 418, 599, 600, 999])("any three digits are a status: %i", async (code) => {
    const { client, sent } = await sentGet();
    client.peer.headers(1, status(code), { endStream: true });
    await expectQuiet(client);
    await expectSent(client, sent, String(code));
  });

  test("[h2-115] the content-length of a HEAD response is kept, with no content", async () => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.head("http://a.test/"));
    await expectFrames(client, ["HEADERS 1 END_STREAM :method=HEAD :scheme=http :authority=a.test :path=/"]);
    client.peer.headers(1, status(200, ["content-length", "5"]), { endStream: true });
    await expectQuiet(client);
    await expectSent(client, sent, "200");
    expect([...(sent.response?.headers ?? [])]).toEqual([["content-length", "5"]]);
    expect(sent.response?.body.isEndStream()).toBe(true);
    await expectWorks(client, 3);
  });
});

describe("malformed responses are reset, and the connection goes on", () => {
  test("[h2-100] no :status", async () => {
    await expectMalformedResponse([["x", "1"]], "PSEUDO_FIELD_MISSING");
    await expectMalformedResponse([], "PSEUDO_FIELD_MISSING");
    await expectMalformedResponse([["x", "1"]], "PSEUDO_FIELD_MISSING", false);
  });

  test.each(["", "0", "20", "099", "000", "2000", "+20", "2a0", "0x1", " 200", "200 OK", "abc"])(
    "[h2-101] :status %j",
    (value) => {
      const code = value.startsWith(" ") ? "FIELD_VALUE_INVALID" : "INVALID_STATUS";
      return expectMalformedResponse([[":status", value]], code);
    },
  );

  test("101 (Switching Protocols), which HTTP/2 has no use for (RFC 9113 8.6)", async () => {
    await expectMalformedResponse(status(101), "INVALID_STATUS", false);
    await expectMalformedResponse(status(101, ["connection", "upgrade"]), "INVALID_STATUS", false);
  });

  test.each([":method", ":scheme", ":authority", ":path", ":protocol"])("[h2-102] %s, of a request", async (name) => {
    await expectMalformedResponse([...status(200), [name, "a"]], "PSEUDO_FIELD_FORBIDDEN");
    await expectMalformedResponse([[name, "a"], ...status(200)], "PSEUDO_FIELD_FORBIDDEN");
  });

  test("[h2-102] :status twice, even with the same value", async () => {
    await expectMalformedResponse([...status(200), ...status(200)], "PSEUDO_FIELD_REPEATED");
    await expectMalformedResponse([...status(200), ...status(404)], "PSEUDO_FIELD_REPEATED");
  });

  test("an unknown pseudo-header field, and one behind a regular field", async () => {
    await expectMalformedResponse([...status(200), [":x", "1"]], "PSEUDO_FIELD_UNKNOWN");
    await expectMalformedResponse([["x", "1"], ...status(200)], "PSEUDO_FIELD_MISPLACED");
  });

  test.each([
    ["X", "1", "FIELD_NAME_INVALID"],
    ["", "1", "FIELD_NAME_INVALID"],
    ["a:b", "1", "FIELD_NAME_INVALID"],
    ["a b", "1", "FIELD_NAME_INVALID"],
    ["a\0", "1", "FIELD_NAME_INVALID"],
    ["\xe4", "1", "FIELD_NAME_INVALID"],
    ["x", "a\0b", "FIELD_VALUE_INVALID"],
    ["x", "a\nb", "FIELD_VALUE_INVALID"],
    ["x", "a\rb", "FIELD_VALUE_INVALID"],
    ["x", " a", "FIELD_VALUE_INVALID"],
    ["x", "a\t", "FIELD_VALUE_INVALID"],
    ["connection", "close", "CONNECTION_SPECIFIC_FIELD"],
    ["keep-alive", "timeout=5", "CONNECTION_SPECIFIC_FIELD"],
    ["proxy-connection", "close", "CONNECTION_SPECIFIC_FIELD"],
    ["transfer-encoding", "chunked", "CONNECTION_SPECIFIC_FIELD"],
    ["upgrade", "websocket", "CONNECTION_SPECIFIC_FIELD"],
    ["te", "gzip", "INVALID_TE"],
    ["content-length", "-1", "CONTENT_LENGTH_INVALID"],
    ["content-length", "1a", "CONTENT_LENGTH_INVALID"],
    ["content-length", "9223372036854775808", "CONTENT_LENGTH_INVALID"],
  ])("[h2-105] the field %j: %j surfaces as the request's error %s", (name, value, code) =>
    expectMalformedResponse(status(200, [name, value]), code),
  );

  test("[h2-095] two content-lengths that differ", () =>
    expectMalformedResponse(status(200, ["content-length", "1"], ["content-length", "2"]), "CONTENT_LENGTH_INVALID"));

  test("[h2-103] DATA before HEADERS", async () => {
    for (const endStream of [false, true]) {
      const { client, sent } = await sentGet();
      client.peer.data(1, "abc", { endStream });
      await expectFrames(client, ["RST_STREAM 1 PROTOCOL_ERROR"]);
      await expectSent(client, sent, "protocol DATA_BEFORE_HEADERS PROTOCOL_ERROR");
      await expectWorks(client, 3);
    }
  });

  test("[h2-104] a malformed response that nobody waits for any more changes nothing", async () => {
    const controller = new AbortController();
    const { client, sent } = await sentGet({}, { signal: controller.signal });
    controller.abort();
    await expectFrames(client, ["RST_STREAM 1 CANCEL"]);
    await expectSent(client, sent, "canceled CANCELED");
    client.peer.headers(1, [["X", "1"]], { endStream: true });
    await expectQuiet(client);
    await expectWorks(client, 3);
  });

  test("what comes behind a malformed response is let pass, to the end", async () => {
    const { client, sent } = await sentGet();
    client.peer.batch(() => {
      client.peer.headers(1, [["x", "1"]]);
      client.peer.data(1, "abc");
      client.peer.headers(1, [["t", "1"]], { endStream: true });
    });
    await expectFrames(client, ["RST_STREAM 1 PROTOCOL_ERROR"]);
    await expectSent(client, sent, "protocol PSEUDO_FIELD_MISSING PROTOCOL_ERROR");
    await expectWorks(client, 3);
  });
});

describe("sizes", () => {
  /** :status and a field, `size` in all as RFC 9113 6.5.2 counts it. */
  const ofSize = (size: number): ReturnType<typeof status> => {
    const fixed = ":status".length + 3 + 32 + 1 + 32;
    return status(200, ["x", "v".repeat(size - fixed)]);
  };

  test("[h2-113] a header list of the size we announced is accepted, one octet more is an error of its stream", async () => {
    const { client, sent } = await sentGet({ maxHeaderListBytes: 1000 });
    client.peer.headers(1, ofSize(1000), { endStream: true });
    await expectQuiet(client);
    await expectSent(client, sent, "200");

    const options = { maxHeaderListBytes: 1000 };
    await expectMalformedResponse(ofSize(1001), "HEADER_LIST_TOO_LARGE", false, options);
  });

  test("[h2-113] the same behind END_STREAM: nothing is left to be reset", async () => {
    const { client, sent } = await sentGet({ maxHeaderListBytes: 1000 });
    client.peer.headers(1, ofSize(1001), { endStream: true });
    await expectQuiet(client);
    await expectSent(client, sent, "protocol HEADER_LIST_TOO_LARGE PROTOCOL_ERROR");
    await expectWorks(client, 3);
  });

  test("more lines than maxHeaders is the same", async () => {
    const { client, sent } = await sentGet({ maxHeaders: 2 });
    client.peer.headers(1, status(200, ["a", ""], ["b", ""]));
    client.peer.data(1, "abc", { endStream: true });
    await expectQuiet(client);
    await expectSent(client, sent, "200");
    const reading = sent.response === undefined ? undefined : read(sent.response.body);
    await client.run();
    expect(reading).toEqual({ pieces: ["abc"], trailers: undefined, outcome: "ended" });
    await expectMalformedResponse(status(200, ["a", ""], ["b", ""], ["c", ""]), "HEADER_LIST_TOO_LARGE", false, {
      maxHeaders: 2,
    });
  });
});
