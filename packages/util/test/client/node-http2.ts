/**
 * An HTTP/2 server by Node, whose sessions and streams the test moves by hand: for a GOAWAY in the middle of things, and to see
 * a request with the eyes of another implementation.
 */
import { once } from "node:events";
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { until } from "./support.ts";

/** A request whose head has arrived. */
export interface HeldRequest {
  readonly stream: ServerHttp2Stream;
  readonly session: ServerHttp2Session;
  /** The field lines, names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly id: string | undefined;
  /** Its content so far. */
  content: string;
}

export class NodeHttp2 implements AsyncDisposable {
  readonly requests: HeldRequest[] = [];
  readonly sessions: ServerHttp2Session[] = [];
  readonly #server: Http2Server = createServer();

  /** Use `startNodeHttp2`. */
  constructor(onRequest: (request: HeldRequest) => void) {
    this.#server.on("session", (session) => {
      this.sessions.push(session);
      session.on("error", () => {});
    });
    this.#server.on("stream", (stream, headers, _flags, rawHeaders?: readonly string[]) => {
      const held: HeldRequest = {
        stream,
        session: stream.session as ServerHttp2Session,
        rawHeaders: rawHeaders ?? [],
        id: headers["x-id"] as string | undefined,
        content: "",
      };
      stream.on("error", () => {});
      stream.on("data", (chunk: Buffer) => (held.content += chunk.toString("latin1")));
      this.requests.push(held);
      onRequest(held);
    });
  }

  async listening(): Promise<this> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves with the requests once there are `count` of them. */
  async arrived(count: number): Promise<readonly HeldRequest[]> {
    await until(() => this.requests.length >= count);
    return this.requests;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const session of this.sessions) session.destroy();
    await closed;
  }
}

/** @param onRequest Is told of each request. Default: the test looks after them. */
export function startNodeHttp2(onRequest: (request: HeldRequest) => void = () => {}): Promise<NodeHttp2> {
  return new NodeHttp2(onRequest).listening();
}
