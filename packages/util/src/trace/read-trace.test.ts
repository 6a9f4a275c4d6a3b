import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { events, hostile, text } from "../../test/trace/support/sample-log.ts";
import { type Connection, type Lane, markNumbers, type Trace } from "./model.ts";
import { linesOf, TraceReader } from "./read-trace.ts";

function read(lines: Iterable<unknown>, maxEvents = 100_000): Trace {
  const reader = new TraceReader({ title: "t", maxEvents });
  for (const line of lines) reader.add(line);
  return reader.done();
}

function connectionOf(trace: Trace, name: string): Connection {
  const found = trace.connections.find((connection) => connection.name === name);
  if (found === undefined) throw new Error(`no connection ${name}`);
  return found;
}

function laneOf(connection: Connection, id: number): Lane {
  const found = connection.lanes.find((lane) => lane.id === id);
  if (found === undefined) throw new Error(`no lane ${id}`);
  return found;
}

/** Marks in words: time, arrow, kind, octets. */
function marksOf(trace: Trace, lane: Lane): string[] {
  const words: string[] = [];
  for (let at = 0; at < lane.marks.length; at += markNumbers) {
    const [when, kind = 0, direction = 0, octets] = lane.marks.slice(at, at + markNumbers);
    words.push(`${when} ${["<-", "->", "--"][direction]} ${trace.kinds[kind]} ${octets}`);
  }
  return words;
}

const settings = (t: number, ev: "in" | "out", initial?: number): object => ({
  t,
  ev,
  type: "SETTINGS",
  stream: 0,
  flags: [],
  length: 6,
  settings: initial === undefined ? {} : { INITIAL_WINDOW_SIZE: initial },
});
const ack = (t: number, ev: "in" | "out"): object => ({
  t,
  ev,
  type: "SETTINGS",
  stream: 0,
  flags: ["ACK"],
  length: 0,
});
const frame = (t: number, ev: "in" | "out", type: string, stream: number, length = 0, more: object = {}): object => ({
  t,
  ev,
  type,
  stream,
  flags: [],
  length,
  ...more,
});

describe("an HTTP/2 connection", () => {
  const trace = read(events);
  const web = connectionOf(trace, "web");

  test("its version, side, times and end", () => {
    expect({ ...web, lanes: web.lanes.map(({ id, kind }) => `${kind} ${id}`) }).toEqual({
      name: "web",
      version: "HTTP/2",
      side: "server",
      start: 0,
      end: 100,
      closed: { kind: "limit", code: "TOO_MANY_RESETS" },
      fired: { at: 80, name: "TOO_MANY_RESETS", isDefence: true },
      defences: [["resets", 7]],
      lanes: ["connection 0", "stream 1", "stream 3", "stream 5"],
    });
  });

  test("each lane has its frames and events, with what they carry", () => {
    expect(marksOf(trace, laneOf(web, 0))).toEqual([
      "0 -> SETTINGS 6",
      "1 <- SETTINGS 6",
      "1 <- WINDOW_UPDATE 4",
      "1.5 -> SETTINGS 0",
      "2 <- SETTINGS 0",
      "62 -- defence 0",
      "63 -> WINDOW_UPDATE 4",
      "63 -- ping 0",
      "80 -> GOAWAY 60",
      "100 -- close 0",
    ]);
    expect(laneOf(web, 0).details).toEqual({
      0: { INITIAL_WINDOW_SIZE: 70_000 },
      1: { INITIAL_WINDOW_SIZE: 1000 },
      2: { increment: 500 },
      3: { flags: "ACK" },
      4: { flags: "ACK" },
      5: { name: "resets", count: 7 },
      6: { increment: 800 },
      7: { rtt: 0.5 },
      8: { lastStreamId: 5, errorCode: "ENHANCE_YOUR_CALM" },
      9: { kind: "limit", code: "TOO_MANY_RESETS" },
    });
    expect(marksOf(trace, laneOf(web, 1))).toEqual([
      "10 <- HEADERS 40",
      "12 -- stall 0",
      "13 -> HEADERS 30",
      "13 -> DATA 1000",
      "50 <- WINDOW_UPDATE 4",
      "52 -> DATA 300",
    ]);
  });

  test("heads are at the HEADERS frames that carried them", () => {
    const one = laneOf(web, 1);
    expect(one.heads.map(({ what, at, method, path, status }) => [what, at, method, path, status])).toEqual([
      ["request", 10.1, "GET", "/film", undefined],
      ["response", 12, undefined, undefined, 200],
    ]);
    expect(one.details[0]).toEqual({ flags: "END_STREAM END_HEADERS", head: 0 });
    expect(one.details[2]).toEqual({ flags: "END_HEADERS", head: 1 });
    expect(laneOf(web, 3).heads[0]?.path).toBe(`/${hostile}`);
  });

  test("windows follow from DATA, WINDOW_UPDATE and SETTINGS, ours once they are acknowledged", () => {
    expect(laneOf(web, 0).windows).toEqual({
      send: [0, 65_535, 1, 66_035, 13, 65_035, 52, 64_735],
      receive: [0, 65_535, 61, 64_735, 63, 65_535],
    });
    expect(laneOf(web, 1).windows).toEqual({ send: [10, 1000, 13, 0, 50, 500, 52, 200], receive: [10, 70_000] });
    expect(laneOf(web, 3).windows).toEqual({ send: [60, 1000], receive: [60, 70_000, 61, 69_200] });
  });

  test("a stall lasts until there is a window", () => {
    expect(laneOf(web, 1).stalls).toEqual([{ from: 12, to: 50, by: "stream window" }]);
  });

  test("a lane ends with its last frame; bytes are those of DATA", () => {
    const [one, three, five] = [laneOf(web, 1), laneOf(web, 3), laneOf(web, 5)];
    expect([one.start, one.end, one.received, one.sent, one.reset]).toEqual([10, 52, 0, 1300, undefined]);
    expect([three.end, three.received, three.reset]).toEqual([62, 800, { at: 62, code: "CANCEL", by: "peer" }]);
    expect(three.failed).toEqual({ kind: "canceled", code: "CANCEL" });
    // Open to the end of the connection.
    expect([five.start, five.end, five.states]).toEqual([70, 100, []]);
  });
});

describe("an HTTP/1 connection", () => {
  const trace = read(events);
  const old = connectionOf(trace, "old");

  test("exchanges are lanes, with heads and bytes each way", () => {
    expect([old.version, old.side, old.fired]).toEqual(["HTTP/1", "server", undefined]);
    expect(old.lanes.map(({ id, kind }) => `${kind} ${id}`)).toEqual(["connection 0", "exchange 1", "exchange 2"]);
    const [, one, two] = old.lanes as [Lane, Lane, Lane];
    expect(marksOf(trace, one)).toEqual([
      "20 <- read 90",
      "20.2 <- request 0",
      "25 -> response 0",
      "25 -- end 0",
      "25.1 -> write 120",
    ]);
    expect([one.start, one.end, one.received, one.sent]).toEqual([20, 25.1, 90, 120]);
    expect(one.details).toEqual({ 1: { head: 0 }, 2: { head: 1 } });
    expect(marksOf(trace, two)).toEqual(["30 <- read 70", "30 <- request 0", "33 -> write 50"]);
    expect(two.end).toBe(40);
  });

  test("without numbers and bytes, responses are in the order of requests and nothing is said of sides", () => {
    const brief = read([
      { t: 0, ev: "request", method: "GET" },
      { t: 1, ev: "request", method: "HEAD" },
      { t: 2, ev: "interim", status: 103 },
      { t: 3, ev: "response", status: 200 },
      { t: 4, ev: "end" },
      { t: 5, ev: "response", status: 404 },
      { t: 6, ev: "end", kind: "io", code: "EPIPE" },
    ]);
    const [connection] = brief.connections as [Connection];
    expect([connection.name, connection.version, "side" in connection]).toEqual(["connection", "HTTP/1", false]);
    const heads = connection.lanes.slice(1).map((lane) => lane.heads.map(({ method, status }) => method ?? status));
    expect(heads).toEqual([
      ["GET", 103, 200],
      ["HEAD", 404],
    ]);
    expect(connection.lanes.map(({ failed }) => failed)).toEqual([undefined, undefined, { kind: "io", code: "EPIPE" }]);
  });

  test("a client writes for its last request and reads for its first", () => {
    const { connections } = read([
      { t: 0, ev: "request", exchange: 1 },
      { t: 1, ev: "write", bytes: 10 },
      { t: 2, ev: "request", exchange: 2 },
      { t: 3, ev: "write", bytes: 20 },
      { t: 4, ev: "read", bytes: 30 },
    ]);
    const [connection] = connections as [Connection];
    expect(connection.side).toBe("client");
    expect(connection.lanes.map(({ received, sent }) => [received, sent])).toEqual([
      [30, 30],
      [30, 10],
      [0, 20],
    ]);
  });

  test("a server writes the end of a response behind what tells that it is over, and after the next request", () => {
    const { connections } = read([
      { t: 0, ev: "read", bytes: 90 },
      { t: 0, ev: "request", exchange: 1 },
      { t: 1, ev: "response", exchange: 1, status: 200 },
      { t: 1, ev: "end", exchange: 1 },
      { t: 1, ev: "request", exchange: 2 },
      { t: 2, ev: "write", bytes: 10 },
      { t: 3, ev: "write", bytes: 20 },
    ]);
    expect(connections[0]?.lanes.map(({ received, sent }) => [received, sent])).toEqual([
      [90, 30],
      [90, 10],
      [0, 20],
    ]);
  });

  test("bytes that no request follows are the connection's", () => {
    const trace1 = read([
      { t: 0, ev: "read", bytes: 9 },
      { t: 1, ev: "close", kind: "parse", code: "METHOD" },
    ]);
    const [{ lanes }] = trace1.connections as [Connection];
    expect(marksOf(trace1, lanes[0] as Lane)).toEqual(["0 <- read 9", "1 -- close 0"]);
  });
});

describe("stalls", () => {
  const stallsOf = (...lines: object[]): unknown => {
    const [connection] = read([settings(0, "out"), settings(0, "in", 100), ...lines]).connections as [Connection];
    return connection.lanes.map(({ stalls }) => stalls);
  };

  test("by the connection's window, until it is given some", () => {
    const stall = { t: 1, ev: "stall", stream: 0, by: "connection window" };
    expect(stallsOf(stall, { ...stall, t: 2 }, frame(9, "in", "WINDOW_UPDATE", 0, 4, { increment: 5 }))).toEqual([
      [{ from: 1, to: 9, by: "connection window" }],
    ]);
  });

  test("by a stream's window, which SETTINGS may end, or its end", () => {
    const lines = [1, 3].flatMap((stream) => [
      frame(1, "out", "DATA", stream, 100),
      { t: 2, ev: "stall", stream, by: "stream window" },
    ]);
    const reset = frame(5, "in", "RST_STREAM", 1, 4, { errorCode: "CANCEL" });
    expect(stallsOf(...lines, reset, settings(7, "in", 101))).toEqual([
      [],
      [{ from: 2, to: 5, by: "stream window" }],
      [{ from: 2, to: 7, by: "stream window" }],
    ]);
  });

  test("not until what was taken beyond the window is given back", () => {
    const update = (t: number, increment: number): object => frame(t, "in", "WINDOW_UPDATE", 1, 4, { increment });
    const stall = { t: 2, ev: "stall", stream: 1, by: "stream window" };
    const data = frame(1, "out", "DATA", 1, 100);
    expect(stallsOf(data, stall, settings(3, "in", 50), update(4, 50), update(5, 1))).toEqual([
      [],
      [{ from: 2, to: 5, by: "stream window" }],
    ]);
  });

  test("by the limit of streams, until one is opened; by something else, to the end of the log", () => {
    expect(
      stallsOf(
        { t: 1, ev: "stall", stream: 0, by: "stream limit" },
        { t: 1, ev: "stall", stream: 0, by: "transport" },
        { t: 4, ev: "stream", stream: 1, from: "idle", to: "open" },
        { t: 6, ev: "ping", rtt: 1 },
      ),
    ).toEqual([
      [
        { from: 1, to: 4, by: "stream limit" },
        { from: 1, to: 6, by: "transport", isOpen: true },
      ],
      [],
    ]);
  });
});

describe("a connection", () => {
  test("that a log begins in the middle of has no windows and no side, and says so", () => {
    const trace = read([frame(0, "in", "HEADERS", 7), frame(1, "out", "DATA", 7, 50)]);
    const [connection] = trace.connections as [Connection];
    expect(connection.lanes.map(({ windows }) => windows)).toEqual([undefined, undefined]);
    expect("side" in connection).toBe(false);
    expect(trace.notes).toEqual([
      "The log begins in the middle of connection: of flow-control windows there nothing is known.",
    ]);
  });

  test("of a client is known by its HEADERS; its heads are the other way round", () => {
    const [connection] = read([
      settings(0, "out"),
      { t: 1, ev: "stream", stream: 1, from: "idle", to: "open" },
      { t: 1, ev: "request", exchange: 1, stream: 1, method: "GET" },
      frame(2, "out", "HEADERS", 1),
      frame(3, "in", "HEADERS", 1),
      { t: 3, ev: "response", exchange: 1, status: 204 },
    ]).connections as [Connection];
    expect(connection.side).toBe("client");
    expect(connection.lanes[1]?.details).toEqual({ 0: { head: 0 }, 1: { head: 1 } });
  });

  test("that the peer ended with an error is no defence of ours", () => {
    const [connection] = read([
      frame(1, "in", "GOAWAY", 0, 8, { errorCode: "ENHANCE_YOUR_CALM" }),
      { t: 2, ev: "close", kind: "closed", code: "GOAWAY" },
    ]).connections as [Connection];
    expect(connection.fired).toEqual({ at: 1, name: "ENHANCE_YOUR_CALM", isDefence: false });
  });

  test("that was shut down has nothing that ended it; one that a limit closed without a word has", () => {
    const fired = (...lines: object[]): unknown => read(lines).connections[0]?.fired;
    const shutdown = frame(1, "out", "GOAWAY", 0, 8, { errorCode: "NO_ERROR" });
    expect(fired(shutdown, { t: 2, ev: "close" })).toBeUndefined();
    expect(fired({ t: 2, ev: "close", kind: "limit", code: "HEAD_TOO_LARGE" })).toEqual({
      at: 2,
      name: "HEAD_TOO_LARGE",
      isDefence: true,
    });
  });

  test("whose name is used again once it was closed is another one", () => {
    const line = { c: "a", ev: "close" };
    const trace = read([
      { ...line, t: 5 },
      { ...line, t: 1 },
      { ...line, t: 2, c: "b" },
    ]);
    expect(trace.connections.map(({ name, start }) => [name, start])).toEqual([
      ["a", 5],
      ["a (2)", 1],
      ["b", 2],
    ]);
    expect([trace.start, trace.end, trace.notes]).toEqual([1, 5, []]);
  });

  test("shows events of other kinds with what they say; none of it is taken for a head", () => {
    const { kinds, connections } = read([
      { t: 1, ev: "Later", stream: 3, name: "x", count: 2, head: 0, list: [1] },
      settings(2, "in"),
      frame(3, "in", "SETTINGS", 0, 6, { settings: { head: 1, MAX_FRAME_SIZE: 2 } }),
    ]);
    expect(kinds.slice(0, 2)).toEqual(["later", "SETTINGS"]);
    expect(connections[0]?.lanes.map(({ details }) => details)).toEqual([
      { 1: { MAX_FRAME_SIZE: 2 } },
      { 0: { name: "x", count: 2 } },
    ]);
  });

  test("promises streams", () => {
    const [connection] = read([settings(0, "out"), frame(1, "out", "PUSH_PROMISE", 1, 9, { promisedStreamId: 2 })])
      .connections as [Connection];
    expect(connection.lanes.map(({ id, promisedOn }) => [id, promisedOn])).toEqual([
      [0, undefined],
      [1, undefined],
      [2, 1],
    ]);
  });

  test("windows: our SETTINGS hold from their acknowledgments on, one after the other", () => {
    const [connection] = read([
      settings(0, "out", 10),
      settings(1, "out"),
      settings(2, "out", 30),
      frame(3, "in", "HEADERS", 1),
      ack(4, "in"),
      ack(5, "in"),
      ack(6, "in"),
    ]).connections as [Connection];
    expect(connection.lanes[1]?.windows?.receive).toEqual([3, 65_535, 4, 10, 6, 30]);
  });
});

describe("what cannot be read", () => {
  test("is counted and named with its line; the rest is read", () => {
    const trace = read(linesOf(text));
    expect(trace.problems).toEqual({
      count: 2,
      first: [
        { line: 3, why: "is not JSON", text: "{ oops" },
        { line: 4, why: "has no time `t`", text: '{"t":"late","ev":"in"}' },
      ],
    });
    expect(trace.events).toBe(events.length);
    expect({ ...trace, problems: 0 }).toEqual({ ...read(events), problems: 0 });
  });

  test("each reason", () => {
    const lines = [
      "7",
      "[]",
      "null",
      "{}",
      '{"t":1e999,"ev":"x"}',
      '{"t":1}',
      '{"t":1,"ev":"x","c":{}}',
      '{"t":1,"ev":"x","stream":-1}',
      '{"t":1,"ev":"x","stream":1.5}',
      '{"t":1,"ev":"x","stream":2147483648}',
      '{"t":1,"ev":"x","exchange":0}',
      '{"t":1,"ev":"in"}',
      `"${"x".repeat(1 << 20)}"`,
    ];
    expect(read(lines).problems.first.map(({ why }) => why)).toEqual([
      "is not an object",
      "is not an object",
      "is not an object",
      "has no time `t`",
      "has no time `t`",
      "has no kind `ev`",
      "has a connection `c` that is no name",
      "has a `stream` that is no stream identifier",
      "has a `stream` that is no stream identifier",
      "has a `stream` that is no stream identifier",
      "has an `exchange` that is no number",
      "has a frame without a `type`",
      "is longer than 1 MiB",
    ]);
  });

  test("only the first hundred are named, and long ones shortened", () => {
    const trace = read(Array.from({ length: 150 }, () => "x".repeat(500)));
    expect([trace.problems.count, trace.problems.first.length]).toEqual([150, 100]);
    expect(trace.problems.first[99]).toEqual({
      line: 100,
      why: "is not JSON",
      text: `${"x".repeat(160)}… (340 more)`,
    });
  });

  test("empty lines are nothing; an empty log is an empty trace", () => {
    expect(read(linesOf("\n  \r\n\n"))).toEqual({
      title: "t",
      start: 0,
      end: 0,
      kinds: [],
      connections: [],
      events: 0,
      leftOut: 0,
      problems: { count: 0, first: [] },
      notes: [],
    });
  });
});

describe("limits", () => {
  test("events beyond the most are counted and said to be left out", () => {
    const trace = read([...Array.from({ length: 12 }, (_, t) => ({ t, ev: "ping", rtt: 1 })), ""], 10);
    expect([trace.events, trace.leftOut, trace.end]).toEqual([10, 2, 9]);
    expect(trace.notes).toEqual(["Only the first 10 events are shown; 2 lines behind them were left out."]);
    expect(read([{ t: 0, ev: "ping" }], 1).notes).toEqual([]);
  });

  test("time that goes back is held", () => {
    const trace = read([5, 3, 7].map((t) => ({ t, ev: "ping" })));
    expect(marksOf(trace, trace.connections[0]?.lanes[0] as Lane)).toEqual([
      "5 -- ping 0",
      "5 -- ping 0",
      "7 -- ping 0",
    ]);
    expect(trace.notes).toEqual(["1 event went back in time and are shown at the time of the one before."]);
  });

  test("SETTINGS that move many streams again and again cost no more than a log is long", () => {
    const streams = Array.from({ length: 1000 }, (_, index) => frame(1, "in", "HEADERS", index * 2 + 1));
    const flood = Array.from({ length: 1000 }, (_, index) => settings(2 + index, "in", index));
    const data = Array.from({ length: 1000 }, (_, index) => frame(2000 + index, "out", "DATA", index * 2 + 1, 1));
    const trace = read([settings(0, "out"), ...streams, ...flood, ...data], 3001);
    expect(trace.notes).toEqual(["Curves of flow-control windows were cut short: they have more steps than are kept."]);
    const points = trace.connections[0]?.lanes.reduce((sum, { windows }) => sum + (windows?.send.length ?? 0) / 2, 0);
    expect(points).toBe(4 * 3001 + 1001);
  });

  test("types of frames that nobody knows are told apart up to a number", () => {
    const trace = read(Array.from({ length: 100 }, (_, t) => frame(t, "in", `type ${t}`, 0)));
    expect([trace.kinds.length, trace.kinds[63], trace.kinds[64]]).toEqual([65, "type 63", "other"]);
  });

  test("any JSON gives a trace that is JSON, with times that ascend", () => {
    const event = fc.record(
      {
        t: fc.oneof({ weight: 5, arbitrary: fc.nat(50) }, fc.double()),
        c: fc.oneof(fc.constantFrom("a", "b"), fc.jsonValue()),
        ev: fc.oneof(
          fc.constantFrom(
            "in",
            "out",
            "stream",
            "stall",
            "defence",
            "request",
            "response",
            "end",
            "read",
            "write",
            "close",
          ),
          fc.string(),
        ),
        type: fc.oneof(fc.constantFrom("DATA", "HEADERS", "SETTINGS", "WINDOW_UPDATE", "RST_STREAM"), fc.jsonValue()),
        stream: fc.oneof(fc.nat(4), fc.jsonValue()),
        length: fc.oneof(fc.nat(), fc.jsonValue()),
        flags: fc.oneof(fc.constantFrom([], ["ACK"]), fc.jsonValue()),
        settings: fc.oneof(fc.record({ INITIAL_WINDOW_SIZE: fc.nat() }), fc.jsonValue()),
        fields: fc.jsonValue(),
        to: fc.oneof(fc.constantFrom("open", "closed"), fc.jsonValue()),
        by: fc.oneof(fc.constantFrom("stream window", "connection window"), fc.jsonValue()),
        exchange: fc.nat(3),
        bytes: fc.nat(),
        increment: fc.nat(),
      },
      { requiredKeys: ["t", "ev"] },
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (lines) => {
        const trace = read(lines.map((line) => JSON.stringify(line)));
        expect(trace.events + trace.problems.count).toBe(lines.length);
        expect(JSON.parse(JSON.stringify(trace))).toEqual(trace);
        for (const { lanes } of trace.connections) {
          for (const { marks, stalls } of lanes) {
            for (let at = markNumbers; at < marks.length; at += markNumbers) {
              expect(marks[at]).toBeGreaterThanOrEqual(marks[at - markNumbers] as number);
            }
            for (const { from, to } of stalls) expect(to).toBeGreaterThanOrEqual(from);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});
