/**
 * The connections to one origin: HTTP/1 connections that serve one request at a time and HTTP/2 connections that serve many,
 * whichever the server turns out to speak.
 */
import type { Connector, ConnectTarget } from "../connect/connector.ts";
import { Cache, type Lease } from "../pool/cache.ts";
import type { IdleSet } from "../pool/idle-set.ts";
import { Negotiate } from "../pool/negotiate.ts";
import { Shared } from "../pool/shared.ts";
import { type Channel, type ChannelOptions, type Http1Channel, type Http2Channel, openChannel } from "./channel.ts";
import { type ClientObserver, tell } from "./client-observer.ts";
import type { HttpVersionChoice } from "./options.ts";
import { type Origin, originText } from "./origin.ts";

/** What the pools of a client have in common. */
export interface HostPoolOptions {
  readonly connector: Connector;
  readonly channel: ChannelOptions;
  readonly idle: IdleSet;
  readonly maxIdlePerHost: number;
  readonly maxConnectionsPerHost: number;
  readonly maxHttp2ConnectionsPerHost: number;
  readonly maxQueuedPerHost: number;
  readonly order: "newest" | "oldest";
  readonly observer: ClientObserver | undefined;
  /** Is told of each connection, when it is made and when it is gone. */
  readonly opened: (channel: Channel) => void;
  readonly closed: (channel: Channel) => void;
}

/** How many streams an HTTP/2 connection opens before the server has said how many it may. */
const defaultInitialStreams = 100;

/** How many connections to an origin there are, and what they do. */
export interface HostStats {
  /** HTTP/1 connections that do nothing. */
  readonly idle: number;
  /** HTTP/1 connections with a request under way. */
  readonly inUse: number;
  /** HTTP/2 connections. */
  readonly http2: number;
  /** Requests under way on HTTP/2 connections, or waiting for a stream on one. */
  readonly streams: number;
  /** Connections being made. */
  readonly connecting: number;
  /** Requests that wait for an HTTP/1 connection. */
  readonly waiting: number;
}

/** What a request was given: an HTTP/1 connection to give back, or a place on an HTTP/2 connection. */
export type Taken = Lease<Channel> | Http2Channel;

export class HostPool {
  readonly text: string;
  readonly #options: HostPoolOptions;
  readonly #target: ConnectTarget;
  readonly #version: HttpVersionChoice;
  readonly #pools: Negotiate<Channel, Cache<Channel>, Shared<Http2Channel>>;

  constructor(origin: Origin, version: HttpVersionChoice, options: HostPoolOptions) {
    this.text = originText(origin);
    this.#options = options;
    this.#version = version;
    this.#target = { ...origin, alpn: alpnOf(version) };
    const { maxConnectionsPerHost, maxHttp2ConnectionsPerHost } = options;
    const close = (channel: Channel): void => channel.close();
    this.#pools = new Negotiate<Channel, Cache<Channel>, Shared<Http2Channel>>({
      connect: (signal) => this.#connect(signal),
      inspect: (channel) => channel.isHttp2,
      close,
      fallback: (connect) =>
        new Cache<Channel>({
          connect,
          isOpen: (channel) => channel.isOpen,
          close,
          maxIdle: options.maxIdlePerHost,
          maxOpen: maxConnectionsPerHost,
          maxWaiting: options.maxQueuedPerHost,
          order: options.order,
          idle: options.idle,
        }),
      upgrade: (connect) =>
        new Shared<Http2Channel>({
          connect: connect as (signal: AbortSignal) => Promise<Http2Channel>,
          isOpen: (channel) => channel.isOpen,
          hasRoom: (channel) => channel.hasRoom,
          claim: (channel) => channel.claim(),
          load: (channel) => channel.load,
          close,
          maxOpen: Math.min(maxConnectionsPerHost, maxHttp2ConnectionsPerHost),
        }),
    });
  }

  get isEmpty(): boolean {
    const { fallback, upgrade, isConnecting } = this.#pools;
    return fallback.isEmpty && upgrade.isEmpty && !isConnecting;
  }

  get stats(): HostStats {
    const { fallback, upgrade, isConnecting } = this.#pools;
    const { idle, inUse, connecting, waiting } = fallback.counts;
    const shared = upgrade.values;
    return {
      idle,
      inUse,
      http2: shared.length,
      streams: shared.reduce((sum, channel) => sum + channel.load, 0),
      connecting: connecting + upgrade.connecting + (isConnecting ? 1 : 0),
      waiting,
    };
  }

  /** What can be had at once. */
  tryTake(): Taken | undefined {
    const { choice, fallback, upgrade } = this.#pools;
    if (choice === undefined) return undefined;
    return choice === "upgrade" ? upgrade.tryGet() : fallback.tryTake();
  }

  /**
   * Waits until there is something to be had.
   * @param isNew An HTTP/1 connection must not have been idle: others that were idle may be as dead as the one that has failed.
   */
  take(signal: AbortSignal | undefined, isNew = false): Promise<Taken> {
    const { fallback, upgrade } = this.#pools;
    return this.#pools.with<Taken>((choice) => {
      if (choice === "upgrade") return upgrade.get(signal);
      return isNew ? fallback.takeNew(signal) : fallback.take(signal);
    }, signal);
  }

  /** Makes connections beforehand; of HTTP/2 one is enough. */
  async warm(count: number, signal: AbortSignal | undefined): Promise<void> {
    const { fallback, upgrade } = this.#pools;
    if (count === 0) return;
    await this.#pools.with(async (choice) => {
      if (choice === "fallback") await fallback.warm(count, signal);
      else if (upgrade.values.length === 0) (await upgrade.get(signal)).unclaim();
    }, signal);
  }

  /** Closes those that do nothing and for which `keep` is false. */
  retain(keep: (channel: Channel) => boolean): void {
    this.#pools.fallback.retain(keep);
    this.#pools.upgrade.retain((channel) => channel.load > 0 || keep(channel));
  }

  /** Takes no further request; idle connections close at once, the others when what is under way has ended. */
  close(): void {
    this.#pools.close();
  }

  /**
   * The options of the next connection. What an HTTP/2 server allows is told only by its first SETTINGS: until then a further
   * connection is taken to be allowed as many streams as the one before, lest a crowd is refused on each of them in turn.
   */
  get #channelOptions(): ChannelOptions {
    const { channel } = this.#options;
    const before = this.#pools.upgrade.values.at(-1)?.connection.streams.maxLocal;
    const { initialMaxStreams = defaultInitialStreams } = channel.http2;
    if (before === undefined || before >= initialMaxStreams) return channel;
    return { ...channel, http2: { ...channel.http2, initialMaxStreams: before } };
  }

  async #connect(signal: AbortSignal): Promise<Channel> {
    const { connector, observer, opened } = this.#options;
    tell(observer, "connectStarted", this.text);
    let channel: Channel;
    try {
      const connected = await connector(this.#target, signal);
      channel = await openChannel(connected, this.#target.scheme, this.#version, this.#channelOptions);
    } catch (error) {
      tell(observer, "connectFailed", this.text, error);
      throw error;
    }
    opened(channel);
    channel.connection.closed.then(
      () => this.#lost(channel, undefined),
      (error: unknown) => this.#lost(channel, error),
    );
    tell(observer, "connectSucceeded", this.text, channel.connected);
    return channel;
  }

  #lost(channel: Channel, error: unknown): void {
    if (!channel.isHttp2) this.#pools.fallback.remove(channel as Http1Channel);
    this.#options.closed(channel);
    tell(this.#options.observer, "connectionLost", this.text, channel.connected, error);
  }
}

/** What ALPN offers; without TLS nobody asks. */
function alpnOf(version: HttpVersionChoice): readonly string[] {
  if (version === "auto") return ["h2", "http/1.1"];
  return version === "http2" ? ["h2"] : ["http/1.1"];
}
