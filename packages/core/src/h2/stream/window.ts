/**
 * Flow-control windows (RFC 9113 sections 5.2, 6.9), of the connection (stream 0) or of one stream.
 *
 * A send window is what the peer lets us send. It falls below zero when the peer lowers INITIAL_WINDOW_SIZE.
 *
 * A receive window keeps account of every octet of DATA frames, padding included: it is either still open to the peer
 * (`window`), or received and not yet dealt with (`held`), or dealt with and not yet given back (`unannounced`). The
 * sum is `target`, always. Credit is given back when half of the target or more has gathered, so that a WINDOW_UPDATE
 * is worth its octets.
 */
import { FLOW_CONTROL_ERROR, PROTOCOL_ERROR } from "../frame/error-code.ts";
import { maxWindowBytes } from "../frame/window-update.ts";
import { connectionError, Http2Error } from "../http2-error.ts";

/** How much we may send. */
export class SendWindow {
  readonly #streamId: number;
  #available: number;

  /** @param streamId The stream, or 0 for the connection. */
  constructor(streamId: number, initialBytes: number) {
    this.#streamId = streamId;
    this.#available = initialBytes;
  }

  /** Octets that may be sent; may be negative (RFC 9113 section 6.9.2), and then as many are owed. */
  get available(): number {
    return this.#available;
  }

  /** Takes what a DATA frame uses. Empty ones are sent whatever the window (RFC 9113 section 6.9.1). */
  take(bytes: number): void {
    if (bytes > 0 && bytes > this.#available) {
      throw new RangeError(`a window of ${this.#available} octets does not allow for ${bytes}`);
    }
    this.#available -= bytes;
  }

  /** WINDOW_UPDATE was received. Nothing changes if it is wrong. */
  increase(increment: number): Http2Error | undefined {
    if (increment < 1) {
      // RFC 9113 6.9: a stream error, or a connection error for the connection's window.
      const message = "WINDOW_UPDATE: increment must be from 1 to 2^31-1, got 0 (RFC 9113 6.9)";
      return new Http2Error(this.#streamId, PROTOCOL_ERROR, "WINDOW_UPDATE_ZERO", message);
    }
    if (this.#available + increment > maxWindowBytes) {
      const what = `window must not exceed 2^31-1, got ${this.#available} and ${increment} more`;
      const message = `WINDOW_UPDATE: ${what} (RFC 9113 6.9.1)`;
      return new Http2Error(this.#streamId, FLOW_CONTROL_ERROR, "WINDOW_OVERFLOW", message);
    }
    this.#available += increment;
    return undefined;
  }

  /**
   * INITIAL_WINDOW_SIZE changed by `delta`, for a stream (RFC 9113 section 6.9.2). Nothing changes if it is wrong,
   * which is always a connection error.
   */
  adjust(delta: number): Http2Error | undefined {
    if (this.#available + delta > maxWindowBytes) {
      const what = `must not exceed 2^31-1, got ${this.#available} and ${delta} more`;
      const message = `SETTINGS: window of stream ${this.#streamId} ${what} (RFC 9113 6.9.2)`;
      return connectionError(FLOW_CONTROL_ERROR, "SETTINGS_WINDOW_OVERFLOW", message);
    }
    this.#available += delta;
    return undefined;
  }
}

/** How much the peer may send, and what we owe it. */
export class ReceiveWindow {
  readonly #streamId: number;
  #target: number;
  #window: number;
  #held = 0;
  #unannounced = 0;
  #ended = false;

  /**
   * @param streamId The stream, or 0 for the connection.
   * @param initialBytes The window that the peer knows of from the start.
   */
  constructor(streamId: number, initialBytes: number) {
    this.#streamId = streamId;
    this.#target = initialBytes;
    this.#window = initialBytes;
  }

  /** The window to be had when nothing is held. */
  get target(): number {
    return this.#target;
  }

  /** Octets that the peer may still send; may be negative. */
  get window(): number {
    return this.#window;
  }

  /** Octets received and not released. */
  get held(): number {
    return this.#held;
  }

  /** Octets that could be given back; negative while a lowered target has not been reached. */
  get unannounced(): number {
    return this.#unannounced;
  }

  /** A DATA frame with a payload of `bytes`, padding included. Nothing changes if it is more than was allowed. */
  receive(bytes: number): Http2Error | undefined {
    if (bytes > this.#window && bytes > 0) return this.#overrun(bytes);
    this.#window -= bytes;
    this.#held += bytes;
    return undefined;
  }

  /**
   * `bytes` of what is held were dealt with: read, or padding, or thrown away.
   * @throws RangeError for less than nothing and for more than is held.
   */
  release(bytes: number): void {
    if (!(bytes >= 0 && bytes <= this.#held)) {
      throw new RangeError(`from 0 to ${this.#held} octets can be released; got ${bytes}`);
    }
    this.#held -= bytes;
    this.#unannounced += bytes;
  }

  /** Nobody will read what is held. Returns how much that was, for the connection's window to be released too. */
  releaseAll(): number {
    const held = this.#held;
    this.release(held);
    return held;
  }

  /** A DATA frame that nobody will read: received and released at once. */
  discard(bytes: number): Http2Error | undefined {
    const error = this.receive(bytes);
    if (error === undefined) this.release(bytes);
    return error;
  }

  /** The target becomes `bytes` by and by: more is given back at the next occasion, less is withheld. */
  retarget(bytes: number): void {
    checkTarget(bytes);
    this.#unannounced += bytes - this.#target;
    this.#target = bytes;
  }

  /**
   * Our INITIAL_WINDOW_SIZE changed by `delta` and the peer has acknowledged it, so it reckons with the new one from
   * here on (RFC 9113 sections 6.5.3, 6.9.2). For streams only.
   */
  adjust(delta: number): void {
    checkTarget(this.#target + delta);
    this.#target += delta;
    this.#window += delta;
  }

  /** The peer has ended its side, or the stream is closed: no credit is of use any more. */
  end(): void {
    this.#ended = true;
  }

  /** The increment of the WINDOW_UPDATE that is due, or 0. It counts as sent. */
  takeIncrement(): number {
    if (this.#unannounced * 2 < this.#target) return 0;
    return this.takeAll();
  }

  /** The increment of a WINDOW_UPDATE for all there is to give back, be it little, or 0. It counts as sent. */
  takeAll(): number {
    const increment = this.#unannounced;
    if (increment <= 0 || this.#ended) return 0;
    this.#unannounced = 0;
    this.#window += increment;
    return increment;
  }

  #overrun(bytes: number): Http2Error {
    const whose = this.#streamId === 0 ? "the connection" : `stream ${this.#streamId}`;
    const what = `window of ${whose} allows for ${Math.max(0, this.#window)} octets, got ${bytes}`;
    return new Http2Error(this.#streamId, FLOW_CONTROL_ERROR, "WINDOW_EXCEEDED", `DATA: ${what} (RFC 9113 6.9.1)`);
  }
}

function checkTarget(bytes: number): void {
  if (bytes >= 0 && bytes <= maxWindowBytes) return;
  throw new RangeError(`a window must be from 0 to 2^31-1; got ${bytes}`);
}
