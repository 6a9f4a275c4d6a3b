/** The part of a WebSocket that is used here: of browsers, of other runtimes, and of the `ws` package. */

/** A WebSocket, by what is used of it, so that no types of browsers have to be installed. */
export interface WebSocketLike {
  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number;
  /** Bytes that were sent and have not left. */
  readonly bufferedAmount: number;
  /** What binary messages come as; it is set. */
  binaryType: string;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: "open", listener: (event: object) => void): void;
  addEventListener(type: "message", listener: (event: object) => void): void;
  addEventListener(type: "close", listener: (event: object) => void): void;
  addEventListener(type: "error", listener: (event: object) => void): void;
}

/** What comes with a `message`. */
export interface MessageFacts {
  readonly data: unknown;
}

/** What comes with `close`. */
export interface CloseFacts {
  readonly code: number;
  readonly reason: string;
}

/** What the WebSockets of `ws` can do beside: stop reading, tell that a message is sent, and give up at once. */
export interface ControllableWebSocket extends WebSocketLike {
  send(data: Uint8Array<ArrayBuffer>, sent?: () => void): void;
  pause(): void;
  resume(): void;
  terminate(): void;
}

export function isControllable(socket: WebSocketLike): socket is ControllableWebSocket {
  const { pause, resume, terminate } = socket as Partial<ControllableWebSocket>;
  return typeof pause === "function" && typeof resume === "function" && typeof terminate === "function";
}

// The values of `readyState`.
export const CONNECTING = 0;
export const OPEN = 1;
export const CLOSED = 3;
