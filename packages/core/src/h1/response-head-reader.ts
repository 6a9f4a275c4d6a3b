/**
 * Reads response heads (RFC 9112 section 4).
 */
import type { ReadBuffer } from "../bytes/read-buffer.ts";
import { HttpError, quote } from "../error.ts";
import { type HeadOptions, HeadReader, TRANSFER_NONE } from "./head-reader.ts";

export class ResponseHeadReader extends HeadReader {
  status = 0;
  reason = "";

  constructor(options: HeadOptions) {
    super(options, "take");
  }

  /**
   * Takes what `buffer` holds; true when the head is complete and acceptable.
   * @throws HttpError kind `parse`, `protocol` or `limit`.
   */
  override read(buffer: ReadBuffer): boolean {
    if (!super.read(buffer)) return false;
    if (this.transferEncoding !== TRANSFER_NONE && this.minorVersion === 0) {
      // RFC 9112 6.1: the framing of an HTTP/1.0 message with Transfer-Encoding is faulty.
      throw new HttpError("parse", "TRANSFER_ENCODING_UNEXPECTED", "Transfer-Encoding in HTTP/1.0 (RFC 9112 6.1)");
    }
    this.settleFraming();
    return true;
  }

  protected override startLine(text: string, start: number, end: number): void {
    const version = text.slice(start, start + 9);
    const minor = version === "HTTP/1.1 " ? 1 : this.#readVersion(text.slice(start, end), version);
    const statusStart = start + 9;
    const digits = text.slice(statusStart, Math.min(end, statusStart + 3));
    // RFC 9112 4: three digits and a space, which some senders leave out when the reason phrase is empty.
    const separated = end === statusStart + 3 || text.charCodeAt(statusStart + 3) === 0x20;
    if (!/^[1-9][0-9]{2}$/.test(digits) || !separated) {
      const message = `status must be three digits from 100 to 999 (RFC 9112 4), got ${quote(text.slice(start, end))}`;
      throw new HttpError("parse", "INVALID_STATUS", message);
    }
    this.minorVersion = minor;
    this.status = Number(digits);
    this.reason = text.slice(Math.min(end, statusStart + 4), end);
  }

  #readVersion(line: string, version: string): number {
    const match = /^HTTP\/([0-9])\.([0-9]) $/.exec(version);
    if (match === null) {
      const message = `status line must start with "HTTP/1.x SP" (RFC 9112 4), got ${quote(line)}`;
      throw new HttpError("parse", "INVALID_STATUS_LINE", message);
    }
    if (match[1] !== "1") {
      throw new HttpError("parse", "VERSION", `major version must be 1, got ${quote(version.trim())}`);
    }
    return match[2] === "0" ? 0 : 1;
  }
}
