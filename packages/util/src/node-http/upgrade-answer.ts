/**
 * Requests that leave HTTP, for listeners that answer them on a socket: Node's `upgrade` and `connect` events.
 *
 *   HEAD -> GRANTED -> OPEN      101 was written, or 2xx to CONNECT: the stream is the transport from here on
 *   HEAD -> ANSWER               anything else was written: a response, and no upgrade
 *
 * The engine writes the head of every response, so the one that the listener writes is read first and handed over as an
 * `HttpResponse`; what is written behind it waits until the connection has left HTTP.
 */
import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { HttpError, type HttpRequest, HttpResponse, type Io, type IoInfo, upgradeOn } from "@sluice/core";
import { transportError } from "../transport-error.ts";
import type { NodeUpgradeListener } from "./from-node-listener.ts";
import type { ListenerConnection } from "./listener-connection.ts";
import { ListenerRequest, type RequestOwner } from "./listener-request.ts";
import { parseRawHead } from "./raw-head.ts";
import { report } from "./report.ts";
import { type BodyOwner, QueueBody } from "./response-body.ts";
import { isThenable } from "./thenable.ts";

type Done = (error?: Error | null) => void;

const HEAD = 0;
const GRANTED = 1;
const OPEN = 2;
const ANSWER = 3;
const OVER = 4;

/** The longest head a listener may write. Node has no limit for what it writes itself; nobody needs more than this. */
const maxHeadBytes = 65_536;

const noOwner: RequestOwner = {
  requestDestroyed: () => {},
  requestFailed: () => {},
  active: () => {},
  setTimeout: () => {},
};

interface Answer {
  readonly resolve: (response: HttpResponse) => void;
  readonly reject: (error: unknown) => void;
}

/** Whether Node's server would emit `upgrade`: HTTP/1.1 that names a protocol and says so in `Connection`. */
export function asksForUpgrade(request: HttpRequest): boolean {
  if (request.version !== "HTTP/1.1" || !request.headers.has("upgrade")) return false;
  return /(?:^|[\s,])upgrade(?:$|[\s,])/i.test(request.headers.getJoined("connection") ?? "");
}

/** Lets `listener` answer `request` on a socket. */
export function answerOnSocket(
  listener: NodeUpgradeListener,
  rules: { readonly onError: (error: unknown, req: IncomingMessage) => void },
  connection: ListenerConnection,
  request: HttpRequest,
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const stream = new UpgradeStream(request, connection, { resolve, reject });
    const incoming = new ListenerRequest(request, noOwner, stream);
    ListenerRequest.setVersion(incoming);
    Object.assign(incoming, { upgrade: true });
    const failed = (error: unknown): void => {
      report(rules.onError, error, incoming);
      stream.failed();
    };
    try {
      const result = listener(incoming, stream, Buffer.alloc(0));
      if (isThenable(result)) result.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  });
}

class UpgradeStream extends Duplex implements BodyOwner {
  readonly #request: HttpRequest;
  readonly #connection: ListenerConnection;
  readonly #answer: Answer;
  #state: typeof HEAD | typeof GRANTED | typeof OPEN | typeof ANSWER | typeof OVER = HEAD;
  /** The head as far as it was written, one char per byte. */
  #head = "";
  #io: Io | undefined;
  #body: QueueBody | undefined;
  /** What waits for the transport. */
  #pending: (() => void) | undefined;
  #reading = false;

  constructor(request: HttpRequest, connection: ListenerConnection, answer: Answer) {
    super({ allowHalfOpen: true });
    this.#request = request;
    this.#connection = connection;
    this.#answer = answer;
    const { signal } = request;
    if (signal.aborted) process.nextTick(() => this.destroy());
    else signal.addEventListener("abort", () => process.nextTick(() => this.destroy()), { once: true });
  }

  get #info(): IoInfo {
    return this.#connection.info;
  }
  get remoteAddress(): string | undefined {
    return this.#info.remoteAddress;
  }
  get remotePort(): number | undefined {
    return this.#info.remotePort;
  }
  get localAddress(): string | undefined {
    return this.#info.localAddress;
  }
  get localPort(): number | undefined {
    return this.#info.localPort;
  }
  get encrypted(): true | undefined {
    return this.#info.secure === true ? true : undefined;
  }
  setTimeout(ms: number, callback?: () => void): this {
    this.#socket?.setTimeout(ms, callback);
    return this;
  }
  setNoDelay(on?: boolean): this {
    this.#socket?.setNoDelay(on);
    return this;
  }
  setKeepAlive(on?: boolean, delayMs?: number): this {
    this.#socket?.setKeepAlive(on, delayMs);
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }

  /** Node's socket underneath, of which all but the bytes is available. */
  get #socket(): Socket | undefined {
    const { transport } = this.#connection;
    return transport !== undefined && "setNoDelay" in transport ? (transport as Socket) : undefined;
  }

  /** The listener threw. */
  failed(): void {
    if (this.#state === HEAD) {
      this.#state = OVER;
      this.#answer.resolve(new HttpResponse(500, { connection: "close" }));
    }
    this.destroy();
  }

  // BodyOwner.

  sent(): void {}
  released(): void {}
  waiting(): void {}
  lost(): void {
    process.nextTick(() => this.destroy());
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: Done): void {
    switch (this.#state) {
      case HEAD:
        this.#takeHead(chunk, done);
        break;
      case GRANTED:
        this.#pending = () => this.#send(chunk, done);
        break;
      case OPEN:
        this.#send(chunk, done);
        break;
      case ANSWER:
        this.#body?.push(chunk, done);
        break;
      default:
        done();
    }
  }

  override _writev(entries: { readonly chunk: Uint8Array }[], done: Done): void {
    const chunks = entries.map((entry) => entry.chunk);
    if (this.#state === OPEN) this.#sendAll(chunks, done);
    else this._write(Buffer.concat(chunks), "buffer" as BufferEncoding, done);
  }

  override _read(): void {
    if (this.#io === undefined) this.#reading = true;
    else this.#io.read(this.#onRead);
  }

  override _final(done: Done): void {
    if (this.#state === OPEN) {
      this.#io?.shutdown((error) => done(asError(error)));
    } else if (this.#state === GRANTED) {
      this.#pending = () => this._final(done);
    } else {
      this.#body?.end(undefined);
      done();
    }
  }

  override _destroy(error: Error | null, done: Done): void {
    const state = this.#state;
    this.#state = OVER;
    this.#pending = undefined;
    if (state === HEAD) {
      // Nothing was answered: the client gets nothing.
      this.#connection.destroy(error);
      const message = "the request for an upgrade was not answered";
      this.#answer.reject(new HttpError("user", "UPGRADE_REFUSED", message, { cause: error }));
    } else if (state === ANSWER && !this.writableEnded) {
      this.#body?.fail(error ?? new HttpError("user", "UPGRADE_REFUSED", "the answer was not written to its end"));
    }
    this.#io?.abort(error ?? undefined);
    done(error);
  }

  #takeHead(chunk: Uint8Array, done: Done): void {
    this.#head += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("latin1");
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) {
      const tooLong = this.#head.length > maxHeadBytes;
      done(
        tooLong
          ? new HttpError("limit", "HEAD_TOO_LARGE", `a head of more than ${maxHeadBytes} bytes was written`)
          : null,
      );
      return;
    }
    const rest = Buffer.from(this.#head.slice(end + 4), "latin1");
    const text = this.#head.slice(0, end);
    this.#head = "";
    try {
      this.#respond(text);
    } catch (error) {
      done(error as Error);
      return;
    }
    if (rest.length === 0) done();
    else this._write(rest, "buffer" as BufferEncoding, done);
  }

  #respond(text: string): void {
    const { status, reason, fields } = parseRawHead(text);
    const request = this.#request;
    const granted = request.method === "CONNECT" ? status >= 200 && status < 300 : status === 101;
    const body = granted ? undefined : new QueueBody(this);
    const response = new HttpResponse(status, fields, body);
    if (reason !== "") response.withReason(reason);
    this.#state = granted ? GRANTED : ANSWER;
    this.#body = body;
    if (granted) {
      upgradeOn(request).then(
        (io) => this.#open(io),
        (error: unknown) => this.destroy(asError(error)),
      );
    }
    this.#answer.resolve(response);
  }

  #open(io: Io): void {
    if (this.destroyed) {
      io.abort();
      return;
    }
    this.#io = io;
    this.#state = OPEN;
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.();
    if (this.#reading) io.read(this.#onRead);
  }

  #send(chunk: Uint8Array, done: Done): void {
    this.#sendAll([chunk], done);
  }

  #sendAll(chunks: readonly Uint8Array[], done: Done): void {
    const io = this.#io as Io;
    if (io.write(chunks)) done();
    else io.drained((error) => done(asError(error)));
  }

  readonly #onRead = (chunk: Uint8Array | null, error?: unknown): void => {
    if (error !== undefined) this.destroy(asError(error));
    else this.push(chunk);
  };
}

function asError(error: unknown): Error | undefined {
  return error === undefined || error instanceof Error ? error : transportError(error);
}
