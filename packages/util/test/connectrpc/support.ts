/**
 * One service with a method of each kind, on servers of Sluice and of connect-node, and clients of both for it.
 */
import { once } from "node:events";
import { createServer as createHttp1, type Server } from "node:http";
import { createServer as createHttp2, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { create } from "@bufbuild/protobuf";
import {
  Code,
  type Client as ConnectClient,
  ConnectError,
  type ConnectRouter,
  createClient,
  type HandlerContext,
  type Transport,
} from "@connectrpc/connect";
import * as node from "@connectrpc/connect-node";
import { Client } from "@sluice/util/client";
import * as sluice from "@sluice/util/connectrpc";
import { listen } from "@sluice/util/node";
import { serveAll } from "@sluice/util/server";
import { Kinds, type Ping, PongSchema } from "./schema.ts";

export const protocols = ["connect", "grpc", "grpc-web"] as const;
export type ProtocolName = (typeof protocols)[number];

/** What the methods saw. */
export class Seen {
  /** Messages that a stream was asked for. */
  pulled = 0;
  /** Why calls were over before their end. */
  readonly reasons: ConnectError[] = [];
  readonly #waiting: ((reason: ConnectError) => void)[] = [];
  #notStarted: (() => void)[] = [];
  #started = 0;

  /** A method waits for the end of its call. */
  begin(signal: AbortSignal): Promise<never> {
    this.#started++;
    for (const resolve of this.#notStarted.splice(0)) resolve();
    return new Promise((_resolve, reject) => {
      const over = (): void => {
        const reason = signal.reason as ConnectError;
        this.reasons.push(reason);
        this.#waiting.shift()?.(reason);
        reject(reason);
      };
      if (signal.aborted) over();
      else signal.addEventListener("abort", over);
    });
  }

  /** Resolves when a method has begun to wait. */
  async started(): Promise<void> {
    if (this.#started === 0) await new Promise<void>((resolve) => this.#notStarted.push(resolve));
  }

  /** The reason of the first call that was given up. */
  async reason(): Promise<ConnectError> {
    return this.reasons[0] ?? (await new Promise((resolve) => this.#waiting.push(resolve)));
  }
}

export const failure = {
  message: "no such thing - ü",
  detail: { text: "detail", count: 7 },
};

function fail(): never {
  const metadata = { "x-why": "test", "x-data-bin": "AAEC" };
  throw new ConnectError(failure.message, Code.NotFound, metadata, [{ desc: PongSchema, value: failure.detail }]);
}

function tell({ requestHeader, responseHeader, responseTrailer }: HandlerContext): void {
  const asked = requestHeader.get("x-asked");
  if (asked === null) return;
  responseHeader.set("x-header", asked);
  responseTrailer.set("x-trailer", asked);
}

/** The service. By the text of the first message it echoes, fails, or waits for the end of the call. */
export function routes(seen: Seen = new Seen()): (router: ConnectRouter) => void {
  const one = async ({ text, count, data }: Ping, context: HandlerContext) => {
    tell(context);
    if (text === "fail") fail();
    if (text === "throw") throw new Error("secret");
    if (text === "wait") await seen.begin(context.signal);
    return { text, count, data };
  };
  return (router) =>
    void router.service(Kinds, {
      unary: one,
      look: one,
      async *server({ text, count, data }, context) {
        tell(context);
        for (let i = 0; i < count; i++) {
          seen.pulled++;
          yield { text, count: i, data };
        }
        if (text === "fail") fail();
        if (text === "wait") await seen.begin(context.signal);
      },
      async client(pings, context) {
        tell(context);
        let text = "";
        let count = 0;
        for await (const ping of pings) {
          if (ping.text === "fail") fail();
          text += ping.text;
          count++;
        }
        return { text, count };
      },
      async *bidi(pings, context) {
        tell(context);
        for await (const { text, count } of pings) {
          if (text === "fail") fail();
          yield { text: text.toUpperCase(), count };
          if (text === "wait") await seen.begin(context.signal);
        }
      },
    });
}

export interface TestServer extends AsyncDisposable {
  readonly baseUrl: string;
  /** Cuts all connections. */
  cut(): void;
}

/** Sluice's server, for HTTP/1.1 and HTTP/2. */
export async function sluiceServer(options: sluice.ConnectServiceOptions, port = 0): Promise<TestServer> {
  const listener = listen({ port, host: "127.0.0.1" });
  const serving = serveAll(listener, sluice.connectService(options));
  const address = (await listener.ready) as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${address.port}`,
    cut: () => void serving.abort(),
    [Symbol.asyncDispose]: async () => void (await serving.abort()),
  };
}

/** connect-node's adapter on a server of Node. */
export async function nodeServer(
  httpVersion: "1.1" | "2",
  options: node.ConnectNodeAdapterOptions,
): Promise<TestServer> {
  const handler = node.connectNodeAdapter(options);
  const server: Server | Http2Server = httpVersion === "2" ? createHttp2(handler) : createHttp1(handler);
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session: ServerHttp2Session) => sessions.add(session));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = (): void => {
    for (const session of sessions) session.destroy();
    if ("closeAllConnections" in server) server.closeAllConnections();
  };
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}

export interface TestClient extends AsyncDisposable {
  readonly transport: Transport;
  readonly call: ConnectClient<typeof Kinds>;
}

type Further = Partial<Omit<sluice.TransportOptions, "baseUrl" | "client" | "httpVersion">>;

/** connect-es over the pooled client. */
export function sluiceClient(
  protocol: ProtocolName,
  httpVersion: "1.1" | "2",
  baseUrl: string,
  further: Further = {},
  client: Client = new Client(),
): TestClient {
  const options = { baseUrl, client, ...further };
  const transport =
    protocol === "grpc"
      ? sluice.createGrpcTransport(options)
      : protocol === "connect"
        ? sluice.createConnectTransport({ ...options, httpVersion })
        : sluice.createGrpcWebTransport({ ...options, httpVersion });
  return {
    transport,
    call: createClient(Kinds, transport),
    [Symbol.asyncDispose]: () => client.destroy(),
  };
}

/** connect-es over connect-node. */
export function nodeClient(protocol: ProtocolName, httpVersion: "1.1" | "2", baseUrl: string): TestClient {
  const sessionManager = new node.Http2SessionManager(baseUrl);
  const options = httpVersion === "2" ? { baseUrl, httpVersion, sessionManager } : { baseUrl, httpVersion };
  const transport =
    protocol === "grpc"
      ? node.createGrpcTransport({ baseUrl, sessionManager })
      : protocol === "connect"
        ? node.createConnectTransport(options)
        : node.createGrpcWebTransport(options);
  return {
    transport,
    call: createClient(Kinds, transport),
    async [Symbol.asyncDispose]() {
      sessionManager.abort();
    },
  };
}

export async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

/** What a call was refused with. */
export async function errorOf(call: Promise<unknown>): Promise<ConnectError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ConnectError) return error;
  throw new Error("the call did not fail with a ConnectError", { cause: error });
}

export function pong(fields: { text?: string; count?: number; data?: Uint8Array }): object {
  return create(PongSchema, fields);
}
