/**
 * What a `FaultProxy` does to one connection, in words that read like a script:
 *
 * ```ts
 * ["pass", "rstOnAccept", afterClientBytes(10, "fin"), [afterServerBytes(0, delay(50)), swallowHalfClose("client")]]
 * ```
 * "Client" is the program under test, "server" the origin behind the proxy. Byte counts are of one direction of one
 * connection; a fault acts as soon as that many bytes have been forwarded, so 0 means before the first.
 */

/** What happens once a number of bytes has been forwarded. */
export type Action =
  /** FIN to both sides. Whatever else they send is read and dropped, so that no RST follows. */
  | "fin"
  /** RST to both sides, two turns after the last byte was forwarded: a client in this process has read it by then. */
  | "rst"
  /** RST in the turn of the last byte. A client that reads only afterwards may find an end instead of a reset. */
  | "rstAtOnce"
  /** This direction is not read any more, for good: its sender meets backpressure. The other one goes on. */
  | "stall"
  /** The same for both directions. */
  | "stallBoth"
  /** A dead peer: both sides stay open, and all they send, ends and resets included, is read and dropped. */
  | "blackhole"
  /** From here on byte by byte, each in a segment and a turn of its own. */
  | "tear"
  /** The rest of this direction waits once: for `ms` of the proxy's timer, or until the promise resolves. */
  | { readonly do: "delay"; readonly ms: number }
  | { readonly do: "hold"; readonly until: Promise<unknown> }
  /** The next `bytes` bytes are forwarded with every bit inverted. */
  | { readonly do: "corrupt"; readonly bytes: number };

/** Which side of the proxy: the program under test, or the origin. */
export type Side = "client" | "server";

/** An action on what `from` sends. */
export interface ByteFault {
  readonly kind: "bytes";
  readonly from: Side;
  readonly after: number;
  readonly action: Action;
}

/** What `from` sends ends, and the other side is not told. */
export interface SwallowedHalfClose {
  readonly kind: "swallow";
  readonly from: Side;
}

/** The connection is closed while no exchange is under way on it (HTTP/1). */
export interface IdleClose {
  readonly kind: "idle";
  /** After how many final responses. */
  readonly afterResponses: number;
  /**
   * `reuse`: when the first bytes of the next request arrive, which are not forwarded.
   * `response`: after the last byte of the last response, so that the close races with the next request.
   */
  readonly at: "reuse" | "response";
  /** How the client side is closed; the server side ends likewise. */
  readonly how: "fin" | "rst";
  /** Turns of the event loop (`setImmediate`) in between. With 0 and `rst` a client may find an end, not a reset. */
  readonly turns: number;
}

export type Fault =
  | "pass"
  /** RST two turns after accepting, when a client in this process knows of its connection; the origin never hears of it. */
  | "rstOnAccept"
  /** FIN as soon as the connection is accepted; what the client sends is dropped. The origin never hears of it. */
  | "closeOnAccept"
  /** Accepts, and then neither reads nor writes, nor ends. The origin never hears of it. */
  | "acceptThenSilence"
  | ByteFault
  | SwallowedHalfClose
  | IdleClose;

/** One fault, or several at once. */
export type FaultPlan = Fault | readonly Fault[];

/** A plan in a list may also be for a connection that is not accepted: the port is closed, and connecting refused. */
export type QueuedPlan = FaultPlan | "refuse";

/** After `count` bytes from the client have been forwarded: 0 or more. */
export function afterClientBytes(count: number, action: Action): ByteFault {
  return { kind: "bytes", from: "client", after: whole("count", count), action };
}

/** After `count` bytes from the server have been forwarded: 0 or more. */
export function afterServerBytes(count: number, action: Action): ByteFault {
  return { kind: "bytes", from: "server", after: whole("count", count), action };
}

/** Waits once, by the proxy's timer. */
export function delay(ms: number): Action {
  return { do: "delay", ms: whole("ms", ms) };
}

/** Waits once, until the test says so. */
export function holdUntil(until: Promise<unknown>): Action {
  return { do: "hold", until };
}

/** Inverts the next `bytes` bytes. */
export function corrupt(bytes: number): Action {
  return { do: "corrupt", bytes: whole("bytes", bytes) };
}

/** The end of what `from` sends (its FIN) is not passed on. */
export function swallowHalfClose(from: Side): SwallowedHalfClose {
  return { kind: "swallow", from };
}

/** Closes an idle connection; by default with FIN, when the request after the first response arrives. */
export function closeWhenIdle(options: Partial<Omit<IdleClose, "kind">> = {}): IdleClose {
  const { afterResponses = 1, at = "reuse", how = "fin", turns = 0 } = options;
  return {
    kind: "idle",
    afterResponses: whole("afterResponses", afterResponses),
    at,
    how,
    turns: whole("turns", turns),
  };
}

function whole(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 0) return value;
  throw new RangeError(`${name}: must be an integer of at least 0, but is ${value}`);
}
