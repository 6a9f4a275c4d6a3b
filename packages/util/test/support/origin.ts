/**
 * An HTTP origin on 127.0.0.1 for tests of clients: a Sluice server that records each request, so that a test can tell
 * which requests arrived, on which connections, and that none arrived twice.
 */
import { type Body, inspect, isData } from "@sluice/body";
import { type Connection, type HttpRequest, type HttpResponse, type Io, type Observer, serviceFn } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import * as http2 from "@sluice/core/http2";
import { type Listener, listen } from "../../src/node/index.ts";
import { Gate, standardService } from "./origin-service.ts";

export { Gate, sizedContent } from "./origin-service.ts";

export type OriginProtocol = "http1" | "http2";

export interface OriginOptions {
  /** What connections speak; a function is asked for each. Default `http1`. */
  readonly protocol?: OriginProtocol | ((io: Io) => OriginProtocol);
  /** Answers requests. Default: the standard service (see `origin-service.ts`). */
  readonly service?: (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;
  /** Most requests on one connection. Default: no limit. */
  readonly keepAliveRequests?: number;
  /** Default 0: any free port. */
  readonly port?: number;
  readonly http1?: Omit<http1.ServerOptions, "observer">;
  readonly http2?: Omit<http2.ServerOptions, "observer">;
}

/** A request whose head arrived. */
export interface RecordedRequest {
  /** The value of `x-id`. */
  readonly id: string | undefined;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Field lines; names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly connectionIndex: number;
  /** How many bytes of its content have been read so far. */
  readonly bodyBytes: number;
}

export interface OriginConnection {
  readonly index: number;
  readonly protocol: OriginProtocol;
  readonly connection: Connection | http2.Http2Connection;
  /** Requests that were begun on it, and those of them that are under way. */
  readonly requests: number;
  readonly active: number;
  readonly isOpen: boolean;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export class Origin implements AsyncDisposable {
  /** The requests, in the order in which their heads arrived. */
  readonly requests: readonly RecordedRequest[];
  /** The accepted connections, oldest first. */
  readonly connections: readonly OriginConnection[];
  /** The requests that wait at `/slow` and `/slow-body`. */
  readonly slow: Gate = new Gate();
  readonly #requests: Mutable<RecordedRequest>[] = [];
  readonly #connections: Mutable<OriginConnection>[] = [];
  readonly #options: OriginOptions;
  readonly #service: (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;
  readonly #listener: Listener;
  readonly #accepting: Promise<void>;

  /** Use `startOrigin`. */
  constructor(options: OriginOptions) {
    this.requests = this.#requests;
    this.connections = this.#connections;
    this.#options = options;
    this.#service = options.service ?? standardService(this.slow);
    this.#listener = listen({ host: "127.0.0.1", port: options.port ?? 0 });
    this.#accepting = this.#accept();
    this.#accepting.catch(() => {});
  }

  /** Resolves when connecting is possible. */
  async listening(): Promise<this> {
    await this.#listener.ready;
    return this;
  }

  get host(): string {
    return "127.0.0.1";
  }

  get port(): number {
    return this.#listener.address?.port ?? 0;
  }

  /** Without a path. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Connections accepted so far. */
  get connectionCount(): number {
    return this.#connections.length;
  }

  get openConnections(): number {
    return this.#connections.filter(({ isOpen }) => isOpen).length;
  }

  /** The ids that more than one request carried. */
  get repeatedIds(): readonly string[] {
    const seen = new Set<string>();
    const repeated = new Set<string>();
    for (const { id } of this.#requests) {
      if (id === undefined) continue;
      (seen.has(id) ? repeated : seen).add(id);
    }
    return [...repeated];
  }

  /** Stops accepting, lets what is under way finish, and resolves when all connections are closed. */
  async close(): Promise<void> {
    await this.#listener.close();
    await this.#accepting;
    this.gracefulShutdown();
    await Promise.allSettled(this.#connections.map(({ connection }) => connection.closed));
  }

  /** Closes the connections without a request under way; new ones are accepted as before. */
  closeIdle(): void {
    for (const { active, connection } of this.#connections) if (active === 0) connection.gracefulShutdown();
  }

  /** Each connection finishes what is under way and closes (GOAWAY on HTTP/2); new ones are accepted as before. */
  gracefulShutdown(): void {
    for (const { connection } of this.#connections) connection.gracefulShutdown();
  }

  /** Ends the HTTP/2 connections at once with GOAWAY. Default: NO_ERROR. */
  goAway(errorCode?: number): void {
    for (const { connection } of this.#connections) if ("goAway" in connection) connection.goAway(errorCode);
  }

  /** Resets all connections; new ones are accepted as before. */
  abortAll(): void {
    for (const { connection } of this.#connections) connection.abort();
  }

  /** Stops accepting and resets all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener.close();
    await this.#accepting.catch(() => {});
    this.abortAll();
    await Promise.allSettled(this.#connections.map(({ connection }) => connection.closed));
  }

  async #accept(): Promise<void> {
    for await (const io of this.#listener) this.#serve(io);
  }

  #serve(io: Io): void {
    const { protocol = "http1", keepAliveRequests } = this.#options;
    const chosen = typeof protocol === "function" ? protocol(io) : protocol;
    const index = this.#connections.length;
    const service = serviceFn((request) => this.#call(request, index));
    const facts = { index, protocol: chosen, requests: 0, active: 0, isOpen: true };
    const observer: Observer = {
      requestStarted: () => {
        facts.requests += 1;
        facts.active += 1;
      },
      exchangeEnded: () => void (facts.active -= 1),
    };
    const options = {
      observer,
      ...(keepAliveRequests !== undefined && { maxRequestsPerConnection: keepAliveRequests }),
    };
    const connection =
      chosen === "http1"
        ? http1.serve(io, service, { ...this.#options.http1, ...options })
        : http2.serve(io, service, { ...this.#options.http2, ...options });
    const made = Object.assign(facts, { connection });
    this.#connections.push(made);
    const onClosed = (): void => void (made.isOpen = false);
    connection.closed.then(onClosed, onClosed);
  }

  #call(request: HttpRequest, connectionIndex: number): HttpResponse | Promise<HttpResponse> {
    const { target, method, headers } = request;
    const recorded: Mutable<RecordedRequest> = {
      id: headers.get("x-id"),
      method,
      path: target.pathAndQuery,
      headers: [...headers],
      connectionIndex,
      bodyBytes: 0,
    };
    this.#requests.push(recorded);
    request.body = counted(request.body, (bytes) => (recorded.bodyBytes += bytes));
    return this.#service(request);
  }
}

/** Starts an origin; resolves when connecting to it is possible. */
export function startOrigin(options: OriginOptions = {}): Promise<Origin> {
  return new Origin(options).listening();
}

function counted(body: Body, add: (bytes: number) => void): Body {
  return inspect(body, { onFrame: (frame) => void (isData(frame) && add(frame.length)) });
}
