/**
 * A body of which the first frame was asked for before its reader came.
 */
import { BaseBody, type Body, type Frame, isData, SizeHint } from "@sluice/body";

type Asked = ReturnType<Body["frame"]>;

class ReadAhead extends BaseBody {
  readonly #body: Body;
  #first: Asked | undefined;

  constructor(body: Body, first: Asked) {
    super();
    this.#body = body;
    this.#first = first;
  }

  override frame(): Asked {
    const first = this.#first;
    if (first === undefined) return this.#body.frame();
    this.#first = undefined;
    return first;
  }

  override isEndStream(): boolean {
    return this.#first === undefined && this.#body.isEndStream();
  }

  override sizeHint(): SizeHint {
    if (this.#first === undefined) return this.#body.sizeHint();
    const held =
      this.#first !== null && !("then" in this.#first) && isData(this.#first) ? this.#first.length : undefined;
    return held === undefined ? SizeHint.unknown : this.#body.sizeHint().add(SizeHint.exact(held));
  }

  override cancel(reason?: unknown): void {
    // A frame that has come is given up as those that will not come.
    if (this.#first !== undefined && !isPromise(this.#first)) this.#first = undefined;
    this.#body.cancel(reason);
  }
}

/**
 * Asks `body` for its first frame at once, so that content that came with its head frees the connection whether it is read or not.
 * @returns the bytes, if that was all of it; otherwise a body that holds at most that one frame.
 */
export function readAhead(body: Body): Uint8Array | Body {
  const first = body.frame();
  if (isPromise(first)) first.catch(() => {});
  else if (first !== null && isData(first) && body.isEndStream()) return first;
  else if (first === null) return new Uint8Array(0);
  return new ReadAhead(body, first);
}

function isPromise(asked: Asked): asked is Promise<Frame | null> {
  return asked !== null && "then" in asked;
}
