/**
 * A server whose requests are answered by the test, whenever it wants.
 *
 * ```ts
 * const { server, calls } = await serveHeld();
 * server.peer.headers(1, get(), { endStream: true });
 * calls[0]?.respond(new HttpResponse(204));
 * ```
 */
import type { HttpRequest, HttpResponse } from "@sluice/core";
import type * as http2 from "@sluice/core/http2";
import { type ServerUnderTest, serveH2 } from "./server.ts";
import type { Setup } from "./under-test.ts";

/** A request that the service was called with. */
export interface Call {
  readonly request: HttpRequest;
  respond(response: HttpResponse): void;
  fail(error: unknown): void;
}

export interface Held {
  readonly server: ServerUnderTest;
  /** In the order in which the service was called. */
  readonly calls: Call[];
  /** The call that came as the `index`th. @throws Error if it did not come. */
  call(index: number): Call;
}

export async function serveHeld(options: http2.ServerOptions = {}, setup: Setup = {}): Promise<Held> {
  const calls: Call[] = [];
  const service = (request: HttpRequest): Promise<HttpResponse> =>
    new Promise((respond, fail) => {
      calls.push({ request, respond, fail });
    });
  const server = await serveH2(service, options, setup);
  const call = (index: number): Call => {
    const found = calls[index];
    if (found === undefined) throw new Error(`there were only ${calls.length} calls of the service`);
    return found;
  };
  return { server, calls, call };
}
