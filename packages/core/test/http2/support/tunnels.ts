/**
 * Ends of tunnels: what was read from one, and how it ended.
 */
import { HttpError, type HttpRequest, HttpResponse, type Io, upgradeOn } from "@sluice/core";
import type * as http2 from "@sluice/core/http2";
import { bytes, latin1 } from "../../support/wire.ts";
import { errorText } from "./reading.ts";
import { type ServerUnderTest, serveH2 } from "./server.ts";
import type { Setup } from "./under-test.ts";

export interface TunnelEnd {
  readonly io: Io;
  /** What was read, chunk by chunk, as text of one char per octet. */
  readonly pieces: string[];
  /** How reading stands: `open`, `ended`, or the error (see `errorText`). */
  outcome: string;
}

/** Reads from now on, as soon as anything comes. */
export function readTunnel(io: Io): TunnelEnd {
  const end: TunnelEnd = { io, pieces: [], outcome: "open" };
  const next = (): void =>
    io.read((chunk, error) => {
      if (chunk !== null) {
        end.pieces.push(latin1(chunk));
        next();
      } else {
        end.outcome = error === undefined ? "ended" : told(error);
      }
    });
  next();
  return end;
}

/** Writes text of one char per octet; whether there is room for more. */
export function writeTunnel({ io }: { readonly io: Io }, text: string): boolean {
  return io.write([bytes(text)]);
}

/** What `drained` or `shutdown` completed with: `pending`, `done`, or the error. */
export interface Completion {
  state: string;
}

export function completion(start: (done: (error?: unknown) => void) => void): Completion {
  const result: Completion = { state: "pending" };
  start((error) => {
    result.state = error === undefined ? "done" : told(error);
  });
  return result;
}

/** A server that grants every CONNECT, and reads from its tunnels as soon as it has them. */
export async function serveTunnels(
  options: http2.ServerOptions = {},
  setup: Setup = {},
): Promise<ServerUnderTest & { readonly tunnels: TunnelEnd[]; readonly requests: HttpRequest[] }> {
  const tunnels: TunnelEnd[] = [];
  const requests: HttpRequest[] = [];
  const call = (request: HttpRequest): HttpResponse => {
    requests.push(request);
    if (request.method === "CONNECT") void upgradeOn(request).then((io) => tunnels.push(readTunnel(io)));
    return new HttpResponse(200);
  };
  return Object.assign(await serveH2(call, options, setup), { tunnels, requests });
}

function told(error: unknown): string {
  return HttpError.is(error) ? errorText(error) : String(error);
}
