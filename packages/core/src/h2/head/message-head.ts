/**
 * What heads of requests and responses have in common: pseudo-header fields, each at most once, and Content-Length.
 */
import { quote } from "../../error.ts";
import { SPECIAL_CONTENT_LENGTH } from "../hpack/special-names.ts";
import { parseContentLength } from "./content-length.ts";
import { FieldSection } from "./field-section.ts";

/** The bit of a pseudo-header field, by its `SPECIAL_` constant. */
export function pseudoBit(special: number): number {
  return 1 << (special >> 4);
}

export abstract class MessageHead extends FieldSection {
  /** The value of Content-Length, or -1 without one. */
  contentLength = -1;
  /** The pseudo-header fields that have come, as their bits. */
  protected seen = 0;

  override begin(): void {
    super.begin();
    this.contentLength = -1;
    this.seen = 0;
  }

  protected override pseudo(special: number, name: string, value: string): void {
    const bit = pseudoBit(special);
    if ((this.seen & bit) !== 0) {
      // RFC 9113 8.3.
      this.refuse("PSEUDO_FIELD_REPEATED", `${name} must come only once, got another (RFC 9113 8.3)`);
      return;
    }
    if (this.take(special, value)) {
      this.seen |= bit;
      return;
    }
    if (special === 0) {
      this.refuse("PSEUDO_FIELD_UNKNOWN", `pseudo-header fields must be known ones, got ${quote(name)} (RFC 9113 8.3)`);
    } else {
      const message = `pseudo-header fields must be those of ${this.kind}, got ${quote(name)}`;
      this.refuse("PSEUDO_FIELD_FORBIDDEN", `${message} (RFC 9113 8.3)`);
    }
  }

  /** Takes a pseudo-header field that comes for the first time; false if this kind of head has none such. */
  protected abstract take(special: number, value: string): boolean;

  /** In a message, what this is the head of. */
  protected abstract readonly kind: string;

  protected override special(special: number, name: string, value: string, flags: number): boolean {
    if (special === SPECIAL_CONTENT_LENGTH) return this.#takeContentLength(value);
    return super.special(special, name, value, flags);
  }

  protected missing(name: string, section: string): void {
    this.refuse("PSEUDO_FIELD_MISSING", `${this.kind} must have ${name}, got none (${section})`);
  }

  /** RFC 9110 8.6. The same number again is dropped, another one is a smuggling attempt. */
  #takeContentLength(value: string): boolean {
    const length = parseContentLength(value);
    if (length < 0) {
      const message = `content-length must be a number of at most 2^53-1, got ${quote(value)} (RFC 9113 8.1.1)`;
      this.refuse("CONTENT_LENGTH_INVALID", message);
      return false;
    }
    if (this.contentLength < 0) {
      this.contentLength = length;
      return true;
    }
    if (this.contentLength !== length) {
      const message = `content-length must be one number, got ${this.contentLength} and ${length} (RFC 9113 8.1.1)`;
      this.refuse("CONTENT_LENGTH_INVALID", message);
    }
    return false;
  }
}
