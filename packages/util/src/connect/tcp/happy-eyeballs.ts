/**
 * Happy Eyeballs, version 2 (RFC 8305): many addresses, the first connection wins.
 *
 * Attempts overlap. One that has not answered after a while keeps running while the next one starts, so a route that
 * is slow but works is not given up, and one that swallows packets costs one delay. Nothing here knows sockets or
 * clocks: `dial` makes one attempt, `timer` counts, and addresses come in batches from wherever they come.
 *
 * The race is in one of three phases: before the first attempt, racing, settled. Once settled, nothing of it is left:
 * no alarm, no listener, no attempt.
 */
import { isIP } from "node:net";
import { type Alarm, HttpError, type Timer } from "@sluice/core";
import { connectCanceled, connectError, connectTimeout, quoted } from "../connect-errors.ts";
import type { ResolvedAddress } from "../dns/resolver.ts";

/** What a race is made of. Times are in milliseconds. */
export interface RaceOptions<T> {
  /** The addresses, in batches as `Resolver.resolve` gives them; `signal` aborts when the race is settled. */
  readonly addresses: (signal: AbortSignal) => AsyncIterable<readonly ResolvedAddress[]>;
  /** Makes one attempt. When `signal` aborts it must free what it holds at once; how it then settles does not matter. */
  readonly dial: (address: ResolvedAddress, signal: AbortSignal) => Promise<T>;
  /** Frees a connection that was made but has not won. */
  readonly discard: (connection: T) => void;
  readonly timer: Timer;
  /** From the start of an attempt to the start of the next (RFC 8305 section 5); `Infinity`: until it has failed. */
  readonly delayMs: number;
  /** How long IPv4 addresses wait for IPv6 addresses (RFC 8305 section 3). */
  readonly resolutionDelayMs: number;
  /** How long one attempt may take; `Infinity`: as long as it needs. */
  readonly attemptTimeoutMs: number;
  /** How many attempts there may be. */
  readonly maxAttempts: number;
  /** What is connected to, for messages: `connecting to "example.com" port 80`. */
  readonly what: string;
}

/** The connection that won. */
export interface RaceResult<T> {
  readonly connection: T;
  readonly address: ResolvedAddress;
  /** From the beginning to the first attempt. */
  readonly resolvedMs: number;
  /** From the first attempt to the connection. */
  readonly connectedMs: number;
}

interface Attempt {
  readonly address: ResolvedAddress;
  readonly controller: AbortController;
  timeout: Alarm | undefined;
}

type Family = 4 | 6;

const WAITING = 0;
const RACING = 1;
const SETTLED = 2;

class Race<T> {
  readonly #options: RaceOptions<T>;
  readonly #resolve: (result: RaceResult<T>) => void;
  readonly #reject: (error: HttpError) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#lose(connectCanceled(this.#signal?.reason));
  readonly #onDelay = (): void => {
    this.#delay = undefined;
    this.#next();
  };
  readonly #resolving = new AbortController();
  readonly #beganMs: number;
  readonly #queues: Readonly<Record<Family, ResolvedAddress[]>> = { 4: [], 6: [] };
  readonly #attempts = new Set<Attempt>();
  readonly #errors: HttpError[] = [];
  #resolverError: HttpError | undefined = undefined;
  #phase: typeof WAITING | typeof RACING | typeof SETTLED = WAITING;
  #firstAttemptMs = 0;
  /** The family of the next attempt, if there is an address of it. */
  #turn: Family | undefined = undefined;
  #attemptsLeft: number;
  #resolved = false;
  /** While waiting: for IPv6 addresses. While racing: for the latest attempt. */
  #delay: Alarm | undefined = undefined;

  constructor(
    options: RaceOptions<T>,
    signal: AbortSignal | undefined,
    resolve: (result: RaceResult<T>) => void,
    reject: (error: HttpError) => void,
  ) {
    this.#options = options;
    this.#signal = signal;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#attemptsLeft = options.maxAttempts;
    this.#beganMs = options.timer.now();
    if (signal?.aborted === true) {
      this.#onAbort();
      return;
    }
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    void this.#collect();
  }

  /** Takes the batches as they come; never rejects. */
  async #collect(): Promise<void> {
    try {
      for await (const batch of this.#options.addresses(this.#resolving.signal)) {
        if (this.#phase === SETTLED) return;
        this.#take(batch);
      }
    } catch (error) {
      if (this.#phase === SETTLED) return;
      this.#resolverError = connectError(error, this.#options.what);
    }
    if (this.#phase === SETTLED) return;
    this.#resolved = true;
    if (this.#phase === WAITING) this.#start();
    this.#finishIfSpent();
  }

  #take(batch: readonly ResolvedAddress[]): void {
    for (const one of batch) {
      const family = isIP(one.address);
      // A name in the place of an address would be resolved again, by somebody else.
      if (family === 0) this.#errors.push(notAnAddress(one.address, this.#options.what));
      else this.#queues[family as Family].push(one);
    }
    if (this.#phase === RACING) {
      if (this.#delay === undefined && (this.#options.delayMs !== Infinity || this.#attempts.size === 0)) this.#next();
      return;
    }
    const [four, six] = [this.#queues[4].length > 0, this.#queues[6].length > 0];
    // Both in one answer: it was sorted as a whole, and its order says which family is better (RFC 8305 section 4).
    if (this.#turn === undefined && four && six) this.#turn = isIP(batch[0]?.address ?? "") === 4 ? 4 : 6;
    if (six) {
      this.#start();
    } else if (four) {
      // RFC 8305 section 3: AAAA is preferred if it comes within the Resolution Delay.
      this.#turn = 6;
      this.#delay ??= this.#options.timer.schedule(this.#options.resolutionDelayMs, () => this.#start());
    }
  }

  #start(): void {
    this.#delay?.cancel();
    this.#delay = undefined;
    this.#turn ??= 6;
    this.#phase = RACING;
    this.#firstAttemptMs = this.#options.timer.now();
    this.#next();
  }

  /** Starts the next attempt, if there is an address left. */
  #next(): void {
    const address = this.#attemptsLeft > 0 ? this.#pick() : undefined;
    if (address === undefined) return;
    this.#attemptsLeft -= 1;
    const { timer, dial, delayMs, attemptTimeoutMs, what } = this.#options;
    const attempt: Attempt = { address, controller: new AbortController(), timeout: undefined };
    this.#attempts.add(attempt);
    if (delayMs !== Infinity) this.#delay = timer.schedule(delayMs, this.#onDelay);
    if (attemptTimeoutMs !== Infinity) {
      attempt.timeout = timer.schedule(attemptTimeoutMs, () => {
        const late = connectTimeout("attemptTimeoutMs", attemptTimeoutMs, `${what} at ${address.address}`);
        attempt.controller.abort(late);
        this.#fail(attempt, late);
      });
    }
    new Promise<T>((resolve) => resolve(dial(address, attempt.controller.signal))).then(
      (connection) => this.#win(attempt, connection),
      (error: unknown) => this.#fail(attempt, error),
    );
  }

  /** RFC 8305 section 4, with a First Address Family Count of 1: families take turns while both have addresses. */
  #pick(): ResolvedAddress | undefined {
    const turn = this.#turn ?? 6;
    const other = turn === 6 ? 4 : 6;
    const family = this.#queues[turn].length > 0 ? turn : other;
    this.#turn = family === 6 ? 4 : 6;
    return this.#queues[family].shift();
  }

  #win(attempt: Attempt, connection: T): void {
    if (!this.#attempts.delete(attempt)) {
      this.#options.discard(connection);
      return;
    }
    attempt.timeout?.cancel();
    this.#settle();
    const resolvedMs = this.#firstAttemptMs - this.#beganMs;
    const connectedMs = this.#options.timer.now() - this.#firstAttemptMs;
    this.#resolve({ connection, address: attempt.address, resolvedMs, connectedMs });
  }

  #fail(attempt: Attempt, error: unknown): void {
    if (!this.#attempts.delete(attempt)) return;
    attempt.timeout?.cancel();
    this.#errors.push(connectError(error, `${this.#options.what} at ${attempt.address.address}`));
    // RFC 8305 section 5: a failure need not be waited for any longer.
    this.#delay?.cancel();
    this.#delay = undefined;
    this.#next();
    this.#finishIfSpent();
  }

  #finishIfSpent(): void {
    if (this.#attempts.size > 0 || (!this.#resolved && this.#attemptsLeft > 0)) return;
    this.#lose(this.#failure());
  }

  #failure(): HttpError {
    const { what } = this.#options;
    const errors = this.#resolverError === undefined ? this.#errors : [...this.#errors, this.#resolverError];
    const [first] = errors;
    if (first === undefined) return new HttpError("connect", "ENOTFOUND", `${what} failed: there is no address`);
    if (errors.length === 1) return first;
    const message = `${first.message} (the first of ${errors.length} failures)`;
    const cause = new AggregateError(errors, `${what} failed in ${errors.length} ways`);
    return new HttpError(first.kind, first.code, message, { cause });
  }

  #lose(error: HttpError): void {
    this.#settle();
    this.#reject(error);
  }

  #settle(): void {
    this.#phase = SETTLED;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#delay?.cancel();
    this.#delay = undefined;
    const attempts = [...this.#attempts];
    this.#attempts.clear();
    for (const attempt of attempts) {
      attempt.timeout?.cancel();
      attempt.controller.abort();
    }
    this.#resolving.abort();
  }
}

/**
 * Runs a race to its end.
 *
 * Rejects with an `HttpError`: kind `canceled` if `signal` aborts; else, when no address is left, with what failed first.
 * After several failures its kind and code are those of the first one, and its cause is an `AggregateError` of all.
 */
export function raceAddresses<T>(options: RaceOptions<T>, signal?: AbortSignal): Promise<RaceResult<T>> {
  return new Promise((resolve, reject) => {
    new Race(options, signal, resolve, reject);
  });
}

function notAnAddress(address: string, what: string): HttpError {
  return new HttpError(
    "connect",
    "ADDRESS_INVALID",
    `${what} failed: the resolver must give IP addresses, got ${quoted(String(address))}`,
  );
}
