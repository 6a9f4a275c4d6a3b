/**
 * How many bytes of content a message has: known from its head, or counted as they pass, in which case they may be known
 * only after everything else is over.
 */
import { type Body, inspect, isData } from "@sluice/body";
import type { HttpRequest, HttpResponse } from "@sluice/core";
import { hasNoContent } from "../middleware/watch-response.ts";

export class ByteCount {
  #bytes = 0;
  #isKnown = false;
  #tell: ((bytes: number) => void) | undefined;

  /** Known beforehand. */
  set(bytes: number | undefined): void {
    if (bytes === undefined) return;
    this.#bytes = bytes;
    this.#known();
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Everything was counted; or not, because of `error`. */
  end(error?: unknown): void {
    if (error === undefined && !this.#isKnown) this.#known();
  }

  /** Calls `tell` with the number, now or once it is known; never, if it does not become known. */
  whenKnown(tell: (bytes: number) => void): void {
    if (this.#isKnown) tell(this.#bytes);
    else this.#tell = tell;
  }

  #known(): void {
    this.#isKnown = true;
    const tell = this.#tell;
    this.#tell = undefined;
    tell?.(this.#bytes);
  }
}

/** The length that a body promises; 0 for one at its end. */
export function declaredBytes(body: Body): number | undefined {
  return body.isEndStream() ? 0 : body.sizeHint().exact;
}

/** The length that the head of a response promises, for a client that has not got its body yet. */
export function declaredResponseBytes(request: HttpRequest, response: HttpResponse): number | undefined {
  if (hasNoContent(request, response)) return 0;
  const length = response.headers.get("content-length");
  if (length !== undefined && /^[0-9]{1,15}$/.test(length)) return Number(length);
  return undefined;
}

/**
 * `body`, counted into what `count` gives at each frame. One whose length is known stays as it is, so that what makes it cheap
 * to send, or possible to send again, is not lost.
 */
export function counted(body: Body, count: () => ByteCount): Body {
  const declared = declaredBytes(body);
  if (declared !== undefined) {
    count().set(declared);
    return body;
  }
  return inspect(body, {
    onFrame: (frame) => {
      if (isData(frame)) count().add(frame.byteLength);
      if (body.isEndStream()) count().end();
    },
    onEnd: () => count().end(),
  });
}
