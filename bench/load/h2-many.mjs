// What a request costs a server beside many others. Requests go over all connections in turn; with `--held` more streams
// per connection are open meanwhile, whose requests never end, and `--active` says how many are under way at a time.
// `node h2-many.mjs --port N [--pid N] [--connections 1] [--held 0] [--active 1] [--seconds 1]` prints one line of JSON, with
// the processor time that the process with that pid took for the requests alone.

import { once } from "node:events";
import { connect } from "node:net";
import { parseArgs } from "node:util";
import { FrameReader, get, openPost, preface } from "../lib/h2-frames.mjs";
import { cpuSeconds } from "../lib/process.mjs";

const { values } = parseArgs({
  options: {
    port: { type: "string" },
    pid: { type: "string" },
    connections: { type: "string", default: "1" },
    held: { type: "string", default: "0" },
    active: { type: "string", default: "1" },
    seconds: { type: "string", default: "1" },
  },
});
const {
  port,
  pid,
  connections: count,
  held,
  active,
  seconds,
} = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value)]));
/** Opened at a time: less than what the kernel queues for a listener. */
const batch = 100;
/** Beyond these the run ends, whatever the time: identifiers of a connection's streams are finite. */
const maxRequests = 100_000_000;
const waitMs = 100;
const mostWaits = 100;

let requests = 0;
let errors = 0;
let why;
let isOver = false;
const connections = [];
let turn = 0;

class ClientConnection {
  #socket = connect({ port, host: "127.0.0.1", noDelay: true });
  #frames;
  #streamId = 1;
  #out = [];

  async open() {
    await once(this.#socket, "connect");
    const acknowledged = new Promise((resolve) => {
      this.#frames = new FrameReader(this.#socket, { acknowledged: resolve, ended: responded, failed });
    });
    this.#socket.on("data", (chunk) => {
      this.#frames.read(chunk);
      flushAll();
    });
    this.#socket.on("error", (error) => failed(error.message));
    this.#socket.on("close", () => failed("closed"));
    this.#socket.write(preface);
    await acknowledged;
    for (let i = 0; i < held; i++) this.#out.push(openPost(this.#nextId()));
    this.flush();
  }

  ask() {
    if (this.#out.length === 0) toFlush.push(this);
    this.#out.push(get(this.#nextId()));
  }

  flush() {
    if (this.#out.length > 0) this.#socket.write(this.#out.length === 1 ? this.#out[0] : Buffer.concat(this.#out));
    this.#out = [];
  }

  #nextId() {
    const id = this.#streamId;
    this.#streamId += 2;
    return id;
  }
}

/** The connections with something to write: what is asked for in one turn leaves in one write. */
let toFlush = [];

function flushAll() {
  const now = toFlush;
  toFlush = [];
  for (const connection of now) connection.flush();
}

function askNext() {
  connections[turn].ask();
  turn = (turn + 1) % connections.length;
}

function responded() {
  requests++;
  if (!isOver && requests < maxRequests) askNext();
}

function failed(reason) {
  why ??= reason;
  errors++;
}

while (connections.length < count) {
  const more = Array.from({ length: Math.min(batch, count - connections.length) }, () => new ClientConnection());
  await Promise.all(more.map((connection) => connection.open()));
  connections.push(...more);
}
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
for (let i = 0; i < active; i++) askNext();
flushAll();
// A third of the time for the server to warm up.
await sleep((seconds * 1000) / 3);
const cpuNow = () => (values.pid === undefined ? Number.NaN : cpuSeconds(pid));
const [requestsBefore, cpuBefore, start] = [requests, cpuNow(), performance.now()];
await sleep(seconds * 1000);
// On a busy machine a short time may be too short for a single exchange.
for (let waited = 0; requests === requestsBefore && waited < mostWaits; waited++) await sleep(waitMs);
const measured = {
  requests: requests - requestsBefore,
  seconds: (performance.now() - start) / 1000,
  cpuSeconds: cpuNow() - cpuBefore,
};
isOver = true;
if (measured.requests === 0) failed("no response at all");
console.log(JSON.stringify({ ...measured, errors, why }));
process.exit();
