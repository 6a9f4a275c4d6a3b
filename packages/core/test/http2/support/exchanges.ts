/**
 * A client whose first request, a GET, waits for its response, and what becomes of that.
 */
import { HttpRequest } from "@sluice/core";
import type * as http2 from "@sluice/core/http2";
import { expect } from "vitest";
import { type ClientUnderTest, connectH2, expectSent, type Sent, send } from "./client.ts";
import { expectFrames } from "./expectations.ts";
import type { Line } from "./hpack.ts";
import { getText, status } from "./messages.ts";
import type { Setup } from "./under-test.ts";

export const getRequest = (): HttpRequest => HttpRequest.get("http://a.test/");

/** A client, and a GET that was sent on stream 1. */
export async function sentGet(
  options: http2.ClientOptions = {},
  sendOptions: http2.SendOptions = {},
  setup: Setup = {},
): Promise<{ readonly client: ClientUnderTest; readonly sent: Sent }> {
  const client = await connectH2(options, setup);
  const sent = send(client, getRequest(), sendOptions);
  await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
  return { client, sent };
}

/** The connection is as good as before: the next request, on stream `streamId`, gets its answer. */
export async function expectWorks(client: ClientUnderTest, streamId: number): Promise<void> {
  const sent = send(client, getRequest());
  await expectFrames(client, [`HEADERS ${streamId} END_STREAM ${getText}`]);
  client.peer.headers(streamId, status(200), { endStream: true });
  await expectFrames(client, []);
  await expectSent(client, sent, "200");
}

/**
 * A response is malformed (RFC 9113 8.1.1): its stream is reset, the request fails with `code`, and the next one is
 * answered.
 */
export async function expectMalformedResponse(
  fields: readonly Line[],
  code: string,
  endStream = true,
  options: http2.ClientOptions = {},
): Promise<void> {
  const { client, sent } = await sentGet(options);
  client.peer.headers(1, fields, { endStream });
  await expectFrames(client, ["RST_STREAM 1 PROTOCOL_ERROR"]);
  await expectSent(client, sent, `protocol ${code} PROTOCOL_ERROR`);
  expect(sent.error?.message).toMatch(/^(?:HEADERS|DATA): /);
  await expectWorks(client, 3);
}
