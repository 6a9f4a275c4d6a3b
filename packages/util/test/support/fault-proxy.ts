/**
 * A programmable TCP proxy on 127.0.0.1, between a client under test and an origin. A plan (see `fault-plan.ts`) says for
 * each connection what goes wrong on it, to the byte; without one it passes everything on.
 *
 * It knows bytes, not HTTP, except to find where HTTP/1 messages end. Nothing happens by real time: waiting is done by
 * the timer given, or by turns of the event loop.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { Timer } from "@sluice/core";
import { nodeTimer } from "../../src/node/index.ts";
import { FaultConnection, type ForwardedRequest } from "./fault-connection.ts";
import type { FaultPlan, QueuedPlan } from "./fault-plan.ts";

export type { FaultConnection, ForwardedRequest } from "./fault-connection.ts";
export * from "./fault-plan.ts";

export interface FaultProxyOptions {
  /** Where the origin listens. */
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /**
   * The plans of the connections: a list, in the order of accepting, after which all pass; or a function, asked when the
   * connection with that index (from 0) has been accepted. Default: all pass.
   */
  readonly plans?: readonly QueuedPlan[] | ((connectionIndex: number) => FaultPlan);
  /** The clock of `delay`. Default: the shared `nodeTimer`. */
  readonly timer?: Timer;
}

export class FaultProxy implements AsyncDisposable {
  /** The accepted connections, oldest first. */
  readonly connections: readonly FaultConnection[];
  readonly #connections: FaultConnection[] = [];
  readonly #origin: { readonly port: number; readonly host: string };
  readonly #timer: Timer;
  readonly #planOf: ((connectionIndex: number) => FaultPlan) | undefined;
  readonly #queue: QueuedPlan[] = [];
  #server: Server | undefined = undefined;
  #port = 0;

  /** Use `startFaultProxy`. */
  constructor({ port, host = "127.0.0.1", plans = [], timer = nodeTimer }: FaultProxyOptions) {
    this.connections = this.#connections;
    this.#origin = { port, host };
    this.#timer = timer;
    if (typeof plans === "function") this.#planOf = plans;
    else this.#queue.push(...plans);
  }

  get host(): string {
    return "127.0.0.1";
  }

  /** The port for the client; the same for the whole life of the proxy. */
  get port(): number {
    return this.#port;
  }

  /** The URL for the client, without a path. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** How many connections were accepted so far. */
  get connectionCount(): number {
    return this.#connections.length;
  }

  /** Sockets that are open now, on both sides. */
  get openSockets(): number {
    return this.#connections.reduce((sum, { openSockets }) => sum + openSockets, 0);
  }

  /** The HTTP/1 requests of which bytes were forwarded, by connection and age. */
  get requests(): readonly ForwardedRequest[] {
    return this.#connections.flatMap(({ requests }) => requests);
  }

  /** Whether the port is open. */
  get isListening(): boolean {
    return this.#server !== undefined;
  }

  /** Adds plans for the connections to come. */
  queue(...plans: readonly QueuedPlan[]): void {
    if (this.#planOf !== undefined) throw new TypeError("this proxy asks a function for its plans");
    this.#queue.push(...plans);
    this.#refuseIfPlanned();
  }

  /**
   * Closes the port: connecting is refused (ECONNREFUSED) until `listen`. Connections that were accepted go on. A list does
   * this by itself as soon as `refuse` is the next plan.
   */
  refuse(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  /** Opens the port, again after `refuse`, which takes one planned `refuse` off the list. */
  async listen(): Promise<void> {
    if (this.#server !== undefined) return;
    if (this.#port !== 0 && this.#queue[0] === "refuse") this.#queue.shift();
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    this.#server = server;
    server.on("connection", (socket) => this.#accept(socket));
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    this.#port = (server.address() as AddressInfo).port;
    this.#refuseIfPlanned();
  }

  /** Resets all connections, on both sides; resolves when their sockets are closed. */
  async closeAll(): Promise<void> {
    for (const connection of this.#connections) connection.reset();
    await Promise.all(this.#connections.map(({ gone }) => gone));
  }

  /** Closes the port and resets all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.refuse();
    await this.closeAll();
  }

  #accept(client: Socket): void {
    const index = this.#connections.length;
    const plan = this.#planOf?.(index) ?? this.#takePlan();
    const faults = typeof plan === "object" && "length" in plan ? plan : [plan];
    this.#connections.push(new FaultConnection({ index, client, faults, timer: this.#timer, ...this.#origin }));
    this.#refuseIfPlanned();
  }

  #takePlan(): FaultPlan {
    const plan = this.#queue.shift();
    return plan === undefined || plan === "refuse" ? "pass" : plan;
  }

  /** A connection that is to be refused never gets here, so the port is closed before it comes. */
  #refuseIfPlanned(): void {
    if (this.#queue[0] === "refuse") this.refuse();
  }
}

/** Starts a proxy in front of the origin at `options.port`. */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const proxy = new FaultProxy(options);
  await proxy.listen();
  return proxy;
}
