/**
 * A transport on its way from a connection to whoever waits for the upgrade. It is handed out once; if nobody takes it in
 * time it is given up, since no connection looks after it any more.
 */
import { HttpError } from "../error.ts";
import type { Alarm, Timer } from "../rt/io.ts";
import { Upgraded, type UpgradedParts } from "./upgraded.ts";

export class PendingUpgrade {
  #parts: UpgradedParts | undefined;
  #error: HttpError | undefined;
  #promise: Promise<Upgraded> | undefined;
  #resolve: ((upgraded: Upgraded) => void) | undefined;
  #reject: ((error: HttpError) => void) | undefined;
  #alarm: Alarm | undefined;

  /** The promise given to `upgradeOn`; the same for every caller. */
  wait(): Promise<Upgraded> {
    if (this.#promise === undefined) {
      this.#promise = new Promise((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
      });
      this.#promise.catch(ignore);
      this.#settle();
    }
    return this.#promise;
  }

  /** The transport has left HTTP. It is given up if nobody takes it within `patienceMs` (0: never). */
  fulfill(parts: UpgradedParts, timer: Timer | null, patienceMs: number): void {
    this.#parts = parts;
    this.#settle();
    if (this.#parts === undefined || timer === null || patienceMs === 0) return;
    this.#alarm = timer.schedule(patienceMs, () => {
      this.abandon(new HttpError("timeout", "idleTimeoutMs", `nobody took the transport within ${patienceMs} ms`));
    });
  }

  /** Gives a transport that nobody has taken up. */
  abandon(error: HttpError): void {
    this.#handOut(error)?.io.abort(error);
  }

  /** There will be no upgrade. */
  fail(error: HttpError): void {
    if (this.#parts !== undefined) return;
    this.#error ??= error;
    this.#settle();
  }

  /** The transport as it is, for `intoParts`; `undefined` if there is none, or it was handed out. */
  take(): UpgradedParts | undefined {
    return this.#handOut(new HttpError("user", "MANUAL_UPGRADE", "the transport was taken by intoParts()"));
  }

  #handOut(error: HttpError): UpgradedParts | undefined {
    const parts = this.#parts;
    if (parts === undefined) return undefined;
    this.#parts = undefined;
    this.#error = error;
    this.#alarm?.cancel();
    return parts;
  }

  #settle(): void {
    if (this.#promise === undefined) return;
    if (this.#error !== undefined) {
      this.#reject?.(this.#error);
      return;
    }
    const parts = this.#handOut(new HttpError("user", "MANUAL_UPGRADE", "the transport was handed out already"));
    if (parts !== undefined) this.#resolve?.(new Upgraded(parts.io, parts.readBuffer));
  }
}

/** The answer to an upgrade that was not asked for or not granted. */
export function noUpgrade(what: string): HttpError {
  return new HttpError("user", "NO_UPGRADE", what);
}

function ignore(): void {}
