/** A body whose frames go through a function on their way. */

import { Adapter } from "./adapter.ts";
import type { Body } from "./body.ts";
import type { Frame } from "./frame.ts";
import { SizeHint } from "./size-hint.ts";

class MapFrames extends Adapter {
  readonly #map: (frame: Frame) => Frame;

  constructor(inner: Body, map: (frame: Frame) => Frame) {
    super(inner);
    this.#map = map;
  }

  protected override onFrame(frame: Frame): Frame {
    return this.#map(frame);
  }

  /** A frame may become one of any size, trailers may become data: nothing is known. */
  protected override onSizeHint(): SizeHint {
    return SizeHint.unknown;
  }
}

/** Each frame of `body` through `map`. What `map` throws is the body's error. The size hint becomes unknown. */
export function mapFrames(body: Body, map: (frame: Frame) => Frame): Body {
  return new MapFrames(body, map);
}
