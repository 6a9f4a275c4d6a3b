/**
 * The one upgrade a server connection may end in: asked for by a request, granted by its answer, taken by the program.
 */
import { HttpError } from "../error.ts";
import type { HttpRequest } from "../message/request.ts";
import type { Timer } from "../rt/io.ts";
import { noUpgrade, PendingUpgrade } from "./pending-upgrade.ts";
import type { Upgraded, UpgradedParts } from "./upgraded.ts";

export class UpgradeOffer {
  #pending: PendingUpgrade | undefined;
  /** The request whose answer ended HTTP on the connection. */
  #granted: HttpRequest | undefined;

  /** The transport, once `request` has been granted it; `asking` tells whether that may still come. */
  wait(request: object, asking: boolean): Promise<Upgraded> {
    if (!asking && request !== this.#granted) {
      return Promise.reject(noUpgrade("the request asks for no upgrade, or was answered without one"));
    }
    this.#pending ??= new PendingUpgrade();
    return this.#pending.wait();
  }

  /** The request under way was answered without an upgrade. */
  decline(): void {
    this.#pending?.fail(noUpgrade("the request was answered without an upgrade"));
    this.#pending = undefined;
  }

  /** The connection ended before it came to an upgrade. */
  fail(error: HttpError): void {
    this.#pending?.fail(new HttpError("canceled", "UPGRADE_CANCELED", "the connection ended first", { cause: error }));
  }

  /** The answer to `request` ended HTTP. The transport is given up if nobody takes it within `patienceMs` (0: never). */
  grant(request: HttpRequest | undefined, parts: UpgradedParts, timer: Timer | null, patienceMs: number): void {
    this.#granted = request;
    this.#pending ??= new PendingUpgrade();
    this.#pending.fulfill(parts, timer, patienceMs);
  }

  /** The transport as it is. @throws HttpError code `NO_UPGRADE` if there is none, or it was taken. */
  take(): UpgradedParts {
    const parts = this.#pending?.take();
    if (parts === undefined) throw noUpgrade("the connection has no transport to give");
    return parts;
  }

  /** Gives a transport that nobody has taken up. */
  abandon(error: HttpError): void {
    this.#pending?.abandon(error);
  }
}
