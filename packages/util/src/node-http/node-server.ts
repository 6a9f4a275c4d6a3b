/**
 * A server with the face of Node's `http.Server`, for what insists on one: Fastify's `serverFactory`, the `server` option of
 * `ws`, programs that call `listen` and listen for `request`.
 *
 * It is a listener, `serveAll` and `fromNodeListener` put together; whoever needs more of any of these uses them by themselves.
 */
import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Listener, listen } from "../node/listen.ts";
import type { AcceptOptions, ListenOptions } from "../node/listen-options.ts";
import type { NodeIo } from "../node/socket-io.ts";
import { knownOptions } from "../options.ts";
import { type ServeAllOptions, type Serving, serveAll } from "../server/serve-all.ts";
import {
  type ListenerRules,
  listenerRules,
  listenerService,
  type NodeListener,
  type NodeListenerOptions,
  type NodeListenerService,
  type NodeUpgradeListener,
} from "./from-node-listener.ts";
import { serverNotRunning } from "./node-errors.ts";

/** Options of `createServer`. */
export interface NodeServerOptions extends Pick<NodeListenerOptions, "onError" | "keepFieldCase" | "addDate"> {
  /** How connections are accepted; with `tls`, over TLS. */
  readonly accept?: AcceptOptions;
  /** How they are served: limits and times for each version. As Node does, `close` leaves idle ones no time: `graceMs` 0. */
  readonly serve?: ServeAllOptions<NodeIo>;
}

/** Where to listen, as far as it is of use here. */
export type NodeListenOptions = Pick<
  ListenOptions,
  "port" | "host" | "path" | "fd" | "backlog" | "ipv6Only" | "exclusive"
>;

const placeNames = ["port", "host", "path", "fd", "backlog", "ipv6Only", "exclusive"] as const;

/**
 * Emits `request` (req, res), `upgrade` and `connect` (req, socket, head; without a listener such requests are answered as
 * `fromNodeListener` says), `checkContinue` (req, res) if listened for, `connection` (socket), `listening`,
 * `close`, and `error` if listening fails. Time limits are options of `serve`: `keepAliveTimeout` and its like have no effect.
 */
export class NodeServer extends EventEmitter {
  readonly #accept: AcceptOptions;
  readonly #serve: ServeAllOptions<NodeIo>;
  readonly #service: NodeListenerService;
  #listener: Listener | undefined;
  #serving: Serving | undefined;
  #listening = false;

  /** @internal Use `createServer`. */
  constructor(options: NodeServerOptions, listener: NodeListener | undefined) {
    super();
    const { accept = {}, serve = {}, ...rules } = options;
    this.#accept = accept;
    this.#serve = { graceMs: 0, ...serve };
    this.#service = listenerService(this.#onRequest, new ServerRules(this, listenerRules(rules)));
    if (listener !== undefined) this.on("request", listener);
  }

  get listening(): boolean {
    return this.#listening;
  }

  /** Where it listens, as `net.Server` puts it; null while it does not. */
  address(): AddressInfo | string | null {
    const address = this.#listening ? this.#listener?.address : undefined;
    if (address === undefined) return null;
    return address.family === "unix"
      ? address.address
      : { address: address.address, family: address.family, port: address.port };
  }

  /** Begins to listen: `listen(port?, host?, backlog?, callback?)`, `listen(path, ...)` or `listen(options, ...)`. */
  listen(...given: readonly unknown[]): this {
    const callback = given.find((one) => typeof one === "function") as (() => void) | undefined;
    if (callback !== undefined) this.once("listening", callback);
    const listener = listen({ ...this.#accept, ...placeOf(given) });
    this.#listener = listener;
    listener.ready.then(
      () => {
        this.#listening = true;
        this.emit("listening");
      },
      (error: unknown) => this.#failed(error),
    );
    const service = this.#service;
    this.#serving = serveAll(
      listener,
      (io) => {
        this.emit("connection", io.socket);
        return service.forConnection(io);
      },
      this.#serve,
    );
    this.#serving.done.then(
      () => this.#ended(),
      () => this.#ended(),
    );
    return this;
  }

  /** Stops listening and shuts connections down in order; `close` is emitted when all have ended. */
  close(callback?: (error?: Error) => void): this {
    const serving = this.#serving;
    if (serving === undefined) {
      if (callback !== undefined) process.nextTick(callback, serverNotRunning());
      return this;
    }
    if (callback !== undefined) this.once("close", callback);
    this.#listening = false;
    void serving.shutdown();
    return this;
  }

  /** Gives all connections up, and stops listening, which Node does not. */
  closeAllConnections(): void {
    void this.#serving?.abort();
  }

  /** Nothing: `close` sees to idle connections. */
  closeIdleConnections(): void {}

  /** Nothing: times are options of `serve`. */
  setTimeout(): this {
    return this;
  }

  /** Gives the number of open connections. */
  getConnections(callback: (error: Error | null, count: number) => void): this {
    process.nextTick(callback, null, this.#serving?.count ?? 0);
    return this;
  }

  /** Lets the listening socket keep the process alive, as it does from the start. */
  ref(): this {
    this.#listener?.server.ref();
    return this;
  }

  /** Lets the process end although the socket listens. */
  unref(): this {
    this.#listener?.server.unref();
    return this;
  }

  /** Takes no further request, finishes those under way, and waits for the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#serving?.shutdown();
  }

  #failed(error: unknown): void {
    // What Node would emit is the cause.
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    process.nextTick(() => this.emit("error", cause));
  }

  #ended(): void {
    if (this.#serving === undefined) return;
    const began = this.#listener?.address !== undefined;
    this.#serving = undefined;
    this.#listener = undefined;
    this.#listening = false;
    if (began) process.nextTick(() => this.emit("close"));
  }

  readonly #onRequest = (req: IncomingMessage, res: ServerResponse): void => {
    if (this.listenerCount("checkContinue") > 0 && /100-continue/i.test(req.headers.expect ?? "")) {
      this.emit("checkContinue", req, res);
    } else {
      this.emit("request", req, res);
    }
  };
}

/** The rules of a listener, where those for upgrades depend on who listens at the time. */
class ServerRules implements ListenerRules {
  readonly keepFieldCase: boolean;
  readonly addDate: boolean;
  readonly onError: ListenerRules["onError"];
  readonly #server: NodeServer;
  readonly #upgrade: NodeUpgradeListener;
  readonly #connect: NodeUpgradeListener;

  constructor(server: NodeServer, rules: ListenerRules) {
    this.keepFieldCase = rules.keepFieldCase;
    this.addDate = rules.addDate;
    this.onError = rules.onError;
    this.#server = server;
    this.#upgrade = (...event) => server.emit("upgrade", ...event);
    this.#connect = (...event) => server.emit("connect", ...event);
  }

  get onUpgrade(): NodeUpgradeListener | undefined {
    return this.#server.listenerCount("upgrade") > 0 ? this.#upgrade : undefined;
  }

  get onConnect(): NodeUpgradeListener | undefined {
    return this.#server.listenerCount("connect") > 0 ? this.#connect : undefined;
  }
}

/**
 * Makes a server that speaks HTTP/1 and HTTP/2 on one port, with the face of Node's.
 *
 * @throws TypeError for unknown options.
 */
export function createServer(listener?: NodeListener): NodeServer;
export function createServer(options: NodeServerOptions, listener?: NodeListener): NodeServer;
export function createServer(first: NodeServerOptions | NodeListener = {}, second?: NodeListener): NodeServer {
  const options = typeof first === "function" ? {} : first;
  knownOptions("createServer", options, ["onError", "keepFieldCase", "addDate", "accept", "serve"]);
  return new NodeServer(options, typeof first === "function" ? first : second);
}

function placeOf(given: readonly unknown[]): NodeListenOptions {
  const [first, ...rest] = given;
  if (typeof first === "object" && first !== null) return pick(first as Readonly<Record<string, unknown>>);
  const host = rest.find((one) => typeof one === "string");
  const backlog = rest.find((one) => typeof one === "number");
  const isPath = typeof first === "string" && !/^[0-9]+$/.test(first);
  return pick({ [isPath ? "path" : "port"]: typeof first === "function" ? undefined : first, host, backlog });
}

function pick(options: Readonly<Record<string, unknown>>): NodeListenOptions {
  const entries = placeNames.map((name) => [name, options[name]] as const).filter(([, value]) => value != null);
  const place: Record<string, unknown> = Object.fromEntries(entries);
  if (typeof place.port === "string") place.port = Number(place.port);
  return place as NodeListenOptions;
}
