import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PROTOCOL_ERROR, STREAM_CLOSED } from "../frame/error-code.ts";
import { Http2Error } from "../http2-error.ts";
import {
  CLIENT,
  CLOSED_BY_END,
  CLOSED_BY_RESET_RECEIVED,
  CLOSED_BY_RESET_SENT,
  CLOSED_FORGOTTEN,
  CLOSED_IMPLICITLY,
  canReceive,
  canSend,
  DATA,
  DATA_END,
  eventCount,
  faultError,
  HALF_CLOSED_LOCAL,
  HALF_CLOSED_REMOTE,
  HEADERS,
  HEADERS_END,
  IDLE,
  isActive,
  isClosed,
  nextState,
  OPEN,
  PRIORITY,
  PROMISED,
  PUSH_PROMISE,
  RESERVED_LOCAL,
  RESERVED_REMOTE,
  RST_STREAM,
  SENT,
  SERVER,
  stateCount,
  stateName,
  WINDOW_UPDATE,
} from "./state.ts";

const roles = [CLIENT, SERVER];
const states = Array.from({ length: stateCount }, (_, state) => state);
const events = Array.from({ length: eventCount }, (_, event) => event);
const closed = states.filter(isClosed);

/** What comes of an event on stream 5: a state, or what there is to say about the error. */
function outcome(role: number, state: number, event: number): number | readonly unknown[] {
  const next = nextState(role, state, event);
  if (next >= 0) return next;
  const error = faultError(next, 5, state, event);
  return error instanceof Http2Error ? [error.streamId, error.reason, error.code] : [error.kind, error.code];
}

function message(role: number, state: number, event: number): string {
  return faultError(nextState(role, state, event), 5, state, event).message;
}

const misuse = ["user", "STREAM_STATE"];

/** The state after events, none of which may fail. */
function after(role: number, ...path: readonly number[]): number {
  return path.reduce((state, event) => {
    const next = nextState(role, state, event);
    expect(next).toBeGreaterThanOrEqual(0);
    return next;
  }, IDLE);
}

describe("streams that take their course", () => {
  test("[h2-158] a request and its response with bodies, on either side", () => {
    const request = [HEADERS, DATA, DATA_END];
    const sent = (path: readonly number[]): number[] => path.map((event) => event + SENT);
    expect(after(SERVER, HEADERS)).toBe(OPEN);
    expect(after(SERVER, ...request)).toBe(HALF_CLOSED_REMOTE);
    expect(after(SERVER, ...request, ...sent(request))).toBe(CLOSED_BY_END);
    expect(after(CLIENT, ...sent(request))).toBe(HALF_CLOSED_LOCAL);
    expect(after(CLIENT, ...sent(request), ...request)).toBe(CLOSED_BY_END);
  });

  test("[h2-146] END_STREAM on HEADERS of both sides closes the stream", () => {
    expect(after(SERVER, HEADERS_END, HEADERS_END + SENT)).toBe(CLOSED_BY_END);
    expect(after(CLIENT, HEADERS_END + SENT, HEADERS_END)).toBe(CLOSED_BY_END);
  });

  test("interim responses, and trailers on both sides", () => {
    const s = SENT;
    expect(after(SERVER, HEADERS, HEADERS + s, HEADERS + s, DATA, HEADERS_END, DATA + s, HEADERS_END + s)).toBe(
      CLOSED_BY_END,
    );
  });

  test("a response that ends before its request", () => {
    expect(after(SERVER, HEADERS, HEADERS_END + SENT)).toBe(HALF_CLOSED_LOCAL);
    expect(after(SERVER, HEADERS, HEADERS_END + SENT, DATA, DATA_END)).toBe(CLOSED_BY_END);
  });

  test("a push", () => {
    expect(after(SERVER, PROMISED + SENT)).toBe(RESERVED_LOCAL);
    expect(after(SERVER, PROMISED + SENT, HEADERS + SENT)).toBe(HALF_CLOSED_REMOTE);
    expect(after(SERVER, PROMISED + SENT, HEADERS + SENT, DATA_END + SENT)).toBe(CLOSED_BY_END);
    expect(after(CLIENT, PROMISED)).toBe(RESERVED_REMOTE);
    expect(after(CLIENT, PROMISED, HEADERS)).toBe(HALF_CLOSED_LOCAL);
    expect(after(CLIENT, PROMISED, HEADERS_END)).toBe(CLOSED_BY_END);
    expect(after(CLIENT, PROMISED, RST_STREAM + SENT)).toBe(CLOSED_BY_RESET_SENT);
  });
});

describe("frames on idle streams", () => {
  test("[h2-131][h2-156] DATA, RST_STREAM and WINDOW_UPDATE end the connection", () => {
    for (const role of roles) {
      expect(outcome(role, IDLE, DATA)).toEqual([0, PROTOCOL_ERROR, "DATA_ON_IDLE_STREAM"]);
      expect(outcome(role, IDLE, DATA_END)).toEqual([0, PROTOCOL_ERROR, "DATA_ON_IDLE_STREAM"]);
      expect(outcome(role, IDLE, RST_STREAM)).toEqual([0, PROTOCOL_ERROR, "RST_STREAM_ON_IDLE_STREAM"]);
      expect(outcome(role, IDLE, WINDOW_UPDATE)).toEqual([0, PROTOCOL_ERROR, "WINDOW_UPDATE_ON_IDLE_STREAM"]);
    }
    expect(message(SERVER, IDLE, DATA)).toBe("DATA: not allowed on stream 5, which is idle (RFC 9113 5.1)");
  });

  test("[h2-132] PRIORITY is let pass in every state and opens nothing", () => {
    for (const role of roles) {
      for (const state of states) {
        expect(nextState(role, state, PRIORITY)).toBe(state);
        expect(nextState(role, state, PRIORITY + SENT)).toBe(state);
      }
    }
  });

  test("[h2-133] a server does not open streams by HEADERS", () => {
    expect(outcome(CLIENT, IDLE, HEADERS)).toEqual([0, PROTOCOL_ERROR, "HEADERS_ON_IDLE_STREAM"]);
    expect(outcome(CLIENT, IDLE, HEADERS_END)).toEqual([0, PROTOCOL_ERROR, "HEADERS_ON_IDLE_STREAM"]);
    expect(outcome(SERVER, IDLE, HEADERS + SENT)).toEqual(misuse);
  });

  test("[h2-155] we cannot reset a stream that is idle", () => {
    for (const role of roles) expect(outcome(role, IDLE, RST_STREAM + SENT)).toEqual(misuse);
  });
});

describe("reserved streams", () => {
  test("[h2-152] WINDOW_UPDATE may be sent on what was promised to us, and received on what we promised", () => {
    expect(nextState(CLIENT, RESERVED_REMOTE, WINDOW_UPDATE + SENT)).toBe(RESERVED_REMOTE);
    expect(nextState(SERVER, RESERVED_LOCAL, WINDOW_UPDATE)).toBe(RESERVED_LOCAL);
  });

  test("[h2-152] other frames in the wrong direction end the connection", () => {
    for (const [event, frame] of [
      [HEADERS, "HEADERS"],
      [HEADERS_END, "HEADERS"],
      [DATA, "DATA"],
      [DATA_END, "DATA"],
    ] as const) {
      expect(outcome(SERVER, RESERVED_LOCAL, event)).toEqual([0, PROTOCOL_ERROR, `${frame}_ON_RESERVED_STREAM`]);
    }
    for (const event of [DATA, DATA_END]) {
      expect(outcome(CLIENT, RESERVED_REMOTE, event)).toEqual([0, PROTOCOL_ERROR, "DATA_ON_RESERVED_STREAM"]);
    }
    const code = "WINDOW_UPDATE_ON_RESERVED_STREAM";
    expect(outcome(CLIENT, RESERVED_REMOTE, WINDOW_UPDATE)).toEqual([0, PROTOCOL_ERROR, code]);
    expect(message(CLIENT, RESERVED_REMOTE, WINDOW_UPDATE)).toBe(
      "WINDOW_UPDATE: not allowed on stream 5, which is reserved (remote) (RFC 9113 5.1)",
    );
  });
});

describe("streams of which the peer has ended its side", () => {
  test("[h2-138] DATA and HEADERS reset the stream with STREAM_CLOSED, anything else is let pass", () => {
    for (const role of roles) {
      for (const event of [HEADERS, HEADERS_END]) {
        expect(outcome(role, HALF_CLOSED_REMOTE, event)).toEqual([5, STREAM_CLOSED, "HEADERS_AFTER_END_STREAM"]);
      }
      for (const event of [DATA, DATA_END]) {
        expect(outcome(role, HALF_CLOSED_REMOTE, event)).toEqual([5, STREAM_CLOSED, "DATA_AFTER_END_STREAM"]);
      }
      expect(nextState(role, HALF_CLOSED_REMOTE, WINDOW_UPDATE)).toBe(HALF_CLOSED_REMOTE);
      expect(nextState(role, HALF_CLOSED_REMOTE, RST_STREAM)).toBe(CLOSED_BY_RESET_RECEIVED);
    }
    expect(message(SERVER, HALF_CLOSED_REMOTE, DATA)).toBe(
      "DATA: not allowed on stream 5, which is half-closed (remote) (RFC 9113 5.1)",
    );
  });
});

describe("closed streams", () => {
  test("[h2-139] after END_STREAM both ways, DATA and HEADERS get STREAM_CLOSED, the rest is tolerated", () => {
    for (const role of roles) {
      for (const event of [HEADERS, HEADERS_END, DATA, DATA_END]) {
        const frame = event < DATA ? "HEADERS" : "DATA";
        expect(outcome(role, CLOSED_BY_END, event)).toEqual([5, STREAM_CLOSED, `${frame}_ON_CLOSED_STREAM`]);
      }
      for (const event of [WINDOW_UPDATE, RST_STREAM])
        expect(nextState(role, CLOSED_BY_END, event)).toBe(CLOSED_BY_END);
    }
  });

  test("[h2-140] after their reset, DATA and HEADERS get STREAM_CLOSED", () => {
    for (const role of roles) {
      for (const event of [HEADERS, HEADERS_END, DATA, DATA_END]) {
        const code = event < DATA ? "HEADERS_ON_CLOSED_STREAM" : "DATA_ON_CLOSED_STREAM";
        expect(outcome(role, CLOSED_BY_RESET_RECEIVED, event)).toEqual([5, STREAM_CLOSED, code]);
      }
    }
    expect(message(CLIENT, CLOSED_BY_RESET_RECEIVED, HEADERS)).toBe(
      "HEADERS: not allowed on stream 5, which is closed by the RST_STREAM received (RFC 9113 5.1)",
    );
  });

  test("[h2-141] after our reset, everything is absorbed", () => {
    for (const event of [HEADERS, HEADERS_END, DATA, DATA_END, PUSH_PROMISE, WINDOW_UPDATE, RST_STREAM]) {
      expect(nextState(CLIENT, CLOSED_BY_RESET_SENT, event)).toBe(CLOSED_BY_RESET_SENT);
    }
    for (const event of [HEADERS, HEADERS_END, DATA, DATA_END, WINDOW_UPDATE, RST_STREAM]) {
      expect(nextState(SERVER, CLOSED_BY_RESET_SENT, event)).toBe(CLOSED_BY_RESET_SENT);
    }
  });

  test("[h2-142] once our reset is forgotten, DATA gets STREAM_CLOSED", () => {
    for (const role of roles) {
      expect(outcome(role, CLOSED_FORGOTTEN, DATA)).toEqual([5, STREAM_CLOSED, "DATA_ON_CLOSED_STREAM"]);
    }
  });

  test("[h2-144][h2-145] two resets of one stream are fine and never answered", () => {
    for (const role of roles) {
      for (const state of closed) expect(nextState(role, state, RST_STREAM)).toBeGreaterThanOrEqual(0);
    }
  });

  test("[h2-135] a server refuses to have a stream opened below one that was opened before", () => {
    expect(outcome(SERVER, CLOSED_IMPLICITLY, HEADERS)).toEqual([0, PROTOCOL_ERROR, "STREAM_ID_USED"]);
    expect(message(SERVER, CLOSED_IMPLICITLY, HEADERS_END)).toBe(
      "HEADERS: stream 5 must be idle to be opened, is closed by a later stream (RFC 9113 5.1.1)",
    );
  });

  test("[h2-137] a client resets a response on a stream that was passed over", () => {
    expect(outcome(CLIENT, CLOSED_IMPLICITLY, HEADERS)).toEqual([5, STREAM_CLOSED, "HEADERS_ON_CLOSED_STREAM"]);
  });

  test("[h2-153][h2-213] WINDOW_UPDATE on a closed stream is ignored, whatever closed it", () => {
    for (const role of roles) {
      for (const state of closed) expect(nextState(role, state, WINDOW_UPDATE)).toBe(state);
    }
  });

  test("[h2-147] nothing but PRIORITY and RST_STREAM can be sent", () => {
    for (const role of roles) {
      for (const state of closed) {
        for (const event of events.slice(SENT)) {
          if (event === PRIORITY + SENT) expect(nextState(role, state, event)).toBe(state);
          else if (event === RST_STREAM + SENT) expect(nextState(role, state, event)).toBe(CLOSED_BY_RESET_SENT);
          else expect(outcome(role, state, event)).toEqual(misuse);
        }
      }
    }
    expect(message(CLIENT, CLOSED_BY_END, DATA + SENT)).toBe(
      "DATA cannot be sent on stream 5, which is closed by END_STREAM",
    );
  });

  test("[h2-147] nor can DATA or HEADERS after our END_STREAM", () => {
    for (const role of roles) {
      for (const event of [HEADERS, HEADERS_END, DATA, DATA_END]) {
        expect(outcome(role, HALF_CLOSED_LOCAL, event + SENT)).toEqual(misuse);
      }
    }
  });
});

describe("PUSH_PROMISE", () => {
  test("[h2-160] from a client ends the connection, on any stream", () => {
    for (const state of states) {
      for (const event of [PUSH_PROMISE, PROMISED]) {
        expect(outcome(SERVER, state, event)).toEqual([0, PROTOCOL_ERROR, "PUSH_PROMISE_FROM_CLIENT"]);
        expect(outcome(CLIENT, state, event + SENT)).toEqual(misuse);
      }
    }
  });

  test("must belong to a stream on which the server may still send", () => {
    const allowed = [OPEN, HALF_CLOSED_LOCAL, CLOSED_BY_RESET_SENT];
    for (const state of states) {
      const expected = allowed.includes(state) ? state : [0, PROTOCOL_ERROR, "PUSH_PROMISE_STREAM_STATE"];
      expect(outcome(CLIENT, state, PUSH_PROMISE)).toEqual(expected);
    }
    for (const state of states) {
      const expected = state === OPEN || state === HALF_CLOSED_REMOTE ? state : misuse;
      expect(outcome(SERVER, state, PUSH_PROMISE + SENT)).toEqual(expected);
    }
  });

  test("[h2-255] must promise a stream that is idle", () => {
    for (const state of states.filter((state) => state !== IDLE)) {
      expect(outcome(CLIENT, state, PROMISED)).toEqual([0, PROTOCOL_ERROR, "STREAM_ID_USED"]);
    }
  });
});

describe("the table", () => {
  test("is defined everywhere, and every fault has an error", () => {
    for (const role of roles) {
      for (const state of states) {
        for (const event of events) {
          const next = nextState(role, state, event);
          expect(next).toBeLessThan(stateCount);
          if (next >= 0) continue;
          expect(faultError(next, 5, state, event).kind).toBe(event < SENT ? "protocol" : "user");
        }
      }
    }
  });

  test("what can be sent and received agrees with the questions about states", () => {
    for (const role of roles) {
      for (const state of states.filter((state) => state !== IDLE)) {
        if (isClosed(state))
          expect([canReceive(state), canSend(state), isActive(state)]).toEqual([false, false, false]);
        expect(nextState(role, state, DATA + SENT) >= 0).toBe(canSend(state));
        expect(nextState(role, state, HEADERS) >= 0).toBe(canReceive(state) || state === CLOSED_BY_RESET_SENT);
      }
    }
    expect(states.filter(isActive).map(stateName)).toEqual(["open", "half-closed (local)", "half-closed (remote)"]);
  });

  test("closed is final, and both ends that heed it agree on the state", () => {
    const mirror = new Map([
      [IDLE, IDLE],
      [RESERVED_LOCAL, RESERVED_REMOTE],
      [RESERVED_REMOTE, RESERVED_LOCAL],
      [OPEN, OPEN],
      [HALF_CLOSED_LOCAL, HALF_CLOSED_REMOTE],
      [HALF_CLOSED_REMOTE, HALF_CLOSED_LOCAL],
    ]);
    const steps = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: SENT - 1 })), { maxLength: 12 });
    fc.assert(
      fc.property(steps, (path) => {
        let client = IDLE;
        let server = IDLE;
        for (const [fromClient, event] of path) {
          const sent = nextState(fromClient ? CLIENT : SERVER, fromClient ? client : server, event + SENT);
          if (sent < 0) continue;
          const received = nextState(fromClient ? SERVER : CLIENT, fromClient ? server : client, event);
          // Without delay between them, what may be sent may be received, but for the reset of what is closed.
          expect(received).toBeGreaterThanOrEqual(0);
          const before = client;
          [client, server] = fromClient ? [sent, received] : [received, sent];
          if (isClosed(before)) expect(isClosed(client)).toBe(true);
          if (isClosed(client)) expect(isClosed(server)).toBe(true);
          else expect(mirror.get(client)).toBe(server);
        }
      }),
      { numRuns: 5000 },
    );
  });

  test("closed is final under any events, also those that are wrong", () => {
    const event = fc.integer({ min: 0, max: eventCount - 1 });
    fc.assert(
      fc.property(fc.constantFrom(...roles), fc.array(event, { maxLength: 20 }), (role, path) => {
        let state = IDLE;
        for (const step of path) {
          const next = nextState(role, state, step);
          expect(Number.isInteger(next)).toBe(true);
          if (next < 0) continue;
          if (isClosed(state)) expect(next === state || next === CLOSED_BY_RESET_SENT).toBe(true);
          state = next;
        }
      }),
      { numRuns: 5000 },
    );
  });
});
