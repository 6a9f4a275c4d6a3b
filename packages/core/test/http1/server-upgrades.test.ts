/** Leaving HTTP: 101 and CONNECT, and who gets the transport with what it has received (RFC 9110 7.8, 9.3.6). */
import { fromIterable, full } from "@sluice/body";
import { type HttpError, HttpRequest, HttpResponse, Upgraded, type UpgradedParts, upgradeOn } from "@sluice/core";
import { scriptedIo } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { deferred, expectFailedAfter, expectOpen, get, head, ok, okText, refusal } from "../support/server.ts";
import {
  bytes,
  connectOn,
  contentOf,
  latin1,
  rejection,
  type ServerUnderTest,
  serveOn,
  settle,
} from "../support/wire.ts";

const asking = head("GET /chat HTTP/1.1", "connection: upgrade", "upgrade: foo");
const switching = (): HttpResponse => new HttpResponse(101, { upgrade: "foo" });
const switchedText = "HTTP/1.1 101 Switching Protocols\r\nupgrade: foo\r\nconnection: upgrade\r\n\r\n";
const connecting = "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n";

/** HTTP is over, and the transport is not. */
async function expectHandedOver(server: ServerUnderTest): Promise<void> {
  await settle();
  expect([server.outcome, server.io.isShutdown, server.io.isAborted, server.io.isReading]).toEqual([
    null,
    false,
    false,
    false,
  ]);
}

function readOnce(io: Upgraded | UpgradedParts["io"]): Promise<string | null> {
  return new Promise((resolve) => io.read((chunk) => resolve(chunk === null ? null : latin1(chunk))));
}

describe("taking the transport by hand", () => {
  test("[hyper-115] after 101, intoParts gives the transport and the bytes behind the request", async () => {
    const server = serveOn(switching);
    server.io.push(`${asking}early`);
    expect(server.io.takeWritten()).toBe(switchedText);
    await expectHandedOver(server);
    const parts = server.connection.intoParts();
    expect(parts.io).toBe(server.io);
    expect(latin1(parts.readBuffer)).toBe("early");
    expect(server.timer.pending).toBe(0);
    expect(() => server.connection.intoParts()).toThrow("the connection has no transport to give");
  });

  test("[hyper-118] after CONNECT the same, however the bytes behind it came", async () => {
    for (const input of [`${connecting}early`, connecting]) {
      const server = serveOn(() => new HttpResponse(200));
      server.io.push(input);
      expect(server.io.takeWritten()).toBe("HTTP/1.1 200 OK\r\n\r\n");
      await expectHandedOver(server);
      const parts = server.connection.intoParts();
      expect(latin1(parts.readBuffer)).toBe(input.slice(connecting.length));
    }
  });

  test("before or without an upgrade there is none to take", () => {
    const server = serveOn(ok);
    expect(() => server.connection.intoParts()).toThrow("the connection has no transport to give");
    server.io.push(get);
    expect(() => server.connection.intoParts()).toThrow("the connection has no transport to give");
  });

  test("nobody takes it within idleTimeoutMs: it is given up", async () => {
    const server = serveOn(switching, { idleTimeoutMs: 1_000 });
    server.io.push(asking);
    server.timer.advance(999);
    expect(server.io.isAborted).toBe(false);
    server.timer.advance(1);
    expect([server.io.isAborted, (server.io.abortReason as HttpError).code]).toEqual([true, "idleTimeoutMs"]);
    expect(() => server.connection.intoParts()).toThrow("the connection has no transport to give");
    expect(server.timer.pending).toBe(0);
  });

  test("abort() gives up a transport that nobody has taken, and leaves alone one that somebody has", async () => {
    const server = serveOn(switching);
    server.io.push(asking);
    server.connection.abort();
    expect([server.io.isAborted, server.timer.pending]).toEqual([true, 0]);
    const other = serveOn(switching);
    other.io.push(asking);
    other.connection.intoParts();
    other.connection.abort();
    expect(other.io.isAborted).toBe(false);
  });
});

describe("upgradeOn", () => {
  test("[hyper-116] asked for before the answer: resolves when the 101 is on its way, early bytes come first", async () => {
    let upgraded: Upgraded | undefined;
    const answer = deferred<HttpResponse>();
    const server = serveOn((request) => {
      void upgradeOn(request).then((io) => {
        upgraded = io;
      });
      return answer.promise;
    });
    server.io.push(`${asking}early`);
    await settle();
    expect(upgraded).toBeUndefined();
    expectOpen(server);
    answer.resolve(switching());
    await settle();
    expect(server.io.takeWritten()).toBe(switchedText);
    await expectHandedOver(server);
    expect(upgraded).toBeInstanceOf(Upgraded);
    const io = upgraded as unknown as Upgraded;
    expect(await readOnce(io)).toBe("early");
    server.io.push("later");
    expect(await readOnce(io)).toBe("later");
    io.write([bytes("answer")]);
    expect(server.io.takeWritten()).toBe("answer");
  });

  test("[hyper-116] asked for after the answer", async () => {
    const requests: HttpRequest[] = [];
    const server = serveOn((request) => {
      requests.push(request);
      return switching();
    });
    server.io.push(asking);
    await expectHandedOver(server);
    const io = await upgradeOn(requests[0] as HttpRequest);
    expect(await upgradeOn(requests[0] as HttpRequest)).toBe(io);
    expect(server.timer.pending).toBe(0);
  });

  test("[hyper-118] after CONNECT, with early bytes", async () => {
    const upgraded = deferred<Upgraded>();
    const server = serveOn((request) => {
      upgradeOn(request).then(upgraded.resolve, upgraded.reject);
      return new HttpResponse(200);
    });
    server.io.push(`${connecting}early`);
    const io = await upgraded.promise;
    expect(server.io.takeWritten()).toBe("HTTP/1.1 200 OK\r\n\r\n");
    expect(await readOnce(io)).toBe("early");
    await expectHandedOver(server);
  });

  test("rejects when intoParts was used", async () => {
    const rejections: Promise<HttpError>[] = [];
    const server = serveOn(switching);
    server.io.push(asking);
    server.connection.intoParts();
    const other = serveOn((request) => {
      rejections.push(rejection(upgradeOn(request)));
      return ok();
    });
    other.io.push(asking);
    expect((await rejections[0])?.code).toBe("NO_UPGRADE");
  });

  test("rejects for a request that asks for none, and one that came from nowhere", async () => {
    const rejections: Promise<HttpError>[] = [];
    const server = serveOn((request) => {
      rejections.push(rejection(upgradeOn(request)));
      return ok();
    });
    server.io.push(get, head("GET / HTTP/1.1", "upgrade: foo"), head("GET / HTTP/1.1", "connection: upgrade"));
    rejections.push(rejection(upgradeOn(HttpRequest.get("/"))));
    expect((await Promise.all(rejections)).map((error) => error.code)).toEqual(Array(4).fill("NO_UPGRADE"));
    expect(server.io.takeWritten()).toBe(okText.repeat(3));
  });

  test("rejects when the connection ends first", async () => {
    const rejections: Promise<HttpError>[] = [];
    const server = serveOn((request) => {
      rejections.push(rejection(upgradeOn(request)));
      return new Promise(() => {});
    });
    server.io.push(asking);
    server.connection.abort();
    const error = await rejections[0];
    expect([error?.kind, error?.code, error?.cause]).toEqual(["canceled", "UPGRADE_CANCELED", server.outcome]);
    await settle();
    expect(error?.cause).toBe(server.outcome);
  });
});

describe("the answer", () => {
  test("[hyper-117] 200 to a request for an upgrade: the connection goes on", async () => {
    const server = serveOn(ok);
    for (const _ of [1, 2]) {
      server.io.push(asking);
      expect(server.io.takeWritten()).toBe(okText);
    }
    server.io.push(get);
    expect(server.io.takeWritten()).toBe(okText);
    expectOpen(server);
  });

  test("[hyper-083] 2xx to CONNECT is the last message and has no framing fields, whatever the service says", async () => {
    const fields = { "content-length": "5", "transfer-encoding": "chunked", x: "1" };
    for (const status of [200, 204, 299]) {
      const server = serveOn(() => new HttpResponse(status, fields, full("hello")));
      server.io.push(connecting + get);
      expect(server.io.takeWritten()).toMatch(new RegExp(`^HTTP/1.1 ${status} .*\\r\\nx: 1\\r\\n\\r\\n$`));
      await expectHandedOver(server);
      expect(latin1(server.connection.intoParts().readBuffer)).toBe(get);
    }
  });

  test("[hyper-123] 101 has no body and is the last message", async () => {
    const server = serveOn(() => switching().withBody(fromIterable(["never sent"])));
    server.io.push(asking + get);
    expect(server.io.takeWritten()).toBe(switchedText);
    await expectHandedOver(server);
    expect(latin1(server.connection.intoParts().readBuffer)).toBe(get);
  });

  test("[hyper-123] another status to CONNECT is a response like any other, with its body", () => {
    const server = serveOn(() => new HttpResponse(400, {}, full("no")));
    server.io.push(connecting + connecting);
    expect(server.io.takeWritten()).toBe("HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\nno".repeat(2));
    expectOpen(server);
  });

  test("names Upgrade in Connection wherever it carries it (RFC 9110 7.8), unless the service has", () => {
    const answers = [{}, { connection: "close" }, { connection: "x" }, { connection: "Upgrade, x" }].map(
      (fields) => new HttpResponse(426, { upgrade: "foo", ...fields }),
    );
    const texts = answers.map((answer) => {
      const server = serveOn(() => answer);
      server.io.push(get);
      return server.io.takeWritten().split("\r\n").slice(1, -2);
    });
    expect(texts).toEqual([
      ["upgrade: foo", "content-length: 0", "connection: upgrade"],
      ["upgrade: foo", "connection: close", "content-length: 0", "connection: upgrade"],
      ["upgrade: foo", "connection: x", "content-length: 0", "connection: upgrade"],
      ["upgrade: foo", "connection: Upgrade, x", "content-length: 0"],
    ]);
  });

  for (const [what, input] of [
    ["a request without Upgrade", get],
    ["Upgrade that Connection does not name", head("GET / HTTP/1.1", "upgrade: foo")],
    ["HTTP/1.0", "GET / HTTP/1.0\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n"],
    ["CONNECT", connecting],
  ] as const) {
    test(`101 to ${what} is not sent: 500`, async () => {
      const server = serveOn(switching);
      server.io.push(input);
      await expectFailedAfter(server, refusal("500 Internal Server Error"), "user", "UNSUPPORTED_STATUS");
    });
  }

  test("[hyper-096] gracefulShutdown after an upgrade has no effect on the transport", async () => {
    const server = serveOn(switching);
    server.io.push(asking);
    server.connection.gracefulShutdown();
    server.connection.gracefulShutdown(10);
    server.timer.advance(10);
    await expectHandedOver(server);
    expect(server.connection.intoParts().io).toBe(server.io);
    expect(server.timer.pending).toBe(0);
  });
});

describe("the content of a request for an upgrade", () => {
  const post = head("POST / HTTP/1.1", "connection: upgrade", "upgrade: foo", "content-length: 5");

  test("that nobody read is dropped before the transport changes hands", async () => {
    const upgraded: Upgraded[] = [];
    const server = serveOn((request) => {
      void upgradeOn(request).then((io) => upgraded.push(io));
      return switching();
    });
    server.io.push(`${post}he`);
    await settle();
    expect(server.io.takeWritten()).toBe(switchedText);
    expect([upgraded.length, server.outcome]).toEqual([0, undefined]);
    server.io.push("lloearly");
    await expectHandedOver(server);
    expect(await readOnce(upgraded[0] as Upgraded)).toBe("early");
  });

  test("is read to its end by a service that reads it", async () => {
    const contents: string[] = [];
    const server = serveOn((request) => {
      void contentOf(request.body).then((text) => contents.push(text));
      return switching();
    });
    server.io.push(`${post}he`);
    await settle();
    expect(server.outcome).toBeUndefined();
    server.io.push("lloearly");
    await expectHandedOver(server);
    expect(contents).toEqual(["hello"]);
    expect(latin1(server.connection.intoParts().readBuffer)).toBe("early");
  });

  test("of more than maxDrainBytes ends the connection", async () => {
    const server = serveOn(switching, { maxDrainBytes: 4 });
    server.io.push(post);
    await settle();
    expect([server.io.takeWritten(), server.io.isShutdown]).toEqual([switchedText, true]);
    server.io.push(null);
    await settle();
    expect([server.outcome?.kind, server.timer.pending]).toEqual(["limit", 0]);
  });
});

test("a transport that holds enough is handed over when it has room, so that the new owner can wait for it", async () => {
  const upgraded: Upgraded[] = [];
  const server = serveOn(
    (request) => {
      if (request.target.path === "/") return ok();
      void upgradeOn(request).then((io) => upgraded.push(io));
      return switching();
    },
    {},
    { capacityBytes: 1 },
  );
  server.io.push(get);
  expect(server.io.takeWritten()).toBe(okText);
  server.io.push(`${asking}early`);
  await settle();
  expect([server.io.takeWritten(), upgraded.length, server.outcome]).toEqual(["", 0, undefined]);
  server.io.drain();
  await settle();
  expect(server.io.takeWritten()).toBe(switchedText);
  await expectHandedOver(server);
  let drained = false;
  upgraded[0]?.drained(() => {
    drained = true;
  });
  server.io.drain();
  expect(drained).toBe(true);
});

describe("Upgraded", () => {
  test("[hyper-121] gives its transport back as it is, with what was not read", () => {
    const io = scriptedIo();
    const parts = new Upgraded(io, bytes("early")).intoParts();
    expect(parts.io).toBe(io);
    expect(latin1(parts.readBuffer)).toBe("early");
  });

  test("[hyper-122] early bytes come first, in order, and what was read of them does not come again", async () => {
    const io = scriptedIo(["later"]);
    const upgraded = new Upgraded(io, bytes("early"));
    expect(await readOnce(upgraded)).toBe("early");
    expect(upgraded.intoParts().readBuffer.length).toBe(0);
    expect(await readOnce(upgraded)).toBe("later");
    const empty = new Upgraded(scriptedIo(["only", null]), new Uint8Array(0));
    expect([await readOnce(empty), await readOnce(empty)]).toEqual(["only", null]);
  });
});

describe("the other side", () => {
  test("[hyper-109] a response nobody asked for does not disturb the one before, and is not taken for the next", async () => {
    const client = await connectOn();
    const sent = client.sender.send(HttpRequest.get("/1", { host: "a" }));
    client.io.push("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\naHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nb");
    expect(await contentOf((await sent).body)).toBe("a");
    const next = await rejection(client.sender.send(HttpRequest.get("/2", { host: "a" })));
    expect(["closed", "canceled", "protocol"]).toContain(next.kind);
    await settle();
    expect(client.io.writtenText).not.toContain("/2");
  });

  for (const [id, request, response] of [
    [
      "[hyper-119] on a client 101 gives the transport back with early bytes, and does not shut it down",
      () => HttpRequest.get("/", { host: "a", connection: "upgrade", upgrade: "foo" }),
      switchedText,
    ],
    [
      "[hyper-120] on a client 200 to CONNECT does the same",
      () => HttpRequest.connect("a:443", { host: "a:443" }),
      "HTTP/1.1 200 OK\r\n\r\n",
    ],
  ] as const) {
    test(id, async () => {
      const client = await connectOn();
      const sent = client.sender.send(request());
      client.io.push(`${response}early`);
      await sent;
      await settle();
      const parts = client.connection.intoParts();
      expect([parts.io === client.io, latin1(parts.readBuffer)]).toEqual([true, "early"]);
      expect([client.io.isShutdown, client.io.isAborted, client.io.isReading]).toEqual([false, false, false]);
    });
  }
});
