/**
 * A connection of either role with a program that does a bit of everything, fed octet by octet or all at once: what came
 * of it, in a form to compare.
 */
import { type Body, full, isData } from "@sluice/body";
import {
  type Connection,
  HttpError,
  HttpRequest,
  HttpResponse,
  type Io,
  type Observer,
  serviceFn,
  upgradeOn,
} from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { type FakeTimer, fakeTimer, type ScriptedIo, scriptedIo } from "@sluice/util/memory";
import type { Http2Machine } from "../../../src/h2/connection/machine.ts";
import { frameText } from "./frame-text.ts";
import { Output } from "./output.ts";
import type { Role } from "./output-rules.ts";
import { errorText } from "./reading.ts";
import type { Received } from "./received.ts";
import { machineOf } from "./scrutiny.ts";

export interface SessionOptions {
  /** Options of either role. */
  readonly options?: http2.ServerOptions & http2.ClientOptions;
  /** What the transport takes before it says that it is enough. Default: everything. */
  readonly capacityBytes?: number;
}

export class Session {
  readonly io: ScriptedIo;
  readonly timer: FakeTimer = fakeTimer();
  /** What the service and the observer were told, in order. */
  readonly events: string[] = [];
  /** What came of promises, whose order means nothing. */
  readonly settled: string[] = [];
  /** Octets taken from the transport, less those of frames that were looked at. */
  backlog = 0;
  /** Calls that gave the program anything: the service was called, content or a message came. */
  deliveries = 0;
  /** How often something had to wait for a window. */
  stalls = 0;
  /** How `closed` settled. */
  outcome: string | undefined;
  machine: Http2Machine | undefined;
  readonly #role: Role;
  readonly #tunnels: Io[] = [];
  /** How to end the calls of the service that would never be answered. */
  readonly #unanswered: ((error: Error) => void)[] = [];

  private constructor(role: Role, capacityBytes: number | undefined) {
    this.#role = role;
    this.io = scriptedIo([], { timer: this.timer, ...(capacityBytes !== undefined && { capacityBytes }) });
  }

  /** @param role That of the connection. */
  static async start(role: Role, { options, capacityBytes }: SessionOptions = {}): Promise<Session> {
    const session = new Session(role, capacityBytes);
    const connection = await (role === "server" ? session.#serve(options) : session.#connect(options));
    session.machine = machineOf(connection);
    connection.closed.then(
      () => {
        session.outcome = "closed";
      },
      (error: unknown) => {
        session.outcome = textOf(error);
      },
    );
    return session;
  }

  /** Lets everything happen that takes no time. */
  async rest(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 8; i++) await Promise.resolve();
      this.timer.advance(0);
    }
  }

  /** Shuts the connection down, and says which stream is the last. */
  async shutDown(): Promise<void> {
    this.machine?.gracefulShutdown();
    this.timer.advance(1000);
    await this.rest();
  }

  /** Gives up what lives by the program alone, and lets time pass. @throws Error if something goes on for ever. */
  async finish(): Promise<void> {
    await this.rest();
    for (const io of this.#tunnels) io.abort();
    for (const giveUp of this.#unanswered) giveUp(new Error("given up"));
    await this.rest();
    for (let round = 0; this.timer.pending > 0; round++) {
      if (round > 100) throw new Error("the alarms never end");
      this.timer.advance(Math.max(1, this.timer.nextDelayMs));
      this.io.drain();
      await this.rest();
    }
  }

  /** What the connection has written. @throws Error if that cannot be read. */
  get frames(): Received[] {
    const output = new Output(this.#role);
    // What the peer has granted is not known here, so anything may be sent.
    const { rules } = output;
    Object.assign(rules, { frame: () => undefined, block: () => undefined });
    return this.io.writes.flatMap((octets) => output.read(octets));
  }

  /** What the connection has written but credit, which comes earlier or later. */
  get answers(): string[] {
    return this.frames.filter(({ type }) => type !== "WINDOW_UPDATE").map(frameText);
  }

  async #serve(options: http2.ServerOptions = {}): Promise<Connection> {
    return http2.serve(this.io, serviceFn(this.#service), {
      autoDateHeader: false,
      ...options,
      observer: this.#observer,
    });
  }

  async #connect(options: http2.ClientOptions = {}): Promise<Connection> {
    const { sender, connection } = await http2.handshake(this.io, {
      onPush: (promise) => {
        this.#tell(`pushed ${promise.streamId}`);
        this.#answered(`push ${promise.streamId}`, promise.response());
      },
      ...options,
      observer: this.#observer,
    });
    const requests = [
      HttpRequest.get("http://a.test/"),
      new HttpRequest("POST", "http://a.test/", undefined, full("some content")),
      new HttpRequest("CONNECT", "a.test:1"),
    ];
    for (const [index, request] of requests.entries()) this.#answered(`response ${index}`, sender.send(request));
    return connection;
  }

  readonly #service = (request: HttpRequest): HttpResponse | Promise<HttpResponse> => {
    const { method, target } = request;
    this.#tell(`served ${method} ${target}`);
    if (method === "CONNECT") {
      upgradeOn(request).then((io) => this.#tunnel("tunnel", io), ignore);
      return new HttpResponse(200);
    }
    const unread = target.path === "/1" || target.path === "/9";
    const read = unread ? Promise.resolve() : this.#read(`${method} ${target}`, request.body);
    if (target.path === "/0")
      return new HttpResponse(200, {}, request.body.isEndStream() ? full("empty") : full("early"));
    // Nothing limits the time of a service but itself.
    if (target.path === "/9") return new Promise((_, reject) => this.#unanswered.push(reject));
    if (target.path === "/6") throw new Error("no");
    if (target.path === "/7") return new HttpResponse(200, {}, full(new Uint8Array(9000)));
    return read.then(() => new HttpResponse(200, {}, full("done")));
  };

  #answered(name: string, response: Promise<HttpResponse>): void {
    response.then(
      (message) => {
        this.deliveries++;
        this.settled.push(`${name}: ${message.status}`);
        void this.#read(name, message.body);
        if (name.endsWith("2")) upgradeOn(message).then((io) => this.#tunnel("tunnel", io), ignore);
      },
      (error: unknown) => this.settled.push(`${name}: ${textOf(error)}`),
    );
  }

  async #read(name: string, body: Body): Promise<void> {
    let length = 0;
    let sum = 0;
    try {
      for (let frame = await body.frame(); frame !== null; frame = await body.frame()) {
        this.deliveries++;
        if (!isData(frame)) {
          this.settled.push(`${name}: ${[...frame.fields].join()}`);
          continue;
        }
        length += frame.length;
        for (const octet of frame) sum = (sum * 31 + octet) | 0;
      }
      this.settled.push(`${name}: ended behind ${length} octets, ${sum}`);
    } catch (error) {
      this.settled.push(`${name}: ${textOf(error)}`);
    }
  }

  #tunnel(name: string, io: Io): void {
    let length = 0;
    this.#tunnels.push(io);
    const next = (): void =>
      io.read((chunk, error) => {
        if (chunk === null) {
          this.settled.push(`${name}: ${error === undefined ? `ended behind ${length} octets` : textOf(error)}`);
          io.abort();
          return;
        }
        this.deliveries++;
        length += chunk.length;
        next();
      });
    next();
  }

  get #observer(): Observer {
    return {
      bytesRead: (count) => {
        this.backlog += count;
      },
      frameReceived: ({ type, streamId, length, flags }) => {
        this.backlog -= 9 + length;
        this.#tell(`${type} ${streamId} ${length} ${flags.join()}`);
      },
      streamChanged: (id, from, to) => this.events.push(`stream ${id} from ${from} to ${to}`),
      requestStarted: ({ method }) => this.#tell(`started ${method}`),
      informational: (_request, status) => this.#tell(`informational ${status}`),
      responseStarted: (_request, { status }) => this.#tell(`responding ${status}`),
      exchangeEnded: (_request, error) =>
        this.events.push(`exchange ended${error === undefined ? "" : ` ${textOf(error)}`}`),
      defenceCounted: (name, count) => this.events.push(`${name} ${count}`),
      stalled: (_streamId, by) => {
        if (by !== "stream limit") this.stalls++;
      },
      connectionClosed: (error) => this.events.push(`connection closed ${error === undefined ? "" : textOf(error)}`),
    };
  }

  #tell(event: string): void {
    this.deliveries++;
    this.events.push(event);
  }
}

function textOf(error: unknown): string {
  return HttpError.is(error) ? errorText(error) : `${error}`;
}

function ignore(): void {}
