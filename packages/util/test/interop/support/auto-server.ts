/** A Sluice server of both versions of HTTP on a free port of this machine, with a record of what happened to it. */
import { HttpError, serviceFn } from "@sluice/core";
import { type Listener, listen, type TlsServerOptions } from "@sluice/util/node";
import { type ServeAllOptions, type Serving, serveAll } from "@sluice/util/server";
import { certificate } from "./certificate.ts";
import { type Record, record } from "./record.ts";
import type { Call } from "./server.ts";

export interface AutoServer extends AsyncDisposable, Omit<Record, "observer"> {
  readonly port: number;
  readonly origin: string;
  readonly listener: Listener;
  readonly serving: Serving;
  /** Code of each connection that did not end in order, and of each handshake that failed. */
  readonly errors: readonly string[];
}

export interface AutoServerOptions extends Omit<ServeAllOptions, "observer" | "onError"> {
  /** Over TLS: with the certificate for localhost, or as it says. Default: in the clear. */
  readonly tls?: boolean | TlsServerOptions;
  /** What `listen` is to accept on. Default: a free port. */
  readonly port?: number;
}

export async function startAuto(call: Call, options: AutoServerOptions = {}): Promise<AutoServer> {
  const { tls = false, port: wanted = 0, ...settings } = options;
  const errors: string[] = [];
  const note = (error: unknown): void => void errors.push(HttpError.is(error) ? error.code : String(error));
  const secure = tls === true ? certificate() : tls;
  const listener = listen({
    host: "127.0.0.1",
    port: wanted,
    ...(secure !== false && { tls: secure, onHandshakeError: note }),
  });
  const { observer, ...recorded } = record(({ target }) =>
    target.form === "absolute" ? target.pathAndQuery : target.toString(),
  );
  const { port } = await listener.ready;
  const serving = serveAll(listener, serviceFn(call), { ...settings, observer, onError: note });
  return {
    port,
    origin: `${secure === false ? "http" : "https"}://127.0.0.1:${port}`,
    listener,
    serving,
    errors,
    ...recorded,
    async [Symbol.asyncDispose]() {
      await serving.abort();
    },
  };
}
