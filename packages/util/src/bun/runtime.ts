/** The part of Bun's TCP interface that is used here, so that no types of Bun have to be installed. */

/** What a socket carries for us. */
export interface SocketOwner {
  received(chunk: Uint8Array): void;
  ended(): void;
  writable(): void;
  closed(error: unknown): void;
  handshaken(success: boolean, error: unknown): void;
}

/** `Bun.Socket`. */
export interface BunSocket {
  data: SocketOwner;
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  readonly localAddress?: string;
  readonly localPort?: number;
  readonly alpnProtocol?: string | false | null;
  /** Takes what fits and answers how much that was; less than 0 when the socket is closed. Holds nothing back itself. */
  write(data: Uint8Array): number;
  /** Ends the writing side (FIN); with `true` it would end the reading side instead. */
  shutdown(): void;
  /** Closes at once with a reset. */
  terminate(): void;
  /** Closes at once, without a reset of our own. */
  close(): void;
  pause(): void;
  resume(): void;
  setNoDelay?(on: boolean): boolean;
  getTLSVersion?(): string | null;
  getCipher?(): { readonly standardName?: string } | undefined;
  getServername?(): string | undefined;
}

export interface BunSocketHandlers {
  open(socket: BunSocket): void;
  data(socket: BunSocket, chunk: Uint8Array): void;
  end(socket: BunSocket): void;
  drain(socket: BunSocket): void;
  close(socket: BunSocket, error?: unknown): void;
  error(socket: BunSocket, error: unknown): void;
  handshake?(socket: BunSocket, success: boolean, error: unknown): void;
  connectError?(socket: BunSocket, error: unknown): void;
}

export interface BunTls {
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
  readonly serverName?: string;
  readonly rejectUnauthorized?: boolean;
  /** In the form of the wire: each name behind its length. */
  readonly ALPNProtocols?: ArrayBuffer;
}

export interface BunTarget {
  readonly hostname?: string;
  readonly port?: number;
  readonly unix?: string;
  readonly allowHalfOpen: true;
  readonly tls?: BunTls;
  readonly socket: BunSocketHandlers;
}

export interface BunServer {
  readonly hostname?: string;
  readonly port?: number;
  stop(closeActiveConnections?: boolean): void;
}

export interface BunRuntime {
  listen(options: BunTarget): BunServer;
  connect(options: BunTarget): Promise<BunSocket>;
}

/** @throws TypeError where there is no Bun. */
export function bunRuntime(): BunRuntime {
  const { Bun } = globalThis as { readonly Bun?: BunRuntime };
  if (Bun !== undefined) return Bun;
  throw new TypeError("@sluice/util/bun: needs the Bun runtime");
}

/** The names of `protocols` as RFC 7301 3.1 sends them. @throws TypeError for a name that is not 1 to 255 ASCII chars. */
export function alpnList(protocols: readonly string[]): ArrayBuffer {
  const bytes: number[] = [];
  for (const name of protocols) {
    if (!/^[!-~]{1,255}$/.test(name)) throw new TypeError("alpnProtocols: each name must be 1 to 255 ASCII characters");
    bytes.push(name.length);
    for (let i = 0; i < name.length; i++) bytes.push(name.charCodeAt(i));
  }
  return Uint8Array.from(bytes).buffer;
}
