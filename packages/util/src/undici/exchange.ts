/**
 * One dispatch on its way: the request is given to the client, and what becomes of it is told to the handler, piece by piece.
 *
 * Data is asked for one frame at a time and only while the handler wants it, so a paused handler stops the sender. The handler is told
 * of one end: complete, upgraded, or failed. What it throws before that fails the exchange.
 */
import { type Body, type Frame, type HeaderMap, inspect, isData } from "@sluice/body";
import { canonicalReason, type HttpResponse, upgradeOn } from "@sluice/core";
import type { Client } from "../client/index.ts";
import { nodeStream } from "../node/node-stream.ts";
import { throwLater } from "../transport-error.ts";
import { DispatchError } from "./dispatch-error.ts";
import type { DispatchRequest } from "./dispatch-request.ts";
import type { DispatchController, DispatchHandler } from "./handler.ts";
import type { RawFields } from "./raw-fields.ts";
import type { Receiver } from "./receiver.ts";
import { refusedTunnel } from "./refused-tunnel.ts";
import { translateError } from "./translate-error.ts";

type State =
  /** The response head has not come. */
  | "sending"
  /** The handler has the head and is given the content. */
  | "reading"
  /** The handler was told of the end. */
  | "over";

export class Exchange implements DispatchController {
  aborted = false;
  paused = false;
  reason: unknown = null;
  rawHeaders: RawFields | null = null;
  rawTrailers: RawFields | null = null;
  readonly #receiver: Receiver;
  readonly #handler: DispatchHandler;
  readonly #prepared: DispatchRequest;
  readonly #onOver: (error: unknown) => void;
  readonly #abort = new AbortController();
  #state: State = "sending";
  #response: HttpResponse | undefined;
  #trailers: HeaderMap | undefined;
  readonly #isBodiless: boolean;
  /** A frame is awaited, or handed over right now. */
  #isPulling = false;
  /** Came after the handler had paused. */
  #held: { readonly frame: Frame | null } | undefined;
  #isRequestSent = false;

  /** @param onOver is called once, behind the handler, with the error if it failed. */
  constructor(
    receiver: Receiver,
    handler: DispatchHandler,
    prepared: DispatchRequest,
    onOver: (error: unknown) => void,
  ) {
    this.#receiver = receiver;
    this.#handler = handler;
    this.#prepared = prepared;
    this.#onOver = onOver;
    this.#isBodiless = prepared.content.body.isEndStream();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.#pump();
  }

  abort(reason?: unknown): void {
    if (this.aborted || this.#isOver) return;
    this.aborted = true;
    this.reason = reason ?? new DispatchError("UND_ERR_ABORTED");
    this.fail(this.reason);
  }

  /** Tells the handler and sends the request. */
  run(client: Client): void {
    const { request, content, origin, timeouts, version } = this.#prepared;
    content.stream?.on("error", this.#onStreamError);
    this.#guard(() => this.#receiver.start(this));
    if (this.#isOver) return;
    request.body = this.#watched(content.body);
    const { again } = content;
    const response = client.request(request, {
      origin,
      timeouts,
      version,
      signal: this.#abort.signal,
      onInformational: this.#onInformational,
      replayBody: again === undefined ? undefined : () => this.#watched(again()),
    });
    response.then(this.#onResponse, this.#onFailure);
  }

  /** Ends the exchange with `error`, wherever it is. */
  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#state = "over";
    try {
      this.#receiver.error(this, error);
    } catch (thrown) {
      throwLater(thrown);
    }
    this.#abort.abort(error);
    this.#letGo(error);
    this.#onOver(error);
  }

  get #isOver(): boolean {
    return this.#state === "over";
  }

  /** Frees what nobody will ask for any more. */
  #letGo(error: unknown): void {
    const { request, content } = this.#prepared;
    this.#response?.body.cancel(error);
    request.body.cancel(error);
    // An iterator that was never asked does not destroy its stream.
    content.stream?.destroy();
  }

  /** Calls the handler; what it throws fails the exchange. */
  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.fail(error);
    }
  }

  readonly #onStreamError = (error: unknown): void => this.fail(error);

  readonly #onFailure = (error: unknown): void => this.fail(translateError(error, this.#response));

  readonly #onInformational = (status: number, headers: HeaderMap): void => {
    // 100 is between the connection and the server.
    if (status === 100 || this.#isOver) return;
    const wasPaused = this.paused;
    this.#guard(() => {
      this.#handler.onResponseStarted?.();
      this.#receiver.head(this, status, headers, canonicalReason(status) ?? "");
    });
    // A 1xx has no content to wait with; handlers say `false` to it nevertheless.
    this.paused = wasPaused;
  };

  readonly #onResponse = (response: HttpResponse): void => {
    if (this.#isOver) {
      response.body.cancel();
      return;
    }
    this.#response = response;
    if (this.#isBodiless) this.#sent();
    const { status, headers } = response;
    if (this.#leaves(status)) {
      upgradeOn(response).then((io) => this.#upgraded(response, nodeStream(io)), this.#onFailure);
      return;
    }
    if (this.#prepared.request.method === "CONNECT") {
      this.#upgraded(response, refusedTunnel(response.body));
      return;
    }
    this.#state = "reading";
    // HTTP/2 has no phrases.
    const reason = response.version === "HTTP/2" ? "" : response.reason;
    this.#guard(() => {
      this.#handler.onResponseStarted?.();
      this.#receiver.head(this, status, headers, reason);
    });
    this.#pump();
  };

  #leaves(status: number): boolean {
    if (!this.#prepared.leavesHttp) return false;
    return status === 101 || (this.#prepared.request.method === "CONNECT" && status >= 200 && status < 300);
  }

  #upgraded(response: HttpResponse, socket: ReturnType<typeof nodeStream>): void {
    if (this.#isOver) {
      socket.destroy();
      return;
    }
    this.#state = "over";
    // As the sockets that undici gives: who waits for the end of one (a WebSocket does) does not end it.
    socket.allowHalfOpen = false;
    try {
      this.#receiver.upgrade(this, response.status, response.headers, socket);
    } catch (error) {
      socket.destroy();
      this.#state = "sending";
      this.fail(error);
      return;
    }
    this.#onOver(undefined);
  }

  /** Hands over what is there while it is wanted. */
  #pump(): void {
    if (this.#state !== "reading" || this.#isPulling || this.#response === undefined) return;
    const { body } = this.#response;
    this.#isPulling = true;
    try {
      while (this.#state === "reading" && !this.paused) {
        const held = this.#held;
        this.#held = undefined;
        const next = held === undefined ? body.frame() : held.frame;
        if (next !== null && "then" in next) {
          next.then(this.#onFrame, this.#onBodyError);
          return;
        }
        this.#take(next);
      }
    } catch (error) {
      this.#onFailure(error);
    }
    this.#isPulling = false;
  }

  readonly #onFrame = (frame: Frame | null): void => {
    if (this.paused) this.#held = { frame };
    else this.#take(frame);
    this.#isPulling = false;
    this.#pump();
  };

  readonly #onBodyError = (error: unknown): void => {
    this.#isPulling = false;
    this.#onFailure(error);
  };

  #take(frame: Frame | null): void {
    if (this.#state !== "reading") return;
    if (frame === null) this.#complete();
    else if (!isData(frame)) this.#trailers = frame.fields;
    else if (frame.length > 0) this.#guard(() => this.#receiver.data(this, asBuffer(frame)));
  }

  #complete(): void {
    this.#guard(() => this.#receiver.end(this, this.#trailers));
    if (this.#isOver) return;
    this.#state = "over";
    this.#onOver(undefined);
  }

  /** The request's content, with the handler told of what is sent, if it wants to know. */
  #watched(body: Body): Body {
    const { onBodySent, onRequestSent } = this.#handler;
    if ((onBodySent === undefined && onRequestSent === undefined) || this.#isBodiless) return body;
    let left = body.sizeHint().exact;
    return inspect(body, {
      onFrame: (frame) => {
        if (!isData(frame)) return;
        this.#handler.onBodySent?.(asBuffer(frame));
        if (left !== undefined && (left -= frame.length) === 0) this.#sent();
      },
      onEnd: () => this.#sent(),
    });
  }

  #sent(): void {
    if (this.#isRequestSent) return;
    this.#isRequestSent = true;
    this.#guard(() => this.#handler.onRequestSent?.());
  }
}

function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
