/** A log by hand: two connections with something of everything, and texts of a peer that means harm. */

export const hostile = `"></script><script>window.harm = 1</script><img src="x" onerror="window.harm = 2"><!--\u2028\u202e`;

const request = { ev: "request", method: "GET", scheme: "http", authority: "a.example" };

/** What is told of a stream that is closed by its end. */
const ended = { ev: "stream", from: "half-closed (remote)", to: "closed by END_STREAM" };

const web: readonly object[] = [
  { t: 0, ev: "out", type: "SETTINGS", stream: 0, flags: [], length: 6, settings: { INITIAL_WINDOW_SIZE: 70_000 } },
  { t: 1, ev: "in", type: "SETTINGS", stream: 0, flags: [], length: 6, settings: { INITIAL_WINDOW_SIZE: 1000 } },
  { t: 1, ev: "in", type: "WINDOW_UPDATE", stream: 0, flags: [], length: 4, increment: 500 },
  { t: 1.5, ev: "out", type: "SETTINGS", stream: 0, flags: ["ACK"], length: 0 },
  { t: 2, ev: "in", type: "SETTINGS", stream: 0, flags: ["ACK"], length: 0 },
  { t: 10, ev: "in", type: "HEADERS", stream: 1, flags: ["END_STREAM", "END_HEADERS"], length: 40 },
  { t: 10, ev: "stream", stream: 1, from: "idle", to: "half-closed (remote)" },
  {
    ...request,
    t: 10.1,
    exchange: 1,
    stream: 1,
    path: "/film",
    fields: [
      ["accept", "video/*"],
      ["cookie", "[sensitive]"],
    ],
  },
  {
    t: 12,
    ev: "response",
    status: 200,
    exchange: 1,
    fields: [
      ["content-type", "video/mp4"],
      ["x-note", hostile],
    ],
  },
  { t: 12, ev: "stall", stream: 1, by: "stream window" },
  { t: 13, ev: "out", type: "HEADERS", stream: 1, flags: ["END_HEADERS"], length: 30 },
  { t: 13, ev: "out", type: "DATA", stream: 1, flags: [], length: 1000 },
  { t: 50, ev: "in", type: "WINDOW_UPDATE", stream: 1, flags: [], length: 4, increment: 500 },
  { ...ended, t: 51, stream: 1 },
  { t: 51, ev: "end", exchange: 1 },
  { t: 52, ev: "out", type: "DATA", stream: 1, flags: ["END_STREAM"], length: 300 },
  { t: 60, ev: "in", type: "HEADERS", stream: 3, flags: ["END_HEADERS"], length: 40 },
  { t: 60, ev: "stream", stream: 3, from: "idle", to: "open" },
  { ...request, t: 60, method: "POST", exchange: 2, stream: 3, path: `/${hostile}`, fields: [] },
  { t: 61, ev: "in", type: "DATA", stream: 3, flags: [], length: 800 },
  { t: 62, ev: "in", type: "RST_STREAM", stream: 3, flags: [], length: 4, errorCode: "CANCEL" },
  { t: 62, ev: "defence", name: "resets", count: 7 },
  { t: 62, ev: "stream", stream: 3, from: "open", to: "closed by the RST_STREAM received" },
  { t: 62, ev: "end", exchange: 2, kind: "canceled", code: "CANCEL" },
  { t: 63, ev: "out", type: "WINDOW_UPDATE", stream: 0, flags: [], length: 4, increment: 800 },
  { t: 63, ev: "ping", rtt: 0.5 },
  { t: 70, ev: "in", type: "HEADERS", stream: 5, flags: ["END_STREAM", "END_HEADERS"], length: 20 },
  {
    t: 80,
    ev: "out",
    type: "GOAWAY",
    stream: 0,
    flags: [],
    length: 60,
    lastStreamId: 5,
    errorCode: "ENHANCE_YOUR_CALM",
  },
  { t: 100, ev: "close", kind: "limit", code: "TOO_MANY_RESETS" },
].map((event) => ({ c: "web", ...event }));

const old: readonly object[] = [
  { t: 20, ev: "read", bytes: 90 },
  {
    t: 20.2,
    ev: "request",
    method: "GET",
    exchange: 1,
    authority: "a.example",
    path: "/old",
    fields: [["host", "a.example"]],
  },
  { t: 25, ev: "response", status: 200, exchange: 1, fields: [["content-length", "5"]] },
  { t: 25, ev: "end", exchange: 1 },
  { t: 25.1, ev: "write", bytes: 120 },
  { t: 30, ev: "read", bytes: 70 },
  { t: 30, ev: "request", method: "GET", exchange: 2, path: "/older", fields: [] },
  { t: 33, ev: "write", bytes: 50 },
  { t: 40, ev: "close", kind: "io", code: "ECONNRESET" },
].map((event) => ({ c: "old", ...event }));

export const events: readonly object[] = [...web, ...old];

/** Two lines that cannot be read: 3 and 4. */
export const text: string = events
  .map((event) => JSON.stringify(event))
  .toSpliced(2, 0, "{ oops", '{"t":"late","ev":"in"}')
  .join("\n");
