// Requests on connections of HTTP/1.1, with as little work of its own as possible and nothing of Sluice: for what wrk cannot
// do, and in its place where it is missing.
// `node h1.mjs --port N [--connections 64] [--active all] [--depth 1] [--upload BYTES] [--header "NAME: VALUE"]...
// [--seconds 1] [--pid N]` prints one line of JSON.
//
// `--active` requests at a time go over all connections in turn, `--depth` at once on one. With `--pid`, what is measured
// begins a third of the time later, and the processor time of that process is told.
//
// All responses of a connection are taken to be as long as its first; each has to begin with `HTTP/1.1 200`.

import { once } from "node:events";
import { connect } from "node:net";
import { parseArgs } from "node:util";
import { Histogram } from "../lib/histogram.mjs";
import { cpuSeconds } from "../lib/process.mjs";

const { values } = parseArgs({
  options: {
    port: { type: "string" },
    connections: { type: "string", default: "64" },
    active: { type: "string" },
    depth: { type: "string", default: "1" },
    upload: { type: "string" },
    header: { type: "string", multiple: true, default: [] },
    seconds: { type: "string", default: "1" },
    pid: { type: "string" },
  },
});
const [port, count, depth, seconds] = [values.port, values.connections, values.depth, values.seconds].map(Number);
const active = Math.min(count, Number(values.active ?? count));
/** Opened at a time: less than what the kernel queues for a listener. */
const batch = 100;
/** Beyond these the run ends, whatever the time. */
const maxRequests = 100_000_000;
const waitMs = 100;
const mostWaits = 100;

const wanted = Buffer.from("HTTP/1.1 200");
const headEnd = Buffer.from("\r\n\r\n");
const lastChunk = Buffer.from("\r\n0\r\n\r\n");
const fields = ["host: 127.0.0.1", ...values.header];
const content = values.upload === undefined ? undefined : Buffer.alloc(Number(values.upload), "x");
if (content !== undefined) fields.push("content-type: application/octet-stream", `content-length: ${content.length}`);
const head = `${content === undefined ? "GET" : "POST"} / HTTP/1.1\r\n${fields.join("\r\n")}\r\n\r\n`;
const requestsAtOnce = Buffer.from(head.repeat(depth));

const latencies = new Histogram();
let requests = 0;
let errors = 0;
let why;
let isOver = false;
let turn = 0;
const connections = [];

class ClientConnection {
  #socket = connect({ port, host: "127.0.0.1", noDelay: true });
  #responseLength = 0;
  #first = Buffer.alloc(0);
  #received = 0;
  #missing = 0;
  #askedAt = 0;

  async open() {
    this.#socket.on("error", (error) => failed(error.message));
    await once(this.#socket, "connect");
    this.#socket.on("data", (chunk) => this.#take(chunk));
    this.#socket.on("close", () => isOver || failed("closed"));
  }

  ask() {
    this.#missing = depth;
    this.#askedAt = performance.now();
    if (content === undefined) return void this.#socket.write(requestsAtOnce);
    this.#socket.cork();
    this.#socket.write(requestsAtOnce);
    this.#socket.write(content);
    this.#socket.uncork();
  }

  #take(chunk) {
    if (this.#responseLength === 0) {
      this.#first = Buffer.concat([this.#first, chunk]);
      this.#responseLength = lengthOf(this.#first);
      if (this.#responseLength === 0) return;
      this.#received = 0;
      return this.#count(this.#first);
    }
    this.#count(chunk);
  }

  #count(chunk) {
    const startsAt = this.#received === 0 ? 0 : this.#responseLength - this.#received;
    for (let at = startsAt; at + wanted.length <= chunk.length; at += this.#responseLength) {
      if (chunk.compare(wanted, 0, wanted.length, at, at + wanted.length) !== 0) failed("another answer than 200");
    }
    this.#received += chunk.length;
    const responses = Math.floor(this.#received / this.#responseLength);
    this.#received -= responses * this.#responseLength;
    if (responses === 0) return;
    requests += responses;
    const micros = (performance.now() - this.#askedAt) * 1000;
    for (let i = 0; i < responses; i++) latencies.add(micros);
    this.#missing -= responses;
    if (this.#missing < 0) failed("more responses than requests");
    else if (this.#missing === 0) askNext(this);
  }
}

/** The length of the first response in `bytes`; 0 if that is not all there. */
function lengthOf(bytes) {
  const end = bytes.indexOf(headEnd);
  if (end < 0) return 0;
  const length = /^content-length: *(\d+)$/im.exec(bytes.latin1Slice(0, end))?.[1];
  if (length !== undefined) return end + headEnd.length + Number(length);
  const last = bytes.indexOf(lastChunk, end);
  return last < 0 ? 0 : last + lastChunk.length;
}

/** Connections with nothing to do; the one at `turn` has rested longest. */
const resting = [];

/** `done` rests, and the connection that has rested longest goes on; that is the same one if none rests. */
function askNext(done) {
  if (isOver || requests >= maxRequests) return;
  if (resting.length === 0) return done.ask();
  const next = resting[turn];
  resting[turn] = done;
  turn = (turn + 1) % resting.length;
  next.ask();
}

function failed(reason) {
  why ??= reason;
  errors++;
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

while (connections.length < count) {
  const more = Array.from({ length: Math.min(batch, count - connections.length) }, () => new ClientConnection());
  await Promise.all(more.map((connection) => connection.open()));
  connections.push(...more);
}
resting.push(...connections.slice(active));
for (const connection of connections.slice(0, active)) connection.ask();
if (values.pid !== undefined) await sleep((seconds * 1000) / 3);
latencies.clear();
const cpuNow = () => (values.pid === undefined ? Number.NaN : cpuSeconds(values.pid));
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
console.log(JSON.stringify({ ...measured, errors, why, ...latencies.percentiles() }));
process.exit();
