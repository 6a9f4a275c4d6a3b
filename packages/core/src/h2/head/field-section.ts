/**
 * What received field sections have in common, be it of a request, of a response or behind the content: their lines
 * become a `HeaderMap`, and the first rule broken is remembered (RFC 9113 sections 8.1.1, 8.2, 8.3).
 *
 * A section takes what an `HpackDecoder` reads. Nothing can be thrown in the middle of a block, so what is wrong is told
 * when it is over; from the first problem on nothing is kept. One object serves a connection for all its sections of a
 * kind; only the map is new each time, since it leaves with the message.
 */
import { HeaderMap } from "@sluice/body";
import { quote } from "../../error.ts";
import { PROTOCOL_ERROR } from "../frame/error-code.ts";
import type { FieldSink } from "../hpack/decoder.ts";
import { SPECIAL_CONNECTION, SPECIAL_TE } from "../hpack/special-names.ts";
import {
  FIELD_NAME_INVALID,
  FIELD_PSEUDO,
  FIELD_SENSITIVE,
  FIELD_SPECIAL,
  FIELD_VALUE_INVALID,
} from "../hpack/static-table.ts";
import { type Http2Error, streamError } from "../http2-error.ts";

export interface FieldSectionOptions {
  /** The most lines that are kept; the crumbs of `cookie` are one. At most 32,768. */
  readonly maxHeaders: number;
}

export abstract class FieldSection implements FieldSink {
  /** More than `maxHeaders` lines came; what was too many is not in `headers`. */
  tooMany = false;
  readonly #maxHeaders: number;
  #headers: HeaderMap | undefined = undefined;
  /** Whether a regular field has come. */
  #regular = false;
  /** The first rule that was broken; empty while there is none. */
  #code = "";
  #message = "";

  constructor(options: FieldSectionOptions) {
    this.#maxHeaders = options.maxHeaders;
  }

  /** The regular fields; complete once the section was checked. */
  get headers(): HeaderMap {
    this.#headers ??= new HeaderMap();
    return this.#headers;
  }

  /** Prepares for the next section. */
  begin(): void {
    this.tooMany = false;
    this.#headers = undefined;
    this.#regular = false;
    this.#code = "";
    this.#message = "";
  }

  /** Lets go of a section that was dealt with: an idle connection holds no message. */
  end(): void {
    this.#headers = undefined;
  }

  field(name: string, value: string, flags: number): void {
    if (this.#code !== "") return;
    if ((flags & (FIELD_NAME_INVALID | FIELD_VALUE_INVALID)) !== 0) {
      this.#refuseField(name, flags);
      return;
    }
    const special = flags & FIELD_SPECIAL;
    if ((flags & FIELD_PSEUDO) !== 0) {
      if (this.#regular) this.#refuseLatePseudo(name);
      else this.pseudo(special, name, value);
      return;
    }
    this.#regular = true;
    if (special !== 0 && !this.special(special, name, value, flags)) return;
    const headers = this.headers;
    if (headers.size >= this.#maxHeaders) {
      this.tooMany = true;
      return;
    }
    headers.appendParsed(name, value);
    if ((flags & FIELD_SENSITIVE) !== 0) headers.setSensitiveAt(headers.size - 1, true);
  }

  /** Takes a pseudo-header field; `special` is 0 if it is unknown. */
  protected abstract pseudo(special: number, name: string, value: string): void;

  /** Looks at a field that means something; false if it is not to be kept as a line. */
  protected special(special: number, name: string, value: string, _flags: number): boolean {
    // RFC 9113 8.2.2.
    if (special === SPECIAL_CONNECTION) {
      this.refuse(
        "CONNECTION_SPECIFIC_FIELD",
        `a field section must not hold connection-specific fields, got ${quote(name)} (RFC 9113 8.2.2)`,
      );
      return false;
    }
    if (special === SPECIAL_TE && value !== "trailers" && value.toLowerCase() !== "trailers") {
      this.refuse("INVALID_TE", `te must be "trailers", got ${quote(value)} (RFC 9113 8.2.2)`);
      return false;
    }
    return true;
  }

  /** Whether no rule was broken so far. */
  protected get isGood(): boolean {
    return this.#code === "";
  }

  /** A rule was broken. */
  protected refuse(code: string, message: string): void {
    if (this.#code !== "") return;
    this.#code = code;
    this.#message = message;
  }

  /** The first problem, as the stream error that it is. */
  protected problem(streamId: number): Http2Error | undefined {
    if (this.#code === "") return undefined;
    return streamError(streamId, PROTOCOL_ERROR, this.#code, `HEADERS: ${this.#message}`);
  }

  /** RFC 9113 8.2.1. A value is not shown: it may be a credential. */
  #refuseField(name: string, flags: number): void {
    if ((flags & FIELD_NAME_INVALID) !== 0) {
      const message = `a field name must be a token in lower case, got ${quote(name)} (RFC 9113 8.2.1)`;
      this.refuse("FIELD_NAME_INVALID", message);
    } else {
      const message = "a field value must not hold control characters or start or end with a blank";
      this.refuse("FIELD_VALUE_INVALID", `${message}, got one in ${quote(name)} (RFC 9113 8.2.1)`);
    }
  }

  #refuseLatePseudo(name: string): void {
    const message = "pseudo-header fields must precede all other fields";
    this.refuse("PSEUDO_FIELD_MISPLACED", `${message}, got ${quote(name)} behind one (RFC 9113 8.3)`);
  }
}
