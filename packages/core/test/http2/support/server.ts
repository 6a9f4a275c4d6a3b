/**
 * The vocabulary of server tests: a server on a scripted transport, and its client driven by hand.
 *
 * ```ts
 * const server = await serveH2(ok);
 * server.peer.headers(1, get(), { endStream: true });
 * await expectFrames(server, ["HEADERS 1 END_STREAM :status=200 content-length=0"]);
 * ```
 */
import { type HttpRequest, HttpResponse, serviceFn } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { type Setup, shakeHands, stage, type UnderTest, watch } from "./under-test.ts";

/** Options under which the fields of a response are exactly predictable. */
export const plain = { autoDateHeader: false } as const;

export interface ServerUnderTest extends UnderTest {
  readonly connection: http2.Http2ServerConnection;
}

/** Serves without `date` fields; the handshake is over and looked at, unless `setup` says otherwise. */
export async function serveH2(
  call: (request: HttpRequest) => HttpResponse | Promise<HttpResponse>,
  options: http2.ServerOptions = {},
  setup: Setup = {},
): Promise<ServerUnderTest> {
  const target = stage("client", setup);
  const connection = http2.serve(target.io, serviceFn(call), { ...plain, ...options });
  const server: ServerUnderTest = Object.assign(target, { connection });
  watch(connection, server);
  if (setup.handshake !== false) await shakeHands(server, setup.settings);
  return server;
}

export function ok(): HttpResponse {
  return new HttpResponse(200);
}

/** What `ok` answers, on a stream. */
export function okText(streamId: number): string {
  return `HEADERS ${streamId} END_STREAM :status=200 content-length=0`;
}
