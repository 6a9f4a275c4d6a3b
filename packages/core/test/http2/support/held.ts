/**
 * A server whose requests are answered by the test, whenever it wants; but those for `/ok` are answered at once.
 *
 * ```ts
 * const { server, calls } = await serveHeld();
 * server.peer.headers(1, get(), { endStream: true });
 * calls[0]?.respond(new HttpResponse(204));
 * ```
 */
import type { HttpRequest, HttpResponse } from "@sluice/core";
import type * as http2 from "@sluice/core/http2";
import { ok, type ServerUnderTest, serveH2 } from "./server.ts";
import type { Setup } from "./under-test.ts";

/** A request that the service was called with. */
export interface Call {
  readonly request: HttpRequest;
  respond(response: HttpResponse): void;
  fail(error: unknown): void;
}

export interface Held {
  readonly server: ServerUnderTest;
  /** Those to be answered, in the order in which the service was called. */
  readonly calls: Call[];
  /** The `index`th of them, from 0. @throws Error if it did not come. */
  call(index: number): Call;
}

export async function serveHeld(options: http2.ServerOptions = {}, setup: Setup = {}): Promise<Held> {
  const calls: Call[] = [];
  const service = (request: HttpRequest): HttpResponse | Promise<HttpResponse> => {
    if (request.target.path === "/ok") return ok();
    return new Promise((respond, fail) => {
      calls.push({ request, respond, fail });
    });
  };
  const server = await serveH2(service, options, setup);
  const call = (index: number): Call => {
    const found = calls[index];
    if (found === undefined) throw new Error(`there were only ${calls.length} calls of the service`);
    return found;
  };
  return { server, calls, call };
}
