/** A Sluice server of HTTP/1 on a free port of this machine, with a record of what happened to it. */
import { type Connection, type HttpRequest, type HttpResponse, serviceFn } from "@sluice/core";
import { type ServerOptions, serve } from "@sluice/core/http1";
import { listen } from "../../../src/node/index.ts";
import { type Record, record } from "./record.ts";

export interface TestServer extends AsyncDisposable, Omit<Record, "observer"> {
  readonly port: number;
  readonly origin: string;
  /** The accepted connections, oldest first. */
  readonly connections: readonly Connection[];
}

export type Call = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

export async function startServer(call: Call, options: ServerOptions = {}): Promise<TestServer> {
  const listener = listen({ host: "127.0.0.1" });
  const connections: Connection[] = [];
  const { observer, ...recorded } = record((request) => request.target.toString());
  const { port } = await listener.ready;
  const service = serviceFn(call);
  const accepting = (async () => {
    for await (const io of listener) connections.push(serve(io, service, { ...options, observer }));
  })();
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    connections,
    ...recorded,
    async [Symbol.asyncDispose]() {
      await listener.close();
      await accepting;
      for (const connection of connections) connection.abort();
      await Promise.allSettled(connections.map((connection) => connection.closed));
    },
  };
}
