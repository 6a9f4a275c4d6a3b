/**
 * PRIORITY_UPDATE frames that come ahead of the stream they are about (RFC 9218 section 7.1): the last one is kept
 * until the stream is opened. There may be as many of these streams and active ones together as may be active at a
 * time.
 */
import { PROTOCOL_ERROR } from "../frame/error-code.ts";
import { connectionError, type Http2Error } from "../http2-error.ts";

export class EarlyPriorities {
  /** The values by stream. */
  #values: Map<number, string> | undefined;

  /** For how many streams something is kept. */
  get size(): number {
    return this.#values?.size ?? 0;
  }

  /**
   * Keeps `value` for an idle stream of the peer.
   * @param activeStreams How many streams of the peer are active.
   * @param maxStreams The MAX_CONCURRENT_STREAMS that the peer knows of; may be infinite.
   */
  set(streamId: number, value: string, activeStreams: number, maxStreams: number): Http2Error | undefined {
    this.#values ??= new Map();
    if (!this.#values.has(streamId) && this.#values.size + activeStreams >= maxStreams) {
      const what = `at most ${maxStreams} streams may be active or prioritized ahead, got stream ${streamId} besides`;
      return connectionError(PROTOCOL_ERROR, "TOO_MANY_PRIORITIZED", `PRIORITY_UPDATE: ${what} (RFC 9218 7.1)`);
    }
    this.#values.set(streamId, value);
    return undefined;
  }

  /** The stream is opened, which closes the idle ones below it: what is kept for them is dropped. */
  take(streamId: number): string | undefined {
    if (this.#values === undefined || this.#values.size === 0) return undefined;
    const value = this.#values.get(streamId);
    for (const id of this.#values.keys()) {
      if (id <= streamId) this.#values.delete(id);
    }
    return value;
  }
}
