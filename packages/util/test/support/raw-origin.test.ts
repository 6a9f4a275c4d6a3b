/** The raw origin says exactly what its script says, seen by an end that knows nothing but TCP. */
import { expect, test } from "vitest";
import { settle } from "./io.ts";
import { type PlainPeer, plainClient } from "./plain-peer.ts";
import {
  closingAfter,
  type RawAnswer,
  type RawOrigin,
  rawChunked,
  rawInformational,
  rawResponse,
  startRawOrigin,
} from "./raw-origin.ts";

const get = (id: string | number, path = "/"): string => `GET ${path} HTTP/1.1\r\nhost: a\r\nx-id: ${id}\r\n\r\n`;
const ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const quiet = 20;

async function answering(answer: RawAnswer | string, run: (client: PlainPeer, origin: RawOrigin) => Promise<void>) {
  await using origin = await startRawOrigin(() => answer);
  using client = await plainClient(origin.port);
  await run(client, origin);
}

test("the same answer to each request, pipelined ones in order; the connection is kept", async () => {
  await using origin = await startRawOrigin(({ id, number }) => rawResponse(`${number}:${id}`));
  using client = await plainClient(origin.port);
  client.send(get("a", "/x") + get("b"));
  const expected = rawResponse("1:a") + rawResponse("2:b");
  expect(await client.bytes(expected.length)).toBe(expected);
  await settle(quiet);
  expect(client.ended).toBeUndefined();
  const common = { method: "GET", connectionIndex: 0 };
  expect(origin.requests).toEqual([
    { ...common, head: get("a", "/x"), path: "/x", id: "a", number: 1 },
    { ...common, head: get("b"), path: "/", id: "b", number: 2 },
  ]);
  using other = await plainClient(origin.port);
  expect(await other.send(get("c")).bytes(1)).toContain("1:c");
  expect([origin.connectionCount, origin.openConnections]).toEqual([2, 2]);
  expect(origin.requests[2]).toMatchObject({ id: "c", connectionIndex: 1, number: 1 });
});

test("closes after the response without saying so", () =>
  answering({ bytes: ok, afterwards: "close" }, async (client) => {
    expect(await client.send(get(1)).outcome()).toBe("FIN");
    expect(client.received).toBe(ok);
  }));

test("closes after so many requests; one that came with the last is not answered", async () => {
  await using origin = await startRawOrigin(closingAfter(2, () => ok));
  using client = await plainClient(origin.port);
  expect(await client.send(get(1)).bytes(ok.length)).toBe(ok);
  await settle(quiet);
  expect(client.ended).toBeUndefined();
  expect(await client.send(get(2) + get(3)).outcome()).toBe("FIN");
  expect(client.received).toBe(ok + ok);
});

test("resets after the response", () =>
  answering({ bytes: ok, afterwards: "reset" }, async (client) => {
    expect(await client.send(get(1)).outcome()).toBe("ECONNRESET");
    expect(client.received).toBe(ok);
  }));

test("closes after idling for some turns, and not while requests come", async () => {
  const turns = 10;
  await answering({ bytes: ok, afterwards: { closeAfterIdleTurns: turns } }, async (client) => {
    expect(await client.send(get(1)).bytes(ok.length)).toBe(ok);
    client.send(get(2));
    await settle(turns - 2);
    expect(client.ended).toBeUndefined();
    expect(await client.outcome()).toBe("FIN");
    expect(client.received).toBe(ok + ok);
  });
});

test("extra bytes behind a response, and content behind a response to HEAD", async () => {
  await answering(`${ok}surplus`, async (client) => {
    expect(await client.send(get(1)).bytes(ok.length + 7)).toBe(`${ok}surplus`);
  });
  await answering(ok, async (client) => {
    expect(await client.send("HEAD / HTTP/1.1\r\nhost: a\r\n\r\n").bytes(ok.length)).toBe(ok);
  });
});

test("interim responses first, each in a segment of its own", () =>
  answering(rawInformational(ok, "100 Continue", "103 Early Hints"), async (client) => {
    client.send(get(1));
    while (!client.received.endsWith(ok)) await settle(1);
    expect(client.chunks).toEqual(["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n", ok]);
  }));

test("the end of a chunked body arrives with its last data", () =>
  answering(rawChunked("one", "a longer chunk"), async (client) => {
    client.send(get(1));
    while (!client.received.endsWith("0\r\n\r\n")) await settle(1);
    expect(client.chunks).toEqual([
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
      "3\r\none\r\n",
      "e\r\na longer chunk\r\n0\r\n\r\n",
    ]);
  }));

test("answers after the whole request, or after its head alone", async () => {
  const head = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n";
  await answering(ok, async (client) => {
    client.send(`${head}abc`);
    await settle(quiet);
    expect(client.received).toBe("");
    expect(await client.send("d").bytes(ok.length)).toBe(ok);
  });
  await answering({ bytes: ok, after: "head" }, async (client, origin) => {
    expect(await client.send(head).bytes(ok.length)).toBe(ok);
    const both = await client.send(`abcd${get(2)}`).bytes(2 * ok.length);
    expect(both).toBe(ok + ok);
    expect(origin.requests.map(({ method }) => method)).toEqual(["POST", "GET"]);
  });
});

test("disposing of it leaves no connection", async () => {
  const origin = await startRawOrigin(() => ok);
  using client = await plainClient(origin.port);
  await client.send(get(1)).bytes(ok.length);
  await origin[Symbol.asyncDispose]();
  expect(origin.openConnections).toBe(0);
  expect(await client.outcome()).toBe("FIN");
});
