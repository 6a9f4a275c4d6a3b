/** What a dispatcher is beside its requests: load, events, backpressure, the end. */
import { Readable } from "node:stream";
import { fromIterable } from "@sluice/body";
import { HttpResponse } from "@sluice/core";
import { errors, request } from "undici";
import { describe, expect, test } from "vitest";
import { Client } from "../../src/client/index.ts";
import { ConnectionEvents, SluiceDispatcher } from "../../src/undici/index.ts";
import { settle } from "../support/io.ts";
import { startOrigin } from "../support/origin.ts";
import {
  type Call,
  closedPort,
  failureFacts,
  type Held,
  newHandler,
  oldHandler,
  ours,
  theirs,
  until,
} from "./support.ts";

const mebibyte = 1_048_576;

async function text(url: string, dispatcher: Held): Promise<string> {
  return await (await request(url, { dispatcher })).body.text();
}

describe("backpressure", () => {
  test("32 MiB up and down, echoed; nothing lost, and neither side runs away", async () => {
    const size = 32 * mebibyte;
    await using origin = await startOrigin();
    await using dispatcher = ours();
    let made = 0;
    const chunk = Buffer.alloc(65_536, "x");
    const up = new Readable({
      read() {
        made += chunk.length;
        this.push(chunk);
        if (made >= size) this.push(null);
      },
    });
    const { body } = await request(`${origin.url}/echo`, { dispatcher, method: "POST", body: up });
    let received = 0;
    let most = 0;
    for await (const part of body) {
      received += part.length;
      most = Math.max(most, made - received);
      if (received % (4 * mebibyte) < part.length) await settle(1);
    }
    expect(received).toBe(size);
    // What sockets, buffers and streams hold between them; a small part of the whole.
    expect(most).toBeLessThan(size / 2);
  });

  test("a response nobody reads stops its server", async () => {
    let given = 0;
    await using origin = await startOrigin({
      service: () => {
        const chunks = function* () {
          for (; given < 64 * mebibyte; given += 65_536) yield new Uint8Array(65_536);
        };
        return new HttpResponse(200, {}, fromIterable(chunks()));
      },
    });
    await using dispatcher = ours();
    const { body } = await request(origin.url, { dispatcher });
    for (let last = -1; last !== given; ) {
      last = given;
      await settle(50);
    }
    expect(given).toBeLessThan(32 * mebibyte);
    body.on("error", () => {});
    body.destroy();
    await until(() => origin.openConnections === 0);
  });
});

describe("load", () => {
  test("dispatch says false from the limit on, for each origin by itself, and drain comes once there is room", async () => {
    await using first = await startOrigin();
    await using second = await startOrigin();
    const dispatcher = new SluiceDispatcher(new Client(), { maxUnderWayPerOrigin: 2 });
    const drained: unknown[] = [];
    dispatcher.on("drain", (url, targets) => drained.push([url.origin, targets.length, targets[0] === dispatcher]));
    const calls: Call[] = [];
    const send = (origin: string, path: string): boolean =>
      dispatcher.dispatch({ origin, path, method: "GET" }, oldHandler(calls) as never);
    expect([send(first.url, "/slow"), send(first.url, "/slow"), send(first.url, "/slow")]).toEqual([
      true,
      false,
      false,
    ]);
    expect(send(second.url, "/")).toBe(true);
    await first.slow.arrived(3);
    first.slow.release(1);
    await until(() => calls.filter(([name]) => name === "complete").length === 2);
    expect(drained).toEqual([]);
    first.slow.release(1);
    await until(() => drained.length > 0);
    first.slow.release();
    await dispatcher.close();
    expect(drained).toEqual([[first.url, 1, true]]);
  });

  test("without a limit it is always true", async () => {
    await using origin = await startOrigin();
    await using dispatcher = ours();
    const sent = Array.from({ length: 20 }, () =>
      dispatcher.dispatch({ origin: origin.url, path: "/", method: "GET" }, oldHandler([])),
    );
    expect(new Set(sent)).toEqual(new Set([true]));
  });
});

describe("events", () => {
  test("connect and disconnect of connections, connectionError where there is none", async () => {
    await using origin = await startOrigin();
    const events = new ConnectionEvents();
    const dispatcher = new SluiceDispatcher(new Client({ observer: events }), { events });
    const seen: unknown[] = [];
    for (const event of ["connect", "disconnect", "connectionError"]) {
      dispatcher.on(event, (url: URL, targets: unknown[]) => seen.push([event, url.origin, targets[0] === dispatcher]));
    }
    await text(origin.url, dispatcher as never);
    await text(origin.url, dispatcher as never);
    const nowhere = `http://127.0.0.1:${await closedPort()}`;
    await failureFacts(text(nowhere, dispatcher as never));
    await dispatcher.close();
    expect(seen).toEqual([
      ["connect", origin.url, true],
      ["connectionError", nowhere, true],
      ["disconnect", origin.url, true],
    ]);
  });
});

describe("the end", () => {
  test("close: what is under way ends, what comes later is refused, no connection stays", async () => {
    await using origin = await startOrigin();
    for (const make of [ours, theirs]) {
      await using dispatcher = make();
      const slow = text(`${origin.url}/slow`, dispatcher);
      await origin.slow.arrived();
      const closing = dispatcher.close();
      expect([dispatcher.closed, dispatcher.destroyed]).toEqual([true, false]);
      expect(await failureFacts(text(origin.url, dispatcher))).toEqual({
        name: "ClientClosedError",
        code: "UND_ERR_CLOSED",
      });
      const late: Call[] = [];
      expect(dispatcher.dispatch({ origin: origin.url, path: "/", method: "GET" }, oldHandler(late))).toBe(false);
      expect(late).toEqual([["error", { name: "ClientClosedError", code: "UND_ERR_CLOSED" }]]);
      origin.slow.release();
      expect(await slow).toBe("slow\n");
      await closing;
      await until(() => origin.openConnections === 0);
    }
  });

  test("destroy: what is under way fails, with the error that was given, or UND_ERR_DESTROYED", async () => {
    await using origin = await startOrigin();
    for (const make of [ours, theirs]) {
      for (const given of [undefined, new TypeError("enough")]) {
        await using dispatcher = make();
        const hanging = text(`${origin.url}/hang`, dispatcher).catch((error: unknown) => error);
        const before = origin.requests.length;
        await until(() => origin.requests.length > before || origin.openConnections === 1);
        const { body } = await request(`${origin.url}/slow-body`, { dispatcher });
        const reading = body.text().catch((error: unknown) => error);
        await dispatcher.destroy(given as Error);
        const expected = given ?? expect.any(errors.ClientDestroyedError);
        expect(await hanging).toEqual(expected);
        expect(await reading).toEqual(expected);
        expect(dispatcher.destroyed).toBe(true);
        const later = await failureFacts(text(origin.url, dispatcher));
        expect(later).toEqual({ name: "ClientDestroyedError", code: "UND_ERR_DESTROYED" });
        await until(() => origin.openConnections === 0);
      }
    }
  });

  test("with callbacks, once and again, as undici calls them", async () => {
    for (const make of [ours, theirs]) {
      const calls: unknown[] = [];
      const done =
        (name: string) =>
        (error: Error | null, data?: unknown): void =>
          void calls.push([name, (error as { code?: unknown } | null)?.code ?? null, data]);
      const dispatcher = make();
      expect(dispatcher.close(done("close") as never)).toBeUndefined();
      dispatcher.close(done("close again") as never);
      await until(() => calls.length === 2);
      dispatcher.destroy(done("destroy") as never);
      dispatcher.destroy(new Error("e"), done("destroy again") as never);
      await until(() => calls.length === 4);
      expect(calls).toEqual([
        ["close", null, null],
        ["close again", null, null],
        ["destroy", null, null],
        ["destroy again", null, null],
      ]);
      const destroyed = make();
      await destroyed.destroy();
      await expect(destroyed.close()).rejects.toMatchObject({ code: "UND_ERR_DESTROYED" });
      expect(() => destroyed.close(1 as never)).toThrow(errors.InvalidArgumentError);
    }
  });

  test("close of one that waits for nothing, and disposal", async () => {
    await using origin = await startOrigin();
    {
      await using dispatcher = new SluiceDispatcher(new Client());
      await text(origin.url, dispatcher as never);
      expect(origin.openConnections).toBe(1);
    }
    await until(() => origin.openConnections === 0);
  });
});

test("senseless options are refused", () => {
  expect(() => new SluiceDispatcher(new Client(), { maxUnderWayPerOrigin: 0 })).toThrow(RangeError);
  expect(() => new SluiceDispatcher(new Client(), { connections: 1 } as never)).toThrow(TypeError);
  expect(() => new SluiceDispatcher({} as never)).toThrow(TypeError);
  expect(() => new SluiceDispatcher(undefined as never)).toThrow(TypeError);
});

test("a handler that throws at the end of an exchange harms no other", async () => {
  await using origin = await startOrigin();
  await using dispatcher = ours();
  const calls: Call[] = [];
  dispatcher.dispatch(
    { origin: origin.url, path: "/", method: "GET" },
    newHandler(calls, {
      onResponseEnd: () => {
        throw new Error("too late");
      },
    }),
  );
  await until(() => calls.some(([name]) => name === "error"));
  expect(await text(`${origin.url}/size/2`, dispatcher)).toBe("ab");
});
