/**
 * Received trailer sections (RFC 9113 section 8.1): fields without pseudo-header fields. None has a meaning for the
 * connection any more, whatever its name.
 */
import { quote } from "../../error.ts";
import type { Http2Error } from "../http2-error.ts";
import { FieldSection } from "./field-section.ts";

export class TrailerSection extends FieldSection {
  /** To be called behind the block's end: the stream error, if it broke a rule. */
  check(streamId: number): Http2Error | undefined {
    return this.problem(streamId);
  }

  protected override pseudo(_special: number, name: string): void {
    const message = `a trailer section must not hold pseudo-header fields, got ${quote(name)} (RFC 9113 8.1)`;
    this.refuse("PSEUDO_FIELD_FORBIDDEN", message);
  }
}
