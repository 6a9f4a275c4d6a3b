/** A Sluice server on a free port of this machine, with a record of what happened to it. */
import { type Connection, type HttpError, type HttpRequest, type HttpResponse, serviceFn } from "@sluice/core";
import { type ServerOptions, serve } from "@sluice/core/http1";
import { listen } from "../../../src/node/index.ts";

export interface TestServer extends AsyncDisposable {
  readonly port: number;
  readonly origin: string;
  /** The accepted connections, oldest first. */
  readonly connections: readonly Connection[];
  /** How each closed connection ended: `clean`, or the code of its error. In the order of the closing. */
  readonly endings: readonly string[];
  /** Each exchange as `METHOD target status`, with the code of the error that cut it short, if any. */
  readonly exchanges: readonly string[];
  /** What services threw. */
  readonly failures: readonly unknown[];
}

export type Call = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

export async function startServer(call: Call, options: ServerOptions = {}): Promise<TestServer> {
  const listener = listen({ host: "127.0.0.1" });
  const connections: Connection[] = [];
  const endings: string[] = [];
  const exchanges: string[] = [];
  const failures: unknown[] = [];
  const statuses = new WeakMap<HttpRequest, number>();
  const observer = {
    responseStarted: (request: HttpRequest, response: HttpResponse) => void statuses.set(request, response.status),
    exchangeEnded: (request: HttpRequest, error?: HttpError) => {
      const facts = [request.method, request.target.toString(), statuses.get(request) ?? "-"];
      exchanges.push(facts.concat(error === undefined ? [] : error.code).join(" "));
    },
    serviceFailed: (_request: HttpRequest, error: unknown) => void failures.push(error),
    connectionClosed: (error?: HttpError) => void endings.push(error === undefined ? "clean" : error.code),
  };
  const { port } = await listener.ready;
  const service = serviceFn(call);
  const accepting = (async () => {
    for await (const io of listener) connections.push(serve(io, service, { ...options, observer }));
  })();
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    connections,
    endings,
    exchanges,
    failures,
    async [Symbol.asyncDispose]() {
      await listener.close();
      await accepting;
      for (const connection of connections) connection.abort();
      await Promise.allSettled(connections.map((connection) => connection.closed));
    },
  };
}
