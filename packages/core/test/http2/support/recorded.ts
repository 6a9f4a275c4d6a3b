/**
 * A server that takes down what its service was called with, and what came of the requests' content.
 */
import type { HttpRequest, HttpResponse } from "@sluice/core";
import type * as http2 from "@sluice/core/http2";
import { expect } from "vitest";
import { expectFrames } from "./expectations.ts";
import type { Line } from "./hpack.ts";
import { get } from "./messages.ts";
import { type Reading, read } from "./reading.ts";
import { ok, okText, type ServerUnderTest, serveH2 } from "./server.ts";
import type { Setup } from "./under-test.ts";

export interface RecordedServer extends ServerUnderTest {
  /** The requests that the service was called with. */
  readonly requests: HttpRequest[];
}

export async function serveRecorded(
  call: (request: HttpRequest) => HttpResponse | Promise<HttpResponse> = ok,
  options: http2.ServerOptions = {},
  setup: Setup = {},
): Promise<RecordedServer> {
  const requests: HttpRequest[] = [];
  const recorded = (request: HttpRequest): HttpResponse | Promise<HttpResponse> => {
    requests.push(request);
    return call(request);
  };
  return Object.assign(await serveH2(recorded, options, setup), { requests });
}

/** A server whose service reads each request in the background, and answers never. */
export async function serveReading(
  options: http2.ServerOptions = {},
): Promise<RecordedServer & { readonly readings: Reading[] }> {
  const readings: Reading[] = [];
  const server = await serveRecorded((request) => {
    readings.push(read(request.body));
    return new Promise(() => {});
  }, options);
  return Object.assign(server, { readings });
}

export function fieldsOf(message: { readonly headers: Iterable<Line> }): Line[] {
  return [...message.headers];
}

/** The connection is as good as before: a request on stream `streamId` is answered. */
export async function expectServes(server: ServerUnderTest, streamId: number): Promise<void> {
  server.peer.headers(streamId, get(), { endStream: true });
  await expectFrames(server, [okText(streamId)]);
}

/** A request is malformed (RFC 9113 8.1.1): its stream is reset, the service not called, and the next one served. */
export async function expectMalformed(
  fields: readonly Line[],
  endStream = true,
  options: http2.ServerOptions = {},
): Promise<void> {
  const server = await serveRecorded(ok, options);
  server.peer.headers(1, fields, { endStream });
  await expectFrames(server, ["RST_STREAM 1 PROTOCOL_ERROR"]);
  expect(server.requests).toEqual([]);
  await expectServes(server, 3);
  expect(server.requests.length).toBe(1);
}
