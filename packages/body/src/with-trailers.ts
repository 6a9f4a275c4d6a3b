/**
 * A body with trailers of one's own after its data, such as a checksum known only at the end. Trailers of the body itself
 * are kept: both arrive in one frame, the body's first (RFC 9110 section 6.5).
 */

import { Adapter } from "./adapter.ts";
import type { Body } from "./body.ts";
import { type Frame, isData, Trailers, toTrailers } from "./frame.ts";
import type { HeaderMap } from "./header-map.ts";
import { isPromise } from "./is-promise.ts";

/** Trailers, or what makes them once all data has been given; `null` for none. */
export type TrailersSource = HeaderMap | Trailers | (() => HeaderMap | null | Promise<HeaderMap | null>);

class WithTrailers extends Adapter {
  /** Makes the trailers; gone once it was called. */
  #make: (() => HeaderMap | null | Promise<HeaderMap | null>) | undefined;

  constructor(inner: Body, source: TrailersSource) {
    super(inner);
    if (typeof source === "function") {
      this.#make = source;
    } else {
      const { fields } = toTrailers(source);
      this.#make = () => fields;
    }
  }

  protected override accept(frame: Frame | null): Frame | null | Promise<Frame | null> {
    return frame === null || isData(frame) ? super.accept(frame) : this.#append(frame);
  }

  protected override onEnd(): Frame | null | Promise<Frame | null> {
    return this.#append(null);
  }

  override isEndStream(): boolean {
    return this.#make === undefined || this.isOver ? super.isEndStream() : false;
  }

  #append(before: Trailers | null): Frame | null | Promise<Frame | null> {
    const make = this.#make;
    if (make === undefined) return before;
    this.#make = undefined;
    const own = make();
    return isPromise(own) ? own.then((fields) => merge(before, fields)) : merge(before, own);
  }
}

function merge(before: Trailers | null, own: HeaderMap | null): Trailers | null {
  if (own === null || own.size === 0) return before;
  return new Trailers(before === null ? own : before.fields.clone().extend(own));
}

/**
 * `body` followed by trailers. A function is called once, when the data has been given and the trailers are asked for;
 * what it throws or rejects with is the body's error. The maps given are not changed.
 *
 * Throws `TypeError` when `trailers` is neither a `HeaderMap`, `Trailers`, nor a function.
 */
export function withTrailers(body: Body, trailers: TrailersSource): Body {
  return new WithTrailers(body, trailers);
}
