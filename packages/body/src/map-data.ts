/** A body whose data goes through a function on its way; trailers pass as they are. */

import { Adapter } from "./adapter.ts";
import type { Body } from "./body.ts";
import { type Frame, isData } from "./frame.ts";
import { SizeHint } from "./size-hint.ts";

class MapData extends Adapter {
  readonly #map: (data: Uint8Array) => Uint8Array;

  constructor(inner: Body, map: (data: Uint8Array) => Uint8Array) {
    super(inner);
    this.#map = map;
  }

  protected override onFrame(frame: Frame): Frame {
    return isData(frame) ? this.#map(frame) : frame;
  }

  /** A chunk may become one of any size (an empty chunk too): nothing is known. */
  protected override onSizeHint(): SizeHint {
    return SizeHint.unknown;
  }
}

/** Each piece of data of `body` through `map`. What `map` throws is the body's error. The size hint becomes unknown. */
export function mapData(body: Body, map: (data: Uint8Array) => Uint8Array): Body {
  return new MapData(body, map);
}
