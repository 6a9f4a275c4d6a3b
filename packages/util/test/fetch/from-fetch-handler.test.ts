/** Fetch handlers as services: what goes out for what they return, to the byte. */
import { HttpError, HttpRequest } from "@sluice/core";
import { type FetchHandler, type FetchInfo, fromFetchHandler, LightResponse } from "@sluice/util/fetch";
import { describe, expect, test } from "vitest";
import { answerTo, play } from "./support.ts";

const get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const post = (body: string, more = ""): string =>
  `POST / HTTP/1.1\r\nhost: a\r\n${more}content-length: ${body.length}\r\n\r\n${body}`;

function streamOf(...chunks: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
      controller.close();
    },
  });
}

describe.each([
  ["the platform's Response", Response],
  ["LightResponse", LightResponse],
])("%s", (_name, Made) => {
  test("text goes out with its length and type, in one piece", async () => {
    expect(await answerTo(() => new Made("Hello"), get)).toBe(
      "HTTP/1.1 200 OK\r\ncontent-type: text/plain;charset=UTF-8\r\ncontent-length: 5\r\n\r\nHello",
    );
  });

  test("bytes go out with their length and no type", async () => {
    expect(await answerTo(() => new Made(new Uint8Array([72, 105])), get)).toBe(
      "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nHi",
    );
  });

  test("a promise of one is as good", async () => {
    expect(await answerTo(async () => new Made(null, { status: 201 }), get)).toBe(
      "HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n",
    );
  });

  test("a stream goes out in chunks", async () => {
    expect(await answerTo(() => new Made(streamOf("one", "two")), get)).toBe(
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n",
    );
  });

  test("a stream with a content-length goes out as it is", async () => {
    const headers = { "content-length": "6" };
    expect(await answerTo(() => new Made(streamOf("one", "two"), { headers }), get)).toBe(
      "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nonetwo",
    );
  });

  test("a form, a Blob and URLSearchParams have their types", async () => {
    expect(await answerTo(() => new Made(new URLSearchParams({ a: "1 2" })), get)).toMatch(
      /^HTTP\/1.1 200 OK\r\ncontent-type: application\/x-www-form-urlencoded;charset=UTF-8\r\n[\s\S]*a=1\+2/,
    );
    expect(await answerTo(() => new Made(new Blob(["x"], { type: "text/x-a" })), get)).toMatch(
      /^HTTP\/1.1 200 OK\r\ncontent-type: text\/x-a\r\n[\s\S]*x/,
    );
  });

  test("cookies stay apart, other fields are as they were put in", async () => {
    const headers = new Headers({ "x-a": "1" });
    headers.append("set-cookie", "a=1; path=/");
    headers.append("set-cookie", "b=2");
    headers.append("x-a", "2");
    const answer = await answerTo(() => new Made(null, { headers }), get);
    expect(
      answer
        .split("\r\n")
        .filter((line) => /^(set-cookie|x-a)/.test(line))
        .sort(),
    ).toEqual(["set-cookie: a=1; path=/", "set-cookie: b=2", "x-a: 1, 2"]);
  });

  test("a phrase is sent where it is another than the registered one", async () => {
    const answer = (statusText: string): Promise<string> =>
      answerTo(() => new Made(null, { status: 404, statusText }), get);
    expect(await answer("Nowhere")).toBe("HTTP/1.1 404 Nowhere\r\ncontent-length: 0\r\n\r\n");
    expect(await answer("")).toBe("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
  });

  test("HEAD gets the head that GET would have got; 204 and 304 have no content", async () => {
    expect(await answerTo(() => new Made("Hello"), get.replace("GET", "HEAD"))).toBe(
      "HTTP/1.1 200 OK\r\ncontent-type: text/plain;charset=UTF-8\r\ncontent-length: 5\r\n\r\n",
    );
    expect(await answerTo(() => new Made(null, { status: 204 }), get)).toBe("HTTP/1.1 204 No Content\r\n\r\n");
    expect(await answerTo(() => new Made(null, { status: 304 }), get)).toBe("HTTP/1.1 304 Not Modified\r\n\r\n");
  });

  test("a stream that answers HEAD is cancelled", async () => {
    let canceled = 0;
    const body = (): ReadableStream => new ReadableStream({ cancel: () => void canceled++ });
    await answerTo(() => new Made(body()), get.replace("GET", "HEAD"));
    expect(canceled).toBe(1);
  });

  test("what a stream has at hand leaves with the head in one write, chunk by chunk; what comes later on its own", async () => {
    let source: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const text of ["a", "bc"]) controller.enqueue(new TextEncoder().encode(text));
        source = controller;
      },
    });
    const { io, written } = play(() => new Made(body), get);
    const head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    const texts = (): string[] => io.writes.map((chunk) => new TextDecoder().decode(chunk));
    await new Promise((resolve) => setImmediate(resolve));
    expect(texts()).toEqual([`${head}1\r\na\r\n2\r\nbc\r\n`]);
    await written();
    source?.enqueue(new TextEncoder().encode("d"));
    source?.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect(texts()).toEqual(["1\r\nd\r\n0\r\n\r\n"]);
  });

  test("the head does not wait for a stream that has nothing yet", async () => {
    const { io } = play(() => new Made(new ReadableStream()), get);
    await new Promise((resolve) => setImmediate(resolve));
    expect(io.takeWritten()).toBe("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
  });

  test("a stream that answers HEAD is not read", async () => {
    let pulls = 0;
    const body = new ReadableStream({ pull: () => void pulls++ }, { highWaterMark: 0 });
    await answerTo(() => new Made(body), get.replace("GET", "HEAD"));
    expect(pulls).toBe(0);
  });

  test("a stream that was locked or read behind the back of its response is a failed service", async () => {
    for (const spoil of [
      (stream: ReadableStream) => void stream.getReader(),
      (stream: ReadableStream) => void stream.cancel(),
    ]) {
      const exchange = play(() => {
        const stream = streamOf("a");
        const response = new Made(stream);
        spoil(stream);
        return response;
      }, get);
      expect(await exchange.written()).toMatch(/^HTTP\/1.1 500 /);
      expect(exchange.failures).toEqual([new TypeError("Body is unusable: Body has already been read")]);
    }
  });

  test("one that was read, or whose stream is locked, is a failed service", async () => {
    const read = play(async () => {
      const response = new Made("Hello");
      await response.text();
      return response;
    }, get);
    expect(await read.written()).toBe(
      "HTTP/1.1 500 Internal Server Error\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
    );
    expect(read.failures).toEqual([new TypeError("Body is unusable: Body has already been read")]);
    const locked = play(() => {
      const response = new Made(streamOf("a"));
      response.body?.getReader();
      return response;
    }, get);
    expect(await locked.written()).toMatch(/^HTTP\/1.1 500 /);
  });

  test("one without content can be returned again and again", async () => {
    const response = new Made(null, { headers: { a: "1" } });
    const expected = "HTTP/1.1 200 OK\r\na: 1\r\ncontent-length: 0\r\n\r\n";
    expect(await answerTo(() => response, get + get)).toBe(expected + expected);
    const service = fromFetchHandler(() => response);
    const first = await service.call(HttpRequest.get("/", { host: "a" }));
    first.headers.append("b", "2");
    const second = await service.call(HttpRequest.get("/", { host: "a" }));
    expect([...second.headers]).toEqual([["a", "1"]]);
  });

  test("a clone can be sent after the original was read", async () => {
    const handler: FetchHandler = async () => {
      const response = new Made("Hello", { status: 202 });
      const copy = response.clone();
      expect(await response.text()).toBe("Hello");
      return copy;
    };
    expect(await answerTo(handler, get)).toMatch(/^HTTP\/1.1 202 Accepted\r\n[\s\S]*Hello/);
  });
});

describe("failures", () => {
  const failed = "HTTP/1.1 500 Internal Server Error\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

  test("what a handler throws or rejects with is told, and answered with 500", async () => {
    const error = new Error("mine");
    for (const handler of [
      () => {
        throw error;
      },
      () => Promise.reject(error),
    ]) {
      const exchange = play(handler, get);
      expect(await exchange.written()).toBe(failed);
      expect(exchange.failures).toEqual([error]);
    }
  });

  test.each([undefined, null, "text", 12, {}, new Date(0)])("%s is no response", async (value) => {
    for (const answer of [value, Promise.resolve(value)]) {
      const exchange = play(() => answer as unknown as Response, get);
      expect(await exchange.written()).toBe(failed);
      expect(String(exchange.failures[0])).toMatch(/^TypeError: a fetch handler must return a Response, got /);
    }
  });

  test("Response.error() cannot be sent", async () => {
    expect(await answerTo(() => Response.error(), get)).toBe(failed);
  });

  test("more than maxBufferedBodyBytes is answered with 413, whether its length was said or not", async () => {
    const reads: FetchHandler = async (request) => new Response(await request.text());
    const options = { maxBufferedBodyBytes: 3 };
    const refused = "HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    expect(await answerTo(reads, post("abc"), options)).toMatch(/^HTTP\/1.1 200 OK[\s\S]*abc$/);
    expect(await answerTo(reads, post("abcd"), options)).toBe(refused);
    const chunked = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n";
    expect(await answerTo(reads, chunked, options)).toBe(refused);
  });

  test("a stream has no such limit", async () => {
    const handler: FetchHandler = (request) => new Response(request.body as unknown as ReadableStream);
    expect(await answerTo(handler, post("abcd"), { maxBufferedBodyBytes: 3 })).toMatch(/4\r\nabcd\r\n0\r\n\r\n$/);
  });

  test("senseless options are refused by name", () => {
    const make = (options: object) => () => fromFetchHandler(() => new Response(), options);
    expect(make({ schema: "http" })).toThrow("fromFetchHandler: unknown option schema");
    expect(make({ scheme: "ftp" })).toThrow("scheme: must be http or https, got ftp");
    expect(make({ trustProxy: 1 })).toThrow("trustProxy: must be a boolean, got 1");
    expect(make({ defaultHost: "a b" })).toThrow('defaultHost: must be a host, got "a b"');
    expect(make({ maxBufferedBodyBytes: -1 })).toThrow(
      "maxBufferedBodyBytes: must be a whole number of at least 0, got -1",
    );
    expect(() => fromFetchHandler({} as FetchHandler)).toThrow("handler: must be a function, got object");
  });
});

describe("what Fetch has no word for", () => {
  const ask = (more: string): string => `GET / HTTP/1.1\r\nhost: a\r\n${more}\r\n`;

  test("early hints are sent before the response", async () => {
    const handler: FetchHandler = (_request, info) => {
      expect(info.sendInformational(103, { link: "</a.css>; rel=preload" })).toBe(true);
      return new Response("Hello");
    };
    expect(await answerTo(handler, get)).toBe(
      "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n" +
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain;charset=UTF-8\r\ncontent-length: 5\r\n\r\nHello",
    );
    expect(
      await answerTo((_request, info) => new Response(String(info.sendInformational(103))), get.replace("1.1", "1.0")),
    ).toMatch(/false$/);
  });

  test.each(["text", "stream"])("trailers of the request come after its content, read as %s", async (way) => {
    let trailers: Promise<Headers> | undefined;
    const handler: FetchHandler = async (request, info) => {
      trailers = info.trailers();
      if (way === "text") return new Response(await request.text());
      let text = "";
      for await (const chunk of request.body as ReadableStream<Uint8Array>) text += new TextDecoder().decode(chunk);
      return new Response(text);
    };
    const input = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 6\r\n\r\n";
    expect(await answerTo(handler, input)).toMatch(/abc$/);
    expect([...((await trailers) as Headers)]).toEqual([["x-sum", "6"]]);
  });

  test("trailers that do not come are no unhandled rejection", async () => {
    let trailers: Promise<Headers> | undefined;
    const handler: FetchHandler = async (request, info) => {
      trailers = info.trailers();
      return new Response(await request.text());
    };
    const exchange = play(handler, "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n");
    expect(await exchange.written()).toMatch(/^HTTP\/1.1 400 /);
    await expect(trailers).rejects.toThrow(HttpError);
  });

  test("a request without content has no trailers", async () => {
    const handler: FetchHandler = async (_request, info) => new Response(String([...(await info.trailers())].length));
    expect(await answerTo(handler, get)).toMatch(/0$/);
  });

  test("trailers are sent to those who take them", async () => {
    const handler: FetchHandler = (_request, info) => {
      info.respondTrailers({ "x-sum": "6" });
      return new Response("abc");
    };
    const head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain;charset=UTF-8\r\n";
    expect(await answerTo(handler, ask("te: trailers\r\n"))).toBe(
      `${head}transfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 6\r\n\r\n`,
    );
  });

  test("trailers may be made when the content has been sent", async () => {
    const order: string[] = [];
    const handler: FetchHandler = (_request, info) => {
      info.respondTrailers(async () => {
        order.push("trailers");
        return { "x-sum": "6" };
      }, ["x-sum"]);
      const body = new ReadableStream({
        pull(controller) {
          order.push("content");
          controller.enqueue(new TextEncoder().encode("abc"));
          controller.close();
        },
      });
      return new Response(body);
    };
    expect(await answerTo(handler, ask("te: trailers\r\n"))).toMatch(/3\r\nabc\r\n0\r\nx-sum: 6\r\n\r\n$/);
    expect(order).toEqual(["content", "trailers"]);
  });

  test("the raw request has every line as it came", async () => {
    let seen: FetchInfo | undefined;
    await answerTo((request, info) => {
      seen = info;
      request.headers.set("x-a", "changed");
      expect(request.headers.get("x-a")).toBe("changed");
      return new Response();
    }, ask("x-a: 1\r\nx-a: 2\r\n"));
    expect([...(seen?.request.headers ?? [])]).toEqual([
      ["host", "a"],
      ["x-a", "1"],
      ["x-a", "2"],
    ]);
    expect(seen?.connection).toBeUndefined();
  });

  test("an upgrade leads to the transport, with what was sent behind the request", async () => {
    let received = "";
    const handler: FetchHandler = (_request, info) => {
      const { response, upgraded } = info.upgrade({ upgrade: "echo" });
      expect([response.status, response instanceof Response]).toEqual([101, true]);
      void upgraded.then((io) => {
        io.read((chunk) => {
          received = new TextDecoder().decode(chunk ?? new Uint8Array());
          io.write([new TextEncoder().encode(`echo ${received}`)]);
        });
      });
      return response;
    };
    expect(await answerTo(handler, `${ask("connection: upgrade\r\nupgrade: echo\r\n")}early`)).toBe(
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\necho early",
    );
  });

  test("an upgrade whose response is not returned comes to nothing", async () => {
    let error: unknown;
    const handler: FetchHandler = (_request, info) => {
      info.upgrade().upgraded.catch((reason: unknown) => {
        error = reason;
      });
      return new Response("no");
    };
    expect(await answerTo(handler, ask("connection: upgrade\r\nupgrade: echo\r\n"))).toMatch(/^HTTP\/1.1 200 OK/);
    expect(HttpError.is(error) && error.code).toBe("NO_UPGRADE");
  });

  test("a 2xx to CONNECT that no upgrade has made is 501; other answers go out", async () => {
    const connect = "CONNECT b:443 HTTP/1.1\r\nhost: b:443\r\n\r\n";
    expect(await answerTo(() => new Response("Hello"), connect)).toBe(
      "HTTP/1.1 501 Not Implemented\r\ncontent-length: 0\r\n\r\n",
    );
    expect(await answerTo(() => new Response(null, { status: 403 }), connect)).toMatch(/^HTTP\/1.1 403 Forbidden/);
    expect(await answerTo((_request, info) => info.upgrade().response, connect)).toBe("HTTP/1.1 200 OK\r\n\r\n");
  });
});

test("a LightResponse with content can be returned once only, and is used from then on", async () => {
  for (const content of ["Hello", new TextEncoder().encode("Hello")]) {
    const response = new LightResponse(content);
    const { failures, written } = play(() => response, get + get);
    expect(await written()).toMatch(/\r\n\r\nHelloHTTP\/1.1 500 /);
    expect(failures).toEqual([new TypeError("Body is unusable: Body has already been read")]);
    expect(response.bodyUsed).toBe(true);
    await expect(response.text()).rejects.toThrow("Body is unusable");
    expect(() => response.clone()).toThrow("Body is unusable");
  }
});
