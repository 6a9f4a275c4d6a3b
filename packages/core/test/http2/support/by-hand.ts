/**
 * The vocabulary of tests of the low-level faces: a server or a client whose streams are moved by hand, and the first of
 * its streams.
 */
import { HttpError, HttpRequest, HttpResponse } from "@sluice/core";
import * as http2 from "@sluice/core/http2";
import { latin1 } from "../../support/wire.ts";
import { expectFrames } from "./expectations.ts";
import { getText, post } from "./messages.ts";
import { errorText } from "./reading.ts";
import { plain } from "./server.ts";
import { type Setup, shakeHands, stage, type UnderTest, watch } from "./under-test.ts";

export interface AcceptingServer extends UnderTest {
  readonly server: http2.StreamServer;
  readonly connection: http2.Http2ServerConnection;
}

/** A server by hand, without `date` fields; the handshake is over and looked at. */
export async function acceptH2(options: http2.ServerOptions = {}, setup: Setup = {}): Promise<AcceptingServer> {
  const target = stage("client", setup);
  const server = http2.accept(target.io, { ...plain, ...options });
  const { connection } = server;
  watch(connection, target);
  if (setup.handshake !== false) await shakeHands(target, setup.settings);
  return Object.assign(target, { server, connection });
}

export interface HandClient extends UnderTest {
  readonly client: http2.StreamClient;
  readonly connection: http2.Http2Connection;
}

/** A client by hand; the handshake is over and looked at. */
export async function connectByHand(options: http2.ClientOptions = {}, setup: Setup = {}): Promise<HandClient> {
  const target = stage("server", setup);
  const client = http2.connect(target.io, options);
  const { connection } = client;
  watch(connection, target);
  if (setup.handshake !== false) await shakeHands(target, setup.settings);
  return Object.assign(target, { client, connection });
}

/** A promise, and what has become of it. */
export interface Awaited<T> {
  /** `pending`, the value, or of an error what `errorText` says, and of another than `HttpError` its class. */
  now: T | string;
  error: HttpError | undefined;
}

export function awaiting<T>(promise: Promise<T>): Awaited<T> {
  const awaited: Awaited<T> = { now: "pending", error: undefined };
  promise.then(
    (value) => {
      awaited.now = value;
    },
    (error: unknown) => {
      awaited.now = HttpError.is(error) ? errorText(error) : String(error);
      if (HttpError.is(error)) awaited.error = error;
    },
  );
  return awaited;
}

/** What `action` throws, as in `Awaited`; `nothing` if it does not. */
export function thrownBy(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (HttpError.is(error)) return errorText(error);
    return error instanceof Error ? error.name : String(error);
  }
  return "nothing";
}

/** The next request, which must have come. */
export async function accepted({ server, run }: AcceptingServer): Promise<http2.Accepted> {
  const next = awaiting(server.accept());
  await run();
  if (typeof next.now === "string" || next.now === null) throw new Error(`no request has come: ${next.now}`);
  return next.now;
}

/** A server by hand that has accepted a POST on stream 1, whose content is to come. */
export async function acceptPost(
  options: http2.ServerOptions = {},
  setup: Setup = {},
): Promise<AcceptingServer & http2.Accepted> {
  const target = await acceptH2(options, setup);
  target.peer.headers(1, post());
  await expectFrames(target, []);
  return Object.assign(target, await accepted(target));
}

/** The same when the head of its answer, a 200, has been sent. */
export async function answering(
  options: http2.ServerOptions = {},
  setup: Setup = {},
): Promise<AcceptingServer & http2.Accepted & { readonly send: http2.SendStream }> {
  const target = await acceptPost(options, setup);
  const send = target.respond.sendResponse(new HttpResponse(200));
  await expectFrames(target, ["HEADERS 1 :status=200"]);
  return Object.assign(target, { send });
}

/** A client by hand that has sent the head of a POST on stream 1. */
export async function posting(
  options: http2.ClientOptions = {},
  setup: Setup = {},
): Promise<HandClient & http2.SentRequest> {
  const target = await connectByHand(options, setup);
  const sent = target.client.sendRequest(HttpRequest.post("http://a.test/"));
  await expectFrames(target, ["HEADERS 1 :method=POST :scheme=http :authority=a.test :path=/"]);
  return Object.assign(target, sent);
}

/** A client by hand that has sent a GET on stream 1. */
export async function getting(
  options: http2.ClientOptions = {},
  setup: Setup = {},
): Promise<HandClient & http2.SentRequest> {
  const target = await connectByHand(options, setup);
  const sent = target.client.sendRequest(HttpRequest.get("http://a.test/"), { endStream: true });
  await expectFrames(target, [`HEADERS 1 END_STREAM ${getText}`]);
  return Object.assign(target, sent);
}

/** The next content as text, one char per octet; `null` at the end. */
export async function textOf(body: http2.RecvStream): Promise<string | null> {
  const chunk = await body.data();
  return chunk === null ? null : latin1(chunk);
}

/** The response, which must have come. */
export async function received(target: HandClient, response: Promise<http2.Received>): Promise<http2.Received> {
  const answer = awaiting(response);
  await target.run();
  if (typeof answer.now === "string") throw new Error(`no response has come: ${answer.now}`);
  return answer.now;
}
