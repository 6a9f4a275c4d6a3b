/**
 * The vocabulary of whole-connection tests: a connection under test on one side, bytes written by hand on the other, and
 * a clock that moves when told to. Everything is synchronous but promises; `settle` lets those run.
 */
import { type Body, collect } from "@sluice/body";
import {
  type Connection,
  HttpError,
  type HttpRequest,
  type HttpResponse,
  type Observer,
  serviceFn,
} from "@sluice/core";
import * as http1 from "@sluice/core/http1";
import { type FakeTimer, fakeTimer, type ScriptedIo, type ScriptedIoOptions, scriptedIo } from "@sluice/util/memory";

/** Options under which the bytes of a response are exactly predictable. */
export const plain = { autoDateHeader: false } as const;

export interface ServerUnderTest {
  /** The transport: `io.push("bytes")`, `io.push(null)` for FIN, `io.takeWritten()`, `io.writes`, `io.isShutdown`. */
  readonly io: ScriptedIo;
  readonly connection: Connection;
  readonly timer: FakeTimer;
  /** The error `closed` rejected with; `null` once it resolved; `undefined` while it is open. */
  outcome: HttpError | null | undefined;
}

/** Serves on a scripted transport, without `date` fields. */
export function serveOn(
  call: (request: HttpRequest) => HttpResponse | Promise<HttpResponse>,
  options: http1.ServerOptions = {},
  ioOptions: ScriptedIoOptions = {},
): ServerUnderTest {
  const timer = fakeTimer();
  const io = scriptedIo([], { timer, ...ioOptions });
  const connection = http1.serve(io, serviceFn(call), { ...plain, ...options });
  const server: ServerUnderTest = { io, connection, timer, outcome: undefined };
  watch(connection, server);
  return server;
}

export interface ClientUnderTest {
  readonly io: ScriptedIo;
  readonly sender: http1.Sender;
  readonly connection: Connection;
  readonly timer: FakeTimer;
  outcome: HttpError | null | undefined;
}

/** A client connection on a scripted transport. */
export async function connectOn(
  options: http1.ClientOptions = {},
  ioOptions: ScriptedIoOptions = {},
): Promise<ClientUnderTest> {
  const timer = fakeTimer();
  const io = scriptedIo([], { timer, ...ioOptions });
  const { sender, connection } = await http1.handshake(io, options);
  const client: ClientUnderTest = { io, sender, connection, timer, outcome: undefined };
  watch(connection, client);
  return client;
}

function watch(connection: Connection, target: { outcome: HttpError | null | undefined }): void {
  connection.closed.then(
    () => {
      target.outcome = null;
    },
    (error: HttpError) => {
      target.outcome = error;
    },
  );
}

/** Lets promises run until they have had their say. */
export async function settle(turns = 20): Promise<void> {
  for (let i = 0; i < turns; i++) await Promise.resolve();
}

/** The lines of a head or of a whole message, joined as they stand on the wire. */
export function lines(...parts: readonly string[]): string {
  return parts.join("\r\n");
}

/** What a promise rejects with, as an `HttpError`. */
export async function rejection(promise: Promise<unknown>): Promise<HttpError> {
  const error = await promise.then(
    () => new Error("the promise was fulfilled"),
    (reason: unknown) => reason,
  );
  if (HttpError.is(error)) return error;
  throw error;
}

/** The content of a body as latin1 text. */
export async function contentOf(body: Body): Promise<string> {
  return latin1(await collect(body).bytes());
}

export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** Bytes of a string in which each char is one byte. */
export function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** An observer that writes down the names of what it was told, with the facts given by `note`. */
export function recorder(): Observer & { readonly events: string[] } {
  const events: string[] = [];
  return {
    events,
    requestStarted: (request) => void events.push(`request ${request.method} ${request.target.toString()}`),
    informational: (_request, status) => void events.push(`informational ${status}`),
    responseStarted: (_request, response) => void events.push(`response ${response.status}`),
    exchangeEnded: (_request, error) => void events.push(error === undefined ? "complete" : `failed ${error.code}`),
    serviceFailed: (_request, error) => void events.push(`service failed ${String(error)}`),
    connectionClosed: (error) => void events.push(error === undefined ? "closed" : `closed ${error.code}`),
  };
}
