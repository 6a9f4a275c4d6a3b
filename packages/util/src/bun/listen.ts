/**
 * Accepts connections with `Bun.listen`. Bun cannot stop accepting for a while, so connections beyond `maxPending` are
 * reset, which `dropped` counts.
 */
import { HttpError, type Timer } from "@sluice/core";
import { knownOptions, wholeNumber } from "../options.ts";
import { ListenerBase, type PortableAddress, type PortableListener } from "../portable/listener.ts";
import { checkPlace, type ListenOptions, listenNames } from "../portable/options.ts";
import { portableTimer } from "../portable/timer.ts";
import { defaultAlpnProtocols, handshakeTimeout } from "../portable/tls.ts";
import { transportError } from "../transport-error.ts";
import { Handshake } from "./handshake.ts";
import { alpnList, type BunServer, type BunSocket, type BunTls, bunRuntime } from "./runtime.ts";
import { BunIo, socketHandlers } from "./socket-io.ts";

const defaultMaxPending = 1024;

class BunListener extends ListenerBase {
  readonly address: PortableAddress;
  readonly #server: BunServer;
  readonly #maxPending: number;
  readonly #timer: Timer;
  readonly #handshakeMs: number | undefined;
  readonly #handshakes = new Set<Handshake>();

  constructor(options: ListenOptions) {
    super(options.signal);
    const { port = 0, host = "0.0.0.0", path, tls } = options;
    this.#maxPending = wholeNumber("maxPending", options.maxPending ?? defaultMaxPending, 1);
    this.#timer = options.timer ?? portableTimer;
    this.#handshakeMs = tls === undefined ? undefined : handshakeTimeout(tls);
    const place = path === undefined ? { hostname: host, port } : { unix: path };
    const secure = tls === undefined ? {} : { tls: serverTls(tls) };
    const socket = socketHandlers((accepted) => this.#accept(accepted));
    const runtime = bunRuntime();
    try {
      this.#server = runtime.listen({ ...place, ...secure, allowHalfOpen: true, socket });
    } catch (cause) {
      throw transportError(cause, "LISTEN_FAILED");
    }
    this.address =
      path === undefined
        ? { address: this.#server.hostname ?? host, port: this.#server.port ?? port }
        : { address: path, port: 0, path };
    this.begin();
  }

  protected stop(): void {
    this.#server.stop();
    const closed = new HttpError("canceled", "LISTENER_CLOSED", "the listener was closed");
    for (const handshake of [...this.#handshakes]) handshake.fail(closed);
  }

  #accept(socket: BunSocket): void {
    if (this.isClosed || this.queue.size + this.#handshakes.size >= this.#maxPending) {
      this.dropped += 1;
      socket.data = nobody;
      socket.terminate();
    } else if (this.#handshakeMs === undefined) {
      socket.setNoDelay?.(true);
      this.queue.put(new BunIo(socket, false, this.#timer));
    } else {
      this.#shakeHands(socket, this.#handshakeMs);
    }
  }

  #shakeHands(socket: BunSocket, limitMs: number): void {
    const handshake: Handshake = new Handshake(socket, false, (error) => {
      alarm.cancel();
      this.#handshakes.delete(handshake);
      if (error !== undefined) this.handshakeErrors += 1;
      else this.queue.put(new BunIo(socket, true, this.#timer));
    });
    const alarm = this.#timer.schedule(limitMs, () =>
      handshake.fail(new HttpError("timeout", "HANDSHAKE_TIMEOUT", `no TLS handshake within ${limitMs} ms`)),
    );
    this.#handshakes.add(handshake);
  }
}

/** The owner of a socket that was refused. */
const nobody = { received() {}, ended() {}, writable() {}, closed() {}, handshaken() {} };

function serverTls(tls: NonNullable<ListenOptions["tls"]>): BunTls {
  const { cert, key, alpnProtocols = defaultAlpnProtocols } = tls;
  return { cert, key, ALPNProtocols: alpnList(alpnProtocols) };
}

/**
 * Listens for connections.
 *
 * ```ts
 * for await (const io of listen({ port: 3000 })) serve(io);
 * ```
 * @throws TypeError or RangeError for options that make no sense, and where there is no Bun; HttpError kind `io`, with the
 *   errno name as its code, when the address cannot be listened on.
 */
export function listen(options: ListenOptions = {}): PortableListener {
  knownOptions("listen", options, listenNames);
  checkPlace(options, 0);
  return new BunListener(options);
}
