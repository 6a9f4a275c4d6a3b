/**
 * The sending side of a stream, by hand.
 *
 * Capacity is what could be sent now: the smaller of the two windows and of the stream's buffer. It is not reserved for
 * anyone: what was asked for with `reserveCapacity` is given when it is there, and taken when data is sent. More data than
 * there is capacity for is kept, and sent as windows open.
 */
import { type HeaderInit, HeaderMap, isData } from "@sluice/body";
import { HttpError, quote } from "../../error.ts";
import type { Http2Machine } from "../connection/machine.ts";
import { CANCEL, checkErrorCode } from "../frame/error-code.ts";
import { writePriorityUpdate } from "../frame/priority-update.ts";
import { prepareTrailers } from "../head/outgoing-fields.ts";
import { CLIENT, canSend, isClosed, stateName } from "../stream/state.ts";
import type { Stream } from "../stream/stream.ts";

type ResetListener = (error: HttpError) => void;

interface Waiter {
  readonly bytes: number;
  readonly resolve: (capacity: number) => void;
  readonly reject: (error: HttpError) => void;
}

/** What we send on a stream: content, then trailers or nothing, or a reset. */
export class SendStream {
  readonly #machine: Http2Machine;
  readonly #stream: Stream;
  readonly #maxSendBufferBytes: number;
  #waiter: Waiter | undefined;
  #listener: ResetListener | undefined;

  /** @internal */
  constructor(machine: Http2Machine, stream: Stream, maxSendBufferBytes: number) {
    this.#machine = machine;
    this.#stream = stream;
    this.#maxSendBufferBytes = maxSendBufferBytes;
  }

  /** The identifier of the stream. */
  get id(): number {
    return this.#stream.id;
  }

  /** The state of the stream in the words of RFC 9113 5.1: `open`, `half-closed (remote)`, `closed by END_STREAM`. */
  get state(): string {
    return stateName(this.#stream.state);
  }

  /** Octets given to be sent that windows have kept back. */
  get bufferedBytes(): number {
    return this.#stream.outBytes;
  }

  /** How many octets could be sent now, as far as windows allow and the stream's buffer holds; 0 when our side has ended. */
  get capacity(): number {
    const { sendWindow, outBytes } = this.#stream;
    if (this.#gone() !== undefined) return 0;
    const window = Math.min(sendWindow.available, this.#machine.outbound.window.available);
    return Math.max(0, Math.min(window, this.#maxSendBufferBytes) - outBytes);
  }

  /**
   * Resolves with the capacity there is, as soon as there is any: from 1 to `bytes`. Asking again replaces what was asked
   * for before, which then resolves with 0.
   *
   * Rejects with an `HttpError`: what ended the stream, or kind `user`, code `STREAM_STATE`, when our side has ended.
   * @throws RangeError unless `bytes` is a whole number from 1, or Infinity.
   */
  reserveCapacity(bytes: number): Promise<number> {
    if (!(bytes >= 1 && (Number.isInteger(bytes) || bytes === Number.POSITIVE_INFINITY))) {
      throw new RangeError(`bytes must be a whole number from 1, or Infinity, got ${bytes}`);
    }
    this.#settle(0);
    const gone = this.#gone();
    if (gone !== undefined) return Promise.reject(gone);
    const { capacity } = this;
    if (capacity > 0) return Promise.resolve(Math.min(bytes, capacity));
    return new Promise((resolve, reject) => {
      this.#waiter = { bytes, resolve, reject };
      this.#machine.outbound.awaitCapacity(this.#stream, this.#capacityChanged);
    });
  }

  /**
   * Sends content, or keeps it until windows open. `bytes` must not change any more.
   * @throws HttpError what ended the stream, or kind `user`, code `STREAM_STATE`, when our side has ended; TypeError for what
   *   is no `Uint8Array`.
   */
  sendData(bytes: Uint8Array, endStream = false): void {
    if (!isData(bytes)) throw new TypeError("content is sent as Uint8Array");
    this.#check();
    this.#machine.enter();
    this.#machine.outbound.data(this.#stream, bytes, endStream);
    if (endStream) this.sent();
    this.#machine.leave();
  }

  /**
   * Sends trailers behind the content, which ends our side.
   * @throws HttpError as `sendData`, and kind `user` for fields that trailers cannot have (RFC 9110 6.5.1, RFC 9113 8.2.2).
   */
  sendTrailers(trailers: HeaderInit): void {
    this.#check();
    const fields = prepareTrailers(HeaderMap.is(trailers) ? trailers : new HeaderMap(trailers), "refuse");
    this.#machine.enter();
    this.#machine.outbound.trailers(this.#stream, fields);
    this.sent();
    this.#machine.leave();
  }

  /**
   * Resets the stream. Default: CANCEL. Nothing happens if it is closed. What was to be sent and what was not read is thrown
   * away.
   * @throws RangeError unless `errorCode` is from 0 to 2^32-1.
   */
  sendReset(errorCode: number = CANCEL): void {
    checkErrorCode(errorCode);
    const message = "the stream was reset by the program";
    this.giveUp(errorCode, new HttpError("canceled", "STREAM_CANCELED", message, { reason: errorCode }));
  }

  /** Resets the stream because of `error`. @internal */
  giveUp(errorCode: number, error: HttpError): void {
    const stream = this.#stream;
    if (isClosed(stream.state)) return;
    this.#machine.enter();
    stream.canceled = true;
    // Reset first: a stream that is over needs no credit of its own.
    this.#machine.streams.reset(stream, errorCode, error);
    this.#machine.inbound.discard(stream);
    // Who waits for something behind content that is thrown away.
    stream.reader?.over(stream);
    this.#machine.leave();
  }

  /**
   * Calls `listener` once, when the stream ends before both sides have: by a reset, whose code is the `reason` of the
   * error, or with the connection; at once if it has already. Another listener replaces the one before. It is called in the
   * middle of the connection's work, and what it throws then is dropped.
   */
  onReset(listener: ResetListener): void {
    const { error } = this.#stream;
    if (error === undefined) this.#listener = listener;
    else listener(error);
  }

  /**
   * Tells the server how urgent the response is (RFC 9218 section 7.1): the value of a `priority` field, such as `u=1, i`.
   * @throws TypeError on a server, and for what is no such value: more than 256 chars, or others than visible ASCII and SP.
   */
  setPriority(value: string): void {
    if (this.#machine.side !== CLIENT) {
      throw new TypeError("only clients send priorities; use the field in the response");
    }
    if (!/^[ -~]{0,256}$/.test(value)) throw new TypeError(`a priority must be short ASCII, got ${quote(value)}`);
    if (isClosed(this.#stream.state)) return;
    this.#machine.enter();
    writePriorityUpdate(this.#machine.driver.output.writer, this.#stream.id, value);
    this.#machine.leave();
  }

  /** The stream is over because of `error`. @internal */
  failed(error: HttpError): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.reject(error);
    const listener = this.#listener;
    this.#listener = undefined;
    try {
      listener?.(error);
    } catch {
      // The stream is over, and others are not to suffer.
    }
  }

  /** Our side has ended, or will behind what waits to be sent. @internal */
  sent(): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.reject(endedError());
  }

  readonly #capacityChanged = (): boolean => {
    if (this.#waiter === undefined) return false;
    const { capacity } = this;
    if (capacity === 0) return true;
    this.#settle(Math.min(this.#waiter.bytes, capacity));
    return false;
  };

  #settle(capacity: number): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.resolve(capacity);
  }

  #check(): void {
    const gone = this.#gone();
    if (gone !== undefined) throw gone;
  }

  #gone(): HttpError | undefined {
    const { error, state, outEnds, outTrailers } = this.#stream;
    if (error !== undefined) return error;
    return canSend(state) && !outEnds && outTrailers === undefined ? undefined : endedError();
  }
}

function endedError(): HttpError {
  return new HttpError("user", "STREAM_STATE", "nothing can be sent on a stream whose side of ours has ended");
}
