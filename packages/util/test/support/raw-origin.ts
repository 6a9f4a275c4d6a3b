/**
 * An HTTP/1 origin that says exactly what it is told to, right or wrong: the bytes of each answer and what becomes of the
 * connection afterwards are scripted. For what a proper server would never do.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { settle } from "./io.ts";
import { fieldOf, type MessageScanner, requestScanner } from "./message-scanner.ts";

/** A request whose head arrived. */
export interface RawRequest {
  /** The head as it came, with its empty line, in latin1. */
  readonly head: string;
  readonly method: string;
  readonly path: string;
  /** The value of `x-id`. */
  readonly id: string | undefined;
  readonly connectionIndex: number;
  /** The how many-th it is on its connection, from 1. */
  readonly number: number;
}

export interface RawAnswer {
  /** The bytes, in latin1; those of a list are written one by one, each in a turn of its own. */
  readonly bytes: string | readonly string[];
  /** When they are written: after the whole request, or after its head whether or not there is content. Default `request`. */
  readonly after?: "request" | "head";
  /**
   * What becomes of the connection: kept; closed (FIN) whatever the answer said; reset; or closed if no byte arrives
   * within some turns of the event loop. Default `keep`.
   */
  readonly afterwards?: "keep" | "close" | "reset" | { readonly closeAfterIdleTurns: number };
}

export type RawScript = (request: RawRequest) => RawAnswer | string;

/** A complete response with a length. Further field lines end with CRLF each. */
export function rawResponse(body: string, fields = "", status = "200 OK"): string {
  return `HTTP/1.1 ${status}\r\n${fields}content-length: ${body.length}\r\n\r\n${body}`;
}

/** A chunked response, its last chunk and the end of the body in the same write. */
export function rawChunked(...chunks: readonly string[]): RawAnswer {
  const framed = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`);
  const end = `${framed.pop() ?? ""}0\r\n\r\n`;
  return { bytes: ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", ...framed, end] };
}

/** Interim responses, each in a turn of its own, then `response`. `status` such as `103 Early Hints`. */
export function rawInformational(response: string, ...statuses: readonly string[]): RawAnswer {
  return { bytes: [...statuses.map((status) => `HTTP/1.1 ${status}\r\n\r\n`), response] };
}

/** Closes each connection after `count` requests, without saying so. */
export function closingAfter(count: number, script: RawScript): RawScript {
  return (request) => {
    const answer = normalized(script(request));
    return request.number < count ? answer : { ...answer, afterwards: "close" };
  };
}

export class RawOrigin implements AsyncDisposable {
  /** The requests, in the order in which their heads arrived. */
  readonly requests: readonly RawRequest[];
  readonly #requests: RawRequest[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #script: RawScript;
  #connectionCount = 0;

  /** Use `startRawOrigin`. */
  constructor(script: RawScript) {
    this.requests = this.#requests;
    this.#script = script;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Resolves when connecting is possible. */
  async listening(): Promise<this> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  get host(): string {
    return "127.0.0.1";
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Without a path. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Connections accepted so far. */
  get connectionCount(): number {
    return this.#connectionCount;
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  /** Stops listening and drops all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closing = [this.#server, ...this.#sockets].map((it) => once(it, "close"));
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closing);
  }

  #accept(socket: Socket): void {
    const connectionIndex = this.#connectionCount++;
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
    const connection = new RawConnection(socket, (head, number) => {
      const [method = "", path = ""] = head.split(" ", 2);
      const request = { head, method, path, id: fieldOf(head, "x-id"), connectionIndex, number };
      this.#requests.push(request);
      return normalized(this.#script(request));
    });
    socket.on("data", (chunk: Buffer) => connection.receive(chunk));
    socket.on("end", () => socket.end());
  }
}

/** Reads requests and answers them in order. */
class RawConnection {
  readonly #socket: Socket;
  readonly #answerTo: (head: string, number: number) => RawAnswer;
  readonly #scanner: MessageScanner;
  #answering: Promise<void> = Promise.resolve();
  #inRequest: RawAnswer | undefined = undefined;
  #received = 0;

  constructor(socket: Socket, answerTo: (head: string, number: number) => RawAnswer) {
    this.#socket = socket;
    this.#answerTo = answerTo;
    this.#scanner = requestScanner((head) => this.#onHead(head));
  }

  receive(chunk: Uint8Array): void {
    this.#received += chunk.length;
    for (let rest = chunk; rest.length > 0; ) {
      const before = this.#scanner.ended;
      rest = rest.subarray(this.#scanner.take(rest));
      if (this.#scanner.ended > before && this.#inRequest !== undefined) this.#answer(this.#inRequest);
    }
  }

  #onHead(head: string): void {
    const answer = this.#answerTo(head, this.#scanner.started);
    this.#inRequest = answer.after === "head" ? undefined : answer;
    if (answer.after === "head") this.#answer(answer);
  }

  #answer(answer: RawAnswer): void {
    this.#answering = this.#answering.then(() => this.#write(answer));
  }

  async #write({ bytes, afterwards = "keep" }: RawAnswer): Promise<void> {
    if (!this.#socket.writable) return;
    const pieces = typeof bytes === "string" ? [bytes] : bytes;
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) await settle(2);
      this.#socket.write(piece, "latin1");
    }
    if (afterwards === "close") {
      this.#socket.end();
    } else if (afterwards === "reset") {
      // The client has read the answer by then; otherwise the reset might take its place.
      await settle(2);
      this.#socket.resetAndDestroy();
    } else if (afterwards !== "keep") {
      const before = this.#received;
      await settle(afterwards.closeAfterIdleTurns);
      if (this.#received === before) this.#socket.end();
    }
  }
}

function normalized(answer: RawAnswer | string): RawAnswer {
  return typeof answer === "string" ? { bytes: answer } : answer;
}

/** Starts an origin that answers by `script`, which is asked when the head of a request has arrived. */
export function startRawOrigin(script: RawScript): Promise<RawOrigin> {
  return new RawOrigin(script).listening();
}
