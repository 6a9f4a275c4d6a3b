/**
 * The vocabulary of client tests: a client on a scripted transport, its server driven by hand, and what became of the
 * requests.
 *
 * ```ts
 * const client = await connectH2();
 * const sent = send(client, HttpRequest.get("http://a.test/"));
 * await expectFrames(client, [`HEADERS 1 END_STREAM ${getText}`]);
 * client.peer.headers(1, status(200), { endStream: true });
 * await expectSent(client, sent, "200");
 * ```
 */
import { HttpError, type HttpRequest, type HttpResponse } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { expect } from "vitest";
import { errorText, type Reading, read } from "./reading.ts";
import { type Setup, shakeHands, stage, type UnderTest, watch } from "./under-test.ts";

export interface ClientUnderTest extends UnderTest {
  readonly sender: http2.Sender;
  readonly connection: http2.Http2Connection;
}

/** A client connection; the handshake is over and looked at, unless `setup` says otherwise. */
export async function connectH2(options: http2.ClientOptions = {}, setup: Setup = {}): Promise<ClientUnderTest> {
  const target = stage("server", setup);
  const { sender, connection } = await http2.handshake(target.io, options);
  const client: ClientUnderTest = Object.assign(target, { sender, connection });
  watch(connection, client);
  if (setup.handshake !== false) await shakeHands(client, setup.settings);
  return client;
}

/** A request that was sent, and what has become of it. */
export interface Sent {
  readonly request: HttpRequest;
  response: HttpResponse | undefined;
  error: HttpError | undefined;
}

/** Sends `request`, and takes down what becomes of it. */
export function send(
  client: { readonly sender: http2.Sender },
  request: HttpRequest,
  options?: http2.SendOptions,
): Sent {
  const sent: Sent = { request, response: undefined, error: undefined };
  client.sender.send(request, options).then(
    (response) => {
      sent.response = response;
    },
    (error: unknown) => {
      if (!HttpError.is(error)) throw error;
      sent.error = error;
    },
  );
  return sent;
}

/** `pending`, the status, or the error: kind, code and, if there is one, the HTTP/2 error code. */
export function outcomeOf({ response, error }: Sent): string {
  if (response !== undefined) return `${response.status}`;
  return error === undefined ? "pending" : errorText(error);
}

/** What has become of a request once everything has happened that takes no time (see `outcomeOf`). */
export async function expectSent(client: UnderTest, sent: Sent, outcome: string): Promise<void> {
  await client.run();
  expect(outcomeOf(sent)).toBe(outcome);
}

/** Reads a response in the background. @throws Error if there is none. */
export function readResponse(sent: Sent): Reading {
  if (sent.response === undefined) throw new Error(`there is no response: ${outcomeOf(sent)}`);
  return read(sent.response.body);
}
