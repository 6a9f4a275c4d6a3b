/**
 * Exchanges between a server and a client on a transport and a clock of their own, for an environment that has nothing but
 * ECMAScript and what the engine is allowed to ask for. It is bundled with the engine and run by `no-node-globals.test.ts`.
 */
import { collect, fromIterable, full, HeaderMap, withTrailers } from "@sluice/body";
import {
  type Alarm,
  HttpError,
  HttpRequest,
  HttpResponse,
  type Io,
  type ReadDone,
  sendInformational,
  serviceFn,
  type Timer,
} from "@sluice/core";
import * as http1 from "@sluice/core/http1";

/** One direction: chunks on their way to whoever reads. */
class Direction {
  readonly #chunks: (Uint8Array | null)[] = [];
  #reader: ReadDone | undefined;
  broken = false;

  put(chunk: Uint8Array | null): void {
    this.#chunks.push(chunk);
    this.#deliver();
  }

  read(done: ReadDone): void {
    this.#reader = done;
    this.#deliver();
  }

  fail(): void {
    this.broken = true;
    this.#deliver();
  }

  #deliver(): void {
    const done = this.#reader;
    if (done === undefined) return;
    const [chunk] = this.#chunks;
    if (this.broken) {
      this.#reader = undefined;
      queueMicrotask(() => done(null, new Error("the other end has gone")));
    } else if (chunk !== undefined) {
      this.#reader = undefined;
      // The end stays, to be read again.
      if (chunk !== null) this.#chunks.shift();
      queueMicrotask(() => done(chunk));
    }
  }
}

class BareIo implements Io {
  readonly #incoming: Direction;
  readonly #outgoing: Direction;
  #ended = false;

  constructor(incoming: Direction, outgoing: Direction) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  read(done: ReadDone): void {
    this.#incoming.read(done);
  }

  write(chunks: readonly Uint8Array[]): boolean {
    for (const chunk of chunks) this.#outgoing.put(chunk);
    return !this.#outgoing.broken;
  }

  drained(done: (error?: unknown) => void): void {
    queueMicrotask(() => done());
  }

  shutdown(done: (error?: unknown) => void): void {
    this.#ended = true;
    this.#outgoing.put(null);
    queueMicrotask(() => done());
  }

  abort(): void {
    this.#incoming.fail();
    if (!this.#ended) this.#outgoing.fail();
  }
}

class BareTimer implements Timer {
  #nowMs = 0;
  #alarms: { readonly at: number; readonly task: () => void }[] = [];

  now(): number {
    return this.#nowMs;
  }

  schedule(delayMs: number, task: () => void): Alarm {
    const alarm = { at: this.#nowMs + delayMs, task };
    this.#alarms.push(alarm);
    return {
      cancel: () => {
        this.#alarms = this.#alarms.filter((other) => other !== alarm);
      },
    };
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    const due = this.#alarms.filter((alarm) => alarm.at <= this.#nowMs);
    this.#alarms = this.#alarms.filter((alarm) => alarm.at > this.#nowMs);
    for (const { task } of due) task();
  }
}

/** What happened, line by line. */
export async function run(): Promise<string[]> {
  const log: string[] = [];
  const timer = new BareTimer();
  const [forth, back] = [new Direction(), new Direction()];
  const service = serviceFn(async (request) => {
    if (request.target.path === "/stuck") return new Promise<never>(() => {});
    const collected = collect(request.body);
    const text = await collected.text();
    log.push(`${request.method} ${request.target.path} ${text} ${(await collected.trailers())?.get("x-sum")}`);
    sendInformational(request, 103, { link: "</a>" });
    const trailers = new HeaderMap({ "x-length": String(text.length) });
    const body = withTrailers(fromIterable([text, "!"]), trailers);
    return new HttpResponse(200, { trailer: "x-length", "x-obs": "\xe9" }, body);
  });
  const server = http1.serve(new BareIo(forth, back), service, { timer });
  const { sender, connection } = await http1.handshake(new BareIo(back, forth), { timer });

  const onInformational = (status: number): void => void log.push(String(status));
  const upload = withTrailers(fromIterable(["héllo"]), new HeaderMap({ "x-sum": "5" }));
  const headers = { host: "a", te: "trailers", trailer: "x-sum", expect: "100-continue" };
  const first = await sender.send(HttpRequest.post("/a", upload, headers), { onInformational });
  const content = collect(first.body);
  log.push(`${first.status} ${first.reason} ${first.headers.get("x-obs")} ${await content.text()}`);
  log.push(`${(await content.trailers())?.get("x-length")} ${first.headers.has("date")}`);

  const second = await sender.send(HttpRequest.put("/b", full("known"), { host: "a" }));
  log.push(`${second.status} ${await collect(second.body).text()}`);

  const controller = new AbortController();
  const third = sender.send(HttpRequest.get("/stuck", { host: "a" }), { signal: controller.signal });
  queueMicrotask(() => controller.abort());
  log.push(await third.then(String, (error: HttpError) => `${error.kind} ${error.code}`));
  timer.advance(100_000);
  for (const closed of [connection.closed, server.closed]) {
    log.push(await closed.then(String, (error: unknown) => `closed ${HttpError.find(error)?.kind}`));
  }
  return log;
}
