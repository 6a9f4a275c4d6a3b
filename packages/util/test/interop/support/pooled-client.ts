/** A pooled client that keeps to itself: no proxy of the surroundings, only the certificates of the tests, and a record. */
import { collect } from "@sluice/body";
import type { HttpResponse } from "@sluice/core";
import { Client, type ClientObserver, type ClientOptions } from "@sluice/util/client";
import { ca } from "../../support/tls-fixtures.ts";
import { certificate } from "./certificate.ts";

export interface PooledClient extends AsyncDisposable {
  readonly client: Client;
  /** How many connections were made. */
  readonly connections: number;
  /** Code of the error of each attempt that was followed by another one. */
  readonly retries: readonly string[];
  /** How often a request was given a connection that had been used before. */
  readonly reused: number;
}

export function pooled(options: ClientOptions = {}): PooledClient {
  let connections = 0;
  let reused = 0;
  const retries: string[] = [];
  const observer: ClientObserver = {
    connectSucceeded: () => void connections++,
    connectionAssigned: (_origin, _request, _connected, isReused) => void (reused += Number(isReused)),
    requestRetried: (_origin, _request, error) => void retries.push(error.code),
  };
  const own = options.connector === undefined ? { proxy: false as const, tls: { ca: [ca, certificate().cert] } } : {};
  const client = new Client({ ...own, ...options, observer });
  return {
    client,
    get connections() {
      return connections;
    },
    get reused() {
      return reused;
    },
    retries,
    [Symbol.asyncDispose]: () => client.destroy(),
  };
}

/** Status and content. */
export async function told(response: HttpResponse): Promise<string> {
  return `${response.status} ${await collect(response.body).text()}`;
}

/** What came of `count` times GET `url`, `atOnce` at a time: each answer, or the code of its error, and how often. */
export async function many(client: Client, url: string, count: number, atOnce: number): Promise<Outcomes> {
  const outcomes: { [outcome: string]: number } = {};
  let begun = 0;
  const one = async (): Promise<void> => {
    while (begun < count) {
      begun++;
      const outcome = await client.get(url).then(told).catch(codeOf);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
  return outcomes;
}

export type Outcomes = { readonly [outcome: string]: number };

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : String(error);
}

export interface Load {
  /** How many requests have ended so far. */
  readonly ended: number;
  /** Ends it, and tells what came of the requests. */
  stop(): Promise<Outcomes>;
}

/** GET `url` again and again, `atOnce` at a time, until it is stopped. */
export function load(client: Client, url: string, atOnce: number): Load {
  const outcomes: { [outcome: string]: number } = {};
  let ended = 0;
  let stopped = false;
  const one = async (): Promise<void> => {
    while (!stopped) {
      const outcome = await client.get(url).then(told).catch(codeOf);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      ended++;
    }
  };
  const running = Promise.all(Array.from({ length: atOnce }, one));
  return {
    get ended() {
      return ended;
    },
    async stop() {
      stopped = true;
      await running;
      return outcomes;
    },
  };
}
