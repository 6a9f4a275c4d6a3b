/**
 * The vocabulary of client tests: requests for `a.test`, and exchanges whose answer is written by hand.
 */
import type { Body } from "@sluice/body";
import { HttpRequest, type HttpResponse } from "@sluice/core";
import type * as http1 from "@sluice/core/http1";
import { type ClientUnderTest, settle } from "./wire.ts";

type Fields = Readonly<Record<string, string | readonly string[]>>;

export function get(target = "/", fields: Fields = {}): HttpRequest {
  return HttpRequest.get(target, { host: "a.test", ...fields });
}

export function post(body: Body, fields: Fields = {}): HttpRequest {
  return HttpRequest.post("/", body, { host: "a.test", ...fields });
}

export const getWire = "GET / HTTP/1.1\r\nhost: a.test\r\n\r\n";
export const okWire = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/** Sends `request`, lets the server answer with `reply`, and gives the response. */
export function exchange(
  client: ClientUnderTest,
  request: HttpRequest,
  reply: string,
  options?: http1.SendOptions,
): Promise<HttpResponse> {
  const response = client.sender.send(request, options);
  client.io.push(reply);
  return response;
}

/** What can be seen of a connection from outside, in one object that compares well. */
export function stateOf(client: ClientUnderTest): {
  readonly ready: boolean;
  readonly closed: boolean;
  readonly shutdown: boolean;
  readonly aborted: boolean;
  readonly outcome: string | null | undefined;
} {
  const { sender, io, outcome } = client;
  return {
    ready: sender.isReady,
    closed: sender.isClosed,
    shutdown: io.isShutdown,
    aborted: io.isAborted,
    outcome: outcome === undefined || outcome === null ? outcome : `${outcome.kind} ${outcome.code}`,
  };
}

/** A connection that takes the next request. */
export const open = { ready: true, closed: false, shutdown: false, aborted: false, outcome: undefined } as const;

/** A connection that was ended in order: our stream ended, then the transport was released. */
export const closedCleanly = { ready: false, closed: true, shutdown: true, aborted: true, outcome: null } as const;

/** A connection that was given up because of an error. */
export function gaveUp(error: string): ReturnType<typeof stateOf> {
  return { ready: false, closed: true, shutdown: false, aborted: true, outcome: error };
}

/** A promise whose state can be read without waiting for it. */
export async function stateOfPromise(promise: Promise<unknown>): Promise<"pending" | "resolved" | "rejected"> {
  let state: "pending" | "resolved" | "rejected" = "pending";
  promise.then(
    () => {
      state = "resolved";
    },
    () => {
      state = "rejected";
    },
  );
  await settle();
  return state;
}

/** A body that counts what is done to it. */
export function counted(body: Body): Body & { asked: number; canceled: number } {
  return {
    asked: 0,
    canceled: 0,
    frame() {
      this.asked++;
      return body.frame();
    },
    isEndStream: () => body.isEndStream(),
    sizeHint: () => body.sizeHint(),
    cancel(reason) {
      this.canceled++;
      body.cancel(reason);
    },
    [Symbol.asyncIterator]: () => body[Symbol.asyncIterator](),
  };
}
