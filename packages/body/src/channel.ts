/**
 * A body fed by hand: frames are pushed at one end and pulled at the other, with a bounded queue between.
 *
 * The queue is all that is held ahead of the reader; a sender that awaits its sends holds one frame more. Where even
 * that is too much, `sender.wanted()` tells when the reader waits.
 */

import { BaseBody } from "./body.ts";
import { ChannelQueue } from "./channel-queue.ts";
import { Sender } from "./channel-sender.ts";
import type { LengthOptions } from "./declared-length.ts";
import type { Frame } from "./frame.ts";
import type { SizeHint } from "./size-hint.ts";

class ChannelBody extends BaseBody {
  readonly #queue: ChannelQueue;

  constructor(queue: ChannelQueue) {
    super();
    this.#queue = queue;
  }

  frame(): Frame | null | Promise<Frame | null> {
    return this.#queue.take();
  }

  override isEndStream(): boolean {
    return this.#queue.isEnd;
  }

  override sizeHint(): SizeHint {
    return this.#queue.sizeHint;
  }

  cancel(reason?: unknown): void {
    this.#queue.cancel(reason);
  }
}

/** The two ends of a channel. */
export interface Channel {
  readonly sender: Sender;
  readonly body: BaseBody;
}

/**
 * A channel that queues up to `capacity` frames. With `options.length` the body ends by itself with its last byte, takes
 * no trailers, and fails when closed before.
 *
 * Throws `RangeError` when `capacity` is not an integer of 1 or more, or the length not one from 0 to 2^53-1.
 */
export function channel(capacity: number, options?: LengthOptions): Channel {
  const queue = new ChannelQueue(capacity, options?.length);
  return { sender: new Sender(queue), body: new ChannelBody(queue) };
}
