/** The part of Deno's TCP interface that is used here, so that no types of Deno have to be installed. */

export interface DenoAddr {
  readonly transport: string;
  readonly hostname?: string;
  readonly port?: number;
  readonly path?: string;
}

/** `Deno.Conn`, and with `handshake` `Deno.TlsConn`. */
export interface DenoConn {
  readonly localAddr: DenoAddr;
  readonly remoteAddr: DenoAddr;
  /** Resolves with the number of bytes read, or null at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Resolves with the number of bytes taken, which may be fewer than given. */
  write(data: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  setNoDelay?(on: boolean): void;
  handshake?(): Promise<{ readonly alpnProtocol: string | null }>;
}

export interface DenoListener {
  readonly addr: DenoAddr;
  accept(): Promise<DenoConn>;
  close(): void;
}

export interface DenoPlace {
  readonly hostname?: string;
  readonly port?: number;
  readonly path?: string;
  readonly transport?: "unix";
}

export interface DenoRuntime {
  listen(place: DenoPlace): DenoListener;
  listenTls(options: DenoPlace & { cert: string; key: string; alpnProtocols: string[] }): DenoListener;
  connect(place: DenoPlace): Promise<DenoConn>;
  startTls(
    conn: DenoConn,
    options: { hostname: string; caCerts?: string[]; alpnProtocols: string[] },
  ): Promise<DenoConn>;
}

/** @throws TypeError where there is no Deno. */
export function denoRuntime(): DenoRuntime {
  const { Deno } = globalThis as { readonly Deno?: DenoRuntime };
  if (Deno !== undefined) return Deno;
  throw new TypeError("@sluice/util/deno: needs the Deno runtime");
}
