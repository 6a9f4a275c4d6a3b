/** Dispatchers side by side: undici's own, and ours over the pooled client. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { Agent, type Dispatcher } from "undici";
import { Client, type ClientOptions } from "../../src/client/index.ts";
import { SluiceDispatcher, type SluiceDispatcherOptions } from "../../src/undici/index.ts";
import { settle } from "../support/io.ts";

export type Held = Dispatcher & AsyncDisposable & { readonly closed: boolean; readonly destroyed: boolean };

/** Ours, with the type that undici's functions ask for. */
export function ours(client: ClientOptions = {}, options: SluiceDispatcherOptions = {}): Held {
  return new SluiceDispatcher(new Client(client), options) as unknown as Held;
}

export function theirs(options: Agent.Options = {}): Held {
  const agent = new Agent(options);
  return Object.assign(agent, { [Symbol.asyncDispose]: () => agent.destroy() });
}

/** What `use` makes of ours, and of undici's own. */
export async function both<Result>(
  use: (dispatcher: Held) => Promise<Result>,
  client: ClientOptions = {},
  agent: Agent.Options = {},
): Promise<{ readonly ours: Result; readonly theirs: Result }> {
  await using mine = ours(client);
  await using its = theirs(agent);
  return { ours: await use(mine), theirs: await use(its) };
}

/** What users branch on. */
export interface ErrorFacts {
  readonly name: unknown;
  readonly code: unknown;
}

/** The facts of what `promise` rejects with, and of its cause where it is a failed fetch. */
export async function failureFacts(promise: Promise<unknown>): Promise<ErrorFacts | "no failure"> {
  try {
    await promise;
    return "no failure";
  } catch (error) {
    const isFetch = error instanceof TypeError && (error.message === "fetch failed" || error.message === "terminated");
    return factsOf(isFetch ? error.cause : error);
  }
}

function factsOf(error: unknown): ErrorFacts {
  const { name, code } = error as { name?: unknown; code?: unknown };
  return { name, code };
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await settle(1);
}

/** A port where nobody listens. */
export async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** One call of a handler, for scripts of what was called. */
export type Call = readonly [name: string, ...facts: unknown[]];

/** A handler of the older generation that notes its calls. */
export function oldHandler(calls: Call[], more: Dispatcher.DispatchHandler = {}): Dispatcher.DispatchHandler {
  return {
    onConnect: () => void calls.push(["connect"]),
    onHeaders: (status, raw, _resume, text) => {
      calls.push(["headers", status, raw.map(String).slice(0, 2), text]);
      return true;
    },
    onData: (chunk) => {
      calls.push(["data", String(chunk)]);
      return true;
    },
    onComplete: (trailers) => void calls.push(["complete", (trailers ?? []).map(String)]),
    onError: (error) => void calls.push(["error", factsOf(error)]),
    ...more,
  };
}

/** The same of the newer generation. */
export function newHandler(calls: Call[], more: Dispatcher.DispatchHandler = {}): Dispatcher.DispatchHandler {
  return {
    onRequestStart: () => void calls.push(["start"]),
    onResponseStart: (_controller, status, headers, text) =>
      void calls.push(["response", status, Object.entries(headers).slice(0, 1), text]),
    onResponseData: (_controller, chunk) => void calls.push(["data", String(chunk)]),
    onResponseEnd: (_controller, trailers) => void calls.push(["end", { ...trailers }]),
    onResponseError: (_controller, error) => void calls.push(["error", factsOf(error)]),
    ...more,
  };
}
