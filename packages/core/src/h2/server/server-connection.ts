/**
 * The server role of an HTTP/2 connection: requests open streams, and whoever accepts them answers.
 */
import type { HeaderMap } from "@sluice/body";
import { HttpError } from "../../error.ts";
import type { HttpRequest } from "../../message/request.ts";
import type { HttpResponse } from "../../message/response.ts";
import type { Observer } from "../../observer.ts";
import type { Io, Timer } from "../../rt/io.ts";
import { ConnectionFace } from "../connection/connection-face.ts";
import { Http2Machine, type Role } from "../connection/machine.ts";
import type { SettingEntry } from "../connection/settings-exchange.ts";
import { StreamIo } from "../connection/stream-io.ts";
import { CANCEL, CONNECT_ERROR, NO_ERROR, PROTOCOL_ERROR, REFUSED_STREAM } from "../frame/error-code.ts";
import { closeFieldBlock } from "../frame/field-block.ts";
import type { Frame } from "../frame/frame-header.ts";
import { openHeaders } from "../frame/headers.ts";
import { decodePriorityUpdate } from "../frame/priority-update.ts";
import {
  SETTINGS_ENABLE_CONNECT_PROTOCOL,
  SETTINGS_HEADER_TABLE_SIZE,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX_CONCURRENT_STREAMS,
  SETTINGS_MAX_FRAME_SIZE,
  SETTINGS_MAX_HEADER_LIST_SIZE,
  SETTINGS_NO_RFC7540_PRIORITIES,
} from "../frame/settings.ts";
import { checkListBytes } from "../head/outgoing-fields.ts";
import { protocolKey } from "../head/protocol.ts";
import { RequestHead } from "../head/request-head.ts";
import { ResponseHeadWriter } from "../head/response-writer.ts";
import { connectionError, type Http2Error } from "../http2-error.ts";
import type { ResolvedServerOptions } from "../options.ts";
import { EarlyPriorities } from "../stream/early-priorities.ts";
import { fairPriority, type Priority, parsePriority, requestPriority } from "../stream/priority.ts";
import {
  faultError,
  HALF_CLOSED_REMOTE,
  IDLE,
  isClosed,
  nextState,
  OPEN,
  PUSH_PROMISE,
  SERVER,
} from "../stream/state.ts";
import type { Stream } from "../stream/stream.ts";
import { inadequateSecurity } from "../tls-policy.ts";
import { Pushes } from "./pushes.ts";
import type { RequestAcceptor } from "./request-handler.ts";

export class ServerConnection extends ConnectionFace implements Role {
  readonly side: number = SERVER;
  readonly machine: Http2Machine;
  readonly options: ResolvedServerOptions;
  readonly timer: Timer | null;
  readonly head: RequestHead;
  readonly promised: undefined = undefined;
  readonly headWriter: ResponseHeadWriter;
  readonly pushes: Pushes;
  lastProcessed = 0;
  readonly #io: Io;
  readonly #acceptor: RequestAcceptor;
  #earlyPriorities: EarlyPriorities | undefined;
  /** The client has sent a priority signal of RFC 9218 before. */
  #prioritises = false;
  #requests = 0;
  #extendedConnect: boolean;

  constructor(
    io: Io,
    accept: (connection: ServerConnection) => RequestAcceptor,
    options: ResolvedServerOptions,
    hopByHop: "strip" | "refuse",
    timer: Timer | null,
    observer: Observer | undefined,
  ) {
    super();
    this.#io = io;
    this.#extendedConnect = options.enableConnectProtocol;
    this.options = options;
    this.timer = timer;
    this.head = new RequestHead(options);
    this.headWriter = new ResponseHeadWriter({ autoDateHeader: options.autoDateHeader, hopByHop });
    this.machine = new Http2Machine(io, this, options, timer, observer);
    this.pushes = new Pushes(this.machine, hopByHop, io.info?.secure === true ? "https" : "http");
    this.#acceptor = accept(this);
    this.machine.start();
    const inadequate = options.allowInadequateSecurity ? undefined : inadequateSecurity(io.info);
    if (inadequate !== undefined) this.machine.goAwayBecause(inadequate);
  }

  get maxLocalStreams(): number {
    return this.machine.peer.maxConcurrentStreams;
  }

  get maxRemoteStreams(): number {
    return this.options.maxConcurrentStreams;
  }

  get queued(): number {
    return 0;
  }

  /** Offers extended CONNECT from now on (RFC 8441 section 3). */
  enableConnectProtocol(): void {
    if (this.#extendedConnect) return;
    this.#extendedConnect = true;
    this.machine.changeSettings([[SETTINGS_ENABLE_CONNECT_PROTOCOL, 1]]);
  }

  // Role.

  get firstSettings(): readonly SettingEntry[] {
    const { options } = this;
    const entries: SettingEntry[] = [];
    if (options.headerTableBytes !== 4096) entries.push([SETTINGS_HEADER_TABLE_SIZE, options.headerTableBytes]);
    entries.push([SETTINGS_MAX_CONCURRENT_STREAMS, options.maxConcurrentStreams]);
    const { initialWindowBytes } = options;
    if (!options.adaptiveWindow && initialWindowBytes !== 65_535) {
      entries.push([SETTINGS_INITIAL_WINDOW_SIZE, initialWindowBytes]);
    }
    if (options.maxFrameBytes !== 16_384) entries.push([SETTINGS_MAX_FRAME_SIZE, options.maxFrameBytes]);
    entries.push([SETTINGS_MAX_HEADER_LIST_SIZE, options.maxHeaderListBytes]);
    if (options.enableConnectProtocol) entries.push([SETTINGS_ENABLE_CONNECT_PROTOCOL, 1]);
    if (options.priorities) entries.push([SETTINGS_NO_RFC7540_PRIORITIES, 1]);
    return entries;
  }

  get isIdle(): boolean {
    return true;
  }

  requestReceived(streamId: number, endStream: boolean): void {
    const { head, machine, options } = this;
    const { streams } = machine;
    if (streams.store.activeRemote >= options.maxConcurrentStreams) {
      streams.check(machine.defences.streamRefused(machine.now()));
      streams.refuse(streamId, REFUSED_STREAM);
      return;
    }
    if (head.tooMany || machine.blocks.overLimit) {
      this.#answer(streamId, 431, endStream);
      return;
    }
    const error = head.check(streamId, endStream, this.#extendedConnect);
    if (error !== undefined) throw error;
    if (head.contentLength > options.maxBodyBytes) {
      this.#answer(streamId, 413, endStream);
      return;
    }
    const priority = this.#priorityOf(streamId);
    const handler = this.#acceptor.handler(head.toRequest(), head.expectsContinue);
    const stream = streams.open(streamId, endStream ? HALF_CLOSED_REMOTE : OPEN, handler, priority);
    stream.headReceived = true;
    stream.endReceived = endStream;
    stream.contentLength = head.contentLength;
    stream.forwarded = head.forwarded;
    this.lastProcessed = streamId;
    // An observer may have ended it.
    if (isClosed(stream.state)) return;
    handler.begin(stream);
    if (++this.#requests >= options.maxRequestsPerConnection) machine.gracefulShutdown();
  }

  responseReceived(): void {}

  promiseReceived(): void {}

  settingsChanged(): void {
    this.pushes.slotsChanged();
    if (this.machine.peer.noRfc7540Priorities === true) this.#prioritises = true;
  }

  settingsAcknowledged(): void {}

  /** RFC 9218 7.1. */
  priorityUpdated(frame: Frame): void {
    const { streamId, value } = decodePriorityUpdate(frame);
    const { streams } = this.machine;
    if (!this.options.priorities) return;
    this.#prioritises = true;
    const stream = streams.store.get(streamId);
    if (stream !== undefined) {
      if (!isClosed(stream.state) && !stream.forwarded) this.#reprioritise(stream, parsePriority(value));
      return;
    }
    if (streams.store.stateWithoutRecord(streamId, this.machine.now()) !== IDLE) return;
    if (streams.store.isLocal(streamId)) throw idlePush(streamId);
    const { maxConcurrentStreams } = this.options;
    this.#earlyPriorities ??= new EarlyPriorities();
    streams.check(this.#earlyPriorities.set(streamId, value, streams.store.activeRemote, maxConcurrentStreams));
  }

  checkPush(): void {
    const fault = nextState(SERVER, IDLE, PUSH_PROMISE);
    throw faultError(fault, 0, IDLE, PUSH_PROMISE);
  }

  goAwayReceived(): void {}

  shuttingDown(): void {}

  tooLarge(stream: Stream): void {
    const message = `the content exceeds ${this.options.maxBodyBytes} bytes`;
    const error = new HttpError("limit", "BODY_TOO_LARGE", message, { status: 413 });
    (stream.handler as Partial<{ refuse(error: HttpError): void }>).refuse?.(error);
  }

  streamClosed(stream: Stream): void {
    if (this.machine.streams.store.isLocal(stream.id) && !this.machine.isOver) this.pushes.slotsChanged();
  }

  over(error: HttpError | undefined): void {
    this.#acceptor.over(error);
  }

  // What handlers of requests need.

  /** Writes a final response without content on a stream. */
  writeStatus(stream: Stream, status: number): void {
    const { machine } = this;
    const mark = machine.outbound.openHeaders(stream, true);
    this.#encodeStatus(status);
    machine.outbound.closeHeaders(stream, mark, true);
  }

  writeInformational(stream: Stream, status: number, headers: HeaderMap): void {
    const { machine } = this;
    this.headWriter.prepareInformational(status, headers);
    const mark = machine.outbound.openHeaders(stream, false);
    this.headWriter.write(machine.driver.output.writer, machine.encoder);
    machine.outbound.closeHeaders(stream, mark, false);
  }

  /** @throws HttpError kind `user` if the client does not take a header list of this size. */
  checkList(listBytes: number): void {
    checkListBytes(listBytes, this.machine.peer.maxHeaderListBytes, "client");
  }

  /** RFC 9218 8: a response may change what its request asked for. */
  prioritise(stream: Stream, response: HttpResponse): void {
    if (!this.options.priorities || !response.headers.has("priority")) return;
    const field = response.headers.getJoined("priority") ?? "";
    this.#reprioritise(stream, parsePriority(field, stream.priority));
  }

  /** The transport that CONNECT makes of a stream. */
  tunnel(stream: Stream, request: HttpRequest): StreamIo {
    const extended = request.extensionsIfAny?.get(protocolKey) !== undefined;
    const { info, timer } = this.#io;
    const reason = extended ? CANCEL : CONNECT_ERROR;
    return new StreamIo(this.machine, stream, reason, this.options.maxSendBufferBytes, info, this.timer ?? timer);
  }

  #reprioritise(stream: Stream, priority: Priority): void {
    this.machine.outbound.scheduler.reprioritise(stream, priority);
  }

  #priorityOf(streamId: number): Priority {
    const { head } = this;
    if (!this.options.priorities) return fairPriority;
    const update = this.#earlyPriorities?.take(streamId);
    const field = head.priority;
    if (field !== undefined) this.#prioritises = true;
    if (!this.#prioritises) return fairPriority;
    return requestPriority({ field, update, clientAware: true, forwarded: head.forwarded });
  }

  /** Answers a request that goes no further, without a record of its stream. */
  #answer(streamId: number, status: number, endStream: boolean): void {
    const { machine } = this;
    const { writer } = machine.driver.output;
    this.lastProcessed = streamId;
    const mark = openHeaders(writer, streamId, true);
    machine.encoder.begin(writer);
    this.#encodeStatus(status);
    closeFieldBlock(writer, mark, machine.peer.maxFrameSize);
    // RFC 9113 8.1: the client need not send the rest.
    if (!endStream) machine.streams.refuse(streamId, NO_ERROR);
  }

  #encodeStatus(status: number): void {
    const { encoder, driver } = this.machine;
    encoder.field(driver.output.writer, ":status", String(status), false);
    encoder.field(driver.output.writer, "content-length", "0", false);
  }
}

/** RFC 9218 7.1. */
function idlePush(streamId: number): Http2Error {
  const message = `PRIORITY_UPDATE: stream ${streamId} must have been promised to be prioritized (RFC 9218 7.1)`;
  return connectionError(PROTOCOL_ERROR, "PRIORITY_UPDATE_ON_IDLE_PUSH", message);
}
