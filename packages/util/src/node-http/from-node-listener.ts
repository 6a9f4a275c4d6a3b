/**
 * Programs written for Node's `(req, res)` as a service: Express, Connect, Koa, Fastify, or a plain function.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { type HttpRequest, HttpResponse, type Io, type Service } from "@sluice/core";
import { knownOptions } from "../options.ts";
import { ListenerConnection } from "./listener-connection.ts";
import { ListenerExchange } from "./listener-exchange.ts";
import { report } from "./report.ts";
import { isThenable } from "./thenable.ts";
import { answerOnSocket, asksForUpgrade } from "./upgrade-answer.ts";

/** What `http.createServer` takes. A promise it returns is looked at for its rejection only. */
export type NodeListener = (req: IncomingMessage, res: ServerResponse) => unknown;

/** What Node's `upgrade` and `connect` events give: the answer is to be written to the socket, as text. */
export type NodeUpgradeListener = (req: IncomingMessage, socket: Duplex, head: Buffer) => unknown;

/** Options of `fromNodeListener`. */
export interface NodeListenerOptions {
  /**
   * Is given requests of HTTP/1.1 that ask for an upgrade, as the `upgrade` event of Node's server is: what it writes to the
   * socket first is read as the head of a response, and after 101 the socket is the connection. Default: such requests are
   * requests like any other.
   */
  readonly onUpgrade?: NodeUpgradeListener;
  /** Is given CONNECT requests in the same way; a tunnel is granted by any 2xx. Default: they are answered with 501. */
  readonly onConnect?: NodeUpgradeListener;
  /**
   * Is told what a listener threw or rejected with; the client is answered with 500, or cut off if the head was sent. What it
   * throws itself is an uncaught exception. Default: `process.emitWarning`.
   */
  readonly onError?: (error: unknown, req: IncomingMessage) => void;
  /** Field names keep their spelling, for HTTP/1 connections served with `preserveHeaderCase`. Default false. */
  readonly keepFieldCase?: boolean;
  /**
   * Responses get a `Date` here, unless the listener has switched `sendDate` off; for connections served with
   * `autoDateHeader: false`, which otherwise see to it. Default false.
   */
  readonly addDate?: boolean;
}

/** A listener as a service. */
export interface NodeListenerService extends Service {
  /**
   * The same service for one connection: `req.socket` knows its addresses, and on HTTP/1 is the socket itself where `io` is one
   * of Node's. To be passed to `serveAll`: `serveAll(listen({ port }), (io) => app.forConnection(io))`.
   */
  forConnection(io: Io): Service;
}

/** The options of a listener, checked. */
export interface ListenerRules {
  readonly keepFieldCase: boolean;
  readonly addDate: boolean;
  readonly onError: (error: unknown, req: IncomingMessage) => void;
  readonly onUpgrade: NodeUpgradeListener | undefined;
  readonly onConnect: NodeUpgradeListener | undefined;
}

const optionNames = ["onUpgrade", "onConnect", "onError", "keepFieldCase", "addDate"];

/**
 * Makes a service of a listener: `fromNodeListener(express())`, `fromNodeListener(koa.callback())`,
 * `fromNodeListener(fastify.routing)` after `await fastify.ready()`.
 *
 * @throws TypeError for what is no function, and for unknown options.
 */
export function fromNodeListener(listener: NodeListener, options: NodeListenerOptions = {}): NodeListenerService {
  if (typeof listener !== "function")
    throw new TypeError(`fromNodeListener: listener must be a function, got ${typeof listener}`);
  return listenerService(listener, listenerRules(options));
}

/** A service of what has been checked. */
export function listenerService(listener: NodeListener, rules: ListenerRules): NodeListenerService {
  return {
    call: (request) => serve(listener, rules, new ListenerConnection(undefined), request),
    forConnection: (io) => {
      const connection = new ListenerConnection(io);
      return { call: (request) => serve(listener, rules, connection, request) };
    },
  };
}

/** @throws TypeError for options that are unknown or make no sense. */
export function listenerRules(options: NodeListenerOptions): ListenerRules {
  knownOptions("fromNodeListener", options, optionNames);
  for (const name of ["onUpgrade", "onConnect", "onError"] as const) {
    const value: unknown = options[name];
    if (value !== undefined && typeof value !== "function") {
      throw new TypeError(`fromNodeListener: ${name} must be a function, got ${typeof value}`);
    }
  }
  for (const name of ["keepFieldCase", "addDate"] as const) {
    const value: unknown = options[name];
    if (value !== undefined && typeof value !== "boolean") {
      throw new TypeError(`fromNodeListener: ${name} must be true or false, got ${String(value)}`);
    }
  }
  const { keepFieldCase = false, addDate = false, onError = warn, onUpgrade, onConnect } = options;
  return { keepFieldCase, addDate, onError, onUpgrade, onConnect };
}

function serve(
  listener: NodeListener,
  rules: ListenerRules,
  connection: ListenerConnection,
  request: HttpRequest,
): HttpResponse | Promise<HttpResponse> {
  if (request.method === "CONNECT") {
    if (rules.onConnect !== undefined) return answerOnSocket(rules.onConnect, rules, connection, request);
    return new HttpResponse(501, { connection: "close" });
  }
  if (rules.onUpgrade !== undefined && asksForUpgrade(request)) {
    return answerOnSocket(rules.onUpgrade, rules, connection, request);
  }
  // On HTTP/1 the engine has seen to this.
  if (request.version === "HTTP/2" && !meetsExpectation(request.headers.get("expect"))) return new HttpResponse(417);
  const exchange = new ListenerExchange(request, connection, rules);
  const { incoming, outgoing } = exchange;
  const failed = (error: unknown): void => {
    report(rules.onError, error, incoming);
    exchange.listenerFailed(error);
  };
  try {
    const result = listener(incoming, outgoing);
    if (isThenable(result)) result.then(undefined, failed);
  } catch (error) {
    failed(error);
  }
  return exchange.answer();
}

/** Anything but 100-continue is something nobody here knows (RFC 9110 section 10.1.1); Node answers the same. */
function meetsExpectation(expect: string | undefined): boolean {
  return expect === undefined || expect.toLowerCase() === "100-continue";
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}
