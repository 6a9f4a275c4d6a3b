/** Fetch handlers behind a connection in memory, whose bytes can be looked at, and behind real sockets of either version. */
import { type HttpRequest, HttpResponse, type Observer, type Service, serviceFn } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import { Client } from "@sluice/util/client";
import {
  createFetch,
  type Fetch,
  type FetchHandler,
  type FromFetchHandlerOptions,
  fromFetchHandler,
} from "@sluice/util/fetch";
import { fakeTimer, type ScriptedIo, scriptedIo } from "@sluice/util/memory";
import { listen } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";

export interface Exchanged {
  readonly io: ScriptedIo;
  /** What the observer was told of services that failed. */
  readonly failures: unknown[];
  /** Lets everything run that can, and gives what was written since the last look. */
  written(): Promise<string>;
}

/** `handler` behind HTTP/1, without `date`, given `input`. */
export function play(handler: FetchHandler, input: string, options: FromFetchHandlerOptions = {}): Exchanged {
  return playService(fromFetchHandler(handler, options), input);
}

function playService(service: Service, input: string): Exchanged {
  const timer = fakeTimer();
  const io = scriptedIo([], { timer });
  const failures: unknown[] = [];
  const observer: Observer = { serviceFailed: (_request, error) => failures.push(error) };
  const connection = http1.serve(io, service, { autoDateHeader: false, observer });
  connection.closed.catch(() => {});
  io.push(input);
  return {
    io,
    failures,
    async written() {
      for (let i = 0; i < 30; i++) await new Promise((resolve) => setImmediate(resolve));
      return io.takeWritten();
    },
  };
}

/** What `handler` answers to `input`. */
export async function answerTo(
  handler: FetchHandler,
  input: string,
  options?: FromFetchHandlerOptions,
): Promise<string> {
  return await play(handler, input, options).written();
}

export interface Served extends AsyncDisposable {
  readonly origin: string;
  readonly fetch: Fetch;
  readonly client: Client;
}

/** `handler` on a real port, and a fetch that speaks `version` to it. */
export async function serveReal(
  handler: FetchHandler,
  version: "http1" | "http2",
  options?: FromFetchHandlerOptions,
): Promise<Served> {
  return await serveService(fromFetchHandler(handler, options), version);
}

export async function serveService(service: Service, version: "http1" | "http2"): Promise<Served> {
  const listener = listen({ host: "127.0.0.1", port: 0 });
  const server = serveAll(listener, service);
  const { port } = await listener.ready;
  const client = new Client({ version });
  return {
    origin: `http://127.0.0.1:${port}`,
    client,
    fetch: createFetch(client),
    async [Symbol.asyncDispose]() {
      await client.destroy();
      await server.abort();
    },
  };
}

/** A service that keeps what it was asked, and answers with `make`. */
export function recording(make: (request: HttpRequest) => HttpResponse = () => new HttpResponse()): Service & {
  readonly requests: HttpRequest[];
} {
  const requests: HttpRequest[] = [];
  const service = serviceFn((request) => {
    requests.push(request);
    return make(request);
  });
  return Object.assign(service, { requests });
}

/** Waits until `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 5_000; turn++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, turn < 100 ? 0 : 2));
  }
  throw new Error("the condition has not come true");
}
