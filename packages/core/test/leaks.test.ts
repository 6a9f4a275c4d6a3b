/**
 * Ten thousand connections over real sockets, most of them cut off at some bad moment, leave nothing behind: no alarm, no
 * handle, no listener, no rejection, no object.
 */
import { getEventListeners, setMaxListeners } from "node:events";
import { connect, type Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { collect, fromIterable, full } from "@sluice/body";
import {
  type Alarm,
  HttpRequest,
  HttpResponse,
  type Io,
  serviceFn,
  type Timer,
  type Upgraded,
  upgradeOn,
} from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import { type Listener, listen, nodeIo, nodeTimer } from "@sluice/util/node";
import { expect, test } from "vitest";

const connections = 9000;
const atOnce = 100;
/** Belong to the ten thousand, but come before the first count. */
const warmUp = 1000;

/** Counts the alarms that are set. */
class CountingTimer implements Timer {
  readonly #alarms = new Set<object>();

  get pending(): number {
    return this.#alarms.size;
  }

  now(): number {
    return nodeTimer.now();
  }

  schedule(delayMs: number, task: () => void): Alarm {
    const key = {};
    this.#alarms.add(key);
    const alarm = nodeTimer.schedule(delayMs, () => {
      this.#alarms.delete(key);
      task();
    });
    return {
      cancel: () => {
        this.#alarms.delete(key);
        alarm.cancel();
      },
    };
  }
}

/** Counts objects that have not been collected. */
class Census {
  alive = 0;
  readonly #registry = new FinalizationRegistry<undefined>(() => {
    this.alive--;
  });

  add(object: object): void {
    this.alive++;
    this.#registry.register(object, undefined);
  }
}

const timer = new CountingTimer();
const census = new Census();
/** One signal for all requests: what a connection hangs on it must come off again. */
const { signal } = new AbortController();
setMaxListeners(0, signal);

function* megabytes(): Generator<Uint8Array> {
  for (let i = 0; i < 32; i++) yield new Uint8Array(65_536);
}

const service = serviceFn(async (request) => {
  census.add(request);
  request.signal.addEventListener("abort", () => {});
  switch (request.target.path) {
    case "/long":
      return new HttpResponse(200, {}, fromIterable(megabytes()));
    case "/upgrade":
      upgradeOn(request).then(echo, () => {});
      return new HttpResponse(101, { upgrade: "echo" });
    default:
      await collect(request.body).bytes();
      return new HttpResponse(200, {}, full("hello"));
  }
});

function echo(io: Upgraded): void {
  census.add(io);
  io.read((chunk) => {
    if (chunk === null) {
      io.abort();
      return;
    }
    io.write([chunk]);
    echo(io);
  });
}

class ServerSide {
  accepted = 0;
  closed = 0;
  readonly #listener: Listener;

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  async serve(): Promise<void> {
    for await (const io of this.#listener) {
      this.accepted++;
      const connection = http1.serve(io, service, { timer, lingerTimeoutMs: 100 });
      census.add(connection);
      const closed = (): void => void this.closed++;
      connection.closed.then(closed, closed);
    }
  }
}

/** The ways in which a client can behave; each resolves when its socket is gone. */
type Behaviour = (port: number) => Promise<void>;

function raw(text: string, until: (received: string) => boolean, end: (socket: Socket) => void): Behaviour {
  return (port) =>
    new Promise((resolve) => {
      const socket = connect({ port, host: "127.0.0.1" });
      let received = "";
      let ended = false;
      const look = (): void => {
        if (ended || !until(received)) return;
        ended = true;
        end(socket);
      };
      socket.on("error", () => {});
      socket.on("close", () => resolve());
      socket.on("data", (chunk) => {
        if (received.length < 1000) received += chunk.toString("latin1");
        look();
      });
      socket.on("connect", () => socket.write(text, look));
    });
}

const reset = (socket: Socket): void => void socket.resetAndDestroy();
const atOnceSent = (): boolean => true;

function bySluice(
  path: string,
  use: (response: HttpResponse, connection: http1.Handshake) => Promise<void>,
): Behaviour {
  return (port) =>
    new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1" });
      socket.on("close", () => resolve());
      const io: Io = nodeIo(socket);
      const run = async (): Promise<void> => {
        const made = await http1.handshake(io, { timer, lingerTimeoutMs: 100 });
        census.add(made.connection);
        const headers = { host: "a", ...(path === "/upgrade" && { upgrade: "echo" }) };
        const response = await made.sender.send(HttpRequest.get(path, headers), { signal });
        await use(response, made);
      };
      run().catch(reject);
    });
}

const head = (line: string, more = ""): string => `${line} HTTP/1.1\r\nhost: a\r\n${more}\r\n`;

const behaviours: readonly Behaviour[] = [
  // Cut off: at once, in the head, in the body, between the request and its answer, in the answer, when idle.
  raw("", atOnceSent, reset),
  raw("GET / HTTP/1.1\r\nho", atOnceSent, reset),
  raw(`${head("POST /", "content-length: 100\r\n")}abc`, atOnceSent, reset),
  raw(head("GET /"), atOnceSent, reset),
  raw(head("GET /long"), (received) => received.includes("\r\n\r\n"), reset),
  raw(head("GET /"), (received) => received.endsWith("hello"), reset),
  // The stream ended: in the head, in the body, when idle.
  raw("GET / HT", atOnceSent, (socket) => void socket.end()),
  raw(`${head("POST /", "transfer-encoding: chunked\r\n")}3\r\nab`, atOnceSent, (socket) => void socket.end()),
  raw(
    head("GET /"),
    (received) => received.endsWith("hello"),
    (socket) => void socket.end(),
  ),
  // Nonsense, and a peer that waits for the end.
  raw(
    "\x16\x03\x01\x02",
    () => false,
    () => {},
  ),
  // After an upgrade.
  raw(
    `${head("GET /upgrade", "upgrade: echo\r\nconnection: upgrade\r\n")}ping`,
    (received) => received.endsWith("ping"),
    reset,
  ),
  raw(head("GET /upgrade", "upgrade: echo\r\nconnection: upgrade\r\n"), (received) => received.includes("101"), reset),
  // Clients of our own: upgraded, to the end, given up in the middle, canceled, shut down.
  bySluice("/upgrade", async (response) => {
    const io = await upgradeOn(response);
    census.add(io);
    io.write([Uint8Array.of(1, 2, 3)]);
    io.read(() => io.abort());
  }),
  bySluice("/", async (response, { connection }) => {
    expect(await collect(response.body).text()).toBe("hello");
    connection.gracefulShutdown();
  }),
  bySluice("/long", async (response, { connection }) => {
    await response.body.frame();
    connection.abort();
  }),
  bySluice("/long", async (response) => response.body.cancel()),
  bySluice("/", async (response, { connection }) => {
    connection.gracefulShutdown();
    await collect(response.body).bytes();
  }),
];

async function run(port: number, count: number): Promise<void> {
  let started = 0;
  const lane = async (): Promise<void> => {
    while (started < count) await behaviours[started++ % behaviours.length]?.(port);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

function gc(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

/** Waits until `condition` holds, but not for ever. */
async function eventually(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
}

function handles(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return {
    sockets: counts["TCPSocketWrap"] ?? 0,
    servers: counts["TCPServerWrap"] ?? 0,
    immediates: counts["Immediate"] ?? 0,
  };
}

function listeners(): number {
  return process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
}

test("ten thousand connections, cut off at every stage, leave nothing behind", async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  const listener = listen({ port: 0, host: "127.0.0.1", timer });
  const { port } = await listener.ready;
  const server = new ServerSide(listener);
  const serving = server.serve();
  const calm = (): boolean => server.closed === server.accepted && timer.pending === 0;

  await run(port, warmUp);
  await eventually(() => calm() && handles()["sockets"] === 0);
  gc();
  const before = { handles: handles(), listeners: listeners() };
  const heapBefore = process.memoryUsage().heapUsed;

  await run(port, connections);
  // A reset may overtake the accept of its connection: only what was accepted has to be closed.
  await eventually(calm);
  expect({ closed: server.closed, alarms: timer.pending }).toEqual({ closed: server.accepted, alarms: 0 });
  expect(server.accepted).toBeGreaterThan((connections + warmUp) * 0.9);
  await eventually(() => handles()["sockets"] === 0);
  expect({ handles: handles(), listeners: listeners() }).toEqual(before);
  expect(getEventListeners(signal, "abort")).toEqual([]);

  await eventually(() => {
    gc();
    return census.alive === 0;
  });
  // The engine's own last objects may sit in an optimised frame or an inline cache; ten thousand do not.
  expect(census.alive).toBeLessThan(20);
  expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(16 * 1024 * 1024);
  expect(unhandled).toEqual([]);

  await listener.close();
  await serving;
  process.off("unhandledRejection", note);
}, 120_000);
