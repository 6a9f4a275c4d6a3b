/**
 * What the exchanges of one connection share: its socket, as listeners see it, and its end.
 */
import type { Duplex } from "node:stream";
import { HttpError, type Io, type IoInfo, type Timer } from "@sluice/core";
import { NodeIo } from "../node/socket-io.ts";
import { nodeTimer } from "../node/timer.ts";
import { ListenerSocket } from "./listener-socket.ts";

/** Who wants to know of the end of the connection. */
export interface Watcher {
  lost(reason: unknown): void;
}

const nothingKnown: IoInfo = {};

export class ListenerConnection {
  readonly timer: Timer;
  readonly #io: Io | undefined;
  readonly #transport: Duplex | undefined;
  #socket: ListenerSocket | undefined;
  /** The exchange of HTTP/1 under way. */
  #watcher: Watcher | undefined;
  #watches = false;

  /** @param io The transport, if it is known; without it there are no addresses. */
  constructor(io: Io | undefined) {
    this.#io = io;
    this.#transport = io instanceof NodeIo ? io.socket : undefined;
    this.timer = io?.timer ?? nodeTimer;
  }

  /** Node's socket if all of it belongs to one exchange at a time, as on HTTP/1, else one that stands for it. */
  socket(http2: boolean): Duplex | ListenerSocket {
    if (!http2 && this.#transport !== undefined) return this.#transport;
    this.#socket ??= new ListenerSocket(this.#io?.info, this.#transport, (error) => this.destroy(error));
    return this.#socket;
  }

  /** What is known of the connection. */
  get info(): IoInfo {
    return this.#io?.info ?? nothingKnown;
  }

  /** Where bytes wait behind those that the engine still holds; of HTTP/1 on a socket of Node's only. */
  get transport(): Duplex | undefined {
    return this.#transport;
  }

  /** Gives the connection up. Returns whether there was a way to. */
  destroy(error: unknown): boolean {
    if (this.#transport !== undefined) this.#transport.destroy();
    else if (this.#io !== undefined)
      this.#io.abort(error ?? new HttpError("canceled", "DESTROYED", "it was destroyed"));
    else return false;
    return true;
  }

  /**
   * Tells `watcher` when the socket has been closed; one at a time, as exchanges of HTTP/1 follow one another. Returns false if
   * there is no socket that would tell.
   */
  watch(watcher: Watcher): boolean {
    const transport = this.#transport;
    if (transport === undefined || transport.destroyed) return false;
    this.#watcher = watcher;
    if (!this.#watches) {
      this.#watches = true;
      transport.once("close", () => this.#watcher?.lost(transport.errored ?? undefined));
    }
    return true;
  }

  unwatch(watcher: Watcher): void {
    if (this.#watcher === watcher) this.#watcher = undefined;
  }

  /** An exchange of HTTP/1 was given up, and so was the connection. */
  gone(): void {
    this.#socket?.closed();
  }
}
