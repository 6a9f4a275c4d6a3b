/**
 * What a listener finds as `req.socket` where there is no socket of Node's own to give: on HTTP/2, whose streams share one,
 * and on other transports. It tells what is known of the connection, and its end; it moves no bytes.
 */
import { EventEmitter } from "node:events";
import { type Duplex, getDefaultHighWaterMark } from "node:stream";
import type { IoInfo } from "@sluice/core";

/** The properties of `tls.TLSSocket` that are passed on. */
interface SecureFacts {
  readonly authorized?: boolean;
  readonly authorizationError?: unknown;
  getPeerCertificate?(detailed?: boolean): unknown;
}

export class ListenerSocket extends EventEmitter {
  destroyed = false;
  readable = true;
  writable = true;
  /** Nothing waits here; what waits for the connection is told by `writableLength` of the response. */
  readonly writableLength = 0;
  readonly writableHighWaterMark: number = getDefaultHighWaterMark(false);
  readonly writableCorked = 0;
  readonly #info: IoInfo | undefined;
  readonly #secure: SecureFacts | undefined;
  readonly #end: (error: unknown) => void;
  #timeoutMs = 0;
  #timeout: NodeJS.Timeout | undefined;

  /** @param end Gives the connection up. */
  constructor(info: IoInfo | undefined, transport: Duplex | undefined, end: (error: unknown) => void) {
    super();
    this.#info = info;
    this.#secure = transport as SecureFacts | undefined;
    this.#end = end;
    transport?.once("close", () => this.closed());
  }

  get remoteAddress(): string | undefined {
    return this.#info?.remoteAddress;
  }
  get remotePort(): number | undefined {
    return this.#info?.remotePort;
  }
  get remoteFamily(): "IPv4" | "IPv6" | undefined {
    return familyOf(this.remoteAddress);
  }
  get localAddress(): string | undefined {
    return this.#info?.localAddress;
  }
  get localPort(): number | undefined {
    return this.#info?.localPort;
  }
  get localFamily(): "IPv4" | "IPv6" | undefined {
    return familyOf(this.localAddress);
  }
  /** `true`, or undefined, as on Node's own. */
  get encrypted(): true | undefined {
    return this.#info?.secure === true ? true : undefined;
  }
  get alpnProtocol(): string | false {
    return this.#info?.alpnProtocol ?? false;
  }
  get servername(): string | false {
    return this.#info?.servername ?? false;
  }
  get authorized(): boolean | undefined {
    return this.#secure?.authorized;
  }
  get authorizationError(): unknown {
    return this.#secure?.authorizationError;
  }
  getPeerCertificate(detailed?: boolean): unknown {
    return this.#secure?.getPeerCertificate?.(detailed) ?? {};
  }
  getProtocol(): string | null {
    return this.#info?.tlsVersion ?? null;
  }
  address(): { address?: string; family?: string; port?: number } {
    const { localAddress, localFamily, localPort } = this;
    return localAddress === undefined || localFamily === undefined || localPort === undefined
      ? {}
      : { address: localAddress, family: localFamily, port: localPort };
  }

  /** `timeout` is emitted once after this time; the requests' and responses' own `setTimeout` looks for idleness. */
  setTimeout(ms: number, callback?: () => void): this {
    clearTimeout(this.#timeout);
    this.#timeoutMs = ms;
    if (callback !== undefined) this.once("timeout", callback);
    if (ms > 0 && !this.destroyed) this.#timeout = setTimeout(() => this.emit("timeout"), ms).unref();
    return this;
  }
  get timeout(): number {
    return this.#timeoutMs;
  }
  setKeepAlive(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  /** Corking is the connection's: what is written in a turn leaves together. */
  cork(): void {}
  uncork(): void {}

  /** Gives the whole connection up, with all that is under way on it. */
  destroy(error?: Error): this {
    if (this.destroyed) return this;
    this.#end(error);
    this.closed();
    return this;
  }

  /** The connection has ended. */
  closed(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.readable = false;
    this.writable = false;
    clearTimeout(this.#timeout);
    process.nextTick(() => this.emit("close", false));
  }
}

function familyOf(address: string | undefined): "IPv4" | "IPv6" | undefined {
  if (address === undefined) return undefined;
  return address.includes(":") ? "IPv6" : "IPv4";
}
