/**
 * Our SETTINGS: what was announced, and what of it the peer has acknowledged (RFC 9113 section 6.5.3). Acknowledgments
 * come in the order of the frames; until then the values before are in force for what the peer sends.
 */
import { PROTOCOL_ERROR } from "../frame/error-code.ts";
import { writeSettings } from "../frame/settings.ts";
import { connectionError } from "../http2-error.ts";
import type { OctetWriter } from "../octet-writer.ts";

export type SettingEntry = readonly [id: number, value: number];

const none: readonly (readonly SettingEntry[])[] = [];

export class SettingsExchange {
  readonly #writer: OctetWriter;
  /** Frames that wait for their acknowledgment, oldest first. */
  #sent: readonly (readonly SettingEntry[])[] = none;

  constructor(writer: OctetWriter) {
    this.#writer = writer;
  }

  /** Whether an acknowledgment is owed to us. */
  get isPending(): boolean {
    return this.#sent.length > 0;
  }

  /** Announces values. */
  send(entries: readonly SettingEntry[]): void {
    writeSettings(this.#writer, entries);
    // Most connections send SETTINGS once; an array that was pushed to is larger than it looks.
    this.#sent = [...this.#sent, entries];
  }

  /** The peer has acknowledged the oldest frame; its values. @throws Http2Error if there is none. */
  acknowledged(): readonly SettingEntry[] {
    const [entries, ...rest] = this.#sent;
    this.#sent = rest.length === 0 ? none : rest;
    if (entries !== undefined) return entries;
    const message = "SETTINGS: an acknowledgment must answer SETTINGS of ours, got one too many (RFC 9113 6.5.3)";
    throw connectionError(PROTOCOL_ERROR, "SETTINGS_ACK_UNEXPECTED", message);
  }
}
