/**
 * The vocabulary of the conformance cases. Nothing here, and nothing in a case, names a runtime.
 *
 * What a runtime brings is `{ listen, connect, timer }`: `listen(onConnection)` resolves with `{ port, close() }` and calls
 * `onConnection(io)` for each connection; `connect(port)` resolves with an `Io`. A server may run in an event of its own
 * whose sockets and clock others may not touch, as in workerd. So a server is told what to do by requests, and what it has
 * seen is noted in plain arrays that the case looks at from time to time.
 */
import { collect, fromIterable, full, HeaderMap, withTrailers } from "@sluice/body";
import { HttpError, HttpRequest, HttpResponse, serviceFn } from "@sluice/core";

export const mebibyte = 1 << 20;

/** How long anything may take until the case says so. */
const patienceMs = 5_000;

export class Kit {
  constructor(runtime) {
    this.runtime = runtime;
    this.timer = runtime.timer;
  }

  /** Serves connections by `serve(io)` while `use(port)` runs. */
  async serving(serve, use) {
    const server = await this.runtime.listen(serve);
    try {
      return await use(server.port);
    } finally {
      await server.close();
    }
  }

  connect(port) {
    return this.runtime.connect(port);
  }

  sleep(delayMs) {
    return new Promise((resolve) => this.timer.schedule(delayMs, resolve));
  }

  /** Waits until `condition` holds. */
  async until(condition) {
    const start = this.timer.now();
    while (!condition()) {
      if (this.timer.now() - start > patienceMs) throw new Error(`waited in vain for ${condition}`);
      await this.sleep(10);
    }
  }

  /** What `promise` comes to, unless it takes too long. */
  async within(promise) {
    let alarm;
    const late = new Promise((resolve) => {
      alarm = this.timer.schedule(patienceMs, () => resolve("took too long"));
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      alarm.cancel();
    }
  }
}

export const get = (path, headers) => HttpRequest.get(path, { host: "a.test", ...headers });
export const post = (path, body, headers) => HttpRequest.post(path, body, { host: "a.test", ...headers });

export const text = (message) => collect(message.body).text();

export const answer = (body, headers) => new HttpResponse(200, headers, full(body));

export const service = (call) => serviceFn(call);

/** `closed` or the kind of error that a connection ended with. */
export function ending(connection) {
  return connection.closed.then(
    () => "closed",
    (error) => (HttpError.is(error) ? error.kind : String(error)),
  );
}

/** What a promise was rejected with, as `kind CODE`. */
export async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return HttpError.is(error) ? `${error.kind} ${error.code}` : String(error);
  }
  return "not refused";
}

/** Octets in which no stretch of up to 64 KiB is like the one before. */
export function octets(length, seed = 1) {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** FNV-1a of octets: equal contents, equal numbers. */
export function checksum(bytes) {
  let sum = 0x811c9dc5;
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193);
  return sum >>> 0;
}

export const latin1 = (value) => Uint8Array.from(value, (char) => char.charCodeAt(0));

/** A body of several chunks and trailers, of no length known beforehand. */
export function chunkedBody(chunks, trailers) {
  return withTrailers(fromIterable(chunks), new HeaderMap(trailers));
}

/** The next chunk; null at the end; the kind of an error. */
export function read(io) {
  return new Promise((resolve) => {
    io.read((chunk, error) => resolve(error === undefined ? chunk : (error.kind ?? String(error))));
  });
}

/** Everything until the end, as text; what ended it otherwise comes behind. */
export async function readAll(io) {
  let all = "";
  for (;;) {
    const chunk = await read(io);
    if (chunk === null) return all;
    if (typeof chunk === "string") return `${all}<${chunk}>`;
    for (let i = 0; i < chunk.length; i += 4096) all += String.fromCharCode(...chunk.subarray(i, i + 4096));
  }
}

export function shutdown(io) {
  return new Promise((resolve) => io.shutdown((error) => resolve(error === undefined ? "ended" : error.kind)));
}
