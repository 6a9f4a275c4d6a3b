/**
 * The states of a stream (RFC 9113 section 5.1) as a table: role, state and event give the next state or the fault.
 *
 * An event is a frame that was received or is about to be sent, with END_STREAM told apart. A state is a small integer;
 * a closed stream keeps the cause of its closing, for on that depends what late frames mean. A stream without a record
 * has a state as well: idle, closed because a later one was opened first, or closed and forgotten (see `store.ts`).
 *
 * What HEADERS mean (interim, final or trailers) and whether an identifier is one the peer may open is judged
 * elsewhere.
 */
import { HttpError } from "../../error.ts";
import { PROTOCOL_ERROR, STREAM_CLOSED } from "../frame/error-code.ts";
import { connectionError, Http2Error } from "../http2-error.ts";

export const CLIENT = 0;
export const SERVER = 1;

export const IDLE = 0;
/** We have promised it. */
export const RESERVED_LOCAL = 1;
/** The peer has promised it. */
export const RESERVED_REMOTE = 2;
export const OPEN = 3;
/** We have ended our side. */
export const HALF_CLOSED_LOCAL = 4;
/** The peer has ended its side. */
export const HALF_CLOSED_REMOTE = 5;
/** Closed by END_STREAM in both directions. */
export const CLOSED_BY_END = 6;
/** Closed by our RST_STREAM; the peer may not have seen it yet, so what comes is discarded. */
export const CLOSED_BY_RESET_SENT = 7;
export const CLOSED_BY_RESET_RECEIVED = 8;
/** Never used: a stream with a higher identifier was opened first (RFC 9113 section 5.1.1). */
export const CLOSED_IMPLICITLY = 9;
/** Closed, and nothing more is known about it. */
export const CLOSED_FORGOTTEN = 10;

export const HEADERS = 0;
export const HEADERS_END = 1;
export const DATA = 2;
export const DATA_END = 3;
/** On the stream that PUSH_PROMISE belongs to. */
export const PUSH_PROMISE = 4;
/** On the stream that PUSH_PROMISE promises. */
export const PROMISED = 5;
export const RST_STREAM = 6;
export const WINDOW_UPDATE = 7;
export const PRIORITY = 8;
/** Added to an event, it means that the frame is sent, not received. */
export const SENT = 9;

export const stateCount = 11;
export const eventCount = 18;

/** A frame that opens nothing, on an idle stream. */
const ON_IDLE = -1;
const ON_RESERVED = -2;
/** The peer has ended its side, and goes on. */
const ON_ENDED = -3;
const ON_CLOSED = -4;
/** A stream that was used or passed over is opened. */
const ID_USED = -5;
const FROM_CLIENT = -6;
const WRONG_PARENT = -7;
/** We may not send this. */
const MISUSE = -8;

const stateNames: readonly string[] = [
  "idle",
  "reserved (local)",
  "reserved (remote)",
  "open",
  "half-closed (local)",
  "half-closed (remote)",
  "closed by END_STREAM",
  "closed by the RST_STREAM sent",
  "closed by the RST_STREAM received",
  "closed by a later stream",
  "closed",
];

const frameNames: readonly string[] = [
  "HEADERS",
  "HEADERS",
  "DATA",
  "DATA",
  "PUSH_PROMISE",
  "PUSH_PROMISE",
  "RST_STREAM",
  "WINDOW_UPDATE",
  "PRIORITY",
];

type Row = readonly number[];

const I = IDLE;
const RL = RESERVED_LOCAL;
const RR = RESERVED_REMOTE;
const O = OPEN;
const HL = HALF_CLOSED_LOCAL;
const HR = HALF_CLOSED_REMOTE;
const CE = CLOSED_BY_END;
const CS = CLOSED_BY_RESET_SENT;
const CR = CLOSED_BY_RESET_RECEIVED;
const CI = CLOSED_IMPLICITLY;
const CF = CLOSED_FORGOTTEN;
const no = MISUSE;
const IU = ID_USED;
const WP = WRONG_PARENT;
const FC = FROM_CLIENT;
const OI = ON_IDLE;
const OR = ON_RESERVED;
const OE = ON_ENDED;
const OC = ON_CLOSED;

/** What is received, by state. RFC 9113 5.1; for PUSH_PROMISE 6.6: its stream must be open or half-closed (local). */
// biome-ignore format: a table
const receivedByClient: readonly Row[] = [
  // HEADERS, with END, DATA, with END, PUSH_PROMISE, promised, RST_STREAM, WINDOW_UPDATE, PRIORITY
  [OI, OI, OI, OI, WP, RR, OI, OI, I], // idle: streams of the server start with a promise
  [OR, OR, OR, OR, WP, IU, CR, RL, RL], // reserved (local)
  [HL, CE, OR, OR, WP, IU, CR, OR, RR], // reserved (remote)
  [O, HR, O, HR, O, IU, CR, O, O], // open
  [HL, CE, HL, CE, HL, IU, CR, HL, HL], // half-closed (local)
  [OE, OE, OE, OE, WP, IU, CR, HR, HR], // half-closed (remote)
  [OC, OC, OC, OC, WP, IU, CE, CE, CE], // by END_STREAM: what else was under way is let pass
  [CS, CS, CS, CS, CS, IU, CS, CS, CS], // by our RST_STREAM: anything may have been under way
  [OC, OC, OC, OC, WP, IU, CR, CR, CR], // by their RST_STREAM
  [OC, OC, OC, OC, WP, IU, CI, CI, CI], // implicitly
  [OC, OC, OC, OC, WP, IU, CF, CF, CF], // forgotten
];

/** Where a server differs: clients open streams by HEADERS, in the order of identifiers, and never push (8.4). */
const receivedByServer: readonly Row[] = receivedByClient.map((row, state) => {
  const [headers, headersEnd, data, dataEnd, , , ...others] = row as [number, number, number, number];
  const ends = [data, dataEnd, FC, FC, ...others];
  if (state === IDLE) return [OPEN, HALF_CLOSED_REMOTE, ...ends];
  // RFC 9113 5.1.1: an identifier lower than one that was opened before is unexpected.
  if (state === CLOSED_IMPLICITLY) return [ID_USED, ID_USED, ...ends];
  return [headers, headersEnd, ...ends];
});

/** What is sent, by state. RST_STREAM on a closed stream answers what was wrong to be sent on it. */
// biome-ignore format: a table
const sentByServer: readonly Row[] = [
  // HEADERS, with END, DATA, with END, PUSH_PROMISE, promised, RST_STREAM, WINDOW_UPDATE, PRIORITY
  [no, no, no, no, no, RL, no, no, I], // idle
  [HR, CE, no, no, no, no, CS, no, RL], // reserved (local)
  [no, no, no, no, no, no, CS, RR, RR], // reserved (remote)
  [O, HL, O, HL, O, no, CS, O, O], // open
  [no, no, no, no, no, no, CS, HL, HL], // half-closed (local)
  [HR, CE, HR, CE, HR, no, CS, HR, HR], // half-closed (remote)
  [no, no, no, no, no, no, CS, no, CE], // by END_STREAM
  [no, no, no, no, no, no, CS, no, CS], // by our RST_STREAM
  [no, no, no, no, no, no, CS, no, CR], // by their RST_STREAM
  [no, no, no, no, no, no, CS, no, CI], // implicitly
  [no, no, no, no, no, no, CS, no, CF], // forgotten
];

/** Where a client differs: it opens streams by HEADERS and never pushes. */
const sentByClient: readonly Row[] = sentByServer.map((row, state) => {
  const [headers, headersEnd, data, dataEnd, , , ...others] = row as [number, number, number, number];
  const ends = [data, dataEnd, MISUSE, MISUSE, ...others];
  return state === IDLE ? [OPEN, HALF_CLOSED_LOCAL, ...ends] : [headers, headersEnd, ...ends];
});

const table = Int8Array.from([
  ...receivedByClient.flatMap((row, state) => [...row, ...(sentByClient[state] as Row)]),
  ...receivedByServer.flatMap((row, state) => [...row, ...(sentByServer[state] as Row)]),
]);

/** The state that `event` leads to, or a negative number, a fault for `faultError`. */
export function nextState(role: number, state: number, event: number): number {
  return table[(role * stateCount + state) * eventCount + event] as number;
}

/** Whether a stream in this state is over, whatever the cause. What is received on it is to be discarded. */
export function isClosed(state: number): boolean {
  return state >= CLOSED_BY_END;
}

/** Whether the stream counts against MAX_CONCURRENT_STREAMS (RFC 9113 section 5.1.2). */
export function isActive(state: number): boolean {
  return state >= OPEN && state <= HALF_CLOSED_REMOTE;
}

/** Whether the peer may still send DATA or HEADERS on the stream. */
export function canReceive(state: number): boolean {
  return state === OPEN || state === HALF_CLOSED_LOCAL || state === RESERVED_REMOTE;
}

/** Whether we may still send DATA on the stream. */
export function canSend(state: number): boolean {
  return state === OPEN || state === HALF_CLOSED_REMOTE;
}

/** The state in words: `half-closed (remote)`. */
export function stateName(state: number): string {
  return stateNames[state] ?? "unknown";
}

/**
 * The error for a fault that `nextState` returned: an `Http2Error` to answer the peer with, or for a frame that we may
 * not send an error of kind `user`.
 */
export function faultError(fault: number, streamId: number, state: number, event: number): HttpError {
  const frame = frameNames[event % SENT] as string;
  const what = `${frame}: not allowed on stream ${streamId}, which is ${stateName(state)}`;
  switch (fault) {
    case ON_IDLE:
      return connectionError(PROTOCOL_ERROR, `${frame}_ON_IDLE_STREAM`, `${what} (RFC 9113 5.1)`);
    case ON_RESERVED:
      return connectionError(PROTOCOL_ERROR, `${frame}_ON_RESERVED_STREAM`, `${what} (RFC 9113 5.1)`);
    case ON_ENDED:
      return new Http2Error(streamId, STREAM_CLOSED, `${frame}_AFTER_END_STREAM`, `${what} (RFC 9113 5.1)`);
    case ON_CLOSED:
      return new Http2Error(streamId, STREAM_CLOSED, `${frame}_ON_CLOSED_STREAM`, `${what} (RFC 9113 5.1)`);
    case ID_USED: {
      const message = `${frame}: stream ${streamId} must be idle to be opened, is ${stateName(state)}`;
      return connectionError(PROTOCOL_ERROR, "STREAM_ID_USED", `${message} (RFC 9113 5.1.1)`);
    }
    case FROM_CLIENT: {
      const message = "PUSH_PROMISE: clients must not push (RFC 9113 8.4)";
      return connectionError(PROTOCOL_ERROR, "PUSH_PROMISE_FROM_CLIENT", message);
    }
    case WRONG_PARENT:
      return connectionError(PROTOCOL_ERROR, "PUSH_PROMISE_STREAM_STATE", `${what} (RFC 9113 6.6)`);
    default: {
      const message = `${frame} cannot be sent on stream ${streamId}, which is ${stateName(state)}`;
      return new HttpError("user", "STREAM_STATE", message);
    }
  }
}
