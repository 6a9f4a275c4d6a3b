/** A body whose error goes through a function on its way. */

import { Adapter } from "./adapter.ts";
import type { Body } from "./body.ts";

class MapError extends Adapter {
  readonly #map: (error: unknown) => unknown;

  constructor(inner: Body, map: (error: unknown) => unknown) {
    super(inner);
    this.#map = map;
  }

  protected override translate(error: unknown): unknown {
    return this.#map(error);
  }
}

/**
 * The body with its error replaced by what `map` returns (or throws) for it. The reason of a cancellation is the reader's
 * own and is not mapped.
 */
export function mapError(body: Body, map: (error: unknown) => unknown): Body {
  return new MapError(body, map);
}
