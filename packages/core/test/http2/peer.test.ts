/**
 * The peer of whole-connection tests, without a connection: two of them on one wire. What one sends is what the other
 * describes, and is judged as a connection's output is; so the vocabulary is known to see what it claims to see.
 */
import { type ScriptedIo, scriptedIo } from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { HpackEncoder } from "../../src/h2/hpack/encoder.ts";
import { encodeLines } from "./support/hpack.ts";
import { get, getText, literalBlock, post, request, status } from "./support/messages.ts";
import { ascii, toHex } from "./support/octets.ts";
import { Peer } from "./support/peer.ts";

interface Wire {
  readonly client: Peer;
  readonly server: Peer;
}

/** Two peers; what one sends is what the connection of the other has written, a `write` for each chunk. */
function wire(): Wire {
  const [a, b] = [scriptedIo(), scriptedIo()];
  forward(a, b);
  forward(b, a);
  return { client: new Peer(a, "client"), server: new Peer(b, "server") };
}

function forward(from: ScriptedIo, to: ScriptedIo): void {
  from.read((chunk) => {
    if (chunk === null) return to.shutdown(() => {});
    to.write([chunk]);
    forward(from, to);
  });
}

/** Both have said what they have to say first, and looked at it. */
function greeted(): Wire {
  const { client, server } = wire();
  client.preface();
  client.settings();
  server.settings();
  client.take();
  server.take();
  return { client, server };
}

describe("frames in text", () => {
  test("what a client sends", () => {
    const { client, server } = wire();
    server.settings();
    client.preface();
    client.settings({ MAX_CONCURRENT_STREAMS: 128, INITIAL_WINDOW_SIZE: 262_144 });
    client.settingsAck();
    client.windowUpdate(0, 65_535);
    client.headers(1, get(), { endStream: true });
    client.headers(3, post("/a b", ["x", ""], ["y", "1; 2"], ["z", 'a"\\']));
    client.data(3, "hello");
    client.data(3, "hello world\n", { padding: 0 });
    client.data(3, Uint8Array.of(0, 255), { padding: 3 });
    client.data(3, "y".repeat(64));
    client.data(3, 65, { endStream: true });
    client.headers(5, get(), { padding: 2, priority: { dependency: 3, exclusive: true } });
    client.headers(5, [["sum", "1"]], { endStream: true });
    client.headers(7, request("CONNECT", "*"), { priority: { weight: 256 } });
    client.data(7, 0);
    client.priority(9, { dependency: 1, weight: 1 });
    client.priorityUpdate(9, "u=1, i");
    client.rst(7, "CANCEL");
    client.rst(5, 0x1234);
    client.ping();
    client.ping("ffffffffffffffff");
    client.goAway(0);
    client.goAway(0, "PROTOCOL_ERROR", 'a "word" \n\xff');
    expect(server.take()).toEqual([
      "PREFACE",
      "SETTINGS MAX_CONCURRENT_STREAMS=128 INITIAL_WINDOW_SIZE=262144",
      "SETTINGS ACK",
      "WINDOW_UPDATE 0 +65535",
      "HEADERS 1 END_STREAM :method=GET :scheme=http :authority=a.test :path=/",
      'HEADERS 3 :method=POST :scheme=http :authority=a.test :path="/a b" x="" y="1; 2" z="a\\"\\\\"',
      "DATA 3 5 hello",
      'DATA 3 12 PADDING=0 "hello world\\n"',
      "DATA 3 2 PADDING=3",
      `DATA 3 64 ${"y".repeat(64)}`,
      "DATA 3 END_STREAM 65",
      `HEADERS 5 PADDING=2 DEPENDENCY=3 WEIGHT=16 EXCLUSIVE ${getText}`,
      "HEADERS 5 END_STREAM sum=1",
      "HEADERS 7 DEPENDENCY=0 WEIGHT=256 :method=CONNECT :scheme=http :authority=a.test :path=*",
      "DATA 7 0",
      "PRIORITY 9 DEPENDENCY=1 WEIGHT=1",
      'PRIORITY_UPDATE 9 "u=1, i"',
      "RST_STREAM 7 CANCEL",
      "RST_STREAM 5 0x1234",
      "PING 0011223344556677",
      "PING ffffffffffffffff",
      "GOAWAY 0 NO_ERROR",
      'GOAWAY 0 PROTOCOL_ERROR: a "word" \\n\\xff',
    ]);
    expect(server.take()).toEqual([]);
  });

  test("what a server sends", () => {
    const { client, server } = wire();
    client.preface();
    client.settings({ ENABLE_PUSH: 1 });
    client.headers(1, get(), { endStream: true });
    client.ping("0123456789abcdef");
    server.settings([
      ["MAX_FRAME_SIZE", 16_384],
      ["MAX_FRAME_SIZE", 16_385],
    ]);
    server.settingsAck();
    server.pingAck("0123456789abcdef");
    server.pushPromise(1, 2, get("/style.css"));
    server.pushPromise(1, 4, literalBlock(get()).subarray(0, 20), { endHeaders: false, padding: 1 });
    server.continuation(1, literalBlock(get()).subarray(20));
    server.headers(1, status(103, ["link", "x"]));
    server.headers(1, status(200));
    server.headers(2, status(204), { endStream: true });
    server.data(1, 0, { endStream: true });
    server.windowUpdate(1, 2 ** 31 - 1 - 65_535);
    expect(client.take()).toEqual([
      "SETTINGS MAX_FRAME_SIZE=16384 MAX_FRAME_SIZE=16385",
      "SETTINGS ACK",
      "PING ACK 0123456789abcdef",
      "PUSH_PROMISE 1 -> 2 :method=GET :scheme=http :authority=a.test :path=/style.css",
      "PUSH_PROMISE 1 -> 4 PADDING=1 20...",
      `CONTINUATION 1 35 ${getText}`,
      "HEADERS 1 :status=103 link=x",
      "HEADERS 1 :status=200",
      "HEADERS 2 END_STREAM :status=204",
      "DATA 1 END_STREAM 0",
      "WINDOW_UPDATE 1 +2147418112",
    ]);
  });

  test("a field block in fragments shows its lines on the frame that completes it; long values by their length", () => {
    const { client, server } = greeted();
    const block = literalBlock(get("/", ["x", "v".repeat(65)]));
    client.headers(1, block.subarray(0, 10), { endStream: true, endHeaders: false });
    expect(server.take()).toEqual(["HEADERS 1 END_STREAM 10..."]);
    client.continuation(1, block.subarray(10, 10), { endHeaders: false });
    client.continuation(1, block.subarray(10));
    expect(server.take()).toEqual([
      "CONTINUATION 1 0...",
      `CONTINUATION 1 ${block.length - 10} ${getText} x=<65 octets>`,
    ]);
  });

  test("frames have their parts, and the writes they came in", () => {
    const { client, server } = greeted();
    const sensitive = Uint8Array.of(...literalBlock(get()), 0x10, 1, 0x78, 1, 0x31);
    client.batch(() => {
      client.headers(1, sensitive, { padding: 1 });
      client.data(1, "ab", { padding: 4 });
    });
    client.data(1, "cd", { endStream: true });
    const frames = server.frames.slice(2);
    expect(frames).toEqual([
      {
        type: "HEADERS",
        streamId: 1,
        length: sensitive.length + 2,
        endHeaders: true,
        fragment: sensitive,
        fields: get("/", ["x", "1"]),
        sensitive: ["x"],
        endStream: false,
        padding: 1,
        priority: undefined,
      },
      { type: "DATA", streamId: 1, length: 7, endStream: false, padding: 4, data: ascii("ab") },
      { type: "DATA", streamId: 1, length: 2, endStream: true, padding: undefined, data: ascii("cd") },
    ]);
    expect(toHex(server.contentOf(1))).toBe(toHex(ascii("abcd")));
    expect(server.takeWrites()).toEqual([
      [`HEADERS 1 PADDING=1 ${getText} x=1`, "DATA 1 2 PADDING=4 ab"],
      ["DATA 1 END_STREAM 2 cd"],
    ]);
    expect(server.takeFrames()).toEqual([]);
  });

  test("a frame that came in several writes stands with the last of them", () => {
    const { client, server } = wire();
    for (const octet of ascii("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) client.octets(Uint8Array.of(octet));
    for (const octet of "000000040000000000".match(/../g) ?? [])
      client.octets(Uint8Array.of(Number.parseInt(octet, 16)));
    client.ping();
    expect(server.takeWrites()).toEqual([["PREFACE"], ["SETTINGS"], ["PING 0011223344556677"]]);
  });
});

describe("the peer keeps the state of the connection", () => {
  test("of the dynamic table, with the size that it has set", () => {
    const { client, server } = greeted();
    const encoder = new HpackEncoder();
    const lines = get("/", ["x-long", "a value to be indexed"]);
    const blocks = [1, 3].map(() => encodeLines(encoder, lines));
    expect(blocks[1]?.length).toBeLessThan(10);
    for (const [at, block] of blocks.entries()) client.headers(2 * at + 1, block, { endStream: true });
    const text = `${getText} x-long="a value to be indexed"`;
    expect(server.take()).toEqual([`HEADERS 1 END_STREAM ${text}`, `HEADERS 3 END_STREAM ${text}`]);
    server.settings({ HEADER_TABLE_SIZE: 0 });
    client.settingsAck();
    client.settingsAck();
    client.headers(5, encodeLines(encoder, lines));
    expect(() => server.take()).toThrow("the field block must start with a table size update to at most 0");
  });

  test("of the windows, in both directions", () => {
    const { client, server } = greeted();
    expect([server.granted(0), server.granted(1), client.allowance(0), client.allowance(1)]).toEqual(
      new Array(4).fill(65_535),
    );
    client.headers(1, post());
    client.data(1, 1000, { padding: 9 });
    expect([server.granted(0), server.granted(1), client.allowance(0), client.allowance(1)]).toEqual(
      new Array(4).fill(64_525),
    );
    server.windowUpdate(1, 10);
    server.settings({ INITIAL_WINDOW_SIZE: 65_536 });
    expect([server.granted(0), server.granted(1)]).toEqual([64_525, 64_536]);
    expect([client.allowance(0), client.allowance(1), client.allowance(3)]).toEqual([64_525, 64_536, 65_536]);
  });
});

describe("windows", () => {
  /** A client that has opened stream 1, and its server. */
  function uploading(): Wire {
    const both = greeted();
    both.client.headers(1, post());
    both.server.take();
    return both;
  }

  test("are used up by DATA to the last octet, padding included, and empty frames always pass", () => {
    const { client, server } = uploading();
    for (const length of [16_384, 16_384, 16_384]) client.data(1, length);
    client.data(1, 16_372, { padding: 10 });
    client.data(1, 0, { endStream: true });
    expect(server.take()).toHaveLength(5);
    expect([server.granted(0), server.granted(1)]).toEqual([0, 0]);
  });

  test("one octet more is found, on a stream and in all, and by every later look", () => {
    const stream = uploading();
    stream.server.windowUpdate(0, 100_000);
    for (const length of [16_384, 16_384, 16_384, 16_383, 1]) stream.client.data(1, length);
    for (const _ of [1, 2]) {
      expect(() => stream.server.take()).toThrow("DATA on stream 1: the window of the stream allows for 0, got 1");
    }
    const connection = uploading();
    connection.server.windowUpdate(1, 100_000);
    for (const length of [16_384, 16_384, 16_384, 16_383, 1]) connection.client.data(1, length);
    expect(() => connection.server.take()).toThrow(
      "DATA on stream 1: the window of the connection allows for 0, got 1",
    );
  });

  test("are lowered by SETTINGS only once these were acknowledged, and raised at once", () => {
    const { client, server } = uploading();
    server.settings({ INITIAL_WINDOW_SIZE: 5 });
    client.data(1, 6);
    client.settingsAck();
    client.data(1, 6);
    client.settingsAck();
    expect(server.take()).toHaveLength(4);
    expect(server.granted(1)).toBe(-7);
    server.settings({ INITIAL_WINDOW_SIZE: 13 });
    client.data(1, 1);
    client.settingsAck();
    client.data(1, 1);
    expect(() => server.take()).toThrow("DATA on stream 1: the window of the stream allows for 0, got 1");
  });

  test("hold what a long frame takes", () => {
    const { client, server } = uploading();
    server.settings({ INITIAL_WINDOW_SIZE: 100_000, MAX_FRAME_SIZE: 70_000 });
    server.windowUpdate(0, 4465);
    client.data(1, 70_000);
    expect(server.take()).toEqual(["DATA 1 70000"]);
    expect([server.granted(0), server.granted(1)]).toEqual([0, 30_000]);
  });

  test("MAX_FRAME_SIZE is kept in the same way", () => {
    const { client, server } = uploading();
    client.settingsAck();
    server.settings({ MAX_FRAME_SIZE: 16_385 });
    client.data(1, 16_385);
    client.settingsAck();
    server.settings({ MAX_FRAME_SIZE: 16_384 });
    client.data(1, 16_385);
    client.settingsAck();
    client.data(1, 16_385);
    expect(() => server.take()).toThrow("DATA: at most 16384 octets are allowed, got 16385; before that: ");
  });
});

describe("what a connection must not write", () => {
  const open = ({ client }: Wire): void => client.headers(1, post());
  const answered = ({ client, server }: Wire): void => {
    client.headers(1, get(), { endStream: true });
    server.headers(1, status(200));
  };

  for (const [what, wrong, rule] of [
    [
      "another first frame",
      (w) => {
        w.client.preface();
        w.client.settingsAck();
      },
      "the first frame must be SETTINGS",
    ],
    ["another preface", (w) => w.client.octets("PRI * HTTP/1.1\r\n"), "a client starts with the preface"],
  ] satisfies [string, (wire: Wire) => void, string][]) {
    test(what, () => {
      const both = wire();
      wrong(both);
      expect(() => both.server.take()).toThrow(`the connection wrote what it must not: ${rule}`);
    });
  }

  for (const [what, act, rule] of [
    [
      "a reserved bit",
      (w) => w.client.raw(6, 0, 2 ** 31, "0011223344556677"),
      "PING: the reserved bit must not be set",
    ],
    ["an undefined flag", (w) => w.client.raw(0, 2, 1, ""), "DATA: undefined flags must not be set"],
    ["a type nobody knows", (w) => w.client.raw(0x1f, 0, 0), "a frame of type 0x1f on stream 0"],
    ["padding that does not fit", (w) => w.client.raw(0, 8, 1, "01"), "DATA: the padding must fit"],
    ["padding that says something", (w) => w.client.raw(0, 8, 1, "0101"), "DATA: padding must be zeros"],
    ["a PING of seven octets", (w) => w.client.raw(6, 0, 0, "00112233445566"), "PING: length must be 8"],
    ["SETTINGS on a stream", (w) => w.client.raw(4, 0, 1), "SETTINGS: must be on stream 0"],
    ["HEADERS on the connection", (w) => w.client.headers(0, get()), "HEADERS: must be on a stream"],
    ["a setting nobody knows", (w) => w.client.settings([[0x99, 1]]), "SETTINGS: 0x99 is not known"],
    ["a value out of range", (w) => w.client.settings({ ENABLE_PUSH: 2 }), "SETTINGS: ENABLE_PUSH=2 is not allowed"],
    ["an increment of 0", (w) => w.client.windowUpdate(0, 0), "WINDOW_UPDATE: increment must be from 1 to 2^31-1"],
    ["too large a window", (w) => w.client.windowUpdate(0, 2 ** 31 - 65_535), "the window of stream 0 exceeds 2^31-1"],
    ["a window on an idle stream", (w) => w.client.windowUpdate(1, 1), "WINDOW_UPDATE: stream 1 is idle"],
    ["a reset of an idle stream", (w) => w.client.rst(1, "CANCEL"), "RST_STREAM: stream 1 is idle"],
    ["DATA on an idle stream", (w) => w.client.data(1, 1), "DATA: stream 1 is idle"],
    [
      "a request on a server's stream",
      (w) => w.client.headers(2, get()),
      "HEADERS on stream 2: not on the server's stream",
    ],
    [
      "a lower stream",
      (w) => {
        w.client.headers(3, get());
        w.client.headers(1, get());
      },
      "HEADERS: stream 1 was never opened",
    ],
    [
      "a request without a method",
      (w) => w.client.headers(1, [["x", "1"]]),
      "HEADERS on stream 1: a request has a :method",
    ],
    ["a pseudo-field behind", (w) => w.client.headers(1, [["x", "1"], ...get()]), "pseudo-fields come first"],
    ["a pseudo-field twice", (w) => w.client.headers(1, [...get(), ...get()]), "pseudo-fields come once"],
    ["an upper-case name", (w) => w.client.headers(1, get("/", ["X", "1"])), 'field "X" on stream 1: not allowed'],
    ["a blank in front", (w) => w.client.headers(1, get("/", ["x", " 1"])), 'field "x" on stream 1: not allowed'],
    [
      "a field of HTTP/1",
      (w) => w.client.headers(1, get("/", ["upgrade", "x"])),
      '"upgrade" on stream 1: belongs to HTTP/1',
    ],
    ["te", (w) => w.client.headers(1, get("/", ["te", "gzip"])), "only trailers may be asked for"],
    [
      "DATA behind END_STREAM",
      (w) => {
        open(w);
        w.client.data(1, 0, { endStream: true });
        w.client.data(1, 0);
      },
      "DATA on stream 1: the stream was ended",
    ],
    [
      "HEADERS behind END_STREAM",
      (w) => {
        w.client.headers(1, get(), { endStream: true });
        w.client.headers(1, [], { endStream: true });
      },
      "HEADERS on stream 1: the stream was ended",
    ],
    [
      "trailers without END_STREAM",
      (w) => {
        open(w);
        w.client.headers(1, [["x", "1"]]);
      },
      "trailers end the stream",
    ],
    [
      "DATA behind RST_STREAM",
      (w) => {
        open(w);
        w.client.rst(1, "CANCEL");
        w.client.data(1, 0);
      },
      "DATA: stream 1 was reset before",
    ],
    [
      "a window behind RST_STREAM",
      (w) => {
        open(w);
        w.client.rst(1, "CANCEL");
        w.client.windowUpdate(1, 1);
      },
      "WINDOW_UPDATE: stream 1 was reset before",
    ],
    [
      "less than content-length",
      (w) => {
        w.client.headers(1, post("/", ["content-length", "3"]));
        w.client.data(1, 2, { endStream: true });
      },
      "the content of stream 1: 3 octets were announced, got 2",
    ],
    [
      "an acknowledgment too many",
      (w) => {
        w.client.settingsAck();
        w.client.settingsAck();
      },
      "SETTINGS ACK: there was nothing to acknowledge",
    ],
    [
      "an answer to no PING",
      (w) => {
        w.server.ping();
        w.client.pingAck();
        w.client.pingAck();
      },
      "PING ACK: there was no PING 0011223344556677",
    ],
    [
      "a last stream that grows",
      (w) => {
        w.client.goAway(2);
        w.client.goAway(4);
      },
      "GOAWAY: the last stream must not increase",
    ],
    [
      "PUSH_PROMISE",
      (w) => {
        open(w);
        w.client.pushPromise(1, 2, get());
      },
      "PUSH_PROMISE on stream 1: only servers push",
    ],
    [
      "a torn field block",
      (w) => {
        w.client.headers(1, get(), { endHeaders: false });
        w.client.ping();
      },
      "PING 0011223344556677: the field block of stream 1 is open",
    ],
    [
      "CONTINUATION of another stream",
      (w) => {
        w.client.headers(1, get(), { endHeaders: false });
        w.client.continuation(3, []);
      },
      "the field block of stream 1 is open",
    ],
    ["CONTINUATION of nothing", (w) => w.client.continuation(1, get()), "there is no open field block"],
    ["a field block that cannot be decoded", (w) => w.client.headers(1, Uint8Array.of(0x80)), "HPACK: "],
    [
      "too many streams",
      (w) => {
        w.server.settings({ MAX_CONCURRENT_STREAMS: 1 });
        w.client.settingsAck();
        w.client.settingsAck();
        w.client.headers(1, get(), { endStream: true });
        w.client.headers(3, get());
      },
      "HEADERS on stream 3: at most 1 streams may be open",
    ],
  ] satisfies [string, (wire: Wire) => void, string][]) {
    test(`as a client: ${what}`, () => {
      const both = greeted();
      act(both);
      expect(() => both.server.take()).toThrow(rule);
      expect(() => both.server.frames).toThrow("the connection wrote what it must not: ");
    });
  }

  for (const [what, act, rule] of [
    ["a stream that nobody opened", (w) => w.server.headers(1, status(200)), "HEADERS: stream 1 is idle"],
    [
      "no status",
      (w) => {
        open(w);
        w.server.headers(1, [["x", "1"]]);
      },
      "HEADERS on stream 1: a response has a :status",
    ],
    [
      "a status and a path",
      (w) => {
        open(w);
        w.server.headers(1, status(200, [":path", "/"]));
      },
      "a response has a :status and no other",
    ],
    [
      "a status of four digits",
      (w) => {
        open(w);
        w.server.headers(1, status(2000));
      },
      "a response has a :status",
    ],
    [
      "101",
      (w) => {
        open(w);
        w.server.headers(1, status(101));
      },
      "there is no 101 in HTTP/2",
    ],
    [
      "100 that ends the stream",
      (w) => {
        open(w);
        w.server.headers(1, status(100), { endStream: true });
      },
      "an informational response does not end the stream",
    ],
    [
      "DATA before the head",
      (w) => {
        open(w);
        w.server.headers(1, status(100));
        w.server.data(1, 1);
      },
      "DATA on stream 1: there was no head",
    ],
    [
      "a second head",
      (w) => {
        answered(w);
        w.server.headers(1, status(200));
      },
      "trailers end the stream and have no pseudo-fields",
    ],
    ["ENABLE_PUSH", (w) => w.server.settings({ ENABLE_PUSH: 1 }), "SETTINGS: ENABLE_PUSH=1 is not allowed"],
    ["PRIORITY_UPDATE", (w) => w.server.priorityUpdate(1, "u=1"), "PRIORITY_UPDATE: only clients send it"],
    [
      "a push that was not wanted",
      (w) => {
        w.client.settings({ ENABLE_PUSH: 0 });
        w.server.settingsAck();
        w.server.settingsAck();
        open(w);
        w.server.pushPromise(1, 2, get());
      },
      "PUSH_PROMISE on stream 1: push is not enabled",
    ],
    [
      "a stream promised twice",
      (w) => {
        open(w);
        w.server.pushPromise(1, 2, get());
        w.server.pushPromise(1, 2, get());
      },
      "stream 2 cannot be promised",
    ],
    [
      "an odd stream promised",
      (w) => {
        open(w);
        w.server.pushPromise(1, 3, get());
      },
      "stream 3 cannot be promised",
    ],
    [
      "an end within a frame",
      (w) => {
        w.server.octets(Uint8Array.of(0));
        w.server.end();
      },
      "the connection ended within a frame",
    ],
    [
      "an end within a field block",
      (w) => {
        answered(w);
        w.server.headers(1, [], { endHeaders: false });
        w.server.end();
      },
      "the connection ended within a frame",
    ],
  ] satisfies [string, (wire: Wire) => void, string][]) {
    test(`as a server: ${what}`, () => {
      const both = greeted();
      act(both);
      expect(() => both.client.take()).toThrow(rule);
    });
  }
});

describe("what it may write", () => {
  test("a stream that was refused or answered early is done with, and another can be opened", () => {
    const { client, server } = greeted();
    server.settings({ MAX_CONCURRENT_STREAMS: 1 });
    client.settingsAck();
    client.settingsAck();
    client.headers(1, get(), { endStream: true });
    server.headers(1, status(204), { endStream: true });
    client.headers(3, post());
    server.rst(3, "REFUSED_STREAM");
    client.headers(5, post());
    client.rst(5, "CANCEL");
    client.headers(7, post());
    expect(server.take()).toHaveLength(6 + 1);
  });

  test("the length of an answer to HEAD, without the content", () => {
    const { client, server } = greeted();
    client.headers(1, request("HEAD", "/"), { endStream: true });
    server.headers(1, status(200, ["content-length", "5"]), { endStream: true });
    expect(client.take()).toEqual(["HEADERS 1 END_STREAM :status=200 content-length=5"]);
  });

  test("a reset of a stream that was skipped, and a second reset", () => {
    const { client, server } = greeted();
    client.headers(3, get());
    server.rst(1, "STREAM_CLOSED");
    server.rst(1, "STREAM_CLOSED");
    expect(client.take()).toEqual(["RST_STREAM 1 STREAM_CLOSED", "RST_STREAM 1 STREAM_CLOSED"]);
  });
});

test("the record of the transport must be left alone", () => {
  const io = scriptedIo();
  const peer = new Peer(io, "client");
  io.write([Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 0, 0)]);
  expect(peer.take()).toEqual(["SETTINGS"]);
  io.takeWritten();
  expect(() => peer.take()).toThrow("what was written was taken past the peer");
});
