/**
 * One connection in the pool, of either version, ready for requests.
 */
import { type Connection, HttpError, type HttpRequest, type HttpResponse } from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import * as http2 from "@sluice/core/http2";
import type { Connected } from "../connect/connector.ts";

/** The options of connections; the same objects for all of them, so that they are checked once. */
export interface ChannelOptions {
  /** To an origin server. */
  readonly http1: http1.ClientOptions;
  /** To a proxy, which must be told the whole URI. */
  readonly proxiedHttp1: http1.ClientOptions;
  readonly http2: http2.ClientOptions;
}

export abstract class Channel {
  readonly connected: Connected;
  abstract readonly isHttp2: boolean;
  abstract readonly connection: Connection;
  abstract readonly sender: http1.Sender;
  /** How many requests were given to it. */
  requests = 0;

  protected constructor(connected: Connected) {
    this.connected = connected;
  }

  /** Whether it can be used for a further request. */
  get isOpen(): boolean {
    return !(this.sender.isClosed || this.connected.poisoned);
  }

  send(request: HttpRequest, options: http1.SendOptions): Promise<HttpResponse> {
    this.requests++;
    return this.sender.send(request, options);
  }

  /** Closes it when what is under way has ended. */
  close(): void {
    this.connection.gracefulShutdown();
  }

  abort(reason: HttpError): void {
    this.connection.abort(reason);
  }
}

export class Http1Channel extends Channel {
  readonly isHttp2 = false;
  readonly connection: Connection;
  readonly sender: http1.Sender;

  constructor(connected: Connected, handshake: http1.Handshake) {
    super(connected);
    this.connection = handshake.connection;
    this.sender = handshake.sender;
  }

  /** Also not ready when another exchange is under way, which a pool should not let happen. */
  override get isOpen(): boolean {
    return this.sender.isReady && !this.connected.poisoned;
  }
}

export class Http2Channel extends Channel {
  readonly isHttp2 = true;
  readonly connection: http2.Http2Connection;
  readonly sender: http1.Sender;
  readonly #maxRequests: number;
  /** Requests that were promised a place and have not been sent yet. */
  #claimed = 0;

  constructor(connected: Connected, handshake: http2.Handshake, maxRequests: number) {
    super(connected);
    this.connection = handshake.connection;
    this.sender = handshake.sender;
    this.#maxRequests = maxRequests;
  }

  /** Whether one more request would get a stream at once. */
  get hasRoom(): boolean {
    if (!this.sender.isReady || this.requests + this.#claimed >= this.#maxRequests) return false;
    if (this.#claimed === 0) return true;
    const { local, maxLocal } = this.connection.streams;
    return local + this.#claimed < maxLocal;
  }

  /** How many requests there are. */
  get load(): number {
    const { local, queued } = this.connection.streams;
    return local + queued + this.#claimed;
  }

  /** Sets a place aside until the next `send`. */
  claim(): void {
    this.#claimed++;
  }

  /** Gives a place back that nobody will use. */
  unclaim(): void {
    this.#claimed--;
  }

  override send(request: HttpRequest, options: http1.SendOptions): Promise<HttpResponse> {
    this.#claimed--;
    return super.send(request, options);
  }
}

/**
 * Makes a channel of a connection.
 * @param scheme The scheme of the URI: for `https` a connection that is known to have no TLS is refused.
 * @param version What is spoken on it, or `auto` to go by what ALPN has chosen.
 */
export async function openChannel(
  connected: Connected,
  scheme: string,
  version: "auto" | "http1" | "http2",
  options: ChannelOptions,
): Promise<Channel> {
  const { io, alpn } = connected;
  try {
    // RFC 9110 4.2.2. What a transport does not say about itself is its connector's business.
    if (scheme === "https" && io.info?.secure === false) {
      throw new HttpError(
        "connect",
        "NOT_SECURE",
        "the scheme is https, but the connector made a connection without TLS",
      );
    }
    const isHttp2 = alpn === undefined ? version === "http2" : alpn === "h2";
    if ((isHttp2 && version === "http1") || (!isHttp2 && version === "http2")) {
      throw new HttpError("connect", "ALPN_MISMATCH", `the server chose ${alpn} by ALPN, but ${version} was asked for`);
    }
    connected.unref();
    if (isHttp2) {
      const { maxRequestsPerConnection = Number.POSITIVE_INFINITY } = options.http2;
      return new Http2Channel(connected, await http2.handshake(io, options.http2), maxRequestsPerConnection);
    }
    const http1Options = connected.proxied ? options.proxiedHttp1 : options.http1;
    return new Http1Channel(connected, await http1.handshake(io, http1Options));
  } catch (error) {
    io.abort(error);
    throw error;
  }
}
