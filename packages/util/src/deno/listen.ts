/**
 * Accepts connections with `Deno.listen` and `Deno.listenTls`. Nothing is accepted while `maxPending` connections wait to be
 * taken or shake hands: further ones wait in the kernel.
 */
import type { Timer } from "@sluice/core";
import { knownOptions, wholeNumber } from "../options.ts";
import { ListenerBase, type PortableAddress, type PortableListener } from "../portable/listener.ts";
import { checkPlace, type ListenOptions, listenNames } from "../portable/options.ts";
import { portableTimer } from "../portable/timer.ts";
import { defaultAlpnProtocols, handshakeTimeout } from "../portable/tls.ts";
import { transportError } from "../transport-error.ts";
import { connInfo, DenoIo, nameOf } from "./conn-io.ts";
import { type DenoConn, type DenoListener, type DenoPlace, denoRuntime } from "./runtime.ts";

const defaultMaxPending = 1024;
/** After a failed accept, such as one for want of descriptors, this long nothing is accepted; doubled up to the second. */
const firstPauseMs = 5;
const longestPauseMs = 1000;

class ListenerOnDeno extends ListenerBase {
  readonly address: PortableAddress;
  readonly #listener: DenoListener;
  readonly #maxPending: number;
  readonly #timer: Timer;
  readonly #handshakeMs: number | undefined;
  readonly #handshakes = new Set<DenoConn>();
  #accepting = false;
  #pauseMs = 0;

  constructor(options: ListenOptions) {
    super(options.signal);
    this.#maxPending = wholeNumber("maxPending", options.maxPending ?? defaultMaxPending, 1);
    this.#timer = options.timer ?? portableTimer;
    this.#handshakeMs = options.tls === undefined ? undefined : handshakeTimeout(options.tls);
    this.#listener = listener(options);
    const { addr } = this.#listener;
    const { path } = options;
    this.address =
      path === undefined ? { address: addr.hostname ?? "", port: addr.port ?? 0 } : { address: path, port: 0, path };
    this.begin();
    this.#acceptNext();
  }

  protected stop(): void {
    this.#listener.close();
    for (const conn of this.#handshakes) close(conn);
    this.#handshakes.clear();
  }

  protected override taken(): void {
    this.#acceptNext();
  }

  #acceptNext(): void {
    if (this.#accepting || this.isClosed) return;
    if (this.queue.size + this.#handshakes.size >= this.#maxPending) return;
    this.#accepting = true;
    this.#listener.accept().then(this.#onAccepted, this.#onAcceptError);
  }

  readonly #onAccepted = (conn: DenoConn): void => {
    this.#accepting = false;
    this.#pauseMs = 0;
    if (this.isClosed) return close(conn);
    if (this.#handshakeMs === undefined) this.#offer(conn, undefined);
    else this.#shakeHands(conn, this.#handshakeMs);
    this.#acceptNext();
  };

  readonly #onAcceptError = (): void => {
    if (this.isClosed) return;
    this.#pauseMs = Math.min(Math.max(this.#pauseMs * 2, firstPauseMs), longestPauseMs);
    this.#timer.schedule(this.#pauseMs, () => {
      this.#accepting = false;
      this.#acceptNext();
    });
  };

  #offer(conn: DenoConn, alpnProtocol: string | null | undefined): void {
    conn.setNoDelay?.(true);
    this.queue.put(new DenoIo(conn, connInfo(conn, alpnProtocol), this.#timer));
  }

  #shakeHands(conn: DenoConn, limitMs: number): void {
    this.#handshakes.add(conn);
    const alarm = this.#timer.schedule(limitMs, () => close(conn));
    const end = (): boolean => {
      alarm.cancel();
      const open = this.#handshakes.delete(conn);
      this.#acceptNext();
      return open;
    };
    (conn.handshake?.() ?? Promise.resolve({ alpnProtocol: null })).then(
      ({ alpnProtocol }) => {
        if (end()) this.#offer(conn, alpnProtocol);
        else close(conn);
      },
      () => {
        this.handshakeErrors += 1;
        end();
        close(conn);
      },
    );
  }
}

function listener(options: ListenOptions): DenoListener {
  const { port = 0, host = "0.0.0.0", path, tls } = options;
  if (path !== undefined && tls !== undefined) throw new TypeError("tls: Deno speaks it on TCP ports only, got a path");
  const place: DenoPlace = path === undefined ? { hostname: host, port } : { path, transport: "unix" };
  const runtime = denoRuntime();
  try {
    if (tls === undefined) return runtime.listen(place);
    const alpnProtocols = [...(tls.alpnProtocols ?? defaultAlpnProtocols)];
    return runtime.listenTls({ ...place, cert: tls.cert, key: tls.key, alpnProtocols });
  } catch (cause) {
    throw transportError(cause, nameOf(cause));
  }
}

function close(conn: DenoConn): void {
  try {
    conn.close();
  } catch {
    // It is closed.
  }
}

/**
 * Listens for connections.
 *
 * ```ts
 * for await (const io of listen({ port: 3000 })) serve(io);
 * ```
 * @throws TypeError or RangeError for options that make no sense, and where there is no Deno; HttpError kind `io`, with the
 *   errno name as its code, when the address cannot be listened on.
 */
export function listen(options: ListenOptions = {}): PortableListener {
  knownOptions("listen", options, listenNames);
  checkPlace(options, 0);
  return new ListenerOnDeno(options);
}
