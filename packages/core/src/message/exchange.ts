/**
 * What a connection lets the holder of a message do with the exchange it belongs to.
 *
 * A connection attaches itself to each request it receives and to each response it returns; `upgradeOn`,
 * `sendInformational` and `setTimeouts` find it through the message. Messages made by hand have none. The message is passed
 * along, so that one whose exchange is over has no effect on the next.
 */
import type { HeaderMap } from "@sluice/body";
import type { Upgraded } from "../upgrade/upgraded.ts";
import type { ExchangeTimeouts } from "./timeouts.ts";

export interface Exchange {
  /** Resolves with the transport once the peer and we have agreed to leave HTTP. */
  upgrade(message: object): Promise<Upgraded>;
  /** Sends a 1xx response now; `false` if it can no longer be sent or the peer would not understand it. */
  informational(request: object, status: number, headers: HeaderMap): boolean;
  /** Replaces time limits for the rest of this exchange. */
  setTimeouts(request: object, timeouts: ExchangeTimeouts): void;
}
