/**
 * What the peer's SETTINGS say, with the values in force before it sent any (RFC 9113 section 6.5.2).
 */
import { connectionError } from "../http2-error.ts";
import { PROTOCOL_ERROR } from "./error-code.ts";
import {
  defaultInitialWindowBytes,
  defaultMaxFrameSize,
  SETTINGS_ENABLE_CONNECT_PROTOCOL,
  SETTINGS_ENABLE_PUSH,
  SETTINGS_HEADER_TABLE_SIZE,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX_CONCURRENT_STREAMS,
  SETTINGS_MAX_FRAME_SIZE,
  SETTINGS_MAX_HEADER_LIST_SIZE,
  SETTINGS_NO_RFC7540_PRIORITIES,
  type SettingsSink,
} from "./settings.ts";

/** What the peer's SETTINGS say, with the values in force before it sent any (RFC 9113 section 6.5.2). */
export class PeerSettings implements SettingsSink {
  /** The most memory for the table that compresses what we send. */
  headerTableBytes = 4096;
  /** Whether we may push. */
  enablePush = true;
  /** How many streams of ours may be open at a time; infinite until the peer sets a limit. */
  maxConcurrentStreams: number = Number.POSITIVE_INFINITY;
  /** The window each of our streams starts with. */
  initialWindowBytes: number = defaultInitialWindowBytes;
  /** The longest payload we may send. */
  maxFrameSize: number = defaultMaxFrameSize;
  /** The largest header list the peer wants to receive; infinite until it says so. */
  maxHeaderListBytes: number = Number.POSITIVE_INFINITY;
  /** Whether the peer, a server, accepts `:protocol` (RFC 8441 section 3). */
  enableConnectProtocol = false;
  /** Whether the peer does not use the priorities of RFC 7540; `undefined` until it says (RFC 9218 section 2.1). */
  noRfc7540Priorities: boolean | undefined = undefined;

  /** Takes a valid setting. @throws Http2Error connection error if the peer takes back what it may not. */
  setting(id: number, value: number): void {
    switch (id) {
      case SETTINGS_HEADER_TABLE_SIZE:
        this.headerTableBytes = value;
        break;
      case SETTINGS_ENABLE_PUSH:
        this.enablePush = value === 1;
        break;
      case SETTINGS_MAX_CONCURRENT_STREAMS:
        this.maxConcurrentStreams = value;
        break;
      case SETTINGS_INITIAL_WINDOW_SIZE:
        this.initialWindowBytes = value;
        break;
      case SETTINGS_MAX_FRAME_SIZE:
        this.maxFrameSize = value;
        break;
      case SETTINGS_MAX_HEADER_LIST_SIZE:
        this.maxHeaderListBytes = value;
        break;
      case SETTINGS_ENABLE_CONNECT_PROTOCOL:
        if (value === 0 && this.enableConnectProtocol) throw takenBack("ENABLE_CONNECT_PROTOCOL", "RFC 8441 3");
        this.enableConnectProtocol = value === 1;
        break;
      case SETTINGS_NO_RFC7540_PRIORITIES:
        if (this.noRfc7540Priorities !== undefined && this.noRfc7540Priorities !== (value === 1)) {
          throw takenBack("NO_RFC7540_PRIORITIES", "RFC 9218 2.1");
        }
        this.noRfc7540Priorities = value === 1;
        break;
      default:
        break;
    }
  }
}

function takenBack(name: string, source: string): Error {
  const message = `SETTINGS: ${name} must not be changed once it was sent (${source})`;
  return connectionError(PROTOCOL_ERROR, `SETTINGS_${name}_CHANGED`, message);
}
