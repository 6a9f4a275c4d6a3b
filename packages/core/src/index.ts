/**
 * What HTTP/1 and HTTP/2 share: messages, services, the transport and clock interfaces, upgrades, errors.
 */
export { isUnanswered, isUnsent } from "./client/errors.ts";
export type { Connection } from "./connection.ts";
export { HttpError, type HttpErrorKind, type HttpErrorOptions } from "./error.ts";
export type { FrameFacts } from "./h2/observe/frame-facts.ts";
export { type ExtensionKey, Extensions, extensionKey } from "./message/extensions.ts";
export { sendInformational } from "./message/informational.ts";
export { isIdempotent, isSafe, type KnownMethod, type Method } from "./message/method.ts";
export { reasonPhraseKey } from "./message/reason-phrase.ts";
export { HttpRequest } from "./message/request.ts";
export { HttpResponse } from "./message/response.ts";
export {
  canonicalReason,
  isClientError,
  isInformational,
  isRedirection,
  isServerError,
  isSuccess,
} from "./message/status.ts";
export { RequestTarget, type TargetForm } from "./message/target.ts";
export { type ExchangeTimeouts, setTimeouts } from "./message/timeouts.ts";
export type { HttpVersion } from "./message/version.ts";
export type { Observer, StallCause } from "./observer.ts";
export type { Alarm, Io, IoInfo, Read, ReadDone, Timer, Write } from "./rt/io.ts";
export { type Service, serviceFn } from "./service/service.ts";
export { upgradeOn } from "./upgrade/upgrade.ts";
export { Upgraded, type UpgradedParts } from "./upgrade/upgraded.ts";
