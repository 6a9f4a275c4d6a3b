/**
 * GOAWAY in both directions (RFC 9113 section 6.8): which streams are still of interest, and to whom.
 *
 * A graceful shutdown of a server says first that it will end and only later with which stream, so that requests under
 * way when it began are still served.
 */

import { HttpError, quote } from "../../error.ts";
import { errorCodeName, NO_ERROR, PROTOCOL_ERROR } from "../frame/error-code.ts";
import { maxStreamId } from "../frame/frame-header.ts";
import { type GoAway, writeGoAway } from "../frame/goaway.ts";
import type { Http2Error } from "../http2-error.ts";
import { connectionError } from "../http2-error.ts";
import type { OctetWriter } from "../octet-writer.ts";

export class GoingAway {
  readonly #writer: OctetWriter;
  /** The last stream of the peer that we process: what our last GOAWAY said, or none has been sent. */
  #sentLast: number | undefined;
  #received: GoAway | undefined;

  constructor(writer: OctetWriter) {
    this.#writer = writer;
  }

  /** Whether we have said that the connection will end. */
  get isSent(): boolean {
    return this.#sentLast !== undefined;
  }

  /** Whether we have said which stream of the peer is the last. */
  get isFinal(): boolean {
    return this.#sentLast !== undefined && this.#sentLast !== maxStreamId;
  }

  /** What the peer has said last. */
  get received(): GoAway | undefined {
    return this.#received;
  }

  /** Whether we told the peer that this stream of it will not be processed. */
  ignores(streamId: number): boolean {
    return this.#sentLast !== undefined && streamId > this.#sentLast;
  }

  /** Says that the connection will end, without saying yet which stream is the last. */
  announce(): void {
    this.#sentLast = maxStreamId;
    writeGoAway(this.#writer, maxStreamId, NO_ERROR);
  }

  /** Says which stream is the last; never one above what was said before. */
  send(lastStreamId: number, errorCode: number, debugData = ""): void {
    this.#sentLast = Math.min(lastStreamId, this.#sentLast ?? maxStreamId);
    writeGoAway(this.#writer, this.#sentLast, errorCode, debugData);
  }

  /** The peer has sent GOAWAY. Nothing changes if it is wrong. */
  receive(goAway: GoAway): Http2Error | undefined {
    const before = this.#received?.lastStreamId;
    if (before !== undefined && goAway.lastStreamId > before) {
      const message = `GOAWAY: the last stream must not be higher than before, ${before}, got ${goAway.lastStreamId}`;
      return connectionError(PROTOCOL_ERROR, "GOAWAY_INCREASED", `${message} (RFC 9113 6.8)`);
    }
    this.#received = goAway;
    return undefined;
  }
}

/** The peer has ended the connection too early; its GOAWAY may have said why. */
export function connectionLost(when: string, goAway: GoAway | undefined): HttpError {
  const message = `the peer ended the connection ${when}`;
  if (goAway === undefined || goAway.errorCode === NO_ERROR) {
    return new HttpError("incomplete", "CONNECTION_LOST", message);
  }
  const cause = goAwayError(goAway);
  return new HttpError("incomplete", "CONNECTION_LOST", `${message}: ${cause.message}`, {
    cause,
    reason: goAway.errorCode,
  });
}

/** What the peer's GOAWAY means for a request that it will not process, or for the next one. */
export function goAwayError({ errorCode, debugData }: GoAway): HttpError {
  const said = debugData === "" ? "" : `: ${quote(debugData)}`;
  const message = `the peer is going away with ${errorCodeName(errorCode)}${said}`;
  return new HttpError("closed", "GOAWAY", message, { reason: errorCode });
}
