import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { afterEach, describe, expect, test } from "vitest";
import { dnsResolver } from "./dns-resolver.ts";
import type { ResolvedAddress, Resolver } from "./resolver.ts";
import { staticResolver } from "./static-resolver.ts";
import { systemResolver } from "./system-resolver.ts";

async function batches(resolver: Resolver, host: string): Promise<(readonly ResolvedAddress[])[]> {
  const all: (readonly ResolvedAddress[])[] = [];
  for await (const batch of resolver.resolve(host)) all.push(batch);
  return all;
}

describe("staticResolver", () => {
  const resolver = staticResolver({
    "Example.com": ["192.0.2.1", { address: "2001:db8::1", port: 8080 }],
    "one.example": "192.0.2.7",
    "gone.example": [],
  });

  test("gives the addresses of a name in their order, in any case, with or without the last dot", async () => {
    const expected = [
      [
        { address: "192.0.2.1", family: 4, port: 0 },
        { address: "2001:db8::1", family: 6, port: 8080 },
      ],
    ];
    expect(await batches(resolver, "example.com")).toEqual(expected);
    expect(await batches(resolver, "EXAMPLE.com.")).toEqual(expected);
    expect(await batches(resolver, "one.example")).toEqual([[{ address: "192.0.2.7", family: 4, port: 0 }]]);
  });

  test("other names, names of objects included, and an empty list: ENOTFOUND", async () => {
    for (const host of ["other.example", "gone.example", "constructor", "__proto__"]) {
      await expect(batches(resolver, host)).rejects.toMatchObject({
        kind: "connect",
        code: "ENOTFOUND",
        message: `resolving "${host}" failed: it has no address`,
      });
    }
  });

  test("other names are left to the fallback; an empty list is not", async () => {
    const above = staticResolver({ "gone.example": [] }, resolver);
    expect(await batches(above, "one.example")).toHaveLength(1);
    await expect(batches(above, "gone.example")).rejects.toMatchObject({ code: "ENOTFOUND" });
  });

  test("what is no address or no port throws at once", () => {
    expect(() => staticResolver({ a: "b" })).toThrow(
      new TypeError('staticResolver: the addresses of "a" must be IP addresses, got "b"'),
    );
    expect(() => staticResolver({ a: [{ address: "::1", port: 65_536 }] })).toThrow(
      new RangeError('staticResolver: the ports of "a" must be within 0 to 65535, got 65536'),
    );
  });
});

describe("systemResolver", () => {
  test("gives what the system says in one batch, in the same order, each with its family", async () => {
    const asked: unknown[] = [];
    const resolver = systemResolver({
      lookup: (host, options, done) => {
        asked.push([host, options]);
        done(null, [
          { address: "192.0.2.1", family: 4 },
          { address: "2001:db8::1", family: 6 },
          { address: "192.0.2.2", family: 4 },
        ]);
      },
    });
    expect(await batches(resolver, "example.com")).toEqual([
      [
        { address: "192.0.2.1", family: 4 },
        { address: "2001:db8::1", family: 6 },
        { address: "192.0.2.2", family: 4 },
      ],
    ]);
    expect(asked).toEqual([["example.com", { all: true, verbatim: true }]]);
  });

  test("a failure is kind connect, with the code of the system and the name in the message", async () => {
    const cause = Object.assign(new Error("getaddrinfo EAI_AGAIN h"), { code: "EAI_AGAIN" });
    const resolver = systemResolver({ lookup: (_host, _options, done) => done(cause, []) });
    await expect(batches(resolver, "h")).rejects.toMatchObject({
      kind: "connect",
      code: "EAI_AGAIN",
      cause,
      message: 'resolving "h" failed: getaddrinfo EAI_AGAIN h',
    });
  });

  test("subdomains of localhost are asked for as localhost", async () => {
    const asked: string[] = [];
    const resolver = systemResolver({
      lookup: (host, _options, done) => {
        asked.push(host);
        done(null, []);
      },
    });
    await batches(resolver, "api.localhost");
    expect(asked).toEqual(["localhost"]);
  });

  test("asks the operating system, which knows localhost", async () => {
    const found = (await batches(systemResolver(), "localhost")).flat().map(({ address }) => address);
    expect(found.length).toBeGreaterThan(0);
    expect(["127.0.0.1", "::1"]).toEqual(expect.arrayContaining(found));
  });

  test("unknown options and a lookup that is none throw", () => {
    expect(() => systemResolver({ lokup: 1 } as object)).toThrow(new TypeError("systemResolver: unknown option lokup"));
    expect(() => systemResolver({ lookup: 1 as never })).toThrow(
      new TypeError("systemResolver: lookup must be a function, got 1"),
    );
  });
});

/** What the name server says to a query of one type: addresses as bytes, or an RCODE; undefined: nothing, ever. */
type Say = (name: string, type: "A" | "AAAA") => { records: number[][]; ttl: number } | { rcode: number } | undefined;

/** A name server on the loopback that speaks just enough (RFC 1035 4.1). */
async function nameServer(say: Say): Promise<{ server: string; asked: string[] }> {
  const socket = createSocket("udp4");
  open.push(socket);
  const asked: string[] = [];
  socket.on("message", (query, peer) => {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString("latin1", at + 1, at + 1 + length));
      at += 1 + length;
    }
    const question = query.subarray(12, at + 5);
    const type = query.readUInt16BE(at + 1) === 28 ? "AAAA" : "A";
    asked.push(`${type} ${labels.join(".")}`);
    const answer = say(labels.join("."), type);
    if (answer === undefined) return;
    const records = "records" in answer ? answer.records : [];
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8180 | ("rcode" in answer ? answer.rcode : 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    const lines = records.map((bytes) => {
      const line = Buffer.alloc(12);
      line.writeUInt16BE(0xc00c, 0);
      line.writeUInt16BE(bytes.length === 16 ? 28 : 1, 2);
      line.writeUInt16BE(1, 4);
      line.writeUInt32BE("ttl" in answer ? answer.ttl : 0, 6);
      line.writeUInt16BE(bytes.length, 10);
      return Buffer.concat([line, Buffer.from(bytes)]);
    });
    socket.send(Buffer.concat([header, question, ...lines]), peer.port, peer.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return { server: `127.0.0.1:${socket.address().port}`, asked };
}

const open: UdpSocket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
});

const v4 = [192, 0, 2, 1];
const v6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

describe("dnsResolver", () => {
  const only = (server: string): Resolver => dnsResolver({ servers: [server], timeoutMs: 250, tries: 1 });

  test("asks for both families and gives each by itself, with its lifetime", async () => {
    const { server, asked } = await nameServer((_name, type) => ({ records: [type === "A" ? v4 : v6], ttl: 30 }));
    const found = await batches(only(server), "example.com");
    expect(found).toHaveLength(2);
    expect(found.flat().sort((one, other) => other.family - one.family)).toEqual([
      { address: "2001:db8::1", family: 6, ttlMs: 30_000 },
      { address: "192.0.2.1", family: 4, ttlMs: 30_000 },
    ]);
    expect(asked.sort()).toEqual(["A example.com", "AAAA example.com"]);
  });

  test("the family that is there first does not wait for the other", async () => {
    const { server } = await nameServer((_name, type) => (type === "A" ? undefined : { records: [v6], ttl: 1 }));
    const reading = only(server).resolve("example.com")[Symbol.asyncIterator]();
    expect((await reading.next()).value).toEqual([{ address: "2001:db8::1", family: 6, ttlMs: 1000 }]);
    expect(await reading.next()).toEqual({ done: true, value: undefined });
  });

  test("a family without records or with a failure is left out", async () => {
    const { server } = await nameServer((name, type) => {
      if (type === "A") return { records: [v4], ttl: 5 };
      return name === "none.example" ? { records: [], ttl: 0 } : { rcode: 2 };
    });
    const expected = [[{ address: "192.0.2.1", family: 4, ttlMs: 5000 }]];
    expect(await batches(only(server), "none.example")).toEqual(expected);
    expect(await batches(only(server), "fails.example")).toEqual(expected);
  });

  test.each([
    ["no such name", { rcode: 3 }, { rcode: 3 }, "ENOTFOUND"],
    ["no address", { records: [], ttl: 0 }, { records: [], ttl: 0 }, "ENODATA"],
    ["what may pass rather than no address", { records: [], ttl: 0 }, { rcode: 2 }, "ESERVFAIL"],
    ["no answer", undefined, undefined, "ETIMEOUT"],
  ])("%s", async (_title, four, six, code) => {
    const { server } = await nameServer((_name, type) => (type === "A" ? four : six));
    const failing = batches(only(server), "x.example");
    await expect(failing).rejects.toMatchObject({ kind: "connect", code });
    await expect(failing).rejects.toThrow('resolving "x.example" failed: ');
  });

  test("localhost and its subdomains are answered without asking (RFC 6761 6.3)", async () => {
    const { server, asked } = await nameServer(() => ({ rcode: 3 }));
    for (const host of ["localhost", "api.localhost"]) {
      expect(await batches(only(server), host)).toEqual([
        [
          { address: "::1", family: 6 },
          { address: "127.0.0.1", family: 4 },
        ],
      ]);
    }
    expect(asked).toEqual([]);
  });

  test("senseless options throw", () => {
    expect(() => dnsResolver({ servers: [] })).toThrow(
      new TypeError("dnsResolver: servers must be a list of at least one address"),
    );
    expect(() => dnsResolver({ servers: ["ns.example"] })).toThrow(
      new TypeError('dnsResolver: servers must be IP addresses, got "ns.example"'),
    );
    expect(() => dnsResolver({ tries: 0 })).toThrow(
      new RangeError("dnsResolver: tries must be a whole number from 1 to 10, got 0"),
    );
  });
});
