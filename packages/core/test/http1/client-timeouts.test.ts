/**
 * Every time limit of a client connection: its default, the connection's, the request's; the error names limit and value.
 */
import { channel, fromIterable } from "@sluice/body";
import type { HttpError } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import { fakeTimer, scriptedIo } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import {
  closedCleanly,
  exchange,
  gaveUp,
  get,
  okWire,
  open,
  post,
  stateOf,
  stateOfPromise,
} from "../support/client.ts";
import { bytes, type ClientUnderTest, connectOn, rejection, settle } from "../support/wire.ts";

const partial = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello";

/** Passes `ms` but the last one, sees that nothing has happened, and passes that one. */
async function expectTimeout(
  client: ClientUnderTest,
  waiting: Promise<unknown>,
  ms: number,
  name: string,
  what: string,
): Promise<HttpError> {
  waiting.catch(() => {});
  client.timer.advance(ms - 1);
  expect(await stateOfPromise(waiting)).toBe("pending");
  client.timer.advance(1);
  const error = await rejection(waiting);
  expect([error.kind, error.code, error.message]).toEqual(["timeout", name, `${what} within ${name} = ${ms} ms`]);
  await settle();
  expect(stateOf(client)).toEqual(gaveUp(`timeout ${name}`));
  expect(client.timer.pending).toBe(0);
  return error;
}

describe("headTimeoutMs", () => {
  const what = "no response head came";

  test("60 s by default, from when the request was sent whole", async () => {
    const client = await connectOn();
    const { sender, body } = channel(1);
    const response = client.sender.send(post(body));
    client.timer.advance(100_000);
    sender.close();
    await settle();
    await expectTimeout(client, response, 60_000, "headTimeoutMs", what);
  });

  test("of the connection, and of one request", async () => {
    const client = await connectOn({ headTimeoutMs: 100 });
    await expectTimeout(client, client.sender.send(get()), 100, "headTimeoutMs", what);
    const own = await connectOn({ headTimeoutMs: 100 });
    const response = own.sender.send(get(), { timeouts: { headTimeoutMs: 200 } });
    await expectTimeout(own, response, 200, "headTimeoutMs", what);
  });

  test("part of a head, or informational responses, do not prolong it", async () => {
    const client = await connectOn({ headTimeoutMs: 100 });
    const response = client.sender.send(get());
    client.timer.advance(50);
    client.io.push("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200");
    client.timer.advance(50);
    expect((await rejection(response)).code).toBe("headTimeoutMs");
  });

  test("no limit with 0; and it ends with the head", async () => {
    const client = await connectOn({ headTimeoutMs: 0, requestTimeoutMs: 0 });
    const response = client.sender.send(get());
    client.timer.advance(10_000_000);
    client.io.push(okWire);
    expect((await response).status).toBe(200);
    const other = await connectOn({ headTimeoutMs: 100, requestTimeoutMs: 0 });
    await exchange(other, get(), partial);
    other.timer.advance(10_000);
    expect(other.outcome).toBeUndefined();
  });
});

describe("requestTimeoutMs", () => {
  const what = "no whole response came";

  test("300 s by default, however busy both sides are", async () => {
    const client = await connectOn({ headTimeoutMs: 0 });
    await expectTimeout(client, client.sender.send(get()), 300_000, "requestTimeoutMs", what);
  });

  test("counts from when the request was given to the sender until the content was read", async () => {
    const client = await connectOn({ requestTimeoutMs: 100, bodyTimeoutMs: 0 });
    const { body } = await exchange(client, get(), partial);
    await body.frame();
    await expectTimeout(client, body.frame() as Promise<unknown>, 100, "requestTimeoutMs", what);
  });

  test("of one request; a response nobody reads falls under it, too", async () => {
    const client = await connectOn();
    const { body } = await exchange(client, get(), partial, { timeouts: { requestTimeoutMs: 50 } });
    client.timer.advance(50);
    expect((await rejection(new Promise((resolve) => resolve(body.frame())))).code).toBe("requestTimeoutMs");
  });

  test("ends with the exchange, and begins anew with the next", async () => {
    const client = await connectOn({ requestTimeoutMs: 100 });
    await exchange(client, get(), okWire);
    client.timer.advance(99);
    const response = client.sender.send(get());
    client.timer.advance(99);
    expect(await stateOfPromise(response)).toBe("pending");
    client.io.push(okWire);
    expect((await response).status).toBe(200);
    expect(stateOf(client)).toEqual(open);
  });
});

describe("bodyTimeoutMs", () => {
  const what = "no bytes of the body came";

  async function reading(options: http1.ClientOptions, sendOptions: http1.SendOptions = {}) {
    const client = await connectOn(options);
    const { body } = await exchange(client, get(), partial, sendOptions);
    await body.frame();
    return { client, body };
  }

  test("30 s by default, of the connection, and of one request", async () => {
    for (const [options, own, limit] of [
      [{}, {}, 30_000],
      [{ bodyTimeoutMs: 100 }, {}, 100],
      [{ bodyTimeoutMs: 100 }, { timeouts: { bodyTimeoutMs: 70 } }, 70],
    ] as const) {
      const { client, body } = await reading(options, own);
      await expectTimeout(client, body.frame() as Promise<unknown>, limit, "bodyTimeoutMs", what);
    }
  });

  test("does not run while nobody waits; each chunk starts it anew", async () => {
    const { client, body } = await reading({ bodyTimeoutMs: 100, minBodyRate: 0 });
    client.timer.advance(1000);
    for (const piece of ["w", "o"]) {
      const next = body.frame() as Promise<unknown>;
      client.timer.advance(99);
      client.io.push(piece);
      await next;
    }
    client.timer.advance(1000);
    expect(client.outcome).toBeUndefined();
  });

  test("the limit of one request is not that of the next", async () => {
    const client = await connectOn({ bodyTimeoutMs: 100 });
    await exchange(client, get(), okWire, { timeouts: { bodyTimeoutMs: 10 } });
    const { body } = await exchange(client, get(), partial);
    await body.frame();
    await expectTimeout(client, body.frame() as Promise<unknown>, 100, "bodyTimeoutMs", what);
  });
});

describe("minBodyRate", () => {
  test("a body that drips more slowly than 240 bytes per second, after a grace of 5 s, is given up", async () => {
    const client = await connectOn({ minBodyRate: 240 });
    const { body } = await exchange(client, get(), "HTTP/1.1 200 OK\r\n\r\n");
    let error: HttpError | undefined;
    let seconds = 0;
    for (; error === undefined && seconds < 20; seconds++) {
      const next = body.frame() as Promise<unknown>;
      next.catch(() => {});
      client.timer.advance(1000);
      client.io.push("x");
      await next.catch((reason: HttpError) => (error = reason));
    }
    expect([error?.kind, error?.code, seconds]).toEqual(["timeout", "minBodyRate", 6]);
    expect(error?.message).toBe("the body comes more slowly than minBodyRate = 240 bytes per second");
  });

  test("by default a server may be as slow as it likes: events come when there are any", async () => {
    const client = await connectOn();
    const { body } = await exchange(client, get(), "HTTP/1.1 200 OK\r\n\r\n");
    for (let i = 0; i < 20; i++) {
      const next = body.frame() as Promise<Uint8Array>;
      client.timer.advance(10_000);
      client.io.push("x");
      expect((await next).length).toBe(1);
    }
  });

  test("time in which nobody asks costs the server nothing", async () => {
    const client = await connectOn({ minBodyRate: 240 });
    const { body } = await exchange(client, get(), "HTTP/1.1 200 OK\r\n\r\n");
    for (let i = 0; i < 20; i++) {
      client.timer.advance(10_000);
      const next = body.frame() as Promise<unknown>;
      client.io.push("x");
      await next;
    }
    expect(client.outcome).toBeUndefined();
  });
});

describe("writeTimeoutMs", () => {
  const what = "the transport took no more bytes";
  const endless = () => post(fromIterable(Array.from({ length: 300 }, () => bytes("x".repeat(1000)))));

  test("30 s by default, of the connection, and of one request", async () => {
    for (const [options, own, limit] of [
      [{}, {}, 30_000],
      [{ writeTimeoutMs: 100 }, {}, 100],
      [{ writeTimeoutMs: 100 }, { timeouts: { writeTimeoutMs: 70 } }, 70],
    ] as const) {
      const client = await connectOn(options, { capacityBytes: 1 });
      const response = client.sender.send(endless(), own);
      await expectTimeout(client, response, limit, "writeTimeoutMs", what);
    }
  });

  test("starts anew whenever the transport takes something", async () => {
    const client = await connectOn({ writeTimeoutMs: 100 }, { capacityBytes: 1 });
    const response = client.sender.send(endless());
    client.timer.advance(99);
    client.io.drain();
    client.timer.advance(99);
    expect(await stateOfPromise(response)).toBe("pending");
    client.timer.advance(1);
    expect((await rejection(response)).code).toBe("writeTimeoutMs");
  });
});

describe("idleTimeoutMs", () => {
  test("90 s by default: an idle connection is closed in order, counted from the start and from each exchange", async () => {
    for (const [options, limit] of [
      [{}, 90_000],
      [{ idleTimeoutMs: 100 }, 100],
    ] as const) {
      const client = await connectOn(options);
      client.timer.advance(limit - 1);
      await exchange(client, get(), okWire);
      client.timer.advance(limit - 1);
      expect(stateOf(client)).toEqual(open);
      client.timer.advance(1);
      expect(stateOf(client)).toMatchObject({ closed: true, shutdown: true, aborted: false });
      client.io.push(null);
      await settle();
      expect(stateOf(client)).toEqual(closedCleanly);
      expect(client.timer.pending).toBe(0);
    }
  });

  test("does not run during an exchange", async () => {
    const client = await connectOn({ idleTimeoutMs: 100 });
    const response = client.sender.send(get());
    client.timer.advance(1000);
    client.io.push(okWire);
    expect((await response).status).toBe(200);
  });
});

describe("lingerTimeoutMs", () => {
  test("2 s by default: a server that does not end its stream after we have ended ours is left", async () => {
    const client = await connectOn({ minBodyRate: 240 });
    client.connection.gracefulShutdown();
    client.timer.advance(1999);
    await settle();
    expect(stateOf(client)).toMatchObject({ shutdown: true, aborted: false, outcome: undefined });
    client.timer.advance(1);
    await settle();
    expect(stateOf(client)).toEqual(closedCleanly);
  });
});

describe("maxConnectionAgeMs", () => {
  test("an idle connection of that age is closed in order", async () => {
    const client = await connectOn({ maxConnectionAgeMs: 100 });
    client.timer.advance(100);
    expect(stateOf(client)).toMatchObject({ closed: true, shutdown: true, aborted: false });
  });

  test("a busy one finishes its exchange within the grace and takes no other", async () => {
    const client = await connectOn({ maxConnectionAgeMs: 100 });
    const response = client.sender.send(get());
    client.timer.advance(100);
    expect([client.sender.isClosed, client.io.isShutdown]).toEqual([true, false]);
    client.io.push(okWire);
    expect((await response).status).toBe(200);
    expect(client.io.isShutdown).toBe(true);
  });

  test("what is not finished when the grace ends is given up; 0 is no limit", async () => {
    const client = await connectOn({ maxConnectionAgeMs: 100, maxConnectionAgeGraceMs: 50 });
    const response = client.sender.send(get());
    client.timer.advance(149);
    expect(await stateOfPromise(response)).toBe("pending");
    client.timer.advance(1);
    expect((await rejection(response)).code).toBe("SHUTDOWN");
    const patient = await connectOn({ maxConnectionAgeMs: 100, maxConnectionAgeGraceMs: 0, headTimeoutMs: 0 });
    const waiting = patient.sender.send(get());
    patient.timer.advance(100_000);
    expect(await stateOfPromise(waiting)).toBe("pending");
  });
});

describe("the clock", () => {
  test("without one by accident there is no connection; with null there are no limits", async () => {
    await expect(http1.handshake(scriptedIo())).rejects.toThrow(TypeError);
    const options = { timer: null, maxConnectionAgeMs: 1, idleTimeoutMs: 1 } as const;
    const { sender } = await http1.handshake(scriptedIo(), options);
    expect(sender.isReady).toBe(true);
  });

  test("that of the options wins over that of the transport", async () => {
    const [own, transport] = [fakeTimer(), fakeTimer()];
    const io = scriptedIo([], { timer: transport });
    const { sender } = await http1.handshake(io, { timer: own, headTimeoutMs: 10 });
    const response = sender.send(get());
    transport.advance(1000);
    expect(await stateOfPromise(response)).toBe("pending");
    own.advance(10);
    expect((await rejection(response)).code).toBe("headTimeoutMs");
  });
});
