/**
 * The one contract of everything that makes connections.
 *
 * A connector is a function. Those that need another one below them take it as an option: TLS over a tunnel through a
 * proxy reached by TCP is three functions, one inside the other.
 */
import { Extensions, type Io } from "@sluice/core";

/** Where a connection is to lead. */
export interface ConnectTarget {
  /** The scheme of the URI, lower-case: `http`, `https`. */
  readonly scheme: string;
  /** A host name, lower-case, or an IP address; an IPv6 address without brackets. */
  readonly host: string;
  /** The TCP port; 1 to 65,535. */
  readonly port: number;
  /** The name that TLS asks for and checks, if it is another than `host`. */
  readonly servername?: string | undefined;
  /** What TLS offers by ALPN, preferred first; none for an empty list. Default: what the TLS connector is made for. */
  readonly alpn?: readonly string[] | undefined;
}

/**
 * Makes a connection to `target`.
 *
 * Rejects with an `HttpError`: kind `connect` if there is none to be had, with a code that says why (an errno name such as
 * `ECONNREFUSED`, or one that the connector documents); kind `timeout` if it took too long; kind `canceled`, code `CANCELED`
 * and the signal's reason as cause, if `signal` gave it up. Nothing stays open after a rejection.
 */
export type Connector = (target: ConnectTarget, signal?: AbortSignal) => Promise<Connected>;

/** How long the parts of connecting took, in milliseconds; absent for a part that was not needed. */
export interface ConnectTimings {
  /** Resolving the name. */
  readonly dnsMs?: number | undefined;
  /** From the first attempt to the connection that won. */
  readonly tcpMs?: number | undefined;
  /** Asking proxies to go on. */
  readonly proxyMs?: number | undefined;
  /** The TLS handshake. */
  readonly tlsMs?: number | undefined;
}

/** What may be said about a connection beside its transport. */
export interface ConnectedOptions {
  /** Default: none. */
  readonly timings?: ConnectTimings;
  /** Requests on it go to a proxy and must name the whole URI (absolute-form). Default false. */
  readonly proxied?: boolean;
  /** Field lines each request on it must carry for the proxy, such as `proxy-authorization`. Default: none. */
  readonly proxyFields?: readonly (readonly [name: string, value: string])[];
  /** Whatever a connector wants to tell those who use the connection. Default: none. */
  readonly extensions?: Extensions;
  /** Lets the process end although the transport is open. Default: does nothing. */
  readonly unref?: () => void;
  /** Takes `unref` back. Default: does nothing. */
  readonly ref?: () => void;
}

/** A connection that was made, and what is known about it. Addresses, ALPN and TLS facts are in `io.info`. */
export class Connected {
  readonly io: Io;
  readonly timings: ConnectTimings;
  readonly proxied: boolean;
  readonly proxyFields: readonly (readonly [name: string, value: string])[];
  readonly extensions: Extensions;
  readonly #unref: (() => void) | undefined;
  readonly #ref: (() => void) | undefined;
  #poisoned = false;

  constructor(io: Io, options: ConnectedOptions = {}) {
    this.io = io;
    this.timings = options.timings ?? {};
    this.proxied = options.proxied ?? false;
    this.proxyFields = options.proxyFields ?? [];
    this.extensions = options.extensions ?? new Extensions();
    this.#unref = options.unref;
    this.#ref = options.ref;
  }

  /** The protocol chosen by ALPN, such as `h2`; undefined without TLS or without a choice. */
  get alpn(): string | undefined {
    return this.io.info?.alpnProtocol;
  }

  /** Whether it must not be used for a further request. */
  get poisoned(): boolean {
    return this.#poisoned;
  }

  /** Keeps it from being used for a further request; what is under way goes on. */
  poison(): void {
    this.#poisoned = true;
  }

  /** Lets the process end although the transport is open, where the transport can. */
  unref(): void {
    this.#unref?.();
  }

  /** Lets the open transport keep the process alive again, where it can. */
  ref(): void {
    this.#ref?.();
  }

  /**
   * The same connection with another transport around it: facts and extensions are kept, timings are merged, and what
   * `changes` names is replaced.
   */
  over(io: Io, changes: ConnectedOptions = {}): Connected {
    return new Connected(io, {
      proxied: changes.proxied ?? this.proxied,
      proxyFields: changes.proxyFields ?? this.proxyFields,
      extensions: changes.extensions ?? this.extensions,
      timings: { ...this.timings, ...changes.timings },
      unref: changes.unref ?? (() => this.unref()),
      ref: changes.ref ?? (() => this.ref()),
    });
  }
}
