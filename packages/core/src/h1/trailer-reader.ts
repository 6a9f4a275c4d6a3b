/**
 * Reads the trailer section behind the last chunk (RFC 9112 section 7.1.2). Every field is passed on as data; none has a
 * role any more, whatever its name.
 */
import { HeaderMap } from "@sluice/body";
import { HttpError } from "../error.ts";
import type { KnownName } from "./field-roles.ts";
import type { Leniency } from "./leniency.ts";
import { SectionReader } from "./section-reader.ts";

export class TrailerReader extends SectionReader {
  readonly fields: HeaderMap = new HeaderMap();
  readonly #maxHeaders: number;
  readonly #preserveCase: boolean;

  constructor(leniency: Leniency, maxBytes: number, maxHeaders: number, preserveCase: boolean) {
    super(leniency, maxBytes, "end");
    this.#maxHeaders = maxHeaders;
    this.#preserveCase = preserveCase;
  }

  protected override line(text: string, start: number, end: number): void {
    this.fieldLine(text, start, end);
  }

  protected override field(field: KnownName, value: string, spelling: string): void {
    if (this.fields.size >= this.#maxHeaders) {
      throw new HttpError("limit", "TOO_MANY_TRAILERS", `more than ${this.#maxHeaders} trailer lines`, { status: 431 });
    }
    this.fields.appendParsed(field.name, value, this.#preserveCase ? spelling : undefined);
  }

  protected override tooLarge(maxBytes: number): HttpError {
    return new HttpError("limit", "TRAILERS_TOO_LARGE", `trailer section exceeds ${maxBytes} bytes`, { status: 431 });
  }
}
