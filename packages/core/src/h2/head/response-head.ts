/**
 * Received response heads (RFC 9113 section 8.3.2): `:status` and fields.
 */
import { quote } from "../../error.ts";
import { HttpResponse } from "../../message/response.ts";
import { SPECIAL_STATUS } from "../hpack/special-names.ts";
import type { Http2Error } from "../http2-error.ts";
import { MessageHead } from "./message-head.ts";

export class ResponseHead extends MessageHead {
  status = 0;
  protected override readonly kind: string = "a response";

  override begin(): void {
    super.begin();
    this.status = 0;
  }

  /** To be called behind the block's end: the stream error, if it broke a rule. */
  check(streamId: number): Http2Error | undefined {
    if (this.isGood && this.status === 0) this.missing(":status", "RFC 9113 8.3.2");
    return this.problem(streamId);
  }

  /** The response, without its content. */
  toResponse(): HttpResponse {
    return new HttpResponse(this.status, this.headers).withVersion("HTTP/2");
  }

  protected override take(special: number, value: string): boolean {
    if (special !== SPECIAL_STATUS) return false;
    const status = parseStatus(value);
    if (status === 0) {
      const message = `:status must be three digits from 100 to 999, got ${quote(value)} (RFC 9113 8.3.2)`;
      this.refuse("INVALID_STATUS", message);
    } else if (status === 101) {
      // There is no Upgrade in HTTP/2.
      this.refuse("INVALID_STATUS", ':status must not be 101, got "101" (RFC 9113 8.6)');
    }
    this.status = status;
    return true;
  }
}

/** The number that three digits are, the first of which is not 0; 0 for anything else. */
function parseStatus(value: string): number {
  if (value.length !== 3) return 0;
  const hundreds = value.charCodeAt(0) - 0x30;
  const tens = value.charCodeAt(1) - 0x30;
  const ones = value.charCodeAt(2) - 0x30;
  if (hundreds < 1 || hundreds > 9 || tens < 0 || tens > 9 || ones < 0 || ones > 9) return 0;
  return hundreds * 100 + tens * 10 + ones;
}
