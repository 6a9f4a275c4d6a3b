/**
 * What a stream is reset with when the program fails (RFC 9113 section 5.4.2): the code that its error names.
 */
import { channel, fromIterable } from "@sluice/body";
import { HttpError, HttpRequest, HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { connectH2, expectSent, send } from "./support/client.ts";
import { expectWorks } from "./support/exchanges.ts";
import { expectFrames } from "./support/expectations.ts";
import { get } from "./support/messages.ts";
import { errorCodes } from "./support/names.ts";
import { expectServes } from "./support/recorded.ts";
import { serveH2 } from "./support/server.ts";

const named = (): HttpError => new HttpError("user", "CALM", "too much", { reason: errorCodes.ENHANCE_YOUR_CALM });

/** Errors and the code that each stands for; `otherwise` where it names none. */
const failures = (otherwise: string): readonly (readonly [string, () => unknown, string])[] => [
  ["an error that names a code", named, "ENHANCE_YOUR_CALM"],
  ["an error whose cause names one", () => new Error("a", { cause: named() }), "ENHANCE_YOUR_CALM"],
  [
    "an error whose cause's cause names one",
    () => new Error("a", { cause: new TypeError("b", { cause: named() }) }),
    "ENHANCE_YOUR_CALM",
  ],
  ["NO_ERROR", () => new HttpError("user", "DONE", "done", { reason: errorCodes.NO_ERROR }), "NO_ERROR"],
  ["an error that names none", () => new Error("a", { cause: new Error("b") }), otherwise],
  ["an error that is its own cause", circular, otherwise],
  ["something that is no error", () => "oops", otherwise],
  ["nothing", () => undefined, otherwise],
];

describe("a service that fails", () => {
  test.each(failures("INTERNAL_ERROR"))("[hyper-189] with %s", async (_, fail, code) => {
    const server = await serveH2((request) => {
      if (request.target.path === "/throw") throw fail();
      if (request.target.path === "/reject") return Promise.reject(fail());
      return new HttpResponse(200);
    });
    server.peer.headers(1, get("/throw"), { endStream: true });
    await expectFrames(server, [`RST_STREAM 1 ${code}`]);
    server.peer.headers(3, get("/reject"), { endStream: true });
    await expectFrames(server, [`RST_STREAM 3 ${code}`]);
    await expectServes(server, 5);
  });

  test("[hyper-189] by answering with something that is no response", async () => {
    const server = await serveH2((request) =>
      request.target.path === "/" ? new HttpResponse(200) : (Promise.resolve({}) as Promise<HttpResponse>),
    );
    server.peer.headers(1, get("/a"), { endStream: true });
    await expectFrames(server, ["RST_STREAM 1 INTERNAL_ERROR"]);
    await expectServes(server, 3);
  });
});

describe("the body of a response that fails", () => {
  test.each(failures("INTERNAL_ERROR"))("[hyper-189] with %s", async (_, fail, code) => {
    const server = await serveH2((request) => {
      if (request.target.path === "/") return new HttpResponse(200);
      return new HttpResponse(200, {}, fromIterable(failing(fail)));
    });
    server.peer.headers(1, get("/a"), { endStream: true });
    await expectFrames(server, ["HEADERS 1 :status=200", "DATA 1 1 a", `RST_STREAM 1 ${code}`]);
    await expectServes(server, 3);
  });
});

describe("the body of a request that fails", () => {
  test.each(failures("CANCEL"))("[hyper-189] with %s", async (_, fail, code) => {
    const client = await connectH2();
    const sent = send(client, HttpRequest.post("http://a.test/", fromIterable(failing(fail))));
    await expectFrames(client, [
      "HEADERS 1 :method=POST :scheme=http :authority=a.test :path=/",
      "DATA 1 1 a",
      `RST_STREAM 1 ${code}`,
    ]);
    await client.run();
    expect(sent.error?.kind).toBe("user");
    await expectWorks(client, 3);
  });

  test("a sender that gives it up says so", async () => {
    const client = await connectH2();
    const { sender, body } = channel(1);
    const sent = send(client, HttpRequest.post("http://a.test/", body));
    await expectFrames(client, ["HEADERS 1 :method=POST :scheme=http :authority=a.test :path=/"]);
    sender.abort(named());
    await expectFrames(client, ["RST_STREAM 1 ENHANCE_YOUR_CALM"]);
    await expectSent(client, sent, "user CALM ENHANCE_YOUR_CALM");
    await expectWorks(client, 3);
  });
});

function* failing(fail: () => unknown): Generator<string> {
  yield "a";
  throw fail();
}

function circular(): Error {
  const error = new Error("a");
  error.cause = error;
  return error;
}
