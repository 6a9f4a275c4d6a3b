/** A pooled client that keeps to itself: no proxy of the surroundings, only the certificates of the tests, and a record. */
import { collect } from "@sluice/body";
import { HttpError, HttpRequest, type HttpResponse } from "@sluice/core";
import { Client, type ClientObserver, type ClientOptions } from "@sluice/util/client";
import { ca } from "../../support/tls-fixtures.ts";
import { certificate } from "./certificate.ts";

export interface PooledClient extends AsyncDisposable {
  readonly client: Client;
  /** How many connections were made. */
  readonly connections: number;
  /** Code of the error of each attempt that was followed by another one. */
  readonly retries: readonly string[];
  /** GET `url`: status and content; or the code of its error, with what its attempts were given: `new` or `used` connections. */
  outcome(url: string): Promise<string>;
  /** Aborts when the client is destroyed. */
  readonly over: AbortSignal;
}

export function pooled(options: ClientOptions = {}): PooledClient {
  const over = new AbortController();
  let connections = 0;
  const retries: string[] = [];
  const attempts = new WeakMap<HttpRequest, string[]>();
  const observer: ClientObserver = {
    connectSucceeded: () => void connections++,
    connectionAssigned(_origin, request, _connected, isReused) {
      attempts.get(request)?.push(isReused ? "used" : "new");
    },
    requestRetried: (_origin, _request, error) => void retries.push(error.code),
  };
  const own = options.connector === undefined ? { proxy: false as const, tls: { ca: [ca, certificate().cert] } } : {};
  const client = new Client({ ...own, ...options, observer });
  return {
    client,
    get connections() {
      return connections;
    },
    retries,
    async outcome(url) {
      const request = HttpRequest.get(url);
      const given: string[] = [];
      attempts.set(request, given);
      try {
        return await told(await client.request(request));
      } catch (error) {
        return [HttpError.is(error) ? error.code : String(error), ...given].join(" ");
      }
    },
    over: over.signal,
    [Symbol.asyncDispose]() {
      over.abort();
      return client.destroy();
    },
  };
}

/** Status and content. */
export async function told(response: HttpResponse): Promise<string> {
  return `${response.status} ${await collect(response.body).text()}`;
}

/** What became of requests, and of how many. */
export type Outcomes = { readonly [outcome: string]: number };

/** GET `url` `count` times, `atOnce` at a time. */
export async function many(pool: PooledClient, url: string, count: number, atOnce: number): Promise<Outcomes> {
  let begun = 0;
  const running = load(pool, url, atOnce, () => begun++ < count);
  return await running.ended;
}

export interface Load {
  /** How many requests have had their outcome so far. */
  readonly count: number;
  /** What became of them, once it is over. */
  readonly ended: Promise<Outcomes>;
  /** Begins no further request. */
  stop(): Promise<Outcomes>;
}

/** GET `url` again and again, `atOnce` at a time, until it is stopped. */
export function load(pool: PooledClient, url: string, atOnce: number, goesOn = (): boolean => true): Load {
  const outcomes: { [outcome: string]: number } = {};
  let count = 0;
  let stopped = false;
  const one = async (): Promise<void> => {
    // A test that has failed takes its client away, and nobody stops what is going on.
    while (!stopped && !pool.over.aborted && goesOn()) {
      const outcome = await pool.outcome(url);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      count++;
    }
  };
  const ended = Promise.all(Array.from({ length: atOnce }, one)).then(() => outcomes);
  return {
    get count() {
      return count;
    },
    ended,
    stop() {
      stopped = true;
      return ended;
    },
  };
}
