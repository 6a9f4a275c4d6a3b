/**
 * Sends the body of one message: pulls frames while there is room, frames them, and stops exactly where the head said.
 *
 * A body that answers synchronously costs no promise. One that is short, fails or throws can not be completed any more;
 * the owner then gives the connection up, since anything else would pass for a complete message.
 */
import { type Body, type Frame, Full, type HeaderMap, isData, isTrailers } from "@sluice/body";
import type { Driver } from "../driver/driver.ts";
import { HttpError } from "../error.ts";
import { bodyFailed, cancelQuietly, endsQuietly, isPending } from "../message/outgoing-body.ts";
import { fieldLine, type Spelling } from "./field-writer.ts";
import { CHUNKED, LENGTH, NO_CONTENT } from "./framing.ts";

export interface BodyWriterOwner {
  /** The message has been handed to the output to its last byte. */
  bodySent(): void;
  /** The message cannot be completed. */
  bodyUnsent(error: HttpError): void;
}

/** How the content is framed. */
export interface OutgoingFraming {
  readonly framing: number;
  readonly length: number;
  readonly trailerNames: ReadonlySet<string> | undefined;
}

/** Frames taken from a body that never waits, before others get their turn. */
const maxFramesPerPump = 64;

export class BodyWriter {
  /** Stopped because there was enough output. */
  stalled = false;
  /** Whether the body last started was read or cancelled; one that was not can be sent again elsewhere. */
  touched = false;
  readonly #driver: Driver;
  readonly #owner: BodyWriterOwner;
  readonly #spelling: Spelling;
  #body: Body | undefined;
  #framing: number = NO_CONTENT;
  #remaining = 0;
  #trailerNames: ReadonlySet<string> | undefined;
  /** Made when first needed: many connections never send a body that waits. */
  #onFrame: ((frame: Frame | null) => void) | undefined;
  #onError: ((error: unknown) => void) | undefined;

  constructor(driver: Driver, owner: BodyWriterOwner, spelling: Spelling) {
    this.#driver = driver;
    this.#owner = owner;
    this.#spelling = spelling;
  }

  /** Whether a body is being sent. */
  get active(): boolean {
    return this.#body !== undefined;
  }

  /** Starts to send `body` behind a head that announced `framing`. */
  start(body: Body, framing: OutgoingFraming): void {
    this.#body = body;
    this.touched = false;
    this.#framing = framing.framing;
    this.#remaining = framing.length;
    this.#trailerNames = framing.trailerNames;
    if (this.#framing === NO_CONTENT || (this.#framing === LENGTH && this.#remaining === 0)) this.#complete(body);
    else if (this.#framing === LENGTH && body instanceof Full && this.#sendText(body)) this.#complete(body);
    else this.pump();
  }

  /** Sends content that is short text along with the head, as text. */
  #sendText(body: Full): boolean {
    const text = this.#driver.congested ? undefined : body.takeText();
    if (text === undefined) return false;
    this.touched = true;
    this.#driver.output.text(text);
    return true;
  }

  /** Takes frames while there is room. */
  pump(): void {
    const body = this.#body;
    if (body === undefined) return;
    this.stalled = false;
    for (let taken = 0; this.#body === body; taken++) {
      if (taken === maxFramesPerPump || this.#driver.congested) {
        this.stalled = true;
        return;
      }
      let frame: Frame | null | Promise<Frame | null>;
      this.touched = true;
      try {
        frame = body.frame();
      } catch (error) {
        if (this.#body === body) this.#fail(error);
        return;
      }
      if (isPending(frame)) {
        this.#await(frame);
        return;
      }
      // A body may do anything when asked, even give the connection up.
      if (this.#body === body) this.#send(body, frame);
    }
  }

  /** Gives the body up. */
  cancel(reason: unknown): void {
    const body = this.#body;
    this.#body = undefined;
    this.stalled = false;
    if (body !== undefined) cancelQuietly(body, reason);
  }

  /** Lets a body that is not `touched` go as it is. */
  release(): void {
    this.#body = undefined;
    this.stalled = false;
  }

  #await(frame: Promise<Frame | null>): void {
    this.#onFrame ??= (frame) => this.#came(frame);
    this.#onError ??= (error) => this.#broke(error);
    frame.then(this.#onFrame, this.#onError);
  }

  #came(frame: Frame | null): void {
    const body = this.#body;
    if (body === undefined) return;
    this.#driver.enter();
    this.#send(body, frame);
    // With its last frame sent, another body may have been started already, and be waiting.
    if (this.#body === body) this.pump();
    this.#driver.leave();
  }

  #broke(error: unknown): void {
    if (this.#body === undefined) return;
    this.#driver.enter();
    this.#fail(error);
    this.#driver.leave();
  }

  #send(body: Body, frame: Frame | null): void {
    if (frame === null) this.#end();
    else if (isData(frame)) this.#data(body, frame);
    else if (typeof frame === "object" && isTrailers(frame)) this.#trailers(body, frame.fields);
    else this.#fail(new TypeError("a body gave something that is no frame"));
  }

  #data(body: Body, data: Uint8Array): void {
    // RFC 9112 7.1: an empty chunk would end the content.
    if (data.length === 0) return;
    const output = this.#driver.output;
    if (this.#framing === CHUNKED) {
      output.text(`${data.length.toString(16).toUpperCase()}\r\n`);
      output.bytes(data);
      output.text("\r\n");
    } else if (this.#framing === LENGTH) {
      output.bytes(data.length > this.#remaining ? data.subarray(0, this.#remaining) : data);
      this.#remaining -= Math.min(data.length, this.#remaining);
      if (this.#remaining === 0) this.#complete(body);
    } else {
      output.bytes(data);
    }
  }

  #trailers(body: Body, fields: HeaderMap): void {
    if (this.#framing !== CHUNKED) return;
    let text = "0\r\n";
    for (let i = 0; i < fields.size; i++) {
      if (this.#trailerNames?.has(fields.nameAt(i)) === true) text += fieldLine(fields, i, this.#spelling);
    }
    this.#driver.output.text(`${text}\r\n`);
    this.#complete(body);
  }

  #end(): void {
    if (this.#framing === LENGTH) {
      const message = `the body ended ${this.#remaining} bytes short of its content-length`;
      this.#fail(new HttpError("user", "BODY_TOO_SHORT", message));
      return;
    }
    if (this.#framing === CHUNKED) this.#driver.output.text("0\r\n\r\n");
    this.#body = undefined;
    this.#owner.bodySent();
  }

  /** All that can be sent has been; what the body may still hold is let go. */
  #complete(body: Body): void {
    this.#body = undefined;
    if (!endsQuietly(body)) {
      this.touched = true;
      cancelQuietly(body, undefined);
    }
    this.#owner.bodySent();
  }

  #fail(cause: unknown): void {
    const body = this.#body;
    this.#body = undefined;
    const error = bodyFailed(cause);
    if (body !== undefined) cancelQuietly(body, error);
    this.#owner.bodyUnsent(error);
  }
}
