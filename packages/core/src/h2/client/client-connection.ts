/**
 * The client role of an HTTP/2 connection: requests open streams, as many at a time as the server allows, and in the
 * order in which they came.
 */
import { closedConnection, markUnsent, unsent } from "../../client/errors.ts";
import { ReadyQueue } from "../../client/ready-queue.ts";
import { HttpError } from "../../error.ts";
import type { HttpRequest } from "../../message/request.ts";
import type { Observer } from "../../observer.ts";
import type { Io, Timer } from "../../rt/io.ts";
import { ConnectionFace } from "../connection/connection-face.ts";
import { goAwayError } from "../connection/going-away.ts";
import { Http2Machine, type Role } from "../connection/machine.ts";
import type { SettingEntry } from "../connection/settings-exchange.ts";
import { StreamIo } from "../connection/stream-io.ts";
import { CANCEL, CONNECT_ERROR, PROTOCOL_ERROR } from "../frame/error-code.ts";
import type { GoAway } from "../frame/goaway.ts";
import {
  SETTINGS_ENABLE_PUSH,
  SETTINGS_HEADER_TABLE_SIZE,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX_CONCURRENT_STREAMS,
  SETTINGS_MAX_FRAME_SIZE,
  SETTINGS_MAX_HEADER_LIST_SIZE,
} from "../frame/settings.ts";
import { checkListBytes } from "../head/outgoing-fields.ts";
import { protocolKey } from "../head/protocol.ts";
import { RequestHead } from "../head/request-head.ts";
import { RequestHeadWriter } from "../head/request-writer.ts";
import { ResponseHead } from "../head/response-head.ts";
import { connectionError } from "../http2-error.ts";
import type { ResolvedClientOptions } from "../options.ts";
import { fairPriority } from "../stream/priority.ts";
import { CLIENT, HALF_CLOSED_LOCAL, HEADERS, HEADERS_END, IDLE, RESERVED_REMOTE } from "../stream/state.ts";
import type { Stream } from "../stream/stream.ts";
import type { PushPromise } from "./push-promise.ts";
import { Pushes } from "./pushes.ts";
import { RequestQueue } from "./request-queue.ts";
import type { ResponseHandler, ResponseReceiver } from "./response-handler.ts";

export class ClientConnection extends ConnectionFace implements Role {
  readonly side: number = CLIENT;
  readonly machine: Http2Machine;
  readonly options: ResolvedClientOptions;
  readonly timer: Timer | null;
  readonly head: ResponseHead;
  readonly promised: RequestHead;
  readonly headWriter: RequestHeadWriter;
  lastProcessed = 0;
  readonly #io: Io;
  readonly #queue: RequestQueue<ResponseHandler> = new RequestQueue();
  /** Requests for other protocols, which wait to know whether the server speaks them. */
  readonly #undecided: ResponseHandler[] = [];
  readonly #pushes: Pushes;
  /** The server knows that we accept no pushes. */
  #pushRefused = false;
  readonly #waiting: ReadyQueue = new ReadyQueue();
  #requests = 0;

  constructor(
    io: Io,
    options: ResolvedClientOptions,
    hopByHop: "strip" | "refuse",
    timer: Timer | null,
    observer: Observer | undefined,
    onPush: ((promise: PushPromise) => void) | undefined,
  ) {
    super();
    this.#io = io;
    this.options = options;
    this.timer = timer;
    this.#pushes = new Pushes(options, onPush);
    this.head = new ResponseHead(options);
    this.promised = new RequestHead(options);
    this.headWriter = new RequestHeadWriter({ hopByHop, scheme: io.info?.secure === true ? "https" : "http" });
    this.machine = new Http2Machine(io, this, options, timer, observer);
    this.machine.streams.store.startLocalIdsAt(options.initialStreamId);
    this.machine.start();
  }

  override gracefulShutdown(deadlineMs?: number): void {
    this.machine.gracefulShutdown(deadlineMs);
  }

  // For those who send.

  get isClosed(): boolean {
    return this.machine.isClosing || !this.machine.streams.store.hasLocalId;
  }

  /** Whether a request would get a stream at once. */
  get isReady(): boolean {
    return !this.isClosed && this.#queue.isEmpty && this.#hasSlot;
  }

  /** Whether a stream for this request can be opened now, as far as is known. */
  canOpen(request: HttpRequest): boolean {
    return this.isReady && (this.machine.isGreeted || request.extensionsIfAny?.get(protocolKey) === undefined);
  }

  ready(): Promise<void> {
    if (this.isReady) return Promise.resolve();
    if (this.isClosed) return Promise.reject(this.#closedError());
    return this.#waiting.wait();
  }

  /** How many requests wait for a stream. */
  get queued(): number {
    return this.#queue.size + this.#undecided.length;
  }

  get maxRemoteStreams(): number {
    return this.#pushes.isEnabled ? this.options.maxConcurrentStreams : 0;
  }

  get maxLocalStreams(): number {
    return this.machine.isGreeted ? this.machine.peer.maxConcurrentStreams : this.options.initialMaxStreams;
  }

  /** Why a request cannot be taken now; it can be sent elsewhere. */
  refusal(): HttpError | undefined {
    if (this.isClosed) return markUnsent(this.#closedError());
    if (this.queued < this.options.maxQueuedRequests || this.isReady) return undefined;
    const message = `at most ${this.options.maxQueuedRequests} requests may wait for a stream`;
    return markUnsent(new HttpError("limit", "QUEUE_FULL", message));
  }

  /** Checks a request. @throws HttpError kind `user` if it cannot be sent. */
  check(request: HttpRequest): void {
    this.headWriter.prepare(request);
    this.#checkList();
  }

  /** As `check`, for content that is sent by hand. */
  checkHead(request: HttpRequest): void {
    this.headWriter.prepareHead(request);
    this.#checkList();
  }

  /** Opens a stream for a request that was just checked, or lets it wait. */
  admit(handler: ResponseHandler): void {
    const extended = handler.request.extensionsIfAny?.get(protocolKey) !== undefined;
    if (extended && !this.machine.isGreeted) {
      this.#undecided.push(handler);
    } else if (extended && !this.machine.peer.enableConnectProtocol) {
      handler.refuse(unsupportedProtocol());
    } else if (this.#queue.isEmpty && this.#hasSlot) {
      this.#open(handler);
    } else {
      this.#queue.push(handler);
      this.machine.observer?.stalled?.(0, "stream limit");
    }
  }

  leaveQueue(handler: ResponseHandler): void {
    const at = this.#undecided.indexOf(handler);
    if (at >= 0) this.#undecided.splice(at, 1);
    else this.#queue.remove(handler);
    this.machine.closeIfDone();
  }

  /** The transport that CONNECT makes of a stream. */
  tunnel(stream: Stream, request: HttpRequest): StreamIo {
    const extended = request.extensionsIfAny?.get(protocolKey) !== undefined;
    const { info, timer } = this.#io;
    const reason = extended ? CANCEL : CONNECT_ERROR;
    return new StreamIo(this.machine, stream, reason, this.options.maxSendBufferBytes, info, this.timer ?? timer);
  }

  // Role.

  get firstSettings(): readonly SettingEntry[] {
    const { options } = this;
    const entries: SettingEntry[] = [];
    if (options.headerTableBytes !== 4096) entries.push([SETTINGS_HEADER_TABLE_SIZE, options.headerTableBytes]);
    if (this.#pushes.isEnabled) entries.push([SETTINGS_MAX_CONCURRENT_STREAMS, options.maxConcurrentStreams]);
    else entries.push([SETTINGS_ENABLE_PUSH, 0]);
    const { initialWindowBytes } = options;
    if (!options.adaptiveWindow && initialWindowBytes !== 65_535) {
      entries.push([SETTINGS_INITIAL_WINDOW_SIZE, initialWindowBytes]);
    }
    if (options.maxFrameBytes !== 16_384) entries.push([SETTINGS_MAX_FRAME_SIZE, options.maxFrameBytes]);
    entries.push([SETTINGS_MAX_HEADER_LIST_SIZE, options.maxHeaderListBytes]);
    return entries;
  }

  get isIdle(): boolean {
    return this.#queue.isEmpty && this.#undecided.length === 0;
  }

  requestReceived(): void {}

  responseReceived(stream: Stream, endStream: boolean): void {
    const { head, machine } = this;
    const tooLong = machine.blocks.tooLong(stream.id, head.tooMany);
    if (tooLong !== undefined && endStream && stream.state === HALF_CLOSED_LOCAL) {
      // Both sides have ended: there is nothing left that a reset could end (RFC 9113 5.1).
      machine.streams.drop(stream, tooLong);
      return;
    }
    const error = tooLong ?? head.check(stream.id);
    if (error !== undefined) throw error;
    if (stream.state === RESERVED_REMOTE) {
      this.#pushes.begins(machine, stream, this.options.maxConcurrentStreams);
      this.lastProcessed = Math.max(this.lastProcessed, stream.id);
      if (!endStream) machine.streams.move(stream, HEADERS);
    }
    (stream.handler as ResponseReceiver).headReceived(stream, head, endStream);
    if (endStream && stream.error === undefined) machine.inbound.end(stream, HEADERS_END);
  }

  promiseReceived(parent: Stream | undefined, promisedId: number): void {
    const asked = parent === undefined ? undefined : (parent.handler as ResponseReceiver).request;
    this.#pushes.promised(this.machine, promisedId, this.promised, asked);
  }

  settingsChanged(first: boolean): void {
    if (first) for (const handler of this.#undecided.splice(0)) if (this.#passes(handler)) this.admit(handler);
    this.#openWaiting();
  }

  settingsAcknowledged(): void {
    this.#pushRefused = !this.#pushes.isEnabled;
  }

  priorityUpdated(): void {
    const message = "PRIORITY_UPDATE: servers must not send it (RFC 9218 7.1)";
    throw connectionError(PROTOCOL_ERROR, "PRIORITY_UPDATE_FROM_SERVER", message);
  }

  checkPush(): void {
    // RFC 9113 6.6: until it has seen our SETTINGS the server may push in good faith.
    if (!this.#pushRefused) return;
    const message = "PUSH_PROMISE: push was disabled by SETTINGS_ENABLE_PUSH = 0 (RFC 9113 6.6)";
    throw connectionError(PROTOCOL_ERROR, "PUSH_DISABLED", message);
  }

  /** RFC 9113 6.8: what the server will not process can be sent elsewhere. */
  goAwayReceived(goAway: GoAway): void {
    const { streams } = this.machine;
    // Those who wait first: they must not get the place of a stream that is dropped.
    this.#refuseAll(() => goAwayError(goAway));
    this.#waiting.fail(() => goAwayError(goAway));
    for (const stream of streams.store.all()) {
      if (streams.store.isLocal(stream.id) && stream.id > goAway.lastStreamId)
        streams.drop(stream, goAwayError(goAway));
    }
  }

  shuttingDown(): void {
    const error = (): HttpError => closedConnection(undefined);
    this.#refuseAll(() => unsent(error()));
    this.#waiting.fail(error);
  }

  tooLarge(stream: Stream): void {
    const message = `the content exceeds ${this.options.maxBodyBytes} bytes`;
    stream.canceled = true;
    this.machine.streams.reset(stream, CANCEL, new HttpError("limit", "BODY_TOO_LARGE", message));
    this.machine.inbound.discard(stream);
  }

  streamClosed(stream: Stream): void {
    if (this.machine.streams.store.isLocal(stream.id)) this.#openWaiting();
  }

  over(error: HttpError | undefined): void {
    const closed = (): HttpError => closedConnection(error);
    this.#refuseAll(() => unsent(error ?? closed()));
    this.#waiting.fail(closed);
  }

  // Streams.

  get #hasSlot(): boolean {
    return this.machine.streams.store.activeLocal < this.maxLocalStreams;
  }

  #closedError(): HttpError {
    const goAway = this.machine.goingAway.received;
    if (goAway !== undefined) return goAwayError(goAway);
    if (!this.machine.isClosing)
      return new HttpError("closed", "NO_STREAM_ID", "all stream identifiers have been used");
    return closedConnection(this.machine.error);
  }

  /** Gives streams to those who wait, as far as there are any. */
  #openWaiting(): void {
    if (this.machine.isOver) return;
    while (this.#hasSlot) {
      const next = this.#queue.shift();
      if (next === undefined) break;
      if (this.#passes(next)) this.#open(next);
    }
    if (this.isReady) this.#waiting.wake();
  }

  /** Checks a request that has waited; it or the server's limits may have changed meanwhile. */
  #passes(handler: ResponseHandler): boolean {
    try {
      this.check(handler.request);
      return true;
    } catch (error) {
      handler.refuse(error as HttpError);
      return false;
    }
  }

  #open(handler: ResponseHandler): void {
    const { streams } = this.machine;
    const id = streams.store.takeLocalId();
    if (id === 0) {
      handler.refuse(markUnsent(this.#closedError()));
      return;
    }
    const last = ++this.#requests >= this.options.maxRequestsPerConnection;
    const stream = streams.open(id, IDLE, handler, fairPriority);
    handler.begin(stream);
    if (last) this.gracefulShutdown();
  }

  #checkList(): void {
    checkListBytes(this.headWriter.listBytes, this.machine.peer.maxHeaderListBytes, "server");
  }

  #refuseAll(error: () => HttpError): void {
    for (const handler of this.#undecided.splice(0)) handler.refuse(markUnsent(error()));
    for (;;) {
      const handler = this.#queue.shift();
      if (handler === undefined) return;
      handler.refuse(markUnsent(error()));
    }
  }
}

function unsupportedProtocol(): HttpError {
  const message = "the server has not enabled extended CONNECT (RFC 8441 3)";
  return markUnsent(new HttpError("user", "EXTENDED_CONNECT_DISABLED", message));
}
