/**
 * What every connection offers to the program that owns it, in either role and either version.
 */
import type { UpgradedParts } from "./upgrade/upgraded.ts";

/** What every connection offers to the program that owns it, in either role and either version. */
export interface Connection extends AsyncDisposable {
  /**
   * Settles once the transport has been released or handed over. Rejects with the `HttpError` that ended the connection,
   * if it did not end cleanly; a rejection that nobody looks at is not reported as unhandled.
   */
  readonly closed: Promise<void>;

  /**
   * Takes no further exchange, finishes those under way and then closes; an idle connection closes at once.
   * @param deadlineMs After this long, what is still under way is aborted; `Infinity` for no deadline. Default: the option
   *   `shutdownTimeoutMs`, 30 s unless it says otherwise. Without a timer there is no deadline.
   * @param idleGraceMs How long a server leaves an idle HTTP/1 connection open, for a request that may be on its way: it is
   *   served, and its answer says `connection: close`. Default 0. HTTP/2 has no need of it: GOAWAY tells a client which of
   *   its requests were not served. Without a timer there is no such time.
   * @throws RangeError for a negative time, or an infinite `idleGraceMs`.
   */
  gracefulShutdown(deadlineMs?: number, idleGraceMs?: number): void;

  /** Gives up everything under way and the transport, at once. */
  abort(reason?: unknown): void;

  /**
   * Takes the transport back after an upgrade or CONNECT for which nobody called `upgradeOn`.
   * @throws HttpError kind `user`, code `NO_UPGRADE`, if there is none to take.
   */
  intoParts(): UpgradedParts;
}
