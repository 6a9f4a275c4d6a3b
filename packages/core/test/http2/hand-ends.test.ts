/**
 * The end of a connection wakes everybody who waits for something on the low-level faces, and nothing is kept behind it.
 */
import { HttpRequest, HttpResponse } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import {
  type Awaited,
  accepted,
  acceptH2,
  awaiting,
  connectByHand,
  received,
  textOf,
  thrownBy,
} from "./support/by-hand.ts";
import { getRequest } from "./support/exchanges.ts";
import { get, post, status } from "./support/messages.ts";
import type { UnderTest } from "./support/under-test.ts";

type Ending = (target: UnderTest & { readonly connection: http2.Http2Connection }) => void;

/** How a connection ends, and what everybody who waits is told. */
const endings: readonly (readonly [what: string, end: Ending, error: string])[] = [
  ["the peer ends it too early", ({ peer }) => peer.end(), "incomplete CONNECTION_LOST"],
  ["the peer breaks a rule", ({ peer }) => peer.windowUpdate(0, 0), "protocol WINDOW_UPDATE_ZERO PROTOCOL_ERROR"],
  ["the program aborts it", ({ connection }) => connection.abort("enough"), "canceled ABORTED"],
  [
    "[h2-283] goAway",
    ({ connection }) => connection.goAway(http2.errorCodes.ENHANCE_YOUR_CALM, "enough"),
    "canceled GOAWAY_SENT ENHANCE_YOUR_CALM",
  ],
];

describe.each(endings)("[h2-301] %s", (_, end, error) => {
  test("server: accept, data, trailers, reserveCapacity, ready of a promise, ping, signal, onReset", async () => {
    const target = await acceptH2({}, { settings: { INITIAL_WINDOW_SIZE: 0, MAX_CONCURRENT_STREAMS: 1 } });
    target.peer.headers(1, post());
    target.peer.headers(3, get(), { endStream: true });
    const [one, three] = [await accepted(target), await accepted(target)];
    const send = one.respond.sendResponse(new HttpResponse(200));
    send.sendData(new Uint8Array(10));
    three.respond.pushRequest(HttpRequest.get("http://a.test/a")).sendResponse(new HttpResponse(200));
    const promised = three.respond.pushRequest(HttpRequest.get("http://a.test/b"));
    let reset: unknown;
    send.onReset(({ code }) => {
      reset = code;
    });
    const waiting: Awaited<unknown>[] = [
      awaiting(target.server.accept()),
      awaiting(one.body.data()),
      awaiting(one.body.trailers()),
      awaiting(send.reserveCapacity(10)),
      awaiting(promised.ready()),
      awaiting(target.connection.ping()),
    ];
    await target.run();
    expect(waiting.map(({ now }) => now)).toEqual(waiting.map(() => "pending"));
    end(target);
    await target.run();
    expect(waiting.map(({ now }) => now)).toEqual(waiting.map(() => error));
    expect([one, three].map(({ request }) => request.signal.reason?.code)).toEqual([reset, reset]);
    const later = [
      awaiting(target.server.accept()),
      awaiting(one.body.data()),
      awaiting(one.body.trailers()),
      awaiting(send.reserveCapacity(10)),
      awaiting(promised.ready()),
      awaiting(target.connection.ping()),
    ];
    await target.run();
    expect(later.map(({ now }) => now)).toEqual(later.map(() => error));
    expect(thrownBy(() => send.sendData(new Uint8Array(1)))).toBe(error);
    expect(thrownBy(() => send.sendTrailers({}))).toBe(error);
    expect(thrownBy(() => three.respond.sendResponse(new HttpResponse(200)))).toBe(error);
    expect(thrownBy(() => promised.sendResponse(new HttpResponse(200)))).toBe(error);
    expect(thrownBy(() => three.respond.pushRequest(getRequest()))).toBe("user PUSH_PARENT");
    expect(three.respond.sendInformational(103)).toBe(false);
    await expectNothingKept(target);
  });

  test("client: response, ready, data, trailers, reserveCapacity, ping, onReset", async () => {
    const settings = { INITIAL_WINDOW_SIZE: 0, MAX_CONCURRENT_STREAMS: 2 };
    const target = await connectByHand({}, { settings });
    const { client, connection } = target;
    const first = client.sendRequest(getRequest(), { endStream: true });
    const second = client.sendRequest(HttpRequest.post("http://a.test/"));
    second.send.sendData(new Uint8Array(10));
    target.peer.headers(1, status(200));
    const { body } = await received(target, first.response);
    let reset: unknown;
    second.send.onReset(({ code }) => {
      reset = code;
    });
    const waiting: Awaited<unknown>[] = [
      awaiting(second.response),
      awaiting(body.data()),
      awaiting(body.trailers()),
      awaiting(second.send.reserveCapacity(10)),
      awaiting(connection.ping()),
    ];
    const ready = awaiting(client.ready());
    await target.run();
    expect([ready, ...waiting].map(({ now }) => now)).toEqual([ready, ...waiting].map(() => "pending"));
    end(target);
    await target.run();
    expect(waiting.map(({ now }) => now)).toEqual(waiting.map(() => error));
    expect([ready.now, ready.error?.cause]).toEqual(["closed CLOSED", waiting[0]?.error]);
    expect(reset).toBe(waiting[0]?.error?.code);
    const later = [awaiting(body.data()), awaiting(second.send.reserveCapacity(10)), awaiting(connection.ping())];
    await target.run();
    expect(later.map(({ now }) => now)).toEqual(later.map(() => error));
    expect(thrownBy(() => client.sendRequest(getRequest()))).toBe("closed CLOSED");
    expect(thrownBy(() => second.send.sendData(new Uint8Array(1)))).toBe(error);
    second.send.sendReset();
    second.send.setPriority("u=1");
    body.discard();
    await expectNothingKept(target);
  });
});

/** Nothing more is written, no timer runs once the transport is released, and no stream has a record. */
async function expectNothingKept(target: UnderTest & { readonly connection: http2.Http2Connection }): Promise<void> {
  target.peer.take();
  const { connection } = target;
  connection.setConnectionWindow(2 ** 20);
  connection.setInitialWindow(2 ** 20);
  connection.goAway();
  connection.gracefulShutdown();
  if (!target.io.isAborted) target.peer.end();
  await target.run();
  expect(target.peer.take()).toEqual([]);
  expect([target.io.isAborted, target.timer.pending]).toEqual([true, 0]);
  expect(connection.streams).toMatchObject({ local: 0, remote: 0, queued: 0 });
  expect(connection.windows.unread).toBe(0);
}

test("a clean end: accept resolves with null, and iterating ends", async () => {
  const target = await acceptH2();
  const next = awaiting(target.server.accept());
  target.connection.gracefulShutdown();
  target.peer.pingAck("736c756963650002");
  await target.run();
  expect(next.now).toBe(null);
  const ping = awaiting(target.connection.ping());
  await target.run();
  expect(ping.now).toBe("closed CLOSED");
});

describe("what is over is not kept", () => {
  test("streams, answered and read in every way", async () => {
    const target = await acceptH2();
    for (let id = 1; id < 400; id += 2) {
      target.peer.headers(id, post());
      target.peer.data(id, 100, { endStream: id % 3 === 0 });
      const { body, respond } = await acceptedNow(target);
      if (id % 5 === 0) respond.sendReset();
      else respond.sendResponse(new HttpResponse(200)).sendData(new Uint8Array(10), true);
      if (id % 7 === 0) textOf(body).catch(() => {});
      else body.discard();
      if (id % 3 !== 0) target.peer.rst(id, "NO_ERROR");
    }
    await target.run();
    expect(target.connection.streams).toMatchObject({ remote: 0 });
    expect(target.connection.windows.unread).toBe(0);
  });
});

/** As `accepted`, without waiting for everything else. */
async function acceptedNow({ server }: { readonly server: http2.StreamServer }): Promise<http2.Accepted> {
  const next = await server.accept();
  if (next === null) throw new Error("no request has come");
  return next;
}
