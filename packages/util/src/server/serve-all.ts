/**
 * The whole accept loop in one call: takes connections from a listener, serves each, and ends all of them in order.
 *
 * The end: nothing further is listened for, then all connections are told to take no further exchange, then what is still
 * under way at the deadline is aborted. A connection that comes out of the listener meanwhile is treated like those that are
 * open: it is served once, if it asks in time.
 */
import type { Io, Service } from "@sluice/core";
import { nodeTimer } from "../node/timer.ts";
import { knownOptions, wholeNumber } from "../options.ts";
import { AutoConnection } from "./auto-connection.ts";
import { type AutoOptions, autoOptionNames, type ResolvedAutoOptions, resolveAutoOptions } from "./auto-options.ts";
import {
  checkShutdownOptions,
  GracefulShutdown,
  type ShutdownOptions,
  type ShutdownOutcome,
} from "./graceful-shutdown.ts";
import { Intake } from "./intake.ts";
import { onStopRequests } from "./stop-requests.ts";

/** One service for all connections, or what makes one for each. */
export type MakeService<Transport extends Io = Io> = Service | ((io: Transport) => Service | Promise<Service>);

/** What connections come from, such as what `listen` returns. */
export interface Connections<Transport extends Io = Io> extends AsyncIterable<Transport> {
  /** Stops listening. What was accepted before still comes out of the iteration, which then ends. */
  close?(): unknown;
}

/** Options of `serveAll`, beside those of `auto.serve`. Times in milliseconds. */
export interface ServeAllOptions<Transport extends Io = Io> extends AutoOptions {
  /** Shuts the server down when it aborts, as `shutdown()` does. */
  readonly signal?: AbortSignal;
  /**
   * Signals of the process that shut the server down, as `shutdown()` does; a second one aborts what is still under way. They
   * are listened for until the server has ended. Default: none.
   */
  readonly signals?: readonly NodeJS.Signals[];
  /** How long a shutdown may take; 0 for as long as it takes. Default: `shutdownTimeoutMs`, 30,000 unless it says otherwise. */
  readonly drainTimeoutMs?: number;
  /** How long an idle HTTP/1 connection is left open in a shutdown, as of `GracefulShutdown`. Default 1,000. */
  readonly graceMs?: number;
  /** Most connections at a time; while there are that many none is taken from the listener. Default: no limit. */
  readonly maxConnections?: number;
  /**
   * Is told why a connection did not end in order, or was not served because `makeService` failed, and, without an `io`, why
   * the listener failed. What it throws is dropped.
   */
  readonly onError?: (error: unknown, io: Transport | undefined) => void;
}

/** A server that runs. */
export interface Serving extends AsyncDisposable {
  /**
   * Settles when the listener has ended and so has every connection. Rejects with the error of the listener, if it failed;
   * unless somebody looks at it, or there is an `onError`, that is an unhandled rejection, so that it cannot go unnoticed.
   */
  readonly done: Promise<void>;
  /** Connections that are open. */
  readonly count: number;
  /**
   * Stops listening, and shuts all connections down. Resolves when the server has ended; never rejects.
   * @param options Default: `drainTimeoutMs` and `graceMs`.
   * @throws TypeError or RangeError for options that make no sense.
   */
  shutdown(options?: ShutdownOptions): Promise<ShutdownOutcome>;
  /** Stops listening, and gives all connections up at once. Resolves when the server has ended; never rejects. */
  abort(reason?: unknown): Promise<ShutdownOutcome>;
}

class Server<Transport extends Io> implements Serving {
  readonly done: Promise<void>;
  readonly #makeService: MakeService<Transport>;
  readonly #auto: ResolvedAutoOptions;
  readonly #onError: ((error: unknown, io: Transport | undefined) => void) | undefined;
  readonly #maxConnections: number;
  readonly #drain: Required<ShutdownOptions>;
  readonly #graceful: GracefulShutdown;
  readonly #intake: Intake<Transport>;
  /** Connections whose service is being made. */
  #opening = 0;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #settle: () => void = () => {};
  #stopListeningForStops: () => void = () => {};

  constructor(
    listener: Connections<Transport>,
    makeService: MakeService<Transport>,
    options: ServeAllOptions<Transport>,
  ) {
    this.#makeService = makeService;
    this.#auto = resolveAutoOptions(autoOptionsOf(options));
    this.#onError = options.onError;
    this.#maxConnections = wholeNumber("maxConnections", options.maxConnections ?? Number.POSITIVE_INFINITY, 1);
    this.#drain = drainOf(options, this.#auto.shutdownTimeoutMs);
    this.#graceful = new GracefulShutdown({ timer: options.timer === undefined ? nodeTimer : options.timer });
    this.done = new Promise((resolve, reject) => {
      this.#settle = () => (this.#failure === undefined ? resolve() : reject(this.#failure.error));
    });
    if (this.#onError !== undefined) this.done.catch(() => {});
    this.#intake = new Intake(listener, {
      isFull: () => this.count >= this.#maxConnections,
      take: (io) => this.#take(io),
      ended: (failure) => this.#listenerEnded(failure),
    });
    this.#intake.start();
    this.#stopListeningForStops = onStopRequests(options.signal, options.signals ?? [], {
      shutdown: () => void this.shutdown(),
      abort: (reason) => void this.abort(reason),
    });
    // Told to stop before it began.
    if (this.#ended) this.#stopListeningForStops();
  }

  get count(): number {
    return this.#graceful.count + this.#opening;
  }

  shutdown(options: ShutdownOptions = {}): Promise<ShutdownOutcome> {
    checkShutdownOptions(options);
    // Before the connections are told, so that those accepted meanwhile are not missed.
    this.#intake.stop();
    const begun = this.#graceful.isShuttingDown;
    const release = this.#graceful.hold(() => this.#intake.giveUp());
    void this.#graceful.shutdown(begun ? options : { ...this.#drain, ...options });
    return this.#finished(release);
  }

  abort(reason?: unknown): Promise<ShutdownOutcome> {
    this.#intake.stop();
    void this.#graceful.abort(reason);
    this.#intake.giveUp();
    return this.#finished(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  async #finished(release: () => void): Promise<ShutdownOutcome> {
    await this.done.catch(() => {});
    release();
    return this.#graceful.outcome;
  }

  #take(io: Transport): void {
    let service: Service | Promise<Service>;
    try {
      service = typeof this.#makeService === "function" ? this.#makeService(io) : this.#makeService;
    } catch (error) {
      this.#refuse(error, io);
      return;
    }
    if (isPromise(service)) this.#await(service, io);
    else this.#serve(service, io);
  }

  #await(service: Promise<Service>, io: Transport): void {
    let waiting = true;
    let release = (): void => {};
    this.#opening++;
    const settled = (then: () => void): void => {
      release();
      if (!waiting) return;
      waiting = false;
      this.#opening--;
      then();
      this.#connectionEnded();
    };
    release = this.#graceful.hold(() => settled(() => io.abort()));
    service.then(
      (made) => settled(() => this.#serve(made, io)),
      (error: unknown) => settled(() => this.#refuse(error, io)),
    );
  }

  #serve(service: Service, io: Transport): void {
    let connection: AutoConnection;
    try {
      connection = new AutoConnection(io, service, this.#auto, this.#graceful.isShuttingDown);
    } catch (error) {
      this.#refuse(error, io);
      return;
    }
    // First, so that it is no longer counted when we are told of its end.
    this.#graceful.watch(connection);
    connection.closed.then(
      () => this.#connectionEnded(),
      (error: unknown) => {
        this.#tell(error, io);
        this.#connectionEnded();
      },
    );
  }

  #refuse(error: unknown, io: Transport): void {
    io.abort(error);
    this.#tell(error, io);
  }

  #tell(error: unknown, io: Transport | undefined): void {
    try {
      this.#onError?.(error, io);
    } catch {
      // Whoever is told of an error only looks on.
    }
  }

  #listenerEnded(failure: { readonly error: unknown } | undefined): void {
    this.#failure = failure;
    this.#ended = true;
    if (failure !== undefined) {
      this.#tell(failure.error, undefined);
      void this.shutdown();
    }
    this.#connectionEnded();
  }

  /** There may be room for a further connection, or nothing left at all. */
  #connectionEnded(): void {
    if (!this.#ended) {
      this.#intake.resume();
    } else if (this.count === 0) {
      this.#stopListeningForStops();
      this.#settle();
    }
  }
}

/**
 * Serves every connection of `listener`, in the version of HTTP that its client speaks.
 *
 * ```ts
 * const server = serveAll(listen({ port: 3000 }), service, { signals: ["SIGTERM", "SIGINT"] });
 * await server.done;
 * ```
 * `makeService` is called for each connection if it is a function; what it throws or rejects with ends that connection only.
 * Nothing that becomes of one connection ends the loop. If the listener fails, the server is shut down and `done` rejects.
 * When it ends by itself the connections it gave go on.
 *
 * @throws TypeError or RangeError for options that make no sense.
 */
export function serveAll<Transport extends Io>(
  listener: Connections<Transport>,
  makeService: MakeService<Transport>,
  options: ServeAllOptions<Transport> = {},
): Serving {
  return new Server(listener, makeService, options);
}

const ownNames = ["signal", "signals", "drainTimeoutMs", "graceMs", "maxConnections", "onError"];

function autoOptionsOf(options: AutoOptions): AutoOptions {
  knownOptions("serveAll", options, [...ownNames, ...autoOptionNames]);
  const given = Object.entries(options).filter(([name]) => !ownNames.includes(name));
  return Object.fromEntries(given);
}

function drainOf(
  options: { readonly drainTimeoutMs?: number; readonly graceMs?: number },
  shutdownTimeoutMs: number,
): Required<ShutdownOptions> {
  const { drainTimeoutMs, graceMs = 1_000 } = options;
  const limitMs = drainTimeoutMs === undefined ? shutdownTimeoutMs : wholeNumber("drainTimeoutMs", drainTimeoutMs, 0);
  const drain = { deadlineMs: limitMs === 0 ? Number.POSITIVE_INFINITY : limitMs, graceMs };
  checkShutdownOptions(drain);
  return drain;
}

function isPromise(service: Service | Promise<Service>): service is Promise<Service> {
  return "then" in service && typeof service.then === "function";
}
