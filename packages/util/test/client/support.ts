/**
 * The vocabulary of the client's tests.
 */
import { collect } from "@sluice/body";
import { HttpError, HttpRequest, type HttpResponse } from "@sluice/core";
import { Client, type ClientOptions } from "@sluice/util/client";

/** A client that is destroyed at the end of the test, which must leave nothing behind. */
export function newClient(options: ClientOptions = {}): Client & AsyncDisposable {
  const client = new Client(options);
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.destroy() });
}

export function text(response: HttpResponse): Promise<string> {
  return collect(response.body).text();
}

/** GET `url`, and its content. */
export async function fetchText(client: Client, url: string): Promise<string> {
  return await text(await client.get(url));
}

export function getWithId(url: string, id: string): HttpRequest {
  return HttpRequest.get(url, { "x-id": id });
}

/** The error that `promise` rejects with; anything else fails the test. */
export async function rejection(promise: Promise<unknown>): Promise<HttpError> {
  try {
    await promise;
  } catch (error) {
    if (HttpError.is(error)) return error;
    throw error;
  }
  throw new Error("expected a rejection");
}

/** Waits, turn by turn, until `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000; turn++) {
    if (condition()) return;
    await new Promise((resolve) => setImmediate(resolve));
    if (turn > 200) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error("the condition has not come true");
}
