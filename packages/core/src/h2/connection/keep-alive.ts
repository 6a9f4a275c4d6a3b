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
  /** When something was received last. */
  #heardAt: number;
  /** The PING has been sent, and nothing received since. */
  #asking = false;
  /** There was no stream when it was time to ask. */
  #resting = false;

  constructor(deadlines: Deadlines, slot: number, options: KeepAliveOptions, now: number) {
    this.#deadlines = deadlines;
    this.#slot = slot;
    this.#options = options;
    this.#heardAt = now;
    deadlines.set(slot, options.keepAliveIntervalMs);
  }

  /** Something was received: any frame is a sign of life. */
  heard(now: number): void {
    this.#heardAt = now;
    if (!this.#asking) return;
    this.#asking = false;
    this.#deadlines.set(this.#slot, this.#options.keepAliveIntervalMs);
  }

  /** There is a reason to doubt. Returns whether to send a PING now; one is enough until something is heard. */
  ask(): boolean {
    if (this.#asking) return false;
    this.#asking = true;
    this.#deadlines.set(this.#slot, this.#options.keepAliveTimeoutMs);
    return true;
  }

  /** There is a stream again, from which on the peer has its time to be heard. */
  wake(): void {
    if (!this.#resting) return;
    this.#resting = false;
    this.#deadlines.set(this.#slot, this.#options.keepAliveIntervalMs);
  }

  /**
   * The alarm has rung. Returns what to do: send a PING, give the peer up, or nothing.
   * @param idle There is no stream.
   */
  expired(idle: boolean, now: number): "ping" | "dead" | "wait" {
    if (this.#asking) return "dead";
    const { keepAliveIntervalMs, keepAliveTimeoutMs, keepAliveWhileIdle } = this.#options;
    const restMs = this.#heardAt + keepAliveIntervalMs - now;
    if (restMs > 0) {
      this.#deadlines.set(this.#slot, restMs);
      return "wait";
    }
    this.#resting = idle && !keepAliveWhileIdle;
    if (this.#resting) return "wait";
    this.#asking = true;
    this.#deadlines.set(this.#slot, keepAliveTimeoutMs);
    return "ping";
  }
}
