/**
 * Middleware: small functions around a `Service`, for either side of the wire. Each stands alone; `compose` puts them together.
 */
export { type AccessLogOptions, type AccessRecord, accessLog } from "./access-log.ts";
export { type BodySource, replayableBody } from "./body-source.ts";
export { clientService, type Requester } from "./client-service.ts";
export { compose, type Middleware } from "./compose.ts";
export { type ConcurrencyLimitOptions, concurrencyLimit } from "./concurrency-limit.ts";
export { type ContentCoding, supportedCodings } from "./content-codings.ts";
export { type DecompressOptions, decompress } from "./decompress.ts";
export {
  type FollowRedirectsOptions,
  followRedirects,
  type RedirectAttempt,
  type RedirectPolicy,
  type Redirects,
  redirectsKey,
} from "./follow-redirects.ts";
export { type RateLimitOptions, rateLimit } from "./rate-limit.ts";
export { type RetryOptions, retry } from "./retry.ts";
export { RetryBudget, type RetryBudgetOptions } from "./retry-budget.ts";
export { type Attempt, isSafeToRetry } from "./retry-classifier.ts";
export { signalKey, signalOf } from "./signal.ts";
export { type TimeoutOptions, timeout } from "./timeout.ts";
