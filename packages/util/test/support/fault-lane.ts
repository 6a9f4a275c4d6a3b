/**
 * One direction of a connection through a `FaultProxy`: reads a side, and forwards to the other until a fault is due.
 *
 * Bytes are forwarded in pieces that end where a fault is due or a message ends, so a fault falls exactly there.
 */
import type { Socket } from "node:net";
import type { Action, ByteFault } from "./fault-plan.ts";
import { settle } from "./io.ts";
import type { MessageScanner } from "./message-scanner.ts";

/**
 * Turns of the event loop until a reader in this process has read what was written: it is polled between the
 * `setImmediate` of this turn and that of the next.
 */
export const turnsUntilRead = 2;

/** What a lane asks of its connection. */
export interface LaneOwner {
  /** Nothing is forwarded any more; what arrives is dropped. */
  readonly isDropping: boolean;
  /** Resolves once the connection is over. */
  readonly gone: Promise<void>;
  /** Runs a fault that concerns both directions. */
  act(action: Action): Promise<void>;
  /** Resolves after `ms` of the proxy's timer, or once the connection is over. */
  wait(ms: number): Promise<void>;
}

export interface LaneOptions {
  readonly from: Socket;
  readonly to: Socket;
  readonly scanner: MessageScanner;
  /** The faults of this direction, in the order of their offsets. */
  readonly faults: readonly ByteFault[];
  readonly swallowsEnd: boolean;
  /** Called before each piece: whether it may be forwarded. If not, what is at hand is dropped. */
  readonly admits: () => boolean | Promise<boolean>;
  /** Called when a piece has been forwarded. No piece belongs to two messages. */
  readonly after: (piece: Uint8Array) => void | Promise<void>;
}

export class Lane {
  /** Bytes that arrived. */
  received = 0;
  /** Bytes that were passed on, also those that were changed on the way. */
  forwarded = 0;
  readonly #owner: LaneOwner;
  readonly #options: LaneOptions;
  readonly #faults: ByteFault[];
  #toCorrupt = 0;
  #isTearing = false;

  constructor(owner: LaneOwner, options: LaneOptions) {
    this.#owner = owner;
    this.#options = options;
    this.#faults = [...options.faults].sort((one, other) => one.after - other.after);
  }

  /** Runs until the side ends. Rejects when its socket fails. */
  async run(): Promise<void> {
    const { from, to, swallowsEnd } = this.#options;
    await this.#runDueFaults();
    for await (const chunk of from.iterator({ destroyOnReturn: false })) {
      this.received += (chunk as Buffer).length;
      await this.#pass(chunk as Buffer);
    }
    if (this.#owner.isDropping || swallowsEnd) return;
    // A reset that arrives behind unread bytes is reported as an end. Writing nothing asks the kernel.
    from.write("");
    if (from.errored === null) to.end();
  }

  async #pass(chunk: Uint8Array): Promise<void> {
    let rest = chunk;
    while (rest.length > 0) {
      if (!(await this.#options.admits())) return;
      const room = (this.#faults[0]?.after ?? Number.POSITIVE_INFINITY) - this.forwarded;
      const piece = rest.subarray(0, this.#options.scanner.take(rest.subarray(0, room)));
      rest = rest.subarray(piece.length);
      await this.#forward(piece);
      await this.#options.after(piece);
      await this.#runDueFaults();
    }
  }

  async #forward(piece: Uint8Array): Promise<void> {
    const bytes = this.#corrupted(piece);
    if (!this.#isTearing) {
      this.forwarded += bytes.length;
      await this.#write(bytes);
      return;
    }
    for (let at = 0; at < bytes.length && !this.#owner.isDropping; at++) {
      this.forwarded += 1;
      await this.#write(bytes.subarray(at, at + 1));
      await settle(turnsUntilRead);
    }
  }

  /** Resolves when the other side has room for more. */
  async #write(bytes: Uint8Array): Promise<void> {
    const { to } = this.#options;
    if (to.write(bytes) || to.destroyed) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        to.off("drain", done).off("close", done);
        resolve();
      };
      to.on("drain", done).on("close", done);
    });
  }

  #corrupted(piece: Uint8Array): Uint8Array {
    const count = Math.min(this.#toCorrupt, piece.length);
    if (count === 0) return piece;
    this.#toCorrupt -= count;
    return piece.map((byte, index) => (index < count ? byte ^ 0xff : byte));
  }

  async #runDueFaults(): Promise<void> {
    for (let fault = this.#faults[0]; fault !== undefined && fault.after <= this.forwarded; fault = this.#faults[0]) {
      this.#faults.shift();
      if (!this.#owner.isDropping) await this.#run(fault.action);
    }
  }

  async #run(action: Action): Promise<void> {
    if (action === "stall") await this.#owner.gone;
    else if (action === "tear") await this.#beginTearing();
    else if (typeof action === "string") await this.#owner.act(action);
    else if (action.do === "delay") await this.#owner.wait(action.ms);
    else if (action.do === "hold") await Promise.race([action.until, this.#owner.gone]);
    else this.#toCorrupt += action.bytes;
  }

  async #beginTearing(): Promise<void> {
    this.#isTearing = true;
    // The first torn byte must not join what went before it.
    await settle(turnsUntilRead);
  }
}
