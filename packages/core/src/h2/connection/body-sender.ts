/**
 * Sends the body of one message on a stream: takes a frame when the one before has been handed to the output, and keeps to
 * the length that the head announced.
 *
 * A body that answers synchronously costs no promise. One that is too short, too long or fails cannot be completed: the
 * owner resets the stream.
 */
import { type Body, type Frame, Full, isData, isTrailers, type Trailers } from "@sluice/body";
import { allocate, encodeLatin1Into } from "../../bytes/latin1.ts";
import { HttpError } from "../../error.ts";
import { bodyFailed, cancelQuietly, endsQuietly, isPending } from "../../message/outgoing-body.ts";
import { prepareTrailers } from "../head/outgoing-fields.ts";
import { canSend } from "../stream/state.ts";
import type { Stream } from "../stream/stream.ts";
import type { Http2Machine } from "./machine.ts";
import type { Outbound } from "./outbound.ts";

export interface BodySenderOwner {
  /** The message cannot be completed. */
  bodyUnsent(error: HttpError): void;
}

/** Frames taken from a body that never waits, before others get their turn. */
const maxFramesPerTurn = 64;

const nothing = new Uint8Array(0);

export class BodySender {
  /** Whether the body was read from or cancelled; one that was not can be sent again elsewhere. */
  touched = false;
  readonly #machine: Http2Machine;
  readonly #owner: BodySenderOwner;
  readonly #stream: Stream;
  #body: Body | undefined;
  /** Octets that are to come, or -1. */
  #remaining: number;
  /** All that the body held, if it was taken at once. */
  #whole: Uint8Array | string | undefined;
  #pumping = false;
  #waiting = false;

  /** @param length What the head said, or -1. */
  constructor(machine: Http2Machine, owner: BodySenderOwner, stream: Stream, body: Body, length: number) {
    this.#machine = machine;
    this.#owner = owner;
    this.#stream = stream;
    this.#body = body;
    this.#remaining = length;
  }

  /** Whether a body is being sent. */
  get isActive(): boolean {
    return this.#body !== undefined;
  }

  /** Begins to send. */
  start(): void {
    const body = this.#body;
    if (body instanceof Full && this.#remaining > 0) {
      this.touched = true;
      this.#body = undefined;
      this.#whole = sendWhole(this.#machine.outbound, this.#stream, body);
    } else {
      this.pump();
    }
  }

  /** Takes frames while they can be sent at once, and one more. */
  pump(): void {
    if (this.#pumping || this.#waiting) return;
    this.#pumping = true;
    this.#takeFrames();
    this.#pumping = false;
  }

  /** What a body that was taken as a whole held, so that it can be sent once more; given once. */
  takeBack(): Uint8Array | string | undefined {
    const whole = this.#whole;
    this.#whole = undefined;
    return whole;
  }

  /** Gives the body up. */
  cancel(reason: unknown): void {
    const body = this.#body;
    this.#body = undefined;
    if (body === undefined) return;
    this.touched = true;
    cancelQuietly(body, reason);
  }

  #takeFrames(): void {
    for (let taken = 0; this.#body !== undefined && this.#stream.outBytes === 0; taken++) {
      if (taken === maxFramesPerTurn) {
        this.#machine.outbound.rest(this.#stream);
        return;
      }
      const body = this.#body;
      let frame: Frame | null | Promise<Frame | null>;
      this.touched = true;
      try {
        frame = body.frame();
      } catch (error) {
        if (this.#body === body) this.#fail(error);
        return;
      }
      if (isPending(frame)) {
        this.#wait(frame);
        return;
      }
      // A body may do anything when asked, even reset its stream.
      if (this.#body === body) this.#send(body, frame);
    }
  }

  #wait(frame: Promise<Frame | null>): void {
    this.#waiting = true;
    this.#machine.awaited++;
    frame.then(
      (given) => this.#given(given),
      (error) => this.#refused(error),
    );
  }

  #given(frame: Frame | null): void {
    this.#machine.enter();
    this.#settled();
    if (this.#body !== undefined) {
      this.#send(this.#body, frame);
      this.pump();
    }
    this.#machine.leave();
  }

  #refused(error: unknown): void {
    this.#machine.enter();
    this.#settled();
    if (this.#body !== undefined) this.#fail(error);
    this.#machine.leave();
  }

  #settled(): void {
    this.#waiting = false;
    this.#machine.awaited--;
  }

  #send(body: Body, frame: Frame | null): void {
    if (frame === null) this.#end();
    else if (isData(frame)) this.#data(body, frame);
    else if (typeof frame === "object" && isTrailers(frame)) this.#trailers(body, frame);
    else this.#fail(new TypeError("a body gave something that is no frame"));
  }

  #data(body: Body, data: Uint8Array): void {
    const count = data.length;
    if (count === 0) return;
    let last = false;
    if (this.#remaining >= 0) {
      if (count > this.#remaining) {
        const message = `the body is longer than its content-length, by at least ${count - this.#remaining} bytes`;
        this.#fail(new HttpError("user", "BODY_TOO_LONG", message));
        return;
      }
      this.#remaining -= count;
      // Whoever announces trailers sends a length seldom; then the end comes with the content.
      last = this.#remaining === 0 && endsQuietly(body);
    }
    if (last) this.#body = undefined;
    this.#machine.outbound.data(this.#stream, data, last);
  }

  #trailers(body: Body, trailers: Trailers): void {
    if (this.#remaining > 0) {
      this.#tooShort();
      return;
    }
    this.#body = undefined;
    const fields = prepareTrailers(trailers.fields, "strip");
    const { outbound } = this.#machine;
    if (fields.size === 0) outbound.data(this.#stream, nothing, true);
    else outbound.trailers(this.#stream, fields);
    if (!endsQuietly(body)) cancelQuietly(body, undefined);
  }

  #end(): void {
    if (this.#remaining > 0) {
      this.#tooShort();
      return;
    }
    this.#body = undefined;
    if (canSend(this.#stream.state)) this.#machine.outbound.data(this.#stream, nothing, true);
  }

  #tooShort(): void {
    const message = `the body ended ${this.#remaining} bytes short of its content-length`;
    this.#fail(new HttpError("user", "BODY_TOO_SHORT", message));
  }

  #fail(cause: unknown): void {
    const body = this.#body;
    this.#body = undefined;
    const error = bodyFailed(cause);
    if (body !== undefined) cancelQuietly(body, error);
    this.#owner.bodyUnsent(error);
  }
}

/** Sends all of a body that has octets and has them at hand, and the end behind it. Returns what it held. */
export function sendWhole(outbound: Outbound, stream: Stream, body: Full): Uint8Array | string {
  const whole = body.takeText() ?? body.intoInner() ?? nothing;
  if (typeof whole !== "string") outbound.data(stream, whole, true);
  else if (!outbound.text(stream, whole)) outbound.data(stream, octetsOf(whole), true);
  return whole;
}

function octetsOf(text: string): Uint8Array {
  const octets = allocate(text.length);
  encodeLatin1Into(text, octets, 0);
  return octets;
}
