/** The client and the server of node:http2. */
import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionOptions,
  type ClientSessionRequestOptions,
  connect,
  createSecureServer,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
  type ServerHttp2Session,
  type ServerOptions,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { certificate } from "./certificate.ts";

export interface NodeSession extends AsyncDisposable {
  readonly session: ClientHttp2Session;
  /** The errors of the session. */
  readonly errors: readonly Error[];
  open(headers: OutgoingHttpHeaders, options?: ClientSessionRequestOptions): ClientHttp2Stream;
  /** Sends a request, with content if there is any, and gives what came back. */
  ask(path: string, headers?: OutgoingHttpHeaders, content?: Uint8Array | string): Promise<NodeAnswer>;
}

export interface NodeAnswer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly trailers: IncomingHttpHeaders | undefined;
}

export async function connectNode(
  origin: string,
  options: ClientSessionOptions | SecureClientSessionOptions = {},
): Promise<NodeSession> {
  // By default node gives up streams that have more than 10 MB to send.
  const memory = { maxSessionMemory: 200 };
  const session = connect(origin, { ca: certificate().cert, servername: "localhost", ...memory, ...options });
  const closed = new Promise<void>((resolve) => session.once("close", resolve));
  const errors: Error[] = [];
  session.on("error", (error) => errors.push(error));
  await once(session, "connect");
  const open = (headers: OutgoingHttpHeaders, more?: ClientSessionRequestOptions) => session.request(headers, more);
  return {
    session,
    errors,
    open,
    ask(path, headers, content) {
      const method = content === undefined ? "GET" : "POST";
      const stream = open({ ":path": path, ":method": method, ...headers });
      if (content !== undefined) stream.end(content);
      return answer(stream);
    },
    async [Symbol.asyncDispose]() {
      session.destroy();
      await closed;
    },
  };
}

/** The whole response to a request. */
export async function answer(stream: ClientHttp2Stream): Promise<NodeAnswer> {
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders | undefined;
  stream.on("response", (received) => (headers = received));
  stream.on("trailers", (received) => (trailers = received));
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return { status: headers[":status"] as number | undefined, headers, bytes: Buffer.concat(chunks), trailers };
}

export interface NodeServer2 extends AsyncDisposable {
  readonly server: Http2Server;
  readonly port: number;
  readonly sessions: readonly ServerHttp2Session[];
}

export async function startNode2(
  listen: (server: Http2Server) => void,
  options: ServerOptions & { readonly tls?: boolean } = {},
): Promise<NodeServer2> {
  const { tls = false, ...settings } = options;
  const server = tls ? createSecureServer({ ...certificate(), ...settings }) : createServer(settings);
  const sessions: ServerHttp2Session[] = [];
  server.on("session", (session) => {
    sessions.push(session);
    session.on("error", () => {});
  });
  listen(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    server,
    port: (server.address() as AddressInfo).port,
    sessions,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
