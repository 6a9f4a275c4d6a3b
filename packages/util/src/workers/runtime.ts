/** The part of workerd's sockets that is used here, so that no types of it have to be installed. */

/** What is known of a socket once it is open; addresses are `host:port`. */
export interface WorkerSocketInfo {
  readonly remoteAddress?: string;
  readonly localAddress?: string;
}

/** A socket from `connect()` of `cloudflare:sockets`, or one that a `connect` handler is given. */
export interface WorkerSocket {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  readonly opened: Promise<WorkerSocketInfo>;
  readonly closed: Promise<void>;
  readonly secureTransport?: "on" | "off" | "starttls";
  /** Ends both directions. */
  close(): Promise<void>;
}

/** `connect` of `cloudflare:sockets`. */
export type SocketsConnect = (
  address: { hostname: string; port: number },
  options?: { secureTransport?: "on" | "off"; allowHalfOpen?: boolean },
) => WorkerSocket;
