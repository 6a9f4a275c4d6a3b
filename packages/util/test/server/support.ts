/**
 * The vocabulary of the server tests: what clients of either version send first, and connections on transports in memory
 * whose outcome can be looked at.
 */
import {
  type Connection,
  HttpError,
  type HttpRequest,
  HttpResponse,
  type Io,
  type Service,
  serviceFn,
} from "@sluice/core";
import { type FakeTimer, fakeTimer, type ScriptedIo, type ScriptedIoOptions, scriptedIo } from "@sluice/util/memory";
import { auto } from "@sluice/util/server";
import { expect } from "vitest";
import type { AutoConnection, AutoOptions } from "../../src/server/index.ts";

/** Options under which the bytes of a response are exactly predictable. */
export const plain = { http1: { autoDateHeader: false }, http2: { autoDateHeader: false } } as const;

export const get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
export const okText = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
export const lastOkText = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

export const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
export const settings = "\0\0\0\x04\0\0\0\0\0";
const settingsAck = "\0\0\0\x04\x01\0\0\0\0";
/** HEADERS of stream 1 with END_STREAM and END_HEADERS: GET, http, /, and the authority `a` (RFC 7541 Appendix A). */
const headers = "\0\0\x06\x01\x05\0\0\0\x01\x82\x86\x84\x41\x01a";
/** All that a client of HTTP/2 needs to say for one GET. */
export const getH2: string = preface + settings + settingsAck + headers;

export const ok: Service = serviceFn(() => new HttpResponse(200));

export function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** Lets promises run until they have had their say. */
export async function settle(turns = 20): Promise<void> {
  for (let i = 0; i < turns; i++) await Promise.resolve();
}

/** What a promise resolved with; undefined while it has not. */
export async function resultOf<T>(promise: Promise<T>): Promise<T | undefined> {
  let value: T | undefined;
  void promise.then((resolved) => {
    value = resolved;
  });
  await settle();
  return value;
}

/** How a connection ended: `clean`, or kind and code; undefined while it is open. */
export interface Outcome {
  is: string | undefined;
  error: HttpError | undefined;
}

export function outcomeOf(connection: Connection): Outcome {
  const outcome: Outcome = { is: undefined, error: undefined };
  connection.closed.then(
    () => {
      outcome.is = "clean";
    },
    (error: unknown) => {
      if (HttpError.is(error)) outcome.error = error;
      outcome.is = HttpError.is(error) ? `${error.kind} ${error.code}` : String(error);
    },
  );
  return outcome;
}

export interface AutoUnderTest {
  readonly io: ScriptedIo;
  readonly timer: FakeTimer;
  readonly connection: AutoConnection;
  readonly outcome: Outcome;
  readonly requests: HttpRequest[];
}

/** `auto.serve` on a scripted transport, without `date` fields. */
export function serveAuto(
  options: AutoOptions = {},
  ioOptions: ScriptedIoOptions = {},
  call: Service["call"] = ok.call,
): AutoUnderTest {
  const timer = fakeTimer();
  const io = scriptedIo([], { timer, ...ioOptions });
  const requests: HttpRequest[] = [];
  const service = serviceFn((request) => {
    requests.push(request);
    return call(request);
  });
  const connection = auto.serve(io, service, { ...plain, ...options });
  return { io, timer, connection, outcome: outcomeOf(connection), requests };
}

/** Nothing was written since the last look, and nothing is ended. */
export function expectOpen({ io, outcome }: Pick<AutoUnderTest, "io" | "outcome">): void {
  expect([io.takeWritten(), io.isShutdown, io.isAborted, outcome.is]).toEqual(["", false, false, undefined]);
}

/** Our stream was ended behind `written`; once the peer has ended its own, the connection is over, and nothing is left. */
export async function expectEnded(under: AutoUnderTest, written: string, outcome: string): Promise<void> {
  await settle();
  expect([under.io.takeWritten(), under.io.isShutdown]).toEqual([written, true]);
  if (!under.io.isAborted) under.io.push(null);
  await expectReleased(under, outcome);
}

/** The transport was reset, and nothing is left. */
export async function expectReset(under: AutoUnderTest, outcome: string): Promise<void> {
  await settle();
  expect(under.io.isShutdown).toBe(false);
  await expectReleased(under, outcome);
}

async function expectReleased({ io, timer, outcome }: AutoUnderTest, is: string): Promise<void> {
  await settle();
  expect([io.takeWritten(), io.isAborted, outcome.is, timer.pending]).toEqual(["", true, is, 0]);
}

/** What `serve` writes on a transport that brings `chunks`, and how the connection stands then. */
export async function played(
  serve: (io: Io) => Connection,
  chunks: readonly string[],
): Promise<{ readonly written: string; readonly outcome: string | undefined; readonly aborted: boolean }> {
  const io = scriptedIo([], { timer: fakeTimer() });
  const outcome = outcomeOf(serve(io));
  for (const chunk of chunks) {
    if (io.isAborted) break;
    io.push(chunk);
    await settle(3);
  }
  await settle();
  return { written: io.writtenText, outcome: outcome.is, aborted: io.isAborted };
}
