/**
 * What the header of a frame alone shows to be wrong, by type. So it is found before the payload is waited for.
 */
import { checkDataHeader } from "./data.ts";
import type { Frame } from "./frame-header.ts";
import {
  DATA,
  GOAWAY,
  HEADERS,
  PING,
  PRIORITY,
  PRIORITY_UPDATE,
  PUSH_PROMISE,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from "./frame-type.ts";
import { checkGoAwayHeader } from "./goaway.ts";
import { checkHeadersHeader } from "./headers.ts";
import { checkPingHeader } from "./ping.ts";
import { checkPriorityHeader } from "./priority.ts";
import { checkPriorityUpdateHeader } from "./priority-update.ts";
import { checkPushPromiseHeader } from "./push-promise.ts";
import { checkRstStreamHeader } from "./rst-stream.ts";
import { checkSettingsHeader } from "./settings.ts";
import { checkWindowUpdateHeader } from "./window-update.ts";

/**
 * Nothing is asked of types that are not used; CONTINUATION has been checked together with its place.
 * @throws Http2Error.
 */
export function checkHeader(frame: Frame): void {
  switch (frame.type) {
    case DATA:
      return checkDataHeader(frame);
    case HEADERS:
      return checkHeadersHeader(frame);
    case PRIORITY:
      return checkPriorityHeader(frame);
    case RST_STREAM:
      return checkRstStreamHeader(frame);
    case SETTINGS:
      return checkSettingsHeader(frame);
    case PUSH_PROMISE:
      return checkPushPromiseHeader(frame);
    case PING:
      return checkPingHeader(frame);
    case GOAWAY:
      return checkGoAwayHeader(frame);
    case WINDOW_UPDATE:
      return checkWindowUpdateHeader(frame);
    case PRIORITY_UPDATE:
      return checkPriorityUpdateHeader(frame);
    default:
      return;
  }
}
