/**
 * Is the peer still there? When nothing has come for a while a PING asks, and silence is the answer of the dead.
 */
import type { Deadlines } from "../../driver/deadlines.ts";

export interface KeepAliveOptions {
  readonly keepAliveIntervalMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly keepAliveWhileIdle: boolean;
}

export class KeepAlive {
  readonly #deadlines: Deadlines;
  readonly #slot: number;
  readonly #options: KeepAliveOptions;
  /** Something has come since the alarm was set. */
  #heard = false;
  #asking = false;

  constructor(deadlines: Deadlines, slot: number, options: KeepAliveOptions) {
    this.#deadlines = deadlines;
    this.#slot = slot;
    this.#options = options;
    deadlines.set(slot, options.keepAliveIntervalMs);
  }

  /** Something was received: any frame is a sign of life. */
  heard(): void {
    this.#heard = true;
  }

  /**
   * The alarm has rung. Returns what to do: send a PING, give the peer up, or nothing.
   * @param idle There is no stream.
   */
  expired(idle: boolean): "ping" | "dead" | "wait" {
    const { keepAliveIntervalMs, keepAliveTimeoutMs, keepAliveWhileIdle } = this.#options;
    const heard = this.#heard;
    this.#heard = false;
    if (!heard && this.#asking) return "dead";
    this.#asking = !heard && (!idle || keepAliveWhileIdle);
    this.#deadlines.set(this.#slot, this.#asking ? keepAliveTimeoutMs : keepAliveIntervalMs);
    return this.#asking ? "ping" : "wait";
  }
}
