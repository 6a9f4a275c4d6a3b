/** The reverse proxy of docs/examples on a free port, and servers and clients on both of its sides. */
import { collect, type HeaderMap } from "@sluice/body";
import { type HttpRequest, type HttpResponse, type Io, type Service, serviceFn } from "@sluice/core";
import { Client, type ClientOptions } from "@sluice/util/client";
import { type Connector, httpsConnector } from "@sluice/util/connect";
import { listen } from "@sluice/util/node";
import { type AutoOptions, serveAll } from "@sluice/util/server";
import { ca, leaf } from "../support/tls-fixtures.ts";

export interface UpstreamConfig {
  readonly url: string;
  readonly connectTo?: string;
  readonly servername?: string;
  readonly authority?: string;
  readonly keepHost?: boolean;
  readonly version?: "auto" | "http1" | "http2";
  readonly headers?: Readonly<Record<string, string>>;
  readonly headMs?: number;
  readonly idleMs?: number;
}

export interface ProxyConfig {
  readonly routes?: readonly {
    readonly host?: string;
    readonly location?: string;
    readonly upstream: UpstreamConfig;
  }[];
  readonly forwarded?: string;
  readonly via?: string;
  readonly name?: string;
  readonly upgrades?: readonly string[];
  readonly tunnels?: readonly string[];
  readonly tunnelIdleMs?: number;
  readonly connector?: Connector;
  readonly client?: ClientOptions;
  readonly log?: (line: string) => void;
}

interface ReverseProxy {
  serve(io: Io): Service;
  close(): Promise<void>;
}

const folder = new URL("../../../../docs/examples/reverse-proxy/", import.meta.url);
const { reverseProxy } = (await import(new URL("proxy.mjs", folder).href)) as {
  reverseProxy(config: ProxyConfig): ReverseProxy;
};

export { reverseProxy };

export interface Running extends AsyncDisposable {
  readonly port: number;
  readonly origin: string;
}

export interface RunningProxy extends Running {
  /** The lines it has logged. */
  readonly log: readonly string[];
  /** Drains it; resolves when it is closed. */
  shutdown(deadlineMs?: number): Promise<void>;
}

/** Heads without `date`, so that they are predictable to the byte. */
const plain: AutoOptions = {
  http1: { autoDateHeader: false },
  http2: { autoDateHeader: false, enableConnectProtocol: true },
};

/** A proxy that says nothing of itself unless `config` has it say so. */
export async function startProxy(
  config: ProxyConfig | string,
  { tls = false, ...options }: AutoOptions & { readonly tls?: boolean } = {},
): Promise<RunningProxy> {
  const log: string[] = [];
  const proxy = reverseProxy({
    ...{ via: "off", forwarded: "off", connector: httpsConnector({ ca }), log: (line: string) => void log.push(line) },
    ...(typeof config === "string" ? { routes: [{ upstream: { url: config } }] } : config),
    // Upstreams that are moved by hand do not end their side.
    client: { http1: { lingerTimeoutMs: 20 }, ...(typeof config === "object" && config.client) },
  });
  const listener = listen({ host: "127.0.0.1", ...(tls && { tls: leaf("localhost") }) });
  const server = serveAll(listener, proxy.serve, { ...plain, ...options, onError: () => {} });
  const { port } = await listener.ready;
  const shutdown = async (deadlineMs = 10_000): Promise<void> => {
    await server.shutdown({ deadlineMs, graceMs: 0 });
    await proxy.close();
  };
  return {
    port,
    origin: `${tls ? "https" : "http"}://localhost:${port}`,
    log,
    shutdown,
    async [Symbol.asyncDispose]() {
      await server.abort();
      await proxy.close();
    },
  };
}

/** What an upstream was asked. */
export interface Asked {
  readonly line: string;
  readonly authority: string | undefined;
  readonly fields: readonly [string, string][];
}

export interface Upstream extends Running {
  readonly asked: readonly Asked[];
}

/** An upstream that speaks both versions. */
export async function startUpstream(
  call: (request: HttpRequest) => HttpResponse | Promise<HttpResponse>,
  { tls = false, ...options }: AutoOptions & { readonly tls?: boolean } = {},
): Promise<Upstream> {
  const asked: Asked[] = [];
  const service = serviceFn((request) => {
    const { method, target, version, authority, headers } = request;
    asked.push({ line: `${method} ${target.pathAndQuery} ${version}`, authority, fields: [...headers] });
    return call(request);
  });
  const listener = listen({ host: "127.0.0.1", ...(tls && { tls: leaf("localhost") }) });
  const server = serveAll(listener, service, { ...plain, ...options, onError: () => {} });
  const { port } = await listener.ready;
  return {
    port,
    origin: `${tls ? "https" : "http"}://localhost:${port}`,
    asked,
    async [Symbol.asyncDispose]() {
      await server.abort();
    },
  };
}

/** A client of its own for a test. */
export function newClient(options: ClientOptions = {}): Client & AsyncDisposable {
  const client = new Client({ connector: httpsConnector({ ca }), ...options });
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.destroy() });
}

export interface Received {
  readonly status: number;
  readonly fields: readonly [string, string][];
  readonly text: string;
  readonly trailers: HeaderMap | undefined;
}

/** A response with all of its content. */
export async function received(response: HttpResponse): Promise<Received> {
  const collected = collect(response.body);
  return {
    status: response.status,
    fields: [...response.headers],
    text: await collected.text(),
    trailers: await collected.trailers(),
  };
}

/** Waits, turn by turn, until `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 5_000; turn++) {
    if (condition()) return;
    await new Promise((resolve) => (turn < 200 ? setImmediate(resolve) : setTimeout(resolve, 1)));
  }
  throw new Error("the condition has not come true");
}
