/**
 * What one side may send to the other (RFC 9113 sections 5.2, 6.9): the account of the side that grants it.
 *
 * A change of SETTINGS is in force once it is acknowledged. Until then the other side may keep to the old value or to
 * the new one, so the larger counts.
 */

export const defaultWindow = 65_535;
const defaultFrameSize = 16_384;

/** The values of one SETTINGS frame, in order. */
export type SettingValues = readonly (readonly [name: string, value: number])[];

/** Settings that one side has sent, and what is in force of them. */
export class SentSettings {
  readonly #inForce = new Map<string, number>([
    ["INITIAL_WINDOW_SIZE", defaultWindow],
    ["MAX_FRAME_SIZE", defaultFrameSize],
    ["MAX_CONCURRENT_STREAMS", Number.POSITIVE_INFINITY],
    ["ENABLE_PUSH", 1],
  ]);
  readonly #pending: SettingValues[] = [];

  send(values: SettingValues): void {
    this.#pending.push(values);
  }

  /** The oldest frame was acknowledged; returns its values. */
  acknowledge(): SettingValues | undefined {
    const values = this.#pending.shift();
    for (const [name, value] of values ?? []) this.#inForce.set(name, value);
    return values;
  }

  /** The largest value that the other side may act on. */
  largest(name: string): number {
    const pending = this.#pending.flat().flatMap(([other, value]) => (other === name ? value : []));
    return Math.max(this.#inForce.get(name) ?? 0, ...pending);
  }
}

/** Octets granted and used, by stream; 0 is the connection. */
export class Windows {
  readonly #balance = new Map<number, number>();

  grant(streamId: number, bytes: number): void {
    this.#balance.set(streamId, (this.#balance.get(streamId) ?? 0) + bytes);
  }

  use(streamId: number, bytes: number): void {
    this.grant(streamId, -bytes);
    this.grant(0, -bytes);
  }

  /** What is left to send on a stream, on its own account. */
  left(streamId: number, initialWindow: number): number {
    return (streamId === 0 ? defaultWindow : initialWindow) + (this.#balance.get(streamId) ?? 0);
  }
}
