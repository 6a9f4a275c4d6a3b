/**
 * What the property tests have found, one by one and in small.
 */
import { BaseBody, type Body, type Frame, full } from "@sluice/body";
import { HttpRequest, HttpResponse, sendInformational, type Upgraded, upgradeOn } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { bytes, connectOn, latin1, lines, recorder, rejection, serveOn, settle } from "./support/wire.ts";

const post = lines("POST / HTTP/1.1", "host: a", "content-length: 5", "", "");
const upgrading = lines("POST / HTTP/1.1", "host: a", "upgrade: x", "connection: upgrade", "content-length: 5", "", "");
const switching = lines("HTTP/1.1 101 Switching Protocols", "upgrade: x", "connection: upgrade", "", "");

/** A body whose only frame comes from a function. */
class Trap extends BaseBody {
  canceled = false;
  readonly #spring: () => Frame | null | Promise<Frame | null>;

  constructor(spring: () => Frame | null | Promise<Frame | null>) {
    super();
    this.#spring = spring;
  }

  override frame(): Frame | null | Promise<Frame | null> {
    return this.#spring();
  }

  override cancel(): void {
    this.canceled = true;
  }
}

describe("an exchange whose response was sent", () => {
  test("has not failed when the client goes while the service still reads the request", async () => {
    const events = recorder();
    let request: HttpRequest | undefined;
    let reading: Promise<unknown> | undefined;
    const server = serveOn(
      (received) => {
        request = received;
        reading = Promise.resolve(received.body.frame());
        return new HttpResponse(204);
      },
      { observer: events },
    );
    server.io.push(post);
    expect(server.io.takeWritten()).toBe("HTTP/1.1 204 No Content\r\n\r\n");
    server.io.fail(new Error("reset"));
    expect((await rejection(reading as Promise<unknown>)).kind).toBe("io");
    expect(request?.signal.aborted).toBe(false);
    expect(events.events).toEqual(["request POST /", "response 204", "complete", "closed TRANSPORT_FAILED"]);
  });

  test("drops what nobody has read, and whoever reads it later is told so", async () => {
    const bodies: Body[] = [];
    const server = serveOn((request) => {
      bodies.push(request.body);
      return new HttpResponse(204);
    });
    server.io.push(`${post}12345${post}12`);
    for (const body of bodies) {
      expect(body.isEndStream()).toBe(false);
      expect((await rejection(Promise.resolve().then(() => body.frame()))).code).toBe("BODY_DROPPED");
      expect(body.frame()).toBe(null);
    }
    expect(bodies.length).toBe(2);
    server.io.push("345");
    expect(server.io.writtenText).toBe("HTTP/1.1 204 No Content\r\n\r\n".repeat(2));
    expect(server.outcome).toBe(undefined);
  });
});

describe("users' code that ends the connection in the middle of its work", () => {
  for (const given of ["data", "the end", "a promise", "a failure"] as const) {
    test(`a body does so and gives ${given}: nothing is sent any more, and the exchange fails once`, async () => {
      const events = recorder();
      const body = new Trap(() => {
        server.connection.abort();
        if (given === "a failure") throw new Error("no");
        if (given === "a promise") return Promise.reject(new Error("no"));
        return given === "data" ? bytes("late") : null;
      });
      const server = serveOn(() => new HttpResponse(200, {}, body), { observer: events });
      server.io.push("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      await settle();
      expect(server.io.writtenText).toBe("");
      expect(body.canceled).toBe(true);
      expect(events.events).toEqual(["request GET /", "response 200", "failed ABORTED", "closed ABORTED"]);
    });
  }

  test("an observer that does so at the start of a request: the service is not called", () => {
    let calls = 0;
    const call = (): HttpResponse => {
      calls++;
      return new HttpResponse(200);
    };
    const server = serveOn(call, { observer: { requestStarted: () => server.connection.abort() } });
    server.io.push("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    expect(calls).toBe(0);
    expect(server.io.writtenText).toBe("");
  });

  test("an observer that does so at the end of an exchange: a request not yet sent whole is let go", async () => {
    const body = new Trap(() => new Promise<never>(() => {}));
    const observer = { exchangeEnded: () => client.connection.abort() };
    const client = await connectOn({ observer });
    const sending = client.sender.send(new HttpRequest("POST", "/", { host: "a" }, body));
    client.io.push(lines("HTTP/1.1 200 OK", "connection: close", "content-length: 0", "", ""));
    expect((await sending).status).toBe(200);
    expect(body.canceled).toBe(true);
  });

  test("an observer that sends a request when bytes are written: that request does not count as unsent", async () => {
    let second: Promise<HttpResponse> | undefined;
    const observer = {
      bytesWritten: () => {
        second ??= client.sender.send(new HttpRequest("GET", "/2", { host: "a" }));
      },
    };
    const client = await connectOn({ pipelining: 2, observer });
    client.sender.send(new HttpRequest("GET", "/1", { host: "a" })).catch(() => {});
    expect(client.io.writtenText).toBe("GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\n\r\n");
    client.io.push(null);
    expect((await rejection(second as Promise<HttpResponse>)).code).toBe("CONNECTION_LOST");
  });
});

test("100 (Continue) is told before the content that it lets go fails", async () => {
  const events = recorder();
  const client = await connectOn({ observer: events });
  const body = new Trap(() => {
    throw new Error("no");
  });
  const headers = { host: "a", expect: "100-continue" };
  const statuses: number[] = [];
  const sending = client.sender.send(new HttpRequest("POST", "/", headers, body), {
    onInformational: (status) => void statuses.push(status),
  });
  client.io.push("HTTP/1.1 100 Continue\r\n\r\n");
  expect((await rejection(sending)).code).toBe("BODY_FAILED");
  expect(statuses).toEqual([100]);
  expect(events.events).toEqual(["request POST /", "informational 100", "failed BODY_FAILED", "closed BODY_FAILED"]);
});

describe("an upgrade", () => {
  test("waits for the end of a request that the service is still reading", async () => {
    let upgraded: Upgraded | undefined;
    const frames: (Frame | null)[] = [];
    const server = serveOn((request) => {
      upgradeOn(request).then((io) => {
        upgraded = io;
      });
      (async () => {
        for (;;) {
          const frame = await request.body.frame();
          frames.push(frame);
          if (frame === null) return;
        }
      })();
      return new HttpResponse(101, { upgrade: "x" });
    });
    server.io.push(`${upgrading}123`);
    await settle();
    expect(server.io.writtenText).toBe(switching);
    expect(upgraded).toBe(undefined);
    server.io.push("45raw");
    await settle();
    expect(frames.map((frame) => (frame === null ? null : latin1(frame as Uint8Array)))).toEqual(["123", "45", null]);
    expect(latin1((upgraded as unknown as Upgraded).intoParts().readBuffer)).toBe("raw");
  });

  test("drops a request that nobody reads, and is given up when that is too much", async () => {
    for (const maxDrainBytes of [5, 4]) {
      let upgrade: Promise<Upgraded> | undefined;
      const call = (request: HttpRequest): HttpResponse => {
        upgrade = upgradeOn(request);
        return new HttpResponse(101, { upgrade: "x" });
      };
      const server = serveOn(call, { maxDrainBytes });
      server.io.push(`${upgrading}123`);
      server.io.push("45raw");
      expect(server.io.writtenText).toBe(switching);
      if (maxDrainBytes === 5) {
        expect(latin1((await (upgrade as Promise<Upgraded>)).intoParts().readBuffer)).toBe("raw");
      } else {
        expect((await rejection(upgrade as Promise<Upgraded>)).code).toBe("UPGRADE_CANCELED");
        await settle();
        server.timer.advance(2000);
        await settle();
        expect(server.outcome?.code).toBe("BODY_TOO_LARGE");
      }
    }
  });

  test("on a server waits until the transport has taken what was written before", async () => {
    let upgraded: Upgraded | undefined;
    const call = async (request: HttpRequest): Promise<HttpResponse> => {
      upgradeOn(request).then((io) => {
        upgraded = io;
      });
      await settle(1);
      sendInformational(request, 103, { link: "x" });
      return new HttpResponse(200);
    };
    const server = serveOn(call, {}, { capacityBytes: 1 });
    server.io.push("CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n");
    await settle();
    expect(upgraded).toBe(undefined);
    server.io.drain();
    await settle();
    const interim = lines("HTTP/1.1 103 Early Hints", "link: x", "", "");
    expect(server.io.writtenText).toBe(`${interim}HTTP/1.1 200 OK\r\n\r\n`);
    // The connection's own wait is over: the new owner can ask for room.
    let drained = false;
    (upgraded as unknown as Upgraded).drained(() => {
      drained = true;
    });
    server.io.drain();
    expect(drained).toBe(true);
    expect(server.outcome).toBe(null);
  });

  test("on a client waits until the transport has taken what was written before", async () => {
    const client = await connectOn({}, { capacityBytes: 1 });
    const sending = client.sender.send(new HttpRequest("CONNECT", "a:1", { host: "a" }));
    let response: HttpResponse | undefined;
    sending.then((received) => {
      response = received;
    });
    client.io.push("HTTP/1.1 200 OK\r\n\r\nraw");
    await settle();
    expect(response).toBe(undefined);
    client.io.drain();
    await settle();
    const upgraded = await upgradeOn(response as unknown as HttpResponse);
    expect(upgraded.write([bytes("x")])).toBe(false);
    let drained = false;
    upgraded.drained(() => {
      drained = true;
    });
    client.io.drain();
    expect(drained).toBe(true);
    expect(latin1(upgraded.intoParts().readBuffer)).toBe("raw");
    expect(client.outcome).toBe(null);
  });

  test("whose last bytes the transport refuses ends the connection once", async () => {
    const events = recorder();
    let answer: ((response: HttpResponse) => void) | undefined;
    const server = serveOn(
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
      { observer: events },
    );
    server.io.push("CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n");
    server.io.fail(new Error("reset"));
    answer?.(new HttpResponse(200, {}, full("")));
    await settle();
    server.timer.advance(100_000);
    expect(events.events.filter((event) => event.startsWith("closed")).length).toBe(1);
    expect(server.io.isAborted).toBe(true);
    expect(server.timer.pending).toBe(0);
  });
});
