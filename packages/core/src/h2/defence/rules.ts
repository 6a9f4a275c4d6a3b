/**
 * What a peer may do only so often, as data: one row per limit, with the option that sets it, its default, and what the
 * peer is told when it is exceeded. The answer is always GOAWAY with ENHANCE_YOUR_CALM (RFC 9113 section 10.5).
 *
 * Two limits of the kind are kept where the frames are read, for they need no clock: CONTINUATION frames per field
 * block (`frame/field-block-order.ts`) and entries per SETTINGS frame (`frame/settings.ts`).
 */
import type { OptionRules } from "../../options.ts";
import { whole } from "../../options.ts";

/** A limit on how often something happens. `<option>Burst` is how often at once, `<option>PerSecond` over time. */
export interface RateRule {
  /** The stem of the option's names. */
  readonly option: string;
  readonly burst: number;
  readonly perSecond: number;
  /** The `code` of the error. */
  readonly code: string;
  /** What the error's message, the debug data of GOAWAY, starts with. Known names are those h2 uses. */
  readonly debug: string;
  /** What is counted. */
  readonly what: string;
}

/** A limit on how much there is at a time. */
export interface GaugeRule {
  readonly option: string;
  readonly max: number;
  readonly code: string;
  readonly debug: string;
  readonly what: string;
}

export const RESETS_RECEIVED = 0;
export const RESETS_PROVOKED = 1;
export const REFUSALS = 2;
export const PINGS = 3;
export const SETTINGS_FRAMES = 4;
export const EMPTY_DATA = 5;
export const WINDOW_UPDATES = 6;
export const GLITCHES = 7;

/** By the numbers above. */
export const rateRules = [
  {
    // Rapid reset (CVE-2023-44487). nghttp2 has 1000 and 33, which a page that is reloaded again and again exceeds: each
    // time a browser gives up a hundred streams and more.
    option: "resets",
    burst: 1000,
    perSecond: 100,
    code: "TOO_MANY_RESETS",
    debug: "too_many_resets",
    what: "RST_STREAM received for streams that the peer opened",
  },
  {
    // MadeYouReset (CVE-2025-8671), CVE-2019-9514: errors that make us reset streams. h2's number, but with decay.
    option: "provokedResets",
    burst: 1024,
    perSecond: 33,
    code: "TOO_MANY_PROVOKED_RESETS",
    debug: "too_many_internal_resets",
    what: "stream errors that we had to answer with RST_STREAM",
  },
  {
    // A peer that keeps opening streams beyond our limit costs a field block each (as node's rejections in a row).
    option: "refusals",
    burst: 1000,
    perSecond: 100,
    code: "TOO_MANY_REFUSALS",
    debug: "too_many_refused_streams",
    what: "streams opened beyond MAX_CONCURRENT_STREAMS",
  },
  {
    // CVE-2019-9512. Estimators of bandwidth send one per round trip, thousands a second on a loopback interface.
    option: "pings",
    burst: 10_000,
    perSecond: 10_000,
    code: "TOO_MANY_PINGS",
    debug: "too_many_pings",
    what: "PING received",
  },
  {
    // CVE-2019-9515. Windows adapted to the bandwidth change a few times per connection.
    option: "settings",
    burst: 1000,
    perSecond: 33,
    code: "TOO_MANY_SETTINGS_FRAMES",
    debug: "too_many_settings",
    what: "SETTINGS received",
  },
  {
    // CVE-2019-9518: work that flow control does not see. h2's number, but with decay.
    option: "emptyData",
    burst: 100,
    perSecond: 10,
    code: "TOO_MANY_EMPTY_DATA",
    debug: "too_many_data_frames",
    what: "empty DATA frames that ended nothing",
  },
  {
    // CVE-2019-9511: tiny windows. What we send pays for ten more per frame of ordinary size, as Envoy has it. It does not
    // matter whether the stream is still open: what was sent at once is acknowledged bit by bit behind its end.
    option: "windowUpdates",
    burst: 10_000,
    perSecond: 330,
    code: "TOO_MANY_WINDOW_UPDATES",
    debug: "too_many_window_updates",
    what: "WINDOW_UPDATE received beyond ten per 16384 octets of DATA sent",
  },
  {
    // What is legal or let pass, and of no use (CVE-2019-9513 among others). nghttp2's numbers.
    option: "glitches",
    burst: 10_000,
    perSecond: 330,
    code: "TOO_MANY_GLITCHES",
    debug: "too_many_glitches",
    what: "frames that are ignored",
  },
] as const;

export const WAITING_REQUESTS = 0;

/** By the numbers above. */
export const gaugeRules = [
  {
    // Rapid reset again: streams that are reset free their place, but their handlers run on. Four times the place, as
    // Go.
    option: "maxWaitingRequests",
    max: 512,
    code: "TOO_MANY_WAITING_REQUESTS",
    debug: "too_many_early_resets",
    what: "requests that wait for handlers of streams that were reset",
  },
] as const;

type RateOption = (typeof rateRules)[number]["option"];

/** The options of the defences. Infinity switches one off. */
export type DefenceOptions = {
  readonly [Name in `${RateOption}Burst` | `${RateOption}PerSecond` | (typeof gaugeRules)[number]["option"]]: number;
} & {
  /** Memory for what small DATA frames cost beyond their octets: see `DataBudget`. */
  readonly dataBudgetBytes: number;
};

const rates: readonly RateRule[] = rateRules;
const gauges: readonly GaugeRule[] = gaugeRules;

/** The rules of the options, for the options of a face to take in. */
export const defenceRules: OptionRules = Object.fromEntries([
  ...rates.flatMap((rule) => [
    [`${rule.option}Burst`, whole(rule.burst, 1)],
    [`${rule.option}PerSecond`, whole(rule.perSecond)],
  ]),
  ...gauges.map((rule) => [rule.option, whole(rule.max, 1)]),
  // Small windows: half of it is what a small part on each of 128 streams costs, which must not stop the connection.
  ["dataBudgetBytes", whole(65_536, 256)],
]);
