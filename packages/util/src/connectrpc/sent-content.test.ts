import { Code, ConnectError } from "@connectrpc/connect";
import { HeaderMap, Trailers } from "@sluice/body";
import { describe, expect, test } from "vitest";
import { clientError } from "./errors.ts";
import { SentContent, type SentContentOptions } from "./sent-content.ts";

const one = new Uint8Array([1]);
const two = new Uint8Array([2]);

interface Made {
  readonly body: SentContent;
  /** What was asked of the iterator, and what it was told. */
  readonly log: unknown[];
}

function made(chunks: readonly (Uint8Array | Error)[], options: Partial<SentContentOptions> = {}): Made {
  const log: unknown[] = [];
  const left = [...chunks];
  const iterator: AsyncIterator<Uint8Array> = {
    async next() {
      log.push("next");
      const chunk = left.shift();
      if (chunk instanceof Error) throw chunk;
      return chunk === undefined ? { done: true, value: undefined } : { done: false, value: chunk };
    },
    async throw(error: unknown) {
      log.push(error);
      throw error;
    },
  };
  const unwanted = (reason: unknown): ConnectError => clientError(reason ?? new ConnectError("unwanted", Code.Aborted));
  return { body: new SentContent(iterator, { translate: clientError, unwanted, ...options }), log };
}

describe("SentContent", () => {
  test("gives what was taken before, then one chunk for each that is asked for, then trailers", async () => {
    const fields = new HeaderMap({ "grpc-status": "0" });
    const { body, log } = made([two], { first: one, trailers: () => fields });
    expect([body.frame(), log]).toEqual([one, []]);
    expect([await body.frame(), log]).toEqual([two, ["next"]]);
    expect(body.isEndStream()).toBe(false);
    expect(await body.frame()).toEqual(new Trailers(fields));
    expect([body.isEndStream(), body.frame()]).toEqual([true, null]);
    body.cancel();
    expect([body.frame(), log]).toEqual([null, ["next", "next"]]);
  });

  test("ends without trailers if there are none", async () => {
    const { body } = made([]);
    expect([await body.frame(), body.isEndStream(), body.frame()]).toEqual([null, true, null]);
  });

  test("fails with the iterator's error, once", async () => {
    const { body, log } = made([new ConnectError("broken", Code.DataLoss)]);
    await expect(body.frame()).rejects.toMatchObject({ code: Code.DataLoss, rawMessage: "broken" });
    expect([body.frame(), log]).toEqual([null, ["next"]]);
  });

  test("fails if the trailers cannot be sent", async () => {
    const { body } = made([], {
      trailers: () => {
        throw new TypeError("a bad field");
      },
    });
    await expect(body.frame()).rejects.toThrow(new TypeError("a bad field"));
    expect(body.frame()).toBe(null);
  });

  test("is cancelled while it is idle: the next call throws, and the iterator is told", () => {
    const { body, log } = made([one], { first: one });
    const reason = new Error("enough");
    body.cancel(reason);
    body.cancel(new Error("again"));
    expect(body.isEndStream()).toBe(false);
    expect(() => body.frame()).toThrow(reason);
    expect([body.frame(), body.isEndStream()]).toEqual([null, true]);
    expect(log).toEqual([new ConnectError("enough", Code.Internal, undefined, undefined, reason)]);
  });

  test("is cancelled while a call waits: that rejects, and what comes afterwards is dropped", async () => {
    const { body, log } = made([one]);
    const pending = body.frame();
    expect(() => body.frame()).toThrow("frame() was called while an earlier call was pending");
    body.cancel();
    await expect(pending).rejects.toMatchObject({ code: "canceled" });
    expect([body.frame(), log]).toEqual([null, ["next", new ConnectError("unwanted", Code.Aborted)]]);
  });
});
