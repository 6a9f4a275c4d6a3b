/** The server reads request heads: where they end, what may stand in them, how large they may be (RFC 9112 2, 3, 5). */
import { HttpRequest, HttpResponse } from "@sluice/core";
import type * as http1 from "@sluice/core/http1";
import { describe, expect, test } from "vitest";
import { expectClosedAfter, expectFailedAfter, expectOpen, get, head, ok, okText, refusal } from "../support/server.ts";
import { connectOn, contentOf, rejection, serveOn, settle } from "../support/wire.ts";

const bad = refusal("400 Bad Request");

/** Serves one input; the requests that came of it. */
function seen(options: http1.ServerOptions = {}): { requests: HttpRequest[]; server: ReturnType<typeof serveOn> } {
  const requests: HttpRequest[] = [];
  const server = serveOn((request) => {
    requests.push(request);
    return ok();
  }, options);
  return { requests, server };
}

describe("the end of a head", () => {
  test("[hyper-001] bytes behind a GET without length are no content of it, and the GET is answered", async () => {
    const contents: Promise<string>[] = [];
    const server = serveOn((request) => {
      contents.push(contentOf(request.body));
      return ok();
    });
    server.io.push(`${get}I shouldn't be read.\r\n`);
    expect(await contents[0]).toBe("");
    await expectFailedAfter(server, okText + bad, "parse", "INVALID_REQUEST_LINE");
    expect(contents.length).toBe(1);
  });

  test("[hyper-002] a GET with content-length has content", async () => {
    const server = serveOn(async (request) =>
      new HttpResponse(200, {}, undefined).header("x", await contentOf(request.body)),
    );
    server.io.push(`${head("GET / HTTP/1.1", "content-length: 5")}Howdy`);
    await settle();
    expect(server.io.takeWritten()).toBe("HTTP/1.1 200 OK\r\nx: Howdy\r\ncontent-length: 0\r\n\r\n");
    expectOpen(server);
  });

  test("[hyper-003] a head in several reads is held until it is complete", () => {
    const { requests, server } = seen();
    for (const part of ["GET / HT", "TP/1.1\r\n", "host: a\r", "\n\r"]) {
      server.io.push(part);
      expectOpen(server);
    }
    server.io.push("\n");
    expect(requests.length).toBe(1);
    expect(server.io.takeWritten()).toBe(okText);
  });

  test("[hyper-017] LF, then CRLF: refused; with allowBareLineFeed the end of the head", async () => {
    const input = "GET / HTTP/1.1\r\nhost: a\n\r\n";
    const strict = seen();
    strict.server.io.push(input);
    await expectFailedAfter(strict.server, bad, "parse", "BARE_LF");
    const lenient = seen({ allowBareLineFeed: true });
    lenient.server.io.push(input);
    expect(lenient.server.io.takeWritten()).toBe(okText);
    expectOpen(lenient.server);
  });

  for (const [name, end, options] of [
    ["CRLF", "\r\n", {}],
    ["LF", "\n", { allowBareLineFeed: true }],
  ] as const) {
    const input = ["GET /path HTTP/1.1", "host: example.com", "accept: */*", "", ""].join(end);

    test(`[hyper-018] a head is complete wherever it is cut, in both styles of line: ${name}`, () => {
      for (let cut = 1; cut < input.length; cut++) {
        const { requests, server } = seen(options);
        server.io.push(input.slice(0, cut));
        expect([cut, requests.length, server.io.takeWritten()]).toEqual([cut, 0, ""]);
        server.io.push(input.slice(cut));
        expect([cut, requests.length, server.io.takeWritten()]).toEqual([cut, 1, okText]);
        expect([...(requests[0]?.headers ?? [])]).toEqual([
          ["host", "example.com"],
          ["accept", "*/*"],
        ]);
      }
    });

    test(`[hyper-022] the same head without its last byte is not complete, wherever it is cut`, () => {
      for (let cut = 1; cut < input.length - 1; cut++) {
        const { requests, server } = seen(options);
        server.io.push(input.slice(0, cut), input.slice(cut, -1));
        expect(requests.length).toBe(0);
        expectOpen(server);
      }
    });
  }

  test("empty lines before a request line are skipped (RFC 9112 2.2), and count as part of the head", async () => {
    const { server } = seen({ maxHeadBytes: 64 });
    server.io.push(`\r\n\r\n${get}`);
    expect(server.io.takeWritten()).toBe(okText);
    server.io.push("\r\n".repeat(31));
    expectOpen(server);
    server.io.push("\r\n");
    await expectFailedAfter(server, refusal("414 URI Too Long"), "limit", "TARGET_TOO_LONG");
  });
});

describe("the end of the stream", () => {
  test("[hyper-004] before any byte: a clean end", async () => {
    const { requests, server } = seen();
    server.io.push(null);
    await expectClosedAfter(server, "");
    expect(requests).toEqual([]);
  });

  test("[hyper-004] after nothing but an empty line: a clean end", async () => {
    const { server } = seen();
    server.io.push("\r\n", null);
    await expectClosedAfter(server, "");
  });

  test("[hyper-005] inside a head: an error, and no answer", async () => {
    for (const part of ["G", "GET / HTTP/1.1", get.slice(0, -1), "\r"]) {
      const { requests, server } = seen();
      server.io.push(part, null);
      await expectFailedAfter(server, "", "incomplete", "INCOMPLETE_MESSAGE");
      expect(requests).toEqual([]);
    }
  });

  test("[hyper-006] while the service works: with halfClose no error, only the end of the input", async () => {
    let answer: (response: HttpResponse) => void = () => {};
    const server = serveOn(() => new Promise((resolve) => (answer = resolve)), { halfClose: true });
    server.io.push(get, null);
    expectOpen(server);
    answer(ok());
    await expectClosedAfter(server, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
  });

  test("[hyper-006] for a client that waits: an incomplete message", async () => {
    const client = await connectOn();
    const sent = client.sender.send(HttpRequest.get("/", { host: "a" }));
    client.io.push(null);
    expect((await rejection(sent)).kind).toBe("incomplete");
  });
});

describe("the request line", () => {
  test("[hyper-007] malformed: 400 and a parse error", async () => {
    for (const line of ["GE T / HTTP/1.1", "GET / HTTX/1.1", "GET /", "GET", " / HTTP/1.1", "GET / HTTP/1.10"]) {
      const { requests, server } = seen();
      server.io.push(`${line}\r\n`);
      await expectFailedAfter(server, bad, "parse", "INVALID_REQUEST_LINE".replace("REQUEST_LINE", lineCode(line)));
      expect(requests).toEqual([]);
    }
  });

  test("[hyper-007] a method that is no token: 400", async () => {
    const { server } = seen();
    server.io.push("G\xe9T / HTTP/1.1\r\n");
    await expectFailedAfter(server, bad, "parse", "INVALID_METHOD");
  });

  test("[hyper-008] a target in none of the four forms: 400", async () => {
    for (const target of ["htt:p//", "example.com", "*", "http://", "http://u@h/", "/a#b", "/\xe9"]) {
      const { server } = seen();
      server.io.push(`GET ${target} HTTP/1.1\r\n`);
      await expectFailedAfter(server, bad, "parse", "INVALID_TARGET");
    }
  });

  test("a target with bytes above 0x7F: refused; with allowUtf8Target kept as they are", () => {
    const { requests, server } = seen({ allowUtf8Target: true });
    server.io.push(head("GET /\xc3\xa9?\xc3\xa9 HTTP/1.1"));
    expect(requests[0]?.target.toString()).toBe("/\xc3\xa9?\xc3\xa9");
  });

  test("[hyper-009] a target of maxTargetBytes passes, one byte more: 414", async () => {
    const at = seen({ maxTargetBytes: 10 });
    at.server.io.push(head(`GET /${"a".repeat(9)} HTTP/1.1`));
    expect(at.server.io.takeWritten()).toBe(okText);
    const over = seen({ maxTargetBytes: 10 });
    over.server.io.push(`GET /${"a".repeat(10)} HTTP/1.1\r\n`);
    await expectFailedAfter(over.server, refusal("414 URI Too Long"), "limit", "TARGET_TOO_LONG");
  });

  test("[hyper-009] the default is 65,534 bytes", async () => {
    const at = seen({ maxHeadBytes: 100_000 });
    at.server.io.push(head(`GET /${"a".repeat(65_533)} HTTP/1.1`));
    expect(at.server.io.takeWritten()).toBe(okText);
    const over = seen({ maxHeadBytes: 100_000 });
    over.server.io.push(`GET /${"a".repeat(65_534)} HTTP/1.1\r\n`);
    await expectFailedAfter(over.server, refusal("414 URI Too Long"), "limit", "TARGET_TOO_LONG");
    // A line that never ends meets the limit for the whole head.
    const endless = seen();
    endless.server.io.push(`GET /${"a".repeat(65_536)}`);
    await expectFailedAfter(endless.server, refusal("414 URI Too Long"), "limit", "TARGET_TOO_LONG");
  });

  test("[hyper-016] several spaces between the parts: refused; accepted with allowMultipleSpaces", async () => {
    for (const [line, code] of [
      ["GET  / HTTP/1.1", "INVALID_REQUEST_LINE"],
      ["GET /  HTTP/1.1", "INVALID_REQUEST_LINE"],
      ["GET   /   HTTP/1.1", "INVALID_REQUEST_LINE"],
    ] as const) {
      const strict = seen();
      strict.server.io.push(head(line));
      await expectFailedAfter(strict.server, bad, "parse", code);
      const lenient = seen({ allowMultipleSpaces: true });
      lenient.server.io.push(head(line));
      expect(lenient.server.io.takeWritten()).toBe(okText);
      expect(lenient.requests[0]?.target.toString()).toBe("/");
    }
  });

  test("[hyper-021] the preface of HTTP/2 is an error and is not answered", async () => {
    const { server } = seen();
    server.io.push("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    await expectFailedAfter(server, "", "parse", "VERSION_H2");
  });

  test("another major version: 505; a higher minor version counts as 1.1", async () => {
    const two = seen();
    two.server.io.push("GET / HTTP/2.0\r\n");
    await expectFailedAfter(two.server, refusal("505 HTTP Version Not Supported"), "parse", "VERSION");
    const nine = seen();
    nine.server.io.push(head("GET / HTTP/1.9"));
    expect(nine.server.io.takeWritten()).toBe(okText);
    expect(nine.requests[0]?.version).toBe("HTTP/1.1");
  });
});

function lineCode(line: string): string {
  return line.startsWith(" ") ? "METHOD" : "REQUEST_LINE";
}

describe("Host (RFC 9112 3.2)", () => {
  for (const [fields, version] of [
    ["", "1.1"],
    ["host: a\r\nhost: a\r\n", "1.1"],
    ["host: a b\r\n", "1.1"],
    ["host: a/b\r\n", "1.1"],
    ["host: a:66000\r\n", "1.1"],
    ["host: u@a\r\n", "1.1"],
    ["host: a\r\nhost: b\r\n", "1.0"],
  ] as const) {
    test(`${JSON.stringify(fields)} in ${version}: 400`, async () => {
      const { server } = seen();
      server.io.push(`GET / HTTP/${version}\r\n${fields}\r\n`);
      await expectFailedAfter(server, bad, "parse", "INVALID_HOST");
    });
  }

  test("is needed with a target in absolute form too, whose authority wins", async () => {
    const without = seen();
    without.server.io.push("GET http://b/ HTTP/1.1\r\n\r\n");
    await expectFailedAfter(without.server, bad, "parse", "INVALID_HOST");
    const { requests, server } = seen();
    server.io.push("GET http://b/ HTTP/1.1\r\nhost: a\r\n\r\n");
    expect([requests[0]?.authority, requests[0]?.headers.get("host")]).toEqual(["b", "a"]);
  });

  test("may be empty, an IP literal, or with port; HTTP/1.0 may do without", () => {
    for (const input of [
      "GET / HTTP/1.1\r\nhost:\r\n\r\n",
      "GET / HTTP/1.1\r\nHOST: [::1]:80\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: a:65535\r\n\r\n",
      "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
    ]) {
      const { requests, server } = seen();
      server.io.push(input);
      expect(requests.length).toBe(1);
    }
  });
});

describe("field lines", () => {
  test("[hyper-019] HTAB inside a value is kept, around it it is not part of it", () => {
    const { requests, server } = seen();
    server.io.push(head("GET / HTTP/1.1", "x:\t a\tb \t"));
    expect(requests[0]?.headers.get("x")).toBe("a\tb");
  });

  test("[hyper-020] the spelling of names is kept with preserveHeaderCase, of repeated ones each", () => {
    const input = "GET / HTTP/1.1\r\nHost: a\r\nX-BREAD: 1\r\nx-bread: 2\r\nX-Bread: 3\r\n\r\n";
    for (const [options, spellings] of [
      [{ preserveHeaderCase: true }, ["Host", "X-BREAD", "x-bread", "X-Bread"]],
      [{}, [undefined, undefined, undefined, undefined]],
    ] as const) {
      const { requests, server } = seen(options);
      server.io.push(input);
      const headers = requests[0]?.headers;
      expect([0, 1, 2, 3].map((i) => headers?.originalNameAt(i))).toEqual(spellings);
      expect(headers?.getAll("x-bread")).toEqual(["1", "2", "3"]);
    }
  });

  for (const [what, line, code, option] of [
    ["white space before the colon", "x : 1", "INVALID_HEADER", { allowSpaceBeforeColon: true }],
    ["a line without colon", "x", "INVALID_HEADER", { ignoreInvalidHeaders: true }],
    ["a name that is no token", "(x): 1", "INVALID_HEADER", { ignoreInvalidHeaders: true }],
    ["a folded line", "x: 1\r\n 2", "OBSOLETE_FOLDING", { allowObsoleteFolding: true }],
    ["LF alone", "x: 1\ny: 2", "BARE_LF", { allowBareLineFeed: true }],
    ["a control byte in a value", "x: a\x01b", "INVALID_BYTE", { ignoreInvalidHeaders: true }],
  ] as const) {
    test(`${what}: 400; accepted with ${Object.keys(option)[0]}`, async () => {
      const strict = seen();
      strict.server.io.push(head("GET / HTTP/1.1", line));
      await expectFailedAfter(strict.server, bad, "parse", code);
      const lenient = seen(option);
      lenient.server.io.push(head("GET / HTTP/1.1", line));
      expect(lenient.server.io.takeWritten()).toBe(okText);
      const values = what === "a folded line" ? "1 2" : Object.hasOwn(option, "ignoreInvalidHeaders") ? undefined : "1";
      expect(lenient.requests[0]?.headers.get("x")).toBe(values);
    });
  }

  test("NUL and CR alone are refused whatever is allowed", async () => {
    const all = { ignoreInvalidHeaders: true, allowBareLineFeed: true, allowObsoleteFolding: true };
    for (const [line, code] of [
      ["x: a\0b", "INVALID_BYTE"],
      ["x: a\rb", "BARE_CR"],
    ] as const) {
      const { server } = seen(all);
      server.io.push(head("GET / HTTP/1.1", line));
      await expectFailedAfter(server, bad, "parse", code);
    }
  });
});
